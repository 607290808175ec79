"""What a feedback rule is, and how one is found by its name."""

import keras
import tensorflow as tf

from urfb_tf.errors import ArgumentError, one_of

RULES: dict[str, type["FeedbackRule"]] = {}


def register(rule: type["FeedbackRule"]) -> type["FeedbackRule"]:
    """List a rule under its `name`, and let Keras save and load it.

    A class that is defined again, as in a notebook's cell, takes the place of the one before.

    Raises:
        ArgumentError: if this is no class made of `FeedbackRule`, or has no `name` of its own; if another rule has it,
            in small or capital letters; or if another rule's class is called like it, by which Keras would find the
            wrong one in a saved model.
    """
    if not (isinstance(rule, type) and issubclass(rule, FeedbackRule)):
        raise ArgumentError(f"A rule is a class made of FeedbackRule, but got {rule!r}.")
    name = vars(rule).get("name")
    if not isinstance(name, str) or not name:
        raise ArgumentError(f"The rule {rule.__name__} has no name of its own: set the class attribute `name`.")
    again = [known for known, other in RULES.items() if _place(other) == _place(rule)]
    for known, other in RULES.items():
        if known in again:
            continue
        if known.lower() == name.lower():
            raise ArgumentError(
                f"The rule {rule.__name__} cannot have the name {name!r}, which {other.__name__} has: choose another."
            )
        if other.__name__ == rule.__name__:
            raise ArgumentError(
                f"The class of the rule {name!r} cannot be called {rule.__name__}, as that of {known!r} is: choose "
                "another name for it."
            )
    for known in again:
        del RULES[known]
    RULES[name] = rule
    return keras.saving.register_keras_serializable("urfb_tf")(rule)


def _place(rule: type) -> tuple[str, str]:
    return rule.__module__, rule.__qualname__


def listed(name: str) -> str | None:
    """The name as it is listed, in small or capital letters; None if there is no such rule."""
    return next((known for known in RULES if known.lower() == name.lower()), None)


class FeedbackRule:
    """How the error passes a layer, equations (6) and (7).

    Attributes:
        name: the name by which `get` finds the rule.
        has_feedback: whether the layer owns feedback weights R beside W.
        updates_feedback: whether R learns from the error. If not, no optimiser ever sees it.
        weight_decay: what share of W and of R the layer adds to their increments, so that both shrink.
        renews_feedback: whether R changes by itself at each training step, as `renewed_feedback` says, unless the layer
            is frozen.
        direct: whether the layer hands nothing down, since the output error reaches all layers at once.
        symmetric: whether W itself carries the error, as in back-propagation.
        skips_updates: whether W or R learn at some batches only, as `learns` says.
        delay: how many batches late R's updates take effect; `every` of them at once.
        lag: how many images late the error meets the activity below.
    """

    name: str
    has_feedback: bool = True
    updates_feedback: bool = False
    weight_decay: float = 0.0
    renews_feedback: bool = False
    direct: bool = False
    symmetric: bool = False
    skips_updates: bool = False
    delay: int = 0
    every: int = 1
    lag: int = 0

    def propagating(self, kernel: tf.Tensor, feedback: tf.Tensor | None) -> tf.Tensor:
        """The weights that carry the error down, in the layout and shape of `kernel`."""
        del kernel
        assert feedback is not None
        return feedback

    def feedback_increment(self, hebbian: tf.Tensor) -> tf.Tensor:
        """What R's gradient is when W's is `hebbian`, same shape. Asked only if `updates_feedback`."""
        raise NotImplementedError(f"{type(self).__name__} does not update its feedback weights")

    def renewed_feedback(self, layer, kernel: tf.Tensor, feedback: tf.Tensor) -> tf.Tensor:
        """R with which a training step begins, of R's shape. Asked only if `renews_feedback`.

        Args:
            layer: the `FeedbackLayer`; its `draw_feedback` and `mean_products` are there for this.
            kernel, feedback: W and R.
        """
        raise NotImplementedError(f"{type(self).__name__} does not renew its feedback weights")

    def learns(self, layer, batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Where W and where R take their increments of a training step: booleans, [] or of W's shape.

        Asked only if `skips_updates`.

        Args:
            layer: the `FeedbackLayer`; its `coins` are there for this.
            batch: int32, the number of the step from 0.
        """
        raise NotImplementedError(f"{type(self).__name__} skips no updates")

    def lowest(self) -> "FeedbackRule":
        """The rule of a model's lowest layer, which has no one to hand an error to and so no use for R."""
        return get("bp")

    def get_config(self) -> dict:
        return {}

    @classmethod
    def from_config(cls, config: dict) -> "FeedbackRule":
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.get_config() == self.get_config()

    def __hash__(self) -> int:
        return hash((type(self), repr(self)))

    def __repr__(self) -> str:
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


def get(identifier: "str | dict | FeedbackRule") -> FeedbackRule:
    """The rule that a name, a Keras configuration or a rule itself stands for.

    Raises:
        ArgumentError: if there is no such rule, or its R is to learn and to be renewed both.
    """
    rule = identifier
    if isinstance(identifier, str) and (name := listed(identifier)) is not None:
        rule = RULES[name]()
    elif isinstance(identifier, dict):
        rule = keras.saving.deserialize_keras_object(identifier)
    if not isinstance(rule, FeedbackRule):
        raise ArgumentError(one_of("feedback rule", identifier, RULES))
    if rule.updates_feedback and rule.renews_feedback:
        raise ArgumentError(
            f"R of the rule {rule!r} cannot both learn from the error and be renewed: set one of `updates_feedback` "
            "and `renews_feedback`; `weight_decay` makes an R that learns forget."
        )
    return rule
