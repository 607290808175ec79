"""Untied convolutions: both backends against explicit matrices, against the tied convolution, and as Keras layers."""

import types
from typing import NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from urfb_tf import FeedbackConv2D, FeedbackDense, RefreshFeedback, SaturatedLinearity, UntiedConv2D, plots, rules
from urfb_tf.data import Dataset, Split
from urfb_tf.errors import ArgumentError
from urfb_tf.layers import feedback_layers
from urfb_tf.metrics import angle, error_angles, weight_angles
from urfb_tf.metrics.alignment import back_propagating
from urfb_tf.training import EpochProgram, batches, train

BACKENDS = ["dense", "sparse"]
RULES = {"bp": "bp", "frfb": "frfb", "urfb": "urfb", "half": rules.UpdatedRandomFeedback(0.5)}
both_backends = pytest.mark.parametrize("backend", BACKENDS)


class Case(NamedTuple):
    batch: int
    size: tuple[int, int]
    channels: int
    filters: int
    kernel_size: tuple[int, int]
    strides: tuple[int, int]
    padding: str

    def layer(self, kind=UntiedConv2D, **options):
        layer = kind(self.filters, self.kernel_size, self.strides, self.padding, seed=1, **options)
        layer.build((None, *self.size, self.channels))
        return layer

    def inputs(self, dtype="float64"):
        return tf.cast(normal(self.batch, *self.size, self.channels), dtype)


@st.composite
def cases(draw):
    padding = draw(st.sampled_from(["same", "valid"]))
    kernel_size = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    least = kernel_size if padding == "valid" else (1, 1)
    return Case(
        draw(st.integers(1, 3)),
        (draw(st.integers(least[0], 7)), draw(st.integers(least[1], 7))),
        draw(st.integers(1, 3)),
        draw(st.sampled_from([1, 2, 3, 33])),
        kernel_size,
        draw(st.tuples(st.integers(1, 4), st.integers(1, 4))),
        padding,
    )


# The dense backend joins two locations of a row, if their number is even and filters are at most 32.
JOINED = Case(2, (5, 6), 2, 32, (3, 3), (1, 1), "same")
MANY = Case(2, (5, 6), 2, 33, (3, 3), (1, 1), "same")
ODD = Case(2, (4, 5), 2, 3, (3, 2), (1, 1), "same")
SMALL = Case(4, (5, 6), 2, 3, (3, 3), (1, 1), "same")


def normal(*shape):
    return np.random.default_rng(3).normal(size=shape)


def gradients(layer, x, weights=()):
    """Outputs, and the gradients by x and the weights of a scalar whose derivative by the outputs is `upstream`."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = layer(x)
        upstream = tf.cast(normal(*outputs.shape) + 0.1, outputs.dtype)
        value = tf.reduce_sum(outputs * upstream)
    return [outputs, *tape.gradient(value, [x, *weights]), upstream]


def matrix(layer, weights, dtype="float64"):
    """All connections as one matrix [Q Cin, P F], in the numbers that the layer computes with."""
    weights = np.float64(tf.cast(tf.convert_to_tensor(weights), dtype))
    pairs, locality = layer.locality.pairs, layer.locality
    pixels, locations = (height * width for height, width in (locality.size, locality.output_size))
    full = np.zeros((pixels, weights.shape[1], locations, layer.filters))
    full[pairs.pixel, :, pairs.location] = weights
    return full.reshape(pixels * weights.shape[1], -1)


class Rounding(NamedTuple):
    """Half the distance from 1 to the next number, and the smallest positive number."""

    unit: float
    tiny: float


ROUNDING = {
    "float64": Rounding(2.0**-53, 2.0**-1074),
    "float32": Rounding(2.0**-24, 2.0**-126),  # TensorFlow takes smaller ones as 0
    "float16": Rounding(2.0**-11, 2.0**-24),
    "bfloat16": Rounding(2.0**-8, 2.0**-126),
}


def assert_sums(found, a, b, terms, dtype):
    """`found` is the matrix product of a and b, each entry a sum of at most so many products that are not 0."""
    unit, tiny = ROUNDING[dtype]
    # In whatever order n products are added up, the sum is off by at most (1 + u)^n - 1 of the sum of their sizes.
    # The reference is as far off in float64.
    share = np.expm1(terms * np.log1p(unit)) + terms * ROUNDING["float64"].unit
    assert found.dtype in (dtype, "float32")
    difference = np.abs(np.float64(found).reshape(len(a), -1) - a @ b)
    assert np.all(difference <= share * (np.abs(a) @ np.abs(b)) + terms * tiny)


def check_against_matrices(case, backend, rule="half", policy="float64"):
    layer = case.layer(backend=backend, rule=RULES[rule], dtype=policy)
    dtype, pairs = layer.compute_dtype, layer.locality.pairs
    weights = [v.value for v in (layer.kernel, layer.feedback) if v is not None]
    outputs, down, w, *r, upstream = gradients(layer, case.inputs(dtype), weights)
    x, error = (np.float64(t).reshape(case.batch, -1) for t in (case.inputs(dtype), upstream))
    through = layer.kernel if layer.feedback is None else layer.feedback
    fan_in = np.prod(case.kernel_size) * case.channels
    fan_out = np.bincount(pairs.pixel).max() * case.filters
    assert_sums(outputs, x, matrix(layer, layer.kernel, dtype), fan_in, dtype)
    assert_sums(down, error, matrix(layer, through, dtype).T, fan_out, dtype)
    shape = (*case.size, case.channels, *layer.locality.output_size, case.filters)
    terms = np.einsum("bi,bj->ijb", x, error).reshape(np.prod(shape[:2]), case.channels, -1, case.filters, case.batch)
    products = terms[pairs.pixel, :, pairs.location].reshape(-1, case.batch)  # [S Cin F, B]
    assert_sums(w, products, np.ones((case.batch, 1)), case.batch, dtype)
    if layer.rule.updates_feedback:
        np.testing.assert_array_equal(r[0], layer.rule.epsilon * w)  # halving is exact
    else:
        assert r in ([], [None])


@both_backends
@settings(max_examples=15)
@given(case=cases(), rule=st.sampled_from(sorted(RULES)), dtype=st.sampled_from(["float32", "float64"]))
@example(case=JOINED, rule="half", dtype="float32")
@example(case=MANY, rule="half", dtype="float32")
@example(case=ODD, rule="bp", dtype="float64")
@example(case=Case(1, (2, 3), 1, 2, (5, 5), (1, 2), "same"), rule="urfb", dtype="float64")  # a filter beyond the image
@example(case=Case(2, (7, 7), 2, 2, (2, 1), (3, 4), "valid"), rule="frfb", dtype="float32")  # pixels no filter sees
def test_both_backends_compute_the_products_of_explicit_matrices(backend, case, rule, dtype):
    check_against_matrices(case, backend, rule, dtype)


@both_backends
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("case", [SMALL, ODD])
def test_half_precision_computes_the_same_to_its_rounding(case, backend, policy):
    check_against_matrices(case, backend, policy=policy)


@both_backends
@settings(max_examples=12)
@given(case=cases(), propagate_derivative=st.booleans())
def test_copies_of_one_filter_are_the_tied_convolution(backend, case, propagate_derivative):
    options = {
        "activation": SaturatedLinearity(),
        "propagate_derivative": propagate_derivative,
        "use_bias": True,
        "bias_initializer": "random_normal",
        "dtype": "float64",
    }
    tied, untied = case.layer(FeedbackConv2D, **options), case.layer(backend=backend, **options)
    offset = untied.locality.pairs.offset
    for name in ("kernel", "feedback"):
        filters = getattr(tied, name).numpy()
        getattr(untied, name).assign(filters.reshape(-1, *filters.shape[2:])[offset])
    untied.bias.assign(np.broadcast_to(tied.bias, untied.bias.shape))
    x = case.inputs()
    y, down, w, r, bias, _ = gradients(tied, x, [v.value for v in (tied.kernel, tied.feedback, tied.bias)])
    own = gradients(untied, x, [v.value for v in (untied.kernel, untied.feedback, untied.bias)])
    summed = [np.zeros((np.prod(case.kernel_size), *w.shape[2:])) for _ in "wr"]
    for total, increments in zip(summed, own[2:4], strict=True):
        np.add.at(total, offset, increments.numpy())  # over locations
    found = [own[0], own[1], *(total.reshape(w.shape) for total in summed), np.sum(own[4], axis=(0, 1))]
    for a, b in zip(found, [y, down, w, r, bias], strict=True):
        # Sums of some hundred float64 products of size 1.
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


@both_backends
def test_each_location_has_a_bias_of_its_own(backend):
    layer = SMALL.layer(backend=backend, use_bias=True, dtype="float64")
    assert layer.bias.shape == (5, 6, 3)
    layer.bias.assign(normal(5, 6, 3))
    outputs, _, bias, upstream = gradients(layer, tf.zeros([4, 5, 6, 2], tf.float64), [layer.bias.value])
    np.testing.assert_array_equal(outputs, np.broadcast_to(layer.bias, outputs.shape))
    np.testing.assert_allclose(bias, np.sum(upstream, axis=0), rtol=0, atol=1e-14)  # four numbers of size 1


@both_backends
@pytest.mark.parametrize("gain", [0.25, 8])  # powers of two, which scale without rounding
def test_the_gain_multiplies_the_increments_and_nothing_else(backend, gain):
    plain, scaled = (SMALL.layer(backend=backend, rule=RULES["half"], **kw) for kw in ({}, {"update_gain": gain}))
    found = [gradients(lr, SMALL.inputs("float32"), [lr.kernel.value, lr.feedback.value]) for lr in (plain, scaled)]
    for a, b, factor in zip(*found, [1, 1, gain, gain, 1], strict=True):
        np.testing.assert_array_equal(factor * a, b)


def model_of(backend, rule="urfb", **options):
    """A smooth network, in which two roundings of one number stay close together."""
    options = {"rule": rule, "activation": "tanh", **options}
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            UntiedConv2D(3, 3, backend=backend, seed=1, **options),
            UntiedConv2D(4, 2, strides=2, padding="valid", backend=backend, seed=2, **options),
            keras.layers.Flatten(),
            FeedbackDense(3, rule=rule, seed=3),
        ]
    )
    model.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def tiny_data():
    random = np.random.default_rng(0)
    split = Split(random.integers(0, 4, (43, 6, 6, 2)).astype("uint8"), random.integers(0, 3, 43).astype("int32"))
    return Dataset("tiny", 3, split, split, split)


def test_sparse_products_are_never_left_to_xla(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda *_: [types.SimpleNamespace(device_type="GPU")])
    for backend in ("dense", "sparse"):
        model = model_of(backend, "urfb")
        model.compile("sgd", model.loss)
        assert model.jit_compile == EpochProgram(model, batch_size=10).jit_compile == (backend == "dense")
    with pytest.raises(ArgumentError, match=r"XLA has no sparse products, .*leave out jit_compile, or .*'dense'"):
        EpochProgram(model, batch_size=10, jit_compile=True)


FIT = {"steps_per_epoch": 4, "epochs": 2, "shuffle": False, "verbose": 0}  # the batches come shuffled


@pytest.mark.parametrize("rule", ["bp", "urfb"])
def test_fit_and_train_with_either_backend_learn_the_same_weights(rule):
    data = tiny_data()

    def fitted(backend):
        model = model_of(backend, rule)
        model.fit(batches(data.train, batch_size=10, seed=5), **FIT)
        return model.get_weights()

    def trained(backend, **how):
        model = model_of(backend, rule)
        train(model, data, epochs=2, batch_size=10, seed=5, **how)
        return model.get_weights()

    start, expected = model_of("dense", rule).get_weights(), fitted("dense")
    assert all(np.any(a != b) for a, b in zip(start[::2], expected[::2], strict=True))
    for weights in (fitted("sparse"), trained("dense"), trained("dense", jit_compile=True), trained("sparse")):
        # Eight steps of .1 add up a few float32 roundings of numbers of size about 1.
        for a, b in zip(weights, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=2e-6)


@pytest.mark.parametrize(
    ("backend", "rule"), [("dense", "bp"), ("dense", "frfb"), ("dense", "urfb"), ("sparse", "urfb")]
)
def test_missing_connections_stay_exactly_zero(backend, rule):
    model = model_of(backend, rule, connectivity=0.5, feedback_connectivity=0.3)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9, weight_decay=0.5), model.loss)
    layers = feedback_layers(model)[:2]
    before = [v.numpy() for layer in layers for v in layer.trainable_variables]
    model.fit(batches(tiny_data().train, batch_size=10, seed=5), **FIT)
    after = [v.numpy() for layer in layers for v in layer.trainable_variables]
    assert all(np.any(a != b) for a, b in zip(before, after, strict=True))
    for layer in layers:
        masked = [(layer.kernel, layer.kernel_mask)]
        if layer.feedback is not None:
            masked.append((layer.feedback, layer.feedback_mask))
        for weights, mask in masked:
            assert 0 < np.sum(mask) < np.size(mask)
            assert np.all(weights.numpy()[~mask.numpy()] == 0)
            assert np.all(weights.numpy()[mask.numpy()] != 0)


def test_w_and_r_are_masked_independently():
    layer = JOINED.layer(connectivity=0.5, feedback_connectivity=0.2)
    count = np.size(layer.kernel_mask)
    both = np.logical_and(layer.kernel_mask, layer.feedback_mask)
    for mask, share in ((layer.kernel_mask, 0.5), (layer.feedback_mask, 0.2), (both, 0.1)):
        # Five standard deviations of a share of so many coins.
        assert np.mean(mask) == pytest.approx(share, abs=5 * np.sqrt(share * (1 - share) / count))


@pytest.mark.parametrize("case", [JOINED, MANY, Case(1, (7, 7), 3, 8, (5, 3), (1, 1), "same")])
@pytest.mark.parametrize("name", ["glorot_uniform", "he_normal", "random_normal"])
def test_weights_start_with_the_spread_of_the_convolution(name, case):
    tied, untied = (
        case.layer(kind, kernel_initializer=name, feedback_initializer=name) for kind in (FeedbackConv2D, UntiedConv2D)
    )
    fan_in, fan_out = (np.prod(case.kernel_size) * n for n in (case.channels, case.filters))
    spread = {"glorot_uniform": (2 / (fan_in + fan_out)) ** 0.5, "he_normal": (2 / fan_in) ** 0.5}.get(name, 0.05)
    for weights in (untied.kernel, untied.feedback):
        # The variance of n draws whose tails are no longer than normal ones varies by at most (2 / n)^(1/2) of itself.
        assert np.mean(weights.numpy() ** 2) == pytest.approx(spread**2, rel=5 * (2 / np.size(weights)) ** 0.5)
    assert np.mean(tied.kernel.numpy() ** 2) == pytest.approx(spread**2, rel=5 * (2 / np.size(tied.kernel)) ** 0.5)
    if name == "glorot_uniform":
        assert np.max(np.abs(untied.kernel)) <= (3**0.5 * spread) * (1 + 2**-20)
    correlation = np.corrcoef(np.ravel(untied.kernel), np.ravel(untied.feedback))[0, 1]
    assert abs(correlation) < 5 / np.size(untied.kernel) ** 0.5


# The sparse backend cannot: XLA has no sparse products.
@pytest.mark.parametrize("case", [SMALL, ODD])
def test_xla_computes_what_eager_calls_do(case):
    layer = case.layer(rule=RULES["half"], use_bias=True, activation="tanh", dtype="float64")
    weights = [layer.kernel.value, layer.feedback.value, layer.bias.value]
    compiled = tf.function(gradients, jit_compile=True, autograph=False)
    for a, b in zip(compiled(layer, case.inputs(), weights), gradients(layer, case.inputs(), weights), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-13)  # some float64 roundings of numbers of size 1


def largest_tensor(case, backend):
    """Elements of the largest tensor while a layer of this backend learns and hands its error down."""
    layer = case.layer(backend=backend)
    function = tf.function(gradients, autograph=False).get_concrete_function(
        layer, tf.TensorSpec([case.batch, *case.size, case.channels]), [layer.kernel.value, layer.feedback.value]
    )
    graph = function.graph.as_graph_def(add_shapes=True)
    shapes = [
        [dimension.size for dimension in shape.dim]
        for nodes in (graph.node, *(inner.node_def for inner in graph.library.function))
        for node in nodes
        for shape in node.attr["_output_shapes"].list.shape
    ]
    assert all(size >= 0 for shape in shapes for size in shape)  # none is unknown
    return max(int(np.prod(shape)) for shape in shapes)


@pytest.mark.parametrize("filters", [32, 33])
def test_no_array_of_the_dense_form_grows_with_batch_times_connections(filters):
    case = Case(50, (8, 8), 3, filters, (5, 5), (1, 1), "same")
    connections = np.size(case.layer().kernel)
    assert connections == (8 * 5 - 2 * 3) ** 2 * 3 * filters
    # Patches and matrices have places for connections beyond the border and out of a location's reach: less than half.
    assert largest_tensor(case, "dense") <= 2 * max(case.batch * connections / filters, connections)
    assert largest_tensor(case, "sparse") == case.batch * connections


@both_backends
@pytest.mark.parametrize("case", [SMALL, ODD])
def test_batches_of_any_size_pass_one_graph(backend, case):
    layer = case.layer(backend=backend, dtype="float64")

    @tf.function(input_signature=[tf.TensorSpec([None, *case.size, case.channels], tf.float64)], autograph=False)
    def graph(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = layer(x)
        return outputs, *tape.gradient(outputs, [x, layer.kernel.value, layer.feedback.value])

    whole = graph(case.inputs())
    parts = [graph(case.inputs()[:1]), graph(case.inputs()[1:]), graph(case.inputs()[:0])]
    assert whole[0].shape == (case.batch, *layer.locality.output_size, case.filters)
    for which in (0, 1):
        np.testing.assert_allclose(np.concatenate([part[which] for part in parts]), whole[which], rtol=0, atol=1e-13)
    for which in (2, 3):
        np.testing.assert_allclose(sum(part[which] for part in parts), whole[which], rtol=0, atol=1e-13)
    assert not np.any(parts[2][2])  # of an empty batch


@pytest.mark.parametrize(("backend", "feedback_refresh"), [("dense", "epoch"), ("sparse", "step")])
def test_a_saved_model_comes_back_with_the_same_outputs_and_goes_on_alike(backend, feedback_refresh, tmp_path):
    model = model_of(backend, RULES["half"], connectivity=0.5, use_bias=True, feedback_refresh=feedback_refresh)
    data = tiny_data()
    model.fit(batches(data.train, batch_size=10, seed=5), **FIT)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.to_json() == model.to_json()
    for _ in "ab":
        images = data.test.images.astype("float32")
        np.testing.assert_array_equal(loaded.predict(images, verbose=0), model.predict(images, verbose=0))
        for a, b in zip(loaded.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        for each in (model, loaded):
            each.fit(batches(data.train, batch_size=10, seed=5), **FIT)


@both_backends
def test_a_model_exported_by_keras_computes_the_same_and_hands_down_the_same_error(backend, tmp_path):
    model = model_of(backend, "urfb", connectivity=0.5)
    model.export(tmp_path, verbose=False)
    exported = tf.saved_model.load(tmp_path)
    images = normal(3, *model.input_shape[1:])

    def outputs_and_error(function):
        x = tf.cast(images, tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        return y, tape.gradient(y, x)

    for found, expected in zip(outputs_and_error(exported.serve), outputs_and_error(model), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)  # graphs may sum in another order


@pytest.mark.parametrize(("backend", "policy"), [("dense", "mixed_float16"), ("sparse", "mixed_bfloat16")])
def test_half_precision_learns_under_fit(backend, policy):
    model = model_of(backend, dtype=policy)
    layer = model.layers[0]
    assert layer.kernel.dtype == layer.feedback.dtype == layer.variable_dtype
    labels = np.arange(30) % 3
    images = np.eye(3)[labels][:, :, None, None] * np.ones((1, 1, 12, 2))  # a stripe for each class
    history = model.fit(images.reshape(30, 6, 6, 2), labels, batch_size=10, epochs=8, verbose=0).history["loss"]
    assert history[-1] < 0.7 * history[0]


def test_filters_of_a_location_lie_as_in_a_convolution():
    layer = SMALL.layer()
    pairs = layer.locality.pairs
    numbers = np.arange(layer.kernel.shape[0], dtype="float32")
    layer.kernel.assign(np.broadcast_to(numbers[:, None, None], layer.kernel.shape))
    corner, inside = layer.filters_at(0, 5), layer.filters_at(2, 3)
    assert corner.shape == inside.shape == (3, 3, 2, 3)
    np.testing.assert_array_equal(np.isnan(corner[:, :, 0, 0]), [[1, 1, 1], [0, 0, 1], [0, 0, 1]])
    np.testing.assert_array_equal(inside[:, :, 1, 2].ravel(), np.flatnonzero(pairs.location == 2 * 6 + 3))
    places = np.flatnonzero(pairs.location == 5)
    np.testing.assert_array_equal(corner[1:, :2, 0, 0].ravel(), places)
    np.testing.assert_array_equal(pairs.offset[places], [3, 4, 6, 7])
    np.testing.assert_array_equal(layer.filters_at(2, 3, layer.feedback)[0, 0], layer.feedback[int(inside[0, 0, 0, 0])])


def test_the_sum_over_space_is_what_a_tied_filter_would_gather():
    layer = SMALL.layer()
    weights = normal(*layer.kernel.shape)
    height, width = layer.locality.output_size
    filters = [layer.filters_at(row, column, weights) for row in range(height) for column in range(width)]
    # Sums of 30 numbers in double precision, in another order.
    np.testing.assert_allclose(layer.summed_over_space(weights), np.nansum(filters, axis=0), rtol=1e-12)


def test_rows_of_the_drawn_matrix_are_output_units():
    layer = Case(1, (2, 3), 1, 1, (2, 2), (1, 1), "valid").layer()
    shown = plots.connections({"a": layer}).axes[0].images[0].get_array()
    kernel = layer.kernel.numpy().ravel()
    expected = np.full((2, 6), np.nan)
    expected[0, [0, 1, 3, 4]], expected[1, [1, 2, 4, 5]] = kernel[:4], kernel[4:]
    np.testing.assert_array_equal(np.ma.filled(shown, np.nan), expected)
    two_filters = Case(1, (2, 3), 1, 2, (2, 2), (1, 1), "valid").layer()
    for wrong in (two_filters, FeedbackConv2D(1, 2)):
        with pytest.raises(ArgumentError, match="'b' must be an UntiedConv2D of one channel and one filter"):
            plots.connections({"a": layer, "b": wrong})


@pytest.mark.parametrize("where", [(-1, 0), (0, -1), (5, 0), (0, 6)])
def test_a_location_outside_the_output_is_refused(where):
    with pytest.raises(ArgumentError, match=r"^The output has locations \(0, 0\) to \(4, 5\), not"):
        SMALL.layer().filters_at(*where)
    with pytest.raises(ArgumentError, match="has no filters yet: call it on a batch of images first"):
        UntiedConv2D(3, 3).filters_at(0, 0)
    with pytest.raises(ArgumentError, match="no filters yet"):
        UntiedConv2D(3, 3).summed_over_space(np.zeros([9, 1, 3]))


def handed_down(layer):
    return gradients(layer, SMALL.inputs("float32"))[1].numpy()


@both_backends
@pytest.mark.parametrize("rule", ["frfb", "urfb"])
@pytest.mark.parametrize("propagate_derivative", [True, False])
def test_stale_feedback_carries_the_error_until_it_is_refreshed(backend, rule, propagate_derivative):
    options = {"backend": backend, "rule": rule, "propagate_derivative": propagate_derivative, "activation": "tanh"}
    stale, fresh = SMALL.layer(feedback_refresh="epoch", **options), SMALL.layer(**options)
    assert fresh.stale_feedback is None
    assert not stale.stale_feedback.trainable
    first = handed_down(fresh)
    np.testing.assert_array_equal(handed_down(stale), first)  # it starts as R
    for layer in (stale, fresh):
        layer.feedback.assign(2 * layer.feedback)
    np.testing.assert_array_equal(handed_down(stale), first)
    np.testing.assert_array_equal(handed_down(fresh), 2 * first)  # doubling is exact
    with back_propagating(keras.Sequential([stale])), back_propagating(keras.Sequential([fresh])):
        np.testing.assert_array_equal(handed_down(stale), handed_down(fresh))
        assert np.any(handed_down(stale) != first)
    np.testing.assert_array_equal(handed_down(stale), first)
    stale.refresh_feedback()
    np.testing.assert_array_equal(handed_down(stale), 2 * first)


def test_error_angles_compare_the_stale_error_with_the_true_one():
    def angles(model):
        split = tiny_data().test
        return list(error_angles(model, split.images.astype("float32"), split.labels).values())

    stale, fresh = model_of("dense", feedback_refresh="epoch"), model_of("dense")
    before = angles(stale)
    assert before == angles(fresh)
    for model in (stale, fresh):
        layer = feedback_layers(model)[1]
        layer.feedback.assign(layer.kernel)
    assert angles(stale) == before
    feedback_layers(stale)[1].refresh_feedback()
    assert angles(stale) == angles(fresh)
    assert angles(stale)[0] < before[0] - 1  # degrees: one layer of two now hands its error down truly


def test_the_weights_that_carry_the_error_are_the_stale_ones():
    model = model_of("dense", feedback_refresh="epoch")
    layer = feedback_layers(model)[1]
    stale = layer.feedback.numpy()
    layer.feedback.assign(layer.kernel)
    np.testing.assert_array_equal(layer.carrying_feedback(), stale)
    angles = weight_angles(model)
    assert angles[layer.name] == angle(layer.kernel, stale) > 1
    layer.refresh_feedback()
    np.testing.assert_array_equal(layer.carrying_feedback(), layer.feedback)


def test_stale_weights_settle_as_delayed_ones_do():
    layer = SMALL.layer(feedback_refresh="epoch")
    layer.feedback.assign(layer.kernel)
    layer.settle_feedback()
    np.testing.assert_array_equal(layer.carrying_feedback(), layer.feedback)


def test_back_propagation_has_nothing_to_refresh():
    layer = SMALL.layer(rule="bp", feedback_refresh="epoch")
    layer.refresh_feedback()
    assert layer.stale_feedback is None
    np.testing.assert_array_equal(handed_down(layer), handed_down(SMALL.layer(rule="bp")))


def stale_layers():
    untied = UntiedConv2D(3, 3, feedback_refresh="epoch", connectivity=0.5, seed=1)
    return [untied, keras.layers.Flatten(), keras.layers.Dense(3)]


class Subclassed(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.steps = stale_layers()

    def call(self, inputs):
        for step in self.steps:
            inputs = step(inputs)
        return inputs


@pytest.mark.parametrize(
    ("make", "first_call"), [("deferred", "fit"), ("deferred", "eager"), ("subclassed", "fit"), ("subclassed", "graph")]
)
def test_stale_feedback_starts_as_r_in_models_that_are_built_late(make, first_call):
    model = Subclassed() if make == "subclassed" else keras.Sequential(stale_layers())
    model.compile(keras.optimizers.SGD(0.0), "mse")
    images = np.ones((2, 6, 6, 2), "float32")
    if first_call == "fit":
        model.fit(images, np.ones((2, 3)), verbose=0)
    else:
        (tf.function(model) if first_call == "graph" else model)(images)
    (layer,) = feedback_layers(model)
    assert np.any(layer.feedback != 0)
    np.testing.assert_array_equal(layer.stale_feedback, layer.feedback)


def by_hand(data, epochs, refresh):
    """What `train` does, an epoch at a time with `fit`; `refresh` renews R's copies or gives a callback for it."""
    model = model_of("dense", feedback_refresh="epoch")
    layers = feedback_layers(model)[:2]
    for epoch in range(epochs):
        beginning = [layer.feedback.numpy() for layer in layers]
        options = {**FIT, "epochs": 1, "callbacks": refresh(layers)}
        model.fit(batches(data.train, batch_size=10, seed=5, first_epoch=epoch), **options)
        for layer, feedback in zip(layers, beginning, strict=True):
            np.testing.assert_array_equal(layer.stale_feedback, feedback)
    return model


def refresh_now(layers):
    for layer in layers:
        layer.refresh_feedback()


def test_the_callback_and_train_refresh_as_an_epoch_begins():
    data = tiny_data()
    expected = by_hand(data, 2, refresh_now)
    called = by_hand(data, 2, lambda layers: [RefreshFeedback()])
    trained = model_of("dense", feedback_refresh="epoch")
    train(trained, data, epochs=2, batch_size=10, seed=5)
    always = model_of("dense")
    train(always, data, epochs=2, batch_size=10, seed=5)
    for a, b, c in zip(called.get_weights(), trained.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_allclose(b, c, rtol=0, atol=2e-6)  # as above, another graph
    assert np.max(np.abs(always.layers[0].kernel.numpy() - expected.layers[0].kernel)) > 1e-4  # no rounding


def test_an_epoch_begins_with_renewed_copies_and_everything_else_as_it_was():
    model = model_of("dense", "frfb", feedback_refresh="epoch")
    first, second = feedback_layers(model)[:2]
    first.feedback.assign(3 * first.feedback)
    second.trainable = False
    program = EpochProgram(model, batch_size=10)
    state = program.state()
    begun = program.begin_epoch(state)
    program.write_back(begun)
    np.testing.assert_array_equal(first.stale_feedback, first.feedback)
    stale = [v is first.stale_feedback for v in model.non_trainable_variables]
    assert sum(stale) == 1
    for changed, old, new in zip(stale, state.non_trainable, begun.non_trainable, strict=True):
        assert np.array_equal(old, new) != changed
    for old, new in zip(state.trainable, begun.trainable, strict=True):
        np.testing.assert_array_equal(old, new)


CONFIGURED = [
    UntiedConv2D(3, (3, 2), strides=2, padding="VALID", backend="sparse", rule="bp", name="a"),
    UntiedConv2D(3, 3, feedback_refresh="epoch", update_gain=3, connectivity=0.5, use_bias=True, dtype="float64"),
]


@pytest.mark.parametrize("layer", CONFIGURED, ids=["valid", "stale"])
def test_a_layer_survives_its_configuration(layer):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config() == UntiedConv2D.from_config(layer.get_config()).get_config()
    assert (again.backend, again.feedback_refresh, again.padding, again.update_gain) == (
        layer.backend,
        layer.feedback_refresh,
        layer.padding,
        layer.update_gain,
    )


@settings(max_examples=15)
@given(cases())
def test_a_layer_knows_the_shape_of_its_outputs(case):
    layer = case.layer()
    assert layer.compute_output_shape((case.batch, *case.size, case.channels)) == layer(case.inputs()).shape
    assert layer.compute_output_shape((None, *case.size, case.channels))[0] is None


BAD = [
    (lambda: UntiedConv2D(0, 3), "UntiedConv2D needs a whole number of filters >= 1, but got 0"),
    (lambda: UntiedConv2D(2.5, 3), "UntiedConv2D needs a whole number of filters >= 1"),
    (lambda: UntiedConv2D(4, 0), "kernel_size is a whole number >= 1 or a pair of them, but got 0"),
    (lambda: UntiedConv2D(4, (3, 3, 3)), "kernel_size is a whole number"),
    (lambda: UntiedConv2D(4, 3, strides=(1, 0)), "strides is a whole number"),
    (lambda: UntiedConv2D(4, 3, padding="full"), "padding is 'same' or 'valid', but got 'full'"),
    (lambda: UntiedConv2D(4, 3, backend="fast"), "Unknown backend 'fast': use one of 'dense', 'sparse'"),
    (lambda: UntiedConv2D(4, 3, backend=None), "Unknown backend None"),
    (lambda: UntiedConv2D(4, 3, feedback_refresh="day"), "Unknown feedback_refresh 'day': use one of 'step', 'epoch'"),
    (lambda: UntiedConv2D(4, 3, update_gain=0), "update_gain > 0, but got 0"),
    (lambda: UntiedConv2D(4, 3, update_gain=float("inf")), "update_gain > 0"),
    (lambda: UntiedConv2D(4, 3, rule="nonsense"), "Unknown feedback rule 'nonsense'"),
    (lambda: UntiedConv2D(4, 3, connectivity=0), "^connectivity is the share of connections"),
    (lambda: UntiedConv2D(4, 3).build((None, 4, 4)), r"\[batch, height, width, channels\] of fixed size"),
    (lambda: UntiedConv2D(4, 3).build((None, None, 4, 2)), r"of fixed size, but got \(None, None, 4, 2\)"),
    (lambda: UntiedConv2D(4, 3).build((None, 4, 4, None)), "of fixed size"),
    (lambda: UntiedConv2D(4, 5, padding="valid").build((None, 4, 4, 1)), "needs an image at least as large"),
]


@pytest.mark.parametrize(("make", "sentence"), BAD, ids=[str(n) for n in range(len(BAD))])
def test_bad_arguments_and_shapes_get_a_sentence(make, sentence):
    with pytest.raises(ArgumentError, match=sentence) as caught:
        make()
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_a_built_layer_refuses_images_of_another_size():
    layer = SMALL.layer()
    with pytest.raises(ValueError, match="incompatible with the layer"):
        layer(tf.ones([2, 6, 5, 2]))


def test_filters_are_of_a_location_and_of_weights_of_the_layer():
    layer = UntiedConv2D(2, 3)
    layer.build((None, 6, 6, 1))
    for row, column in ((2.5, 3), (True, 0), (2, "3"), (6, 0), (-1, 0)):
        with pytest.raises(ArgumentError, match=r"The output has locations \(0, 0\) to \(5, 5\), not"):
            layer.filters_at(row, column)
    count = layer.kernel.shape[0]
    for wrong in (np.zeros([count + 1, 1, 2]), np.zeros([count])):
        with pytest.raises(ArgumentError, match=rf"takes weights \[{count}, Cin, filters\], but got"):
            layer.filters_at(2, 3, wrong)
        with pytest.raises(ArgumentError, match=rf"takes weights \[{count}, Cin, filters\], but got"):
            layer.summed_over_space(wrong)


@pytest.mark.parametrize("name", ["backend", "feedback_refresh"])
def test_a_setting_that_is_a_list_is_refused_by_name(name):
    with pytest.raises(ArgumentError, match=f"Unknown {name} \\['dense'\\]"):
        UntiedConv2D(2, 3, **{name: ["dense"]})
