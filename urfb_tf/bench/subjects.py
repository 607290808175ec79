"""The subjects that can be measured: one module each, named here once."""

import dataclasses
import importlib
import types
from collections.abc import Mapping

from urfb_tf.errors import ArgumentError, is_whole, one_of

# A module of this name has `run(settings, machine)`, which measures and returns what JSON can hold, and
# `tables(found)`, which shows it: pairs of a title and a table or a sentence.
SUBJECTS: Mapping[str, str] = {
    "training": "a training step of URFB against back-propagation in Keras and PyTorch, and feedback alignment",
    "untied": "a step of each convolution, tied and untied",
    "epoch": "whole compiled epochs against fit",
    "kernels": "each operation of a step against what the machine could do at best",
    "scaling": "how the time of a step grows with depth, width, batch and untied locations",
    "startup": "seconds until the first step, in processes of their own",
    "onednn": "a step with convolutions by oneDNN and by TensorFlow itself, in processes of their own",
    "memory": "peak memory and bytes per connection, in processes of their own",
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to measure.

    Attributes:
        batch: examples per step.
        repeats: timed calls of each contender, >= 3.
    """

    batch: int = 500
    repeats: int = 7

    def __post_init__(self):
        for option, value, least in (("--batch-size", self.batch, 1), ("--repeats", self.repeats, 3)):
            if not is_whole(value, least):
                raise ArgumentError(f"{option} is a whole number >= {least}, but got {value!r}.")


def find(name: str) -> types.ModuleType:
    """The module of a subject.

    Raises:
        ArgumentError: if there is no such subject.
    """
    if name not in SUBJECTS:
        raise ArgumentError(one_of("subject of a benchmark", name, SUBJECTS))
    return importlib.import_module(f"urfb_tf.bench.{name}")
