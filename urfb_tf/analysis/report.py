"""Recorded results as tables: beside the paper's numbers, their verdicts, and what they were measured with."""

import collections
import statistics
from collections.abc import Iterable, Sequence

from urfb_tf.analysis import recorded
from urfb_tf.analysis.reproduction import VERDICTS, Number
from urfb_tf.environment import short_commit
from urfb_tf.experiments import Experiment
from urfb_tf.results.data_notes import NOTES
from urfb_tf.table import Table


def against_paper(experiments: Iterable[Experiment]) -> Table:
    """The last epoch of the recorded runs beside the paper's numbers: the mean over seeds, ± their standard deviation.

    Of runs of different lengths the longest count alone. Train errors are those with dropout off (evaluated) and on
    (running mean in the epoch): the paper does not say which it means. Rows that are not recorded say so.
    """
    rows = []
    for experiment in experiments:
        paper = experiment.paper
        start = [experiment.title, *([f"{paper.train:.2f}", f"{paper.test:.2f}"] if paper else ["", ""])]
        last = [run["epochs"][-1] for run in recorded.runs(experiment.id).values()]
        if not last:
            rows.append([*start, "not run", "", "", "", ""])
            continue
        fields = ("train_error_evaluated", "train_error", "test_error")
        measured = [_mean([record[field] for record in last]) for field in fields]
        rows.append([*start, *measured, str(last[0]["epoch"]), str(len(last))])
    header = ["", "paper: train", "paper: test", "train", "train, dropout on", "test", "epochs", "seeds"]
    return Table(header, rows)


def _mean(values: Sequence[float]) -> str:
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.3f}{spread}"


def reproduction(numbers: Iterable[Number]) -> Table:
    """The paper's numbers beside the recorded ones, one row per run, each verdict in its colour."""
    rows: dict[str, list[str]] = {}
    for number in numbers:
        identifier = number.id.removesuffix(f"/{number.split}")
        cells = rows.setdefault(identifier, [number.row.partition(": ")[2], *[""] * 6])
        column = 1 if number.split == "train" else 3
        cells[column] = f"{number.paper:.2f}"
        if number.measured is not None:
            spread = "" if number.spread is None else f" ± {number.spread:.3f}"
            cells[column + 1] = _badge(number.verdict, f"{number.measured:.3f}{spread}")
            cells[5], cells[6] = f"{number.epochs} of {number.paper_epochs}", number.device or ""
        else:
            cells[column + 1] = _badge(number.verdict, "none")
    header = ["", "paper: train", "train", "paper: test", "test", "epochs", "device"]
    return Table(header, list(rows.values()))


def verdicts(numbers: Iterable[Number]) -> str:
    """How many numbers have which verdict, in the colours of `reproduction`."""
    count = collections.Counter(number.verdict for number in numbers)
    return " ".join(_badge(verdict, f"{count[verdict]} {verdict}") for verdict in VERDICTS)


def _badge(verdict: str, text: str) -> str:
    return f"<span class='verdict {verdict.replace(' ', '-')}' title='{verdict}'>{text}</span>"


def provenance(identifiers: Iterable[str]) -> Table:
    """With what the recorded results of these experiments were measured, one row per session of a run."""
    rows = []
    for identifier in identifiers:
        for result in recorded.every(identifier):
            seed, sessions = result["seed"], result["sessions"]
            ends = [*(session["from_epoch"] - 1 for session in sessions[1:]), len(result["epochs"])]
            for session, end in zip(sessions, ends, strict=True):
                hardware, versions = session["hardware"], session["versions"]
                rows.append(
                    [
                        identifier if seed == 0 else f"{identifier}, seed {seed}",
                        f"{session['from_epoch']} to {end}",
                        session["date"][:10],
                        f"{hardware['device']} ({hardware['processor']}, {hardware['cores']} cores)",
                        _programs(versions),
                        short_commit(session["commit"]),
                    ]
                )
    header = ["experiment", "epochs", "date", "device", "versions", "commit"]
    return Table(header, rows or [["none recorded", *[""] * (len(header) - 1)]])


def _programs(versions: dict[str, str]) -> str:
    """What trained, by its versions; an exported run, JAX."""
    made = f"TensorFlow {versions['tensorflow']}, Keras {versions['keras']}"
    return f"JAX {versions['jax']}, exported by {made}" if "jax" in versions else made


def data_notes(identifiers: Iterable[str]) -> list[str]:
    """What must be said of the data behind the recorded results of these experiments, one sentence per copy."""
    notes: dict[str, str] = {}
    for identifier in identifiers:
        for result in recorded.runs(identifier).values():
            data = result["data"]
            count = ", ".join(f"{number} {split}" for split, number in data["images"].items())
            known = NOTES.get(data["sha256"], "no deviation from the published dataset is known.")
            notes[data["sha256"]] = f"{data['name']} ({count} images, sha256 {data['sha256'][:12]}): {known}"
    return list(notes.values())
