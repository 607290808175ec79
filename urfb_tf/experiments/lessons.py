"""What a phase trains on where classes come in turn (section 5): examples, the units that learn, what is measured."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np

from urfb_tf.circuit import CircuitHinge
from urfb_tf.data import Dataset
from urfb_tf.data.in_turn import with_refreshers
from urfb_tf.data.splits import Split
from urfb_tf.errors import ArgumentError, is_whole
from urfb_tf.experiments.phases import Phase
from urfb_tf.learning_units import LossOfUnits
from urfb_tf.losses import OneVsRestHinge
from urfb_tf.metrics import ClassErrors


class Lesson(NamedTuple):
    """What one phase trains on.

    Attributes:
        data: with the phase's training examples; what validates and tests is whole.
        loss: of the units that learn.
        probes: what measures class by class; nothing if no phase shows some classes only.
    """

    data: Dataset
    loss: keras.losses.Loss
    probes: list


def lesson(phases: Sequence[Phase], number: int, data: Dataset, loss: keras.losses.Loss, seed: int = 0) -> Lesson:
    """What a phase trains on, ready for `urfb_tf.train`.

    Args:
        phases: all of the run's.
        number: of the phase, from 1.
        data: the whole dataset.
        loss: the network's, of all its output units. Where some of them do not learn, mu of the hinge loss (3) balances
            both of its terms over those that do.
        seed: the run's; refreshers are drawn from it.

    Raises:
        ArgumentError: if there is no such phase, the data lack a class that it shows, or units are to be balanced
            that have all of its examples, or under the circuit's loss, or this has the units of two classes alone.
    """
    if not is_whole(number, 1) or number > len(phases):
        raise ArgumentError(f"The phases are numbered from 1 to {len(phases)}, but got {number!r}.")
    if not any(phase.classes for phase in phases):
        return Lesson(data, loss, [])
    phase, everything = phases[number - 1], tuple(range(data.classes))
    seen = _shown_by(phases[:number], everything)
    probes = [ClassErrors(data.test, [each.classes for each in phases if each.classes], seen)]
    if not phase.classes:
        return Lesson(data, loss, probes)
    earlier = _shown_by(phases[: number - 1], everything)
    train = with_refreshers(data.train, phase.classes, earlier=earlier, share=phase.refreshers, seed=seed)
    if phase.units == "balanced":
        loss = _balanced_by_share(loss, train, data.classes)
    elif phase.units != "all":
        shown = seen if phase.units == "seen" else np.unique(train.labels).tolist()
        if isinstance(loss, CircuitHinge) and len(shown) == 2:
            raise ArgumentError(
                "The circuit needs mu < 1, and over the units of two classes alone 1/(C-1) is 1: show three classes or "
                "more, or take the loss 'hinge'."
            )
        loss = LossOfUnits(_balanced(loss), sorted(shown))
    return Lesson(dataclasses.replace(data, train=train), loss, probes)


def _shown_by(phases: Sequence[Phase], everything: tuple[int, ...]) -> tuple[int, ...]:
    """The classes of which these phases show examples, in order."""
    return tuple(sorted({label for phase in phases for label in phase.classes or everything}))


def _balanced_by_share(loss: keras.losses.Loss, train: Split, classes: int) -> keras.losses.Loss:
    """The loss in which no unit gains by saying yes, or no, to all images: the share of its class is taken out."""
    shares = np.bincount(train.labels, minlength=classes) / len(train.labels)  # [C]
    if np.any(shares == 1):
        raise ArgumentError("units='balanced' needs examples of two classes or more in each phase.")
    if type(loss) is OneVsRestHinge:
        return OneVsRestHinge.from_config({**loss.get_config(), "mu": shares / (1 - shares)})
    if isinstance(loss, CircuitHinge):  # the circuit has one mu for all classes
        raise ArgumentError("units='balanced' is a choice for the losses 'hinge' and 'softmax', not for 'circuit'.")
    present = np.flatnonzero(shares)
    return LossOfUnits(loss, present.tolist(), offsets=np.log(shares[present]))


def _balanced(loss: keras.losses.Loss) -> keras.losses.Loss:
    """The loss with the mu that follows from the number of its outputs."""
    return type(loss).from_config({**loss.get_config(), "mu": None}) if isinstance(loss, OneVsRestHinge) else loss
