"""The filters of an untied layer at a location of the reader's choice, before and after training."""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from urfb_tf.errors import ArgumentError
from urfb_tf.layers import UntiedConv2D
from urfb_tf.metrics.neighbours import neighbour_similarity
from urfb_tf.plots.interactive.filters_drawing import browser, shade
from urfb_tf.plots.interactive.page import element, number, select, slider, table
from urfb_tf.plots.style import not_empty

_TEMPLATE = (
    "Row {row}, column {column}, {run}: the mean cosine between filters here and next to here is {before} before and "
    "{after} after training, which moved them by {moved} of their length."
)

_PROGRAM = """
  const {all, find, control, say, value, data} = begin(root);
  const [run, row, column] = ['run', 'row', 'column'].map(control);
  const pixels = {before: all('.before rect'), after: all('.after rect')}, cells = all('[data-at]');
  const show = () => {
    const found = data.runs[run.selectedIndex], at = Number(row.value) * data.columns.length + Number(column.value);
    cells.forEach((cell, n) => { cell.setAttribute('fill', found.map[n]); });
    for (const name of ['before', 'after']) {
      const colours = data.filters[found[name][at]];
      pixels[name].forEach((pixel, n) => { pixel.setAttribute('fill', '#' + colours.slice(3 * n, 3 * n + 3)); });
    }
    for (const ring of all('.ring')) {
      for (const name of ['x', 'y']) ring.setAttribute(name, cells[at].getAttribute(name));
    }
    value(row, data.rows[row.value]);
    value(column, data.columns[column.value]);
    const [before, after, moved] = found.words[at];
    say({row: data.rows[row.value], column: data.columns[column.value], run: run.value, before, after, moved});
  };
  for (const input of [run, row, column]) input.addEventListener('input', show);
  cells.forEach((cell, n) => cell.addEventListener('click', () => {
    row.value = Math.floor(n / data.columns.length);
    column.value = n % data.columns.length;
    show();
  }));
  show();
"""


class Run(NamedTuple):
    """An untied layer and what its W was before training.

    Attributes:
        layer: as it is now, with three input channels.
        start: W then, [S, 3, filters].
    """

    layer: UntiedConv2D
    start: np.ndarray


def filter_browser(runs: Mapping[str, Run]) -> str:
    """A map of an untied layer's locations, coloured by similarity to the neighbours, and the filters of one of them.

    Colours of filters are as in `urfb_tf.plots.filters_across_space`, in 16 steps of each channel. Only locations whose
    filters lie inside the image are shown.

    Args:
        runs: by label; all of one shape. Pairs (layer, W before training).

    Returns:
        HTML for `IPython.display.HTML`.

    Raises:
        ArgumentError: if there is no run, a layer is no `UntiedConv2D`, the layers differ in shape, their inputs are
            not colours, filters started as zeros, or weights are not finite.
    """
    not_empty("runs", runs)
    runs = {label: Run(*run) for label, run in runs.items()}
    for label, (layer, _) in runs.items():
        if not isinstance(layer, UntiedConv2D):
            raise ArgumentError(f"Filters differ across space in an UntiedConv2D alone, but {label!r} is {layer!r}.")
    first = next(iter(runs.values())).layer
    for label, (layer, start) in runs.items():
        if (layer.locality, layer.kernel.shape) != (first.locality, first.kernel.shape):
            raise ArgumentError(f"All layers need one shape, but that of {label!r} differs from the first.")
        if layer.kernel.shape[1] != 3 or np.shape(start) != tuple(layer.kernel.shape):
            raise ArgumentError(
                f"Filters are shown as colours: {label!r} needs W, then and now, of shape [S, 3, filters], "
                f"but got {np.shape(start)} and {tuple(layer.kernel.shape)}."
            )
        if not all(np.isfinite(weights).all() for weights in (start, np.asarray(layer.kernel))):
            raise ArgumentError(f"The filters of {label!r} are not finite: its training has diverged.")
    whole = first.locality.whole.reshape(first.locality.output_size)
    rows, columns = np.flatnonzero(whole.any(axis=1)), np.flatnonzero(whole.any(axis=0))
    locations = list(itertools.product(rows, columns))
    similar = {
        label: np.stack([neighbour_similarity(layer, w)[np.ix_(rows, columns)].ravel() for w in (start, None)])
        for label, (layer, start) in runs.items()
    }  # [2, locations]: before, after
    everything = np.concatenate(list(similar.values()), axis=1)
    high = min(1.0, np.ceil(10 * everything.max()) / 10)  # 1 may be 1 + 2e-16
    low = min(high - 0.1, np.floor(10 * everything.min()) / 10)
    seen: dict[str, int] = {}  # equal filters at many locations, such as copies, are kept once
    data: dict[str, list] = {
        "rows": [str(row) for row in rows],
        "columns": [str(column) for column in columns],
        "runs": [_run(run, similar[label], locations, (low, high), seen) for label, run in runs.items()],
        "filters": list(seen),
    }
    at = len(rows) // 2 * len(columns) + len(columns) // 2
    start = data["runs"][0]
    before, after, moved = start["words"][at]
    return element(
        "filters",
        "The filters of an untied layer, location by location",
        controls=select("run", "start", list(runs))
        + slider("row", "row", data["rows"], len(rows) // 2)
        + slider("column", "column", data["columns"], len(columns) // 2),
        drawing=browser(data, at, first, (low, high)),
        template=_TEMPLATE,
        values={
            "row": data["rows"][len(rows) // 2],
            "column": data["columns"][len(columns) // 2],
            "run": next(iter(runs)),
            "before": before,
            "after": after,
            "moved": moved,
        },
        table=table(
            "Mean cosine between filters of neighbours, over all locations",
            ["start", "before", "after"],
            [[label, *(number(value, ".2f") for value in values.mean(axis=1))] for label, values in similar.items()],
        ),
        data=data,
        program=_PROGRAM,
    )


def _run(run: Run, similar: np.ndarray, locations: Sequence, bounds: tuple, seen: dict[str, int]) -> dict:
    """What the program shows of one run; `seen` gains the colours of its filters."""
    layer, start = run
    filters = np.array([[layer.filters_at(row, column, w) for row, column in locations] for w in (start, None)])
    before, after = filters.astype(np.float64)  # [locations, kh, kw, 3, F]
    limit = np.abs(filters).max()
    lengths = np.sqrt((before**2).sum(axis=(1, 2, 3, 4)))
    if not lengths.all():
        raise ArgumentError("The change of filters is told in units of their start, but some started as zeros.")
    moved = np.sqrt(((after - before) ** 2).sum(axis=(1, 2, 3, 4))) / lengths
    return {
        "map": [shade(value, bounds) for value in similar[1]],
        "before": [seen.setdefault(_colours(found, limit), len(seen)) for found in before],
        "after": [seen.setdefault(_colours(found, limit), len(seen)) for found in after],
        "words": [
            [number(a, ".2f"), number(b, ".2f"), f"{share:.0%}"] for a, b, share in zip(*similar, moved, strict=True)
        ],
    }


def _colours(filters: np.ndarray, limit: float) -> str:
    """Three hexadecimal digits for each place, filter by filter, from [kh, kw, 3, F]; 0 is the grey in the middle."""
    levels = np.rint(15 * (0.5 + 0.5 * filters / limit)).astype(int)  # [kh, kw, 3, F]
    return "".join(f"{level:x}" for level in np.moveaxis(levels, -1, 0).ravel())
