"""The drawing of the filter browser: a map of locations with its legend, and the filters of one of them."""

import itertools

import numpy as np

from urfb_tf.layers import UntiedConv2D
from urfb_tf.plots.interactive.page import number
from urfb_tf.plots.interactive.svg import drawing

_LEFT, _TOP, _SIDE = 14, 40, 136  # of the map
_FILTERS, _ROOM = 172, 186  # where the filters begin, and how wide they are together
_LEVELS = 6  # of the map's legend


def shade(value: float, bounds: tuple[float, float]) -> str:
    """A colour for a similarity, dark for low and bright for high."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    low, high = bounds
    return to_hex(colormaps["cividis"]((value - low) / (high - low)))


def browser(data: dict, at: int, layer: UntiedConv2D, bounds: tuple[float, float]) -> str:
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
        f'<rect x="{_LEFT + n * width:g}" y="{top}" width="{width:g}" height="10" fill="{shade(value, bounds)}"/>'
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
    return f'<text x="{_FILTERS}" y="{top - 7:g}">{name}</text><g class="{name}">{"".join(squares)}</g>'
