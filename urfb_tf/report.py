"""Recorded results beside the paper's numbers, as a table that notebooks and the book can show."""

import collections
import dataclasses
from collections.abc import Iterable, Sequence

from urfb_tf import results
from urfb_tf.experiments import Experiment
from urfb_tf.reproduction import VERDICTS, Number
from urfb_tf.results.data_notes import NOTES


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of text under a header; shows as HTML in a notebook and as Markdown elsewhere."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def _repr_html_(self) -> str:
        def line(tag: str, cells: Sequence[str]) -> str:
            first, *rest = cells
            scope = ' scope="row"' if tag == "td" else ""
            # A header without text would name a column of names by nothing.
            opening = f"<th{scope} style='text-align:left'>{first}</th>" if first else "<td></td>"
            return "<tr>" + opening + "".join(f"<{tag} style='text-align:right'>{c}</{tag}>" for c in rest) + "</tr>"

        body = "".join(line("td", row) for row in self.rows)
        # The theme frames outputs in white in the dark, but not those of the class "dataframe".
        return (
            "<div style='overflow-x:auto'><table class='table dataframe'>"
            f"<thead>{line('th', self.header)}</thead><tbody>{body}</tbody></table></div>"
        )

    def _repr_markdown_(self) -> str:
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)

    __str__ = _repr_markdown_


def against_paper(experiments: Iterable[Experiment], seed: int = 0) -> Table:
    """The last epoch of each recorded run beside the paper's numbers.

    Train errors are those with dropout off (evaluated) and on (running mean in the epoch): the paper does not say which
    it means. Rows that are not recorded say so.
    """
    recorded = results.ids()
    rows = []
    for experiment in experiments:
        paper = experiment.paper
        start = [experiment.title, *([f"{paper.train:.2f}", f"{paper.test:.2f}"] if paper else ["", ""])]
        if (experiment.id, seed) not in recorded:
            rows.append([*start, "not run", "", "", ""])
            continue
        last = results.load(experiment.id, seed)["epochs"][-1]
        measured = [f"{last[key]:.3f}" for key in ("train_error_evaluated", "train_error", "test_error")]
        rows.append([*start, *measured, str(last["epoch"])])
    header = ["", "paper: train", "paper: test", "train", "train, dropout on", "test", "epochs"]
    return Table(header, rows)


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
    return ", ".join(_badge(verdict, f"{count[verdict]} {verdict}") for verdict in VERDICTS)


def _badge(verdict: str, text: str) -> str:
    return f"<span class='verdict {verdict.replace(' ', '-')}' title='{verdict}'>{text}</span>"


def provenance(identifiers: Iterable[str], seed: int = 0) -> Table:
    """With what each recorded result was measured, one row per session of a run."""
    rows = []
    for identifier in identifiers:
        result = results.load(identifier, seed)
        for session in result["sessions"]:
            hardware, versions = session["hardware"], session["versions"]
            rows.append(
                [
                    identifier,
                    str(session["from_epoch"]),
                    session["date"][:10],
                    f"{hardware['device']} ({hardware['processor']}, {hardware['cores']} cores)",
                    f"TensorFlow {versions['tensorflow']}, Keras {versions['keras']}",
                    session["commit"][:10],
                ]
            )
    return Table(["experiment", "from epoch", "date", "device", "versions", "commit"], rows)


def data_notes(identifiers: Iterable[str], seed: int = 0) -> list[str]:
    """What must be said of the data behind recorded results, one sentence per copy of a dataset."""
    notes: dict[str, str] = {}
    for identifier in identifiers:
        data = results.load(identifier, seed)["data"]
        count = ", ".join(f"{number} {split}" for split, number in data["images"].items())
        known = NOTES.get(data["sha256"], "no deviation from the published dataset is known.")
        notes[data["sha256"]] = f"{data['name']} ({count} images, sha256 {data['sha256'][:12]}): {known}"
    return list(notes.values())


def recent(epochs: Sequence[dict], field: str, window: int = 5) -> float:
    """The mean of a field over the last epochs: single epochs jump up and down by more than some rows differ."""
    return sum(record[field] for record in epochs[-window:]) / len(epochs[-window:])
