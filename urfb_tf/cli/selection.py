"""Which experiments and seeds a command is about."""

import argparse
from collections.abc import Iterable, Sequence


def named(what: str) -> list:
    """The experiment of an id, which names none of those below it, or all of a place; possibly none."""
    from urfb_tf.experiments import EXPERIMENTS, find, select

    return [find(what)] if what in EXPERIMENTS else select(what)


def below(what: Sequence[str], *, of_paper: bool = False) -> list:
    """The experiments of some ids and places, in the catalogue's order and each once; all if none is named.

    Args:
        what: ids or their beginnings, such as "table2" or "table1/cifar10". An id names those below it, too.
        of_paper: only the paper's own.

    Raises:
        ArgumentError: if one of them names no experiment, or none of the paper.
    """
    from urfb_tf.errors import ArgumentError, like_one_of
    from urfb_tf.experiments import EXPERIMENTS, select
    from urfb_tf.experiments.catalogue import LISTING
    from urfb_tf.experiments.paper import PAPER

    own = {experiment.id for experiment in PAPER}  # others, of readings, are held against the same numbers
    chosen: set[str] = set()
    for place in what:
        named = {experiment.id for experiment in select(place)}
        if not named:
            raise ArgumentError(like_one_of("experiment or place", place, _places(EXPERIMENTS), LISTING))
        if of_paper and not named & own:
            raise ArgumentError(f"The paper has no numbers of {place}: `{LISTING} {place}` says what is recorded.")
        chosen |= named
    return [
        experiment
        for key, experiment in EXPERIMENTS.items()
        if (not what or key in chosen) and (key in own or not of_paper)
    ]


def _places(ids: Iterable[str]) -> list[str]:
    """All beginnings of the ids, the ids themselves among them."""
    parts = [identifier.split("/") for identifier in ids]
    return list(dict.fromkeys("/".join(each[:length]) for each in parts for length in range(1, len(each) + 1)))


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
