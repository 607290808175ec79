"""Changing a model between two phases of training: what changes, what stays, and what is refused."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from urfb_tf import (
    FeedbackConv2D,
    FeedbackDense,
    FeedbackRule,
    OneVsRestHinge,
    SaturatedLinearity,
    UntiedConv2D,
    deepernet_s,
    rules,
    simpnet,
)
from urfb_tf.data import Dataset, Split
from urfb_tf.errors import ArgumentError
from urfb_tf.layers import feedback_layers, layers_of
from urfb_tf.metrics import weight_angles
from urfb_tf.networks import build, change_rule, convert, freeze, reinitialise, untie
from urfb_tf.training import train

NOTATION = "conv 4 3x3; maxpool 3; conv 3 2x2; drop .5; full conn. 8; output"
HALF = rules.UpdatedRandomFeedback(0.5)


def network(rule="urfb", **options):
    return build(NOTATION, rule, classes=3, input_shape=(8, 8, 3), seed=1, **{"connectivity": 0.5, **options})


def images(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype("float32")


def tiny_data():
    split = Split(images(40, 8, 8, 3).astype("uint8"), np.arange(40, dtype="int32") % 3)
    return Dataset("tiny", 3, split, split, split)


def fit(model, **options):
    pixels = images(20, *model.input_shape[1:])
    model.fit(pixels, np.arange(20) % 3, **{"batch_size": 10, "shuffle": False, "verbose": 0, **options})
    return model


def moved(model):
    """The model with weights that differ from those at the start."""
    for variable in model.variables:  # masks and the state of dropout stay
        if "float" in variable.dtype:
            variable.assign(1.5 * variable)
    return model


def values(model):
    return [v.numpy() for v in model.variables]


def assert_same(a, b):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)


def assert_same_outputs(a, b, pixels):
    # Sums in another order: some roundings of fields of size 1.
    np.testing.assert_allclose(a(pixels), b(pixels), rtol=0, atol=1e-5)


def kinds(model):
    return {layer.name: type(layer) for layer in feedback_layers(model)}


@pytest.mark.parametrize("rule", ["bp", "frfb", "urfb", HALF], ids=str)
@pytest.mark.parametrize("backend", ["dense", "sparse"])
def test_an_untied_model_is_the_same_function_and_the_old_one_stays(rule, backend):
    tied = moved(network(rule))
    before = values(tied)
    untied = untie(tied, backend=backend)
    assert kinds(untied) == {
        "conv1": UntiedConv2D, "conv2": UntiedConv2D, "dense1": FeedbackDense, "output": FeedbackDense,
    }  # fmt: skip
    assert_same_outputs(untied, tied, images(5, 8, 8, 3))
    for layer, old in zip(feedback_layers(untied), feedback_layers(tied), strict=True):
        assert layer.rule == old.rule
        assert (layer.feedback is None) == (old.feedback is None)
    moved(untied)
    assert_same(values(tied), before)
    assert kinds(tied)["conv1"] is FeedbackConv2D


@pytest.mark.parametrize("make", [simpnet, deepernet_s])
@pytest.mark.parametrize("rule", ["bp", "frfb", "urfb"])
def test_the_papers_networks_stay_the_same_function(make, rule):
    tied = make(rule, connectivity=0.5)
    untied = untie(tied)
    assert_same_outputs(untied, tied, images(2, 32, 32, 3))
    if make is simpnet:
        assert np.size(untied.get_layer("conv1").kernel) == 2_276_736
    assert untied.name == tied.name


def test_every_location_gets_the_filters_of_the_tied_layer():
    tied = network(HALF)
    untied = untie(tied)
    for name in ("conv1", "conv2"):
        layer, old = untied.get_layer(name), tied.get_layer(name)
        for weights in ("kernel", "feedback", "kernel_mask", "feedback_mask"):
            if getattr(old, weights) is None:
                assert getattr(layer, weights) is None
                continue
            expected = getattr(old, weights).numpy().astype("float32")
            for row, column in np.ndindex(layer.locality.output_size):
                found = layer.filters_at(row, column, np.float32(getattr(layer, weights)))
                inside = ~np.isnan(found)
                np.testing.assert_array_equal(found[inside], expected[inside])


def test_names_and_compile_settings_stay():
    tied = network()
    tied.compile(
        keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
        OneVsRestHinge(mu=0.3),
        metrics=["accuracy"],
        jit_compile=False,
        steps_per_execution=2,
    )
    tied.optimizer.learning_rate = 0.03  # as it is, not as it was
    for changed in (untie(tied), change_rule(tied, "frfb")):
        assert [layer.name for layer in changed.layers] == [layer.name for layer in tied.layers]
        assert (changed.name, changed.input.name) == (tied.name, tied.input.name)
        assert changed.get_compile_config() == tied.get_compile_config()
        assert float(changed.optimizer.learning_rate) == np.float32(0.03)
        assert (changed.loss.mu, changed.optimizer.momentum) == (0.3, 0.9)
    tied = keras.Model(tied.inputs, tied.outputs)  # not compiled
    assert not untie(tied).compiled


def own_loss(labels, fields):
    return keras.losses.sparse_categorical_crossentropy(labels, fields, from_logits=True)


class OwnLoss(keras.losses.Loss):
    def __init__(self):
        super().__init__()

    def call(self, y_true, y_pred):
        return own_loss(y_true, y_pred)


class OwnMetric(keras.metrics.Mean):
    def __init__(self, scale):
        super().__init__(name="own")


def own_metric(labels, fields):
    return tf.reduce_mean(fields, axis=-1)


CHANGES = {
    "untie": untie,
    "change_rule": lambda model: change_rule(model, "dfa"),
    "convert": convert,
    "freeze": lambda model: freeze(model, ["conv1"]),
    "reinitialise": reinitialise,
}


@pytest.mark.parametrize(
    ("change", "loss"),
    [
        ("untie", own_loss),
        ("change_rule", OwnLoss()),
        ("convert", own_loss),
        ("freeze", OwnLoss()),
        ("reinitialise", own_loss),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_losses_and_metrics_may_be_plain_functions_and_unregistered_classes(change, loss):
    model = network()
    model.compile("sgd", loss, metrics=[own_metric, "accuracy"])
    fit(model)
    changed = CHANGES[change](model)
    assert changed.loss is loss
    assert set(fit(changed).history.history) == {"loss", "own_metric", "accuracy"}
    assert model.compiled


def test_a_model_that_cannot_be_compiled_again_stays_as_it_was():
    model = network()
    model.compile("sgd", own_loss, metrics=[OwnMetric(2)])
    before = values(model)
    for change in CHANGES.values():
        with pytest.raises(ArgumentError, match="OwnMetric 'own' cannot be made anew from its get_config"):
            change(model)
    assert_same(values(model), before)
    assert model.get_layer("conv1").trainable
    assert model.compiled


def test_nested_models_may_be_compiled_with_plain_functions_too():
    model = nested()
    inner = model.layers[2]
    inner.compile("sgd", own_loss)
    assert inner.compiled
    untie(model)
    assert inner.compiled


def test_layers_are_chosen_by_name():
    tied = network()
    untied = untie(tied, ["conv2"])
    assert (kinds(untied)["conv1"], kinds(untied)["conv2"]) == (FeedbackConv2D, UntiedConv2D)
    assert_same_outputs(untied, tied, images(5, 8, 8, 3))
    assert kinds(untie(tied, (name for name in ["conv2", "conv1"]))) == kinds(untie(tied))


def nested():
    """Two nested models whose convolutions share a name, one of them used twice, and bare operations between."""

    def inner():
        return keras.Sequential([keras.Input((6, 6, 2)), FeedbackConv2D(2, 3, name="conv", seed=3)])

    pixels = keras.Input((6, 6, 2))
    first, second = inner(), inner()
    x = first(pixels / 255)
    x = second(first(x) + x)
    return keras.Model(pixels, FeedbackDense(3, name="output", seed=4)(keras.layers.Flatten()(x)))


def sequential():
    """Built by its first batch."""
    model = keras.Sequential(
        [
            FeedbackConv2D(3, 3, use_bias=True, bias_initializer="ones", activation=SaturatedLinearity(), seed=1),
            keras.layers.BatchNormalization(),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )
    model(images(5, 6, 6, 2))
    return model


@pytest.mark.parametrize("make", [nested, sequential])
def test_nested_and_sequential_models_can_be_untied(make):
    tied = make()
    tied.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    fit(tied)
    untied = untie(tied)
    assert type(untied) is type(tied)
    assert not any(isinstance(layer, FeedbackConv2D) for layer in layers_of(untied))
    assert len(untied.variables) == len(tied.variables)
    assert_same_outputs(untied, tied, images(5, 6, 6, 2))
    fit(untied)


def test_the_backend_and_other_options_of_an_untied_model_change():
    dense = fit(untie(network(HALF)))
    sparse = untie(dense, backend="sparse", feedback_refresh="epoch")
    layer = sparse.get_layer("conv2")
    assert (layer.backend, layer.feedback_refresh, layer.update_gain) == ("sparse", "epoch", 1)
    np.testing.assert_array_equal(layer.stale_feedback, layer.feedback)
    again = untie(sparse, backend="dense", update_gain=2.0)
    assert again.get_layer("conv2").update_gain == 2
    assert again.get_layer("conv2").stale_feedback is None
    assert_same(values(again), values(dense))
    again = untie(untie(dense, backend="sparse"))
    for a, b in zip(values(fit(again)), values(fit(untie(dense, backend="sparse"))), strict=True):
        # Two steps of .1 leave a few float32 roundings of weights of size about 1; dropout draws the same.
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-6)


def test_an_untied_deepernet_s_trains_a_step():
    model = untie(deepernet_s(HALF))
    before = {layer.name: (layer.kernel.numpy(), layer.feedback) for layer in feedback_layers(model)}
    assert sum(kind is UntiedConv2D for kind in kinds(model).values()) == 6
    fit(model, steps_per_epoch=1)
    for layer in feedback_layers(model):
        assert np.all(np.isfinite(layer.kernel))
        assert np.any(before[layer.name][0] != layer.kernel)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.conv = FeedbackConv2D(2, 3, name="conv")

    def call(self, inputs):
        return self.conv(inputs)


def subclassed():
    model = Subclassed()
    model(images(1, 4, 4, 1))
    return model


def of_any_size():
    pixels = keras.Input((None, None, 1))
    return keras.Model(pixels, FeedbackConv2D(2, 3)(pixels))


def at_two_sizes():
    """One convolution on an image and on its half, the latter within a nested model."""
    pixels, conv = keras.Input((8, 8, 1)), FeedbackConv2D(2, 3, name="conv")
    half = keras.Input((4, 4, 1))
    below = keras.Model(half, conv(half))(keras.layers.AveragePooling2D(2)(pixels))
    flat = [keras.layers.Flatten()(each) for each in (conv(pixels), below)]
    return keras.Model(pixels, keras.layers.Dense(3)(keras.layers.Concatenate()(flat)))


class Scaled(keras.layers.Layer):
    """A layer whose configuration lacks what it needs."""

    def __init__(self, scale, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale.item()

    def call(self, inputs):
        return self.scale * inputs


def stock():
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])


def scaled():
    return keras.Sequential([keras.Input((3,)), Scaled(np.ones(1), name="scaled"), FeedbackDense(2)])


REFUSED = [
    (lambda: untie(at_two_sizes()), r"'conv' is used on images of the sizes \(4, 4, 1\) and \(8, 8, 1\), between"),
    (lambda: change_rule(scaled(), "bp"), "Layer 'scaled', a Scaled, cannot be copied by its get_config"),
    (lambda: change_rule("network", "bp"), "A keras.Model is needed, but got 'network'"),
    (lambda: reinitialise(stock(), ["x"]), "has no FeedbackLayer, so none that is called 'x'"),
    (lambda: untie(network(), ["conv3"]), r"Unknown FeedbackConv2D or UntiedConv2D .* 'conv3': use one of 'conv1', 'c"),
    (lambda: untie(network(), ["dense1"]), "'dense1': use one of 'conv1', 'conv2'"),
    (lambda: untie(network(), "conv1"), r"layers is a list of names, but got 'conv1': write \['conv1'\]"),
    (lambda: untie(network(), backend="fast"), "Unknown backend 'fast'"),
    (lambda: untie(network(), update_gain=0), "update_gain > 0, but got 0"),
    (lambda: untie(subclassed()), "Only built functional and sequential models can be changed so"),
    (lambda: untie(keras.Sequential([FeedbackConv2D(2, 3)])), "Only built functional and sequential models"),
    (lambda: untie(of_any_size()), "of fixed size"),
    (lambda: change_rule(network(), "dfb"), "Unknown feedback rule 'dfb'"),
    (lambda: change_rule(network(), "bp", ["maxpool1"]), "Unknown FeedbackLayer of the model 'maxpool1'"),
    (lambda: change_rule(network(), "bp", "conv2"), "layers is a list of names"),
    (lambda: change_rule(subclassed(), "bp", ["conv"]), "Only built functional and sequential models"),
    (lambda: freeze(network(), ["conv9"]), "Unknown Layer of the model 'conv9': use one of .*'maxpool1'"),
    (lambda: freeze(network(), "conv1"), "layers is a list of names"),
    (lambda: reinitialise(network(), ["drop1"]), "Unknown FeedbackLayer of the model 'drop1'"),
    (lambda: reinitialise(network(), "conv1"), "layers is a list of names"),
    (lambda: reinitialise(network(), seed=-1), "A seed is a whole number >= 0"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "sentence"), REFUSED, ids=[str(n) for n in range(len(REFUSED))])
def test_what_cannot_be_done_gets_a_sentence(change, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        change()


def weights_of(layer):
    """By name, those that exist."""
    names = ("kernel", "feedback", "bias", "kernel_mask", "feedback_mask")
    return {name: getattr(layer, name).numpy() for name in names if getattr(layer, name) is not None}


def test_layers_of_plain_functions_pass_all_changes():
    factor = tf.constant(3.0)  # nothing that Keras could write down
    stock = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Lambda(lambda x, by: x * factor + by, arguments={"by": 2.0}, name="times"),
            keras.layers.Lambda(lambda x: tf.nn.relu(x), output_shape=(4,)),
            keras.layers.Dense(2),
        ]
    )
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    converted = change_rule(convert(stock), "frfb")
    np.testing.assert_array_equal(converted(x), stock(x))
    assert converted.layers[0].name == "times"
    assert converted.layers[0] is not stock.layers[0]


@pytest.mark.parametrize("new", ["bp", "frfb", HALF], ids=str)
@pytest.mark.parametrize("old", ["bp", "frfb", "urfb"])
def test_a_changed_rule_keeps_the_weights(old, new):
    before = moved(network(old, connectivity=0.7))
    start = values(before)
    after = change_rule(before, new)
    lowest, *others = feedback_layers(after)
    assert lowest.rule == rules.get("bp")  # it has no one to hand an error to
    fresh = network(new, connectivity=0.7)
    for layer in others:
        assert layer.rule == rules.get(new)
        expected = weights_of(before.get_layer(layer.name))
        if new == "bp":
            expected = {name: array for name, array in expected.items() if not name.startswith("feedback")}
        elif old == "bp":  # R is drawn as in a network that has had one from the start
            drawn = weights_of(fresh.get_layer(layer.name))
            expected |= {name: array for name, array in drawn.items() if name.startswith("feedback")}
        found = weights_of(layer)
        assert set(found) == set(expected)
        for name, array in expected.items():
            np.testing.assert_array_equal(found[name], array)
        assert layer.feedback is None or layer.feedback.trainable == (new == HALF)
    moved(after)
    assert_same(values(before), start)


def test_the_rule_of_single_layers_changes():
    model = change_rule(untie(network("urfb"), feedback_refresh="epoch"), "frfb", ["conv2", "output"])
    found = {layer.name: layer.rule.name for layer in feedback_layers(model)}
    assert found == {"conv1": "bp", "conv2": "frfb", "dense1": "urfb", "output": "frfb"}
    layer = model.get_layer("conv2")
    assert isinstance(layer, UntiedConv2D)
    np.testing.assert_array_equal(layer.stale_feedback, layer.feedback)
    assert change_rule(model, "urfb", ["conv1"]).get_layer("conv1").feedback is not None


@pytest.mark.parametrize("new", ["urfb", rules.SporadicUpdates(), rules.DelayedFeedback()], ids=repr)
@pytest.mark.parametrize("old", ["bp", "alternate", "sporadic"])
def test_a_changed_rule_is_that_of_a_model_built_anew_in_every_layer(old, new):
    changed, anew = change_rule(network(old), new), network(new)
    for layer, twin in zip(feedback_layers(changed), feedback_layers(anew), strict=True):
        assert layer.rule == twin.rule
        assert [v.path for v in layer.variables] == [v.path for v in twin.variables]


@pytest.mark.parametrize(("frozen", "lowest"), [([], "frfb"), (["below"], "bp"), (["below", "d1"], "bp")])
def test_the_lowest_layer_takes_the_rule_where_something_below_it_learns(frozen, lowest):
    kinds = [keras.layers.Embedding(4, 3, name="below"), *(keras.layers.Dense(4, name=name) for name in ("d1", "d2"))]
    stock = freeze(keras.Sequential([keras.Input((5,)), *kinds]), frozen)
    for model in (convert(stock, "frfb"), change_rule(convert(stock, "urfb"), "frfb")):
        assert [layer.rule.name for layer in feedback_layers(model)] == [lowest, "frfb"]


def plain(field):
    return tf.nn.leaky_relu(field, 0.3)


ACTIVATIONS = {
    "function": plain,
    "lambda": lambda field: tf.nn.leaky_relu(field, 0.3),
    "partial": functools.partial(tf.nn.leaky_relu, alpha=0.3),
    "layer": keras.layers.LeakyReLU(0.3),
    "class": SaturatedLinearity(0.5),
}


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_any_activation_passes_all_changes(kind):
    activation = ACTIVATIONS[kind]
    stock = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            keras.layers.Conv2D(2, 3, activation=activation, name="conv"),
            *([] if kind == "layer" else [keras.layers.Activation(activation)]),
            keras.layers.Conv2D(3, 3, activation=activation, name="skipped"),
            keras.layers.Flatten(),
            keras.layers.Dense(3, activation=activation, name="dense"),
        ]
    )
    model, pixels = convert(stock, "urfb", skip=["skipped"]), images(5, 6, 6, 2)
    for changed in (model, change_rule(model, "frfb"), change_rule(model, "frfb", ["dense"]), untie(model)):
        assert_same_outputs(changed, stock, pixels)
        if kind != "layer":
            assert all(layer.activation is activation for layer in feedback_layers(changed))
    kernel = model.get_layer("dense").kernel.numpy()
    assert np.all(reinitialise(model).get_layer("dense").kernel != kernel)


def drawn(shape, dtype=None, seed=3):
    return keras.random.normal(shape, dtype=dtype, seed=seed)


INITIALISERS = {
    "function": drawn,
    "lambda": lambda shape, dtype=None: drawn(shape, dtype),
    "partial": functools.partial(drawn, seed=3),
}


@pytest.mark.parametrize("kind", INITIALISERS)
def test_plain_functions_as_initialisers_pass_all_changes(kind):
    draws = {"kernel_initializer": INITIALISERS[kind], "bias_initializer": INITIALISERS[kind]}
    stock = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            keras.layers.Conv2D(2, 3, name="conv", **draws),
            keras.layers.Conv2D(3, 3, name="skipped", **draws),
            keras.layers.Flatten(),
            keras.layers.Dense(12, name="dense", **draws),
        ]
    )
    model, pixels = moved(convert(stock, "frfb", skip=["skipped"])), images(5, 6, 6, 2)
    assert np.any(model.get_layer("dense").feedback != drawn((12, 12)))  # R is drawn independently
    for changed in (change_rule(model, "urfb"), change_rule(model, "bp", ["dense"]), untie(model)):
        assert_same_outputs(changed, model, pixels)
        assert all(layer.kernel_initializer is INITIALISERS[kind] for layer in feedback_layers(changed))
    dense = reinitialise(model, ["dense"]).get_layer("dense")
    np.testing.assert_array_equal(dense.kernel, drawn((12, 12)))
    np.testing.assert_array_equal(dense.bias, drawn((12,)))


@pytest.mark.parametrize("rule", ["frfb", "brsf"])
def test_r_is_drawn_by_a_plain_function(rule):
    model = keras.Sequential([keras.Input((4,)), FeedbackDense(3, rule=rule, feedback_initializer=drawn)])
    model.compile("sgd", "mse")
    model.fit(np.ones((2, 4)), np.ones((2, 3)), verbose=0)
    (layer,) = feedback_layers(reinitialise(model))
    np.testing.assert_array_equal(layer.feedback, drawn((4, 3)))


class Holding(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = keras.layers.Normalization()

    def call(self, inputs):
        return self.inner(inputs)


def normalised():
    """Layers that have adapted to images: one of the model itself, one in a nested model, one in another layer."""
    holding = Holding()
    layers = [keras.layers.Normalization(), keras.layers.Normalization(), holding.inner]
    for layer in layers:
        layer.adapt(images(20, 6, 6, 2, seed=1))
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            layers[0],
            keras.Sequential([keras.Input((6, 6, 2)), layers[1]]),
            holding,
            FeedbackConv2D(2, 3),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )
    return model, images(5, 6, 6, 2)


def worded(layer):
    """A model of texts whose first layer has adapted to some, also to a word that holds a line break."""
    layer.adapt(np.array(["a b\nc", "b", "c a", "a"]))
    texts = keras.Input((1,), dtype="string")
    outputs = keras.layers.Dense(3)(FeedbackDense(4, activation="tanh")(layer(texts)))
    return keras.Model(texts, outputs), tf.constant([["a"], ["c"], ["b\nc"], ["d"]])


ADAPTED = {
    "means": normalised,
    "words": lambda: worded(keras.layers.StringLookup(output_mode="one_hot")),
    "texts": lambda: worded(keras.layers.TextVectorization(output_mode="multi_hot", standardize=None, split=None)),
    "weights": lambda: worded(keras.layers.TextVectorization(5, output_mode="tf_idf", pad_to_max_tokens=True)),
}


@pytest.mark.parametrize("change", [convert, untie, lambda model: change_rule(model, "frfb")])
@pytest.mark.parametrize("kind", ADAPTED)
def test_what_layers_have_adapted_to_passes_all_changes(kind, change):
    model, inputs = ADAPTED[kind]()
    assert_same_outputs(change(model), model, inputs)


def test_a_layer_that_has_adapted_to_nothing_yet_can_adapt_in_the_copy():
    words, lookup = keras.Input((1,), dtype="string"), keras.layers.StringLookup(name="lookup")
    outputs = keras.layers.Dense(3)(keras.layers.Flatten()(keras.layers.Embedding(3, 2)(lookup(words))))
    model = convert(keras.Model(words, outputs))
    model.get_layer("lookup").adapt(np.array(["a", "b"]))
    assert model(tf.constant([["a"], ["c"]])).shape == (2, 3)


def repeated(nested):
    """Four uses of the lowest layer, one after the other; or of a nested model that holds it."""
    inputs = keras.Input((6,))
    layer = keras.layers.Dense(6, activation="tanh", use_bias=False, name="d")
    layer = keras.Sequential([keras.Input((6,)), layer]) if nested else layer
    x = inputs
    for _ in range(4):
        x = layer(x)
    return keras.Model(inputs, keras.layers.Dense(3, use_bias=False, name="o")(x))


@pytest.mark.parametrize("nested", [False, True])
def test_the_lowest_layer_takes_the_rule_where_its_first_use_receives_the_error_of_a_later_one(nested):
    for model in (convert(repeated(nested), "frfb"), change_rule(convert(repeated(nested), "urfb"), "frfb")):
        lowest, output = feedback_layers(model)
        assert lowest.rule == output.rule == rules.get("frfb")


def branches():
    """Two inputs, the second of which enters above an embedding; a nested model, used for either; a sum of all."""
    first, second = keras.Input((5,)), keras.Input((5,))
    tower = keras.Sequential(
        [keras.Input((5,)), keras.layers.Dense(4, name="tower1"), keras.layers.Dense(4, name="tower2")]
    )
    embedded = keras.layers.Flatten()(keras.layers.Embedding(4, 2, name="below")(second))
    sums = [
        tower(first),
        tower(second),
        keras.layers.Dense(4, name="left2")(keras.layers.Dense(4, name="left1")(first)),
        keras.layers.Dense(4, name="right")(second),
        keras.layers.Dense(4, name="embedded")(embedded),
    ]
    return keras.Model([first, second], keras.layers.Dense(3, name="top")(keras.layers.Add()(sums)))


def test_every_layer_with_nothing_below_it_that_learns_takes_the_lowest_rule():
    stock, converted = branches(), convert(branches(), "kp")
    for model in (converted, change_rule(convert(stock, "urfb"), "kp")):
        found = {layer.name: layer.rule.name for layer in feedback_layers(model)}
        assert {name for name, rule in found.items() if rule == "bp"} == {"tower1", "left1", "right"}
        assert {name for name, rule in found.items() if rule == "kp"} == {"tower2", "left2", "embedded", "top"}
    assert "left1" not in weight_angles(converted)
    freeze(stock, ["below"])
    assert convert(stock, "kp").get_layer("embedded").rule == rules.get("bp")


def train_once(model):
    return train(model, tiny_data(), epochs=1, batch_size=40)


def fit_once(model):
    return fit(model, steps_per_epoch=1)


@pytest.mark.parametrize(("learn", "rule"), [(fit_once, "bp"), (fit_once, "urfb"), (train_once, "urfb")])
def test_frozen_layers_stay_and_hand_down_the_same_error(learn, rule):
    frozen, free = network(rule), network(rule)
    for model in (frozen, free):
        model.compile(keras.optimizers.SGD(0.1, momentum=0.9), model.loss)
        fit(model)
    assert_same(values(frozen), values(free))
    before = {layer.name: weights_of(layer) for layer in feedback_layers(frozen)}
    assert freeze(frozen, ["conv2", "dense1", "drop1"]) is frozen
    free.compile_from_config(free.get_compile_config())  # forgets momentum, as freezing does
    for model in (frozen, free):
        learn(model)
    for layer in feedback_layers(frozen):
        expected = before[layer.name] if not layer.trainable else weights_of(free.get_layer(layer.name))
        assert_same(weights_of(layer).values(), expected.values())
        assert layer.trainable == (layer.name in ("conv1", "output"))
        assert np.any(weights_of(free.get_layer(layer.name))["kernel"] != before[layer.name]["kernel"])


@pytest.mark.parametrize("learn", [fit_once, train_once])
@pytest.mark.parametrize("rule", ["brsf", "mirror"])
def test_a_frozen_layer_keeps_feedback_that_would_renew_itself(learn, rule):
    model = network(rule)
    before = {layer.name: weights_of(layer)["feedback"] for layer in feedback_layers(model)[1:]}
    freeze(model, ["dense1"])
    learn(model)
    for name, feedback in before.items():
        assert np.any(weights_of(model.get_layer(name))["feedback"] != feedback) == (name != "dense1")


def test_what_is_frozen_stays_frozen_through_other_changes():
    model = change_rule(untie(freeze(network(), ["conv1", "dense1"])), "frfb")
    assert [layer.name for layer in feedback_layers(model) if not layer.trainable] == ["conv1", "dense1"]
    before = {name: weights_of(model.get_layer(name)) for name in ("conv1", "dense1", "output")}
    train(model, tiny_data(), epochs=1, batch_size=10)
    assert_same(before["conv1"].values(), weights_of(model.get_layer("conv1")).values())
    assert_same(before["dense1"].values(), weights_of(model.get_layer("dense1")).values())
    assert np.any(before["output"]["kernel"] != model.get_layer("output").kernel)


@pytest.mark.parametrize("change", [lambda m: m, lambda m: untie(m, feedback_refresh="epoch")], ids=["tied", "untied"])
def test_reinitialised_layers_start_anew_on_the_same_connections(change):
    model = change(moved(network(HALF, connectivity=0.6)))
    before = {layer.name: weights_of(layer) for layer in feedback_layers(model)}
    spread = {"conv2": 2 / (2 * 2 * (4 + 3)), "dense1": 2 / (4 * 4 * 3 + 8)}  # Glorot's variance
    assert reinitialise(model, ["conv2", "dense1"], seed=7) is model
    for layer in feedback_layers(model):
        found = weights_of(layer)
        if layer.name not in ("conv2", "dense1"):
            assert_same(found.values(), before[layer.name].values())
            continue
        for name in ("kernel", "feedback"):
            mask, old = before[layer.name][f"{name}_mask"], before[layer.name][name]
            np.testing.assert_array_equal(found[f"{name}_mask"], mask)
            assert np.all(found[name][~mask] == 0)
            assert np.all(found[name][mask] != old[mask])
            # Five standard deviations of the mean of so many squares of uniform numbers.
            assert np.mean(found[name][mask] ** 2) == pytest.approx(
                spread[layer.name], rel=5 * (0.8 / mask.sum()) ** 0.5
            )
    if isinstance(model.get_layer("conv2"), UntiedConv2D):
        np.testing.assert_array_equal(model.get_layer("conv2").stale_feedback, model.get_layer("conv2").feedback)


@pytest.mark.parametrize("initializer", ["he_normal", keras.initializers.HeNormal(seed=7)], ids=["name", "object"])
def test_new_weights_follow_the_seed_and_differ_by_layer(initializer):
    def drawn(seed, initializer=initializer):
        draws = {"kernel_initializer": initializer, "feedback_initializer": initializer}
        draws |= {"bias_initializer": "random_normal", "use_bias": True}
        twins = keras.Sequential([keras.Input((6,)), *(FeedbackDense(6, seed=1, name=name, **draws) for name in "ab")])
        return [array for layer in feedback_layers(reinitialise(twins, seed=seed)) for array in layer.get_weights()]

    assert_same(drawn(3), drawn(3))
    assert_same(drawn(3), drawn(3, "he_normal"))
    arrays = [*drawn(3), *drawn(4)]
    assert len({array.tobytes() for array in arrays}) == len(arrays) == 12  # W, R and bias of two layers, two seeds


def test_new_weights_have_no_momentum_of_the_old_ones():
    model = network()
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), model.loss)
    reinitialise(fit(model), ["dense1"])
    model.optimizer.learning_rate = 0
    before = [variable.numpy() for variable in model.trainable_variables]
    fit(model)
    assert_same([variable.numpy() for variable in model.trainable_variables], before)


def test_converted_models_start_anew_from_the_seed_alone():
    kinds = [keras.layers.Dense(4, kernel_initializer="he_uniform"), keras.layers.Dense(3)]
    stock = keras.Sequential([keras.Input((5,)), *kinds])
    first, again = (reinitialise(convert(stock, seed=seed), seed=1) for seed in (2, 3))
    assert_same(values(first), values(again))
    for layer, old in zip(feedback_layers(first), kinds, strict=True):
        assert np.all(layer.kernel.numpy() != old.kernel.numpy())


def test_untied_weights_start_anew_at_each_location_with_the_spread_of_the_convolution():
    model = reinitialise(untie(network()), ["conv1"])
    layer = model.get_layer("conv1")
    filters = [layer.filters_at(row, column) for row, column in ((2, 2), (2, 3), (5, 5))]
    assert not any(np.any(a == b) for a, b in zip(filters, [*filters[1:], filters[0]], strict=True))
    variance = 2 / (9 * (3 + 4))
    # A uniform draw's square varies by sqrt(.8) of its mean.
    assert np.mean(layer.kernel.numpy() ** 2) == pytest.approx(variance, rel=5 * (0.8 / np.size(layer.kernel)) ** 0.5)


def test_biases_start_anew_as_their_initialiser_says():
    model = sequential()
    (layer,) = feedback_layers(model)
    layer.bias.assign([5, 6, 7])
    reinitialise(model)
    np.testing.assert_array_equal(layer.bias, [1, 1, 1])
    assert tf.reduce_any(layer.kernel != 0)


def decaying(wrap, **excluded):
    """A model whose optimiser halves, but for the step, what it does not exclude."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="below"), FeedbackDense(2, use_bias=True)])
    optimizer = keras.optimizers.SGD(0.1, weight_decay=5)
    optimizer.exclude_from_weight_decay(**{key: find(model) for key, find in excluded.items()})
    model.compile(wrap(optimizer), OneVsRestHinge())
    model.layers[-1].bias.assign([100.0, -100.0])
    return model


@pytest.mark.parametrize("wrap", [lambda optimizer: optimizer, keras.optimizers.LossScaleOptimizer])
@pytest.mark.parametrize(
    "change", [lambda model: freeze(model, ["below"]), lambda model: change_rule(model, "frfb")], ids=["same", "copy"]
)
def test_what_weight_decay_leaves_out_stays_left_out(change, wrap):
    model = change(decaying(wrap, var_names=lambda model: ["bias"]))
    model.fit(np.zeros((2, 3)), np.array([0, 0]), verbose=0)
    np.testing.assert_array_equal(model.layers[-1].bias, [100.0, -100.0])


def test_single_variables_that_weight_decay_leaves_out_are_those_of_the_old_model():
    model = decaying(keras.optimizers.LossScaleOptimizer, var_list=lambda model: [model.layers[-1].bias])
    with pytest.raises(ArgumentError, match=r"exclude_from_weight_decay\(var_names="):
        change_rule(model, "frfb")
    freeze(model, ["below"]).fit(np.zeros((2, 3)), np.array([0, 0]), verbose=0)
    np.testing.assert_array_equal(model.layers[-1].bias, [100.0, -100.0])


class Compiling(keras.Model):
    """Compiled in its own way."""

    def compile(self, optimizer, own):
        super().compile(optimizer=optimizer, loss=own)


class Again(Compiling):
    """It says how to do it again."""

    def compile_from_config(self, config):
        self.compile(keras.optimizers.SGD(0.5), OneVsRestHinge())


def test_a_class_that_compiles_in_its_own_way_says_how_to_do_it_again():
    def made(kind):
        inputs = keras.Input((3,))
        model = kind(inputs, FeedbackDense(2, name="above")(FeedbackDense(4, name="below")(inputs)))
        model.compile("sgd", OneVsRestHinge())
        return model

    for change in (lambda model: freeze(model, ["below"]), lambda model: change_rule(model, "frfb")):
        model = made(Compiling)
        with pytest.raises(
            ArgumentError, match=r"Compiling has a compile\(\) of its own, which cannot be called again"
        ):
            change(model)
        assert model.get_layer("below").trainable
        changed = change(made(Again))
        assert isinstance(changed, Again)
        assert changed.optimizer.learning_rate == 0.5


class Weighted(keras.Model):
    """Made by more than inputs and outputs."""

    def __init__(self, inputs, outputs, weight, **options):
        super().__init__(inputs, outputs, **options)
        self.weight = weight


class WeightedByKeyword(keras.Model):
    """Likewise, as Keras does not see."""

    def __init__(self, *tensors, weight=1.0, **options):
        super().__init__(*tensors, **options)
        self.weight = weight


class Chain(keras.Sequential):
    """Keras copies it as a plain one."""


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda x, y: Weighted(x, y, 3.0, name="own"), "class Weighted, .* change keras.Model"),
        (
            lambda x, y: WeightedByKeyword(x, y, weight=3.0, name="own"),
            "class WeightedByKeyword, .* change keras.Model",
        ),
        (lambda x, y: Chain([x, FeedbackDense(4)], name="own"), "class Chain, .* change keras.Sequential"),
    ],
)
def test_a_class_that_its_copy_would_lose_is_refused(make, sentence):
    inputs = keras.Input((4,))
    model = make(inputs, FeedbackDense(4)(inputs))
    with pytest.raises(ArgumentError, match=f"The model 'own' is of the {sentence}"):
        change_rule(model, "frfb")
    around = keras.Sequential([keras.Input((4,)), model, FeedbackDense(2)])  # its class does nothing here
    assert_same_outputs(change_rule(around, "frfb"), around, images(5, 4))


def test_a_nested_model_that_computes_more_than_its_graph_is_refused():
    class Doubled(Weighted):
        def call(self, *arguments, **options):
            return 2 * super().call(*arguments, **options)

    inputs = keras.Input((4,))
    model = keras.Sequential([keras.Input((4,)), Doubled(inputs, FeedbackDense(4)(inputs), 1.0, name="own")])
    with pytest.raises(ArgumentError, match=r"The model 'own' is of the class Doubled, .* change keras\.Model"):
        change_rule(model, "frfb")


def test_a_frozen_nested_model_can_be_thawed_in_the_copy():
    inner = keras.Input((4,))
    base = keras.Model(inner, FeedbackDense(3, name="upper")(FeedbackDense(3, name="lower")(inner)), name="base")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, FeedbackDense(2, name="top")(base(inputs)))
    base.trainable = False
    base.get_layer("upper").trainable = True
    copy = change_rule(model, "frfb")

    def flags(model):
        base = model.get_layer("base")
        return [each.trainable for each in (model, base, *base.layers[1:], model.get_layer("top"))]

    assert flags(copy) == flags(model) == [True, False, False, True, True]
    assert [v.path for v in copy.trainable_variables] == ["upper/kernel", "top/kernel"]
    copy.get_layer("base").trainable = True
    assert len(copy.trainable_variables) == 3


def test_a_nested_models_name_stands_for_its_layers_and_a_path_for_one_of_a_name():
    def block(name):
        return keras.Sequential([keras.Input((4,)), *(FeedbackDense(4, name=each) for each in "xy")], name=name)

    def rules_of(names):
        model = keras.Sequential([keras.Input((4,)), block("a"), block("b"), FeedbackDense(4, name="z")])
        return "".join(layer.rule.name[0] for layer in feedback_layers(change_rule(model, "frfb", names)))

    assert rules_of(["b"]) == "uuffu"
    assert rules_of(["a/y", "z"]) == "ufuuf"
    assert rules_of(["x"]) == "fufuu"
    with pytest.raises(ArgumentError, match=r"Unknown FeedbackLayer of the model 'a/z': use one of .*'a', .*'b/y'"):
        rules_of(["a/z"])


def test_what_a_layer_cannot_make_again_is_named():
    inputs = keras.Input((3, 4))
    attention = keras.layers.MultiHeadAttention(2, 4, name="attention")
    model = keras.Model(inputs, FeedbackDense(2)(attention(inputs, inputs)))
    attention._query_dense.enable_lora(2)
    with pytest.raises(ArgumentError, match="'attention', a MultiHeadAttention, cannot be copied by its get_config"):
        change_rule(model, "frfb")


def test_a_change_needs_weights_and_a_rule_that_is_found_again():
    class Nowhere(FeedbackRule):
        name = "nowhere"

    with pytest.raises(ArgumentError, match="needs a model that has weights"):
        reinitialise(keras.Sequential([FeedbackDense(3)]))
    model = keras.Sequential([keras.Input((3,)), FeedbackDense(2), FeedbackDense(2)])
    with pytest.raises(ArgumentError, match="cannot be found again by its class"):
        change_rule(model, Nowhere())


def test_the_weights_of_an_activation_that_is_a_layer_pass_all_changes():
    activation, pixels = keras.layers.PReLU(), images(5, 6, 6, 2)
    stock = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            keras.layers.Conv2D(2, 3, activation=activation, name="conv"),
            keras.layers.Flatten(),
            keras.layers.Dense(3, name="dense"),
        ]
    )
    stock(pixels)
    activation.alpha.assign(0.7 * tf.ones_like(activation.alpha))
    model = convert(stock, "urfb")
    for changed in (model, change_rule(model, "frfb"), untie(model)):
        assert_same_outputs(changed, stock, pixels)
        assert all(layer.activation is not activation for layer in feedback_layers(changed))


def test_a_layer_that_was_never_called_is_left_to_draw_its_weights_when_it_is():
    class Spared(keras.Model):
        def __init__(self):
            super().__init__()
            self.used, self.spared = FeedbackDense(3, name="used"), FeedbackDense(4, name="spared")

        def build(self, input_shape):
            self.used.build(input_shape)

        def call(self, inputs):
            return self.used(inputs)

    model = Spared()
    model(np.ones([2, 5], "float32"))
    kernel = model.used.kernel.numpy()
    assert list(weight_angles(model)) == ["used"]
    assert np.all(reinitialise(model).used.kernel != kernel)
    assert not model.spared.built
