"""What a run with batch normalisation has learnt, once its averages have caught up with its weights."""

import keras

from urfb_tf.data import Dataset
from urfb_tf.training import EpochProgram
from urfb_tf.training.settling import normalising_layers, settle
from urfb_tf.training.trainer import errors


def settled_errors(model: keras.Model, data: Dataset, *, batch_size: int) -> dict[str, float]:
    """The errors after `settle` on the training images, as in an epoch's record; empty without batch normalisation.

    The model keeps the averages that they were measured with.
    """
    if not normalising_layers(model):
        return {}
    settle(model, data.train.images, batch_size=batch_size)
    program = EpochProgram(model, batch_size=batch_size)
    return errors(program, program.state(), {name: program.place(split) for name, split in data.splits.items()})
