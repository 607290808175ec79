"""Sign-concordant feedback: the feedback weights know W's signs, and nothing else of it (Liao et al. 2016)."""

import tensorflow as tf

from urfb_tf.errors import ArgumentError, is_positive
from urfb_tf.rules.rule import FeedbackRule, register


@register
class UniformSignFeedback(FeedbackRule):
    """uSF: the error travels through sign(W) times one magnitude; no R is stored (Liao et al. 2016).

    Args:
        magnitude: of all feedback weights, > 0; 1 is the original. None takes the root mean square of the layer's W at
            each step, over the connections that exist, so that an error keeps the size that W would give it. (The
            original needs batch normalisation to cope with errors that grow from layer to layer.)

    Raises:
        ArgumentError: if `magnitude` is not a positive finite number.
    """

    name = "usf"
    has_feedback = False

    def __init__(self, magnitude: float | None = None):
        if magnitude is not None and not is_positive(magnitude):
            raise ArgumentError(f"Uniform sign feedback needs a finite magnitude > 0 or None, but got {magnitude!r}.")
        self.magnitude = None if magnitude is None else float(magnitude)

    def propagating(self, kernel: tf.Tensor, feedback: tf.Tensor | None) -> tf.Tensor:
        if self.magnitude is not None:
            return tf.sign(kernel) * tf.constant(self.magnitude, kernel.dtype)
        wide = tf.cast(kernel, tf.float32) if kernel.dtype.size < 4 else kernel  # half precision cannot hold the sum
        present = tf.reduce_sum(tf.abs(tf.sign(wide)))  # 0 means no connection
        magnitude = tf.sqrt(tf.math.divide_no_nan(tf.reduce_sum(tf.square(wide)), present))
        return tf.sign(kernel) * tf.cast(magnitude, kernel.dtype)

    def get_config(self) -> dict:
        return {"magnitude": self.magnitude}


@register
class FixedRandomSignFeedback(FeedbackRule):
    """frSF: sign(W) times random magnitudes |R| that never change (Liao et al. 2016).

    With glorot's uniform initialiser the magnitudes are uniform from 0 to a bound, as in the original.
    """

    name = "frsf"

    def propagating(self, kernel: tf.Tensor, feedback: tf.Tensor | None) -> tf.Tensor:
        assert feedback is not None
        return tf.sign(kernel) * tf.abs(feedback)


@register
class BatchwiseRandomSignFeedback(FixedRandomSignFeedback):
    """brSF: sign(W) times random magnitudes |R| that are drawn anew for each batch (Liao et al. 2016)."""

    name = "brsf"
    renews_feedback = True

    def renewed_feedback(self, layer, kernel: tf.Tensor, feedback: tf.Tensor) -> tf.Tensor:
        return layer.draw_feedback()
