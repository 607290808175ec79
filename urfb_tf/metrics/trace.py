"""A model's weights, feedback weights and errors along a few steps of SGD, for looking at a rule closely."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from urfb_tf.compiled_loss import loss_of
from urfb_tf.layers import feedback_layers
from urfb_tf.metrics.alignment import angle


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """A model before one step; everything by layer name.

    Attributes:
        step: how many steps were taken before, from 0.
        loss: the batch's.
        kernel: W.
        feedback: the weights that carry the error down, of the layers where these are not W itself: R, or what the rule
            makes of it. Where no error is handed down they are 0.
        increment: -dC/dW under the rule, what SGD multiplies by its learning rate and adds to W.
    """

    step: int
    loss: float
    kernel: dict[str, np.ndarray]
    feedback: dict[str, np.ndarray]
    increment: dict[str, np.ndarray]

    def angle(self, layer: str) -> float | None:
        """Degrees between R and W of a layer. Under back-propagation, where W itself is R, 0."""
        return angle(self.feedback.get(layer, self.kernel[layer]), self.kernel[layer])


def trace(model: keras.Model, inputs, labels, *, steps: int, learning_rate: float = 0.1, loss=None) -> list[Snapshot]:
    """Train on one batch by plain SGD and keep a snapshot before each step and after the last.

    Args:
        model: a built model; its weights change.
        inputs, labels: the batch.
        steps: how many steps, >= 0.
        learning_rate: SGD's step.
        loss: a Keras loss, its name or a function; None takes the one that the model is compiled with.

    Returns:
        `steps + 1` snapshots.

    Raises:
        ArgumentError: if no loss is given nor compiled.
    """
    layers, loss = feedback_layers(model), loss_of(model, loss, purpose="A trace")
    inputs, labels = tf.convert_to_tensor(inputs), tf.convert_to_tensor(labels)
    variables = [variable.value for variable in model.trainable_variables]

    @tf.function(autograph=False)
    def gradients():
        with tf.GradientTape() as tape:
            value = loss(labels, model(inputs, training=True))
        kernels = [layer.kernel.value for layer in layers]
        found = tape.gradient(value, [*variables, *kernels])
        return value, found[: len(variables)], found[len(variables) :]

    def carrying(renewed):
        chosen = [layer for layer in layers if not layer.rule.symmetric and layer.rule.renews_feedback == renewed]
        return {layer.name: layer.carrying_feedback().numpy() for layer in chosen}

    snapshots = []
    for step in range(steps + 1):
        # A step begins with the renewal of R where the rule renews it; the copies of a delayed R move on as it ends.
        carriers = carrying(renewed=False)
        value, changes, of_kernels = gradients()
        snapshots.append(
            Snapshot(
                step,
                float(value),
                {layer.name: layer.kernel.numpy() for layer in layers},
                carriers | carrying(renewed=True),
                {layer.name: -g.numpy() for layer, g in zip(layers, of_kernels, strict=True)},
            )
        )
        if step < steps:
            for variable, change in zip(variables, changes, strict=True):
                variable.assign_sub(learning_rate * change)
    return snapshots
