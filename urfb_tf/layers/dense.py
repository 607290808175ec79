"""The fully connected layer with a feedback rule."""

import keras
import tensorflow as tf

from urfb_tf.errors import ArgumentError, is_whole
from urfb_tf.layers.base import FeedbackLayer


@keras.saving.register_keras_serializable("urfb_tf")
class FeedbackDense(FeedbackLayer):
    """Fully connected: h = x W, the error travelling down through R (equations (6) and (7)).

    Takes [..., D], gives [..., units]. W and R are both stored as [D, units]; the paper's R_{l,ji} is `feedback[j, i]`.

    Args:
        units: the number of output units, >= 1.
        **kwargs: those of `FeedbackLayer` and of every Keras layer.

    Raises:
        ArgumentError: if `units` is not a positive integer, or the input has no fixed last dimension.
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        if not is_whole(units, 1):
            raise ArgumentError(f"FeedbackDense needs a whole number of units >= 1, but got {units!r}.")
        self.units = units
        self.supports_masking = True  # each place has an output of its own, as in Keras' Dense

    def build(self, input_shape):
        if len(input_shape) < 2 or input_shape[-1] is None:
            raise ArgumentError(
                f"FeedbackDense '{self.name}' needs inputs [batch, ..., features] with a fixed number of features, "
                f"but got {tuple(input_shape)}."
            )
        self._add_connections((int(input_shape[-1]), self.units), (self.units,))
        self.input_spec = keras.layers.InputSpec(min_ndim=2, axes={-1: int(input_shape[-1])})
        self.built = True

    def _forward(self, inputs, weights):
        return tf.matmul(inputs, weights) if inputs.shape.rank == 2 else tf.tensordot(inputs, weights, 1)

    def _pull_back(self, error, weights, inputs):
        if error.shape.rank == 2:
            return tf.matmul(error, weights, transpose_b=True)  # [B, D]
        rows = tf.reshape(error, [-1, self.units])  # [N, units]
        return tf.reshape(tf.matmul(rows, weights, transpose_b=True), tf.shape(inputs))  # [..., D]

    def _correlate(self, inputs, error):
        rows = tf.reshape(inputs, [-1, self.kernel.shape[0]])  # [N, D]
        errors = tf.reshape(error, [-1, self.units])  # [N, units]
        return tf.matmul(rows, errors, transpose_a=True)  # [D, units]

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict:
        return {**super().get_config(), "units": self.units}
