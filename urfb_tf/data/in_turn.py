"""Classes that come in turn: the examples of some classes, and refreshers of those before."""

from collections.abc import Iterable

import numpy as np

from urfb_tf.classes import check_classes
from urfb_tf.data.splits import Split, as_split
from urfb_tf.errors import ArgumentError, is_share
from urfb_tf.seeds import stream


def only(split: Split, classes: Iterable[int]) -> Split:
    """The examples of some classes, in the order of the split.

    Args:
        split: images [N, H, W, C] and labels [N].
        classes: class numbers. The labels stay as they are.

    Raises:
        ArgumentError: if they are no class numbers, or the split has no example of one of them.
    """
    return with_refreshers(split, classes, earlier=(), share=0.0)


def with_refreshers(
    split: Split, classes: Iterable[int], *, earlier: Iterable[int], share: float, seed: int = 0
) -> Split:
    """All examples of some classes, and a share of those of earlier ones (section 5), in the order of the split.

    Which examples refresh depends on the seed and the class alone: as classes come in turn, an earlier class keeps the
    same ones, and those of a small share are among those of a larger one.

    Args:
        split: images [N, H, W, C] and labels [N].
        classes: class numbers.
        earlier: further ones, of which a share of the examples stays; those in `classes` too stay whole.
        share: in [0, 1]. Of each earlier class so many examples are kept, rounded to a whole number.
        seed: the run's.

    Raises:
        ArgumentError: if they are no class numbers, the split has no example of one of them, or the share is no share.
    """
    if not is_share(share):
        raise ArgumentError(f"The share of refreshers lies between 0 and 1, but got {share!r}.")
    split = as_split(split, "A choice of classes")
    present = set(np.unique(split.labels).tolist())
    wanted, before = check_classes(classes), check_classes(earlier)
    if not wanted:
        raise ArgumentError("Name at least one class to take the examples of.")
    for label in (*wanted, *before):
        if label not in present:
            raise ArgumentError(f"There is no example of class {label}: the classes are {_list(present)}.")
    kept = np.isin(split.labels, wanted)  # [N]
    for label in set(before) - set(wanted):
        rows = np.flatnonzero(split.labels == label)
        order = np.random.default_rng(stream(seed, "refreshers", label)).permutation(rows)
        kept[order[: round(share * len(rows))]] = True
    return Split(split.images[kept], split.labels[kept])


def _list(numbers: set[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))
