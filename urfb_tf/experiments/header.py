"""What a result says before anything is measured."""

from urfb_tf.data import Dataset
from urfb_tf.errors import ArgumentError, is_whole
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


def check_seed(seed: int) -> None:
    """Refuse a seed that does not fit the programs' 32-bit integers, with an ArgumentError."""
    if not is_whole(seed, 0) or seed >= 2**31:
        raise ArgumentError(f"A seed is a whole number from 0 to 2**31 - 1, but got {seed!r}.")
