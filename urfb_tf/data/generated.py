"""A small image set made from a seed: ten classes of gratings, learnable, with no download.

A class is one of five orientations at one of two spatial frequencies. Phase, position, size, contrast and colours are
random, so that no single pixel tells the class and a linear classifier of pixels stays near chance, while a convolution
with pooling learns it well.
"""

import numpy as np

from urfb_tf.data.splits import Dataset, Split, check_made
from urfb_tf.errors import ArgumentError, is_positive

CLASSES = 10
ORIENTATIONS = 5
CYCLES_PER_PIXEL = (1 / 8, 1 / 4)
SIZE = 32


def generate(
    *, train: int = 4000, validation: int = 1000, test: int = 1000, seed: int = 0, noise: float = 0.1
) -> Dataset:
    """The generated image set.

    Args:
        train, validation, test: the number of images of each split, >= 1.
        seed: equal seeds give equal images, on every machine to rounding of single pixels.
        noise: standard deviation of the noise on each pixel; a white pixel is 1.

    Returns:
        A `Dataset` of 32 x 32 colour images in ten classes.

    Raises:
        ArgumentError: if a number is out of range.
    """
    check_made("The generated set needs", {"train": train, "validation": validation, "test": test}, seed)
    if not (noise == 0 or is_positive(noise)):
        raise ArgumentError(f"The generated set needs a finite noise >= 0, but got {noise!r}.")
    streams = np.random.SeedSequence(seed).spawn(3)
    splits = [
        _split(count, np.random.default_rng(child), noise)
        for count, child in zip((train, validation, test), streams, strict=True)
    ]
    return Dataset("generated", CLASSES, *splits)


def _split(count: int, random: np.random.Generator, noise: float) -> Split:
    labels = random.integers(CLASSES, size=count).astype(np.int32)  # [N]

    def draw(low: float, high: float, *shape: int) -> np.ndarray:
        return random.uniform(low, high, size=(count, *(shape or (1, 1)))).astype(np.float32)

    y, x = np.meshgrid(np.arange(SIZE, dtype=np.float32), np.arange(SIZE, dtype=np.float32), indexing="ij")  # [H, W]
    angle = (labels % ORIENTATIONS * np.pi / ORIENTATIONS)[:, None, None] + draw(-0.12, 0.12)  # [N, 1, 1]
    frequency = np.take(CYCLES_PER_PIXEL, labels // ORIENTATIONS)[:, None, None] * draw(0.9, 1.1)
    along = np.cos(angle) * x + np.sin(angle) * y  # [N, H, W]
    wave = np.sin(2 * np.pi * (frequency * along + draw(0, 1)))
    distance = (x - draw(10, 22)) ** 2 + (y - draw(10, 22)) ** 2
    patch = wave * np.exp(-distance / (2 * draw(6, 10) ** 2)) * draw(0.25, 0.5)
    tint = draw(0.2, 1, 1, 1, 3)  # [N, 1, 1, 3]
    background = draw(0.3, 0.7, 1, 1, 3)
    pixels = background + patch[..., None] * tint  # [N, H, W, 3]
    pixels += noise * random.standard_normal(pixels.shape, dtype=np.float32)
    return Split(np.clip(255 * pixels + 0.5, 0, 255).astype(np.uint8), labels)
