"""The saturated linearity, the paper's only non-linearity (section 2.2)."""

import keras
import tensorflow as tf

from urfb_tf.errors import ArgumentError, is_positive


@keras.saving.register_keras_serializable("urfb_tf")
class SaturatedLinearity:
    """The saturated linearity of section 2.2: sigma(h) = min(max(slope h, -1), 1).

    sigma'(h) is `slope` inside the linear range and 0 outside. Any layer takes it as its activation, and
    `keras.layers.Activation` makes a layer of it.

    Args:
        slope: the slope of the linear range, > 0: 1 in the paper, 0.5 in the original implementation.
        closed: whether the two corner points |slope h| = 1 count as inside the range, where sigma' is taken to be
            `slope`: True in the paper ("if |x| <= 1"), False in the original implementation.

    Raises:
        ArgumentError: if `slope` is not a positive finite number.
    """

    def __init__(self, slope: float = 1.0, *, closed: bool = True):
        if not is_positive(slope):
            raise ArgumentError(f"The saturated linearity needs a finite slope > 0, but got {slope!r}.")
        self.slope = float(slope)
        self.closed = bool(closed)

    def __call__(self, field: tf.Tensor) -> tf.Tensor:
        """sigma of a field h of any shape and floating type, entry by entry."""

        @tf.custom_gradient
        def saturate(h):
            return self._fused(_value, h), lambda error: self._fused(_gradient, h, error)

        return saturate(tf.convert_to_tensor(field))

    def derivative(self, field: tf.Tensor) -> tf.Tensor:
        """sigma'(h), shape and type of `field`."""
        field = tf.convert_to_tensor(field)
        return self._fused(_gradient, field, tf.ones_like(field))

    def _fused(self, function, *tensors: tf.Tensor) -> tf.Tensor:
        # As vectors of unknown length, tensors of all shapes share one compiled function.
        flat = function(*(tf.reshape(tensor, [-1]) for tensor in tensors), slope=self.slope, closed=self.closed)
        result = tf.reshape(flat, tf.shape(tensors[0]))
        result.set_shape(tensors[0].shape)
        return result

    def get_config(self) -> dict:
        return {"slope": self.slope, "closed": self.closed}

    @classmethod
    def from_config(cls, config: dict) -> "SaturatedLinearity":
        return cls(**config)

    def __repr__(self) -> str:
        return f"SaturatedLinearity(slope={self.slope}, closed={self.closed})"


# Compiled by XLA wherever they run: op by op, each intermediate array goes to memory and back.
@tf.function(jit_compile=True, autograph=False, reduce_retracing=True)
def _value(field: tf.Tensor, *, slope: float, closed: bool) -> tf.Tensor:
    """sigma of fields [n]."""
    del closed
    return tf.clip_by_value(_scaled(field, slope), -1, 1)


@tf.function(jit_compile=True, autograph=False, reduce_retracing=True)
def _gradient(field: tf.Tensor, error: tf.Tensor, *, slope: float, closed: bool) -> tf.Tensor:
    """The errors [n] of sigma as errors of its fields [n]."""
    size = tf.abs(_scaled(field, slope))
    inside = size <= 1 if closed else size < 1
    return _scaled(tf.where(inside, error, tf.zeros([], error.dtype)), slope)


def _scaled(values: tf.Tensor, slope: float) -> tf.Tensor:
    return values if slope == 1 else values * tf.constant(slope, values.dtype)
