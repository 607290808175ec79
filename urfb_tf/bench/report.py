"""What benchmarks measured, as text and tables."""

import typing
from collections.abc import Mapping, Sequence

from urfb_tf.table import Table

if typing.TYPE_CHECKING:
    from urfb_tf.bench.untied import Row


def milliseconds(seconds: float) -> str:
    """To a tenth, or three digits below one."""
    return f"{1e3 * seconds:.1f}" if seconds >= 1e-3 or seconds == 0 else f"{1e3 * seconds:.3f}"


def quartiles(timing: Mapping[str, float], per: float = 1.0) -> list[str]:
    """Median, both quartiles and the least, in milliseconds, each divided by `per`."""
    low, high = milliseconds(timing["low"] / per), milliseconds(timing["high"] / per)
    return [milliseconds(timing["median"] / per), f"{low} to {high}", milliseconds(timing["least"] / per)]


def untied_table(rows: "Sequence[Row]") -> Table:
    """Milliseconds of a step and megabytes that it takes, one line per layer.

    All rows must have been measured in the same forms. With the sparse form among them the dense one is held against
    it, else against the tied convolution and its own bound.
    """
    sparse, torch = "sparse" in rows[0].times, "torch" in rows[0].times
    forms = ["tied", "dense", *(["sparse"] if sparse else []), *(["torch"] if torch else [])]
    against, memory = ("sparse", ("dense", "sparse")) if sparse else ("tied", ("tied", "dense"))
    header = [
        "layer",
        "million weights",
        *("unfold, ms" if form == "torch" else f"{form}, ms" for form in forms),
        "sparse / dense" if sparse else "dense / tied",
        *([] if sparse else ["bound, ms"]),
        *(f"{form}, MB" for form in memory),
    ]
    lines = []
    for row in rows:
        ratio = f"{row.ratio('sparse', 'dense'):.0f}" if sparse else f"{row.ratio('dense', against):.1f}"
        lines.append(
            [
                f"{row.network} {row.layer}",
                f"{row.connections / 1e6:.2f}",
                *(milliseconds(row.times[form].median) for form in forms),
                ratio,
                *([] if sparse else [milliseconds(row.bound)]),
                *(f"{row.peak[form] / 1e6:.0f}" for form in memory),
            ]
        )
    return Table(header, lines)
