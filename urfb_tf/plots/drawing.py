"""A network drawn from the bottom up: what each layer does, how large its output is, which way errors return."""

import math

import keras

from urfb_tf.layers import FeedbackConv2D, FeedbackDense, FeedbackLayer, TiedMaxPooling2D, UntiedConv2D, feedback_layers
from urfb_tf.plots.style import COLOURS, figure, not_empty
from urfb_tf.rules import FeedbackRule

_FILLS = {"weights": "#CFE3F1", "pool": "#E8E8E8", "drop": "#F7F7F7", "sum": "#FBE3C4"}


def architecture(model: keras.Model):
    """One box per layer, as wide as the logarithm of its output's size; the input below, the output on top.

    An arrow down on the right marks a layer that hands an error down, with what carries it; an arc on the left leads
    the first of two added tensors past the layer between.

    Args:
        model: a functional model made by `urfb_tf.build`.
    """
    from matplotlib import patches

    weighted = feedback_layers(model)
    not_empty("the list of its feedback layers", weighted)
    lowest, last = weighted[0], weighted[-1]  # below the lowest, nothing needs an error
    rows: list[tuple] = []
    places: dict[str, int] = {}
    for layer in model.layers:
        row = _describe(layer, lowest, last)
        # What is not drawn, as normalisation, stands with what it takes.
        places[layer.name] = places.get(_sources(layer)[0], 0) if row is None else len(rows)
        rows += [] if row is None else [row]
    widest = max(_width(size) for _, _, _, size, *_ in rows)
    left, right = -widest / 2 - 0.1, widest / 2 + 0.4
    with figure(size=(6.4, 0.42 * len(rows) + 0.3)) as (made, ((axis,),)):
        for height, (_, kind, text, size, carrier, sources) in enumerate(rows):
            width = _width(size)
            box = patches.FancyBboxPatch(
                (-width / 2, height - 0.3), width, 0.6, boxstyle="round,pad=0.02", facecolor=_FILLS[kind],
                edgecolor="#666666",
            )  # fmt: skip
            axis.add_patch(box)
            axis.text(0, height, text, ha="center", va="center", fontsize=9)
            if carrier:
                colour = COLOURS["bp" if carrier == "W" else "urfb"]
                axis.annotate(
                    "", (right, height - 0.75), (right, height + 0.1), arrowprops={"arrowstyle": "->", "color": colour}
                )
                axis.text(right + 0.15, height - 0.3, carrier, va="center", fontsize=9, color=colour)
            if kind == "sum":
                lower = min(places[source] for source in sources)
                axis.annotate(
                    "", (left, height), (left, lower),
                    arrowprops={"arrowstyle": "->", "color": "#666666", "connectionstyle": "arc3,rad=-0.5"},
                )  # fmt: skip
        axis.set(xlim=(left - 1, right + 0.6), ylim=(-0.8, len(rows) - 0.4))
        axis.axis("off")
    return made


def _carrier(rule: FeedbackRule) -> str | None:
    """What carries the error down under a rule: None where the layer hands nothing down."""
    if rule.direct:
        return None
    return "R" if rule.has_feedback else "W" if rule.symmetric else "from W"


def _width(size: int) -> float:
    return 0.35 * math.log2(size) + 1.2


def _sources(layer: keras.layers.Layer) -> tuple[str, ...]:
    return tuple(tensor._keras_history.operation.name for tensor in keras.tree.flatten(layer.input))


def _describe(layer: keras.layers.Layer, first: FeedbackLayer, last: FeedbackLayer) -> tuple | None:
    """(name, kind, text, size of the output, what carries its error down, names of a sum's inputs); None if unseen."""
    shape = tuple(layer.output.shape[1:])
    size = math.prod(shape)
    grid = " × ".join(map(str, shape))
    carrier = None
    if isinstance(layer, FeedbackLayer) and layer is not first:
        carrier = _carrier(layer.rule)
    if isinstance(layer, keras.layers.InputLayer):
        return layer.name, "drop", f"pixels  {grid}", size, None, ()
    if isinstance(layer, (FeedbackConv2D, UntiedConv2D)):
        tying = "untied" if isinstance(layer, UntiedConv2D) else "conv"
        text = f"{tying} {layer.filters}, {layer.kernel_size[0]}×{layer.kernel_size[1]}   →   {grid}"
        return layer.name, "weights", text, size, carrier, ()
    if isinstance(layer, FeedbackDense):
        kind = "output" if layer is last else "full"
        return layer.name, "weights", f"{kind} {layer.units}", size, carrier, ()
    if isinstance(layer, (TiedMaxPooling2D, keras.layers.MaxPooling2D, keras.layers.AveragePooling2D)):
        kind = "average" if isinstance(layer, keras.layers.AveragePooling2D) else "max"
        text = f"{kind} pool {layer.pool_size[0]}, stride {layer.strides[0]}   →   {grid}"
        return layer.name, "pool", text, size, None, ()
    if isinstance(layer, keras.layers.Dropout):
        return layer.name, "drop", f"drop {layer.rate:g}", size, None, ()
    if isinstance(layer, keras.layers.Add):
        return (
            layer.name,
            "sum",
            f"sum   →   {grid}",
            size,
            None,
            _sources(layer),
        )
    return None
