"""A dataset in memory: three splits of pixels and class numbers."""

import dataclasses
import hashlib
import math
from typing import NamedTuple

import numpy as np

from urfb_tf.errors import ArgumentError, is_whole
from urfb_tf.seeds import check_whole


class Split(NamedTuple):
    """Images and labels in the same order; unpacks into Keras' `fit(images, labels)`.

    Attributes:
        images: uint8 [N, H, W, C], pixels 0..255.
        labels: int32 [N], class numbers.
    """

    images: np.ndarray
    labels: np.ndarray


def as_split(split, who: str) -> Split:
    """A split, or a plain pair of images and labels, as a split.

    Args:
        split: what should be one.
        who: needs it: begins the sentence.

    Raises:
        ArgumentError: if it is neither.
    """
    if isinstance(split, Split):
        return split
    if isinstance(split, (tuple, list)) and len(split) == 2:
        return Split(np.asarray(split[0]), np.asarray(split[1]))
    raise ArgumentError(
        f"{who} takes one split, images and labels, such as `data.train`, but got a {type(split).__name__}."
    )


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A classification task.

    Attributes:
        name: such as "cifar10".
        classes: the number of classes, >= 2.
        train, validation, test: the splits, their labels as int32. The last may tune nothing.

    Raises:
        ArgumentError: if a split is no pair of arrays, its labels are not one whole number from 0 to `classes` - 1 for
            each image, or the images of the splits differ in size.
    """

    name: str
    classes: int
    train: Split
    validation: Split
    test: Split

    def __post_init__(self):
        if not is_whole(self.classes, 2):
            raise ArgumentError(f"A dataset needs a whole number of classes >= 2, but got {self.classes!r}.")
        object.__setattr__(self, "classes", int(self.classes))  # frozen, but not before it is made
        for name, split in self.splits.items():
            if not (isinstance(split, (tuple, list)) and len(split) == 2):
                raise ArgumentError(
                    f"The {name} split is a pair of arrays, images and labels, but got a {type(split).__name__}."
                )
            images, labels = split
            if np.ndim(labels) != 1 or len(images) != len(labels):
                raise ArgumentError(
                    f"The {name} split needs one class number for each image, labels [N], but got labels of shape "
                    f"{np.shape(labels)} for images of shape {np.shape(images)}."
                )
            numbers = class_numbers(labels, self.classes, f"The {name} split of {self.classes} classes")
            # A plain pair, as of arrays loaded elsewhere, becomes a split; a split that is right stays the one it is.
            if numbers is not labels or not isinstance(split, Split):
                object.__setattr__(self, name, Split(images, numbers))
        sizes = {name: np.shape(split.images)[1:] for name, split in self.splits.items()}
        if len(set(sizes.values())) > 1:
            said = ", ".join(f"{size} in {name}" for name, size in sizes.items())
            raise ArgumentError(f"The images of all splits need one size, but got {said}.")

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
        """The first images of each split, whole numbers >= 0."""
        for name, count in {"train": train, "validation": validation, "test": test}.items():
            if not is_whole(count, 0):
                raise ArgumentError(f"A subset has a whole number of {name} images >= 0, but got {count!r}.")
        return dataclasses.replace(
            self,
            train=Split(self.train.images[:train], self.train.labels[:train]),
            validation=Split(self.validation.images[:validation], self.validation.labels[:validation]),
            test=Split(self.test.images[:test], self.test.labels[:test]),
        )


def at_once(shape: tuple[int, ...]) -> int:
    """How many images of a shape [H, W, C] a network is shown together where it does not learn.

    1000 as large as CIFAR's, and of larger ones as many as make up as many pixels.
    """
    return max(1, min(1000, 1000 * 32 * 32 * 3 // math.prod(shape)))


def class_numbers(labels, classes: int | None, who: str) -> np.ndarray:
    """Labels as the programs take them.

    Args:
        labels: whole numbers of any type, [N].
        classes: how many there are; None if that is not known.
        who: begins the sentence, such as "The train split".

    Returns:
        int32 [N].

    Raises:
        ArgumentError: if one is no whole number from 0 to `classes` - 1.
    """
    labels = np.asarray(labels)
    last = np.iinfo(np.int32).max if classes is None else classes - 1
    if labels.dtype.kind in "iuf":
        wrong = ~((labels >= 0) & (labels <= last) & (labels == np.rint(labels)))  # [N]
    else:
        wrong = np.ones(labels.shape, bool)
    if np.any(wrong):
        raise ArgumentError(
            f"{who} needs class numbers from 0 {'on' if classes is None else f'to {last}'} as labels, but got "
            f"{labels[wrong].tolist()[0]!r}."
        )
    return labels.astype(np.int32, copy=False)


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
    check_whole(seed)
