"""The errors that a user can cause or mend, each carrying one sentence that says what to do."""

import difflib
from collections.abc import Iterable

import numpy as np


class UrfbError(Exception):
    """Base of every error that this package raises on purpose."""


class ArgumentError(UrfbError, ValueError):
    """A name, shape or number that the package cannot use."""


class DataUnavailableError(UrfbError, RuntimeError):
    """A dataset is neither on this machine nor to be downloaded."""


class CheckpointError(UrfbError, RuntimeError):
    """A checkpoint cannot be read or belongs to another run."""


class WriteError(UrfbError, RuntimeError):
    """The disk does not take a file; what was there before is intact."""


class ResultError(UrfbError, RuntimeError):
    """A result file is missing, damaged or not of the schema."""


def is_finite(value: object) -> bool:
    """Whether `value` is a finite number, Python's or NumPy's; True and False are no numbers."""
    is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    return is_number and -float("inf") < value < float("inf")  # type: ignore[operator]


def is_positive(value: object) -> bool:
    """Whether `value` is a finite number > 0, as in `is_finite`."""
    return is_finite(value) and value > 0  # type: ignore[operator]


def is_share(value: object) -> bool:
    """Whether `value` is a number from 0 to 1, as in `is_finite`."""
    return is_finite(value) and 0 <= value <= 1  # type: ignore[operator]


def is_whole(value: object, least: int) -> bool:
    """Whether `value` is an integer >= `least`, Python's or NumPy's; True and False are no numbers."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value >= least)


def check_learning_rate(value: object) -> None:
    """Raise an ArgumentError if SGD cannot take steps of this size."""
    if not is_positive(value):
        raise ArgumentError(f"SGD needs a learning rate > 0, but got {value!r}.")


def check_batch_size(value: object) -> None:
    """Raise an ArgumentError if a batch cannot have so many examples, whatever the data."""
    if not is_whole(value, 1):
        raise ArgumentError(f"The batch size is a whole number >= 1, but got {value!r}.")


def one_of(kind: str, value: object, allowed: Iterable[object]) -> str:
    """The sentence for a value outside a fixed set, the same wherever a name is looked up."""
    names = ", ".join(repr(name) for name in allowed)
    return f"Unknown {kind} {value!r}: {f'use one of {names}' if names else 'there is none'}."


def like_one_of(kind: str, value: object, allowed: Iterable[str], command: str) -> str:
    """`one_of` for a set that is too large to be named in a sentence: what is nearest, and the command that lists it.

    Args:
        kind, value, allowed: as those of `one_of`.
        command: prints all of the set.
    """
    names = list(allowed)
    # Whoever left out an end knows the beginning: that is nearer than what shares most letters.
    near = [name for name in names if name.startswith(str(value))][:3] or difflib.get_close_matches(str(value), names)
    guess = f"did you mean {' or '.join(map(repr, near))}? `{command}`" if near else f"`{command}`"
    return f"Unknown {kind} {value!r}: {guess} names all that there are."
