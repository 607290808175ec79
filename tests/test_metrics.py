"""Angles by hand, and between what rules and back-propagation compute."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from urfb_tf import FeedbackDense, OneVsRestHinge, metrics, rules
from urfb_tf.errors import ArgumentError
from urfb_tf.layers import feedback_layers
from urfb_tf.networks import build
from urfb_tf.readings import PAPER
from urfb_tf.training.epoch import state_variables

NOTATION = "conv 4 3x3; maxpool 3; full conn. 8; drop .5; full conn. 6; output"
# Rounding makes the arc cosine of a number next to 1 as large as this.
ZERO = pytest.approx(0, abs=1e-5)


def network(rule, **options):
    return build(NOTATION, rule, input_shape=(8, 8, 3), seed=1, **options)


@pytest.fixture
def batch():
    random = np.random.default_rng(0)
    return random.integers(0, 256, (20, 8, 8, 3)).astype("float32"), random.integers(0, 10, 20)


def computed(model, batch):
    return metrics.update_angles(model, *batch), metrics.error_angles(model, *batch)


@pytest.mark.parametrize(
    ("a", "b", "degrees"),
    [
        ([1, 0], [0, 2], 90),
        ([1, 0], [3, 0], 0),
        ([1, 0], [-1, 0], 180),
        ([1, 0], [1, 1], 45),
        ([[1, 0], [0, 0]], [[1, 0], [0, 3**0.5]], 60),
        ([1e-200, 0], [0, 1e-200], None),
        ([0, 0], [1, 0], None),
        ([0, 0], [0, 0], None),
    ],
)
def test_angles_worked_by_hand(a, b, degrees):
    assert metrics.angle(a, b) == (None if degrees is None else pytest.approx(degrees, abs=1e-10))


def test_an_angle_needs_two_arrays_of_one_size():
    with pytest.raises(ArgumentError, match="3 and 2 entries"):
        metrics.angle([1, 2, 3], [1, 2])


def test_back_propagation_is_at_no_angle_to_itself(batch):
    model = network("bp")
    update, error = computed(model, batch)
    assert list(update) == list(error) == ["conv1", "dense1", "dense2", "output"]
    assert all(value == ZERO for value in [*update.values(), *error.values()])
    assert metrics.weight_angles(model) == {}


@pytest.mark.parametrize("rule", ["frfb", "urfb"])
def test_random_feedback_bends_all_layers_but_the_last(rule, batch):
    model = network(rule)
    update, error = computed(model, batch)
    assert (update["output"], error["output"]) == (ZERO, ZERO)  # its error comes from the loss itself
    for name in ("conv1", "dense1", "dense2"):
        assert 10 < update[name] < 170
        assert 10 < error[name] < 170
    assert all(45 < value < 135 for value in metrics.weight_angles(model).values())


def test_r_set_to_w_is_back_propagation(batch):
    model = network("urfb", connectivity=0.5)
    for layer in feedback_layers(model):
        if layer.feedback is not None:
            layer.feedback.assign(layer.kernel)
    update, error = computed(model, batch)
    assert all(value == ZERO for value in [*update.values(), *error.values()])
    assert set(metrics.weight_angles(model)) == {"dense1", "dense2", "output"}
    assert all(value == ZERO for value in metrics.weight_angles(model).values())


def test_shared_connections_are_those_that_both_have(batch):
    model = network("urfb", connectivity=0.5)
    dense = model.get_layer("dense1")
    both = np.logical_and(dense.kernel_mask, dense.feedback_mask)
    dense.feedback.assign(np.where(both, 2 * dense.kernel.numpy(), dense.feedback.numpy()))
    assert metrics.shared_weight_angles(model)["dense1"] == ZERO
    assert metrics.weight_angles(model)["dense1"] > 30  # most of R stands where W has nothing
    found = metrics.Alignment(*batch)(model)
    assert set(found["shared_weight_angle"]) == {"dense1", "dense2"}  # the output layer keeps all connections
    assert found["shared_weight_angle"]["dense1"] == 0


@pytest.mark.parametrize(("rule", "connectivity"), [("bp", 0.5), ("urfb", 1.0), ("usf", 0.5)])
def test_without_two_masks_nothing_is_shared(rule, connectivity):
    assert metrics.shared_weight_angles(network(rule, connectivity=connectivity)) == {}


def test_equation_six_to_the_letter_is_not_the_gradient_even_with_r_equal_to_w(batch):
    model = network("bp", reading=PAPER.but(propagate_derivative=False))
    for layer in feedback_layers(model):
        layer.kernel.assign(3 * layer.kernel)  # so that units saturate
    update, _ = computed(model, batch)
    assert update["conv1"] > 1


def test_angles_leave_the_model_as_it_was(batch):
    model = network("urfb")
    before = model.get_weights(), [v.numpy() for v in model.variables]
    own = [layer.rule for layer in feedback_layers(model)]
    first = computed(model, batch)
    assert computed(model, batch) == first
    assert [layer.rule for layer in feedback_layers(model)] == own
    for a, b in zip(before[1], model.variables, strict=True):
        np.testing.assert_array_equal(a, b)


def test_back_propagating_restores_rules_after_an_error_too():
    model = network("urfb", reading=PAPER.but(propagate_derivative=False))
    layers = feedback_layers(model)
    own = [(layer.rule, layer.propagate_derivative) for layer in layers]

    def fail():
        with metrics.alignment.back_propagating(model):
            assert {(layer.rule, layer.propagate_derivative) for layer in layers} == {(rules.BackPropagation(), True)}
            raise RuntimeError("midway")

    with pytest.raises(RuntimeError, match="midway"):
        fail()
    assert [(layer.rule, layer.propagate_derivative) for layer in layers] == own


def test_a_model_without_feedback_layers_has_no_angles(batch):
    images, labels = batch
    layers = [keras.Input(images.shape[1:]), keras.layers.Flatten(), keras.layers.Dense(int(max(labels)) + 1)]
    model = keras.Sequential(layers)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    for measure in (metrics.update_angles, metrics.error_angles, metrics.error_ratios):
        assert measure(model, images, labels) == {}
    assert not any(metrics.Alignment(images, labels)(model).values())


def test_the_probe_takes_texts():
    words = keras.layers.TextVectorization(vocabulary=["cat", "dog"], output_mode="multi_hot")
    layers = [keras.Input((), dtype="string"), words, FeedbackDense(4, rule="urfb"), FeedbackDense(2, rule="urfb")]
    model = keras.Sequential(layers)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    found = metrics.Alignment(tf.constant(["a cat", "the dog"]), [0, 1])(model)
    assert len(found["update_angle"]) == 2


def test_layers_that_learn_nothing_have_no_angle(batch):
    model = network("urfb")
    model.get_layer("dense2").kernel.assign(tf.zeros([8, 6]))
    model.get_layer("dense2").feedback.assign(tf.zeros([8, 6]))
    update, error = computed(model, batch)
    assert update["dense1"] is None
    assert error["dense1"] is None
    assert metrics.weight_angles(model)["dense2"] is None


def test_the_probe_rounds_to_hundredths_and_takes_pixels_as_they_are(batch):
    images, labels = batch
    model = network("frfb")
    found = metrics.Alignment(images.astype("uint8"), labels)(model)
    assert list(found) == ["weight_angle", "update_angle", "error_angle", "error_ratio"]
    expected = dict(
        zip(
            found,
            (metrics.weight_angles(model), *computed(model, batch), metrics.error_ratios(model, *batch)),
            strict=True,
        )
    )
    for kind, angles in found.items():
        assert angles == {name: round(value, 2) for name, value in expected[kind].items()}
    assert found["update_angle"]["output"] == 0


def test_the_ratio_of_errors_is_that_of_the_weights_that_carry_them(batch):
    model = network("frfb")
    assert metrics.error_ratios(model, *batch)["output"] == 1
    for layer in feedback_layers(model)[1:]:
        layer.feedback.assign(3 * layer.kernel)
    # Each layer on the way down takes three times as much.
    expected = {layer.name: 3.0**above for above, layer in enumerate(reversed(feedback_layers(model)))}
    assert metrics.error_ratios(model, *batch) == pytest.approx(expected, rel=1e-5)
    feedback_layers(model)[-1].kernel.assign(tf.zeros_like(feedback_layers(model)[-1].kernel))
    assert metrics.error_ratios(model, *batch)["dense1"] is None, "back-propagation hands down nothing"


def test_layers_inside_nested_models_are_found():
    inner = keras.Sequential([keras.Input((4,)), FeedbackDense(3, name="inside")])
    model = keras.Sequential([keras.Input((4,)), inner, FeedbackDense(2, name="outside")])
    assert [layer.name for layer in feedback_layers(model)] == ["inside", "outside"]
    assert set(metrics.weight_angles(model)) == {"inside", "outside"}
    model.compile("sgd", "mse")
    angles = metrics.update_angles(model, np.ones((2, 4)), np.ones((2, 2)), loss="mse")
    assert angles["outside"] == ZERO


@pytest.mark.parametrize("measure", [metrics.update_angles, metrics.error_angles, metrics.error_ratios])
def test_an_image_without_a_label_is_refused(measure, batch):
    images, labels = batch
    with pytest.raises(ArgumentError, match="20 examples and 19 labels"):
        measure(network("urfb"), images, labels[:-1])


def test_one_probe_follows_weights_rules_losses_and_models(batch):
    probe, model, other = metrics.Alignment(*batch), network("urfb"), network("frfb")

    def agrees(model):
        found = probe(model)
        assert found["weight_angle"] == metrics.Alignment(*batch)(model)["weight_angle"]
        assert found["update_angle"] == pytest.approx(computed(model, batch)[0], abs=0.006)
        return found

    first = agrees(model)
    model.get_layer("dense2").feedback.assign(-model.get_layer("dense2").feedback)
    turned = agrees(model)
    assert turned["weight_angle"]["dense2"] == pytest.approx(180 - first["weight_angle"]["dense2"], abs=0.011)
    assert turned["update_angle"]["conv1"] != first["update_angle"]["conv1"]
    assert agrees(other) != turned
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert agrees(model)["update_angle"]["conv1"] != turned["update_angle"]["conv1"]
    for layer in feedback_layers(model):
        layer.rule = rules.get("bp")
    assert agrees(model)["update_angle"]["conv1"] == 0


def softmax_loss(labels, fields):
    return keras.losses.sparse_categorical_crossentropy(labels, tf.nn.softmax(fields))


def measured(model, batch, **options):
    steps = metrics.trace(model, *batch, steps=1, **options)
    own = [metrics.Alignment(*batch, **options)(model), metrics.update_angles(model, *batch, **options)]
    return [*own, [(step.loss, step.angle("dense2")) for step in steps]]


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", softmax_loss], ids=["name", "function"])
def test_a_loss_may_be_a_name_or_a_function_compiled_or_given(loss, batch):
    def model():
        stock = network("urfb")
        if isinstance(loss, str):  # it takes probabilities
            stock = keras.Model(stock.input, keras.layers.Softmax()(stock.output))
        return stock

    compiled, given, objects = model(), model(), model()
    compiled.compile("sgd", loss)
    found = measured(compiled, batch)
    assert measured(keras.Model(given.input, given.output), batch, loss=loss) == found
    whole = keras.losses.SparseCategoricalCrossentropy(from_logits=not isinstance(loss, str))
    assert metrics.update_angles(objects, *batch, loss=whole) == pytest.approx(
        metrics.update_angles(model(), *batch, loss=loss),
        abs=1e-3,  # degrees; an arc cosine near 0 is steep
    )


@pytest.mark.parametrize("loss", [None, "nonsense", ["mse", "mse"]])
def test_a_model_without_a_loss_is_refused(loss, batch):
    compiled = network("urfb")
    model = keras.Model(compiled.input, compiled.output)
    for measure in (metrics.update_angles, metrics.error_angles, metrics.error_ratios):
        with pytest.raises(ArgumentError, match=r"An angle needs a keras\.losses\.Loss.*pass it, or compile with it"):
            measure(model, *batch, loss=loss)
    with pytest.raises(ArgumentError, match="An angle needs"):
        metrics.Alignment(*batch, loss=loss)(model)
    with pytest.raises(ArgumentError, match="A trace needs"):
        metrics.trace(model, *batch, steps=1, loss=loss)


def test_steps_of_a_loss_with_a_weight_are_refused_and_its_angles_are_those_without(batch):
    found = []
    for weight in (None, 0.5):
        model = network("urfb")
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), loss_weights=weight)
        found.append(metrics.error_angles(model, *batch))
    assert found[0] == found[1]
    with pytest.raises(ArgumentError, match=r"A trace knows no loss_weights, but the model is compiled with 0\.5"):
        metrics.trace(model, *batch, steps=1)
    with pytest.raises(ArgumentError, match="An increment knows no loss_weights"):
        metrics.increment_cosines(model, *batch, batch_size=5)
    assert len(metrics.trace(model, *batch, steps=1, loss=OneVsRestHinge())) == 2, "a loss that is given has none"


def test_a_batch_may_be_lists_of_numbers(batch):
    model = network("urfb")
    lists = [array.tolist() for array in batch]
    loss = OneVsRestHinge()
    for measure in (metrics.update_angles, metrics.error_angles, metrics.error_ratios):
        assert measure(model, *lists, loss=loss) == pytest.approx(measure(model, *batch, loss=loss), abs=1e-3)


def test_a_layer_that_no_error_reaches_has_increments_of_0():
    inputs = keras.Input((4,))
    below = keras.ops.stop_gradient(FeedbackDense(3, name="below")(inputs))
    model = keras.Model(inputs, FeedbackDense(2, name="above")(below))
    data, loss = (np.ones([6, 4], "float32"), np.zeros(6, "int32")), OneVsRestHinge()
    first, last = metrics.trace(model, *data, steps=1, loss=loss)
    np.testing.assert_array_equal(first.increment["below"], np.zeros([4, 3]))
    np.testing.assert_array_equal(last.kernel["below"], first.kernel["below"])
    assert np.any(last.kernel["above"] != first.kernel["above"])
    assert set(metrics.increment_cosines(model, *data, batch_size=1, loss=loss)[1]) == {"above"}


def test_errors_are_measured_in_the_graph_of_the_model_itself(batch):
    model = network("urfb")
    expected = metrics.error_angles(model, *batch)
    other = keras.Input((8, 8, 3))
    for layers in (model.layers[1:], [model]):  # layers and a model that stand in a second graph each
        x = other
        for layer in layers:
            x = layer(x)
        second = keras.Model(other, x)
    assert metrics.error_angles(model, *batch) == expected
    first = keras.Model(other, model.get_layer("output")(keras.layers.Dense(6)(keras.layers.Flatten()(other))))
    assert set(metrics.error_angles(first, *batch, loss=model.loss)) == {"output"}
    with pytest.raises(ArgumentError, match="does not reach into nested models, but layer 'conv1' lies"):
        metrics.error_angles(second, *batch, loss=model.loss)


def test_errors_at_a_layer_that_is_used_twice_are_refused():
    layer = FeedbackDense(4, name="twice")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layer(layer(inputs)))
    with pytest.raises(ArgumentError, match="needs layers that are used once, but 'twice' is not"):
        metrics.error_ratios(model, np.ones((2, 4)), np.ones((2, 4)), loss="mse")


def test_error_angles_of_a_subclassed_model_are_refused(batch):
    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = FeedbackDense(2)

        def call(self, inputs):
            return self.dense(inputs)

    model = Subclassed()
    model(tf.ones([2, 4]))
    with pytest.raises(ArgumentError, match="need a functional model"):
        metrics.error_angles(model, np.ones((2, 4)), np.ones(2), loss="mse")


@pytest.mark.parametrize("measure", [metrics.update_angles, metrics.error_angles, metrics.error_ratios])
def test_a_model_with_several_outputs_is_refused(measure, batch):
    images, labels = batch
    inputs = keras.Input(images.shape[1:])
    flat = keras.layers.Flatten()(inputs)
    model = keras.Model(inputs, [FeedbackDense(3)(flat), FeedbackDense(3)(flat)])
    with pytest.raises(ArgumentError, match="one output, but this one has 2"):
        measure(model, images, labels, loss="mse")


@pytest.mark.parametrize(
    "measure",
    [
        *(metrics.update_angles, metrics.error_angles, metrics.error_ratios, metrics.Alignment),
        *(metrics.trace, metrics.increment_cosines, metrics.IncrementProbe),
    ],
)
def test_measures_name_what_they_take_alike(measure):
    by_place = {"inputs", "labels"}
    for name, parameter in inspect.signature(measure).parameters.items():
        assert (parameter.kind is not parameter.KEYWORD_ONLY) == (name in {"model", *by_place})
        by_place.discard(name)
    assert not by_place


def test_a_batch_may_have_several_inputs():
    x, labels = np.ones([4, 3], np.float32), np.array([0, 1, 2, 0])
    inputs = [keras.Input([3]), keras.Input([3])]
    hidden = FeedbackDense(5, rule="frfb", name="hidden")(keras.layers.Concatenate()(inputs))
    model = keras.Model(inputs, FeedbackDense(3, name="output")(hidden))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert set(metrics.update_angles(model, [x, x], labels, loss=loss)) == {"hidden", "output"}
    with pytest.raises(ArgumentError, match="4 examples and 3 labels"):
        metrics.update_angles(model, [x, x], labels[:3], loss=loss)


@pytest.mark.parametrize("measure", [metrics.weight_angles, metrics.shared_weight_angles])
def test_a_model_without_weights_is_refused(measure):
    with pytest.raises(ArgumentError, match="needs a model that has weights"):
        measure(keras.Sequential([FeedbackDense(3)]))


@pytest.mark.parametrize("steps", [-1, 1.5])
def test_a_trace_of_an_impossible_length_is_refused(steps, batch):
    with pytest.raises(ArgumentError, match="steps is a whole number >= 0"):
        metrics.trace(keras.Sequential([FeedbackDense(3)]), *batch, steps=steps)


FEW = np.random.default_rng(0).normal(size=[8, 6]).astype("float32"), np.arange(8) % 3


def few(rule="urfb", between=(), kernel=None, **options):
    """A compiled model for the batch FEW, the same at each call; `kernel` is what the lowest W has beside values."""
    lowest = FeedbackDense(5, rule="bp", activation="tanh", seed=1, name="lowest", **options)
    model = keras.Sequential([keras.Input((6,)), lowest, *between, FeedbackDense(3, rule=rule, seed=2, name="top")])
    for name, value in (kernel or {}).items():
        setattr(lowest.kernel, name, value)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss, jit_compile=False)
    return model


def assert_same_state(model, other):
    for a, b in zip(state_variables(model), state_variables(other), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=0, atol=1e-6, err_msg=a.path)


class AsksForNothing(keras.Model):
    """Its `call` does not ask whether this is training, so that under `fit` its dropout does nothing."""

    def __init__(self):
        super().__init__()
        self.below, self.top = FeedbackDense(5, seed=1), FeedbackDense(3, seed=2)
        self.dropout = keras.layers.Dropout(0.5, seed=3)

    def call(self, inputs):
        return self.top(self.dropout(self.below(inputs)))


def test_a_trace_tells_a_model_no_more_than_fit_does():
    fitted, traced = AsksForNothing(), AsksForNothing()
    for model in (fitted, traced):
        model(FEW[0])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.1), loss, jit_compile=False)
    fitted.train_on_batch(*FEW)
    metrics.trace(traced, *FEW, steps=1)
    assert_same_state(traced, fitted)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"kernel": {"regularizer": keras.regularizers.L2(0.5)}},
        {"activity_regularizer": keras.regularizers.L2(0.5)},
        {"kernel": {"constraint": keras.constraints.MaxNorm(0.5)}},
    ],
    ids=["nothing", "regulariser", "activity regulariser", "constraint"],
)
def test_a_traces_steps_are_those_of_fit(options):
    fitted, traced = few(**options), few(**options)
    losses = [float(fitted.train_on_batch(*FEW, return_dict=True)["loss"])]
    fitted.reset_metrics()
    losses.append(float(fitted.train_on_batch(*FEW, return_dict=True)["loss"]))
    first, second, last = metrics.trace(traced, *FEW, steps=2)
    assert_same_state(traced, fitted)
    assert [first.loss, second.loss] == pytest.approx(losses, rel=1e-5)
    for name in ("lowest", "top") if "constraint" not in options.get("kernel", {}) else ("top",):
        added = (last.kernel[name] - second.kernel[name]) / 0.1
        np.testing.assert_allclose(second.increment[name], added, rtol=0, atol=1e-5)


@pytest.mark.parametrize("rule", ["urfb", "alternate", "delayed", "mirror"])
def test_a_trace_trains_as_often_as_it_takes_steps(rule):
    def model():
        return few(rule, between=[keras.layers.BatchNormalization(), keras.layers.Dropout(0.5, seed=3)])

    fitted, traced, in_two = model(), model(), model()
    for _ in range(2):
        fitted.train_on_batch(*FEW)
    whole = metrics.trace(traced, *FEW, steps=2)
    assert_same_state(traced, fitted)
    first, last = (metrics.trace(in_two, *FEW, steps=1) for _ in range(2))
    assert_same_state(in_two, fitted)
    for one, other in zip(whole, [first[0], *last], strict=True):
        assert one.loss == pytest.approx(other.loss, rel=1e-6)
        np.testing.assert_allclose(one.feedback["top"], other.feedback["top"], rtol=0, atol=1e-6)
    before = [variable.numpy() for variable in in_two.variables]
    metrics.trace(in_two, *FEW, steps=0)
    for variable, value in zip(in_two.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value, err_msg=variable.path)


SHORT_TRACES = """
import logging

import keras
import numpy as np
import tensorflow as tf

from urfb_tf import FeedbackDense, OneVsRestHinge, metrics

told = []
tf.get_logger().addHandler(handler := logging.Handler())
handler.emit = lambda record: told.append(record.getMessage())
for _ in range(6):
    model = keras.Sequential([keras.Input((4,)), FeedbackDense(3)])
    metrics.trace(model, np.ones([6, 4], "float32"), np.zeros(6, "int32"), steps=1, loss=OneVsRestHinge())
print([message for message in told if "retracing" in message])
"""


def test_many_short_traces_bring_no_warning_of_retracing(python):
    # In a process of its own: TensorFlow warns only twice, which another test may have used up.
    assert python("-c", SHORT_TRACES).strip() == "[]"


@pytest.mark.parametrize("rate", [-1, 0, float("nan"), "a"])
def test_a_trace_refuses_an_impossible_learning_rate(rate, batch):
    with pytest.raises(ArgumentError, match="SGD needs a learning rate > 0"):
        metrics.trace(network("urfb"), *batch, steps=1, learning_rate=rate)


@pytest.mark.parametrize("measure", [metrics.update_angles, metrics.error_angles, metrics.trace])
def test_measures_need_a_model_with_weights_and_a_batch(measure, batch):
    options = {"steps": 1} if measure is metrics.trace else {}
    unbuilt = keras.Sequential([FeedbackDense(10)])
    unbuilt.compile("sgd", OneVsRestHinge())
    with pytest.raises(ArgumentError, match="needs a model that has weights"):
        measure(unbuilt, *batch, **options)
    with pytest.raises(ArgumentError, match=r"needs a keras\.Model, but got 'simpnet'"):
        measure("simpnet", *batch, loss=OneVsRestHinge(), **options)
    inputs, labels = batch
    with pytest.raises(ArgumentError, match=r"give \[x\] and \[y\] for one"):
        measure(network("urfb"), inputs[0], labels[0], **options)
