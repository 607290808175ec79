"""How far what a rule computes is from back-propagation's: angles in degrees, also between R and W, and lengths.

Of an angle 0 is the same direction, 90 no relation, 180 the opposite. All is measured with dropout off.
"""

import contextlib
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from urfb_tf.errors import ArgumentError
from urfb_tf.layers import DirectFeedback, feedback_layers, layers_of
from urfb_tf.rules import BackPropagation


def angle(a, b) -> float | None:
    """The angle between two arrays of one shape, as vectors. None if one of them is zero."""
    a, b = (np.asarray(x, np.float64).ravel() for x in (a, b))
    if a.shape != b.shape:
        raise ArgumentError(f"An angle needs two arrays of one size, but got {a.size} and {b.size} entries.")
    size = np.linalg.norm(a) * np.linalg.norm(b)
    return float(np.degrees(np.arccos(np.clip(a @ b / size, -1, 1)))) if size > 0 else None


def weight_angles(model: keras.Model) -> dict[str, float | None]:
    """The angle between W and the weights that carry the error down, of each layer where these are not W itself.

    By layer name. Where no error is handed down, as in direct feedback alignment, None.
    """
    return {
        layer.name: angle(layer.carrying_feedback(), layer.kernel)
        for layer in feedback_layers(model)
        if not layer.rule.symmetric
    }


def shared_weight_angles(model: keras.Model) -> dict[str, float | None]:
    """The angle between W and R over the connections that both have, of each layer in which some lack one of them.

    By layer name. Through the whole matrix, where what is absent counts as 0, `weight_angles` is larger, since most of
    R's connections stand where W has none.
    """
    found = {}
    for layer in feedback_layers(model):
        if layer.kernel_mask is not None and layer.feedback_mask is not None and not layer.rule.symmetric:
            both = np.logical_and(layer.kernel_mask, layer.feedback_mask)
            found[layer.name] = angle(np.asarray(layer.carrying_feedback())[both], np.asarray(layer.kernel)[both])
    return found


def update_angles(model: keras.Model, images, labels, loss=None) -> dict[str, float | None]:
    """The angle between W's increment under the model's rules and under back-propagation, by layer name.

    Args:
        model: a built model.
        images: [B, ...], what the model takes.
        labels: what its loss takes.
        loss: a Keras loss; None takes the compiled one.
    """
    layers = feedback_layers(model)

    def increments():
        with tf.GradientTape() as tape:
            value = _loss(model, loss)(labels, model(images, training=False))
        return tape.gradient(value, [layer.kernel.value for layer in layers])

    own = increments()
    with back_propagating(model):
        true = increments()
    return {layer.name: angle(a, b) for layer, a, b in zip(layers, own, true, strict=True)}


def error_angles(model: keras.Model, images, labels, loss=None) -> dict[str, float | None]:
    """The angle between the error that reaches each layer's output and back-propagation's, by layer name.

    The errors of the whole batch make one vector. Arguments as for `update_angles`; the model must be functional or
    sequential.
    """
    return {name: angle(own, true) for name, (own, true) in _errors(model, images, labels, loss).items()}


def error_ratios(model: keras.Model, images, labels, loss=None) -> dict[str, float | None]:
    """How long the error that reaches each layer's output is, in lengths of back-propagation's, by layer name.

    A ratio acts like a factor of the learning rate of what is below. Arguments and models as for `error_angles`; None
    where back-propagation's error is zero.
    """
    return {name: _ratio(own, true) for name, (own, true) in _errors(model, images, labels, loss).items()}


def _ratio(own: np.ndarray, true: np.ndarray) -> float | None:
    size = np.linalg.norm(true)
    return float(np.linalg.norm(own) / size) if size > 0 else None


def _errors(model: keras.Model, images, labels, loss) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The error at each layer's output under the model's rules and under back-propagation, as vectors in float64."""
    if not getattr(model, "inputs", None):
        raise ArgumentError(
            "Angles and ratios of errors need a functional model, whose layers' outputs are known; this one is "
            "subclassed."
        )
    layers = feedback_layers(model)
    source = model.inputs[0] if isinstance(model, keras.Sequential) else model.input  # Sequential lacks the latter
    inside = keras.Model(source, [*(layer.output for layer in layers), *model.outputs])

    def errors():
        with tf.GradientTape() as tape:
            *between, outputs = inside(images, training=False)
            value = _loss(model, loss)(labels, outputs)
        found = tape.gradient(value, between, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return [np.asarray(each, np.float64).ravel() for each in found]

    own = errors()
    with back_propagating(model):
        true = errors()
    return {layer.name: (a, b) for layer, a, b in zip(layers, own, true, strict=True)}


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


class Alignment:
    """All kinds of angle on one fixed batch, as a probe for `urfb_tf.train`.

    Args:
        images, labels: the batch.
    """

    def __init__(self, images, labels):
        self.images = tf.cast(images, tf.float32)
        self.labels = tf.constant(labels)

    def __call__(self, model: keras.Model) -> dict:
        """`weight_angle`, `update_angle` and `error_angle` in degrees, `error_ratio`; by layer name, to a hundredth.

        With absent connections also `shared_weight_angle`.
        """
        errors = _errors(model, self.images, self.labels, None)
        found = {
            "weight_angle": weight_angles(model),
            "update_angle": update_angles(model, self.images, self.labels),
            "error_angle": {name: angle(own, true) for name, (own, true) in errors.items()},
            "error_ratio": {name: _ratio(own, true) for name, (own, true) in errors.items()},
        }
        if shared := shared_weight_angles(model):
            found["shared_weight_angle"] = shared
        return {
            kind: {name: None if value is None else round(value, 2) for name, value in by_layer.items()}
            for kind, by_layer in found.items()
        }


def _loss(model: keras.Model, loss):
    return model.loss if loss is None else loss
