"""Steps of plain SGD, one at a time, so that what happens at each can be looked at."""

import contextlib
import functools
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from urfb_tf.compiled_loss import check_unweighted, loss_of, only
from urfb_tf.half_precision import gradients_of, loss_scale
from urfb_tf.layers.walk import check_built, feedback_layers_by_key
from urfb_tf.metrics.alignment import IMAGES, batch_of
from urfb_tf.training.epoch import constrain, descend, told


@contextlib.contextmanager
def put_back(model: keras.Model) -> Iterator[None]:
    """After the block, all that training changes in a model is what it was: weights, averages, counts, seeds."""
    before = [variable.numpy() for variable in model.variables]
    try:
        yield
    finally:
        for variable, value in zip(model.variables, before, strict=True):
            variable.assign(value)


class Descent:
    """A model as plain SGD trains it, batch by batch, regularisers and constraints included.

    Args:
        model: a built model; its weights change.
        loss: a Keras loss, its name or a function; None takes the one that the model is compiled with.
        purpose: what needs the loss, as in `loss_of`.

    Attributes:
        layers: those of the model that have a feedback rule, by name.

    Raises:
        ArgumentError: if the model is not built, no loss is given nor compiled, or the model is compiled with
            loss_weights.
    """

    def __init__(self, model: keras.Model, loss=None, *, purpose: str):
        check_built(model, purpose)
        check_unweighted(model, loss, purpose=purpose)
        self.layers, loss = feedback_layers_by_key(model), loss_of(model, loss, purpose=purpose)
        self._model = model
        self._variables = [variable.value for variable in model.trainable_variables]

        def gradients(inputs, labels):
            with tf.GradientTape() as tape:
                outputs = only(model(inputs, **told(model, training=True)))
                value = loss(labels, outputs)
                for more in model.losses:  # regularisers and what layers add in this call
                    value += tf.cast(tf.reduce_sum(more), value.dtype)
            kernels = [layer.kernel.value for layer in self.layers.values()]  # frozen ones too
            sources = [*self._variables, *kernels]
            found = gradients_of(tape, value, sources, loss_scale(model, outputs.shape[0] or IMAGES))
            return value, found[: len(self._variables)], found[len(self._variables) :]

        # A partial object: TensorFlow counts how often a function is traced over all models together, and would warn of
        # the fifth that a process looks at.
        self._gradients = tf.function(functools.partial(gradients), autograph=False)

    def look(self, inputs, labels) -> tuple[float, list[tf.Tensor], dict[str, np.ndarray]]:
        """The loss of a batch, the directions of its step and, by layer name, the increments of W.

        All with regularisers, as under `fit`. No step is taken, but what each pass in training changes by itself does
        change: batch normalisation's averages, a rule's count of steps, an R that renews itself.
        """
        value, changes, of_kernels = self._gradients(batch_of(inputs), tf.convert_to_tensor(labels))
        increments = {name: -g.numpy() for name, g in zip(self.layers, of_kernels, strict=True)}
        return float(value), changes, increments

    def step(self, changes: list[tf.Tensor], learning_rate: float) -> None:
        """Take the step of which `look` gave the directions, and keep to the weights' constraints."""
        weights = descend([tf.convert_to_tensor(variable) for variable in self._variables], changes, learning_rate)
        for variable, value in zip(self._variables, constrain(weights, self._model), strict=True):
            variable.assign(value)
