"""Desynchronised updates: which weights learn when, and that nothing else changes."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

import urfb_tf
from urfb_tf import FeedbackConv2D, FeedbackDense, UntiedConv2D, metrics, rules
from urfb_tf.errors import ArgumentError
from urfb_tf.layers import feedback_layers
from urfb_tf.networks import build, change_rule, reinitialise
from urfb_tf.training import batches

LAYERS = {
    "dense": (lambda **kw: FeedbackDense(7, **kw), (5, 9)),
    "conv": (lambda **kw: FeedbackConv2D(3, 3, **kw), (2, 5, 6, 2)),
    "untied": (lambda **kw: UntiedConv2D(2, 3, **kw), (2, 4, 4, 2)),
}
NETWORK = "maxpool 4; conv 4 3x3; full conn. 12; output"
TIMED = {
    "alternate": rules.AlternateUpdates(),
    "sporadic": rules.SporadicUpdates(probability=0.5),
    "delayed": rules.DelayedFeedback(delay=2),
    "delayed-in-pairs": rules.DelayedFeedback(delay=4, every=2),
    "late": rules.LateUpdates(lag=2),
    "all": rules.LateUpdates(rules.SporadicUpdates(rules.DelayedFeedback(rules.KolenPollack(0.1)), probability=0.25)),
}


def built(kind, rule, **options):
    make, shape = LAYERS[kind]
    layer = make(rule=rule, seed=1, **options)
    layer.build(shape)
    return layer, tf.random.stateless_normal(shape, seed=(1, 2))


def increments(layer, x, training=True):
    """What W and R receive, and what goes down, from one batch."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=training)
    return tape.gradient(y, [layer.kernel.value, layer.feedback.value, x])


@pytest.mark.parametrize("kind", LAYERS)
def test_w_and_r_learn_in_turn(kind):
    layer, x = built(kind, rules.AlternateUpdates(rules.UpdatedRandomFeedback(0.5)))
    plain, _ = built(kind, rules.UpdatedRandomFeedback(0.5))
    w, r, down = increments(plain, x)
    for batch in range(4):
        now_w, now_r, now_down = increments(layer, x)
        np.testing.assert_array_equal(now_w, w if batch % 2 == 0 else 0 * w)
        np.testing.assert_array_equal(now_r, r if batch % 2 == 1 else 0 * r)
        np.testing.assert_array_equal(now_down, down)


@pytest.mark.parametrize("connectivity", [1.0, 0.5])
@pytest.mark.parametrize("kind", LAYERS)
def test_sporadic_updates_are_those_of_the_rule_at_some_connections_others_each_time(kind, connectivity):
    layer, x = built(kind, rules.SporadicUpdates(probability=0.5), connectivity=connectivity)
    plain, _ = built(kind, "urfb", connectivity=connectivity)
    expected, seen = increments(plain, x), []
    for _ in range(2):
        found = increments(layer, x)
        np.testing.assert_array_equal(found[2], expected[2])
        for now, whole in zip(found[:2], expected[:2], strict=True):
            assert np.all((now.numpy() == whole) | (now.numpy() == 0))
            seen.append((now.numpy() != 0)[whole.numpy() != 0])
    for place, coins in enumerate(seen):
        assert 0.2 < coins.mean() < 0.8  # of at least 27 fair coins; the seeds are fixed
        assert not any(coins.size == other.size and np.array_equal(coins, other) for other in seen[:place])


def test_the_share_of_connections_that_learn_is_the_probability():
    layer, _ = built("dense", rules.SporadicUpdates(probability=0.2))
    coins = np.stack([layer.coins("kernel", tf.constant(batch), 0.2) for batch in range(400)])
    # 25,200 coins; six standard errors of their mean.
    assert abs(coins.mean() - 0.2) < 6 * np.sqrt(0.2 * 0.8 / coins.size)
    # Each connection by itself: 400 coins, 63 times.
    assert np.abs(coins.mean(0) - 0.2).max() < 6 * np.sqrt(0.2 * 0.8 / 400)


@given(delay=st.integers(1, 6), every=st.sampled_from([1, 2, 3]), steps=st.integers(1, 12))
def test_the_error_travels_through_r_as_it_was_some_batches_ago(delay, every, steps):
    delay *= every
    layer, x = built("dense", rules.DelayedFeedback(delay=delay, every=every))
    history = []
    for batch in range(steps):
        history.append(layer.feedback.numpy())
        # Copies are taken at multiples of `every`, from batch 0 on; the one in use is the delay / every-th latest.
        late = every * max(-(-batch // every) - delay // every, 0)
        np.testing.assert_array_equal(layer.carrying_feedback(), history[late])
        assert batch - late <= delay
        w, r, down = increments(layer, x)
        expected = tf.matmul(tf.ones([5, 7]), history[late], transpose_b=True)
        np.testing.assert_array_equal(down, expected)
        np.testing.assert_array_equal(w, r)
        layer.feedback.assign_sub(0.5 * r)


@pytest.mark.parametrize("kind", LAYERS)
def test_late_updates_are_those_of_images_whose_activity_is_that_of_the_next(kind):
    layer, x = built(kind, rules.LateUpdates(rules.UpdatedRandomFeedback(0.5), lag=1))
    plain, _ = built(kind, rules.UpdatedRandomFeedback(0.5))
    error = tf.random.stateless_normal(layer.compute_output_shape(x.shape), seed=(7, 8))

    def increments(layer, x, training):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=training)  # linear, so that the error at the field is that at the output
        return tape.gradient(y, [layer.kernel.value, layer.feedback.value, x], output_gradients=error)

    w, r, _ = increments(plain, tf.concat([x[1:], x[:1]], 0), True)
    down = increments(plain, x, True)[2]
    for a, b in zip(increments(layer, x, True), (w, r, down), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(increments(layer, x, False), increments(plain, x, False), strict=True):
        np.testing.assert_array_equal(a, b)


def test_timings_add_up():
    rule = TIMED["all"]
    assert (rule.lag, rule.delay, rule.every, rule.skips_updates) == (1, 1, 1, True)
    around = rules.SporadicUpdates(rules.LateUpdates(rules.DelayedFeedback(delay=4, every=2), lag=3))
    assert (around.lag, around.delay, around.every) == (3, 4, 2)
    half = rules.SporadicUpdates(rules.AlternateUpdates(), probability=0.5)
    layer, x = built("dense", half)
    for batch in range(2):
        w, r, _ = increments(layer, x)
        taken = (w.numpy() != 0).mean(), (r.numpy() != 0).mean()
        assert 0.2 < taken[batch] < 0.8  # of 63 fair coins; the seed is fixed
        assert taken[1 - batch] == 0


def bare(rule):
    return bare(rule.rule) if isinstance(rule, rules.TimedRule) else rule


def sgd(model, steps, **how):
    model.compile(keras.optimizers.SGD(0.1), model.loss, **how)
    x, y = urfb_tf.load("generated", train=5 * steps, validation=1, test=1).train
    model.fit(x, y, batch_size=5, shuffle=False, verbose=0)
    return [variable.numpy() for variable in model.trainable_variables]


@pytest.mark.parametrize("rule", TIMED)
def test_timing_is_the_same_in_eager_and_graph_runs(rule):
    eager, graph, several = (
        sgd(build(NETWORK, TIMED[rule], seed=0), 8, **how)
        for how in ({"run_eagerly": True}, {"jit_compile": False}, {"jit_compile": False, "steps_per_execution": 4})
    )
    # The compilers order sums differently: float32 roundings of numbers of size 1, over eight steps.
    for a, *others in zip(eager, graph, several, strict=True):
        for b in others:
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)
    plain = sgd(build(NETWORK, bare(TIMED[rule]), seed=0), 8, jit_compile=False)
    assert any(np.abs(a - b).max() > 1e-4 for a, b in zip(graph, plain, strict=True))


@pytest.mark.parametrize("rule", ["alternate", "delayed", "late", "all"])
def test_timing_works_under_xla(rule):
    graph, xla = (sgd(build(NETWORK, TIMED[rule], seed=0), 8, jit_compile=jit) for jit in (False, True))
    for a, b in zip(graph, xla, strict=True):
        assert np.all(np.isfinite(b))
        if rule != "all":  # it draws, and XLA throws other coins, as it does for dropout
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)


@pytest.mark.parametrize("rule", TIMED)
def test_compiled_epochs_are_those_of_fit_and_go_on_from_a_checkpoint(rule, tmp_path):
    data = urfb_tf.load("generated", train=60, validation=25, test=25)

    def trained(epochs, model=None, **settings):
        model = build(NETWORK, TIMED[rule], seed=0) if model is None else model
        urfb_tf.train(model, data, epochs=epochs, batch_size=12, seed=3, **settings)
        return model.get_weights()

    whole = trained(3)
    trained(1, checkpoint=tmp_path / "c.npz")
    for a, b in zip(trained(3, checkpoint=tmp_path / "c.npz"), whole, strict=True):
        np.testing.assert_array_equal(a, b)

    model = build(NETWORK, TIMED[rule], seed=0)
    model.compile(keras.optimizers.SGD(0.1), model.loss, jit_compile=False)
    model.fit(batches(data.train, batch_size=12, seed=3), steps_per_epoch=5, epochs=3, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), whole, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)  # sums in another order


@pytest.mark.parametrize("rule", TIMED)
def test_a_saved_model_goes_on_where_it_was(rule, tmp_path):
    model = build(NETWORK, TIMED[rule], seed=0)
    sgd(model, 3, jit_compile=False)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for a, b in zip(sgd(loaded, 5, jit_compile=False), sgd(model, 5, jit_compile=False), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("rule", TIMED)
def test_evaluation_counts_no_batch_and_moves_no_weight(rule):
    model = build(NETWORK, TIMED[rule], seed=0)
    before = model.get_weights()
    model.evaluate(*urfb_tf.load("generated", train=10, validation=1, test=1).train, verbose=0)
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_lowest_layer_keeps_the_time_of_the_others_and_has_no_angle():
    for name in ("alternate", "sporadic"):
        lowest, *others = feedback_layers(build(NETWORK, name))
        assert lowest.rule == rules.RULES[name]("bp")
        assert lowest.feedback is None
        assert all(layer.rule == rules.RULES[name]() for layer in others)
    assert feedback_layers(build(NETWORK, "delayed"))[0].rule == rules.BackPropagation()
    assert set(metrics.weight_angles(build(NETWORK, "alternate"))) == {"dense1", "output"}


@pytest.mark.parametrize("change", ["change_rule", "reinitialise", "untie"])
def test_a_delay_starts_from_r_as_it_is_when_a_model_is_changed(change):
    model = build(NETWORK, rules.DelayedFeedback(delay=3), seed=0)
    sgd(model, 5, jit_compile=False)
    layers = feedback_layers(model)[1:]
    assert all(np.any(layer.carrying_feedback() != layer.feedback) for layer in layers)
    changed = {
        "change_rule": lambda: change_rule(model, rules.DelayedFeedback(delay=2)),
        "reinitialise": lambda: reinitialise(model, seed=7),
        "untie": lambda: urfb_tf.untie(urfb_tf.convert(plain(), rules.DelayedFeedback(delay=2))),
    }[change]()
    for layer in feedback_layers(changed)[1:]:
        np.testing.assert_array_equal(layer.carrying_feedback(), layer.feedback)


@pytest.mark.parametrize("change", ["change_rule", "untie"])
def test_changed_layers_go_on_in_step_with_the_others(change):
    model = urfb_tf.convert(plain(), "alternate")
    images = np.random.default_rng(0).normal(size=(5, 8, 8, 1)).astype("float32")
    for _ in range(3):
        model(images, training=True)
    names = [feedback_layers(model)[1].name]
    changed = urfb_tf.untie(model, names) if change == "untie" else change_rule(model, "sporadic", names)
    assert [int(v) for v in changed.variables if v.name == "batches"] == [3, 3, 3]


def plain():
    """A stock model with two convolutions."""
    layers = [keras.layers.Conv2D(2, 3), keras.layers.Conv2D(2, 3), keras.layers.Flatten(), keras.layers.Dense(3)]
    return keras.Sequential([keras.Input((8, 8, 1)), *layers])


def test_a_trace_shows_the_weights_that_carried_the_error():
    model = build(NETWORK, rules.DelayedFeedback(delay=3), seed=0)
    sgd(model, 5, jit_compile=False)
    images, labels = urfb_tf.load("generated", train=10, validation=1, test=1).train
    before = {layer.name: layer.carrying_feedback().numpy() for layer in feedback_layers(model)[1:]}
    snapshot, _ = metrics.trace(model, images.astype("float32"), labels, steps=1)
    assert set(snapshot.feedback) == set(before)
    for layer in feedback_layers(model)[1:]:
        np.testing.assert_array_equal(snapshot.feedback[layer.name], before[layer.name])
        assert np.any(layer.carrying_feedback() != before[layer.name])  # the step moved the copies on
    model = change_rule(model, "mirror")
    snapshot, _ = metrics.trace(model, images.astype("float32"), labels, steps=1)
    for layer in feedback_layers(model)[1:]:
        np.testing.assert_array_equal(snapshot.feedback[layer.name], layer.feedback)  # renewed as the step began


def test_untied_feedback_that_follows_once_per_epoch_still_does_under_timing():
    layer, x = built("untied", "alternate", feedback_refresh="epoch")
    start = layer.feedback.numpy()
    layer.feedback.assign(2 * start)
    late = increments(layer, x)[2]
    layer.refresh_feedback()
    np.testing.assert_array_equal(increments(layer, x)[2], 2 * late)


def test_a_rule_within_a_rule_is_shown_by_name():
    rule = rules.SporadicUpdates(rules.KolenPollack(0.5), probability=0.25)
    assert repr(rule) == "SporadicUpdates(KolenPollack(weight_decay=0.5), probability=0.25)"
    assert rule.weight_decay == 0.5
    rules.check(rule)
    rules.check(rules.DelayedFeedback(rules.UpdatedRandomFeedback(0.5), delay=6, every=3))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rules.AlternateUpdates("dfa"), "'dfa' cannot be timed: it sends the error directly to each layer"),
        (lambda: rules.AlternateUpdates("mirror"), "'mirror' cannot be timed: it renews its feedback by other means"),
        (lambda: rules.SporadicUpdates(probability=0), r"probability in \(0, 1\]"),
        (lambda: rules.SporadicUpdates(probability=1.1), r"probability in \(0, 1\]"),
        (lambda: rules.DelayedFeedback("frfb"), "'frfb' has no updates of R"),
        (lambda: rules.DelayedFeedback(delay=0), "whole number of batches >= 1"),
        (lambda: rules.DelayedFeedback(delay=10, every=3), "divisor"),
        (lambda: rules.LateUpdates(lag=0), "images >= 1"),
        (lambda: rules.AlternateUpdates("alternate"), "in this way already"),
        (lambda: rules.DelayedFeedback(rules.AlternateUpdates(rules.DelayedFeedback(delay=5)), delay=2), "way already"),
    ],
)
def test_impossible_timings_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


@pytest.mark.parametrize(
    ("rule", "same"),
    [
        (rules.DelayedFeedback(delay=np.int64(4), every=np.int32(2)), rules.DelayedFeedback(delay=4, every=2)),
        (rules.LateUpdates(lag=np.int64(2)), rules.LateUpdates(lag=2)),
        (rules.WeightMirror(patterns=np.int64(8)), rules.WeightMirror(patterns=8)),
    ],
)
def test_whole_numbers_of_numpy_are_kept_as_those_of_python(rule, same):
    assert json.dumps(rule.get_config()) == json.dumps(same.get_config())
