"""What every contender can do: take weights, train an epoch, give its weights back."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from urfb_tf.data import Split

CLASSES = 10
LEARNING_RATE = 0.1


class Contender(Protocol):
    """A network ready to be trained by plain SGD on images that it holds.

    Weights are those of all convolutions and dense layers from the input upwards, in the package's layout:
    [kh, kw, Cin, F] and [D, units].
    """

    def epoch(self) -> float:
        """Train one epoch in full batches, the images shuffled, and return the mean of the batches' losses."""

    def weights(self) -> list[np.ndarray]:
        """W of every layer."""

    def set_weights(self, weights: Sequence[np.ndarray], feedback: Sequence[np.ndarray | None]) -> None:
        """Set W of every layer, and R of those that have one (None where there is none, as in the lowest layer)."""


def random_images(count: int, shape: tuple[int, int, int]) -> Split:
    """Images of random bytes with random labels: the time of a step does not depend on what an image shows."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (count, *shape), dtype=np.uint8)  # [N, H, W, C]
    return Split(images, random.integers(0, CLASSES, count).astype(np.int32))
