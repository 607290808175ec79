"""All experiments by id."""

from urfb_tf.errors import ArgumentError, like_one_of
from urfb_tf.experiments.experiment import Experiment
from urfb_tf.experiments.further import FURTHER
from urfb_tf.experiments.imperfect import IMPERFECT
from urfb_tf.experiments.in_turn import IN_TURN
from urfb_tf.experiments.paper import PAPER
from urfb_tf.experiments.sparse import SPARSE

EXPERIMENTS: dict[str, Experiment] = {
    experiment.id: experiment for experiment in (*PAPER, *FURTHER, *SPARSE, *IMPERFECT, *IN_TURN)
}
LISTING = "python -m urfb_tf list"


def find(identifier: str) -> Experiment:
    """The experiment of an id.

    Raises:
        ArgumentError: if there is none.
    """
    if identifier not in tuple(EXPERIMENTS):  # a list has no hash
        raise ArgumentError(like_one_of("experiment", identifier, EXPERIMENTS, LISTING))
    return EXPERIMENTS[identifier]


def select(place: str) -> list[Experiment]:
    """The experiment of an id, or all whose id begins with these parts, such as "table2" or "table1/cifar100".

    Returns:
        Possibly nothing.
    """
    parts = place.strip("/").split("/")
    return [experiment for key, experiment in EXPERIMENTS.items() if key.split("/")[: len(parts)] == parts]
