"""Feedback layers inside other layers, such as blocks of one's own, are found wherever layers are looked for."""

import keras
import numpy as np
import pytest

import urfb_tf
from urfb_tf import FeedbackDense, RefreshFeedback, UntiedConv2D, metrics, rules
from urfb_tf.data import Dataset, Split
from urfb_tf.errors import ArgumentError
from urfb_tf.layers import feedback_layers, layers_of
from urfb_tf.networks import change_rule, convert, freeze, reinitialise, under_back_propagation, untie

LAYERS = keras.layers
RANDOM = np.random.default_rng(0)
ROWS, CLASSES = RANDOM.normal(size=(20, 12)).astype("float32"), np.arange(20) % 3


@keras.saving.register_keras_serializable("test_inside")
class Block(LAYERS.Layer):
    """Two layers, one of them in a list, and a weight of its own."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = FeedbackDense(16, rule="frfb", name="inner", seed=2)
        self.more = [LAYERS.BatchNormalization(name="norm")]

    def build(self, input_shape):
        self.scale = self.add_weight(name="scale", shape=(), initializer="ones")
        self.inner.build(input_shape)
        self.more[0].build((None, 16))
        self.built = True

    def call(self, inputs, training=None):
        return self.scale * self.more[0](self.inner(inputs), training=training)


def blocks():
    """A block between two layers."""
    model = keras.Sequential(
        [
            keras.Input((12,)),
            FeedbackDense(12, rule="frfb", name="below", seed=1),
            Block(name="block"),
            FeedbackDense(3, rule="frfb", name="above", seed=3),
        ]
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def wrapped(name="inner"):
    """The same without what else is in the block, inside a layer of Keras' own or not."""
    inner = FeedbackDense(4, rule="frfb", name="inner", seed=2)
    model = keras.Sequential(
        [
            keras.Input((3, 4)),
            FeedbackDense(4, rule="frfb", name="below", seed=1),
            inner if name == "inner" else LAYERS.TimeDistributed(inner, name=name),
            LAYERS.Flatten(),
            FeedbackDense(3, rule="frfb", name="above", seed=3),
        ]
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


@keras.saving.register_keras_serializable("test_inside")
class Stale(LAYERS.Layer):
    """Holds an untied layer whose feedback is refreshed once per epoch."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.conv = UntiedConv2D(2, 3, rule="urfb", feedback_refresh="epoch", name="conv", seed=1)

    def build(self, input_shape):
        self.conv.build(input_shape)
        self.built = True

    def call(self, inputs):
        return self.conv(inputs)


def stale():
    model = keras.Sequential([keras.Input((4, 4, 1)), Stale(), LAYERS.Flatten(), FeedbackDense(3, name="top")])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
    return model


class Own(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = FeedbackDense(4, rule="frfb", name="inner")

    def call(self, inputs):
        return self.inner(inputs)


def nested_subclassed():
    inputs = keras.Input((4,))
    return keras.Model(inputs, FeedbackDense(3, name="top")(Own(name="own")(inputs)))


def test_layers_come_once_from_below_and_what_holds_them_before_them():
    model = blocks()
    layers = layers_of(model)
    for _ in range(2):
        assert [layer.name for layer in layers] == ["below", "block", "inner", "norm", "above"]
    shared = FeedbackDense(4, name="shared")
    nested = [keras.Sequential([keras.Input((4,)), shared]) for _ in range(2)]
    both = keras.Sequential([keras.Input((4,)), *nested, shared])
    assert [layer.name for layer in layers_of(both)] == ["shared"]
    inside = keras.Sequential([keras.Input((3, 4)), LAYERS.TimeDistributed(nested[0], name="each")])
    assert [layer.name for layer in layers_of(inside)] == ["each", "shared"]


def test_angles_are_those_of_the_same_layers_outside():
    images = ROWS.reshape(20, 3, 4)
    for measure in (lambda model: metrics.update_angles(model, images, CLASSES), metrics.weight_angles):
        found = measure(wrapped("each"))
        assert found == pytest.approx(measure(wrapped()), abs=1e-3)  # degrees; an arc cosine near 0 is steep
        assert list(found) == ["below", "inner", "above"]
        assert found["below"] > 10


def test_an_error_inside_a_layer_is_refused_by_name():
    for measure in (metrics.error_angles, metrics.error_ratios):
        with pytest.raises(ArgumentError, match="does not reach into other layers, but layer 'inner' lies in one"):
            measure(blocks(), ROWS, CLASSES)
    model = blocks()
    model.get_layer("block").inner.rule = rules.get("dfa")
    with pytest.raises(ArgumentError, match="Direct feedback does not reach into other layers, but layer 'inner'"):
        urfb_tf.networks.connect_direct_feedback(model)


def test_an_epoch_refreshes_feedback_inside_a_layer():
    images, labels = RANDOM.integers(0, 256, (20, 4, 4, 1)).astype("uint8"), CLASSES.astype("int32")
    split = Split(images, labels)
    data = Dataset("tiny", 3, split, split, split)
    for learn in (
        lambda model: urfb_tf.train(model, data, epochs=1, batch_size=20),
        lambda model: model.fit(
            images.astype("float32"), labels, batch_size=20, verbose=0, callbacks=[RefreshFeedback()]
        ),
    ):
        model = stale()
        layer = feedback_layers(model)[0]
        changed = layer.feedback.numpy() + 1
        layer.feedback.assign(changed)
        learn(model)  # one step
        np.testing.assert_array_equal(layer.stale_feedback, changed)
        assert np.any(layer.feedback != changed)


def test_what_learns_inside_a_layer_by_back_propagation_has_its_own_name():
    assert under_back_propagation(blocks()) == ["block", "norm"]  # the block has a weight besides
    inputs = keras.Input((3, 4))
    stock = keras.Model(inputs, FeedbackDense(3)(LAYERS.LSTM(5, name="lstm")(inputs)))
    assert under_back_propagation(stock) == ["lstm"]
    assert under_back_propagation(wrapped("each")) == []


@pytest.mark.parametrize(
    ("make", "change", "sentence"),
    [
        (blocks, lambda m: change_rule(m, "urfb"), r"'inner' lies inside 'block'.*change it there.*layers=\[\.\.\.\]"),
        (blocks, lambda m: change_rule(m, "urfb", ["inner"]), "'inner' lies inside 'block'"),
        (lambda: wrapped("each"), lambda m: change_rule(m, "bp"), "'inner' lies inside 'each'"),
        (stale, untie, "'conv' lies inside 'stale"),
        (nested_subclassed, lambda m: change_rule(m, "urfb"), "'inner' lies inside 'own'"),
    ],
)
def test_changes_that_cannot_reach_inside_say_so(make, change, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        change(make())


def test_other_layers_of_such_a_model_can_be_changed():
    before = blocks()
    before.get_layer("block").inner.kernel.assign(2 * before.get_layer("block").inner.kernel)
    after = change_rule(before, "urfb", ["above"])
    assert [layer.rule.name for layer in feedback_layers(after)] == ["frfb", "frfb", "urfb"]
    np.testing.assert_array_equal(after(ROWS), before(ROWS))


def test_layers_inside_others_are_frozen_and_drawn_anew():
    model = freeze(blocks(), ["inner"])
    inner = feedback_layers(model)[1]
    weights = {id(variable) for variable in model.trainable_variables}
    assert not inner.trainable
    assert id(inner.kernel) not in weights
    assert id(model.get_layer("block").scale) in weights
    kernel, feedback = inner.kernel.numpy(), inner.feedback.numpy()
    reinitialise(model, ["inner"])
    assert np.all(inner.kernel != kernel)
    assert np.all(inner.feedback != feedback)


def test_a_stock_layer_inside_another_is_refused_and_can_be_skipped():
    inner = LAYERS.Dense(4, name="inner")
    stock = keras.Sequential(
        [keras.Input((3, 4)), LAYERS.TimeDistributed(inner, name="each"), LAYERS.Dense(3, name="top")]
    )
    with pytest.raises(ArgumentError, match=r"'inner' lies inside 'each'.*skip=\['inner'\]"):
        convert(stock)
    for name in ("inner", "each"):
        model = convert(stock, "frfb", skip=[name])
        assert under_back_propagation(model) == ["each"]
        assert model.get_layer("top").rule == rules.get("frfb")  # something below it learns
