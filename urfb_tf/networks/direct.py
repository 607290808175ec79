"""Connecting the output error of a model to its layers under direct feedback alignment."""

import keras

from urfb_tf.errors import ArgumentError
from urfb_tf.layers import DirectFeedback, feedback_layers
from urfb_tf.layers.graph import graph_of, node_of
from urfb_tf.networks.compiling import compiler_like


def connect_direct_feedback(model: keras.Model, *, seed: int = 0) -> keras.Model:
    """The model with a `DirectFeedback` layer at its end that serves all layers under a direct rule, such as "dfa".

    Layers and weights are the same objects as before; the weights of the new layer are drawn. A model whose direct
    feedback is in place, or that has none and needs none, is returned as it is.

    Args:
        model: a built functional or sequential model with one output.
        seed: of the random weights B.

    Returns:
        A functional model, compiled as the old one was, of its class and with an output of its structure.

    Raises:
        ArgumentError: if the model is of another kind, its class is not made of inputs and outputs, or it ends in
            softmax or sigmoid; if a layer under a direct rule lies in a nested model or another layer or is used more
            than once; or if an input is of free size.
    """
    targets = [layer for layer in feedback_layers(model) if layer.rule.direct]
    ends = [layer for layer in model.layers if isinstance(layer, DirectFeedback)]
    if [layer.name for layer in targets] == [name for end in ends for name in end.targets]:
        return model
    if not getattr(model, "inputs", None) or len(model.outputs) != 1:
        raise ArgumentError("Direct feedback needs a built functional or sequential model with one output.")
    output = ends[0].input[0] if ends else model.outputs[0]
    if targets:
        _check_logits(output)
        entering = [node_of(model, layer, "Direct feedback").input_tensors[0] for layer in targets]
        with model.distribute_strategy.scope():
            direct = DirectFeedback([layer.name for layer in targets], seed=seed, name="direct_feedback")
            output = direct([output, *entering])
        # What stays under a direct rule keeps the weights by which it has learned so far.
        known = {name: b for end in ends for name, b in zip(end.targets, end.projections, strict=True)}
        for name, projection in zip(direct.targets, direct.projections, strict=True):
            if name in known:
                projection.assign(known[name])
    kind, source = type(model), model.inputs[0]
    if kind is keras.Sequential:
        kind = keras.Model
    elif not isinstance(model, keras.Sequential):  # which lacks what these read
        source, output = model.input, keras.tree.pack_sequence_as(model.output, [output])
    try:
        with model.distribute_strategy.scope():
            connected = kind(source, output, name=model.name)
    except (TypeError, ValueError) as problem:
        raise ArgumentError(
            f"Direct feedback needs a class that is made of inputs and outputs, but {kind.__name__} is not."
        ) from problem
    compiler_like(model)(connected)
    return connected


def _check_logits(output: keras.KerasTensor) -> None:
    """Raise an ArgumentError if the last operation makes probabilities: the error is then by these, not p - y."""
    while True:
        operation, node, number = output._keras_history
        while (graph := graph_of(operation)) is not None:  # a nested model
            operation, node, number = graph.outputs[number]._keras_history
        for last in (operation, getattr(operation, "activation", None)):
            name = getattr(last, "__name__", type(last).__name__).lower()
            if "softmax" in name or "sigmoid" in name:
                raise ArgumentError(
                    f"Direct feedback sends the error at the logits, but {operation.name!r} ends in {name}: end in "
                    "logits and compile with from_logits=True."
                )
        if not _passes_on(operation):
            return
        output = operation._inbound_nodes[node].input_tensors[0]


def _passes_on(operation) -> bool:
    """Whether what comes out is what went in, in another shape or type or with gaps, as before the loss in float32."""
    if isinstance(operation, keras.layers.Activation):
        return operation.activation is keras.activations.linear
    kinds = (keras.layers.Identity, keras.layers.Dropout, keras.layers.Reshape, keras.layers.Flatten)
    return isinstance(operation, kinds)
