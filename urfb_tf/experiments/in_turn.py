"""Classes learned one group at a time, the open question of the paper's discussion (section 5).

Simpnet learns CIFAR-10 in five groups of two classes, in the order of their numbers.
"""

from urfb_tf.experiments.experiment import Experiment
from urfb_tf.experiments.phases import Phase

GROUPS = ((0, 1), (2, 3), (4, 5), (6, 7), (8, 9))
EPOCHS = 5  # over the examples of each group: as often as joint training sees them in as many epochs
# How classes come, by the last part of an id: refreshers, and which output units learn.
WAYS: dict[str, tuple[float, str]] = {
    "refreshers=0": (0.0, "all"),
    "refreshers=0.05": (0.05, "all"),
    "refreshers=0.2": (0.2, "all"),
    "units=shown": (0.0, "shown"),
    "units=seen": (0.0, "seen"),
    "refreshers=0.05,units=seen": (0.05, "seen"),
    "refreshers=0.05,units=balanced": (0.05, "balanced"),
    "refreshers=0.2,units=balanced": (0.2, "balanced"),
}
# The name of a row and what it means; the row of Table 1 in which it learns all classes at once.
LEARNERS: dict[str, tuple[str, str | None, dict]] = {
    "bp-hinge": ("BP hinge", "table1/cifar10/bp-hinge", {"rule": "bp"}),
    "bp-softmax": ("BP softmax", "table1/cifar10/bp-softmax", {"rule": "bp", "loss": "softmax"}),
    "urfb-hinge": ("URFB hinge", "table1/cifar10/urfb", {"rule": "urfb"}),
    "urfb-softmax": ("URFB softmax", None, {"rule": "urfb", "loss": "softmax"}),
}


def phases_in_turn(
    groups: tuple[tuple[int, ...], ...], *, epochs: int, refreshers: float = 0.0, units: str = "all"
) -> tuple[Phase, ...]:
    """One phase for each group of classes.

    Args:
        groups: class numbers, group by group.
        epochs: over the examples of each group.
        refreshers, units: as in `Phase`.
    """
    return tuple(Phase(epochs, classes=group, refreshers=refreshers, units=units) for group in groups)


def _experiment(name: str, way: str) -> Experiment:
    title, _, settings = LEARNERS[name]
    refreshers, units = WAYS[way]
    return Experiment(
        f"in_turn/cifar10/{name}/{way}",
        f"{title}, {way}",
        "simpnet",
        "cifar10",
        phases=phases_in_turn(GROUPS, epochs=EPOCHS, refreshers=refreshers, units=units),
        paper_epochs=EPOCHS * len(GROUPS),
        **settings,
    )


IN_TURN: list[Experiment] = [_experiment(name, way) for name in LEARNERS for way in WAYS]
