"""The operations of a URFB training step, one by one, with their arithmetic and their traffic."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from urfb_tf.layers import FeedbackConv2D, FeedbackDense, TiedMaxPooling2D, feedback_layers
from urfb_tf.training.epoch import descend
from urfb_tf.training.order import permutation

IMAGES = 45_000  # of CIFAR-10's training split, whose order is drawn once per epoch


@dataclasses.dataclass(frozen=True)
class Operation:
    """One operation on tensors of its own.

    Attributes:
        layer: whose it is.
        kind: what it does.
        call: the operation, a function of the tensors.
        tensors: what goes in.
        flops: floating-point operations.
        traffic: bytes of what goes in and what comes out, each tensor counted once.
        parts: functions of the same tensors that do a part of it, by what they do.
    """

    layer: str
    kind: str
    call: Callable
    tensors: Sequence[tf.Tensor]
    flops: float
    traffic: float
    parts: Mapping[str, Callable] = dataclasses.field(default_factory=dict)


def operations(model: keras.Model, batch: int) -> Iterator[Operation]:
    """In the order of the forward pass, each with what belongs to it on the way down; made one at a time.

    Args:
        model: one of the package's, functional.
        batch: examples per step.
    """
    yield _shuffle()
    yield _gather(model, batch)
    for layer in model.layers:
        if isinstance(layer, (FeedbackConv2D, FeedbackDense)):
            yield from _weighted(layer, batch)
        elif isinstance(layer, (TiedMaxPooling2D, keras.layers.MaxPooling2D)):
            yield from _pooling(layer, batch)
        elif isinstance(layer, keras.layers.Dropout):
            yield from _dropout(layer, batch)
        elif isinstance(layer, keras.layers.Add):
            yield from _sum(layer, batch)
    yield _update(model)


def _shuffle() -> Operation:
    return Operation("epoch", "shuffle", lambda seed: permutation(seed, 0, IMAGES), [tf.constant(0)], 0, 4 * IMAGES)


def _gather(model: keras.Model, batch: int) -> Operation:
    shape = model.inputs[0].shape[1:]
    images = tf.zeros((4 * batch, *shape), tf.uint8)
    rows = tf.constant(np.random.default_rng(0).permutation(4 * batch)[:batch])
    numbers = batch * int(np.prod(shape))

    def gather(images, rows):
        return tf.cast(tf.gather(images, rows), tf.float32)

    return Operation("images", "gather", gather, [images, rows], 0, (1 + 4) * numbers)


def _weighted(layer: FeedbackConv2D | FeedbackDense, batch: int) -> Iterator[Operation]:
    x, error = _numbers(batch, layer.input.shape), _numbers(batch, layer.output.shape)
    w = tf.convert_to_tensor(layer.kernel)
    flops, traffic = 2 * batch * _products(layer), 4 * (_size(x) + _size(w) + _size(error))
    yield Operation(layer.name, "forward", layer._forward, [x, w], flops, traffic)
    yield Operation(layer.name, "increment", layer._correlate, [x, error], flops, traffic)
    if layer.rule.has_feedback:
        down = [error, tf.convert_to_tensor(layer.feedback), x]
        yield Operation(layer.name, "error down", layer._pull_back, down, flops, traffic)
    if layer.activation is not keras.activations.linear:
        activation, numbers = layer.activation, _size(error)
        yield Operation(layer.name, "activation", activation, [error], 0, 8 * numbers)
        above = _numbers(batch, layer.output.shape)  # what comes down is another tensor than what went up
        yield Operation(layer.name, "activation, error down", _gradient(activation), [error, above], 0, 12 * numbers)


def _products(layer: FeedbackConv2D | FeedbackDense) -> int:
    """How many products an example takes, those with the zeros at an image's border not counted."""
    *window, below, above = layer.kernel.shape
    if not window:
        return below * above
    inside = layer._forward(tf.ones([1, *layer.input.shape[1:-1], 1]), tf.ones([*window, 1, 1]))
    return int(tf.reduce_sum(inside)) * below * above


def _pooling(layer: keras.layers.Layer, batch: int) -> Iterator[Operation]:
    x, error = _numbers(batch, layer.input.shape), _numbers(batch, layer.output.shape)
    compared = int(np.prod(layer.pool_size)) * _size(error)
    inside, outside = 4 * _size(x), 4 * _size(error)
    yield Operation(layer.name, "pooling", layer.call, [x], compared, inside + outside)
    # Down it needs the input and the maxima again.
    yield Operation(
        layer.name,
        "pooling, error down",
        _gradient(layer.call),
        [x, error],
        compared,
        2 * inside + 2 * outside,
        {"finding the maxima": lambda x, error: layer.call(x)},
    )


def _dropout(layer: keras.layers.Dropout, batch: int) -> Iterator[Operation]:
    x = _numbers(batch, layer.input.shape)
    yield Operation(
        layer.name,
        "dropout",
        lambda x: layer(x, training=True),
        [x],
        0,
        8 * _size(x),
        {"drawing random numbers": lambda x: tf.random.stateless_uniform(tf.shape(x), [0, 0])},
    )
    kept = tf.cast(x > 0, tf.float32)
    yield Operation(layer.name, "dropout, error down", tf.multiply, [x, kept], 0, 12 * _size(x))


def _sum(layer: keras.layers.Add, batch: int) -> Iterator[Operation]:
    one, other = (_numbers(batch, each.shape) for each in layer.input)
    yield Operation(layer.name, "sum", tf.add, [one, other], 0, 12 * _size(one))
    # The tensor that goes into the sum and into the convolution beside it receives an error from either.
    yield Operation(layer.name, "sum, two errors", tf.add, [one, other], 0, 12 * _size(one))


def _update(model: keras.Model) -> Operation:
    weights = [tf.convert_to_tensor(v) for v in model.trainable_variables]
    gradients = [tf.random.stateless_normal(w.shape, [0, 1]) for w in weights]
    numbers = sum(_size(w) for w in weights)

    def update(*tensors):
        half = len(tensors) // 2
        return descend(list(tensors[:half]), list(tensors[half:]), tf.constant(0.1))

    return Operation(
        f"W and R of {len(feedback_layers(model))} layers",
        "update",
        update,
        [*weights, *gradients],
        2 * numbers,
        12 * numbers,
    )


def _gradient(function: Callable) -> Callable:
    def down(x, error):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = function(x)
        return tape.gradient(outputs, x, output_gradients=error)

    return down


def _numbers(batch: int, shape: Sequence[int | None]) -> tf.Tensor:
    return tf.random.stateless_normal((batch, *shape[1:]), [0, 0])


def _size(tensor: tf.Tensor) -> int:
    return int(np.prod(tensor.shape))
