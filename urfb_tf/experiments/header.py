"""What a result says before anything is measured."""

from urfb_tf.data import Dataset
from urfb_tf.experiments.experiment import Experiment
from urfb_tf.results.schema import SCHEMA


def header(experiment: Experiment, data: Dataset, seed: int) -> dict:
    """The fields of a result (see `urfb_tf.results.schema`) that come before `sessions` and `epochs`."""
    return {
        "schema": SCHEMA,
        "id": experiment.id,
        "seed": int(seed),
        "configuration": experiment.configuration(),
        "data": {
            "name": data.name,
            "sha256": data.fingerprint(),
            "images": {name: len(split.labels) for name, split in data.splits.items()},
        },
    }
