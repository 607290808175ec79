"""Whole compiled epochs against `fit` of the same model: what the steps' surroundings cost."""

from collections.abc import Mapping

from urfb_tf.bench.contenders import random_images
from urfb_tf.bench.contenders.own import Compiled, Fit
from urfb_tf.bench.measure import Machine, interleaved
from urfb_tf.bench.report import quartiles
from urfb_tf.bench.subjects import Settings
from urfb_tf.networks import paper
from urfb_tf.table import Table

SMALL = "conv 8 3x3; maxpool 3; full conn. 50; output"
# Network, batch (None: that of the settings), steps. In the second a step is so short that its surroundings show.
CASES: Mapping[str, tuple[str, int | None, int]] = {
    "simpnet": (paper.SIMPNET, None, 8),
    "a small network": (SMALL, 10, 100),
}


def run(settings: Settings, machine: Machine, cases: Mapping[str, tuple[str, int | None, int]] = CASES) -> dict:
    """Seconds of an epoch under URFB, by both ways."""
    rows = []
    for name, (notation, own_batch, steps) in cases.items():
        batch = own_batch or settings.batch
        data = random_images(steps * batch, (32, 32, 3))
        calls = {
            "compiled epoch": Compiled(notation, data, batch, "urfb").epoch,
            "fit": Fit(notation, data, batch, "urfb").epoch,
        }
        times = interleaved(calls, repeats=settings.repeats)
        rows += [
            {"network": name, "way": way, "batch": batch, "steps": steps, **vars(timing)}
            for way, timing in times.items()
        ]
    return {"rows": rows}


def tables(found: dict) -> list[tuple[str, Table | str]]:
    """One table of both ways."""
    header = ["", "batch", "steps", "ms per step", "quartiles", "least", "examples / s"]
    lines = [
        [
            f"{row['network']}, {row['way']}",
            str(row["batch"]),
            str(row["steps"]),
            *quartiles(row, row["steps"]),
            f"{row['batch'] * row['steps'] / row['median']:,.0f}",
        ]
        for row in found["rows"]
    ]
    return [("Whole epochs under URFB", Table(header, lines))]
