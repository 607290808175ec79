"""What a run with batch normalisation has learnt, once its averages have caught up with its weights."""

import keras

from urfb_tf.data import Dataset
from urfb_tf.training import EpochProgram
from urfb_tf.training.settling import normalising_layers, settle


def settled_errors(model: keras.Model, data: Dataset, *, batch_size: int) -> dict[str, float]:
    """The errors after `settle` on the training images, as in an epoch's record; empty without batch normalisation.

    The model keeps the averages that they were measured with.
    """
    if not normalising_layers(model):
        return {}
    settle(model, data.train.images, batch_size=batch_size)
    program = EpochProgram(model, batch_size=batch_size)
    state = program.state()
    splits = {"train_error_evaluated": data.train, "validation_error": data.validation, "test_error": data.test}
    tallies = {name: program.evaluate(state, *program.place(split)) for name, split in splits.items()}
    return {name: round(float(tally.mistakes / tally.examples), 6) for name, tally in tallies.items()}
