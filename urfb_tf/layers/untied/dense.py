"""Untied layers as batched matrix products over patches: the fast form, and the default.

Patches are stored with the batch last, so that collecting one copies rows of B numbers. No array grows with batch times
connections: patches lack the factor of the filters. Where filters are few, two locations side by side share a product:
the patch is the union of theirs, and its matrix holds zeros where a location does not reach. Patches shrink by a third,
which outweighs the products with zero.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from urfb_tf.layers.untied.locality import Locality
from urfb_tf.layers.untied.products import take_along


class DenseLocal:
    """The three products of an untied layer, each [B, U Cin] times [U Cin, span F] once per strip of `span` locations.

    Args:
        locality: which connections exist; S pairs of P output locations and Q input pixels.
        channels: Cin.
        filters: F.
    """

    def __init__(self, locality: Locality, channels: int, filters: int):
        self.channels, self.filters = channels, filters
        self.size, self.output_size = locality.size, locality.output_size
        # Measured: from 64 filters on, larger matrices cost more than smaller patches save.
        self.span = 2 if filters <= 32 and self.output_size[1] % 2 == 0 else 1
        tables = _tables(locality, self.span)
        self.strips, self.reach = tables.pixels.shape  # T, U
        # Eager tensors even if a graph is being traced: graphs then share them instead of each storing a copy.
        with tf.init_scope():
            self._pixels, self._slices, self._places, self._receivers = (tf.constant(t, tf.int32) for t in tables)

    def arrange_inputs(self, x: tf.Tensor) -> tf.Tensor:
        """[B, H, W, Cin] -> patches [T, U Cin, B]."""
        x = tf.reshape(x, [-1, self.size[0] * self.size[1] * self.channels])
        rows = tf.reshape(tf.transpose(x), [-1, self.channels, tf.shape(x)[0]])  # [Q, Cin, B]
        return tf.reshape(tf.gather(rows, self._pixels), [self.strips, self.reach * self.channels, tf.shape(x)[0]])

    def arrange_errors(self, error: tf.Tensor) -> tf.Tensor:
        """[B, H', W', F] -> [T, B, span F]."""
        return tf.transpose(tf.reshape(error, [-1, self.strips, self.span * self.filters]), [1, 0, 2])

    def forward(self, patches: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        """Patches and W [S, Cin, F] -> fields [B, H', W', F]."""
        take_along(self._places, self._receivers)
        fields = tf.matmul(patches, self._matrices(weights), transpose_a=True)  # [T, B, span F]
        return tf.reshape(tf.transpose(fields, [1, 0, 2]), [-1, *self.output_size, self.filters])

    def pull_back(self, errors: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        """Arranged errors and R [S, Cin, F] -> [B, H, W, Cin]."""
        shares = tf.matmul(self._matrices(weights), errors, transpose_b=True)  # [T, U Cin, B]
        shares = tf.reshape(shares, [self.strips * self.reach, self.channels, tf.shape(errors)[1]])
        down = _collect(shares, self._receivers)  # [Q, Cin, B]
        down = tf.transpose(tf.reshape(down, [self.size[0] * self.size[1] * self.channels, tf.shape(errors)[1]]))
        return tf.reshape(down, [-1, *self.size, self.channels])

    def correlate(self, patches: tf.Tensor, errors: tf.Tensor) -> tf.Tensor:
        """Patches and arranged errors -> the Hebbian products, summed over the batch, [S, Cin, F]."""
        products = tf.matmul(patches, errors)  # [T, U Cin, span F]
        if self.span > 1:
            products = tf.reshape(products, [-1, self.channels, self.span, self.filters])
            products = tf.transpose(products, [0, 2, 1, 3])  # [T U, span, Cin, F]
        return tf.gather(tf.reshape(products, [-1, self.channels, self.filters]), self._places)

    def _matrices(self, weights: tf.Tensor) -> tf.Tensor:
        """[S, Cin, F] -> [T, U Cin, span F], with zeros where there is no connection."""
        weights = tf.concat([weights, tf.zeros_like(weights[:1])], 0)
        blocks = tf.gather(weights, self._slices)  # [T, U, span, Cin, F]
        if self.span > 1:
            blocks = tf.transpose(blocks, [0, 1, 3, 2, 4])
        return tf.reshape(blocks, [self.strips, self.reach * self.channels, self.span * self.filters])


# Compiled by XLA wherever it runs: op by op, the gathered shares would be written out before they are added.
@tf.function(jit_compile=True, autograph=False)
def _collect(shares: tf.Tensor, receivers: tf.Tensor) -> tf.Tensor:
    """The sum of the shares that each pixel receives: [N, Cin, B], [Q, most] -> [Q, Cin, B]; share N is 0."""
    shares = tf.concat([shares, tf.zeros_like(shares[:1])], 0)
    return tf.reduce_sum(tf.gather(shares, receivers), 1)


class _Tables(NamedTuple):
    """What stands where in the products.

    Attributes:
        pixels: under each place of a strip's patch, int [T, U]. Outside the image any pixel: its matrix row is 0.
        slices: of the weights, that connect each place with each location of its strip, int [T, U, span]; S for none.
        places: where each slice stands in `slices`, flattened, int [S].
        receivers: the places, flattened, from which each pixel collects its error, int [Q, most]; T U for none.
    """

    pixels: np.ndarray
    slices: np.ndarray
    places: np.ndarray
    receivers: np.ndarray


def _tables(locality: Locality, span: int) -> _Tables:
    pairs, (rows, columns), step = locality.pairs, locality.kernel_size, locality.strides[1]
    columns_of_strip = (span - 1) * step + columns
    reach = rows * columns_of_strip
    strips = locality.output_size[0] * locality.output_size[1] // span
    strip, within = np.divmod(pairs.location, span)
    row, column = np.divmod(pairs.offset, columns)
    place = strip * reach + row * columns_of_strip + column + within * step
    pixels = np.zeros(strips * reach, np.int64)
    pixels[place] = pairs.pixel
    slices = np.full(strips * reach * span, len(pairs), np.int64)
    slices[place * span + within] = np.arange(len(pairs))
    shared = np.unique(place)  # by the locations of a strip
    receivers = _grouped(pixels[shared], shared, groups=locality.size[0] * locality.size[1], nothing=strips * reach)
    return _Tables(pixels.reshape(strips, reach), slices.reshape(strips, reach, span), place * span + within, receivers)


def _grouped(group: np.ndarray, member: np.ndarray, *, groups: int, nothing: int) -> np.ndarray:
    """The members of each group in a row, int [groups, most], rows filled up with `nothing`."""
    order = np.argsort(group, kind="stable")
    group, member = group[order], member[order]
    counts = np.bincount(group, minlength=groups)
    rank = np.arange(len(group)) - np.repeat(np.cumsum(counts) - counts, counts)
    table = np.full((groups, counts.max()), nothing)
    table[group, rank] = member
    return table
