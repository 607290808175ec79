"""All recorded runs of one network and dataset beside each other: same protocol, same number of epochs."""

import dataclasses
import statistics
from collections.abc import Iterable

from urfb_tf import results
from urfb_tf.analysis import recorded
from urfb_tf.errors import ArgumentError, is_whole
from urfb_tf.experiments import EXPERIMENTS, Experiment
from urfb_tf.table import Table

EPOCHS = 20  # what a processor without a GPU reaches in minutes
# What may differ between the runs of a board; everything else is the protocol, that of the paper's rows.
FREE = ("network", "dataset", "rule", "epsilon", "loss", "connectivity", "feedback_scale", "batch_norm")
BOARDS = (
    ("simpnet", "cifar10"),
    ("simpnet", "cifar100"),
    ("deepnet", "cifar100"),
    ("deepernet", "cifar100"),
    ("deepernet_s", "cifar10"),
)


@dataclasses.dataclass(frozen=True)
class Entry:
    """One experiment on a board.

    Attributes:
        id: the experiment's.
        title: of its row.
        network, dataset, rule: its names.
        epochs: after how many its errors are taken.
        test_error, train_error: means over the last five epochs up to there, and over seeds. Train errors are those
            with dropout off. None if no run has come so far.
        spread: the standard deviation of the test error over seeds. None for less than two.
        seeds: those that came so far.
        reached: the epochs of the longest recorded run, 0 if there is none.
        device: what they ran on.
        files: the names of the records behind it.
    """

    id: str
    title: str
    network: str
    dataset: str
    rule: str
    epochs: int
    test_error: float | None
    train_error: float | None
    spread: float | None
    seeds: list[int]
    reached: int
    device: str | None
    files: list[str]


def leaderboard(network: str, dataset: str, epochs: int = EPOCHS) -> list[Entry]:
    """The runs of a network on a dataset under the paper's protocol: the lowest test error first, then those missing.

    The protocol is the default reading, SGD with a step of .1, batches of 500, tied convolutions, all classes at once.
    Runs that went on are read at the same epoch as the others. Of runs with other draws from the same seed, those count
    that more of the board have (`urfb_tf.analysis.recorded.reaching`).

    Args:
        network: a name in `urfb_tf.networks.NETWORKS`.
        dataset: a name in `urfb_tf.data.DATASETS`.
        epochs: after how many epochs, >= 1.

    Raises:
        ArgumentError: if no experiment is of this network and dataset, or for an impossible number of epochs.
    """
    if not is_whole(epochs, 1):
        raise ArgumentError(f"A leaderboard is of a whole number of epochs >= 1, but got {epochs!r}.")
    rows = contenders(network, dataset)
    if not rows:
        raise ArgumentError(f"No experiment trains {network} on {dataset}: `python -m urfb_tf list` shows them all.")
    far = recorded.reaching(rows, epochs)
    entries = [_entry(row, far[row.id], epochs) for row in rows]
    return sorted(entries, key=lambda entry: (entry.test_error is None, entry.test_error or 0.0))


def table(entries: Iterable[Entry]) -> Table:
    """The recorded entries of a board, one row each; errors are shares in [0, 1]."""
    rows = []
    for place, entry in enumerate((entry for entry in entries if entry.test_error is not None), start=1):
        spread = "" if entry.spread is None else f"{entry.spread:.3f}"
        numbers = [str(place), f"{entry.test_error:.3f}", spread, f"{entry.train_error:.3f}", str(len(entry.seeds))]
        rows.append([entry.title, *numbers, entry.device or ""])
    return Table(["run", "place", "test error", "± over seeds", "train error", "seeds", "device"], rows, sortable=True)


def missing(entries: Iterable[Entry]) -> str:
    """Which runs of a board are not recorded as far as it asks, in a sentence, with the command that trains each."""
    absent = [entry for entry in entries if entry.test_error is None]
    if not absent:
        return "All runs of this board are recorded."
    shorter = [f"{entry.title} ({entry.reached} epochs)" for entry in absent if entry.reached]
    parts = [f"Recorded, but not for {absent[0].epochs} epochs: {', '.join(shorter)}."] if shorter else []
    if never := [f"`{entry.id}`" for entry in absent if not entry.reached]:
        parts.append(f"Not recorded yet: {', '.join(never)}.")
    return " ".join(parts)


def contenders(network: str, dataset: str) -> list[Experiment]:
    """The experiments of a board, whether or not they are recorded, in the order of the catalogue."""
    return [row for row in EXPERIMENTS.values() if (row.network, row.dataset) == (network, dataset) and _plain(row)]


def _plain(row: Experiment) -> bool:
    """Whether an experiment keeps to the protocol."""
    ignored = {"id", "title", "paper", "paper_epochs", "length_given", *FREE}
    return all(
        getattr(row, field.name) == field.default for field in dataclasses.fields(row) if field.name not in ignored
    )


def _entry(row: Experiment, far: dict[int, dict], epochs: int) -> Entry:
    test, train = (
        [recorded.recent(run["epochs"][:epochs], field) for run in far.values()]
        for field in ("test_error", "train_error_evaluated")
    )
    devices = {_device(session) for run in far.values() for session in run["sessions"]}
    return Entry(
        id=row.id,
        title=row.title,
        network=row.network,
        dataset=row.dataset,
        rule=row.rule,
        epochs=epochs,
        test_error=_mean(test),
        train_error=_mean(train),
        spread=round(statistics.stdev(test), 4) if len(test) > 1 else None,
        seeds=list(far),
        reached=max((len(run["epochs"]) for run in recorded.runs(row.id).values()), default=0),
        device=" and ".join(sorted(devices)) or None,
        files=[results.file_of(run).name for run in far.values()],
    )


def _device(session: dict) -> str:
    hardware = session["hardware"]
    return f"{hardware['device']}, {hardware['cores']} cores"


def _mean(values: Iterable[float]) -> float | None:
    values = list(values)
    return round(statistics.fmean(values), 4) if values else None
