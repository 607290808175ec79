"""One house style: colours that colour-blind readers tell apart, and a white ground that reads in both themes."""

from collections.abc import Iterator
from contextlib import contextmanager

# Okabe and Ito's palette; a rule keeps its colour and line style throughout the book.
COLOURS = {"bp": "#000000", "frfb": "#D55E00", "urfb": "#0072B2"}
DASHES = {"bp": "-", "frfb": "--", "urfb": "-."}
OTHERS = ("#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def line_style(name: str, number: int) -> dict:
    """Colour, dashes and label of a line: a rule's own if it is named after one, else the next of a series."""
    if name in COLOURS:
        return {"color": COLOURS[name], "linestyle": DASHES[name], "label": name.upper()}
    dashes = ("-", "--", "-.", ":")
    return {"color": OTHERS[number % len(OTHERS)], "linestyle": dashes[number % len(dashes)], "label": name}


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
        yield made, axes
        plt.close(made)
