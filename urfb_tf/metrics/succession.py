"""Do the increments of successive batches agree, or does one take back what the other has done?"""

import operator
from collections.abc import Sequence

import keras
import numpy as np

from urfb_tf.errors import ArgumentError, is_positive, is_whole
from urfb_tf.metrics.alignment import batch_of, check_batch
from urfb_tf.metrics.descent import Descent, put_back


def increment_cosines(
    model: keras.Model,
    inputs: np.ndarray,
    labels: np.ndarray,
    *,
    batch_size: int = 500,
    learning_rate: float = 0.1,
    lags: Sequence[int] = (1, 2),
    loss=None,
) -> dict[int, dict[str, float]]:
    """The cosine of the angle between W's increments of two batches some steps apart, the mean over all such pairs.

    The model takes one step of plain SGD per batch, in the order of the examples, and is then put back to what it was.
    Around 1 the increments add up; at 0 they have nothing to do with each other; near -1 each takes back most of what
    the last has done, as where the step is too long for the curvature of the loss. An increment is all that SGD adds to
    W: a regulariser of W has a part in it, much the same in each batch.

    Args:
        model: a built model with layers of feedback.
        inputs: [N, ...] examples, of several inputs in their structure. A rest that fills no batch is left out.
        labels: [N] whole numbers from 0.
        batch_size: examples per step.
        learning_rate: SGD's step.
        lags: how many steps apart, each >= 1; N must have enough batches for the largest.
        loss: a Keras loss, its name or a function; None takes the one that the model is compiled with.

    Returns:
        By lag, then by layer name. Pairs of which one increment is 0 are left out; a layer without others, too.

    Raises:
        ArgumentError: if a number is out of range, there are too few examples, not as many labels as inputs, or no loss
            is given nor compiled.
    """
    check_batch(inputs, labels)
    _check(len(labels), batch_size, learning_rate, lags)
    descent, examples = Descent(model, loss, purpose="An increment"), batch_of(inputs)
    pairs: dict[int, dict[str, list[float]]] = {lag: {name: [] for name in descent.layers} for lag in lags}
    recent: list[dict[str, np.ndarray]] = []  # the increments of the last batches, the latest first
    with put_back(model):
        for start in range(0, len(labels) - batch_size + 1, batch_size):
            batch = slice(start, start + batch_size)
            images = keras.tree.map_structure(operator.itemgetter(batch), examples)
            _, changes, increments = descent.look(images, labels[batch])
            descent.step(changes, learning_rate)
            now = {name: _unit(increment) for name, increment in increments.items()}
            recent.insert(0, now)
            del recent[max(lags) + 1 :]
            for lag in lags:
                if lag < len(recent):
                    for name, increment in now.items():
                        if increment.any() and recent[lag][name].any():
                            pairs[lag][name].append(float(np.vdot(increment, recent[lag][name])))
    return {
        lag: {name: float(np.mean(values)) for name, values in found.items() if values} for lag, found in pairs.items()
    }


class IncrementProbe:
    """`increment_cosines` after each epoch, as a probe for `urfb_tf.train`.

    Args:
        inputs, labels, batch_size, learning_rate, loss: as in `increment_cosines`; some twenty batches are enough.
    """

    LAGS = (1, 2)

    def __init__(
        self,
        inputs: np.ndarray,
        labels: np.ndarray,
        *,
        batch_size: int = 500,
        learning_rate: float = 0.1,
        loss=None,
    ):
        check_batch(inputs, labels)
        _check(len(labels), batch_size, learning_rate, self.LAGS)
        self.inputs, self.labels, self.loss = inputs, labels, loss
        self.batch_size, self.learning_rate = batch_size, learning_rate

    def __call__(self, model: keras.Model) -> dict:
        """`increment_cosine_1` and `increment_cosine_2`, of batches one and two steps apart, each by layer name."""
        found = increment_cosines(
            model,
            self.inputs,
            self.labels,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            lags=self.LAGS,
            loss=self.loss,
        )
        return {
            f"increment_cosine_{lag}": {name: round(value, 5) for name, value in by_layer.items()}
            for lag, by_layer in found.items()
        }


def _unit(kernel: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(kernel)
    return kernel / length if length else kernel


def _check(examples: int, batch_size: int, learning_rate: float, lags: Sequence[int]) -> None:
    if not is_whole(batch_size, 1) or not is_positive(learning_rate):
        raise ArgumentError(
            "Increments need a batch size >= 1 and a finite learning rate > 0, but got "
            f"{batch_size!r} and {learning_rate!r}."
        )
    if not isinstance(lags, Sequence) or not lags or not all(is_whole(lag, 1) for lag in lags):
        raise ArgumentError(f"Increments need lags that are whole numbers >= 1, but got {lags!r}.")
    if examples // batch_size <= max(lags):
        raise ArgumentError(
            f"Increments {max(lags)} batches apart need at least {max(lags) + 1} batches, but {examples} examples make "
            f"{examples // batch_size} of {batch_size}: give more, or smaller batches."
        )
