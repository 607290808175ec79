"""Errors that float16 cannot hold: the loss is multiplied on its way down, in training as in measures."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from urfb_tf import FeedbackDense, OneVsRestHinge, metrics
from urfb_tf.data import Dataset, Split
from urfb_tf.half_precision import gradients_of, loss_scale
from urfb_tf.training import train

BATCH, CLASSES = 256, 50
SMALL = keras.initializers.RandomUniform(-0.02, 0.02, seed=2)  # each layer hands down an error far below that above it


@pytest.fixture(scope="module")
def data():
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (BATCH, 4, 4, 3)).astype("uint8")
    split = Split(images, random.integers(0, CLASSES, BATCH).astype("int32"))
    return Dataset("few", CLASSES, split, split, split)


def network(dtype: str, rule="urfb") -> keras.Model:
    inputs = keras.Input((4, 4, 3))
    hidden = keras.layers.Flatten(dtype=dtype)(keras.layers.Rescaling(1 / 127.5, -1, dtype=dtype)(inputs))
    shared = {"rule": rule, "feedback_initializer": SMALL, "dtype": dtype}
    for seed in range(3):
        hidden = FeedbackDense(32, seed=seed, name=f"dense{seed}", **shared)(hidden)
    outputs = FeedbackDense(CLASSES, seed=3, name="output", **shared)(hidden)
    model = keras.Model(inputs, outputs)
    model.compile(loss=OneVsRestHinge())
    return model


def steps_of(dtype: str, rule: str, data) -> list[np.ndarray]:
    """How a step of training changes each weight; a large one, beside which the rounding of the weights is small."""
    model = network(dtype, rule)
    before = [variable.numpy() for variable in model.trainable_variables]
    train(model, data, epochs=1, batch_size=BATCH, learning_rate=64)
    return [variable.numpy() - was for variable, was in zip(model.trainable_variables, before, strict=True)]


@pytest.mark.parametrize("rule", ["bp", "urfb", "kp"])
def test_training_in_half_precision_makes_the_steps_of_full_precision(data, rule):
    for exact, found in zip(steps_of("float32", rule, data), steps_of("mixed_float16", rule, data), strict=True):
        assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(exact), rel=0.005)
        assert metrics.angle(exact, found) < 0.3


def test_angles_and_ratios_in_half_precision_are_those_of_full_precision(data):
    tolerances = {metrics.update_angles: 0.1, metrics.error_angles: 0.1, metrics.error_ratios: 0.003}
    for measure, tolerance in tolerances.items():
        exact, found = (measure(network(dtype), *data.train) for dtype in ("float32", "mixed_float16"))
        assert found == pytest.approx(exact, abs=tolerance)


def test_a_trace_in_half_precision_has_the_increments_of_full_precision(data):
    exact, found = (metrics.trace(network(dtype), *data.train, steps=0)[0] for dtype in ("float32", "mixed_float16"))
    for name, increment in exact.increment.items():
        assert metrics.angle(increment, found.increment[name]) < 0.1


@pytest.mark.parametrize(
    ("dtype", "examples", "scale"),
    [("mixed_float16", 500, 512), ("float16", 1, 1), ("mixed_bfloat16", 500, 1), ("float32", 500, 1)],
)
def test_only_half_precision_needs_the_loss_multiplied(dtype, examples, scale):
    assert loss_scale(network(dtype), examples) == scale


def test_gradients_below_the_reach_of_half_precision_come_back_in_single():
    weights = tf.constant([1.0, 2.0], tf.float16)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(weights)
        loss = tf.reduce_sum(tf.cast(weights * tf.constant(2.0**-14, tf.float16), tf.float32)) * 2.0**-12
    (lost,), (found,) = gradients_of(tape, loss, [weights]), gradients_of(tape, loss, [weights], scale=2.0**10)
    assert np.all(lost == 0)
    assert found.dtype == tf.float32
    np.testing.assert_array_equal(found, [2.0**-26] * 2)
