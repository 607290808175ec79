"""The notation in which the paper writes its networks, read into layer descriptions.

    conv 32 5x5; maxpool 3; drop .8; full conn. 500; drop .3; output

`conv F KxK` keeps the resolution; `maxpool K` halves it (stride 2) unless `stride S` follows; `avgpool` likewise;
`SUM` adds the outputs of the two convolutions before it; `drop P` is dropout; `full conn. N` and `output` are dense.
"""

import dataclasses
import re
from collections.abc import Iterator

from urfb_tf.errors import ArgumentError


@dataclasses.dataclass(frozen=True)
class Step:
    """One term of the notation: its kind and its numbers in the order in which they stand."""

    kind: str
    numbers: tuple[float, ...] = ()


_WHOLE = r"(0*[1-9]\d*)"  # >= 1
_SHARE = r"(\d*\.?\d+)"
_TERMS = {
    "conv": rf"conv {_WHOLE} {_WHOLE}x{_WHOLE}",
    "maxpool": rf"maxpool {_WHOLE}(?:, ?stride {_WHOLE})?",
    "avgpool": rf"avgpool {_WHOLE}(?:, ?stride {_WHOLE})?",
    "sum": r"sum",
    "drop": rf"drop {_SHARE}",
    "dense": rf"full conn\. {_WHOLE}",
    "output": r"output",
}


def parse(text: str) -> Iterator[Step]:
    """The steps of a network written in the paper's notation.

    Raises:
        ArgumentError: for something else than text, for a term outside the notation, or if the network does not end in
            its only `output`.
    """
    if not isinstance(text, str):
        raise ArgumentError(f"A network is text, such as 'conv 32 5x5; maxpool 3; output', but got {text!r}.")
    terms = [" ".join(term.split()) for term in text.split(";") if term.strip()]
    if [term.lower() for term in terms].count("output") != 1 or terms[-1].lower() != "output":
        raise ArgumentError(f"A network ends in its only 'output', but got {text!r}.")
    for term in terms:
        yield _parse_term(term)


def _parse_term(term: str) -> Step:
    for kind, pattern in _TERMS.items():
        if match := re.fullmatch(pattern, term, re.IGNORECASE):
            return Step(kind, tuple(float(number) for number in match.groups() if number is not None))
    raise ArgumentError(
        f"Cannot read {term!r} in a network: the terms are 'conv 32 5x5', 'maxpool 3', 'maxpool 2, stride 2', "
        "'avgpool 3', 'SUM', 'drop .8', 'full conn. 500' and 'output'."
    )
