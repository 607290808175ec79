"""A dataset in memory: three splits of pixels and class numbers."""

import dataclasses
import hashlib
from typing import NamedTuple

import numpy as np

from urfb_tf.errors import ArgumentError, is_whole


class Split(NamedTuple):
    """Images and labels in the same order; unpacks into Keras' `fit(images, labels)`.

    Attributes:
        images: uint8 [N, H, W, C], pixels 0..255.
        labels: int32 [N], class numbers.
    """

    images: np.ndarray
    labels: np.ndarray


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A classification task.

    Attributes:
        name: such as "cifar10".
        classes: the number of classes.
        train, validation, test: the splits. The last may tune nothing.

    Raises:
        ArgumentError: if the labels of a split are not one number for each image.
    """

    name: str
    classes: int
    train: Split
    validation: Split
    test: Split

    def __post_init__(self):
        for name, (images, labels) in self.splits.items():
            if np.ndim(labels) != 1 or len(images) != len(labels):
                raise ArgumentError(
                    f"The {name} split needs one class number for each image, labels [N], but got labels of shape "
                    f"{np.shape(labels)} for images of shape {np.shape(images)}."
                )

    @property
    def splits(self) -> dict[str, Split]:
        """The three splits by name, in the order in which they are used."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def fingerprint(self) -> str:
        """SHA-256 of all pixels and labels in order: equal for equal data, so that results can say what they saw."""
        digest = hashlib.sha256()
        for split in self.splits.values():
            digest.update(np.ascontiguousarray(split.images).data)
            digest.update(np.ascontiguousarray(split.labels.astype("<i4")).data)
        return digest.hexdigest()

    def subset(self, train: int, validation: int, test: int) -> "Dataset":
        """The first images of each split."""
        return dataclasses.replace(
            self,
            train=Split(self.train.images[:train], self.train.labels[:train]),
            validation=Split(self.validation.images[:validation], self.validation.labels[:validation]),
            test=Split(self.test.images[:test], self.test.labels[:test]),
        )


def check_made(what: str, sizes: dict[str, int], seed: int) -> None:
    """Refuse numbers that no dataset can be made with.

    Args:
        what: begins the sentence, such as "Patterns need".
        sizes: the number of images of each split, >= 1.
        seed: >= 0.

    Raises:
        ArgumentError: if a number is out of range.
    """
    for split, count in sizes.items():
        if not is_whole(count, 1):
            raise ArgumentError(f"{what} a whole number of {split} images >= 1, but got {count!r}.")
    if not is_whole(seed, 0):
        raise ArgumentError(f"A seed is a whole number >= 0, but got {seed!r}.")
