"""What the rules beyond the paper's promise: signs, decay, mirrors."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from urfb_tf import FeedbackConv2D, FeedbackDense, UntiedConv2D, metrics, rules
from urfb_tf.errors import ArgumentError

LAYERS = {
    "dense": (lambda **kw: FeedbackDense(7, **kw), (None, 9)),
    "dense-in-time": (lambda **kw: FeedbackDense(3, **kw), (None, None, 5)),
    "conv": (lambda **kw: FeedbackConv2D(3, 3, **kw), (None, 5, 6, 2)),
    "conv-of-any-size": (
        lambda **kw: FeedbackConv2D(3, (3, 2), strides=2, padding="valid", **kw),
        (None, None, None, 2),
    ),
    "untied": (lambda **kw: UntiedConv2D(2, 3, update_gain=3.0, **kw), (None, 4, 4, 2)),
    "untied-late": (lambda **kw: UntiedConv2D(2, 3, feedback_refresh="epoch", **kw), (None, 4, 4, 2)),
}


def built(kind, rule, **options):
    make, shape = LAYERS[kind]
    layer = make(rule=rule, seed=1, **options)
    layer.build(shape)
    return layer, tf.random.stateless_normal([size or 6 for size in shape], seed=(1, 2))


@pytest.mark.parametrize("connectivity", [1.0, 0.5])
@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("rule", ["usf", "frsf", "brsf"])
def test_sign_rules_carry_the_signs_of_w_and_nothing_else_of_it(rule, kind, connectivity):
    layer, _ = built(kind, rule, connectivity=connectivity, feedback_connectivity=1.0)
    carried = layer.carrying_feedback().numpy()
    np.testing.assert_array_equal(np.sign(carried), np.sign(layer.kernel))
    layer.kernel.assign(layer.kernel * 4)  # exact, and so is the root of the mean square
    np.testing.assert_array_equal(layer.carrying_feedback(), carried * (4 if rule == "usf" else 1))


@pytest.mark.parametrize("connectivity", [1.0, 0.5])
@pytest.mark.parametrize("kind", LAYERS)
def test_uniform_signs_have_one_magnitude_that_keeps_the_size_of_w(kind, connectivity):
    layer, _ = built(kind, "usf", connectivity=connectivity)
    carried = layer.carrying_feedback().numpy()
    assert len(np.unique(np.abs(carried[carried != 0]))) == 1
    # A few hundred squares at most, each step rounding by 6e-8.
    assert np.linalg.norm(carried) == pytest.approx(np.linalg.norm(layer.kernel), rel=2e-5)


def test_the_original_uniform_signs_have_magnitude_one():
    layer, _ = built("dense", rules.UniformSignFeedback(magnitude=1))
    np.testing.assert_array_equal(layer.carrying_feedback(), np.sign(layer.kernel))


def test_uniform_signs_keep_the_size_of_a_large_w_in_half_precision():
    kernel = tf.random.stateless_normal([400, 400], seed=(1, 2), dtype=tf.float16)  # whose squares add up to 160,000
    carried = rules.UniformSignFeedback().propagating(kernel, None)
    assert float(tf.reduce_max(tf.abs(carried))) == pytest.approx(1, rel=0.02)


def test_weights_of_zero_carry_no_error():
    layer, _ = built("dense", "usf", kernel_initializer="zeros")
    np.testing.assert_array_equal(layer.carrying_feedback(), 0 * layer.kernel.numpy())


@pytest.mark.parametrize("rule", ["brsf", "mirror"])
@pytest.mark.parametrize("kind", LAYERS)
def test_r_renews_itself_in_training_alone_and_where_connections_exist(kind, rule):
    layer, x = built(kind, rule, connectivity=0.5)
    start = layer.feedback.numpy()
    layer(x)
    layer(x, training=False)
    np.testing.assert_array_equal(layer.feedback, start)
    layer(x, training=True)
    mask = layer.feedback_mask.numpy()
    assert np.all(layer.feedback.numpy()[mask] != start[mask])
    assert np.all(layer.feedback.numpy()[~mask] == 0)


@pytest.mark.parametrize("rule", ["brsf", "mirror"])
def test_the_error_travels_through_the_renewed_weights(rule):
    layer, x = built("dense", rule)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
    expected = tf.matmul(tf.ones_like(y), layer.carrying_feedback(), transpose_b=True)
    np.testing.assert_array_equal(tape.gradient(y, x), expected)


def test_magnitudes_are_drawn_independently_from_the_initialiser_at_each_step():
    layer, x = built("dense", "brsf", feedback_initializer=keras.initializers.RandomUniform(1, 2, seed=5))
    draws = []
    for _ in range(3):
        layer(x, training=True)
        draws.append(layer.feedback.numpy())
        assert draws[-1].min() >= 1
        assert draws[-1].max() <= 2
    assert not np.any(draws[0] == draws[1])
    assert not np.any(draws[1] == draws[2])
    again, _ = built("dense", "brsf", feedback_initializer=keras.initializers.RandomUniform(1, 2, seed=5))
    again(x, training=True)
    np.testing.assert_array_equal(again.feedback, draws[0])


def test_magnitudes_drawn_anew_have_the_size_of_the_first():
    layer = UntiedConv2D(8, 3, rule="brsf", seed=1)
    layer.build((None, 8, 8, 3))
    start = np.std(layer.feedback)
    layer(tf.zeros([1, 8, 8, 3]), training=True)
    # Of 11,616 numbers each; the deviation of so many errs by a share of 0.007.
    assert np.std(layer.feedback) == pytest.approx(start, rel=0.05)


@pytest.mark.parametrize("kind", LAYERS)
def test_the_mean_product_of_noise_and_field_is_w_within_its_standard_error(kind):
    layer, _ = built(kind, "mirror")
    patterns = 20000
    found = layer.mean_products(layer.kernel.value, patterns).numpy()
    # Each entry has a variance of at most (norm of a unit's weights)^2 + w^2 per pattern; six standard errors, which
    # one in 5e8 entries leaves. Here the seeds are fixed and entries are fewer than 300.
    per_unit = layer.kernel.shape[-1]
    norm = np.linalg.norm(layer.kernel.numpy().reshape(-1, per_unit), axis=0).max()
    assert np.abs(found - layer.kernel.numpy()).max() < 6 * np.sqrt(2 / patterns) * norm
    assert np.any(found != layer.kernel.numpy())


def test_a_mirror_takes_its_rate_of_the_mean_product():
    layers = [built("dense", rules.WeightMirror(rate, patterns=8))[0] for rate in (1.0, 0.25)]
    start = layers[0].feedback.numpy()
    for layer in layers:
        layer(tf.zeros([1, 9]), training=True)
    whole, quarter = (layer.feedback.numpy() for layer in layers)
    # The two roundings of a difference and a sum.
    np.testing.assert_allclose(quarter, start + 0.25 * (whole - start), rtol=0, atol=2e-7)


def test_a_mirror_finds_w_from_any_start():
    layer, x = built("dense", rules.WeightMirror(0.05, patterns=200))
    assert metrics.angle(layer.feedback, layer.kernel) > 45
    for _ in range(100):
        layer(x, training=True)
    # R averages over 39 * 200 patterns of 9 inputs: about atan sqrt(9 / 7800), or 2 degrees.
    assert metrics.angle(layer.feedback, layer.kernel) < 4


@pytest.mark.parametrize("rule", ["brsf", "mirror"])
def test_renewal_is_the_same_in_eager_and_graph_runs_and_works_under_xla(rule):
    def renewed(**how):
        model = keras.Sequential([keras.Input((6,)), FeedbackDense(3, rule=rule, seed=1)])
        model.compile(keras.optimizers.SGD(0.1), "mse", **how)
        x = np.random.default_rng(0).normal(size=(20, 6)).astype("float32")
        start = model.layers[0].feedback.numpy()
        model.fit(x, x[:, :3], batch_size=5, epochs=2, shuffle=False, verbose=0)
        assert np.all(model.layers[0].feedback.numpy() != start)
        return model.layers[0].feedback.numpy()

    # The compilers order sums differently: some float32 roundings of numbers of size 1.
    np.testing.assert_allclose(renewed(run_eagerly=True), renewed(jit_compile=False), rtol=0, atol=2e-6)
    assert np.all(np.isfinite(renewed(jit_compile=True)))  # XLA draws other numbers, as it does for dropout


def test_under_kolen_and_pollack_the_difference_shrinks_by_the_same_factor_at_each_step_exactly():
    # Small integers and powers of two: float64 holds every number on the way, so that nothing is rounded.
    learning_rate, decay = 0.5, 0.25
    rule = rules.KolenPollack(decay)
    layer = FeedbackDense(2, rule=rule, dtype="float64")
    layer.build((None, 3))
    random = np.random.default_rng(0)
    layer.kernel.assign(random.integers(-4, 5, (3, 2)))
    layer.feedback.assign(random.integers(-4, 5, (3, 2)))
    gap = (layer.feedback - layer.kernel).numpy()
    assert np.any(gap != 0)
    x, targets = random.integers(-2, 3, (4, 3)).astype(float), random.integers(-2, 3, (4, 2)).astype(float)
    optimizer = keras.optimizers.SGD(learning_rate)
    for _ in range(3):
        before = layer.kernel.numpy()
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((layer(x) - targets) ** 2)
        variables = [layer.kernel, layer.feedback]
        optimizer.apply(tape.gradient(loss, [v.value for v in variables]), variables)
        gap = gap * (1 - learning_rate * decay)
        np.testing.assert_array_equal(layer.feedback - layer.kernel, gap)
        assert np.any(layer.kernel.numpy() != before * (1 - learning_rate * decay))  # it learns as well


def test_kolen_and_pollack_makes_r_and_w_equal_where_urfb_keeps_them_apart():
    x = np.random.default_rng(0).normal(size=(40, 6)).astype("float32")
    gaps = {}
    for name, rule in {"kp": rules.KolenPollack(0.5), "urfb": "urfb"}.items():
        layers = [FeedbackDense(6, rule=rule, seed=n) for n in (1, 2)]
        model = keras.Sequential([keras.Input((6,)), *layers])
        model.compile(keras.optimizers.SGD(0.1), "mse")
        start = [layer.feedback.numpy() - layer.kernel.numpy() for layer in layers]
        model.fit(x, x, batch_size=10, epochs=25, verbose=0)  # 100 steps
        end = [layer.feedback.numpy() - layer.kernel.numpy() for layer in layers]
        gaps[name] = (start, end)
    for start, end in zip(*gaps["kp"], strict=True):  # a hundred steps, each rounding numbers of size 1 by 6e-8
        np.testing.assert_allclose(end, start * 0.95**100, rtol=0, atol=1e-5)
    for start, end in zip(*gaps["urfb"], strict=True):
        np.testing.assert_allclose(end, start, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", LAYERS)
def test_the_decay_grows_with_the_loss_as_the_increment_does(kind):
    layer, x = built(kind, rules.KolenPollack(0.25), connectivity=0.5, use_bias=True)
    variables = [layer.kernel.value, layer.feedback.value]

    def gradients(scale, losses=True):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(layer(x, training=True) ** 2)
            assert [float(value) for value in layer.losses] == [0]  # what is reported stays what it is
            loss = scale * (loss + sum(layer.losses) if losses else loss)
        return tape.gradient(loss, variables)

    once = gradients(1)
    assert layer(x) is not None  # outside training it adds nothing
    assert layer.losses == []
    for plain, scaled, left_out in zip(once, gradients(2.0**17), gradients(1, losses=False), strict=True):
        np.testing.assert_array_equal(scaled, 2.0**17 * plain.numpy())  # a power of two rounds nothing
        np.testing.assert_array_equal(left_out, plain)  # a loop of one's own may leave the losses out
    silent = layer.kernel.value * 0
    layer.kernel.assign(silent)
    layer.bias.assign(layer.bias * 0)
    for scale in (1, 2.0**-3):  # the output is 0, and so is the increment
        found = gradients(scale)
        np.testing.assert_array_equal(found[0], silent)
        np.testing.assert_array_equal(found[1], scale * 0.25 * layer.feedback.numpy())


class Cell(keras.layers.Layer):
    """The cell of a recurrent network whose next state is a layer's output."""

    state_size = output_size = 6

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def build(self, input_shape):
        self.inner.build(input_shape)
        self.built = True

    def call(self, inputs, states, training=None):
        state = self.inner(inputs + states[0], training=training)
        return state, [state]


@pytest.mark.parametrize(
    ("uses", "times"),
    [
        (lambda layer, x: layer(layer(x)), 2),
        (lambda layer, x: keras.layers.TimeDistributed(layer)(x), 4),
        (lambda layer, x: keras.layers.RNN(Cell(layer), unroll=True)(x), 4),
    ],
    ids=["twice", "in time", "recurrent"],
)
def test_each_use_of_a_layer_adds_the_decay(uses, times):
    layer = FeedbackDense(6, rule=rules.KolenPollack(0.125), seed=1)
    inputs = keras.Input((4, 6))
    model = keras.Model(inputs, uses(layer, inputs))
    model.compile(keras.optimizers.SGD(0.5), "mse")
    gap = layer.feedback.numpy() - layer.kernel.numpy()
    nothing = np.zeros((2, 4, 6))
    model.fit(nothing, np.zeros(model.compute_output_shape(nothing.shape)), verbose=0)  # the increment is 0
    # Some roundings of numbers of size 1.
    np.testing.assert_allclose(layer.feedback - layer.kernel, (1 - times / 16) * gap, rtol=0, atol=1e-6)


def test_in_mixed_precision_too_the_difference_shrinks_under_fit():
    layer = FeedbackDense(3, rule=rules.KolenPollack(0.1), seed=1, dtype="mixed_float16")
    model = keras.Sequential([keras.Input((6,)), layer])
    model.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.5)), "mse")
    gap = layer.feedback.numpy() - layer.kernel.numpy()
    x = np.random.default_rng(0).normal(size=(40, 6)).astype("float32")
    model.fit(x, x[:, :3], batch_size=10, epochs=5, verbose=0)  # 20 steps
    # Half precision rounds each weight, of size 1, and its decay by a share of 5e-4 of it.
    np.testing.assert_allclose(layer.feedback.numpy() - layer.kernel.numpy(), gap * 0.95**20, rtol=0, atol=1e-3)


def test_a_gain_of_untied_layers_leaves_the_decay_as_it_is():
    layer, x = built("untied", rules.KolenPollack(0.5))
    plain = UntiedConv2D(2, 3, rule="urfb", seed=1)
    plain.build((None, 4, 4, 2))

    def increments(layer):
        with tf.GradientTape() as tape:
            y = layer(x, training=True)
        return tape.gradient(y, [layer.kernel.value, layer.feedback.value])

    for found, increment, weights in zip(increments(layer), increments(plain), plain.weights, strict=True):
        np.testing.assert_array_equal(found, 3 * increment.numpy() + 0.5 * weights.numpy())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rules.UniformSignFeedback(0), "magnitude > 0"),
        (lambda: rules.KolenPollack(0), "weight_decay > 0"),
        (lambda: rules.KolenPollack(float("nan")), "weight_decay > 0"),
        (lambda: rules.WeightMirror(rate=1.5), r"rate in \(0, 1\]"),
        (lambda: rules.WeightMirror(patterns=0), "patterns >= 1"),
    ],
)
def test_impossible_arguments_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()
