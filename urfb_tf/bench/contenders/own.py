"""The package's own training: compiled epochs of `urfb_tf.train`, or `fit`, under any rule."""

from collections.abc import Sequence

import keras
import numpy as np

from urfb_tf.bench.contenders.contender import LEARNING_RATE
from urfb_tf.data import Split
from urfb_tf.layers import feedback_layers
from urfb_tf.networks import build
from urfb_tf.training import EpochProgram


class Compiled:
    """Epochs as `urfb_tf.train` runs them.

    Args:
        notation: of the network.
        data: to train on.
        batch: examples per step.
        rule, **options: as in `build`.
    """

    def __init__(self, notation: str, data: Split, batch: int, rule: str, **options):
        self.model = build(notation, rule, input_shape=data.images.shape[1:], **options)
        self.program = EpochProgram(self.model, batch_size=batch)
        self._placed = self.program.place(data)
        self._steps = self.program.steps(data.images)
        self._state = self.program.state()
        self._epoch = 0

    def epoch(self) -> float:
        """One compiled epoch."""
        self._state, tally = self.program.train(
            self._state, *self._placed, seed=0, epoch=self._epoch, first=0, last=self._steps,
            learning_rate=LEARNING_RATE,
        )  # fmt: skip
        self._epoch += 1
        return float(tally.loss) / float(tally.examples)

    def weights(self) -> list[np.ndarray]:
        """W of every layer."""
        self.program.write_back(self._state)
        return [np.array(layer.kernel) for layer in feedback_layers(self.model)]

    def set_weights(self, weights: Sequence[np.ndarray], feedback: Sequence[np.ndarray | None]) -> None:
        """W and R of every layer."""
        set_own(self.model, weights, feedback)
        self._state = self.program.state()


class Fit:
    """The package's model, trained by Keras' `fit` on arrays. Arguments as for `Compiled`."""

    def __init__(self, notation: str, data: Split, batch: int, rule: str, **options):
        self.model = build(notation, rule, input_shape=data.images.shape[1:], learning_rate=LEARNING_RATE, **options)
        self._data, self._batch = data, batch

    def epoch(self) -> float:
        """One call of `fit`."""
        return fit(self.model, self._data, self._batch)

    def weights(self) -> list[np.ndarray]:
        """W of every layer."""
        return [np.array(layer.kernel) for layer in feedback_layers(self.model)]

    def set_weights(self, weights: Sequence[np.ndarray], feedback: Sequence[np.ndarray | None]) -> None:
        """W and R of every layer."""
        set_own(self.model, weights, feedback)


def fit(model: keras.Model, data: Split, batch: int) -> float:
    """One epoch by `fit`, and the loss that it reports."""
    history = model.fit(data.images, data.labels, batch_size=batch, epochs=1, verbose=0)
    return float(history.history["loss"][0])


def own_weights(model: keras.Model) -> tuple[list[np.ndarray], list[np.ndarray | None]]:
    """W of every layer of one of the package's models, and R, None where there is none."""
    layers = feedback_layers(model)
    feedback = [None if layer.feedback is None else np.array(layer.feedback) for layer in layers]
    return [np.array(layer.kernel) for layer in layers], feedback


def set_own(model: keras.Model, weights: Sequence[np.ndarray], feedback: Sequence[np.ndarray | None]) -> None:
    """Assign W and R to one of the package's models."""
    for layer, w, r in zip(feedback_layers(model), weights, feedback, strict=True):
        layer.kernel.assign(w)
        if layer.feedback is not None:
            layer.feedback.assign(r)
