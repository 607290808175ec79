"""The graph of a functional or sequential model: where its layers stand, and which of them a copy can replace."""

from collections.abc import Iterator

import keras

from urfb_tf.errors import ArgumentError


def graph_of(layer) -> keras.Model | None:
    """The functional model that stands for a functional or sequential one that is built. Anything else has none."""
    graph = layer._functional if isinstance(layer, keras.Sequential) else layer
    return graph if isinstance(graph, keras.Model) and hasattr(graph, "_nodes_by_depth") else None


def in_graph(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """The layers of a functional or sequential model and of such ones nested in it: what cloning copies one by one."""
    for layer in model.layers:
        if graph_of(layer) is None:
            yield layer
        else:
            yield from in_graph(layer)


def node_of(model: keras.Model, layer: keras.layers.Layer, what: str):
    """Where a layer stands in the graph of a functional or sequential model: `input_tensors`, `output_tensors`.

    A layer may have nodes in other graphs too, and `layer.input` and `layer.output` are those of the first.

    Args:
        model: built; the layer is one of its own, or lies in a nested model or another layer.
        layer: the layer.
        what: what needs it, as the subject of a sentence in the singular.

    Raises:
        ArgumentError: if the layer lies in a nested model or another layer, or is used more than once.
    """
    if not any(layer is own for own in model.layers):
        kind = "nested models" if any(layer is inner for inner in in_graph(model)) else "other layers"
        raise ArgumentError(f"{what} does not reach into {kind}, but layer {layer.name!r} lies in one.")
    nodes = [node for node in _nodes(model) if node.operation is layer]
    if len(nodes) != 1:
        raise ArgumentError(f"{what} needs layers that are used once, but {layer.name!r} is not.")
    return nodes[0]


def uses(model: keras.Model, layer: keras.layers.Layer) -> int:
    """How often a functional or sequential model uses a layer, its own or that of such a model nested in it."""
    found = 0
    for node in _nodes(model):
        if node.operation is layer:
            found += 1
        elif graph_of(node.operation) is not None:
            found += uses(node.operation, layer)
    return found


def _nodes(model: keras.Model) -> list:
    graph = graph_of(model)
    assert graph is not None
    return [node for level in graph._nodes_by_depth.values() for node in level]
