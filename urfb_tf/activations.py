"""The saturated linearity, the paper's only non-linearity (section 2.2)."""

import keras
import tensorflow as tf

from urfb_tf.errors import ArgumentError, is_positive


@keras.saving.register_keras_serializable("urfb_tf")
class SaturatedLinearity:
    """The saturated linearity of section 2.2: sigma(h) = min(max(slope h, -1), 1).

    sigma'(h) is `slope` inside the linear range and 0 outside.

    Args:
        slope: the slope of the linear range, > 0: 1 in the paper, 0.5 in the original implementation.
        closed: whether the two corner points |slope h| = 1 count as inside the range, where sigma' is taken to be
            `slope`: True in the paper ("if |x| <= 1"), False in the original implementation.

    Raises:
        ArgumentError: if `slope` is not a positive finite number.
    """

    def __init__(self, slope: float = 1.0, closed: bool = True):
        if not is_positive(slope):
            raise ArgumentError(f"The saturated linearity needs a finite slope > 0, but got {slope!r}.")
        self.slope = float(slope)
        self.closed = bool(closed)

    def __call__(self, field: tf.Tensor) -> tf.Tensor:
        """sigma of a field h of any shape and floating type, entry by entry."""

        @tf.custom_gradient
        def saturate(h):
            scaled = h if self.slope == 1 else h * tf.constant(self.slope, h.dtype)

            def gradient(error):
                return self._derivative(scaled, error)

            return tf.clip_by_value(scaled, -1, 1), gradient

        return saturate(tf.convert_to_tensor(field))

    def derivative(self, field: tf.Tensor) -> tf.Tensor:
        """sigma'(h), shape and type of `field`."""
        field = tf.convert_to_tensor(field)
        return self._derivative(field * tf.constant(self.slope, field.dtype), tf.ones_like(field))

    def _derivative(self, scaled: tf.Tensor, error: tf.Tensor) -> tf.Tensor:
        size = tf.abs(scaled)
        inside = size <= 1 if self.closed else size < 1
        passed = tf.where(inside, error, tf.zeros([], error.dtype))
        return passed if self.slope == 1 else passed * tf.constant(self.slope, error.dtype)

    def get_config(self) -> dict:
        return {"slope": self.slope, "closed": self.closed}

    @classmethod
    def from_config(cls, config: dict) -> "SaturatedLinearity":
        return cls(**config)

    def __repr__(self) -> str:
        return f"SaturatedLinearity(slope={self.slope}, closed={self.closed})"
