"""What benchmarks measured, as tables."""

from collections.abc import Sequence

from urfb_tf.bench.untied import Row
from urfb_tf.report import Table


def untied_table(rows: Sequence[Row]) -> Table:
    """Milliseconds of a step, ratios, and peak memory, one line per layer.

    All rows must have been measured in the same forms.
    """
    forms = list(rows[0].times)
    header = ["layer", "connections", *(f"{form}, ms" for form in forms), "dense / tied", "bound, ms"]
    header += [f"{form}, MB" for form in forms]
    if "sparse" in forms:
        header[-len(forms) : -len(forms)] = ["sparse / dense"]
    return Table(header, [_line(row, forms) for row in rows])


def _line(row: Row, forms: Sequence[str]) -> list[str]:
    times = [f"{1e3 * row.times[form].median:.1f}" for form in forms]
    ratios = [f"{row.ratio('dense', 'tied'):.1f}", f"{1e3 * row.bound:.1f}"]
    if "sparse" in forms:
        ratios.append(f"{row.ratio('sparse', 'dense'):.0f}")
    memory = [f"{row.peak[form] / 1e6:.0f}" for form in forms]
    return [f"{row.network} {row.layer}", f"{row.connections:,}", *times, *ratios, *memory]
