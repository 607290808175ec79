"""Models of one output in a dictionary, of several inputs, and data whose sizes are known only as they come."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import urfb_tf
from urfb_tf import metrics
from urfb_tf.data import Dataset, Split
from urfb_tf.errors import ArgumentError
from urfb_tf.layers import FeedbackConv2D, FeedbackDense, TiedMaxPooling2D, UntiedConv2D

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(20, 4, 4, 1)).astype("float32"), RANDOM.integers(0, 3, 20).astype("int32")
BATCHES = {"batch_size": 5, "verbose": 0}


def branch(inputs):
    hidden = FeedbackDense(4, activation="tanh", seed=1, name="hidden")(keras.layers.Flatten()(inputs))
    return FeedbackDense(3, seed=2, name="y")(hidden)


def compiled(model, loss=None):
    model.compile(keras.optimizers.SGD(0.1), urfb_tf.OneVsRestHinge() if loss is None else loss)
    return model


@pytest.fixture
def keyed():
    """A model whose only output is in a dictionary, by the name of its layer."""
    keras.utils.clear_session()
    inputs = keras.Input((4, 4, 1))
    return compiled(keras.Model(inputs, {"y": branch(inputs)}), {"y": urfb_tf.OneVsRestHinge()})


@pytest.fixture
def plain():
    """The same weights, the output by itself."""
    inputs = keras.Input((4, 4, 1))
    return compiled(keras.Model(inputs, branch(inputs)))


def test_one_output_in_a_dictionary_trains_and_is_measured_as_by_itself(keyed, plain):
    for measure in (metrics.update_angles, metrics.error_angles):
        assert measure(keyed, X, Y) == pytest.approx(measure(plain, X, Y))
    cosines = [metrics.increment_cosines(model, X, Y, batch_size=5) for model in (keyed, plain)]
    assert cosines[0] == cosines[1] != {}
    split = Split(X, Y)
    data = Dataset("mine", 3, split, split, split)
    errors = [urfb_tf.train(model, data, epochs=2, batch_size=5)[-1]["test_error"] for model in (keyed, plain)]
    assert errors[0] == errors[1]
    traces = [metrics.trace(model, X, Y, steps=1)[-1].loss for model in (keyed, plain)]
    assert traces[0] == traces[1]


def test_errors_class_by_class_of_an_output_in_a_dictionary_are_those_of_it_alone(keyed, plain):
    probe = metrics.ClassErrors(Split(X, Y), [[0, 1], [2]])
    assert probe(keyed) == probe(plain)


def test_the_loss_of_a_dictionarys_key_stays_under_direct_feedback():
    inputs = keras.Input((4, 4, 1))
    hidden = keras.layers.Dense(4, activation="tanh")(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, {"y": keras.layers.Dense(3, name="y")(hidden)})
    compiled(model, {"y": keras.losses.SparseCategoricalCrossentropy(from_logits=True)})
    converted = urfb_tf.convert(model, "dfa")
    assert converted.fit(X, {"y": Y}, **BATCHES).history["loss"][0] > 0


def test_several_inputs_are_measured_and_refused_where_a_dataset_has_one():
    one, other = keras.Input((4, 4, 1)), keras.Input((4, 4, 1))
    model = compiled(keras.Model([one, other], branch(keras.layers.Add()([one, other]))))
    both = [X, -X / 2]
    probe = metrics.Alignment(both, Y)(model)
    assert probe["update_angle"] == pytest.approx(metrics.update_angles(model, both, Y), abs=0.01)
    assert len(metrics.trace(model, both, Y, steps=1)) == 2
    assert set(metrics.increment_cosines(model, both, Y, batch_size=5)) == {1, 2}
    split = Split(X, Y)
    with pytest.raises(ArgumentError, match="the model has 2 inputs: use `fit`"):
        urfb_tf.train(model, Dataset("mine", 3, split, split, split), epochs=1)


def of_unknown_size(x, y):
    """Batches that do not say how large what they hold is."""
    shapes = [None] * x.ndim
    spec = (tf.TensorSpec(shapes, x.dtype), tf.TensorSpec([None], y.dtype))
    batches = [(x[i : i + 5], y[i : i + 5]) for i in range(0, len(y), 5)]
    found = tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=spec)
    return found.apply(tf.data.experimental.assert_cardinality(len(batches)))


@pytest.mark.parametrize("rule", ["urfb", "bp", "kp"])
def test_data_that_do_not_say_their_size_train_as_those_that_do(rule):
    def network():
        return compiled(
            keras.Sequential(
                [
                    keras.Input((4, 4, 1)),
                    FeedbackConv2D(2, 3, rule="bp", seed=1),
                    TiedMaxPooling2D(3, 2),
                    UntiedConv2D(2, 2, rule=rule, seed=2),
                    keras.layers.Flatten(),
                    FeedbackDense(3, rule=rule, seed=3),
                ]
            )
        )

    known, unknown = network(), network()
    known.fit(X, Y, shuffle=False, **BATCHES)
    unknown.fit(of_unknown_size(X, Y), shuffle=False, verbose=0)
    for a, b in zip(known.get_weights(), unknown.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)
