"""What benchmarks measured, as tables."""

from collections.abc import Sequence

from urfb_tf.bench.untied import Row
from urfb_tf.report import Table


def untied_table(rows: Sequence[Row]) -> Table:
    """Milliseconds of a step and megabytes that it takes, one line per layer.

    All rows must have been measured in the same forms. With the sparse form among them the dense one is held against
    it, else against the tied convolution and its own bound.
    """
    if "sparse" in rows[0].times:
        header = [
            "layer",
            "connections",
            "tied, ms",
            "dense, ms",
            "sparse, ms",
            "sparse / dense",
            "dense, MB",
            "sparse, MB",
        ]
        return Table(header, [_against_sparse(row) for row in rows])
    header = ["layer", "connections", "tied, ms", "dense, ms", "dense / tied", "bound, ms", "tied, MB", "dense, MB"]
    return Table(header, [_against_tied(row) for row in rows])


def _against_sparse(row: Row) -> list[str]:
    times = [_milliseconds(row.times[form].median) for form in ("tied", "dense", "sparse")]
    return [*_name(row), *times, f"{row.ratio('sparse', 'dense'):.0f}", _mega(row, "dense"), _mega(row, "sparse")]


def _against_tied(row: Row) -> list[str]:
    times = [_milliseconds(row.times[form].median) for form in ("tied", "dense")]
    ratio, bound = f"{row.ratio('dense', 'tied'):.1f}", _milliseconds(row.bound)
    return [*_name(row), *times, ratio, bound, _mega(row, "tied"), _mega(row, "dense")]


def _name(row: Row) -> list[str]:
    return [f"{row.network} {row.layer}", f"{row.connections:,}"]


def _milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:.1f}"


def _mega(row: Row, form: str) -> str:
    return f"{row.peak[form] / 1e6:.0f}"
