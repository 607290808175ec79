"""Scales, axes and lines of inline SVG. Colours and text sizes are those of the classes in `page_style.py`."""

import dataclasses
import html

import numpy as np

from urfb_tf.plots.interactive.page import number


@dataclasses.dataclass(frozen=True)
class Scale:
    """Numbers along one axis as places in the drawing.

    Attributes:
        low, high: numbers at both ends.
        start, end: places of both, in units of the drawing; y counts downwards.
        log: whether equal ratios lie equally far apart.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, values) -> np.ndarray:
        """The places of numbers, to a tenth of a unit."""
        low, high, values = (
            np.log10(v) if self.log else np.asarray(v, np.float64) for v in (self.low, self.high, values)
        )
        return np.round(self.start + (values - low) / (high - low) * (self.end - self.start), 1)

    def ticks(self) -> np.ndarray:
        """Round numbers inside: powers of ten if `log`, else about five."""
        if self.log:
            exponents = np.arange(np.ceil(np.log10(self.low) - 1e-9), np.floor(np.log10(self.high) + 1e-9) + 1)
            return 10.0**exponents
        rough = (self.high - self.low) / 5
        power = 10.0 ** np.floor(np.log10(rough))
        step = min((m * power for m in (1, 2, 5, 10)), key=lambda s: abs(np.log(s / rough)))
        first, last = np.ceil(self.low / step - 1e-9), np.floor(self.high / step + 1e-9)
        return np.arange(first, last + 1) * step + 0.0  # no -0


def axes(x: Scale, y: Scale, xlabel: str, ylabel: str) -> str:
    """Two axes with ticks, a grid and names: x below, y at the left, its name above it."""
    parts = []
    for place, value in zip(x(x.ticks()), x.ticks(), strict=True):
        parts.append(f'<path class="grid" d="M{place:g} {y.start:g}V{y.end:g}"/>')
        parts.append(f'<text class="middle" x="{place:g}" y="{y.start + 16:g}">{number(value)}</text>')
    for place, value in zip(y(y.ticks()), y.ticks(), strict=True):
        parts.append(f'<path class="grid" d="M{x.start:g} {place:g}H{x.end:g}"/>')
        parts.append(f'<text class="end" x="{x.start - 5:g}" y="{place + 4.5:g}">{number(value)}</text>')
    parts.append(f'<path class="axis" d="M{x.start:g} {y.end:g}V{y.start:g}H{x.end:g}"/>')
    parts.append(f'<text class="end" x="{x.end:g}" y="{y.start + 32:g}">{html.escape(xlabel)}</text>')
    parts.append(f'<text x="{x.start:g}" y="{y.end - 8:g}">{html.escape(ylabel)}</text>')
    return "".join(parts)


def line(x: np.ndarray, y: np.ndarray) -> str:
    """The `d` of a path through points, both [points]."""
    return "M" + "L".join(f"{a:g} {b:g}" for a, b in zip(x, y, strict=True))


def drawing(width: float, height: float, label: str, content: str) -> str:
    """An inline SVG that scales with the page."""
    return f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{html.escape(label)}">{content}</svg>'
