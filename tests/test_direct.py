"""Direct feedback alignment: the output error reaches every layer at once, however the model is run or changed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import urfb_tf
from urfb_tf import FeedbackDense, metrics
from urfb_tf.data import Dataset, Split
from urfb_tf.errors import ArgumentError
from urfb_tf.layers import DirectFeedback, feedback_layers
from urfb_tf.networks import build, connect_direct_feedback

LAYERS = keras.layers
NOTATION = "conv 4 3x3; maxpool 3; full conn. 8; full conn. 6; output"
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (40, 8, 8, 3)).astype("uint8")
LABELS = RANDOM.integers(0, 3, 40).astype("int32")


def network(rule="dfa", **options):
    return build(NOTATION, rule, classes=3, input_shape=(8, 8, 3), **options)


def end_of(model):
    return next(layer for layer in model.layers if isinstance(layer, DirectFeedback))


def dense_model(dtype="float64"):
    inputs = x = keras.Input((5,), dtype=dtype)
    for number, (units, activation) in enumerate([(7, "tanh"), (6, "tanh"), (3, None)]):
        rule = "dfa" if number else "bp"
        x = FeedbackDense(units, rule=rule, activation=activation, seed=number, dtype=dtype, name=f"layer{number}")(x)
    model = connect_direct_feedback(keras.Model(inputs, x), seed=4)
    model.compile(keras.optimizers.SGD(0.1), keras.losses.MeanSquaredError(reduction="sum"))
    return model


def by_hand(weights, projections, x, targets):
    """Gradients of the sum over the batch of the mean squared error, in NumPy."""
    w1, w2, w3 = weights
    y1 = np.tanh(x @ w1)
    y2 = np.tanh(y1 @ w2)
    e = 2 * (y2 @ w3 - targets) / targets.shape[1]  # [B, 3]
    d1 = (e @ projections[0]) * (1 - y1**2)  # [B, 7]
    d2 = (e @ projections[1]) * (1 - y2**2)  # [B, 6]
    return [x.T @ d1, y1.T @ d2, y2.T @ e]


@pytest.mark.parametrize("how", [{"run_eagerly": True}, {"jit_compile": False}, {"jit_compile": True}], ids=str)
def test_steps_are_those_computed_by_hand(how):
    model = dense_model("float32")
    model.compile(keras.optimizers.SGD(0.01), model.loss, **how)
    x, targets = RANDOM.normal(size=(20, 5)), RANDOM.normal(size=(20, 3))
    weights = [layer.kernel.numpy().astype(float) for layer in feedback_layers(model)]
    projections = [b.numpy().astype(float) for b in end_of(model).projections]
    model.fit(x.astype("float32"), targets.astype("float32"), batch_size=5, epochs=3, shuffle=False, verbose=0)
    for _ in range(3):
        for first in range(0, 20, 5):
            rows = slice(first, first + 5)
            steps = by_hand(weights, projections, x[rows], targets[rows])
            weights = [w - 0.01 * step for w, step in zip(weights, steps, strict=True)]
    for layer, expected in zip(feedback_layers(model), weights, strict=True):
        # Twelve steps in float32 beside float64, of weights of size 1.
        np.testing.assert_allclose(layer.kernel, expected, rtol=0, atol=3e-6)


def test_one_gradient_is_that_computed_by_hand():
    model = dense_model()
    x, targets = RANDOM.normal(size=(4, 5)), RANDOM.normal(size=(4, 3))
    with tf.GradientTape() as tape:
        loss = model.loss(targets, model(x))
    # Keras sums the losses in the type of its settings, float32.
    found = tape.gradient(loss, [layer.kernel.value for layer in feedback_layers(model)])
    weights = [layer.kernel.numpy() for layer in feedback_layers(model)]
    projections = [b.numpy().astype(float) for b in end_of(model).projections]
    for a, b in zip(found, by_hand(weights, projections, x, targets), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-6)


def test_pooling_below_a_layer_passes_the_direct_error_on_to_the_convolution():
    model = network()
    pixels = tf.cast(IMAGES[:5], tf.float32)
    conv, pool = model.get_layer("conv1"), model.get_layer("maxpool1")
    with tf.GradientTape(persistent=True) as tape:
        x = model.get_layer("rescaling")(pixels)
        pooled = pool(conv(x))  # [B, 4, 4, 4]
        output = model(pixels)
        loss = model.loss(LABELS[:5], output)
    error = tape.gradient(loss, output)
    sent = tf.reshape(error @ end_of(model).projections[0], pooled.shape)
    expected = tape.gradient(pooled, conv.kernel.value, output_gradients=sent)
    assert np.any(expected != 0)
    # The convolution adds up its products in another order than with one sum less.
    np.testing.assert_allclose(tape.gradient(loss, conv.kernel.value), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_epochs_make_the_updates_of_fit(jit_compile):
    split = Split(IMAGES, LABELS)
    model, fitted = network(), network()
    start = [w.copy() for w in model.get_weights()]
    urfb_tf.train(
        model,
        Dataset("small", 3, split, split, split),
        epochs=2,
        batch_size=40,
        learning_rate=0.1,
        jit_compile=jit_compile,
    )
    fitted.compile(keras.optimizers.SGD(0.1), fitted.loss, jit_compile=False)
    # One batch holds all images, so that their order matters to rounding alone.
    fitted.fit(IMAGES.astype("float32"), LABELS, batch_size=40, epochs=2, verbose=0)
    for a, b, c in zip(model.get_weights(), fitted.get_weights(), start, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-6)
        assert np.any(a != c) or c.shape[0] == 3  # the B [3, D] stay


def test_the_random_weights_stay_and_are_drawn_from_the_seed():
    first, again, other = network(seed=1), network(seed=1), network(seed=2)
    before = [b.numpy() for b in end_of(first).projections]
    assert [b.shape for b in before] == [(3, 64), (3, 8), (3, 6)]
    first.fit(IMAGES.astype("float32"), LABELS, epochs=1, verbose=0)
    for a, b, c, d in zip(
        before, end_of(first).projections, end_of(again).projections, end_of(other).projections, strict=True
    ):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
        assert not np.any(a == d.numpy())


@pytest.mark.parametrize("initializer", ["he_normal", keras.initializers.HeNormal(seed=7)], ids=["name", "object"])
def test_targets_of_one_size_get_independent_weights(initializer):
    def drawn(seed):
        layer = DirectFeedback(["a", "b"], initializer, seed)
        layer.build([(None, 3), (None, 4), (None, 4)])
        return [b.numpy() for b in layer.projections]

    for again, weights in zip(drawn(1), drawn(1), strict=True):
        np.testing.assert_array_equal(again, weights)
    assert len({b.tobytes() for b in [*drawn(1), *drawn(2)]}) == 4


def test_the_random_weights_may_come_from_a_plain_function():
    layer = DirectFeedback(["a"], lambda shape, dtype: tf.ones(shape, dtype))
    layer.build([(None, 3), (None, 4)])
    np.testing.assert_array_equal(layer.projections[0], np.ones([3, 4]))


def test_direct_feedback_learns():
    model = network()
    losses = model.fit(IMAGES.astype("float32"), LABELS, batch_size=10, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]


def test_angles_are_against_true_back_propagation():
    model, reference = network(), network("bp")
    for layer, twin in zip(feedback_layers(model), feedback_layers(reference), strict=True):
        twin.kernel.assign(layer.kernel)
    pixels = tf.cast(IMAGES, tf.float32)

    def increments(model):
        with tf.GradientTape() as tape:
            loss = model.loss(LABELS, model(pixels))
        return tape.gradient(loss, [layer.kernel.value for layer in feedback_layers(model)])

    found = metrics.update_angles(model, pixels, LABELS)
    expected = [metrics.angle(a, b) for a, b in zip(increments(model), increments(reference), strict=True)]
    np.testing.assert_allclose(list(found.values()), expected, rtol=0, atol=0.05)  # degrees; arccos near 0 is steep
    assert found["output"] < 0.05
    assert found["conv1"] > 5
    assert set(metrics.weight_angles(model).values()) == {None}  # no weights hand an error down
    errors = metrics.error_angles(model, pixels, LABELS)
    assert errors["output"] < 0.05
    assert errors["dense1"] > 5


def test_a_saved_model_comes_back_whole(tmp_path):
    model = network()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for each in (model, loaded):
        each.fit(IMAGES.astype("float32"), LABELS, batch_size=10, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_changing_the_rule_connects_and_disconnects():
    urfb = network("urfb")
    direct = urfb_tf.change_rule(urfb, "dfa")
    assert end_of(direct).targets == ["dense1", "dense2", "output"]
    assert connect_direct_feedback(direct) is direct
    back = urfb_tf.change_rule(direct, "bp")
    assert not any(isinstance(layer, DirectFeedback) for layer in back.layers)
    pixels = IMAGES.astype("float32")
    for model in (direct, back):
        np.testing.assert_array_equal(model.predict(pixels, verbose=0), urfb.predict(pixels, verbose=0))
        assert model.loss.mu == urfb.loss.mu
    some = urfb_tf.change_rule(direct, "urfb", ["output"])
    assert end_of(some).targets == ["dense1", "dense2"]


def test_without_the_connection_a_layer_hands_nothing_down():
    layer = FeedbackDense(3, rule="dfa")
    x = tf.ones([2, 4])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
    np.testing.assert_array_equal(tape.gradient(y, x), np.zeros([2, 4]))


def test_batch_normalisation_keeps_its_precision_and_the_output_its_own():
    model = keras.Sequential(
        [keras.Input((4,)), FeedbackDense(6, rule="bp", dtype="mixed_float16"), FeedbackDense(3, rule="dfa")]
    )
    connected = connect_direct_feedback(model)
    assert connected(tf.ones([2, 4])).dtype == tf.float32
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(connected(tf.ones([2, 4])))
    gradient = tape.gradient(loss, connected.layers[1].kernel.value)
    assert np.any(gradient != 0)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_model_knows_the_type_of_its_output(dtype):
    inputs = [keras.Input((3,), dtype=dtype), keras.Input((4,))]
    output = DirectFeedback(["below"], dtype="mixed_float16")(inputs)
    assert (output.shape, output.dtype) == ((None, 3), dtype)
    assert keras.Model(inputs, output)([tf.ones([2, 3], dtype), tf.ones([2, 4])]).dtype == dtype


def nested():
    inner = keras.Sequential([keras.Input((4,)), FeedbackDense(4, rule="dfa", name="inner")])
    return keras.Sequential([keras.Input((4,)), FeedbackDense(4, rule="bp"), inner])


def shared():
    layer = FeedbackDense(4, rule="dfa", name="shared")
    inputs = keras.Input((4,))
    return keras.Model(inputs, layer(layer(inputs)))


def grown():
    model = keras.Sequential([keras.Input((4,))])
    for name, rule in {"first": "bp", "second": "dfa", "third": "dfa"}.items():
        model.add(FeedbackDense(4, rule=rule, name=name))
    return model


def test_a_sequential_model_may_have_grown_layer_by_layer():
    model = grown()
    connected = connect_direct_feedback(model)
    assert end_of(connected).targets == ["second", "third"]
    x = RANDOM.normal(size=(2, 4)).astype("float32")
    np.testing.assert_array_equal(connected(x), model(x))


def test_the_structure_of_the_output_stays_and_with_it_the_compiled_loss():
    inputs = keras.Input((4,))
    stock = keras.Model(inputs, {"classes": LAYERS.Dense(3)(LAYERS.Dense(5)(inputs))})
    stock.compile("sgd", {"classes": keras.losses.SparseCategoricalCrossentropy(from_logits=True)})
    model = urfb_tf.convert(stock, "dfa")
    x, labels = RANDOM.normal(size=(6, 4)).astype("float32"), {"classes": np.arange(6) % 3}
    np.testing.assert_array_equal(model(x)["classes"], stock(x)["classes"])
    start = feedback_layers(model)[0].kernel.numpy()
    model.fit(x, labels, verbose=0)
    assert np.any(feedback_layers(model)[0].kernel.numpy() != start)
    again = urfb_tf.change_rule(urfb_tf.change_rule(model, "bp"), "dfa")
    assert model.evaluate(x, labels, verbose=0) == pytest.approx(again.evaluate(x, labels, verbose=0), rel=1e-6)


def test_a_loss_by_the_name_of_the_output_follows_it():
    model = network("urfb")
    loss = urfb_tf.OneVsRestHinge()
    model.compile(keras.optimizers.SGD(0.1), {"output": loss}, metrics={"output": "accuracy"})
    connected = urfb_tf.change_rule(model, "dfa")
    connected.fit(IMAGES, LABELS, batch_size=20, verbose=0)
    found = connected.evaluate(IMAGES, LABELS, return_dict=True, verbose=0)
    assert found["loss"] == pytest.approx(float(loss(LABELS, connected(IMAGES))), rel=1e-5)
    back = urfb_tf.change_rule(connected, "urfb")
    assert back.evaluate(IMAGES, LABELS, return_dict=True, verbose=0) == pytest.approx(found, rel=1e-5)


@keras.saving.register_keras_serializable("test_direct")
class Counting(keras.Model):
    """A class that is made of inputs and outputs, with a step of its own."""

    steps = 0

    def train_step(self, data):
        type(self).steps += 1  # as it is traced
        return super().train_step(data)


class OfUnits(keras.Model):
    """A class that makes inputs and outputs itself."""

    def __init__(self, units, **options):
        inputs = keras.Input((4,))
        hidden = FeedbackDense(5, rule="bp")(inputs)
        super().__init__(inputs, FeedbackDense(units, rule="dfa")(hidden), **options)


class Chain(keras.Sequential):
    """A class that is made of layers."""


def test_a_class_of_ones_own_keeps_its_step():
    inputs = keras.Input((4,))
    stock = Counting(inputs, LAYERS.Dense(3)(LAYERS.Dense(5)(inputs)))
    stock.compile("sgd", "mse")
    model = urfb_tf.convert(stock, "dfa")
    assert end_of(model).targets
    model.fit(np.ones((6, 4)), np.ones((6, 3)), verbose=0)
    assert isinstance(model, Counting)
    assert Counting.steps


def subclassed():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.layer = FeedbackDense(4, rule="dfa")

        def call(self, x):
            return self.layer(x)

    return Own()


def of_free_size():
    inputs = keras.Input((None, 4))
    return keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(FeedbackDense(4, rule="dfa")(inputs)))


def ending_in(*layers):
    def make():
        first = [keras.Input((4,)), FeedbackDense(4, rule="bp"), FeedbackDense(3, rule="dfa", activation="tanh")]
        return keras.Sequential([*first, *(layer() for layer in layers)])

    return make


PROBABILITIES = [
    ending_in(lambda: FeedbackDense(3, rule="dfa", activation="softmax")),
    ending_in(lambda: LAYERS.Dense(1, activation="sigmoid")),
    ending_in(lambda: LAYERS.Dense(3, activation=tf.nn.softmax)),
    ending_in(lambda: LAYERS.Activation("softmax", dtype="float32")),
    ending_in(LAYERS.Softmax),
    ending_in(lambda: keras.Sequential([keras.Input((3,)), LAYERS.Dense(3, activation="softmax")])),
]


@pytest.mark.parametrize("make", PROBABILITIES)
def test_probabilities_are_refused_since_the_error_is_at_the_logits(make):
    with pytest.raises(ArgumentError, match="end in logits and compile with from_logits=True"):
        connect_direct_feedback(make())


def test_a_function_that_ends_the_model_is_seen_too():
    inputs = keras.Input((4,))
    hidden = LAYERS.Dense(5)(inputs)
    with pytest.raises(ArgumentError, match=r"'softmax.*' ends in softmax"):
        urfb_tf.convert(keras.Model(inputs, keras.ops.softmax(LAYERS.Dense(3)(hidden))), "dfa")
    assert end_of(connect_direct_feedback(ending_in(LAYERS.Flatten)())).targets  # the tanh below stays allowed


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (nested, "nested models"),
        (shared, "used once"),
        (subclassed, "functional or sequential"),
        (lambda: OfUnits(3), "inputs and outputs, but OfUnits"),
        (lambda: Chain([keras.Input((4,)), *grown().layers]), "inputs and outputs, but Chain"),
        (of_free_size, "fixed size"),
    ],
)
def test_models_that_cannot_be_connected_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        connect_direct_feedback(make())


def test_layers_that_stay_direct_keep_the_weights_by_which_they_learn():
    model = urfb_tf.build("full conn. 6; full conn. 5; full conn. 4; output", "dfa", input_shape=(4, 4, 1), seed=7)

    def weights_of(model):
        (direct,) = (layer for layer in model.layers if isinstance(layer, DirectFeedback))
        return {name: np.array(b) for name, b in zip(direct.targets, direct.projections, strict=True)}

    before, after = weights_of(model), weights_of(urfb_tf.change_rule(model, "bp", ["dense2"]))
    assert set(after) < set(before)
    for name, projection in after.items():
        np.testing.assert_array_equal(projection, before[name])


def test_a_model_that_becomes_direct_draws_its_weights_from_the_seed():
    model = urfb_tf.build("full conn. 6; full conn. 5; output", "urfb", input_shape=(4, 4, 1))
    found = []
    for seed in (1, 1, 2):
        changed = urfb_tf.change_rule(model, "dfa", seed=seed)
        (direct,) = (layer for layer in changed.layers if isinstance(layer, DirectFeedback))
        found.append([np.array(projection) for projection in direct.projections])
    assert all(np.array_equal(a, b) for a, b in zip(found[0], found[1], strict=True))
    assert all(np.any(a != b) for a, b in zip(found[0], found[2], strict=True))


@pytest.mark.parametrize(
    "last",
    [
        lambda: keras.layers.Activation("linear", dtype="float32"),
        lambda: keras.layers.Identity(),
        lambda: keras.layers.Dropout(0.1),
        lambda: keras.layers.Reshape((3,)),
    ],
)
def test_softmax_is_found_behind_what_passes_it_on(last):
    for activation in ("softmax", None):
        model = keras.Sequential(
            [keras.Input((4,)), keras.layers.Dense(5), keras.layers.Dense(3, activation=activation), last()]
        )
        if activation:
            with pytest.raises(ArgumentError, match="ends in softmax"):
                urfb_tf.convert(model, "dfa")
        else:
            assert len(feedback_layers(urfb_tf.convert(model, "dfa"))) == 2
