"""Each operation of a URFB training step against the machine's ceilings: its roofline.

An operation's bound is the longer of its arithmetic at the matrix product's rate and its traffic at memory's rate,
where traffic counts each tensor that goes in or comes out once. What it reaches is bound / time.
"""

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from urfb_tf.bench.measure import Machine, interleaved
from urfb_tf.bench.operations import Operation, operations
from urfb_tf.bench.report import milliseconds
from urfb_tf.bench.subjects import Settings
from urfb_tf.bench.training import NETWORKS
from urfb_tf.bench.usage import Usage, usage
from urfb_tf.networks import build
from urfb_tf.table import Table

PRODUCTS = ("forward", "increment", "error down")  # the kinds of operation that are matrix products or convolutions
HALF = 0.5  # below this share of its bound, a kind of operation needs an explanation


@dataclasses.dataclass(frozen=True)
class Reached:
    """One operation, measured.

    Attributes:
        network, layer, kind: which.
        flops, traffic: floating-point operations, and bytes that go in and out.
        bound: seconds, the least at the machine's ceilings.
        seconds: of a call, by medians.
        least: seconds of the fastest call.
        parts: seconds of what the operation contains, measured alone, by name.
        usage: what a call takes of the processor and of fresh memory.
    """

    network: str
    layer: str
    kind: str
    flops: float
    traffic: float
    bound: float
    seconds: float
    least: float
    parts: Mapping[str, float]
    usage: Usage

    @property
    def share(self) -> float:
        """What it reaches of its bound; above 1 where what goes in is still in the processor's cache."""
        return self.bound / self.seconds


def run(settings: Settings, machine: Machine, networks: Mapping[str, str] = NETWORKS) -> dict:
    """Every operation of a step of each network, in the default reading, and what they are held against."""
    rows = []
    for network, notation in networks.items():
        model = build(notation, "urfb")
        rows += [_measured(network, each, settings.repeats) for each in operations(model, settings.batch)]
    call = interleaved({"": _compiled(lambda x: x, [tf.constant(0.0)])}, repeats=51)[""].median
    # Again, as what else runs may have lowered the first measurement: a ceiling is the most that was ever seen.
    machine = machine.or_better(Machine.measured())
    bounded = [dataclasses.replace(row, bound=machine.seconds(row.flops, row.traffic / 4)) for row in rows]
    return {
        "batch": settings.batch,
        "call": call,
        "cores": os.cpu_count(),
        **vars(machine),
        "rows": [dataclasses.asdict(row) for row in bounded],
    }


def reached(found: dict) -> list[Reached]:
    """The rows of `run`."""
    return [Reached(**{**row, "usage": Usage(**row["usage"])}) for row in found["rows"]]


def products(found: dict) -> dict[str, float]:
    """Seconds of a step's products of convolutions and dense layers, by network."""
    seconds: dict[str, float] = {}
    for row in reached(found):
        if row.kind in PRODUCTS:
            seconds[row.network] = seconds.get(row.network, 0.0) + row.seconds
    return seconds


def tables(found: dict) -> list[tuple[str, Table | str]]:
    """One table per network, the longest operation first; then what bounds those below half."""
    rows = reached(found)
    header = ["operation", "ms", "least", "GFLOP", "MB", "bound, ms", "reached", "what bounds it"]
    shown: list[tuple[str, Table | str]] = []
    for network in dict.fromkeys(row.network for row in rows):
        own = sorted((row for row in rows if row.network == network), key=lambda row: -row.seconds)
        lines = [
            [
                f"{row.layer}: {row.kind}",
                milliseconds(row.seconds),
                milliseconds(row.least),
                f"{row.flops / 1e9:.2f}",
                f"{row.traffic / 1e6:.1f}",
                milliseconds(row.bound),
                f"{row.share:.0%}",
                reason(row, found),
            ]
            for row in own
        ]
        shown.append((f"Operations of a step of {network}, batch {found['batch']}", Table(header, lines)))
    return shown


def reason(row: Reached, found: dict) -> str:
    """What the measurement says about an operation that reaches less than half of its bound; else which ceiling it is.

    In this order: it is hardly longer than a call that does nothing; the operating system spends most of the
    processor's time, as in mapping fresh pages for what comes out; it contains something that takes most of it; it
    keeps only one core busy; or none of these, and it is bound by arithmetic of its own kind, which a matrix product's
    rate says nothing about.
    """
    if row.share >= HALF:
        return "arithmetic" if row.flops / found["flops"] >= row.traffic / found["bandwidth"] else "memory"
    if row.least < 2 * found["call"]:
        return "the call itself"
    if row.usage.system > HALF:
        return f"the system ({row.usage.faults:.0f} fresh pages)"
    for name, seconds in row.parts.items():
        if seconds > HALF * row.seconds:
            return name
    if 0 < row.usage.cores < 1.2 and found["cores"] > 1:
        return "one core busy"
    return "its own arithmetic"


def _measured(network: str, operation: Operation, repeats: int) -> Reached:
    calls = {name: _compiled(call, operation.tensors) for name, call in {"": operation.call, **operation.parts}.items()}
    times = interleaved(calls, repeats=repeats)
    parts = {name: timing.median for name, timing in times.items() if name}
    return Reached(
        network,
        operation.layer,
        operation.kind,
        operation.flops,
        operation.traffic,
        0.0,
        times[""].median,
        times[""].least,
        parts,
        usage(calls[""], repeats),
    )


def _compiled(call: Callable, tensors: Sequence[tf.Tensor]) -> Callable[[], object]:
    function = tf.function(call, autograph=False)
    return lambda: function(*tensors)
