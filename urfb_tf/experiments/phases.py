"""Phases: what changes between two stretches of one run, as data."""

import dataclasses

import keras
import numpy as np

from urfb_tf import rules
from urfb_tf.classes import check_classes
from urfb_tf.errors import (
    ArgumentError,
    check_batch_size,
    check_learning_rate,
    is_positive,
    is_share,
    is_whole,
    one_of,
)
from urfb_tf.layers import FeedbackConv2D, FeedbackLayer, UntiedConv2D
from urfb_tf.layers.untied.layer import REFRESHES
from urfb_tf.networks import changes

UNITS = ("all", "seen", "shown", "balanced")


@dataclasses.dataclass(frozen=True)
class Phase:
    """A stretch of a run. Before its first epoch the model is changed, in the order of the attributes.

    Attributes:
        epochs: its length; the last phase of a run goes on for as long as the run is asked to.
        learning_rate, batch_size, rule: as in `Experiment`. None means the experiment's own.
        untie: names of convolutions that become untied.
        feedback_refresh, update_gain: of these, as in `UntiedConv2D`.
        reinitialise: names of layers whose weights are drawn anew.
        freeze: names of layers that keep their weights from now on.
        classes: numbers of the classes whose training examples are shown. None named means all.
        refreshers: the share of the examples of earlier phases' classes that are shown too, drawn once in a run.
        units: which output units learn. "all" is equation (4): the unit of a class that is not shown learns from every
            image that it is another. "seen" leaves out those of classes that no phase has shown yet, "shown" those of
            all classes without an example in this phase; the loss is then that of a network without them, with mu =
            1/(C-1) of the C units that learn, whatever the reading's mu is.
            "balanced" leaves out the same as "shown", and gives each other unit a mu of its own in the hinge loss (3):
            s/(1 - s), with s the share of its class among the phase's examples, so that both terms weigh the same; for
            softmax, it adds log s to its field as it learns (the "logit adjustment" of Menon et al., 2021).
    """

    epochs: int
    learning_rate: float | None = None
    batch_size: int | None = None
    rule: str | None = None
    untie: tuple[str, ...] = ()
    feedback_refresh: str = "step"
    update_gain: float = 1.0
    reinitialise: tuple[str, ...] = ()
    freeze: tuple[str, ...] = ()
    classes: tuple[int, ...] = ()
    refreshers: float = 0.0
    units: str = "all"

    def __post_init__(self):
        if not is_whole(self.epochs, 1):
            raise ArgumentError(f"A phase lasts a whole number of epochs >= 1, but got {self.epochs!r}.")
        if self.learning_rate is not None:
            check_learning_rate(self.learning_rate)
        if self.batch_size is not None:
            check_batch_size(self.batch_size)
        # What the layers would refuse too, but only once the phases before have been trained.
        if self.rule is not None and self.rule not in tuple(rules.RULES):  # a list has no hash
            raise ArgumentError(one_of("rule", self.rule, rules.RULES))
        if self.feedback_refresh not in REFRESHES:
            raise ArgumentError(one_of("feedback_refresh", self.feedback_refresh, REFRESHES))
        if not is_positive(self.update_gain):
            raise ArgumentError(f"A phase needs an update_gain > 0, but got {self.update_gain!r}.")
        object.__setattr__(self, "classes", check_classes(self.classes))
        if not is_share(self.refreshers):
            raise ArgumentError(f"The share of refreshers lies between 0 and 1, but got {self.refreshers!r}.")
        if self.units not in UNITS:
            raise ArgumentError(one_of("units", self.units, UNITS))
        if not self.classes and (self.refreshers or self.units != "all"):
            raise ArgumentError("A phase that shows all classes has no refreshers, and all its output units learn.")
        for name, value in list(vars(self).items()):  # the configuration is kept as JSON
            if isinstance(value, np.generic):
                object.__setattr__(self, name, value.item())
            elif isinstance(value, list):  # names of layers; a tuple has a hash
                object.__setattr__(self, name, tuple(value))

    def configuration(self) -> dict:
        """The attributes, without those on classes if all are shown at once."""
        record = dataclasses.asdict(self)
        if not self.classes:
            for key in ("classes", "refreshers", "units"):
                del record[key]
        return record

    def check(self, model: keras.Model) -> None:
        """Raise an ArgumentError if the model, trained or not, lacks a layer that the phase names."""
        changes.choose(model, self.untie, (FeedbackConv2D, UntiedConv2D))
        changes.choose(model, self.reinitialise, (FeedbackLayer,))
        changes.choose(model, self.freeze, (keras.layers.Layer,))

    def begin(self, model: keras.Model, *, rule=None, seed: int = 0) -> keras.Model:
        """The model as this phase trains it.

        Args:
            model: as the phase before left it.
            rule: the feedback rule to change to. None keeps the model's.
            seed: what re-initialised weights, and those of direct feedback, are drawn from.

        Raises:
            ArgumentError: if a name is not that of a fitting layer.
        """
        if rule is not None:
            model = changes.change_rule(model, rule, seed=seed)
        if self.untie:
            model = changes.untie(
                model, self.untie, feedback_refresh=self.feedback_refresh, update_gain=self.update_gain
            )
        if self.reinitialise:
            model = changes.reinitialise(model, self.reinitialise, seed=seed)
        return changes.freeze(model, self.freeze) if self.freeze else model
