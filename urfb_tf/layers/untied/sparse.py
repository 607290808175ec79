"""Untied layers as `tf.sparse` matrices: the form of the original implementation, for comparison and for checking.

Its update gathers one number per example and connection: memory and time grow with batch times connections.
"""

import numpy as np
import tensorflow as tf

from urfb_tf.layers.untied.locality import Locality
from urfb_tf.layers.untied.products import take_along


class SparseMatrix:
    """One sparse matrix [P F, Q Cin] of all connections between Q pixels of Cin channels and P locations of F filters.

    Args:
        locality: which connections exist; S pairs of locations and pixels.
        channels: Cin.
        filters: F.
    """

    def __init__(self, locality: Locality, channels: int, filters: int):
        self.channels, self.filters = channels, filters
        self.size, self.output_size = locality.size, locality.output_size
        pairs = locality.pairs
        self.pairs = len(pairs)
        shape = (len(pairs), channels, filters)
        rows = np.broadcast_to(pairs.location[:, None, None] * filters + np.arange(filters), shape)
        columns = np.broadcast_to(pairs.pixel[:, None, None] * channels + np.arange(channels)[:, None], shape)
        self._shape = [self.output_size[0] * self.output_size[1] * filters, self.size[0] * self.size[1] * channels]
        with tf.init_scope():
            self._rows = tf.constant(rows.reshape(-1), tf.int64)  # [S Cin F]
            self._columns = tf.constant(columns.reshape(-1), tf.int64)
            self._indices = tf.stack([self._rows, self._columns], axis=1)

    def arrange_inputs(self, x: tf.Tensor) -> tf.Tensor:
        """[B, H, W, Cin] -> [Q Cin, B]."""
        return tf.transpose(tf.reshape(x, [-1, self._shape[1]]))

    def arrange_errors(self, error: tf.Tensor) -> tf.Tensor:
        """[B, H', W', F] -> [P F, B]."""
        return tf.transpose(tf.reshape(error, [-1, self._shape[0]]))

    def forward(self, inputs: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        """Arranged inputs and W [S, Cin, F] -> fields [B, H', W', F]."""
        take_along(self._rows, self._columns)
        fields = tf.sparse.sparse_dense_matmul(self._matrix(weights), inputs)  # [P F, B]
        return tf.reshape(tf.transpose(fields), [-1, *self.output_size, self.filters])

    def pull_back(self, errors: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        """Arranged errors and R [S, Cin, F] -> [B, H, W, Cin]."""
        down = tf.sparse.sparse_dense_matmul(self._matrix(weights), errors, adjoint_a=True)  # [Q Cin, B]
        return tf.reshape(tf.transpose(down), [-1, *self.size, self.channels])

    def correlate(self, inputs: tf.Tensor, errors: tf.Tensor) -> tf.Tensor:
        """Arranged inputs and errors -> the Hebbian products, summed over the batch, [S, Cin, F]."""
        products = tf.gather(inputs, self._columns) * tf.gather(errors, self._rows)  # [S Cin F, B]
        return tf.reshape(tf.reduce_sum(products, axis=1), [self.pairs, self.channels, self.filters])

    def _matrix(self, weights: tf.Tensor) -> tf.SparseTensor:
        return tf.SparseTensor(self._indices, tf.reshape(weights, [-1]), self._shape)
