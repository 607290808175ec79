"""Where the circuit's activity ends: its cycle, with period and mean."""

import dataclasses

import numpy as np

from urfb_tf.circuit.dynamics import run
from urfb_tf.circuit.units import Circuit

STATES = 5 * 3  # levels of o times levels of t: all that the state can be after one step


@dataclasses.dataclass(frozen=True)
class Cycle:
    """The cycle into which the activity falls; arrays of the shape of the fields.

    Attributes:
        period: its length in steps; 1 where the activity is constant.
        mean: the mean of o over it.
        silent: whether o is 0 somewhere on it.
    """

    period: np.ndarray
    mean: np.ndarray
    silent: np.ndarray


def cycle(circuit: Circuit, fields, supervision, *, update: str = "sequential", start: tuple = (0.0, 0.0)) -> Cycle:
    """The cycle that the activity ends in, found by running the circuit.

    After its first step the circuit has at most 15 states, each with one successor. So after 15 more it is on
    its cycle, and meets its state again within another 15.

    Args and Raises: as for `urfb_tf.circuit.run`.
    """
    activity = run(circuit, fields, supervision, steps=1 + 2 * STATES, update=update, start=start)
    output, control = activity.output[1 + STATES :], activity.control[1 + STATES :]  # [16, *shape]
    again = (output[1:] == output[0]) & (control[1:] == control[0])  # [15, *shape]
    period = 1 + np.argmax(again, axis=0)  # [*shape]
    moments = np.arange(STATES).reshape(-1, *[1] * period.ndim)  # [15, 1, ..]
    once = moments < period  # [15, *shape]
    mean = np.where(once, output[:-1], 0).sum(axis=0) / period
    return Cycle(period, mean, np.any(once & (output[:-1] == 0), axis=0))
