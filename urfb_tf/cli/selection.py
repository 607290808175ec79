"""Which experiments and seeds a command is about."""

import argparse
from collections.abc import Sequence


def named(what: str) -> list:
    """The experiment of an id, which names none of those below it, or all of a place; possibly none."""
    from urfb_tf.experiments import EXPERIMENTS, find, select

    return [find(what)] if what in EXPERIMENTS else select(what)


def seeds(options: argparse.Namespace) -> Sequence[int]:
    """Those of `--seed` or `--seeds`.

    Raises:
        ArgumentError: if there are none.
    """
    from urfb_tf.errors import ArgumentError

    if options.seeds is None:
        return [options.seed]
    if options.seeds < 1:
        raise ArgumentError(f"--seeds is a whole number >= 1, but got {options.seeds}.")
    return range(options.seeds)
