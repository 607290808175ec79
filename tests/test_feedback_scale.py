"""R that starts smaller or larger than W."""

import keras
import numpy as np
import pytest

from urfb_tf import experiments
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


def test_the_layer_that_the_error_reaches_through_fixed_r_moves_so_many_times_as_far(small_data):
    # Of a batch: with the same W and errors, what comes down through an R three times as large is three times as large.
    def step(scale):
        model = build(NETWORK, "frfb", feedback_scale=scale, seed=2)
        before = model.get_layer("dense1").kernel.numpy()
        model.fit(*(array[:20] for array in small_data.train), batch_size=20, verbose=0)
        return model.get_layer("dense1").kernel.numpy() - before

    once, thrice = step(1.0), step(3.0)
    assert np.abs(once).max() > 0
    np.testing.assert_allclose(thrice, 3 * once, atol=1e-4 * np.abs(thrice).max())


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


def test_the_runs_with_another_size_of_r_differ_in_it_alone():
    found = experiments.select("feedback_scale")
    assert len({row.id for row in found}) == len(found) == 12
    for row in found:
        whole = experiments.find(f"table1/{row.id.split('/')[1]}/{row.rule}")
        recorded = row.configuration()
        assert recorded.pop("feedback_scale") == row.feedback_scale != 1
        assert recorded == whole.configuration()
        assert row.paper is None
    assert "feedback_scale" not in experiments.find("table1/cifar10/urfb").configuration()
