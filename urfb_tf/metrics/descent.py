"""Steps of plain SGD, one at a time, so that what happens at each can be looked at."""

import keras
import numpy as np
import tensorflow as tf

from urfb_tf.compiled_loss import loss_of, only
from urfb_tf.layers.walk import feedback_layers_by_key
from urfb_tf.metrics.alignment import batch_of


class Descent:
    """A model as plain SGD trains it, batch by batch.

    Args:
        model: a built model; its weights change.
        loss: a Keras loss, its name or a function; None takes the one that the model is compiled with.
        purpose: what needs the loss, as in `loss_of`.

    Attributes:
        layers: those of the model that have a feedback rule, by name.

    Raises:
        ArgumentError: if no loss is given nor compiled.
    """

    def __init__(self, model: keras.Model, loss=None, *, purpose: str):
        self.layers, loss = feedback_layers_by_key(model), loss_of(model, loss, purpose=purpose)
        self._variables = [variable.value for variable in model.trainable_variables]

        @tf.function(autograph=False)
        def gradients(inputs, labels):
            with tf.GradientTape() as tape:
                value = loss(labels, only(model(inputs, training=True)))
            kernels = [layer.kernel.value for layer in self.layers.values()]  # frozen ones too
            sources = [*self._variables, *kernels]
            found = tape.gradient(value, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            return value, found[: len(self._variables)], found[len(self._variables) :]

        self._gradients = gradients

    def look(self, inputs, labels) -> tuple[float, list[tf.Tensor], dict[str, np.ndarray]]:
        """The loss of a batch, the directions of its step and, by layer name, the increments of W; nothing learns."""
        value, changes, of_kernels = self._gradients(batch_of(inputs), tf.convert_to_tensor(labels))
        increments = {name: -g.numpy() for name, g in zip(self.layers, of_kernels, strict=True)}
        return float(value), changes, increments

    def step(self, changes: list[tf.Tensor], learning_rate: float) -> None:
        """Take the step of which `look` gave the directions."""
        for variable, change in zip(self._variables, changes, strict=True):
            variable.assign_sub(learning_rate * change)
