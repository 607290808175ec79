"""One training step of a convolution, tied and untied: time, memory, and what bounds the dense form.

Where PyTorch is installed, the untied layer of its users takes part: patches by `unfold`, their products by `einsum`,
and back-propagation through both.

A step is forward, error handed down (where the layer has someone below it) and update of W and R, without activation.
"""

import dataclasses
from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from urfb_tf import networks
from urfb_tf.bench.contenders import torch_missing
from urfb_tf.bench.contenders.unfold import Unfolded
from urfb_tf.bench.measure import Machine, Timing, interleaved, peak_memory
from urfb_tf.bench.report import untied_table
from urfb_tf.bench.subjects import Settings
from urfb_tf.layers import FeedbackConv2D, UntiedConv2D, layers_of
from urfb_tf.table import Table

SPARSE_BATCH = 50  # the sparse form does not fit larger ones into the memory of a small machine


@dataclasses.dataclass(frozen=True)
class Row:
    """One layer at one batch size. Times are of a step; `peak` is bytes of tensors during one.

    Attributes:
        network, layer: which.
        batch: images per step.
        connections: of the untied layer.
        times, peak: by form: "tied", "dense", where the batch allows "sparse", and where PyTorch is installed "torch",
            of whose memory TensorFlow does not know.
        bound: the least seconds for the dense form's operations at the machine's ceilings, one after another.
    """

    network: str
    layer: str
    batch: int
    connections: int
    times: dict[str, Timing]
    peak: dict[str, int]
    bound: float

    def ratio(self, form: str, other: str) -> float:
        """How many times longer a step takes in one form than in another, by medians."""
        return self.times[form].median / self.times[other].median


def layers_to_measure() -> list[tuple[str, FeedbackConv2D]]:
    """Simpnet's convolution and those of deepernet_s, with the names of their networks."""
    found = []
    for name, model in {"simpnet": networks.simpnet(), "deepernet_s": networks.deepernet_s()}.items():
        found += [(name, layer) for layer in layers_of(model) if isinstance(layer, FeedbackConv2D)]
    return found


def measure(
    layers: Iterable[tuple[str, FeedbackConv2D]], machine: Machine, *, batch: int, repeats: int = 15
) -> list[Row]:
    """One row per layer; the sparse form takes part up to a batch of 50."""
    return [_row(network, layer, machine, batch, repeats) for network, layer in layers]


def run(settings: Settings, machine: Machine) -> dict:
    """The rows at the batch of the settings and at that of the sparse form, as JSON takes them."""
    layers, batches = layers_to_measure(), dict.fromkeys([settings.batch, SPARSE_BATCH])
    rows = [row for batch in batches for row in measure(layers, machine, batch=batch, repeats=settings.repeats)]
    return {"rows": [dataclasses.asdict(row) for row in rows], "missing": [torch_missing()] if torch_missing() else []}


def tables(found: dict) -> list[tuple[str, Table | str]]:
    """What `run` found, one table per batch."""
    shown: list[tuple[str, Table | str]] = [
        (f"Convolutions tied and untied, batch {batch}", untied_table(rows)) for batch, rows in by_batch(found).items()
    ]
    return [*shown, *(("", reason) for reason in found["missing"])]


def by_batch(found: dict) -> dict[int, list[Row]]:
    """The rows that `run` found, by their batch."""
    batches: dict[int, list[Row]] = {}
    for row in found["rows"]:
        read = Row(**{**row, "times": {form: Timing(**time) for form, time in row["times"].items()}})
        batches.setdefault(read.batch, []).append(read)
    return batches


def _row(network: str, tied: FeedbackConv2D, machine: Machine, batch: int, repeats: int) -> Row:
    shape = (batch, *tied.input.shape[1:])
    linear = {**tied.get_config(), "activation": None}  # which costs all forms the same
    forms: dict = {"tied": FeedbackConv2D.from_config(linear)}
    for backend in ("dense", "sparse") if batch <= SPARSE_BATCH else ("dense",):
        forms[backend] = UntiedConv2D.from_config({**linear, "backend": backend})
    for layer in forms.values():
        layer.build(shape)
    x = tf.random.stateless_normal(shape, [0, 0])
    errors = tf.random.stateless_normal((batch, *tied.output.shape[1:]), [0, 1])
    steps = {name: _step(layer, x, errors) for name, layer in forms.items()}
    others = {}
    if torch_missing() is None:
        hands_down = forms["dense"].rule.has_feedback
        others["torch"] = Unfolded(forms["dense"], x.numpy(), errors.numpy(), hands_down=hands_down).step
    times = interleaved({**steps, **others}, repeats=repeats)
    peak = {name: peak_memory(step) for name, step in steps.items()}
    dense = forms["dense"]
    return Row(network, tied.name, batch, int(np.prod(dense.kernel.shape)), times, peak, _bound(dense, machine, batch))


def _step(layer, x: tf.Tensor, errors: tf.Tensor):
    hands_down = layer.rule.has_feedback

    def step():
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = layer(x)
        weights = [variable.value for variable in layer.trainable_variables]
        down, gradients = tape.gradient(outputs, [x, weights], output_gradients=errors)
        for variable, gradient in zip(weights, gradients, strict=True):
            variable.assign_sub(0.1 * gradient)
        return (outputs, down) if hands_down else outputs

    return tf.function(step, autograph=False)


def _bound(layer: UntiedConv2D, machine: Machine, batch: int) -> float:
    """Each operation of the dense form at the ceiling that binds it; operations do not overlap."""
    _, height, width, channels = layer.input_spec.shape
    pixels = batch * height * width * channels
    fields = batch * int(np.prod(layer.locality.output_size)) * layer.filters
    patches = batch * len(layer.locality.pairs) * channels
    connections = int(np.prod(layer.kernel.shape))
    product = 2 * batch * connections
    operations = [
        (0, 2 * pixels),  # batch last
        (0, pixels + patches),  # patches
        (product, patches + connections + fields),  # fields
        (0, 2 * fields),  # batch first
        (0, 2 * fields),  # errors, batch inside
        (product, patches + fields + connections),  # update
        (0, 3 * connections),
    ]
    if layer.rule.has_feedback:
        operations += [
            (product, connections + fields + patches),  # shares
            (0, patches + pixels),  # their sums
            (0, 2 * pixels),  # batch first
            (0, 3 * connections),
        ]
    return sum(machine.seconds(*operation) for operation in operations)
