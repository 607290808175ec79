"""Layers of one name in several nested models or blocks: each is drawn and measured for itself."""

import keras
import numpy as np
import pytest

from urfb_tf import FeedbackDense, UntiedConv2D, metrics
from urfb_tf.layers import feedback_layers
from urfb_tf.layers.walk import counted, keyed
from urfb_tf.networks import convert, reinitialise
from urfb_tf.results.filters import filters_of
from urfb_tf.seeds import stream

LAYERS = keras.layers
KEYS = ["a/fc", "b/fc", "c/fc", "top"]
BATCH = (np.random.default_rng(0).normal(size=(8, 6)).astype("float32"), np.arange(8) % 6)


def stock():
    """Three encoders whose layers have the same name, and a layer above."""
    encoders = [
        keras.Sequential([keras.Input((6,)), LAYERS.Dense(6, name="fc", activation="tanh")], name=name)
        for name in "abc"
    ]
    model = keras.Sequential([keras.Input((6,)), *encoders, LAYERS.Dense(6, name="top")])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def test_each_is_drawn_for_itself_and_other_names_as_ever():
    model = convert(stock(), "frfb", seed=3)
    _, *layers = feedback_layers(model)  # the lowest has no R
    assert len({layer.feedback.numpy().tobytes() for layer in layers}) == 3
    assert layers[-1].seed == stream(3, "top", "convert")
    reinitialise(model, seed=4)
    drawn = [array.numpy() for layer in layers for array in (layer.kernel, layer.feedback)]
    assert len({array.tobytes() for array in drawn}) == 6
    alone = FeedbackDense(6, name="top", rule="frfb")
    reinitialise(keras.Sequential([keras.Input((6,)), alone]), seed=4)
    apart = FeedbackDense(6, name="top", rule="frfb")
    reinitialise(keras.Sequential([keras.Input((6,)), *model.layers[:2], apart]), ["top"], seed=4)
    np.testing.assert_array_equal(apart.kernel, alone.kernel)
    np.testing.assert_array_equal(apart.feedback, alone.feedback)


@pytest.mark.parametrize(
    ("measure", "keys"),
    [
        (metrics.weight_angles, KEYS[1:]),
        (lambda model: metrics.update_angles(model, *BATCH), KEYS),
        (lambda model: metrics.trace(model, *BATCH, steps=1)[1].kernel, KEYS),
        (lambda model: metrics.trace(model, *BATCH, steps=1)[1].feedback, KEYS[1:]),
        (lambda model: metrics.trace(model, *BATCH, steps=1)[1].increment, KEYS),
        (lambda model: metrics.increment_cosines(model, *BATCH, batch_size=2, lags=[1])[1], KEYS),
    ],
)
def test_each_is_measured_for_itself(measure, keys):
    assert list(measure(convert(stock(), "frfb"))) == keys


def test_shared_connections_and_filters_are_each_layers_own():
    def block(name):
        layer = UntiedConv2D(2, 2, padding="valid", rule="frfb", connectivity=0.5, name="conv")
        return keras.Sequential([keras.Input((4, 4, 2)), layer, LAYERS.ZeroPadding2D(((0, 1), (0, 1)))], name=name)

    model = keras.Sequential([keras.Input((4, 4, 2)), block("a"), block("b")])
    assert list(metrics.shared_weight_angles(model)) == ["a/conv", "b/conv"]
    start = feedback_layers(model)[1].kernel.numpy()
    found = metrics.HomogeneityProbe({"b/conv": start})(model)
    assert list(found["homogeneity"]) == ["a/conv", "b/conv"]
    assert found["change"] == {"b/conv": 0}
    assert list(filters_of(model)) == ["a/conv", "b/conv"]


def test_numbers_that_keras_gives_count_within_the_model():
    keys = [
        "dense_7",
        "feedback_conv2d",
        "mine_3",
        "dense_9",
        "functional_2/dense_7",
        "dense1",
        "a/dense_9:2",
        "dense_9_x",
    ]
    counts = ["dense", "feedback_conv2d", "mine_3", "dense_1", "functional/dense", "dense1", "a/dense_1:2", "dense_9_x"]
    assert counted(keys) == counts

    def drawn(rule):
        stock = keras.Sequential([keras.Input((6,)), LAYERS.Dense(6, "tanh"), LAYERS.Dense(6, "tanh"), LAYERS.Dense(6)])
        model = convert(stock, rule, seed=3)
        weights = [w.numpy() for layer in model.layers for w in layer.weights if w.name not in ("kernel", "bias")]
        return weights, reinitialise(model, seed=3).get_weights()

    for rule in ("frfb", "dfa"):
        first, again = drawn(rule), drawn(rule)  # by other names: Keras counts on
        for a, b in zip(first, again, strict=True):
            assert all(np.array_equal(*pair) for pair in zip(a, b, strict=True))
        assert len({w.tobytes() for w in first[0]}) == len(first[0]) == 2


def test_names_that_occur_once_are_keys_and_paths_that_repeat_are_counted():
    class Block(LAYERS.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner = [FeedbackDense(6, name=name) for name in ("fc", "fc", "last")]

        def call(self, inputs):
            for layer in self.inner:
                inputs = layer(inputs)
            return inputs

    model = keras.Sequential([keras.Input((6,)), Block(name="block"), FeedbackDense(6, name="fc")])
    assert list(keyed(model, feedback_layers(model))) == ["block/fc", "block/fc:2", "last", "fc"]
