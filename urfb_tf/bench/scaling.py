"""How the time of a training step grows: an exponent for depth, width, batch and the number of untied locations."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from urfb_tf.bench.contenders import random_images
from urfb_tf.bench.measure import Machine, interleaved
from urfb_tf.bench.subjects import Settings
from urfb_tf.networks import build, untie
from urfb_tf.table import Table
from urfb_tf.training import EpochProgram

BATCH = 50
STEPS = 2  # of a timed call
# By quantity: what it counts, its sizes, and the notation, image size, batch and untying that a size stands for.
Case = tuple[str, int, int, bool]
FAMILIES: Mapping[str, tuple[str, Sequence[int], Callable[[int], Case]]] = {
    "depth": ("convolutions", (2, 4, 8, 16), lambda n: ("conv 32 3x3; " * n + "output", 16, BATCH, False)),
    "width": ("filters of each", (16, 32, 64, 128), lambda n: (f"conv {n} 3x3; " * 4 + "output", 16, BATCH, False)),
    "batch": ("examples", (25, 50, 100, 200), lambda n: ("conv 32 3x3; " * 4 + "output", 16, n, False)),
    "untied locations": (
        "locations of each",
        (64, 144, 256, 576),
        lambda n: ("conv 16 3x3; " * 3 + "output", math.isqrt(n), BATCH, True),
    ),
}


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> tuple[float, float]:
    """The slope of log seconds against log size by least squares, and its standard error.

    Args:
        sizes, seconds: three points or more, all > 0.
    """
    x, y = np.log(sizes), np.log(seconds)
    x = x - x.mean()
    slope = float(x @ y / (x @ x))
    residuals = y - y.mean() - slope * x
    return slope, float(np.sqrt(residuals @ residuals / (len(x) - 2) / (x @ x)))


def run(
    settings: Settings,
    machine: Machine,
    families: Mapping[str, tuple[str, Sequence[int], Callable[[int], Case]]] = FAMILIES,
) -> dict:
    """Seconds of a URFB step for each size, and the fitted exponents."""
    rows = []
    for quantity, (unit, sizes, case) in families.items():
        times = interleaved({str(n): _steps(*case(n)) for n in sizes}, repeats=settings.repeats)
        seconds = {n: timing.median / STEPS for n, timing in times.items()}
        slope, error = exponent(sizes, list(seconds.values()))
        rows.append(
            {"quantity": quantity, "unit": unit, "seconds": seconds, "exponent": slope, "standard_error": error}
        )
    return {"rows": rows}


def tables(found: dict) -> list[tuple[str, Table | str]]:
    """One row per quantity."""
    header = ["", "sizes", "ms per step", "exponent", "standard error"]
    lines = [
        [
            row["quantity"],
            f"{', '.join(row['seconds'])} {row['unit']}",
            ", ".join(f"{1e3 * seconds:.1f}" for seconds in row["seconds"].values()),
            f"{row['exponent']:.2f}",
            f"{row['standard_error']:.3f}",
        ]
        for row in found["rows"]
    ]
    return [("Growth of a URFB step", Table(header, lines))]


def _steps(notation: str, size: int, batch: int, untied: bool) -> Callable[[], object]:
    data = random_images(STEPS * batch, (size, size, 3))
    model = build(notation, "urfb", input_shape=(size, size, 3))
    program = EpochProgram(untie(model) if untied else model, batch_size=batch)
    state, placed = program.state(), program.place(data)

    def steps():
        return program.train(state, *placed, seed=0, epoch=0, first=0, last=STEPS, learning_rate=0.1)[1]

    return steps
