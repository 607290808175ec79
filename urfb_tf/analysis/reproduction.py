"""The paper's 66 numbers beside what is recorded here."""

import dataclasses
import statistics
from collections.abc import Iterable

from urfb_tf import results
from urfb_tf.analysis import recorded
from urfb_tf.experiments.experiment import Experiment
from urfb_tf.experiments.paper import PAPER

TOLERANCE = 0.03  # the paper prints two digits of one run each
FIELDS = {"train": "train_error_evaluated", "test": "test_error"}
VERDICTS = ("reproduced", "differs", "partly run", "not run")


@dataclasses.dataclass(frozen=True)
class Number:
    """One number of the paper's tables.

    Attributes:
        id: the experiment's id and the split.
        table: 1, 2 or 3.
        row: the paper's name of the row, with network and dataset.
        split: "train", dropout off (the paper does not say), or "test".
        tying: "tied" or "untied".
        paper: the error printed, a share in [0, 1].
        measured: the mean over seeds of the error after the last epoch. None if nothing is recorded.
        spread: the standard deviation over seeds. None for less than two.
        seeds: those measured.
        epochs: how long these ran; the longest runs count alone.
        paper_epochs: how long the paper trains.
        device: what they ran on.
        deviation: measured minus paper.
        verdict: "reproduced" if the deviation is at most .03 at full length, else "differs"; "partly run" below full
            length; "not run".
        files: the names of the records behind it.
    """

    id: str
    table: int
    row: str
    split: str
    tying: str
    paper: float
    measured: float | None
    spread: float | None
    seeds: list[int]
    epochs: int
    paper_epochs: int
    device: str | None
    deviation: float | None
    verdict: str
    files: list[str]


def numbers(experiments: Iterable[Experiment] = PAPER) -> list[Number]:
    """Two of each experiment: all 66 of Tables 1, 2 and 3, in their order, or those of some experiments.

    Args:
        experiments: of the paper's tables.
    """
    found = []
    for experiment in experiments:
        runs = recorded.runs(experiment.id)
        longest = max((len(run["epochs"]) for run in runs.values()), default=0)
        found += [_number(experiment, split, runs, longest) for split in FIELDS]
    return found


def _number(experiment: Experiment, split: str, runs: dict[int, dict], epochs: int) -> Number:
    assert experiment.paper is not None
    printed = getattr(experiment.paper, split)
    values = [run["epochs"][-1][FIELDS[split]] for run in runs.values()]
    mean = statistics.fmean(values) if values else None
    deviation = None if mean is None else mean - printed
    devices = {session["hardware"]["device"] for run in runs.values() for session in run["sessions"]}
    return Number(
        id=f"{experiment.id}/{split}",
        table=int(experiment.id.split("/")[0].removeprefix("table")),
        row=f"{experiment.network} on {experiment.dataset}: {experiment.title}",
        split=split,
        tying="untied" if experiment.phases else "tied",
        paper=printed,
        measured=None if mean is None else round(mean, 4),
        spread=round(statistics.stdev(values), 4) if len(values) > 1 else None,
        seeds=list(runs),
        epochs=epochs,
        paper_epochs=experiment.paper_epochs,
        device=", ".join(sorted(devices)) or None,
        deviation=None if deviation is None else round(deviation, 4),
        verdict=_verdict(deviation, epochs, experiment.paper_epochs),
        files=[results.path_of(experiment.id, seed).name for seed in runs],
    )


def _verdict(deviation: float | None, epochs: int, paper_epochs: int) -> str:
    if deviation is None:
        return "not run"
    if epochs < paper_epochs:
        return "partly run"
    return "reproduced" if abs(deviation) <= TOLERANCE + 1e-9 else "differs"
