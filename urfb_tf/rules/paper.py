"""The three rules of the paper."""

import tensorflow as tf

from urfb_tf.errors import ArgumentError, is_finite
from urfb_tf.rules.rule import FeedbackRule, register


@register
class BackPropagation(FeedbackRule):
    """BP: the error travels through W itself, R = W in equation (6). There is no separate R."""

    name = "bp"
    has_feedback = False
    symmetric = True

    def propagating(self, kernel: tf.Tensor, feedback: tf.Tensor | None) -> tf.Tensor:
        return kernel


@register
class FixedRandomFeedback(FeedbackRule):
    """FRFB: R is random and never changes (section 2.2, after Lillicrap et al. 2016)."""

    name = "frfb"


@register
class UpdatedRandomFeedback(FeedbackRule):
    """URFB: R starts at random and takes `epsilon` times W's increment, equation (7) and section 3.

    Under SGD, with or without momentum, each step of R is `epsilon` times that of W. An optimiser that rescales each
    weight's step by its own history (Adam and its kin) undoes the factor, as it does every constant factor. Whatever
    SGD does to each variable by itself undoes it as well: `clipnorm` and `clipvalue` cut steps of R and W to one size,
    and `weight_decay` shrinks both at one rate.

    Args:
        epsilon: the ratio of R's step to W's, >= 0. 1 is the paper's URFB; 0 is FRFB.

    Raises:
        ArgumentError: if `epsilon` is negative or not a finite number.
    """

    name = "urfb"

    def __init__(self, epsilon: float = 1.0):
        if not is_finite(epsilon) or epsilon < 0:
            raise ArgumentError(f"URFB needs a finite epsilon >= 0, the ratio of R's step to W's, but got {epsilon!r}.")
        self.epsilon = float(epsilon)

    @property
    def updates_feedback(self) -> bool:  # type: ignore[override]
        return self.epsilon > 0

    def feedback_increment(self, hebbian: tf.Tensor) -> tf.Tensor:
        # At epsilon = 1 the increments are the same number, not merely close to it.
        return hebbian if self.epsilon == 1 else tf.constant(self.epsilon, hebbian.dtype) * hebbian

    def get_config(self) -> dict:
        return {"epsilon": self.epsilon}
