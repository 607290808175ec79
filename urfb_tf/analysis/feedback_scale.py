"""What the size of R does on CIFAR: the recorded runs whose R starts smaller or larger than W, at one epoch."""

import dataclasses
from collections.abc import Mapping

from urfb_tf.analysis import angles
from urfb_tf.analysis.continuum import BELOW
from urfb_tf.experiments import Experiment, select
from urfb_tf.table import Table

PLACE = "feedback_scale"


@dataclasses.dataclass(frozen=True)
class Setting:
    """One scale, over the last five epochs up to one epoch.

    Attributes:
        scale: what R's initial values are multiplied by.
        error: the test error, a share in [0, 1].
        angles: of the error that arrives at a layer of `continuum.BELOW`, to back-propagation's, in degrees.
        lengths: of that error, in lengths of back-propagation's; without those that were not measured.
    """

    scale: float
    error: float
    angles: Mapping[str, float]
    lengths: Mapping[str, float]


def by_scale(base: Experiment) -> dict[float, Experiment]:
    """The runs that differ from one of Table 1 in the size of R alone, that one among them, from the smallest up."""
    others = [row for row in select(PLACE) if (row.dataset, row.rule) == (base.dataset, base.rule)]
    return dict(sorted({1.0: base, **{row.feedback_scale: row for row in others}}.items()))


def settings(base: Experiment, epoch: int) -> dict[float, Setting]:
    """Those that are recorded up to an epoch, by scale."""
    rows = by_scale(base)
    runs = angles.measured(rows.values(), [("error_angle", BELOW[0])], epoch)
    errors = {point.id: point.error for point in angles.points(rows.values(), "error_angle", BELOW[0], epoch, runs)}
    found, lengths = (
        {layer: angles.by_id(rows.values(), kind, layer, epoch, runs) for layer in BELOW}
        for kind in ("error_angle", "error_ratio")
    )
    return {
        scale: Setting(
            scale,
            errors[row.id],
            {layer: values[row.id] for layer, values in found.items() if row.id in values},
            {layer: values[row.id] for layer, values in lengths.items() if row.id in values},
        )
        for scale, row in rows.items()
        if row.id in errors
    }


def table(bases: Mapping[str, Experiment], epoch: int) -> Table:
    """One row for each recorded run, with what `Setting` holds.

    Args:
        bases: rows of Table 1, by what they are to be called.
        epoch: where all of them are read.
    """
    rows = [
        [
            name,
            f"{each.scale:g}",
            f"{each.error:.3f}",
            *(f"{each.angles[layer]:.0f}°" if layer in each.angles else "" for layer in BELOW),
            *(f"{each.lengths[layer]:.2g}" if layer in each.lengths else "" for layer in BELOW),
        ]
        for name, base in bases.items()
        for each in settings(base, epoch).values()
    ]
    columns = [f"{what} at {layer}" for what in ("angle", "length") for layer in BELOW]
    return Table(["run", "R times", "test error", *columns], rows or [["none recorded so far", *[""] * 6]])
