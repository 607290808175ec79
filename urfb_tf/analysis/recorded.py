"""The recorded runs of experiments, and how two of them compare at the same epoch."""

import dataclasses
import statistics
from collections.abc import Iterable, Sequence

from urfb_tf import results
from urfb_tf.experiments import Experiment

# Experiments that differ in one thing are compared between runs that drew the same random numbers: those of TensorFlow,
# which alone measure the angles of errors. Exported runs of the same seed draw others.
SAME_DRAWS = "error_angle"
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


def runs(identifier: str, kind: str | None = None) -> dict[int, dict]:
    """The recorded results of an experiment by seed. Of runs of different lengths the longest count alone.

    Args:
        identifier: of the experiment.
        kind: an entry of the epoch records that matters, so that a run which has it goes before a longer one.
    """
    found = {seed: results.load(identifier, seed, measuring=kind) for seed in results.seeds(identifier)}
    longest = max((len(run["epochs"]) for run in found.values()), default=0)
    return {seed: run for seed, run in found.items() if len(run["epochs"]) == longest}


def histories(experiments: Iterable[Experiment], kind: str = "test_error") -> dict[str, list[dict]]:
    """The epoch records of those experiments that are recorded, by title; of several seeds, the first.

    Args:
        experiments: with titles that differ.
        kind: an entry of the records. Runs in which it was not measured are left out.
    """
    found = {}
    for experiment in experiments:
        for run in list(runs(experiment.id, kind).values())[:1]:
            if kind in run["epochs"][-1]:
                found[experiment.title] = run["epochs"]
    return found


def comparable(identifiers: Iterable[str]) -> list[dict[int, dict]]:
    """The recorded results of each experiment by seed, with the same draws in all of them.

    The longest, if all of those come from TensorFlow or none does; otherwise those from TensorFlow.
    """
    identifiers = list(identifiers)
    longest = [runs(identifier) for identifier in identifiers]
    if len({SAME_DRAWS in run["epochs"][-1] for found in longest for run in found.values()}) <= 1:
        return longest
    return [runs(identifier, SAME_DRAWS) for identifier in identifiers]


def common_epoch(identifiers: Iterable[str]) -> int:
    """The last epoch that all of these experiments have reached with the same draws; 0 if one is not recorded."""
    return _common_epoch(comparable(identifiers))


def compare(first: str, second: str, field: str = "test_error", until: int | None = None) -> Comparison | None:
    """Two experiments at the last epoch that both have reached with the same draws; None if one is not recorded.

    Args:
        first, second: ids.
        field: which entry of the epoch records.
        until: the last epoch that counts. None takes all.
    """
    pair = comparable((first, second))
    end = _common_epoch(pair)
    if not end:
        return None
    end = end if until is None else min(end, until)
    one, other = (statistics.fmean(recent(run["epochs"][:end], field) for run in found.values()) for found in pair)
    return Comparison(one, other, max(end - WINDOW, 0) + 1, end)


def _common_epoch(found: list[dict[int, dict]]) -> int:
    return min(max((len(run["epochs"]) for run in of_one.values()), default=0) for of_one in found)


def recent(epochs: Sequence[dict], field: str, window: int = WINDOW) -> float:
    """The mean of a field over the last epochs: single epochs jump up and down by more than some rows differ."""
    return sum(record[field] for record in epochs[-window:]) / len(epochs[-window:])
