"""Max pooling as the original implementation did it: zeros join at the border, and all tied pixels learn."""

import keras
import numpy as np
import tensorflow as tf

from urfb_tf.errors import ArgumentError
from urfb_tf.layers.windows import pair


@keras.saving.register_keras_serializable("urfb_tf")
class TiedMaxPooling2D(keras.layers.Layer):
    """Max pooling in which every pixel that attains a window's maximum receives that window's whole error.

    A saturated linearity sends many pixels to exactly 1, so that ties are the rule, and Keras' `MaxPooling2D`, which
    picks one winner, hands down another error. Windows start at 0, s, 2s, ..; those that reach past the bottom or right
    border see zeros there. [B, H, W, C] gives [B, ceil(H/s), ceil(W/s), C].

    Args:
        pool_size: an integer or a pair, >= 1.
        strides: likewise; at most `pool_size`.
        **kwargs: those of every Keras layer.

    Raises:
        ArgumentError: if the sizes are out of range, or the input is not [B, H, W, C] with fixed H, W and C.
    """

    def __init__(self, pool_size=3, strides=2, **kwargs):
        super().__init__(**kwargs)
        self.pool_size = pair(pool_size, "pool_size")
        self.strides = pair(strides, "strides")
        if any(s > k for s, k in zip(self.strides, self.pool_size, strict=True)):
            raise ArgumentError(f"strides {self.strides} above pool_size {self.pool_size} would skip pixels.")

    def build(self, input_shape):
        if len(input_shape) != 4 or None in tuple(input_shape)[1:]:
            raise ArgumentError(
                f"TiedMaxPooling2D '{self.name}' needs inputs [batch, height, width, channels] of fixed size, "
                f"but got {tuple(input_shape)}."
            )
        self._size = tuple(input_shape)[1:]
        self.built = True

    def call(self, inputs):
        if None in inputs.shape[1:]:  # as of a dataset that does not say
            inputs = tf.ensure_shape(inputs, [None, *self._size])
        _, height, width, _ = inputs.shape
        windows = [-(-size // s) for size, s in zip((height, width), self.strides, strict=True)]
        reach = [(n - 1) * s + k for n, s, k in zip(windows, self.strides, self.pool_size, strict=True)]
        border = [max(r - size, 0) for r, size in zip(reach, (height, width), strict=True)]

        @tf.custom_gradient
        def pool(x):  # [B, H, W, C]
            maximum = _with_zeros(x, self.pool_size, self.strides, border)  # [B, H', W', C]
            return maximum, lambda error: _to_tied(x, maximum, error, self.pool_size, self.strides)

        return pool(inputs)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, -(-height // self.strides[0]), -(-width // self.strides[1]), channels)

    def get_config(self) -> dict:
        return {**super().get_config(), "pool_size": self.pool_size, "strides": self.strides}


def _with_zeros(x: tf.Tensor, pool_size, strides, border) -> tf.Tensor:
    """The maxima of all windows, where so many rows of zeros below and columns of zeros to the right join in."""
    if max(border) > 1:  # "SAME" would put some of them above or to the left
        padded = tf.pad(x, [[0, 0], [0, border[0]], [0, border[1]], [0, 0]])
        return tf.nn.max_pool2d(padded, pool_size, strides, "VALID")
    maximum = tf.nn.max_pool2d(x, pool_size, strides, "SAME")  # [B, H', W', C], of the pixels alone
    if not any(border):
        return maximum
    # Zeros in the last row or column of maxima; a padded copy of all pixels takes as long as finding the maxima.
    edge = np.full([*maximum.shape[1:3], 1], -np.inf)
    edge[maximum.shape[1] - border[0] :] = 0
    edge[:, maximum.shape[2] - border[1] :] = 0
    return tf.maximum(maximum, tf.cast(edge, x.dtype))


# Compiled by XLA wherever it runs: op by op this is bound by memory traffic, four times slower on a CPU.
@tf.function(jit_compile=True, autograph=False)
def _to_tied(x: tf.Tensor, maximum: tf.Tensor, error: tf.Tensor, pool_size, strides) -> tf.Tensor:
    """Each window's error on every pixel of the window that equals its maximum; overlaps add up."""
    (kh, kw), (sh, sw) = pool_size, strides
    _, height, width, channels = x.shape
    _, rows, columns, _ = maximum.shape
    more_h, more_w = (kh - 1) // sh, (kw - 1) // sw  # windows overhang by so many strides
    full_h, full_w = (rows + more_h) * sh, (columns + more_w) * sw
    padded = tf.pad(x, [[0, 0], [0, full_h - height], [0, full_w - width], [0, 0]])
    cells = tf.reshape(padded, [-1, rows + more_h, sh, columns + more_w, sw, channels])
    zero = tf.zeros([], error.dtype)
    sums: dict[tuple[int, int], tf.Tensor] = {}  # by pixel position within a stride: [B, rows+, columns+, C]
    for i in range(kh):
        for j in range(kw):
            (down, row), (right, column) = divmod(i, sh), divmod(j, sw)
            pixel = cells[:, down : down + rows, row, right : right + columns, column]
            share = tf.where(tf.equal(pixel, maximum), error, zero)  # [B, H', W', C]
            placed = tf.pad(share, [[0, 0], [down, more_h - down], [right, more_w - right], [0, 0]])
            sums[row, column] = sums[row, column] + placed if (row, column) in sums else placed
    lines = [tf.stack([sums[row, column] for column in range(sw)], axis=3) for row in range(sh)]
    grid = tf.reshape(tf.stack(lines, axis=2), [-1, full_h, full_w, channels])
    return grid[:, :height, :width]
