"""Phases: what changes between two stretches of one run, as data."""

import dataclasses

import keras

from urfb_tf.errors import ArgumentError, is_positive
from urfb_tf.networks import changes


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

    def __post_init__(self):
        if isinstance(self.epochs, bool) or not isinstance(self.epochs, int) or self.epochs < 1:
            raise ArgumentError(f"A phase lasts a whole number of epochs >= 1, but got {self.epochs!r}.")
        if self.learning_rate is not None and not is_positive(self.learning_rate):
            raise ArgumentError(f"SGD needs a learning rate > 0, but got {self.learning_rate!r}.")

    def begin(self, model: keras.Model, *, rule=None, seed: int = 0) -> keras.Model:
        """The model as this phase trains it.

        Args:
            model: as the phase before left it.
            rule: the feedback rule to change to. None keeps the model's.
            seed: what re-initialised weights are drawn from.

        Raises:
            ArgumentError: if a name is not that of a fitting layer.
        """
        if rule is not None:
            model = changes.change_rule(model, rule)
        if self.untie:
            model = changes.untie(
                model, self.untie, feedback_refresh=self.feedback_refresh, update_gain=self.update_gain
            )
        if self.reinitialise:
            model = changes.reinitialise(model, self.reinitialise, seed=seed)
        return changes.freeze(model, self.freeze) if self.freeze else model
