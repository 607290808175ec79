"""Simpnet on CIFAR-10 with ever fewer connections: where the paper stops at a half, these go on to a twentieth."""

import dataclasses

from urfb_tf.experiments.experiment import Experiment
from urfb_tf.experiments.paper import BY_ID, SIMPNET

# Percent of the connections that exist, drawn for W and R independently. All, and for URFB and FRFB a half, are the
# paper's rows; it has no row of BP with fewer than all.
PERCENTS = {"urfb": (25, 10, 5), "frfb": (25, 10, 5), "bp": (50, 25, 10, 5)}


def _sparse() -> list[Experiment]:
    return [
        dataclasses.replace(
            SIMPNET[rule],
            id=f"connectivity/cifar10/{rule}-{percent}",
            title=f"{SIMPNET[rule].title} {percent}%",
            connectivity=percent / 100,
            paper=None,
        )
        for rule, percents in PERCENTS.items()
        for percent in percents
    ]


def by_connectivity(rule: str) -> dict[float, Experiment]:
    """The runs of one rule from all connections to a twentieth of them, by connectivity: the paper's rows and ours.

    Args:
        rule: "bp", "frfb" or "urfb".
    """
    rows = [SIMPNET[rule]]
    rows += [row for key, row in BY_ID.items() if key == f"table1/cifar10/{rule}-50"]
    rows += [row for row in SPARSE if row.rule == rule]
    return {row.connectivity: row for row in rows}


SPARSE: list[Experiment] = _sparse()
