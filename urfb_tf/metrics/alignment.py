"""How far what a rule computes is from back-propagation's: angles in degrees, also between R and W, and lengths.

Of an angle 0 is the same direction, 90 no relation, 180 the opposite. All is measured with dropout off.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

from urfb_tf.compiled_loss import loss_of, only
from urfb_tf.errors import ArgumentError
from urfb_tf.half_precision import gradients_of, loss_scale
from urfb_tf.layers import DirectFeedback, feedback_layers, layers_of
from urfb_tf.layers.graph import node_of
from urfb_tf.layers.walk import check_built, feedback_layers_by_key
from urfb_tf.rules import BackPropagation

IMAGES = 500  # the first of the training set, on which a recorded run's alignment is measured


def angle(a, b) -> float | None:
    """The angle between two arrays of one size, as vectors. None if one of them is zero."""
    a, b = np.asarray(a), np.asarray(b)
    if a.size != b.size:
        raise ArgumentError(f"An angle needs two arrays of one size, but got {a.size} and {b.size} entries.")
    return _number(_angle(a, b))


def weight_angles(model: keras.Model) -> dict[str, float | None]:
    """The angle between W and the weights that carry the error down, of each layer where these are not W itself.

    By layer name; layers in nested models or blocks that share a name go by their path, such as "block1/dense", here as
    in all measures. Where no error is handed down, as in direct feedback alignment, None.
    """
    return _numbers({name: _angle(*both) for name, both in _weights(model).items()})


def shared_weight_angles(model: keras.Model) -> dict[str, float | None]:
    """The angle between W and R over the connections that both have, of each layer in which some lack one of them.

    By layer name. Through the whole matrix, where what is absent counts as 0, `weight_angles` is larger, since most of
    R's connections stand where W has none.
    """
    return _numbers({name: _angle(*both) for name, both in _shared_weights(model).items()})


def _weights(model: keras.Model) -> dict[str, tuple[tf.Tensor, tf.Tensor]]:
    """W and what carries the error down, of each layer where these differ."""
    check_built(model, "An angle")
    return {
        key: (tf.convert_to_tensor(layer.kernel), layer.carrying_feedback())
        for key, layer in feedback_layers_by_key(model).items()
        if not layer.rule.symmetric
    }


def _shared_weights(model: keras.Model) -> dict[str, tuple[tf.Tensor, tf.Tensor]]:
    """Both with 0 wherever either has no connection, of each layer in which some lack one."""
    check_built(model, "An angle")
    found = {}
    for key, layer in feedback_layers_by_key(model).items():
        if layer.kernel_mask is not None and layer.feedback_mask is not None and not layer.rule.symmetric:
            both = tf.logical_and(tf.convert_to_tensor(layer.kernel_mask), tf.convert_to_tensor(layer.feedback_mask))
            kernel, carrier = tf.convert_to_tensor(layer.kernel), layer.carrying_feedback()
            found[key] = tuple(tf.where(both, weights, tf.zeros_like(weights)) for weights in (kernel, carrier))
    return found


def update_angles(model: keras.Model, inputs, labels, *, loss=None) -> dict[str, float | None]:
    """The angle between W's increment under the model's rules and under back-propagation, by layer name.

    The increments that the loss alone gives, without regularisers.

    Args:
        model: a built model.
        inputs: [B, ...], what the model takes.
        labels: what its loss takes.
        loss: a Keras loss, its name or a function; None takes the compiled one.

    Raises:
        ArgumentError: if there are not as many labels as inputs, or no loss is given nor compiled.
    """
    return _numbers({name: _angle(*both) for name, both in _increments(model, inputs, labels, loss).items()})


def error_angles(model: keras.Model, inputs, labels, *, loss=None) -> dict[str, float | None]:
    """The angle between the error that reaches each layer's output and back-propagation's, by layer name.

    The errors of the whole batch make one vector, and pass through the model at once: some hundred images are enough,
    and thousands take gigabytes. Arguments as for `update_angles`; the model must be functional or sequential, and hold
    each of these layers itself, once.
    """
    _, errors = _increments_and_errors(model, inputs, labels, loss)
    return _numbers({name: _angle(*both) for name, both in errors.items()})


def error_ratios(model: keras.Model, inputs, labels, *, loss=None) -> dict[str, float | None]:
    """How long the error that reaches each layer's output is, in lengths of back-propagation's, by layer name.

    A ratio acts like a factor of the learning rate of what is below. Arguments and models as for `error_angles`; None
    where back-propagation's error is zero.
    """
    _, errors = _increments_and_errors(model, inputs, labels, loss)
    return _numbers({name: _ratio(*both) for name, both in errors.items()})


def _numbers(found: dict[str, tf.Tensor]) -> dict[str, float | None]:
    return {name: _number(tensor) for name, tensor in found.items()}


def _number(tensor: tf.Tensor) -> float | None:
    """A plain number, None in place of NaN."""
    return None if np.isnan(value := float(tensor)) else value


def _angle(a, b) -> tf.Tensor:
    """Degrees between two tensors as vectors, float64 []; NaN if one of them is zero."""
    a, b = _vector(a), _vector(b)
    size = tf.norm(a) * tf.norm(b)
    cosine = tf.clip_by_value(tf.reduce_sum(a * b) / size, -1, 1)
    return tf.acos(cosine) * (180 / np.pi) + 0 / size  # clipping need not pass NaN on: the last term adds it


def _ratio(own: tf.Tensor, true: tf.Tensor) -> tf.Tensor:
    """How long one vector is in lengths of another, float64 []; NaN if the other is zero."""
    size = tf.norm(_vector(true))
    return tf.norm(_vector(own)) / size + 0 / size  # the last term makes an infinite ratio NaN


def _vector(x) -> tf.Tensor:
    return tf.reshape(tf.cast(x, tf.float64), [-1])


def check_batch(inputs, labels) -> None:
    """Raise an ArgumentError if there are not as many labels as examples, several inputs being one batch."""
    batch = tf.nest.flatten(batch_of(inputs))[0]
    labels = tf.convert_to_tensor(labels)
    if batch.shape.rank == 0 or labels.shape.rank == 0:
        raise ArgumentError("A batch has one label for each example along its first axis: give [x] and [y] for one.")
    count, labelled = (x.shape[0] for x in (batch, labels))  # None where only a run tells
    if None not in (count, labelled) and count != labelled:
        raise ArgumentError(f"Each example needs its label, but got {count} examples and {labelled} labels.")


def batch_of(inputs):
    """A batch as tensors, several inputs in their structure; each may be nested lists of numbers."""
    several = bool(getattr(tf.nest.flatten(inputs)[0], "shape", ()))
    return tf.nest.map_structure(tf.convert_to_tensor, inputs) if several else tf.convert_to_tensor(inputs)


def _increments(model: keras.Model, inputs, labels, loss) -> dict[str, tuple[tf.Tensor, tf.Tensor]]:
    """The gradient by each W under the model's rules and under back-propagation."""
    check_built(model, "An angle")
    inputs = batch_of(inputs)
    check_batch(inputs, labels)
    increments, _ = _compared(model, labels, loss, lambda: ([], only(model(inputs, training=False))))
    return increments


def _increments_and_errors(model: keras.Model, inputs, labels, loss) -> tuple[dict, dict]:
    """The same, and the error at each layer's output, of one pass under either rule."""
    check_built(model, "An angle")
    if not getattr(model, "inputs", None):
        raise ArgumentError(
            "Angles and ratios of errors need a functional model, whose layers' outputs are known; this one is "
            "subclassed."
        )
    inputs = batch_of(inputs)
    check_batch(inputs, labels)
    source = model.inputs[0] if isinstance(model, keras.Sequential) else model.input  # Sequential lacks the latter
    outputs = [node_of(model, layer, "The error at a layer").output_tensors[0] for layer in feedback_layers(model)]
    inside = keras.Model(source, {"between": outputs, "fields": model.outputs[0]})

    def predict():
        found = inside(inputs, training=False)
        return found["between"], found["fields"]

    return _compared(model, labels, loss, predict)


def _compared(model: keras.Model, labels, loss, predict: Callable[[], tuple[list, tf.Tensor]]) -> tuple[dict, dict]:
    """By layer name, the gradients under the model's rules and under back-propagation: by W, and by what lies between.

    Args:
        predict: gives the layers' outputs, or nothing of them, and the model's.
    """
    layers, loss = feedback_layers_by_key(model), loss_of(model, loss, purpose="An angle")
    labels = tf.convert_to_tensor(labels)
    kernels = [layer.kernel.value for layer in layers.values()]  # plain tensors in a stateless scope

    def gradients():
        with tf.GradientTape() as tape:
            tape.watch(kernels)
            between, outputs = predict()
            value = loss(labels, outputs)
        return gradients_of(tape, value, [*kernels, *between], loss_scale(model, outputs.shape[0] or IMAGES))

    own = gradients()
    with back_propagating(model):
        true = gradients()
    pairs, count = list(zip(own, true, strict=True)), len(layers)
    return dict(zip(layers, pairs[:count], strict=True)), dict(zip(layers, pairs[count:], strict=False))


@contextlib.contextmanager
def back_propagating(model: keras.Model) -> Iterator[None]:
    """Within the block, all layers hand the exact gradient down. For calls that are not compiled functions."""
    layers = feedback_layers(model)
    direct = [(layer, layer.active) for layer in layers_of(model) if isinstance(layer, DirectFeedback)]
    own = [(layer.rule, layer.propagate_derivative) for layer in layers]
    for layer in layers:
        layer.rule, layer.propagate_derivative = BackPropagation(), True
    for layer, _ in direct:
        layer.active = False
    try:
        yield
    finally:
        for layer, active in direct:
            layer.active = active
        for layer, (rule, propagate_derivative) in zip(layers, own, strict=True):
            layer.rule, layer.propagate_derivative = rule, propagate_derivative


def _numbers_as_float32(x: tf.Tensor) -> tf.Tensor:
    """Pixels as models take them; text stays."""
    return x if x.dtype == tf.string else tf.cast(x, tf.float32)


class Alignment:
    """All kinds of angle on one fixed batch, as a probe for `urfb_tf.train`.

    Args:
        inputs, labels: the batch.
        loss: a Keras loss, its name or a function; None takes the one that the model is compiled with.
    """

    def __init__(self, inputs, labels, *, loss=None):
        self.loss = loss
        self.inputs = tf.nest.map_structure(_numbers_as_float32, batch_of(inputs))
        self.labels = tf.convert_to_tensor(labels)
        self._compiled_for: list = []
        self._compiled: Callable[[], dict[str, dict[str, tf.Tensor]]]

    def __call__(self, model: keras.Model) -> dict:
        """`weight_angle`, `update_angle` and `error_angle` in degrees, `error_ratio`; by layer name, to a hundredth.

        With absent connections also `shared_weight_angle`.
        """
        return {
            kind: {name: None if value is None else round(value, 2) for name, value in _numbers(by_layer).items()}
            for kind, by_layer in self._program(model)().items()
        }

    def _program(self, model: keras.Model) -> Callable[[], dict[str, dict[str, tf.Tensor]]]:
        """`tensors` as a compiled function, which lasts while the model's rules and loss do."""
        layers = [(layer.rule, layer.propagate_derivative) for layer in feedback_layers(model)]
        active = [layer.active for layer in layers_of(model) if isinstance(layer, DirectFeedback)]
        current = [model, getattr(model, "loss", None), *sum(layers, ()), *active]
        if [*map(id, current)] != [*map(id, self._compiled_for)]:
            self._compiled = tf.function(functools.partial(self.tensors, model), autograph=False)
            self._compiled_for = current
        return self._compiled

    def tensors(self, model: keras.Model) -> dict[str, dict[str, tf.Tensor]]:
        """The same as float64 scalars, NaN in place of None: what a compiled function can return."""
        increments, errors = _increments_and_errors(model, self.inputs, self.labels, self.loss)
        found = {
            "weight_angle": {name: _angle(*both) for name, both in _weights(model).items()},
            "update_angle": {name: _angle(*both) for name, both in increments.items()},
            "error_angle": {name: _angle(*both) for name, both in errors.items()},
            "error_ratio": {name: _ratio(*both) for name, both in errors.items()},
        }
        if shared := _shared_weights(model):
            found["shared_weight_angle"] = {name: _angle(*both) for name, both in shared.items()}
        return found
