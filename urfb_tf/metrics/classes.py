"""Errors class by class along training: what of earlier classes is forgotten (section 5)."""

from collections.abc import Iterable, Sequence

import keras
import numpy as np

from urfb_tf.classes import check_classes
from urfb_tf.compiled_loss import only
from urfb_tf.data import Split
from urfb_tf.data.splits import as_split, at_once
from urfb_tf.errors import ArgumentError


def error_among(fields: np.ndarray, labels: np.ndarray, classes: Iterable[int]) -> float:
    """The error over the examples of some classes, where the largest field of these classes' units alone decides.

    Args:
        fields: of all output units, [N, C].
        labels: [N].
        classes: of which there is at least one example.
    """
    units = np.asarray(sorted(classes))
    rows = np.isin(labels, units)  # [N]
    decided = units[fields[rows][:, units].argmax(1)]
    return float(np.mean(decided != labels[rows]))


class ClassErrors:
    """Errors of single classes and groups of classes on one split, as a probe for `urfb_tf.train`.

    Args:
        split: images [N, H, W, C] and labels [N], such as `data.test`.
        groups: classes that are learned together, group by group.
        seen: the classes learned so far. None means all of the split.

    Raises:
        ArgumentError: if the split lacks one of the classes, or a group or `seen` has none.
    """

    def __init__(self, split: Split, groups: Sequence[Iterable[int]], seen: Iterable[int] | None = None):
        self.images, self.labels = as_split(split, "Errors by class")
        self.classes = np.unique(self.labels).tolist()
        self.groups = [check_classes(group) for group in groups]
        self.seen = self.classes if seen is None else check_classes(seen)
        if not self.seen or not all(self.groups):
            raise ArgumentError("Errors are those of one class or more: leave out empty groups.")
        for label in (*self.seen, *(label for group in self.groups for label in group)):
            if label not in self.classes:
                raise ArgumentError(f"There is no example of class {label} to measure its error on.")

    def __call__(self, model: keras.Model) -> dict:
        """Errors, shares in [0, 1], and fields; lists are in the order of classes or groups.

        `class_error` of each class among all output units; `group_error` the same of each group; `within_error` of each
        group among its own units; `seen_error` of all classes seen so far, among their units; `own_field` and
        `other_field`, the mean field of each class's unit over its own images and over all others.
        """
        size = at_once(self.images.shape[1:])
        batches = range(0, len(self.labels), size)
        fields = np.concatenate(
            [
                keras.ops.convert_to_numpy(only(model(self.images[i : i + size].astype(np.float32), training=False)))
                for i in batches
            ]
        ).astype(np.float64)  # [N, C]; means in half precision would be wrong
        if fields.shape[-1] <= max(self.classes):
            raise ArgumentError(
                f"The model has {fields.shape[-1]} output units, but the split has class {max(self.classes)}."
            )
        wrong = fields.argmax(1) != self.labels  # [N]
        own = [self.labels == label for label in self.classes]  # [N] each
        found = {
            "class_error": [wrong[rows].mean() for rows in own],
            "group_error": [wrong[np.isin(self.labels, group)].mean() for group in self.groups],
            "within_error": [error_among(fields, self.labels, group) for group in self.groups],
            "own_field": [fields[rows, label].mean() for label, rows in zip(self.classes, own, strict=True)],
            "other_field": [fields[~rows, label].mean() for label, rows in zip(self.classes, own, strict=True)],
        }
        return {
            **{name: [round(float(value), 5) for value in values] for name, values in found.items()},
            "seen_error": round(error_among(fields, self.labels, self.seen), 5),
        }
