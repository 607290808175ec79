"""Training steps of simpnet and deepernet: URFB against what a user would take instead."""

import dataclasses
from collections.abc import Mapping

from urfb_tf.bench.contenders import entrants as names
from urfb_tf.bench.contenders import random_images
from urfb_tf.bench.measure import Machine, interleaved
from urfb_tf.bench.report import quartiles
from urfb_tf.bench.subjects import Settings
from urfb_tf.networks import paper
from urfb_tf.table import Table

# In the reading "paper" all of them compute the same: its pooling and its saturated linearity are in every library.
NETWORKS = {"simpnet": paper.SIMPNET, "deepernet": paper.DEEPERNET.format(wide="3x3")}
STEPS = {"simpnet": 8, "deepernet": 3}  # of a timed epoch; enough to make the start of `fit` a small part


@dataclasses.dataclass(frozen=True)
class Target:
    """A ratio that was to be reached.

    Attributes:
        network: on which.
        claim: in words.
        value: measured, by medians.
        limit: to be reached.
        at_most: whether the value is to stay below the limit, or to be above it.
    """

    network: str
    claim: str
    value: float
    limit: float
    at_most: bool

    @property
    def met(self) -> bool:
        """Whether it was reached."""
        return self.value <= self.limit if self.at_most else self.value >= self.limit


def run(settings: Settings, machine: Machine, networks: Mapping[str, str] = NETWORKS) -> dict:
    """Seconds of an epoch of a few steps of each contender."""
    rows = []
    for network, notation in networks.items():
        steps = STEPS.get(network, 2)
        data = random_images(steps * settings.batch, (32, 32, 3))
        found = names.lineup(notation, data, settings.batch)
        times = interleaved({name: each.epoch for name, each in found.items()}, repeats=settings.repeats)
        rows += [
            {"network": network, "contender": name, "batch": settings.batch, "steps": steps, **vars(timing)}
            for name, timing in times.items()
        ]
    return {
        "rows": rows,
        "missing": list(filter(None, dict.fromkeys([names.torch_missing(), names.biotorch_missing()]))),
    }


def tables(found: dict) -> list[tuple[str, Table | str]]:
    """One table per network, then the targets."""
    shown: list[tuple[str, Table | str]] = []
    for network in dict.fromkeys(row["network"] for row in found["rows"]):
        rows = [row for row in found["rows"] if row["network"] == network]
        shown.append((f"{network}, batch {rows[0]['batch']}", _table(rows)))
    targets_found = targets(found)
    lines = [[t.network, t.claim, f"{t.value:.2f}", "yes" if t.met else "no"] for t in targets_found]
    if lines:
        shown.append(("Targets", Table(["network", "target", "measured", "reached"], lines)))
    return [*shown, *(("", reason) for reason in found["missing"])]


def targets(found: dict) -> list[Target]:
    """The targets whose contenders took part."""
    result = []
    for network in dict.fromkeys(row["network"] for row in found["rows"]):
        seconds = {row["contender"]: row["median"] for row in found["rows"] if row["network"] == network}
        urfb = seconds[names.URFB]
        result.append(Target(network, "URFB takes at most 1.05 times BP's step", urfb / seconds[names.BP], 1.05, True))
        if names.KERAS in seconds:
            fit = seconds[names.KERAS] / urfb
            result.append(Target(network, "URFB is at least 1.3 times as fast as BP by Keras fit", fit, 1.3, False))
        alignment = [seconds[name] for name in (names.BIOTORCH, names.MINIMAL) if name in seconds]
        if alignment:
            ahead = min(alignment) / urfb
            result.append(Target(network, "URFB is faster than FA in PyTorch", ahead, 1.0, False))
    return result


def _table(rows: list[dict]) -> Table:
    own = next(row["median"] for row in rows if row["contender"] == names.URFB)
    header = ["", "ms per step", "quartiles", "least", "examples / s", "time / URFB's"]
    return Table(
        header,
        [
            [
                row["contender"],
                *quartiles(row, row["steps"]),
                f"{row['batch'] * row['steps'] / row['median']:,.0f}",
                f"{row['median'] / own:.2f}",
            ]
            for row in rows
        ],
    )
