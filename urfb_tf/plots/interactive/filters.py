"""The filters of an untied layer at a location of the reader's choice, before and after training."""

import html
import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from urfb_tf.errors import ArgumentError
from urfb_tf.layers import UntiedConv2D
from urfb_tf.metrics.neighbours import neighbour_similarity
from urfb_tf.plots.interactive.page import element, not_empty, number, select, slider, table
from urfb_tf.plots.interactive.svg import drawing

_LEFT, _TOP, _SIDE = 14, 40, 136  # of the map
_FILTERS, _ROOM = 172, 186  # where the filters begin, and how wide they are together
_LEVELS = 6  # of the map's legend
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
        ArgumentError: if there is no run, the layers differ in shape, or their inputs are not colours.
    """
    not_empty("runs", runs)
    runs = {label: Run(*run) for label, run in runs.items()}
    first = next(iter(runs.values())).layer
    for label, (layer, start) in runs.items():
        if (layer.locality, layer.kernel.shape) != (first.locality, first.kernel.shape):
            raise ArgumentError(f"All layers need one shape, but that of {label!r} differs from the first.")
        if layer.kernel.shape[1] != 3 or np.shape(start) != tuple(layer.kernel.shape):
            raise ArgumentError(
                f"Filters are shown as colours: {label!r} needs W, then and now, of shape [S, 3, filters], "
                f"but got {np.shape(start)} and {tuple(layer.kernel.shape)}."
            )
    whole = first.locality.whole.reshape(first.locality.output_size)
    rows, columns = np.flatnonzero(whole.any(axis=1)), np.flatnonzero(whole.any(axis=0))
    locations = list(itertools.product(rows, columns))
    similar = {
        label: np.stack([neighbour_similarity(layer, w)[np.ix_(rows, columns)].ravel() for w in (start, None)])
        for label, (layer, start) in runs.items()
    }  # [2, locations]: before, after
    everything = np.concatenate(list(similar.values()), axis=1)
    low, high = np.floor(10 * everything.min()) / 10, np.ceil(10 * everything.max()) / 10
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
        drawing=_drawing(data, at, first, (low, high)),
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
    moved = [np.linalg.norm(b - a) / np.linalg.norm(a) for a, b in zip(before, after, strict=True)]
    return {
        "map": [_shade(value, bounds) for value in similar[1]],
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


def _shade(value: float, bounds: tuple[float, float]) -> str:
    """A colour for a similarity, dark for low and bright for high."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    low, high = bounds
    return to_hex(colormaps["cividis"]((value - low) / (high - low)))


def _drawing(data: dict, at: int, layer: UntiedConv2D, bounds: tuple[float, float]) -> str:
    """The map, its legend, and the filters of one location."""
    down, across = len(data["rows"]), len(data["columns"])
    cell = _SIDE / max(down, across)
    corners = [(_LEFT + cell * c, _TOP + cell * r) for r in range(down) for c in range(across)]
    found = data["runs"][0]
    square = f'width="{cell:g}" height="{cell:g}"'
    cells = "".join(
        f'<rect data-at x="{x:g}" y="{y:g}" {square} fill="{fill}"/>'
        for (x, y), fill in zip(corners, found["map"], strict=True)
    )
    x, y = corners[at]
    rings = "".join(
        f'<rect class="ring" x="{x:g}" y="{y:g}" {square} fill="none" stroke="{colour}" stroke-width="{width}"/>'
        for colour, width in (("#000000", 5), ("#ffffff", 2))
    )
    sets = "".join(
        _filters(name, top, data["filters"][found[name][at]], layer)
        for name, top in (("before", _TOP), ("after", _TOP + 92))
    )
    label = (
        "Left, a map of the locations, coloured by similarity to the neighbours. Right, the filters of one location."
    )
    text = f'<text x="{_LEFT}" y="16">similarity to the</text><text x="{_LEFT}" y="31">neighbours, after</text>'
    return drawing(360, _TOP + _SIDE + 48, label, text + cells + rings + _legend(bounds) + sets)


def _legend(bounds: tuple[float, float]) -> str:
    low, high = bounds
    width, top = _SIDE / _LEVELS, _TOP + _SIDE + 12
    steps = "".join(
        f'<rect x="{_LEFT + n * width:g}" y="{top}" width="{width:g}" height="10" fill="{_shade(value, bounds)}"/>'
        for n, value in enumerate(np.linspace(low, high, _LEVELS))
    )
    ends = f'<text x="{_LEFT}" y="{top + 25}">{number(low)}</text>'
    return f'{steps}{ends}<text class="end" x="{_LEFT + _SIDE}" y="{top + 25}">{number(high)}</text>'


def _filters(name: str, top: float, colours: str, layer: UntiedConv2D) -> str:
    (height, width), count = layer.kernel_size, layer.filters
    across = min(count, 4)
    place = min((_ROOM / across - 6) / width, 68 / height / -(-count // across))
    squares = []
    for n, (f, y, x) in enumerate(itertools.product(range(count), range(height), range(width))):
        left = _FILTERS + f % across * (place * width + 6) + x * place
        above = top + f // across * (place * height + 6) + y * place
        fill = colours[3 * n : 3 * n + 3]
        squares.append(
            f'<rect x="{left:.4g}" y="{above:.4g}" width="{place:.3g}" height="{place:.3g}" fill="#{fill}"/>'
        )
    return f'<text x="{_FILTERS}" y="{top - 7:g}">{html.escape(name)}</text><g class="{name}">{"".join(squares)}</g>'
