"""The graph of a functional or sequential model: where its layers stand, and which of them a copy can replace."""

from collections.abc import Callable, Iterator

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


def uses(
    model: keras.Model, counts: Callable[[keras.layers.Layer], bool], below: bool = False
) -> Iterator[tuple[keras.layers.Layer, bool]]:
    """Each use of a layer in a functional or sequential model and in such ones nested in it, from below.

    Args:
        model: built.
        counts: which layers count.
        below: whether one that counts lies below the model itself.

    Yields:
        The layer, and whether one that counts lies below this use of it. Below a nested model means below all of it.
    """
    above: set[int] = set()  # tensors that depend on a layer that counts
    for node in _nodes(model):
        layer = node.operation
        beneath = below or any(id(tensor) in above for tensor in node.input_tensors)
        if graph_of(layer) is not None:
            used = list(uses(layer, counts, beneath))
        else:  # bare operations, such as a sum of two tensors, are no layers
            used = [(layer, beneath)] if isinstance(layer, keras.layers.Layer) else []
        yield from used
        if beneath or any(counts(each) for each, _ in used):
            above.update(id(tensor) for tensor in node.output_tensors)


def input_shapes(model: keras.Model, layer: keras.layers.Layer) -> set[tuple]:
    """The shapes, without the batch, of what a layer with one input sees at all its uses in a model's graph."""
    found: set[tuple] = set()
    for node in _nodes(model):
        if node.operation is layer:
            found.add(tuple(node.input_tensors[0].shape[1:]))
        elif graph_of(node.operation) is not None:
            found |= input_shapes(node.operation, layer)
    return found


def _nodes(model: keras.Model) -> list:
    """From below."""
    graph = graph_of(model)
    assert graph is not None
    return [node for _, level in sorted(graph._nodes_by_depth.items(), reverse=True) for node in level]
