"""The result that an earlier start of a run left in its folder: none of its epochs is lost."""

import pathlib
from collections.abc import Mapping

from urfb_tf.errors import ResultError
from urfb_tf.results.store import read
from urfb_tf.training.identity import differences

# What a run may measure after each epoch, by an entry of the records in which it then is.
MEASURES = {"weight_angle": "angles", "increment_cosine_1": "increments"}


def epochs_held(
    path: pathlib.Path,
    head: dict,
    *,
    done: int,
    total: int,
    checkpoint_every: int,
    measures: Mapping[str, bool],
) -> int:
    """How many epochs a result file holds, once it is known that training on from the checkpoint will have them all.

    A run that was killed has a result that is ahead of its checkpoint, and trains the same epochs again.

    Args:
        path: the file's. There need be none.
        head: what the result would begin with, as `urfb_tf.experiments.header` makes it.
        done: how many epochs the checkpoint holds; 0 if there is none.
        total: up to which epoch the run shall train.
        checkpoint_every: how many epochs lie between two checkpoints.
        measures: of each entry in `MEASURES`, whether the run leaves it in its records.

    Raises:
        ResultError: if the file is of another run or of one that measured something else, holds epochs that would be
            lost, or is damaged without a checkpoint.
    """
    if not path.exists():
        return 0
    try:
        result = read(path)
    except ResultError:
        if done:
            return 0  # the checkpoint holds what it is written from again
        raise ResultError(
            f"{path} is damaged, and there is no checkpoint to write it from again: move it away to train from the "
            "start, or put an intact copy in its place."
        ) from None
    if told := differences(_identity(result), _identity(head)):
        raise ResultError(
            f"{path} belongs to another run ({told}): choose another folder, or move what is in this one away."
        )
    held = len(result["epochs"])
    for entry, asked in measures.items():
        if (entry in result["epochs"][0]) != asked:
            raise ResultError(
                f"{path} is of a run that {'did not measure' if asked else 'measured'} {MEASURES[entry]}: ask for the "
                "same, choose another folder, or move what is in this one away."
            )
    if done < held and (held > total or held - done > checkpoint_every):
        back = f"put the latest checkpoint back, ask for one every {held - done} epochs or more (checkpoint_every)"
        remedy = f"ask for {held} epochs or more" if held > total else back
        raise ResultError(
            f"{path} holds {held} epochs, and the checkpoint beside it {done}, so that training would lose some: "
            f"{remedy}, or move the file away (`python -m urfb_tf record` takes it from anywhere)."
        )
    return held


def _identity(result: dict) -> dict:
    """What tells whether two results are of one run."""
    named = {"id": result["id"], "seed": result["seed"], "data_sha256": result["data"].get("sha256")}
    return {**named, **result["configuration"]}
