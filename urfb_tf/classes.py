"""Groups of classes, as they come in turn (section 5)."""

from collections.abc import Iterable

from urfb_tf.errors import ArgumentError, is_whole


def check_classes(classes: Iterable[int]) -> tuple[int, ...]:
    """The class numbers as a tuple; an ArgumentError if one is no whole number >= 0, or stands twice."""
    found = tuple(classes) if isinstance(classes, Iterable) and not isinstance(classes, str) else None
    if found is None or not all(is_whole(label, 0) for label in found) or len(set(found)) < len(found):
        raise ArgumentError(f"Classes are different whole numbers >= 0, such as (0, 1), but got {classes!r}.")
    return tuple(map(int, found))
