"""Tied max pooling against the same thing written as loops."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from urfb_tf import TiedMaxPooling2D
from urfb_tf.errors import ArgumentError


def naive(x, error, size, strides):
    """Outputs and the gradient by the input; windows start at 0, s, 2s, .. and see zeros outside."""
    batch, height, width, channels = x.shape
    rows, columns = -(-height // strides[0]), -(-width // strides[1])
    outputs, gradient = np.zeros((batch, rows, columns, channels), x.dtype), np.zeros_like(x)
    for b, i, j, c in np.ndindex(outputs.shape):
        top, left = i * strides[0], j * strides[1]
        window = x[b, top : top + size[0], left : left + size[1], c]
        inside = window.size == size[0] * size[1]
        outputs[b, i, j, c] = maximum = window.max() if inside else max(window.max(), 0)
        if error is not None:
            view = gradient[b, top : top + size[0], left : left + size[1], c]
            view += (window == maximum) * error[b, i, j, c]
    return outputs, gradient


def check(x, error, size, strides):
    layer = TiedMaxPooling2D(size, strides, dtype=x.dtype.name)
    inputs = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs)
    expected, gradient = naive(x, error, layer.pool_size, layer.strides)
    np.testing.assert_array_equal(outputs, expected)
    np.testing.assert_array_equal(tape.gradient(outputs, inputs, error), gradient)


# Overlapping and not, square and not, dividing the image and not, larger than the image.
GEOMETRIES = [(3, 2), (2, 2), (3, 3), (3, 1), (2, 1), (5, 2), ((3, 2), (2, 1)), ((1, 4), (1, 3)), (7, 3), (1, 1)]


@pytest.mark.parametrize("shape", [(2, 5, 6, 2), (1, 4, 4, 1), (1, 1, 3, 3)])
@pytest.mark.parametrize(("size", "strides"), GEOMETRIES)
def test_values_and_gradients_equal_the_loops(size, strides, shape):
    random = np.random.default_rng(0)
    for values in (random.normal(size=shape), random.integers(-2, 3, shape).astype(float), np.zeros(shape)):
        layer = TiedMaxPooling2D(size, strides)
        # Small integers, so that sums of overlapping windows are exact in any order.
        error = random.integers(-5, 6, layer.compute_output_shape(shape)).astype(float)
        check(values, error, layer.pool_size, layer.strides)


@given(st.data(), st.sampled_from([(3, 2), (2, 2), (3, 1)]))
def test_ties_among_small_integers_all_learn(data, geometry):
    pixels = data.draw(st.lists(st.integers(-1, 1), min_size=20, max_size=20))
    errors = data.draw(st.lists(st.integers(-3, 3), min_size=20, max_size=20))
    size, strides = geometry
    x = np.array(pixels, np.float32).reshape(1, 4, 5, 1)
    rows, columns = -(-4 // strides), -(-5 // strides)
    error = np.array(errors[: rows * columns], np.float32).reshape(1, rows, columns, 1)
    check(x, error, (size, size), (strides, strides))


def test_all_tied_pixels_get_the_whole_error():
    x = tf.constant([[[[1.0], [1.0]], [[0.0], [1.0]]]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = TiedMaxPooling2D(2, 2)(x)
    np.testing.assert_array_equal(np.squeeze(tape.gradient(y, x)), [[1, 1], [0, 1]])


def test_zeros_join_at_the_bottom_and_right_border_alone():
    x = tf.fill([1, 3, 3, 1], -1.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = TiedMaxPooling2D(2, 2)(x)
    # Three of the four windows reach past the border, where 0 beats -1, and no pixel of theirs learns.
    np.testing.assert_array_equal(np.squeeze(y), [[-1, 0], [0, 0]])
    np.testing.assert_array_equal(np.squeeze(tape.gradient(y, x)), [[1, 1, 0], [1, 1, 0], [0, 0, 0]])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_other_floating_types(dtype):
    x = np.random.default_rng(0).integers(-2, 3, (2, 5, 5, 2)).astype("float32")
    layer, inputs = TiedMaxPooling2D(3, 2, dtype=dtype), tf.cast(x, dtype)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = layer(inputs)
    values, gradient = naive(x, np.ones(y.shape, "float32"), (3, 3), (2, 2))
    assert y.dtype == dtype
    np.testing.assert_array_equal(tf.cast(y, "float32"), values)
    np.testing.assert_array_equal(tf.cast(tape.gradient(y, inputs), "float32"), gradient)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_inside_a_compiled_model_with_unknown_batch(jit_compile):
    inputs = keras.Input((5, 5, 2))
    x = keras.layers.Conv2D(2, 1, use_bias=False)(inputs)
    model = keras.Model(inputs, keras.layers.Flatten()(TiedMaxPooling2D(3, 2)(x)))
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=jit_compile)
    before = model.get_weights()[0]
    model.fit(np.ones((5, 5, 5, 2)), np.zeros((5, 18)), batch_size=2, verbose=0)
    assert np.any(before != model.get_weights()[0])


def test_a_layer_survives_its_configuration():
    layer = TiedMaxPooling2D((3, 2), 2, name="pool")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    assert (again.pool_size, again.strides) == ((3, 2), (2, 2))


def test_whole_numbers_of_numpy_pool_alike():
    x = tf.random.stateless_normal([2, 5, 5, 1], seed=(1, 2))

    def gradient(layer):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
        return tape.gradient(y, x)

    mine = TiedMaxPooling2D(np.int64(3), (np.int64(2), np.int32(1)))
    assert {type(size) for size in (*mine.pool_size, *mine.strides)} == {int}
    np.testing.assert_array_equal(gradient(mine), gradient(TiedMaxPooling2D(3, (2, 1))))


BAD = [
    (lambda: TiedMaxPooling2D(0), "pool_size is a whole number"),
    (lambda: TiedMaxPooling2D(3, (2, 2, 2)), "strides is a whole number"),
    (lambda: TiedMaxPooling2D(2, 3), "would skip pixels"),
    (lambda: TiedMaxPooling2D()(tf.ones([2, 4, 4])), r"\[batch, height, width, channels\]"),
    (lambda: TiedMaxPooling2D()(keras.Input((None, 4, 1))), "of fixed size"),
]


@pytest.mark.parametrize(("make", "sentence"), BAD, ids=[str(n) for n in range(len(BAD))])
def test_bad_arguments_and_shapes_get_a_sentence(make, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        make()
