"""One seed per run; every random choice draws from a stream of its own, named after its use."""

import zlib

import numpy as np

from urfb_tf.errors import ArgumentError, is_whole


def stream(seed: int, *names: str | int) -> int:
    """A seed for one use, independent of the seeds of all other uses.

    Args:
        seed: the run's seed, >= 0.
        names: what the numbers are for, e.g. `("dense1", "feedback")`.

    Returns:
        An integer in [0, 2**31), the same on every machine.

    Raises:
        ArgumentError: if `seed` is not a whole number >= 0.
    """
    check_whole(seed)
    words = [zlib.crc32(str(name).encode()) for name in names]
    return int(np.random.SeedSequence([seed, *words]).generate_state(1)[0] >> 1)


def check_whole(seed: int) -> None:
    """Refuse a seed that no stream can be drawn from, with an ArgumentError."""
    if not is_whole(seed, 0):
        raise ArgumentError(f"A seed is a whole number >= 0, but got {seed!r}.")


def check_seed(seed: int) -> None:
    """Refuse a seed that does not fit the programs' 32-bit integers, with an ArgumentError."""
    if not is_whole(seed, 0) or seed >= 2**31:
        raise ArgumentError(f"A seed is a whole number from 0 to 2**31 - 1, but got {seed!r}.")
