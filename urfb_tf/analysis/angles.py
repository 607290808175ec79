"""The angles of recorded runs beside their errors: how close they come, how soon, and whether the two go together."""

import dataclasses
import math
import statistics
from collections.abc import Iterable, Sequence

from urfb_tf.analysis import recorded
from urfb_tf.errors import ArgumentError, is_whole
from urfb_tf.experiments import Experiment

RIGHT_ANGLE = 90.0  # between W and an R drawn independently of it, at the start


@dataclasses.dataclass(frozen=True)
class Point:
    """One recorded experiment: an angle of one layer and the test error, over the same five epochs and seeds.

    Attributes:
        id, title, rule: of the experiment.
        angle: degrees; of "error_ratio", the ratio.
        error: the test error, a share in [0, 1].
    """

    id: str
    title: str
    rule: str
    angle: float
    error: float


@dataclasses.dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rank correlation of n pairs, with a 95 % interval.

    Attributes:
        rho: in [-1, 1].
        low, high: tanh(artanh rho -+ 1.96 sqrt((1 + rho^2 / 2) / (n - 3))), after Bonett and Wright (2000). It takes
            the pairs for independent draws. None for less than four.
        n: the number of pairs.
    """

    rho: float
    low: float | None
    high: float | None
    n: int

    def __str__(self) -> str:
        interval = "" if self.low is None else f", 95 % interval {self.low:+.2f} to {self.high:+.2f}"
        return f"rank correlation {self.rho:+.2f} over {self.n} runs{interval}"


def points(
    experiments: Iterable[Experiment], kind: str, layer: str, epoch: int, runs: dict[str, dict[int, dict]] | None = None
) -> list[Point]:
    """Those of the experiments that are recorded up to an epoch, and have the angle there.

    Args:
        experiments: what to look for.
        kind: "weight_angle", "update_angle", "error_angle" or "shared_weight_angle"; or "error_ratio", which is no
            angle but is read in the same way.
        layer: a layer's name.
        epoch: where all of them are read, >= 1; longer runs too.
        runs: of which results, as `measured` gives them, so that several angles are read from the same ones. None takes
            those that have this one.

    Raises:
        ArgumentError: if the epoch is no such number.
    """
    if not is_whole(epoch, 1):
        raise ArgumentError(f"epoch is a whole number >= 1, but got {epoch!r}.")
    rows = list(experiments)
    runs = measured(rows, [(kind, layer)], epoch) if runs is None else runs
    found = []
    for row in rows:
        epochs = [run["epochs"][:epoch] for run in runs[row.id].values()]
        known = [angle for each in epochs if (angle := recent_angle(each, kind, layer)) is not None]
        if known:
            error = statistics.fmean(recorded.recent(each, "test_error") for each in epochs)
            found.append(Point(row.id, row.title, row.rule, statistics.fmean(known), error))
    return found


def by_id(
    experiments: Iterable[Experiment], kind: str, layer: str, epoch: int, runs: dict[str, dict[int, dict]] | None = None
) -> dict[str, float]:
    """The angles of `points`, by the experiment's id."""
    return {point.id: point.angle for point in points(experiments, kind, layer, epoch, runs)}


def measured(
    experiments: Iterable[Experiment], which: Iterable[tuple[str, str]], epoch: int
) -> dict[str, dict[int, dict]]:
    """The recorded results, as `recorded.reaching` chooses them, of those in which some angles are known at an epoch.

    Args:
        experiments, epoch: as those of `points`.
        which: kind and layer of each of these angles.
    """
    which = list(which)
    return recorded.reaching(
        experiments, epoch, lambda run: all(recent_angle(run["epochs"][:epoch], *each) is not None for each in which)
    )


def recent_angle(epochs: Sequence[dict], kind: str, layer: str) -> float | None:
    """The mean of an angle over the last epochs, as `recorded.recent` takes that of an error; None where one lacks."""
    values = [angle_at(epoch, kind, layer) for epoch in epochs[-recorded.WINDOW :]]
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if len(known) == len(values) else None


def angle_at(epoch: dict, kind: str, layer: str) -> float | None:
    """An angle in one epoch's record, or None."""
    return (epoch.get(kind) or {}).get(layer)


def half_way(values: Sequence[float | None], start: float, least: float) -> float | None:
    """After how many epochs a quantity has gone half of its way from the start to where it is in the end.

    The end is the mean over the last five epochs; between two epochs, it goes straight.

    Args:
        values: one per epoch, the first after epoch 1.
        start: its value at epoch 0.
        least: how far it must go for the question to make sense.

    Returns:
        Epochs, or None if a value lacks or it went less far than `least`.
    """
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    way = statistics.fmean(known[-recorded.WINDOW :]) - start
    if abs(way) < least:
        return None
    before = 0.0
    for epoch, value in enumerate(known, start=1):
        gone = (value - start) / way
        if gone >= 0.5:
            return epoch - 1 + (0.5 - before) / (gone - before)
        before = gone
    return None


def rank_correlation(pairs: Iterable[Point]) -> RankCorrelation:
    """Spearman's rank correlation between the angles and the errors of some points, ties taking their mean rank.

    Raises:
        ArgumentError: for less than three points, if a number is not finite, or if all have one angle or one error.
    """
    pairs = list(pairs)
    if not all(math.isfinite(number) for pair in pairs for number in (pair.angle, pair.error)):
        raise ArgumentError("Ranks need finite angles and errors: leave out runs that have diverged.")
    angles, errors = _ranks([pair.angle for pair in pairs]), _ranks([pair.error for pair in pairs])
    if len(pairs) < 3 or len(set(angles)) == 1 or len(set(errors)) == 1:
        raise ArgumentError("A rank correlation needs three points or more, with angles and errors that differ.")
    rho = statistics.correlation(angles, errors)
    if len(pairs) < 4:
        return RankCorrelation(rho, None, None, len(pairs))
    # An atanh of 1 is infinite, and the interval then ends there.
    centre = math.atanh(rho) if abs(rho) < 1 - 1e-12 else math.copysign(math.inf, rho)
    reach = 1.96 * math.sqrt((1 + rho**2 / 2) / (len(pairs) - 3))
    return RankCorrelation(rho, math.tanh(centre - reach), math.tanh(centre + reach), len(pairs))


def _ranks(values: Sequence[float]) -> list[float]:
    """1 for the smallest; equal values share the mean of their ranks."""
    ordered = sorted(values)
    return [ordered.index(value) + (ordered.count(value) + 1) / 2 for value in values]
