"""Feedback rules: which weights carry the error down, and how those weights learn.

A layer with feedforward weights W hands the error down through weights that its rule chooses. A rule answers three
questions and nothing else; the layers do the rest:

1. Does the layer own separate feedback weights R (`has_feedback`), and do they learn (`updates_feedback`)?
2. Through what does the error travel (`propagating`)?
3. What increment does R receive when W receives the Hebbian product (`feedback_increment`)?

R is stored in the layout of W, so that the entry of R which joins two units stands where W's does. A new rule is a
subclass with the decorator `register`; the shared rule tests then cover it.
"""

import keras
import tensorflow as tf

from urfb_tf.errors import ArgumentError, one_of

RULES: dict[str, type["FeedbackRule"]] = {}


def register(rule: type["FeedbackRule"]) -> type["FeedbackRule"]:
    """List a rule under its `name`, and let Keras save and load it."""
    RULES[rule.name] = rule
    return keras.saving.register_keras_serializable("urfb_tf")(rule)


class FeedbackRule:
    """How the error passes a layer, equations (6) and (7).

    Attributes:
        name: the name by which `get` finds the rule.
        has_feedback: whether the layer owns feedback weights R beside W.
        updates_feedback: whether R learns. If not, no optimiser ever sees it.
    """

    name: str
    has_feedback: bool = True
    updates_feedback: bool = False

    def propagating(self, kernel: tf.Tensor, feedback: tf.Tensor | None) -> tf.Tensor:
        """The weights that carry the error down, in the layout and shape of `kernel`."""
        del kernel
        assert feedback is not None
        return feedback

    def feedback_increment(self, hebbian: tf.Tensor) -> tf.Tensor:
        """What R's gradient is when W's is `hebbian`, same shape. Asked only if `updates_feedback`."""
        raise NotImplementedError(f"{type(self).__name__} does not update its feedback weights")

    def get_config(self) -> dict:
        return {}

    @classmethod
    def from_config(cls, config: dict) -> "FeedbackRule":
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.get_config() == self.get_config()

    def __hash__(self) -> int:
        return hash((type(self), tuple(sorted(self.get_config().items()))))

    def __repr__(self) -> str:
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


@register
class BackPropagation(FeedbackRule):
    """BP: the error travels through W itself, R = W in equation (6). There is no separate R."""

    name = "bp"
    has_feedback = False

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
    weight's step by its own history (Adam and its kin) undoes the factor, as it does every constant factor.

    Args:
        epsilon: the ratio of R's step to W's, >= 0. 1 is the paper's URFB; 0 is FRFB.

    Raises:
        ArgumentError: if `epsilon` is negative or not a finite number.
    """

    name = "urfb"

    def __init__(self, epsilon: float = 1.0):
        if isinstance(epsilon, bool) or not isinstance(epsilon, (int, float)) or not 0 <= epsilon < float("inf"):
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


def get(identifier: "str | dict | FeedbackRule") -> FeedbackRule:
    """The rule that a name, a Keras configuration or a rule itself stands for.

    Raises:
        ArgumentError: if there is no such rule.
    """
    if isinstance(identifier, FeedbackRule):
        return identifier
    if isinstance(identifier, str) and identifier.lower() in RULES:
        return RULES[identifier.lower()]()
    if isinstance(identifier, dict):
        return keras.saving.deserialize_keras_object(identifier)
    raise ArgumentError(one_of("feedback rule", identifier, RULES))
