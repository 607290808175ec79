"""From FRFB (epsilon 0) over URFB (1) to 3 on CIFAR-10: the recorded runs at one epoch, beside what theory expects."""

import dataclasses
import itertools
from collections.abc import Mapping

from urfb_tf.analysis import angles
from urfb_tf.experiments import Experiment, find, select
from urfb_tf.metrics.expectation import expected_angle, movement_of

LAYER = "dense1"  # the one that has most weights
BELOW = ("dense1", "conv1")  # those that an error reaches through R


@dataclasses.dataclass(frozen=True)
class Setting:
    """One epsilon, over the last five epochs up to one epoch.

    Attributes:
        epsilon: R's step over W's.
        error: the test error, a share in [0, 1].
        angle: between R and W of the dense layer, in degrees.
        error_angle: between the error at the convolution and back-propagation's.
        expected: the angle between R and W that `expected_angle` gives, if W moves as far as under epsilon = 1. None
            if that run is not recorded.
        lengths: of the error that arrives at the output of each layer in `BELOW`, in lengths of back-propagation's;
            without those that were not measured.
    """

    epsilon: float
    error: float
    angle: float
    error_angle: float
    expected: float | None
    lengths: Mapping[str, float] = dataclasses.field(default_factory=dict)


def by_epsilon() -> dict[float, Experiment]:
    """The runs of simpnet on CIFAR-10 that differ in epsilon alone, from 0 up."""
    found = {0.0: find("table1/cifar10/frfb"), 1.0: find("table1/cifar10/urfb")}
    found |= {row.epsilon: row for row in select("epsilon/cifar10")}
    return dict(sorted(found.items()))


def settings(epoch: int) -> list[Setting]:
    """Those that are recorded up to an epoch, from the smallest epsilon up."""
    rows = by_epsilon()
    runs = angles.measured(rows.values(), [("weight_angle", LAYER), ("error_angle", "conv1")], epoch)
    weights = {point.id: point for point in angles.points(rows.values(), "weight_angle", LAYER, epoch, runs)}
    errors = angles.by_id(rows.values(), "error_angle", "conv1", epoch, runs)
    lengths = {layer: angles.by_id(rows.values(), "error_ratio", layer, epoch, runs) for layer in BELOW}
    whole = weights.get(rows[1.0].id)
    moved = None if whole is None else movement_of(whole.angle)
    return [
        Setting(
            epsilon,
            weights[row.id].error,
            weights[row.id].angle,
            errors[row.id],
            None if moved is None else expected_angle(moved, epsilon=epsilon),
            {layer: found[row.id] for layer, found in lengths.items() if row.id in found},
        )
        for epsilon, row in rows.items()
        if row.id in weights and row.id in errors
    ]


def in_order(found: list[Setting]) -> tuple[int, int]:
    """Of how many pairs the larger epsilon has the lower error, as the theorem on aligned linear networks says of
    all; and of how many.
    """
    pairs = list(itertools.combinations(sorted(found, key=lambda setting: setting.epsilon), 2))
    return sum(larger.error < smaller.error for smaller, larger in pairs), len(pairs)
