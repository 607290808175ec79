"""Connecting the output error of a model to its layers under direct feedback alignment."""

import keras

from urfb_tf.errors import ArgumentError
from urfb_tf.layers import DirectFeedback, FeedbackLayer, feedback_layers


def connect_direct_feedback(model: keras.Model, *, seed: int = 0) -> keras.Model:
    """The model with a `DirectFeedback` layer at its end that serves all layers under a direct rule, such as "dfa".

    Layers and weights are the same objects as before; the weights of the new layer are drawn. A model whose direct
    feedback is in place, or that has none and needs none, is returned as it is.

    Args:
        model: a built functional or sequential model with one output.
        seed: of the random weights B.

    Returns:
        A functional model, compiled as the old one was.

    Raises:
        ArgumentError: if the model is of another kind, a layer under a direct rule lies in a nested model or is used
            more than once, or an input is of free size.
    """
    targets = [layer for layer in feedback_layers(model) if layer.rule.direct]
    ends = [layer for layer in model.layers if isinstance(layer, DirectFeedback)]
    if [layer.name for layer in targets] == [name for end in ends for name in end.targets]:
        return model
    if not getattr(model, "inputs", None) or len(model.outputs) != 1:
        raise ArgumentError("Direct feedback needs a built functional or sequential model with one output.")
    output = ends[0].input[0] if ends else model.outputs[0]
    if targets:
        entering = [_input(model, layer) for layer in targets]
        output = DirectFeedback([layer.name for layer in targets], seed=seed, name="direct_feedback")(
            [output, *entering]
        )
    source = model.inputs[0] if isinstance(model, keras.Sequential) else model.input  # Sequential lacks the latter
    connected = keras.Model(source, output, name=model.name)
    if model.compiled:
        connected.compile_from_config(model.get_compile_config())
    return connected


def _input(model: keras.Model, layer: FeedbackLayer):
    if not any(layer is own for own in model.layers):
        raise ArgumentError(f"Direct feedback does not reach into nested models, but layer {layer.name!r} lies in one.")
    # A layer may have nodes in other graphs too, and `layer.input` is that of the first.
    graph = model._functional if isinstance(model, keras.Sequential) else model
    nodes = [node for level in graph._nodes_by_depth.values() for node in level if node.operation is layer]
    if len(nodes) != 1:
        raise ArgumentError(f"Direct feedback needs layers that are used once, but {layer.name!r} is not.")
    return nodes[0].input_tensors[0]
