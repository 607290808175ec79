"""One house style: colours that colour-blind readers tell apart, and a white ground that reads in both themes."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from urfb_tf.errors import ArgumentError

# Okabe and Ito's palette; a rule keeps its colour and line style throughout the book.
COLOURS = {"bp": "#000000", "frfb": "#D55E00", "urfb": "#0072B2"}
DASHES = {"bp": "-", "frfb": "--", "urfb": "-."}
BY_EPSILON = {0.0: "frfb", 1.0: "urfb"}  # what epsilon makes of URFB; they keep the colours of the rules
OTHERS = ("#009E73", "#CC79A7", "#E69F00", "#56B4E9")
OTHER_DASHES = ("-", "--", "-.", ":")

_SETTINGS = {
    "figure.dpi": 144,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E4E4E4",
    "axes.titlesize": 11,
    "axes.labelsize": 10,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "font.size": 10,
}


@contextmanager
def figure(rows: int = 1, columns: int = 1, *, size: tuple[float, float], **options) -> Iterator[tuple]:
    """A figure and its axes [rows, columns] in the house style; closed afterwards, so that a cell shows it once."""
    import matplotlib.pyplot as plt

    with plt.rc_context(_SETTINGS):
        made, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained", **options)
        try:
            yield made, axes
            _mark_single_points(made)
        finally:
            plt.close(made)


def _mark_single_points(made) -> None:
    """A line through one point, as of a run of one epoch, would not be seen."""
    for axis in made.axes:
        for line in axis.get_lines():
            if line.get_marker() in ("None", "", " ") and np.isfinite(line.get_ydata(orig=False)).sum() == 1:
                line.set(marker="o", markersize=4)


def whole_epochs(axis) -> None:
    """Ticks of a horizontal axis of epochs at whole numbers, also of one epoch alone."""
    axis.xaxis.get_major_locator().set_params(integer=True)
    if axis.dataLim.width == 0:
        axis.set_xlim(axis.dataLim.x0 - 1, axis.dataLim.x0 + 1)


def legend_columns(count: int) -> int:
    """In how many columns a legend of so many lines stands beside a figure of usual height."""
    return 1 + (count - 1) // 14


def not_empty(name: str, values: Collection) -> None:
    """Refuse a figure of nothing.

    Raises:
        ArgumentError: if there is no value.
    """
    if not len(values):
        raise ArgumentError(f"There is nothing to show: {name} is empty.")


def line_styles(rules: Mapping[str, str]) -> dict[str, dict]:
    """How to draw the line of each run, by its label.

    Args:
        rules: the rule's name by label. A rule sets colour and dashes; its further runs are paler and broader. Names
            of no rule take the next of a series.
    """
    styles: dict[str, dict] = {}
    seen: set[str] = set()
    for number, (label, rule) in enumerate(rules.items()):
        styles[label] = {
            "color": COLOURS.get(rule, OTHERS[number % len(OTHERS)]),
            # Shifted with each round, so that a colour that comes again has other dashes.
            "linestyle": DASHES.get(rule, OTHER_DASHES[(number + number // len(OTHERS)) % len(OTHER_DASHES)]),
            "label": label.upper() if label in COLOURS else label,
            **({"alpha": 0.45, "linewidth": 2.6} if rule in seen else {}),
        }
        seen.add(rule)
    return styles


def run_styles(runs: Collection[str], rules: Mapping[str, str]) -> dict[str, dict]:
    """How to draw the line of each of some runs.

    Args:
        runs: their labels.
        rules: the rule's name by label, of these runs and perhaps of others.

    Raises:
        ArgumentError: if there is no run, or one without a rule.
    """
    not_empty("runs", runs)
    if unnamed := [label for label in runs if label not in rules]:
        raise ArgumentError(f"rules names the rule of each run, but lacks {', '.join(map(repr, unnamed))}.")
    return line_styles({label: rules[label] for label in runs})


def lines_of(axes: Iterable) -> tuple[list, list[str]]:
    """Lines and labels for one legend of several panels, each label once, from whichever panel has it."""
    found = {label: line for axis in axes for line, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    return list(found.values()), list(found)
