"""From a function of tensors to StableHLO."""

import dataclasses
import hashlib
import re
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from urfb_tf.errors import ArgumentError


@dataclasses.dataclass(frozen=True)
class Program:
    """A compiled function in portable form.

    Attributes:
        stablehlo: the module, serialized. Its entry takes all tensors of the arguments in the order of
            `tf.nest.flatten`, then those of `constants`, and returns those of the result in the same order.
        constants: tables that the function holds on to, such as those of untied layers.
        digest: names what it computes. Two lowerings of one function have the same, though TensorFlow gives each a name
            of its own, which makes the modules differ.
    """

    stablehlo: bytes
    constants: list[np.ndarray]
    digest: str


def lower(function: Callable, *arguments) -> Program:
    """The program of a pure function, for arguments like these.

    Args:
        function: of (nested) tensors, returning (nested) tensors; it must not read variables.
        *arguments: tensors, or nested structures of them, that stand for shapes and types.

    Raises:
        ArgumentError: if the program calls code outside XLA, which other devices could not run.
    """
    flat = [tf.convert_to_tensor(argument) for argument in tf.nest.flatten(arguments)]
    specs = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in flat]

    @tf.function(jit_compile=True, autograph=False)
    def flattened(*tensors):
        return tf.nest.flatten(function(*tf.nest.pack_sequence_as(arguments, tensors)))

    concrete = flattened.get_concrete_function(*specs)
    captured = concrete.captured_inputs
    if any(tensor.dtype == tf.resource for tensor in captured):
        raise ArgumentError("Only pure functions can be exported: this one reads variables.")
    stage = flattened.experimental_get_compiler_ir(*specs)
    try:
        text = stage(stage="hlo")
    except (ValueError, tf.errors.OpError) as problem:
        raise ArgumentError(f"XLA cannot compile the program: {str(problem).splitlines()[0]}") from problem
    if "custom-call" in text:
        raise ArgumentError("The program has custom calls, which only this machine's TensorFlow could run.")
    return Program(
        stage(stage="stablehlo_serialized"),
        [tensor.numpy() for tensor in captured],
        content_digest(_computation(text).encode() + _constants(concrete)),
    )


def _constants(concrete) -> bytes:
    """What tells the constants in a function's graph from others: XLA's text leaves out the values of large ones."""
    graph = concrete.graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    values = [node.attr["value"].tensor for node in nodes if node.op == "Const"]
    # Sorted, since the names of functions, by which they come, count up with each lowering.
    return "".join(sorted(content_digest(value.SerializeToString(deterministic=True)) for value in values)).encode()


def content_digest(content: bytes) -> str:
    """A short name for what is equal."""
    return hashlib.sha256(content).hexdigest()[:20]


def _computation(hlo: str) -> str:
    """The text without where it comes from, and with names that say no more than which is which."""
    names: dict[str, str] = {}
    layout, _, body = hlo.partition(", ")[2].partition("\n")  # HloModule NAME, entry_computation_layout=...
    body = re.sub(r", metadata=\{[^}]*\}", "", body)
    return layout + re.sub(r"%[\w.\-]+", lambda found: names.setdefault(found[0], f"%{len(names)}"), body)
