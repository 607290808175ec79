"""What every feedback rule must do, in every layer and floating type. A rule is tested here by being registered."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from urfb_tf import FeedbackConv2D, FeedbackDense, SaturatedLinearity, rules
from urfb_tf.errors import ArgumentError
from urfb_tf.layers import feedback_layers
from urfb_tf.networks import connect_direct_feedback

RULES = sorted(rules.RULES)
POLICIES = ["float32", "float64", "mixed_float16", "mixed_bfloat16"]

# name: (layer, input shape, the plain operation that it computes)
LAYERS = {
    "dense": (lambda **kw: FeedbackDense(4, **kw), (5, 6), tf.matmul),
    "dense-in-time": (lambda **kw: FeedbackDense(4, **kw), (2, 3, 6), lambda x, w: tf.tensordot(x, w, 1)),
    "conv-same": (lambda **kw: FeedbackConv2D(4, 3, **kw), (2, 6, 5, 3), lambda x, w: tf.nn.conv2d(x, w, 1, "SAME")),
    "conv-valid": (
        lambda **kw: FeedbackConv2D(4, (3, 2), padding="valid", **kw),
        (2, 6, 5, 3),
        lambda x, w: tf.nn.conv2d(x, w, 1, "VALID"),
    ),
    "conv-strides": (
        lambda **kw: FeedbackConv2D(4, 3, strides=(2, 1), **kw),
        (2, 7, 5, 3),
        lambda x, w: tf.nn.conv2d(x, w, (2, 1), "SAME"),
    ),
}


def draw(*shape):
    """Inputs large enough to saturate some units and leave others in the linear range."""
    return tf.random.stateless_normal(shape, seed=(3, 4), dtype=tf.float64)


def built(kind, rule, **options):
    make, shape, plain = LAYERS[kind]
    layer = make(rule=rule, seed=1, activation=SaturatedLinearity(), **options)
    layer.build(shape)
    return layer, tf.cast(draw(*shape), layer.variable_dtype), plain


def gradients(function, x, weights):
    """Of an arbitrary scalar of the outputs, by the input and the weights."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = function(x)
        value = tf.reduce_sum(outputs * tf.cast(draw(*outputs.shape) + 0.1, outputs.dtype))
    return [outputs, *tape.gradient(value, [x, *weights])]


def make_symmetric(layer):
    """Weights under which the rule sends the error through W itself."""
    if layer.feedback is not None:
        layer.feedback.assign(layer.kernel)
        layer.settle_feedback()
    elif not layer.rule.direct and np.any(layer.carrying_feedback() != layer.kernel):
        layer.kernel.assign(tf.sign(layer.kernel) / 2)  # for rules that know W's signs: weights of one size
    assert layer.rule.direct or not np.any(layer.carrying_feedback() != layer.kernel)


def decayed(layer, increment, weights):
    """The increment with the rule's decay, in the type in which the layer computes."""
    if not layer.rule.weight_decay:
        return increment
    wide, narrow = increment.dtype, layer.compute_dtype
    decay = tf.constant(layer.rule.weight_decay, narrow) * tf.cast(weights, narrow)
    return tf.cast(tf.cast(increment, narrow) + decay, wide)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("rule", RULES)
def test_with_r_equal_to_w_a_layer_computes_the_exact_gradient(rule, kind, policy):
    layer, x, plain = built(kind, rule, dtype=policy)
    make_symmetric(layer)
    weights = layer.kernel.value

    def autodiff(x):
        return layer.activation(plain(tf.cast(x, layer.compute_dtype), tf.cast(weights, layer.compute_dtype)))

    own, true = gradients(layer, x, [weights]), gradients(autodiff, x, [weights])
    true[2] = decayed(layer, true[2], weights)
    if layer.rule.direct:
        true[1] = tf.zeros_like(true[1])
    assert np.any(np.abs(own[0]) == 1)  # both kinds of unit are there
    assert np.any(np.abs(own[0]) < 1)
    for a, b in zip(own, true, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("rule", RULES)
def test_the_error_travels_through_the_weights_that_the_rule_names(rule, kind):
    layer, x, plain = built(kind, rule)
    forward = layer.activation(plain(x, layer.kernel.value))
    with tf.GradientTape() as tape:
        tape.watch(x)
        field = plain(x, layer.rule.propagating(layer.kernel.value, getattr(layer.feedback, "value", None)))
    error = tf.cast(draw(*forward.shape) + 0.1, tf.float32)
    passed = tf.where(tf.abs(forward) < 1, error, 0)  # sigma'(h) delta
    np.testing.assert_array_equal(gradients(layer, x, [])[1], tape.gradient(field, x, passed))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("rule", RULES)
def test_r_learns_what_the_rule_says_or_nothing(rule, kind, policy):
    layer, x, _ = built(kind, rule, dtype=policy)
    if layer.feedback is None:
        assert not layer.rule.has_feedback
        return
    _, _, w, r = gradients(layer, x, [layer.kernel.value, layer.feedback.value])
    assert np.any(w != 0)
    if layer.rule.updates_feedback:
        rule, layer.rule = layer.rule, rules.BackPropagation()
        hebbian = gradients(layer, x, [layer.kernel.value])[2]
        layer.rule = rule
        np.testing.assert_array_equal(r, decayed(layer, rule.feedback_increment(hebbian), layer.feedback.value))
        assert layer.feedback.trainable
    else:
        assert r is None
        assert not layer.feedback.trainable


# From 1e-6 on, so that the products are normal numbers: TensorFlow takes others as 0.
@given(
    epsilon=st.just(0.0) | st.floats(1e-6, 1e6),
    kind=st.sampled_from(sorted(LAYERS)),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_a_step_of_r_is_epsilon_times_that_of_w(epsilon, kind, dtype):
    layer, x, _ = built(kind, rules.UpdatedRandomFeedback(epsilon), dtype=dtype.__name__)
    start = layer.feedback.numpy()
    _, _, w, r = gradients(layer, x, [layer.kernel.value, layer.feedback.value])
    if epsilon == 0:
        assert r is None
        return
    np.testing.assert_array_equal(r, dtype(epsilon) * w.numpy())
    keras.optimizers.SGD(0.5).apply_gradients([(w, layer.kernel), (r, layer.feedback)])
    np.testing.assert_array_equal(layer.feedback, start - dtype(0.5) * (dtype(epsilon) * w.numpy()))


# Powers of two scale floating numbers without rounding, so that the ratio can be asked for exactly after many steps.
@pytest.mark.parametrize("epsilon", [0.25, 1.0, 4.0])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_momentum_keeps_the_ratio_of_r_to_w(epsilon, momentum):
    layer = FeedbackDense(
        3, rule=rules.UpdatedRandomFeedback(epsilon), kernel_initializer="zeros", feedback_initializer="zeros"
    )
    model = keras.Sequential([keras.Input((6,)), layer])
    model.compile(keras.optimizers.SGD(0.1, momentum=momentum), "mse")
    model.fit(draw(20, 6).numpy(), draw(20, 3).numpy(), batch_size=5, epochs=2, verbose=0)
    assert np.any(layer.kernel != 0)
    np.testing.assert_array_equal(layer.feedback, epsilon * layer.kernel.numpy())


def trained(rule, optimizer):
    """Two layers after a few steps, and the feedback weights from before."""
    layers = [FeedbackDense(8, rule=rule, activation=SaturatedLinearity(), seed=n) for n in (1, 2)]
    model = keras.Sequential([keras.Input((6,)), *layers, FeedbackDense(3, rule=rule, seed=3)])
    before = [None if layer.feedback is None else layer.feedback.numpy() for layer in model.layers]
    kernels = [layer.kernel.numpy() for layer in model.layers]
    model = connect_direct_feedback(model)
    # Step by step takes a fraction of the time of a compiled program: that is made with one of the optimizers.
    model.compile(optimizer, "mse", run_eagerly=type(optimizer) is not keras.optimizers.Adam)
    model.fit(draw(20, 6).numpy(), draw(20, 3).numpy(), batch_size=5, epochs=2, verbose=0)
    for kernel, layer in zip(kernels, feedback_layers(model), strict=True):
        assert np.any(kernel != layer.kernel)
    return model, before


OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    "adam": lambda: keras.optimizers.Adam(0.01),
    "decay": lambda: keras.optimizers.AdamW(0.01, weight_decay=0.5),
    "average": lambda: keras.optimizers.SGD(0.1, weight_decay=0.5, use_ema=True, ema_overwrite_frequency=1),
}


def with_optimizers(changes):
    """The rules that change R, or those that do not; each with Adam, and one of each kind with all optimizers."""
    named = {name: rules.get(name) for name in RULES}
    kept = [name for name, rule in named.items() if (rule.updates_feedback or rule.renews_feedback) == changes]
    every = {"frfb", "urfb", "mirror", "sporadic"}
    return [(name, each) for name in kept for each in (OPTIMIZERS if name in every else ["adam"])]


@pytest.mark.parametrize(("rule", "optimizer"), with_optimizers(changes=False))
def test_r_that_does_not_learn_keeps_every_bit(rule, optimizer):
    model, before = trained(rule, OPTIMIZERS[optimizer]())
    for layer, feedback in zip(feedback_layers(model), before, strict=True):
        assert (layer.feedback is None) == (feedback is None)
        if feedback is not None:
            np.testing.assert_array_equal(layer.feedback, feedback)


@pytest.mark.parametrize(("rule", "optimizer"), with_optimizers(changes=True))
def test_r_that_changes_moves(rule, optimizer):
    model, before = trained(rule, OPTIMIZERS[optimizer]())
    for layer, feedback in zip(feedback_layers(model), before, strict=True):
        assert np.any(layer.feedback != feedback)


def test_urfb_with_epsilon_zero_is_frfb():
    ours, _ = trained(rules.UpdatedRandomFeedback(0), OPTIMIZERS["sgd"]())
    frfb, _ = trained("frfb", OPTIMIZERS["sgd"]())
    assert len(ours.trainable_variables) == len(frfb.trainable_variables) == 3
    for a, b in zip(ours.get_weights(), frfb.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_passes_the_check_that_users_have(rule):
    rules.check(rule)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_found_by_name_in_any_case_and_survives_its_configuration(rule):
    found = rules.get(rule.upper())
    assert type(found) is rules.RULES[rule]
    assert rules.get(found) is found
    again = rules.get(keras.saving.serialize_keras_object(found))
    assert again == found
    assert hash(again) == hash(found)
    assert repr(again) == repr(found)


def test_epsilon_is_part_of_the_rule():
    half = rules.UpdatedRandomFeedback(0.5)
    assert rules.get(keras.saving.serialize_keras_object(half)).epsilon == 0.5
    assert half != rules.UpdatedRandomFeedback()
    assert half != rules.FixedRandomFeedback()


@pytest.mark.parametrize("epsilon", [-1, -1e-9, float("nan"), float("inf"), "1", None, True])
def test_an_impossible_epsilon_is_refused(epsilon):
    with pytest.raises(ArgumentError, match="finite epsilon >= 0"):
        rules.UpdatedRandomFeedback(epsilon)


@pytest.mark.parametrize("epsilon", [np.float32(0.5), np.float64(0.5), np.int64(2)])
def test_epsilon_may_be_a_number_of_numpy(epsilon):
    rule = rules.UpdatedRandomFeedback(epsilon)
    assert rule == rules.UpdatedRandomFeedback(float(epsilon))
    assert type(rule.epsilon) is float


NO_RULE = keras.saving.serialize_keras_object(keras.losses.MeanSquaredError())


@pytest.mark.parametrize("name", ["dfb", "", None, 3, {"name": "urfb"}, NO_RULE], ids=str)
def test_an_unknown_rule_is_refused_with_the_known_names(name):
    with pytest.raises(ArgumentError, match=r"Unknown feedback rule .*'bp', 'frfb', 'urfb'"):
        FeedbackDense(3, rule=name)


@pytest.mark.parametrize("what", ["urfb", object, None])
def test_only_a_class_made_of_the_base_is_registered(what):
    with pytest.raises(ArgumentError, match="A rule is a class made of FeedbackRule, but got"):
        rules.register(what)
