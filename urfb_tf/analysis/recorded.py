"""The recorded runs of experiments, and how two of them compare at the same epoch."""

import dataclasses
import math
import statistics
from collections.abc import Callable, Iterable, Sequence

from urfb_tf import results
from urfb_tf.errors import ArgumentError, is_whole
from urfb_tf.experiments import Experiment, find
from urfb_tf.results.draws import TENSORFLOW, XLA, draws_of

WINDOW = 5  # epochs that a mean is taken over: single epochs jump up and down by more than some rows differ


@dataclasses.dataclass(frozen=True)
class Comparison:
    """An error of two experiments, each the mean over the same epochs and over its recorded seeds.

    Attributes:
        first, second: the errors, shares in [0, 1].
        start, end: the first and the last of the epochs.
    """

    first: float
    second: float
    start: int
    end: int

    @property
    def difference(self) -> float:
        """First minus second."""
        return self.first - self.second


def runs(identifier: str, draws: str | None = None) -> dict[int, dict]:
    """The recorded results of an experiment by seed. Of runs of different lengths the longest count alone.

    Args:
        identifier: of the experiment.
        draws: which random numbers are preferred, as `draws_of` tells them: runs that drew these count alone, if there
            is one.
    """
    known = {seed: results.load(identifier, seed, draws=draws) for seed in results.seeds(identifier)}
    found = {seed: run for seed, run in known.items() if draws in (None, draws_of(run))} or known
    longest = max((len(run["epochs"]) for run in found.values()), default=0)
    return {seed: run for seed, run in found.items() if len(run["epochs"]) == longest}


def every(identifier: str) -> list[dict]:
    """All recorded results of an experiment, by seed; of one seed, each kind of draws, TensorFlow's first."""
    return [
        run
        for seed in results.seeds(identifier)
        for run in sorted(results.load_all(identifier, seed), key=lambda each: draws_of(each) != TENSORFLOW)
    ]


def reaching(
    experiments: Iterable[Experiment], epoch: int, has: Callable[[dict], bool] = lambda run: True
) -> dict[str, dict[int, dict]]:
    """The recorded results that came as far as an epoch, by id and seed.

    Of a seed that was drawn from in both ways (`urfb_tf.results.draws`), the one counts that more of these experiments
    have, so that as many as can be are compared with the same draws.

    Args:
        experiments: what to look for.
        epoch: how far a run must have come, >= 1.
        has: which results count, of those that came so far.
    """
    found = {
        row.id: {seed: _by_draws(row.id, seed, epoch, has) for seed in results.seeds(row.id)} for row in experiments
    }
    shares = {
        draws: sum(any(draws in kinds for kinds in of_one.values()) for of_one in found.values())
        for draws in (TENSORFLOW, XLA)
    }
    first = max(shares, key=shares.__getitem__)
    return {
        identifier: {seed: kinds.get(first) or next(iter(kinds.values())) for seed, kinds in of_one.items() if kinds}
        for identifier, of_one in found.items()
    }


def _by_draws(identifier: str, seed: int, epoch: int, has: Callable[[dict], bool]) -> dict[str, dict]:
    known = results.load_all(identifier, seed)
    return {draws_of(run): run for run in known if len(run["epochs"]) >= epoch and has(run)}


def histories(
    experiments: Iterable[Experiment], kind: str = "test_error", draws: str | None = None
) -> dict[str, list[dict]]:
    """The epoch records of those experiments that are recorded, by title; of several seeds, the first.

    Args:
        experiments: with titles that differ.
        kind: an entry of the records. Runs in which it was not measured are left out.
        draws: which random numbers are preferred, as in `urfb_tf.results.load`.
    """
    found = {}
    for experiment in experiments:
        for run in list(runs(experiment.id, draws).values())[:1]:
            if kind in run["epochs"][-1]:
                found[experiment.title] = run["epochs"]
    return found


def comparable(identifiers: Iterable[str]) -> list[dict[int, dict]]:
    """The recorded results of each experiment by seed, with the same draws in all of them if there are such.

    Experiments that differ in one thing are best compared between runs that drew the same random numbers. Of two kinds
    of draws that all have, the one that reaches the later epoch in common; if they have none in common, the longest.
    """
    identifiers = list(identifiers)
    by_draws = {draws: [runs(each, draws) for each in identifiers] for draws in (XLA, TENSORFLOW)}
    alike = [found for draws, found in by_draws.items() if all(_all_of(draws, of_one) for of_one in found)]
    return max(alike, key=_common_epoch, default=[runs(identifier) for identifier in identifiers])


def _all_of(draws: str, found: dict[int, dict]) -> bool:
    return bool(found) and all(draws_of(run) == draws for run in found.values())


def common_epoch(identifiers: Iterable[str]) -> int:
    """The last epoch that all of these experiments have reached, as `comparable` chooses; 0 if one is not recorded."""
    return _common_epoch(comparable(identifiers))


def compare(first: str, second: str, field: str = "test_error", until: int | None = None) -> Comparison | None:
    """Two experiments at the last epoch that both have reached, as `comparable` chooses; None if one is not recorded.

    Epochs are counted as in `since_drawn`.

    Args:
        first, second: ids.
        field: which entry of the epoch records.
        until: the last epoch that counts, >= 1. None takes all.

    Raises:
        ArgumentError: if `until` is no such number.
    """
    if until is not None and not is_whole(until, 1):
        raise ArgumentError(f"until is a whole number of epochs >= 1, but got {until!r}.")
    pair = [
        {seed: {**run, "epochs": since_drawn(identifier, run["epochs"])} for seed, run in found.items()}
        for identifier, found in zip((first, second), comparable((first, second)), strict=True)
    ]
    end = _common_epoch(pair)
    if not end:
        return None
    end = end if until is None else min(end, until)
    one, other = (statistics.fmean(recent(run["epochs"][:end], field) for run in found.values()) for found in pair)
    return Comparison(one, other, max(end - WINDOW, 0) + 1, end)


def since_drawn(identifier: str, epochs: Sequence[dict]) -> Sequence[dict]:
    """The epochs of a run since a phase drew its network anew, output layer included; all if none does."""
    return epochs[before_drawn(find(identifier)) :]


def before_drawn(experiment: Experiment) -> int:
    """How many epochs a run has before a phase last draws its network anew, output layer included; 0 if none does."""
    schedule = experiment.schedule
    last = max((number for number, phase in enumerate(schedule) if "output" in phase.reinitialise), default=0)
    return sum(phase.epochs for phase in schedule[:last])


def _common_epoch(found: list[dict[int, dict]]) -> int:
    return min(max((len(run["epochs"]) for run in of_one.values()), default=0) for of_one in found)


def recent(epochs: Sequence[dict], field: str) -> float:
    """The mean of a field over the last epochs: single epochs jump up and down by more than some rows differ.

    NaN where it lacks in one, as the loss of a run that has diverged.
    """
    values = [math.nan if record[field] is None else record[field] for record in epochs[-WINDOW:]]
    return sum(values) / len(values)


def reached(epochs: Sequence[dict], field: str, level: float) -> int | None:
    """The first epoch at which the mean of a field over the last epochs, as in `recent`, is at most `level`, if any."""
    ends = range(WINDOW, len(epochs) + 1)
    return next((end for end in ends if recent(epochs[end - WINDOW : end], field) <= level), None)
