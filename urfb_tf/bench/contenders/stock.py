"""Back-propagation of the same network in Keras' own layers, trained by `fit`."""

from collections.abc import Sequence

import keras
import numpy as np

from urfb_tf.bench.contenders.contender import CLASSES, LEARNING_RATE
from urfb_tf.bench.contenders.own import fit
from urfb_tf.data import Split
from urfb_tf.losses import OneVsRestHinge
from urfb_tf.networks.notation import Step, parse


class StockFit:
    """A network of `Conv2D`, `Dense`, `MaxPooling2D`, `Add` and `Dropout`, as the reading "paper" understands it.

    Args:
        notation: of the network.
        data: to train on.
        batch: examples per step.
        jit_compile: as in `keras.Model.compile`; "auto" is what a user gets who says nothing.
    """

    def __init__(self, notation: str, data: Split, batch: int, *, jit_compile: bool | str = "auto"):
        inputs = keras.Input(data.images.shape[1:])
        outputs = keras.layers.Rescaling(1 / 255)(inputs)
        convolutions: list = []
        for step in parse(notation):
            outputs = _add(step, outputs, convolutions)
        self.model = keras.Model(inputs, outputs)
        self.model.compile(keras.optimizers.SGD(LEARNING_RATE), OneVsRestHinge(), jit_compile=jit_compile)
        self._data, self._batch = data, batch

    def epoch(self) -> float:
        """One call of `fit`."""
        return fit(self.model, self._data, self._batch)

    def weights(self) -> list[np.ndarray]:
        """W of every layer."""
        return [np.array(variable) for variable in self.model.trainable_variables]

    def set_weights(self, weights: Sequence[np.ndarray], feedback: Sequence[np.ndarray | None]) -> None:
        """W of every layer; back-propagation has no R."""
        for variable, w in zip(self.model.trainable_variables, weights, strict=True):
            variable.assign(w)


def _add(step: Step, x, convolutions: list):
    numbers = [int(number) for number in step.numbers]
    if step.kind == "conv":
        filters, *size = numbers
        x = keras.layers.Conv2D(filters, size, padding="same", use_bias=False, activation="hard_tanh")(x)
        convolutions.append(x)
        return x
    if step.kind == "sum":
        return keras.layers.Add()(convolutions[-2:])
    if step.kind == "drop":
        return keras.layers.Dropout(step.numbers[0])(x)
    if step.kind in ("maxpool", "avgpool"):
        window, stride = (*numbers, 2)[:2]
        kind = keras.layers.MaxPooling2D if step.kind == "maxpool" else keras.layers.AveragePooling2D
        return kind(window, stride, padding="same")(x)
    x = x if len(x.shape) == 2 else keras.layers.Flatten()(x)
    if step.kind == "dense":
        return keras.layers.Dense(numbers[0], use_bias=False, activation="hard_tanh")(x)
    return keras.layers.Dense(CLASSES, use_bias=False)(x)
