"""Noise in the error: its size, its direction, and that nothing else changes."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

import urfb_tf
from urfb_tf import ErrorNoise, metrics
from urfb_tf.errors import ArgumentError
from urfb_tf.networks import build

NETWORK = "maxpool 4; conv 4 3x3; maxpool 2; full conn. 12; drop .2; output"


def arriving(layer, error, training=True):
    """What arrives below the layer when `error` comes from above."""
    x = tf.zeros_like(error)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=training)
    return tape.gradient(y, x, output_gradients=error)


def errors(*shape, dtype=tf.float32):
    return tf.random.stateless_normal(shape, seed=(1, 2), dtype=dtype)


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16, tf.float32, tf.float64])
@pytest.mark.parametrize("shape", [(3, 7), (2, 4, 5, 3)])
def test_the_output_is_the_input_and_outside_training_the_error_is_too(shape, dtype):
    layer, x = ErrorNoise(1.0, seed=1), errors(*shape, dtype=dtype)
    for training in (True, False, None):
        y = layer(x, training=training)
        assert y.dtype == dtype
        np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(arriving(layer, x, training=False), x)
    noisy = arriving(layer, x)
    assert noisy.dtype == dtype
    assert np.any(noisy != x)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_model_knows_the_type_of_what_passes(dtype):
    inputs = keras.Input((3,), dtype=dtype)
    outputs = ErrorNoise(1.0, dtype="mixed_float16")(inputs)
    assert (outputs.shape, outputs.dtype) == ((None, 3), dtype)
    assert keras.Model(inputs, outputs)(errors(2, 3, dtype=dtype)).dtype == dtype


def test_a_mask_passes():
    masked = keras.layers.Masking()(tf.constant([[[1.0, 2.0], [0.0, 0.0]]]))
    np.testing.assert_array_equal(ErrorNoise(1.0)(masked)._keras_mask, [[True, False]])


@given(level=st.floats(0.01, 100), size=st.sampled_from([1e-30, 1e-3, 1.0, 1e15]))
def test_noise_is_relative_to_the_error_of_each_image(level, size):
    units = 20000
    error = size * errors(2, units) * [[1.0], [10.0]]
    noise = (arriving(ErrorNoise(level, seed=3), error) - error).numpy().astype("float64")
    for one, own in zip(noise, error.numpy().astype("float64"), strict=True):
        # The norm of n normal numbers errs by a share of 1 / sqrt(2 n), their mean product with others by 1 / sqrt(n):
        # six such; and float32 rounds the sum of error and noise by 6e-8 of the larger.
        rounding = 1e-6 * (1 + 1 / level)
        ratio = np.linalg.norm(one) / np.linalg.norm(own)
        assert ratio == pytest.approx(level, rel=6 / np.sqrt(2 * units) + rounding)
        cosine = one @ own / np.linalg.norm(one) / np.linalg.norm(own)
        assert abs(cosine) < 6 / np.sqrt(units) + rounding


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
def test_noise_has_its_size_in_half_precision_too(dtype):
    error = tf.cast(errors(2, 100_000), dtype)  # more units than float16 can count
    noisy, own = (tf.cast(each, tf.float32).numpy() for each in (arriving(ErrorNoise(1.0, seed=3), error), error))
    assert np.linalg.norm(noisy - own) / np.linalg.norm(own) == pytest.approx(1, rel=0.02)


@pytest.mark.parametrize("level", [0.3, 1.0, 3.0])
def test_the_error_turns_by_the_arc_tangent_of_the_level(level):
    error = errors(1, 100000)
    found = metrics.angle(arriving(ErrorNoise(level, seed=0), error), error)
    assert found == pytest.approx(np.degrees(np.arctan(level)), abs=1)


def test_an_error_of_zero_stays_zero():
    error = errors(3, 50) * [[1.0], [0.0], [1.0]]
    noisy = arriving(ErrorNoise(2.0, seed=0), error)
    assert np.all(noisy[1] == 0)
    assert np.all(noisy[0] != error[0])


def test_noise_is_drawn_anew_at_each_step_and_is_the_same_from_the_same_seed():
    first, second = ErrorNoise(1.0, seed=5), ErrorNoise(1.0, seed=5)
    error = errors(4, 9)
    found = [arriving(first, error) for _ in range(3)]
    assert np.all(found[0] != found[1])
    assert np.all(found[1] != found[2])
    for noisy in found:
        np.testing.assert_array_equal(arriving(second, error), noisy)
    assert np.all(arriving(ErrorNoise(1.0, seed=6), error) != found[0])


@pytest.mark.parametrize("at", ["layers", "output"])
def test_a_network_with_noise_starts_as_the_one_without_and_learns_otherwise(at, small_data):
    plain, noisy = build(NETWORK, seed=0), build(NETWORK, seed=0, error_noise=1.0, error_noise_at=at)
    names = [layer.name for layer in noisy.layers if isinstance(layer, ErrorNoise)]
    assert names == [f"{name}_error_noise" for name in (["conv1", "dense1"] if at == "layers" else []) + ["output"]]
    pixels = small_data.test.images.astype("float32")
    np.testing.assert_array_equal(plain(pixels), noisy(pixels))
    for model in (plain, noisy):
        urfb_tf.train(model, small_data, epochs=1, batch_size=20, seed=0)
    for a, b in zip(plain.trainable_variables, noisy.trainable_variables, strict=True):
        assert np.any(a != b.numpy())


def test_runs_with_noise_go_on_from_a_checkpoint_with_the_same_bits(small_data, tmp_path):
    def trained(epochs, **settings):
        model = build(NETWORK, seed=0, error_noise=0.5)
        urfb_tf.train(model, small_data, epochs=epochs, batch_size=20, seed=0, **settings)
        return model.get_weights()

    whole = trained(3)
    trained(1, checkpoint=tmp_path / "c.npz")
    for a, b in zip(trained(3, checkpoint=tmp_path / "c.npz"), whole, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("how", [{"run_eagerly": True}, {"jit_compile": False}, {"jit_compile": True}])
def test_noise_works_in_fit_and_survives_saving(how, small_data, tmp_path):
    model = build(NETWORK, seed=0, error_noise=0.5)
    model.compile(keras.optimizers.SGD(0.1), model.loss, **how)
    before = [variable.numpy() for variable in model.trainable_variables]
    model.fit(*small_data.train, batch_size=20, verbose=0)
    for a, b in zip(before, model.trainable_variables, strict=True):
        assert np.any(a != b.numpy())
        assert np.all(np.isfinite(b))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for a, b in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert [layer.level for layer in loaded.layers if isinstance(layer, ErrorNoise)] == [0.5] * 3


@pytest.mark.parametrize("level", [0, -1.0, float("nan"), float("inf"), "1", True])
def test_an_impossible_level_is_refused(level):
    with pytest.raises(ArgumentError, match="finite level > 0"):
        ErrorNoise(level)


def test_a_seed_may_be_a_number_of_numpy():
    layer, error = ErrorNoise(1.0, seed=np.int64(5)), errors(3, 4)
    assert type(layer.seed) is int
    np.testing.assert_array_equal(arriving(layer, error), arriving(ErrorNoise(1.0, seed=5), error))


@pytest.mark.parametrize("seed", [-1, 1.5, True, "1"])
def test_an_impossible_seed_is_refused(seed):
    with pytest.raises(ArgumentError, match=r"^The seed of noise in the error is None or a whole number >= 0, but got"):
        ErrorNoise(1.0, seed=seed)


@pytest.mark.parametrize("level", [None, -1, "1", float("nan"), False])
def test_a_network_takes_no_impossible_level_either(level):
    with pytest.raises(ArgumentError, match=r"^error_noise is a finite level >= 0 \(0 for no noise\), but got"):
        build(NETWORK, error_noise=level)


def test_an_unknown_place_is_refused():
    with pytest.raises(ArgumentError, match="error_noise_at"):
        build(NETWORK, error_noise=1.0, error_noise_at="everywhere")
