"""Weight mirrors: R learns from noise what W is."""

import tensorflow as tf

from urfb_tf.errors import ArgumentError, is_positive, is_whole
from urfb_tf.rules.rule import FeedbackRule, register


@register
class WeightMirror(FeedbackRule):
    """Weight mirror: R learns from noise, not from the error (Akrout et al. 2019).

    Before each training step, independent standard normal noise x enters the layer, which answers with y = W x; R then
    takes `rate` times the mean of x y over the noise, and loses the same share of itself. As the mean of x y is W on
    average, R follows W. The original lets training and mirroring alternate in the same way; its noise also crosses
    the bias and the non-linearity, which is left out here.

    The mean of n patterns errs by about sqrt(D / n) of W's size, with D inputs to a unit, and R averages it over the
    last 2 / `rate` steps: with a small rate R is precise but late, with a large one prompt but noisy.

    Args:
        rate: the share of R that is renewed at each step, in (0, 1].
        patterns: how many patterns of noise a step sees, >= 1.

    Raises:
        ArgumentError: if an argument is out of range.
    """

    name = "mirror"
    renews_feedback = True

    def __init__(self, rate: float = 0.01, patterns: int = 64):
        if not is_positive(rate) or rate > 1:
            raise ArgumentError(f"A weight mirror needs a rate in (0, 1], but got {rate!r}.")
        if not is_whole(patterns, 1):
            raise ArgumentError(f"A weight mirror needs a whole number of patterns >= 1, but got {patterns!r}.")
        self.rate = float(rate)
        self.patterns = int(patterns)

    def renewed_feedback(self, layer, kernel: tf.Tensor, feedback: tf.Tensor) -> tf.Tensor:
        rate = tf.constant(self.rate, feedback.dtype)
        return feedback + rate * (layer.mean_products(kernel, self.patterns) - feedback)

    def get_config(self) -> dict:
        return {"rate": self.rate, "patterns": self.patterns}
