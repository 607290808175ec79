"""What batch normalisation changes in the recorded runs, by its running averages and once these are settled."""

import dataclasses

from urfb_tf.analysis import recorded
from urfb_tf.experiments import find, select
from urfb_tf.experiments.paper import SIMPNET
from urfb_tf.results.draws import TENSORFLOW
from urfb_tf.table import Table


@dataclasses.dataclass(frozen=True)
class Normalised:
    """A run with batch normalisation beside that of the same rule without: test errors, shares in [0, 1].

    Attributes:
        id: of the run with batch normalisation.
        rule: its rule's name.
        plain: without, the mean over the last five epochs that count.
        plain_last: without, after the last of them.
        running: with, in each of these epochs, by the running averages.
        settled: with, after the last epoch, by the averages that `urfb_tf.training.settle` measures.
    """

    id: str
    rule: str
    plain: float
    plain_last: float
    running: tuple[float, ...]
    settled: float


def normalised() -> list[Normalised]:
    """All that are recorded with both and settled errors, the lowest of these first; the lowest seed of each."""
    found = []
    for experiment in select("rules/cifar10"):
        plain = SIMPNET.get(experiment.rule) or find(f"rules/cifar10/{experiment.rule}")
        # As `run` measures them: an exported run has no settled errors.
        run = next(iter(recorded.runs(experiment.id, TENSORFLOW).values()), {})
        if not experiment.batch_norm or "settled" not in run:
            continue
        length = len(run["epochs"])
        others = recorded.reaching([plain, experiment], length)[plain.id]
        if others:
            epochs = others[min(others)]["epochs"][:length]
            mean, last = recorded.recent(epochs, "test_error"), epochs[-1]["test_error"]
            running = tuple(epoch["test_error"] for epoch in run["epochs"][-recorded.WINDOW :])
            settled = run["settled"]["test_error"]
            found.append(Normalised(experiment.id, experiment.rule, mean, last, running, settled))
    return sorted(found, key=lambda each: each.settled)


def table() -> Table:
    """One row for each of `normalised`."""
    return Table(
        ["rule", "without", "without, last epoch", "with, running averages", "with, settled, last epoch"],
        [
            [
                each.rule,
                f"{each.plain:.3f}",
                f"{each.plain_last:.3f}",
                f"{min(each.running):.3f} to {max(each.running):.3f}",
                f"{each.settled:.3f}",
            ]
            for each in normalised()
        ],
    )
