"""Weights of sparse layers go from one rule to another by name."""

import keras
import numpy as np
import pytest

from urfb_tf import FeedbackDense
from urfb_tf.errors import ArgumentError

RULES = ["urfb", "kp", "frfb", "mirror", "frsf"]


def network(rule, **settings):
    hidden = FeedbackDense(6, rule=rule, connectivity=0.5, seed=2, name="hidden", **settings)
    return keras.Sequential([keras.Input((5,)), FeedbackDense(5, rule="bp", seed=1), hidden])


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("other", RULES)
@pytest.mark.parametrize("rule", RULES[:1] + RULES[2:3])
def test_saved_weights_of_one_rule_are_those_of_another(rule, other, bias, tmp_path):
    source, target = network(rule, use_bias=bias), network(other, use_bias=bias)
    of_source, of_target = source.get_layer("hidden"), target.get_layer("hidden")
    of_source.kernel.assign(2 * of_source.kernel)
    source.save_weights(tmp_path / "w.weights.h5")
    target.load_weights(tmp_path / "w.weights.h5")
    for name in ("kernel", "feedback", "kernel_mask", "feedback_mask"):
        np.testing.assert_array_equal(getattr(of_source, name), getattr(of_target, name))


def test_arrays_of_one_rule_are_those_of_another():
    source, target = network("urfb"), network("frfb")
    assert [v.name for v in source.weights] == [v.name for v in target.weights]
    target.set_weights(source.get_weights())
    np.testing.assert_array_equal(source.get_layer("hidden").kernel_mask, target.get_layer("hidden").kernel_mask)


def test_weights_that_a_rule_lacks_are_refused(tmp_path):
    network("urfb").save_weights(tmp_path / "w.weights.h5")
    with pytest.raises(ValueError, match="has the weights kernel, kernel_mask, but saved were feedback"):
        network("bp").load_weights(tmp_path / "w.weights.h5")
    layer = network("bp").get_layer("hidden")
    with pytest.raises(ArgumentError, match="the same rule and connectivity"):
        layer.load_own_variables({"kernel": np.zeros((5, 6))})
