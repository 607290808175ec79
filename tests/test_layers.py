"""The layers as Keras layers: equation (6) to the letter, initial weights, configuration, freezing, types, errors."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from urfb_tf import DirectFeedback, FeedbackConv2D, FeedbackDense, SaturatedLinearity, TiedMaxPooling2D
from urfb_tf.errors import ArgumentError


def unit(propagate_derivative, slope):
    """One unit with W = (1, 2) and R = (3, -4)."""
    layer = FeedbackDense(
        1,
        rule="urfb",
        activation=SaturatedLinearity(slope),
        propagate_derivative=propagate_derivative,
        kernel_initializer=lambda shape, dtype: tf.constant([[1.0], [2.0]], dtype),
        feedback_initializer=lambda shape, dtype: tf.constant([[3.0], [-4.0]], dtype),
    )
    layer.build((None, 2))
    return layer


# sigma(h) = clip(h / 2), h = x1 + 2 x2, dC/dy = 5. (x, y, dC/dW = dC/dR, error handed down with sigma', and without)
WORKED = [
    ([0.5, 0.25], 0.5, [1.25, 0.625], [7.5, -10], [15, -20]),
    ([2.0, 1.0], 1, [0, 0], [0, 0], [15, -20]),
    ([-2.0, -1.0], -1, [0, 0], [0, 0], [15, -20]),
]


@pytest.mark.parametrize(("x", "y", "learned", "gradient", "letter"), WORKED)
@pytest.mark.parametrize("propagate_derivative", [True, False])
def test_equation_six_with_and_without_the_derivative(propagate_derivative, x, y, learned, gradient, letter):
    layer, inputs = unit(propagate_derivative, slope=0.5), tf.constant([x])
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs)
        cost = 5 * tf.reduce_sum(outputs)
    down, w, r = tape.gradient(cost, [inputs, layer.kernel.value, layer.feedback.value])
    expected = gradient if propagate_derivative else letter
    # Corners are in the range of the paper's sigma'; the table has its corner cases at h = +-4, beyond them.
    np.testing.assert_array_equal(outputs, [[y]])
    np.testing.assert_array_equal(np.ravel(w), learned)
    np.testing.assert_array_equal(r, w)
    np.testing.assert_array_equal(down, [expected])


@pytest.mark.parametrize("propagate_derivative", [True, False])
def test_the_bias_learns_from_the_error_with_the_derivative(propagate_derivative):
    layer = FeedbackDense(
        2, activation=SaturatedLinearity(), use_bias=True, propagate_derivative=propagate_derivative, seed=0
    )
    layer.build((None, 3))
    layer.bias.assign([0, 50])  # the second unit is saturated
    with tf.GradientTape() as tape:
        outputs = layer(tf.ones([4, 3]) / 10)
    np.testing.assert_array_equal(tape.gradient(outputs, layer.bias.value), [4, 0])


def test_w_and_r_start_independent_and_seeded():
    def weights(seed):
        layer = FeedbackDense(100, seed=seed)
        layer.build((None, 100))
        return layer.kernel.numpy(), layer.feedback.numpy()

    (w, r), (w_again, r_again), (w_other, r_other) = weights(1), weights(1), weights(2)
    np.testing.assert_array_equal(w, w_again)
    np.testing.assert_array_equal(r, r_again)
    draws = [w, r, w_other, r_other]
    correlations = np.corrcoef([a.ravel() for a in draws])
    # Five standard deviations of the correlation of 10,000 independent pairs.
    np.testing.assert_allclose(correlations, np.eye(4), atol=0.05)
    limit = np.sqrt(6 / 200)  # Glorot's
    assert all(np.max(np.abs(a)) <= limit and np.max(np.abs(a)) > 0.99 * limit for a in draws)


@pytest.mark.parametrize("rule", ["frfb", "brsf"])
@pytest.mark.parametrize("seed", [None, 3])
def test_r_is_not_w_where_both_are_given_the_same_initialiser(rule, seed):
    shared = keras.initializers.RandomNormal(seed=seed)
    pairs = [(shared, shared)]
    if seed is not None:
        pairs.append((shared, keras.initializers.RandomNormal(seed=seed)))
    for kernel, feedback in pairs:
        layer = FeedbackDense(
            100, rule=rule, kernel_initializer=kernel, feedback_initializer=feedback, connectivity=0.5, seed=1
        )
        layer.build((None, 100))
        both = layer.kernel_mask.numpy() & layer.feedback_mask.numpy()
        w, r = layer.kernel.numpy()[both], layer.feedback.numpy()[both]
        assert abs(np.corrcoef(w, r)[0, 1]) < 0.1  # five standard deviations for 2500 independent pairs
        np.testing.assert_allclose(np.std(r), 0.05, rtol=0.1)
    ones = FeedbackDense(2, rule=rule, kernel_initializer="ones", feedback_initializer=keras.initializers.Ones())
    ones.build((None, 2))
    np.testing.assert_array_equal(ones.feedback, ones.kernel)  # nothing is drawn


def test_a_bias_whose_initialiser_has_a_name_follows_the_seed():
    def bias(seed):
        layer = FeedbackDense(4, use_bias=True, bias_initializer="random_normal", seed=seed)
        again = FeedbackDense.from_config(layer.get_config())
        for each in (layer, again):
            each.build((None, 3))
        np.testing.assert_array_equal(layer.bias, again.bias)
        return np.array(layer.bias)

    np.testing.assert_array_equal(bias(1), bias(1))
    assert np.any(bias(1) != bias(2))


def test_without_a_seed_the_seed_of_keras_decides():
    def kernel():
        layer = FeedbackDense(4)
        layer.build((None, 3))
        return layer.kernel.numpy()

    keras.utils.set_random_seed(5)
    first, second = kernel(), kernel()
    keras.utils.set_random_seed(5)
    np.testing.assert_array_equal(kernel(), first)
    assert np.any(first != second)


CONFIGURED = [
    FeedbackDense(3, rule="frfb", activation="tanh", use_bias=True, connectivity=0.5, seed=3, name="a"),
    FeedbackDense(3, kernel_initializer=keras.initializers.Constant(2), propagate_derivative=False, dtype="float64"),
    FeedbackConv2D(2, (3, 2), strides=2, padding="VALID", rule="bp", activation=SaturatedLinearity(0.5, closed=False)),
    FeedbackConv2D(2, 3, feedback_connectivity=0.2, bias_initializer="ones", use_bias=True, dtype="mixed_bfloat16"),
]


@pytest.mark.parametrize("layer", CONFIGURED, ids=lambda layer: layer.name)
def test_a_layer_survives_its_configuration(layer):
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    through_keras = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert through_keras.get_config() == layer.get_config()
    assert again.rule == layer.rule
    for each in (again, through_keras):
        inputs = tf.ones([2, 6, 6, 3])
        assert each(inputs).dtype == layer.compute_dtype
        assert each(inputs).shape == layer(inputs).shape


@pytest.mark.parametrize("policy", ["float64", "mixed_float16", "mixed_bfloat16", "float16"])
def test_layers_of_other_floating_types_learn_under_fit(policy):
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            FeedbackConv2D(4, 3, rule="urfb", activation=SaturatedLinearity(), seed=1, dtype=policy),
            keras.layers.Flatten(),
            FeedbackDense(3, rule="urfb", seed=2, dtype=policy),
        ]
    )
    model.compile(keras.optimizers.SGD(0.05), "mse")
    inputs = np.random.default_rng(0).normal(size=(40, 6, 6, 2))
    history = model.fit(inputs, inputs[:, 0, :3, 0], batch_size=10, epochs=8, verbose=0).history["loss"]
    assert history[-1] < 0.7 * history[0]
    assert model.layers[0].feedback.dtype == model.layers[0].variable_dtype


def test_frozen_layers_keep_their_weights_and_still_hand_the_error_down():
    below, frozen = (FeedbackDense(4, rule="urfb", activation="tanh", seed=n) for n in (1, 2))
    model = keras.Sequential([keras.Input((3,)), below, frozen, FeedbackDense(2, rule="frfb", seed=3)])
    frozen.trainable = False
    before = {layer.name: layer.get_weights() for layer in model.layers}
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
    model.fit(np.ones((8, 3)), np.ones((8, 2)), epochs=2, verbose=0)
    for old, new in zip(before[frozen.name], frozen.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert np.any(before[below.name][0] != below.kernel)


def test_thawing_a_layer_does_not_let_fixed_feedback_learn():
    layer = FeedbackDense(4, rule="frfb")
    layer.build((None, 3))
    layer.trainable = False
    assert layer.trainable_variables == []
    layer.trainable = True
    assert [v.name for v in layer.trainable_variables] == ["kernel"]


def test_sparse_inputs_are_taken_as_dense_ones():
    rows = np.eye(6, dtype="float32")[[0, 2, 5]]
    inputs = keras.Input((6,), sparse=True)
    model = keras.Model(inputs, FeedbackDense(3, rule="frfb", seed=1)(inputs))
    np.testing.assert_array_equal(model(tf.sparse.from_dense(rows)), model.layers[-1](rows))


BAD = [
    (lambda: FeedbackDense(0), "units >= 1"),
    (lambda: FeedbackDense(2.5), "units >= 1"),
    (lambda: FeedbackDense(True), "units >= 1"),
    (lambda: FeedbackDense(3, seed=-1), "A seed is a whole number >= 0, but got -1"),
    (lambda: FeedbackConv2D(3, 3, seed=1.5), "A seed is a whole number >= 0, but got 1.5"),
    (lambda: DirectFeedback("dense"), "list of layers' names, but got 'dense'"),
    (lambda: DirectFeedback(None), "list of layers' names, but got None"),
    (lambda: DirectFeedback(["dense"], seed=-1), "A seed is a whole number >= 0, but got -1"),
    (lambda: FeedbackConv2D(0, 3), "filters >= 1"),
    (lambda: FeedbackConv2D(4, 0), "kernel_size is a whole number"),
    (lambda: FeedbackConv2D(4, (3, 3, 3)), "kernel_size is a whole number"),
    (lambda: FeedbackConv2D(4, 3, strides=(1, 0)), "strides is a whole number"),
    (lambda: FeedbackConv2D(4, 3, padding="full"), "padding is 'same' or 'valid', but got 'full'"),
    (lambda: FeedbackDense(3).build((4,)), r"\[batch, ..., features\]"),
    (lambda: FeedbackDense(3).build((None, None)), r"\[batch, ..., features\]"),
    (lambda: FeedbackConv2D(3, 3).build((None, 4, 4)), r"\[batch, height, width, channels\]"),
    (lambda: FeedbackConv2D(3, 3).build((None, 4, 4, None)), r"\[batch, height, width, channels\]"),
    (lambda: FeedbackConv2D(2, 5, padding="valid")(keras.Input((3, 3, 1))), r"filter of \(5, 5\) needs an image at l"),
    (lambda: FeedbackConv2D(2, (1, 5), padding="valid").build((1, None, 3, 1)), r"but got \(None, 3\)"),
]


@pytest.mark.parametrize(("make", "sentence"), BAD, ids=[str(n) for n in range(len(BAD))])
def test_bad_arguments_and_shapes_get_a_sentence(make, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        make()


@pytest.mark.parametrize("layer", [FeedbackDense(2, seed=1), FeedbackConv2D(2, 2, seed=1)], ids=["dense", "conv"])
@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool"])
def test_whole_numbers_enter_as_floating_ones(layer, dtype):
    shape = (2, 3) if isinstance(layer, FeedbackDense) else (1, 3, 3, 2)
    x = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    found = layer(x)
    assert found.dtype == tf.float32
    np.testing.assert_array_equal(found, layer(x.astype("float32")))
    inputs = keras.Input(shape[1:], dtype=dtype)
    np.testing.assert_array_equal(keras.Model(inputs, layer(inputs))(x), found)


def test_a_built_layer_refuses_inputs_of_another_width():
    layer = FeedbackDense(3)
    layer(tf.ones([2, 4]))
    with pytest.raises(ValueError, match="incompatible with the layer"):
        layer(tf.ones([2, 5]))


def test_a_convolution_takes_images_of_any_size():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, FeedbackConv2D(4, 3, strides=2)(inputs))
    assert model.predict(np.ones((2, 7, 9, 3)), verbose=0).shape == (2, 4, 5, 4)
    assert model.predict(np.ones((2, 4, 4, 3)), verbose=0).shape == (2, 2, 2, 4)


def test_a_filter_that_an_image_of_free_size_turns_out_not_to_hold_is_refused():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, FeedbackConv2D(4, 5, padding="valid")(inputs))
    assert model(np.ones((1, 5, 6, 3))).shape == (1, 1, 2, 4)
    with pytest.raises(ArgumentError, match=r"filter of \(5, 5\) needs an image at least as large, but got \(5, 4\)"):
        model(np.ones((1, 5, 4, 3)))


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("size", "strides"), [(3, 1), ((2, 4), (2, 3)), (1, 2)])
def test_a_convolution_knows_the_shape_of_its_outputs(size, strides, padding):
    layer = FeedbackConv2D(4, size, strides=strides, padding=padding)
    assert layer.compute_output_shape((2, 7, 9, 3)) == layer(tf.ones([2, 7, 9, 3])).shape


def test_layers_work_inside_keras_wrappers():
    frames = keras.Input((2, 6, 6, 3))
    x = keras.layers.TimeDistributed(FeedbackConv2D(4, 3))(frames)
    x = keras.layers.TimeDistributed(TiedMaxPooling2D())(x)
    x = keras.layers.TimeDistributed(keras.layers.Flatten())(x)
    model = keras.Model(frames, keras.layers.TimeDistributed(FeedbackDense(5))(x))
    assert model.output_shape == (None, 2, 5)
    assert model.predict(np.ones((3, 2, 6, 6, 3)), verbose=0).shape == (3, 2, 5)
