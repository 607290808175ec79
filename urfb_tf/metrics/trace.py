"""A model's weights, feedback weights and errors along a few steps of SGD, for looking at a rule closely."""

import contextlib
import dataclasses

import keras
import numpy as np

from urfb_tf.errors import ArgumentError, check_learning_rate, is_whole, one_of
from urfb_tf.metrics.alignment import angle, check_batch
from urfb_tf.metrics.descent import Descent, put_back


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """A model before one step; everything by layer name.

    Attributes:
        step: how many steps were taken before, from 0.
        loss: the batch's, with the model's regularisers, as `fit` reports it.
        kernel: W.
        feedback: the weights that carry the error down, of the layers where these are not W itself: R, or what the rule
            makes of it. Where no error is handed down they are 0.
        increment: -dC/dW under the rule, C being this loss: what SGD multiplies by its learning rate and adds to W,
            which a constraint may then change.
    """

    step: int
    loss: float
    kernel: dict[str, np.ndarray]
    feedback: dict[str, np.ndarray]
    increment: dict[str, np.ndarray]

    def check(self, layer: str) -> None:
        """Raise an ArgumentError if there is no such layer."""
        if layer not in self.kernel:
            raise ArgumentError(one_of("layer of the trace", layer, self.kernel))

    def angle(self, layer: str) -> float | None:
        """Degrees between R and W of a layer. Under back-propagation, where W itself is R, 0.

        Raises:
            ArgumentError: if there is no such layer.
        """
        self.check(layer)
        return angle(self.feedback.get(layer, self.kernel[layer]), self.kernel[layer])


def trace(model: keras.Model, inputs, labels, *, steps: int, learning_rate: float = 0.1, loss=None) -> list[Snapshot]:
    """Train on one batch by plain SGD and keep a snapshot before each step and after the last.

    Regularisers and constraints count as under `fit`. The last snapshot, after which no step is taken, changes nothing.

    Args:
        model: a built model; its weights change.
        inputs, labels: the batch; several inputs in their structure.
        steps: how many steps, >= 0.
        learning_rate: SGD's step.
        loss: a Keras loss, its name or a function; None takes the one that the model is compiled with.

    Returns:
        `steps + 1` snapshots.

    Raises:
        ArgumentError: if there are not as many labels as inputs, a number is out of range, or no loss is given nor
            compiled.
    """
    if not is_whole(steps, 0):
        raise ArgumentError(f"steps is a whole number >= 0, but got {steps!r}.")
    check_learning_rate(learning_rate)
    check_batch(inputs, labels)
    descent = Descent(model, loss, purpose="A trace")
    layers = descent.layers

    def carrying(renewed):
        return {
            name: layer.carrying_feedback().numpy()
            for name, layer in layers.items()
            if not layer.rule.symmetric and layer.rule.renews_feedback == renewed
        }

    snapshots = []
    for step in range(steps + 1):
        # A step begins with the renewal of R where the rule renews it; the copies of a delayed R move on as it ends.
        # The last look shows such a step, but what it renews, counts and averages is put back.
        with put_back(model) if step == steps else contextlib.nullcontext():
            carriers = carrying(renewed=False)
            value, changes, increments = descent.look(inputs, labels)
            snapshots.append(
                Snapshot(
                    step,
                    value,
                    {name: layer.kernel.numpy() for name, layer in layers.items()},
                    carriers | carrying(renewed=True),
                    increments,
                )
            )
        if step < steps:
            descent.step(changes, learning_rate)
    return snapshots
