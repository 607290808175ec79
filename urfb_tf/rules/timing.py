"""Desynchronised updates: any rule, but W and R do not learn at the same time (section 5)."""

import functools

import keras
import tensorflow as tf

from urfb_tf.errors import ArgumentError, is_positive, is_whole
from urfb_tf.rules.rule import FeedbackRule, get, register


class TimedRule(FeedbackRule):
    """Another rule with updates at other times: what the updates are, that rule says.

    Times are counted in training steps (`training=True`), as calls of the layer: one that a model uses twice counts two
    at each batch. Outside training the layer computes what the other rule does.
    An update that a weight does not take is a gradient of 0, which under plain SGD leaves it as it is. Biases and
    layers without a feedback rule learn at every batch.

    Args:
        rule: the other rule or its name; it may be timed too, in another way.

    Raises:
        ArgumentError: if that rule renews its feedback by other means than the error, or sends the error directly to
            each layer, or is timed in this way already.
    """

    def __init__(self, rule: "str | dict | FeedbackRule" = "urfb"):
        self.rule = get(rule)
        if self.rule.renews_feedback:
            raise ArgumentError(
                f"The rule {self.rule.name!r} cannot be timed: it renews its feedback by other means than the error."
            )
        if self.rule.direct:
            raise ArgumentError(
                f"The rule {self.rule.name!r} cannot be timed: it sends the error directly to each layer."
            )
        inner = self.rule
        while isinstance(inner, TimedRule):
            if isinstance(inner, type(self)):
                raise ArgumentError(f"The rule {self.rule!r} is timed in this way already.")
            inner = inner.rule
        for name in ("has_feedback", "updates_feedback", "weight_decay", "symmetric", "delay", "every", "lag"):
            setattr(self, name, getattr(self.rule, name))
        self.skips_updates = self.skips_updates or self.rule.skips_updates

    def propagating(self, kernel: tf.Tensor, feedback: tf.Tensor | None) -> tf.Tensor:
        return self.rule.propagating(kernel, feedback)

    def feedback_increment(self, hebbian: tf.Tensor) -> tf.Tensor:
        return self.rule.feedback_increment(hebbian)

    def turns(self, layer, batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor] | None:
        """What `learns` is by this timing alone; None if it skips no updates."""
        return None

    def learns(self, layer, batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        found = [self.rule.learns(layer, batch)] if self.rule.skips_updates else []
        if (own := self.turns(layer, batch)) is not None:
            found.append(own)
        kernel, feedback = (functools.reduce(tf.logical_and, turns) for turns in zip(*found, strict=True))
        return kernel, feedback

    def lowest(self) -> FeedbackRule:
        return type(self).from_config({**self.get_config(), "rule": self.rule.lowest()})

    def get_config(self) -> dict:
        return {"rule": keras.saving.serialize_keras_object(self.rule)}

    def __repr__(self) -> str:
        rest = "".join(f", {key}={value!r}" for key, value in self.get_config().items() if key != "rule")
        return f"{type(self).__name__}({self.rule!r}{rest})"


@register
class AlternateUpdates(TimedRule):
    """W learns at even batches, R at odd ones, so that no batch changes both (section 5).

    Each batch's product reaches one of the two: they no longer receive the same increments, but two samples of them.
    The first batch is number 0.

    Args:
        rule: the rule that says what the updates are.
    """

    name = "alternate"
    skips_updates = True

    def turns(self, layer, batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        even = tf.equal(batch % 2, 0)
        return even, tf.logical_not(even)


@register
class SporadicUpdates(TimedRule):
    """Each connection of W and of R learns at each batch with some probability, independent of all others (section 5).

    Args:
        rule: the rule that says what the updates are.
        probability: with which a connection takes part, in (0, 1].

    Which connections these are follows from the layer's seed. Where that is None, a model that is loaded, or made again
    and resumed from a checkpoint, goes on with others.

    Raises:
        ArgumentError: if the probability is out of range.
    """

    name = "sporadic"
    skips_updates = True

    def __init__(self, rule: "str | dict | FeedbackRule" = "urfb", probability: float = 0.5):
        super().__init__(rule)
        if not is_positive(probability) or probability > 1:
            raise ArgumentError(f"Sporadic updates need a probability in (0, 1], but got {probability!r}.")
        self.probability = float(probability)

    def turns(self, layer, batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        kernel, feedback = (layer.coins(name, batch, self.probability) for name in ("kernel", "feedback"))
        return kernel, feedback

    def get_config(self) -> dict:
        return {**super().get_config(), "probability": self.probability}


@register
class DelayedFeedback(TimedRule):
    """W learns at once; the update of R takes effect some batches later (section 5).

    The error of batch t is carried down by R as it was before batch t - `delay`, while the layer's `feedback` holds all
    updates, those still under way included; `carrying_feedback` gives what carries the error. The layer keeps
    `delay / every` copies of R.

    Args:
        rule: the rule that says what the updates are.
        delay: in batches, >= 1.
        every: how many batches' updates take effect together, a divisor of `delay`: their delays are then
            `delay - every + 1` to `delay`. More than 1 saves memory.

    Raises:
        ArgumentError: if an argument is out of range, or the rule has no updates of R.
    """

    name = "delayed"

    def __init__(self, rule: "str | dict | FeedbackRule" = "urfb", delay: int = 1, every: int = 1):
        super().__init__(rule)
        if not is_whole(delay, 1) or not is_whole(every, 1) or delay % every:
            raise ArgumentError(
                "Delayed feedback needs a whole number of batches >= 1 as delay, and as every a divisor of it, but got "
                f"{delay!r} and {every!r}."
            )
        if not self.updates_feedback:
            raise ArgumentError(f"The rule {self.rule.name!r} has no updates of R that could be delayed.")
        self.delay, self.every = int(delay), int(every)

    def lowest(self) -> FeedbackRule:
        return self.rule.lowest()

    def get_config(self) -> dict:
        return {**super().get_config(), "delay": self.delay, "every": self.every}


@register
class LateUpdates(TimedRule):
    """W and R learn when the next image has replaced the activity below a connection (section 5).

    In training, the Hebbian product pairs the error of each image with what another image of its batch sent up, `lag`
    places further on; the last images meet the first, so that a multiple of the batch size is no lag at all. Errors
    travel down as ever. On average over an order at random this is the product of two means; where images of one class
    follow one another (`grouped` in `urfb_tf.train`), it is the product of means within the class.

    Args:
        rule: the rule that says what the updates are otherwise.
        lag: in images, >= 1.

    Raises:
        ArgumentError: if the lag is not a whole number >= 1.
    """

    name = "late"

    def __init__(self, rule: "str | dict | FeedbackRule" = "urfb", lag: int = 1):
        super().__init__(rule)
        if not is_whole(lag, 1):
            raise ArgumentError(f"Late updates need a whole number of images >= 1 as lag, but got {lag!r}.")
        self.lag = int(lag)

    def get_config(self) -> dict:
        return {**super().get_config(), "lag": self.lag}
