"""R that starts smaller or larger than W."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import urfb_tf
from urfb_tf import experiments, results
from urfb_tf.analysis import feedback_scale
from urfb_tf.errors import ArgumentError
from urfb_tf.layers import feedback_layers
from urfb_tf.networks import build

NETWORK = "conv 4 3x3; maxpool 3; full conn. 8; output"


@pytest.mark.parametrize("connectivity", [1.0, 0.5])
def test_r_is_the_same_draw_times_the_scale_and_w_stays(connectivity):
    plain, scaled = (build(NETWORK, connectivity=connectivity, feedback_scale=scale, seed=2) for scale in (1.0, 3.0))
    for one, other in zip(feedback_layers(plain), feedback_layers(scaled), strict=True):
        np.testing.assert_array_equal(one.kernel, other.kernel)
        if one.feedback is not None:
            np.testing.assert_allclose(other.feedback, 3 * one.feedback.numpy(), rtol=1e-5, atol=1e-7)
            np.testing.assert_array_equal(other.feedback.numpy() == 0, one.feedback.numpy() == 0)


@pytest.mark.parametrize(("rule", "own"), [("frfb", "frfb"), ("urfb", urfb_tf.UpdatedRandomFeedback(0.5))])
def test_the_scale_is_a_step_of_the_layers_below_and_a_divisor_of_epsilon(rule, own, small_data):
    # An R twice as large: an error twice as long at each R that it passes, and increments half as large beside R.
    images, labels = (tf.constant(array[:60]) for array in small_data.train)
    scaled = build(NETWORK, rule, feedback_scale=2.0, seed=2)
    scaled.fit(images, labels, batch_size=20, epochs=2, shuffle=False, verbose=0)
    plain = build(NETWORK, own, seed=2)
    passed = {"output": 0, "dense1": 1, "conv1": 2}
    start = plain.get_layer("conv1").kernel.numpy()
    for number in [0, 1, 2] * 2:
        rows = slice(20 * number, 20 * number + 20)
        with tf.GradientTape() as tape:
            loss = plain.loss(labels[rows], plain(tf.cast(images[rows], tf.float32), training=True))
        variables = {name: plain.get_layer(name).trainable_variables for name in passed}
        for name, gradients in tape.gradient(loss, variables).items():
            for variable, gradient in zip(variables[name], gradients, strict=True):
                variable.assign_sub(0.1 * 2.0 ** passed[name] * gradient)
    assert np.abs(plain.get_layer("conv1").kernel.numpy() - start).max() > 1e-3
    for name in passed:
        one, other = plain.get_layer(name), scaled.get_layer(name)
        np.testing.assert_allclose(other.kernel, one.kernel, rtol=0, atol=1e-5)
        if one.feedback is not None:
            np.testing.assert_allclose(other.feedback, 2 * one.feedback.numpy(), rtol=0, atol=1e-5)


def test_a_scaled_network_survives_saving(tmp_path):
    model = build(NETWORK, feedback_scale=0.5, seed=2)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for a, b in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("scale", [0, -1.0, float("nan"), float("inf"), "1", True])
def test_an_impossible_scale_is_refused(scale):
    with pytest.raises(ArgumentError, match="feedback_scale is a finite number > 0"):
        build(NETWORK, feedback_scale=scale)


@pytest.mark.parametrize("rule", ["bp", "usf", "dfa", "mirror"])
def test_a_rule_that_keeps_no_r_of_its_first_size_is_refused(rule):
    with pytest.raises(ArgumentError, match=f"The rule '{rule}' keeps no R of its first size"):
        build(NETWORK, rule, feedback_scale=2.0)


def test_all_of_a_scale_is_read_from_the_same_runs(record_errors):
    base = experiments.find("table1/cifar10/urfb")
    rows = feedback_scale.by_scale(base)
    for row in rows.values():
        record_errors(row.id, [0.5, 0.5], error_angle={"dense1": 40.0}, error_ratio={"conv1": 2.0})
    # With other draws, the row of Table 1 has an angle at the convolution and a length at the dense layer as well.
    more = {"error_angle": {"conv1": 50.0, "dense1": 60.0}, "error_ratio": {"conv1": 7.0, "dense1": 9.0}}
    record_errors(base.id, [0.6, 0.6], device="a GPU", **more)
    whole = feedback_scale.settings(base, 2)[1.0]
    assert (whole.error, whole.angles, whole.lengths) == (0.5, {"dense1": 40.0}, {"conv1": 2.0})


def test_the_runs_with_another_size_of_r_differ_in_it_alone():
    found = experiments.select("feedback_scale")
    assert len({row.id for row in found}) == len(found) == 10
    for row in found:
        whole = experiments.find(f"table1/{row.id.split('/')[1]}/{row.rule}")
        recorded = row.configuration()
        assert recorded.pop("feedback_scale") == row.feedback_scale != 1
        assert recorded == whole.configuration()
        assert row.paper is None
    assert "feedback_scale" not in experiments.find("table1/cifar10/urfb").configuration()


@pytest.fixture
def record(monkeypatch):
    """Records a run of two epochs with one test error, by id."""
    runs = {}
    monkeypatch.setattr(results, "seeds", lambda key: [0] if key in runs else [])
    monkeypatch.setattr(results, "load_all", lambda key, seed=0: [runs[key]])

    def put(identifier, error, angle, ratio):
        kinds = {"error_angle": {"dense1": angle, "conv1": 90.0}, "error_ratio": ratio}
        session = {"versions": {}, "hardware": {"device": "CPU"}}
        epochs = [{"epoch": epoch, "test_error": error, **kinds} for epoch in (1, 2)]
        runs[identifier] = {"sessions": [session], "epochs": epochs}

    return put


def test_recorded_runs_stand_by_the_size_of_r(record):
    base = experiments.find("table1/cifar10/frfb")
    assert list(feedback_scale.by_scale(base)) == [0.1, 0.3, 1, 3, 10]
    assert feedback_scale.settings(base, 2) == {}
    assert feedback_scale.table({"FRFB": base}, 2).rows == [["none recorded so far", *[""] * 6]]
    record("feedback_scale/cifar10/frfb-3", 0.5, 60.0, {"dense1": 6.0, "conv1": 2.5})
    record("table1/cifar10/frfb", 0.625, 50.0, {})
    record("feedback_scale/cifar10/urfb-3", 0.25, 20.0, {})
    found = feedback_scale.settings(base, 2)
    assert list(found) == [1, 3]
    assert found[3] == feedback_scale.Setting(3, 0.5, {"dense1": 60, "conv1": 90}, {"dense1": 6, "conv1": 2.5})
    assert feedback_scale.table({"FRFB": base}, 2).rows == [
        ["FRFB", "1", "0.625", "50°", "90°", "", ""],
        ["FRFB", "3", "0.500", "60°", "90°", "6", "2.5"],
    ]
