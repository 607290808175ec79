"""What a phase trains on where classes come in turn (section 5): examples, the units that learn, what is measured."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import keras

from urfb_tf.data import Dataset
from urfb_tf.data.in_turn import with_refreshers
from urfb_tf.experiments.experiment import Experiment
from urfb_tf.experiments.phases import Phase
from urfb_tf.learning_units import LossOfUnits
from urfb_tf.metrics.classes import ClassErrors
from urfb_tf.networks.builder import make_loss


class Lesson(NamedTuple):
    """What one phase trains on.

    Attributes:
        data: with the phase's training examples; what validates and tests is whole.
        loss: of the units that learn. None means the model's own, of all.
        probes: measure class by class.
    """

    data: Dataset
    loss: keras.losses.Loss | None
    probes: list


def lesson(experiment: Experiment, number: int, data: Dataset, seed: int) -> Lesson:
    """What a phase of an experiment trains on.

    Args:
        experiment: whose schedule is meant.
        number: of the phase, from 1.
        data: the whole dataset.
        seed: the run's; refreshers are drawn from it.
    """
    schedule = experiment.schedule
    if not any(phase.classes for phase in schedule):
        return Lesson(data, None, [])
    phase, everything = schedule[number - 1], tuple(range(data.classes))
    seen = classes_seen(schedule[:number], everything)
    groups = [phase.classes for phase in schedule if phase.classes]
    probes = [ClassErrors(data.test, groups, seen)]
    if not phase.classes:
        return Lesson(data, None, probes)
    earlier = classes_seen(schedule[: number - 1], everything)
    train = with_refreshers(data.train, phase.classes, earlier=earlier, share=phase.refreshers, seed=seed)
    shown = seen if phase.refreshers else phase.classes
    learning = {"all": everything, "seen": seen, "shown": shown}[phase.units]
    loss = None
    if phase.units != "all":
        # Whatever the reading says of other numbers of classes, mu balances both terms over the units that learn.
        own = make_loss(experiment.loss, len(learning), experiment.make_reading().but(mu_grows=False))
        loss = LossOfUnits(own, sorted(learning))
    return Lesson(dataclasses.replace(data, train=train), loss, probes)


def classes_seen(phases: Sequence[Phase], everything: tuple[int, ...]) -> tuple[int, ...]:
    """The classes of which these phases have shown examples, in order."""
    return tuple(sorted({label for phase in phases for label in phase.classes or everything}))
