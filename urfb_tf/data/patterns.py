"""The easiest images: each class is one pattern of pixels, under noise. Small networks learn them in a second."""

import numpy as np

from urfb_tf.data.splits import Dataset, Split, check_made
from urfb_tf.errors import ArgumentError, is_positive

CLASSES = 10
SIZE = 8
SPREAD = 40  # standard deviation of a pixel's noise, of 255


def patterns(
    *, train: int = 2000, validation: int = 100, test: int = 500, contrast: float = 0.6, seed: int = 0
) -> Dataset:
    """Ten random patterns under noise. The mean of a class is its pattern: nothing else tells the classes apart.

    Args:
        train, validation, test: the number of images of each split, >= 1.
        contrast: the standard deviation of the patterns' pixels over that of the noise, > 0.
        seed: of patterns, labels and noise.

    Returns:
        A `Dataset` of 8 x 8 grey images in ten classes.

    Raises:
        ArgumentError: if a number is out of range.
    """
    check_made("Patterns need", {"train": train, "validation": validation, "test": test}, seed)
    if not is_positive(contrast):
        raise ArgumentError(f"Patterns need a finite contrast > 0, but got {contrast!r}.")
    first, *streams = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(4))
    means = contrast * first.normal(size=(CLASSES, SIZE, SIZE, 1))

    def split(count: int, random: np.random.Generator) -> Split:
        labels = random.integers(CLASSES, size=count).astype(np.int32)  # [N]
        values = means[labels] + random.normal(size=(count, SIZE, SIZE, 1))
        return Split(np.clip(np.rint(127.5 + SPREAD * values), 0, 255).astype(np.uint8), labels)

    splits = [split(count, random) for count, random in zip((train, validation, test), streams, strict=True)]
    return Dataset("patterns", CLASSES, *splits)
