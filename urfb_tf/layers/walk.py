"""All layers of a model, those inside nested models too."""

from collections.abc import Iterator

import keras

from urfb_tf.errors import ArgumentError
from urfb_tf.layers.base import FeedbackLayer


def layers_of(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """Every layer of a model that is no model itself, from below."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from layers_of(layer)
        else:
            yield layer


def feedback_layers(model: keras.Model) -> list[FeedbackLayer]:
    """Those that have a feedback rule."""
    return [layer for layer in layers_of(model) if isinstance(layer, FeedbackLayer)]


def node_of(model: keras.Model, layer: keras.layers.Layer, what: str):
    """Where a layer stands in the graph of a functional or sequential model: `input_tensors`, `output_tensors`.

    A layer may have nodes in other graphs too, and `layer.input` and `layer.output` are those of the first.

    Args:
        model: built; the layer is one of its own or of a nested model's.
        layer: the layer.
        what: what needs it, as the subject of a sentence in the singular.

    Raises:
        ArgumentError: if the layer lies in a nested model or is used more than once.
    """
    if not any(layer is own for own in model.layers):
        raise ArgumentError(f"{what} does not reach into nested models, but layer {layer.name!r} lies in one.")
    graph = model._functional if isinstance(model, keras.Sequential) else model
    nodes = [node for level in graph._nodes_by_depth.values() for node in level if node.operation is layer]
    if len(nodes) != 1:
        raise ArgumentError(f"{what} needs layers that are used once, but {layer.name!r} is not.")
    return nodes[0]
