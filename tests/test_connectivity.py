"""Random connectivity: connections that do not exist stay at exactly 0, whatever trains the rest."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from urfb_tf import FeedbackConv2D, FeedbackDense
from urfb_tf.errors import ArgumentError
from urfb_tf.layers.connectivity import keep
from urfb_tf.training.epoch import constrain

OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.05, momentum=0.9),
    "adam": lambda: keras.optimizers.Adam(0.01),
    "decay": lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1),
    "matrices": lambda: keras.optimizers.Muon(0.01),  # its step at a weight depends on the others
}


def network(rule, optimizer, **policy):
    layers = [
        FeedbackConv2D(4, 3, rule=rule, connectivity=0.5, activation="tanh", seed=1, **policy),
        keras.layers.Flatten(),
        FeedbackDense(8, rule=rule, connectivity=0.5, feedback_connectivity=0.3, activation="tanh", seed=2, **policy),
        FeedbackDense(3, rule=rule, connectivity=0.7, seed=3, **policy),
    ]
    model = keras.Sequential([keras.Input((5, 5, 2)), *layers])
    model.compile(optimizer, "mse")
    return model


def fit(model, epochs=2):
    random = np.random.default_rng(0)
    inputs, targets = random.normal(size=(20, 5, 5, 2)), random.normal(size=(20, 3))
    model.fit(inputs, targets, batch_size=5, epochs=epochs, verbose=0)


def masked_pairs(model):
    """(weights, mask) of every W and R."""
    for layer in model.layers:
        if not isinstance(layer, keras.layers.Flatten):
            yield layer.kernel.numpy(), layer.kernel_mask.numpy()
            if layer.feedback is not None:
                yield layer.feedback.numpy(), layer.feedback_mask.numpy()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("rule", ["bp", "frfb", "urfb"])
def test_missing_connections_stay_exactly_zero(rule, optimizer):
    model = network(rule, OPTIMIZERS[optimizer]())
    before = [weights for weights, _ in masked_pairs(model)]
    fit(model)
    after = list(masked_pairs(model))
    assert len(after) == (3 if rule == "bp" else 6)
    for start, (weights, mask) in zip(before, after, strict=True):
        assert mask.dtype == bool
        assert 0 < mask.sum() < mask.size
        assert np.all(weights[~mask] == 0)
        assert np.all(start[~mask] == 0)
        assert np.all(weights[mask] != 0)
    assert any(np.any(start != weights) for start, (weights, _) in zip(before, after, strict=True))


def test_training_by_plain_sgd_looks_at_no_mask():
    model = network("urfb", OPTIMIZERS["sgd"]())
    weights = [tf.convert_to_tensor(variable) for variable in model.trainable_variables]
    assert all(variable.constraint is not None for variable in model.trainable_variables)
    assert all(kept is w for kept, w in zip(constrain(weights, model), weights, strict=True))


def test_missing_connections_stay_zero_in_mixed_precision():
    model = network("urfb", OPTIMIZERS["sgd"](), dtype="mixed_float16")
    fit(model)
    for weights, mask in masked_pairs(model):
        assert np.all(weights[~mask] == 0)
        assert np.all(np.isfinite(weights))


@pytest.mark.parametrize("connectivity", [0.1, 0.5, 0.9])
def test_the_share_of_connections_is_the_connectivity(connectivity):
    layer = FeedbackDense(200, connectivity=connectivity, seed=4)
    layer.build((None, 200))
    # Five standard deviations of a share of 40,000 coins.
    tolerance = 5 * np.sqrt(connectivity * (1 - connectivity) / 40_000)
    assert np.mean(layer.kernel_mask) == pytest.approx(connectivity, abs=tolerance)
    assert np.mean(layer.feedback_mask) == pytest.approx(connectivity, abs=tolerance)
    assert np.mean(layer.kernel != 0) == np.mean(layer.kernel_mask)


def test_w_and_r_are_masked_independently():
    layer = FeedbackDense(200, connectivity=0.5, feedback_connectivity=0.2, seed=4)
    layer.build((None, 200))
    both = np.logical_and(layer.kernel_mask, layer.feedback_mask)
    assert np.mean(both) == pytest.approx(0.5 * 0.2, abs=5 * np.sqrt(0.1 * 0.9 / 40_000))


def test_full_connectivity_has_no_masks():
    layer = FeedbackDense(4, connectivity=1)
    layer.build((None, 3))
    assert layer.kernel_mask is None
    assert layer.feedback_mask is None
    assert len(layer.variables) == 2


def test_masks_are_weights_that_no_optimiser_sees():
    layer = FeedbackDense(4, connectivity=0.5)
    layer.build((None, 3))
    assert {v.name for v in layer.non_trainable_variables} == {"kernel_mask", "feedback_mask"}
    assert {v.name for v in layer.trainable_variables} == {"kernel", "feedback"}


def test_equal_seeds_give_equal_masks_and_other_seeds_do_not():
    def mask(seed):
        layer = FeedbackDense(20, connectivity=0.5, seed=seed)
        layer.build((None, 20))
        return layer.kernel_mask.numpy()

    np.testing.assert_array_equal(mask(1), mask(1))
    assert np.any(mask(1) != mask(2))


def test_masks_survive_a_saved_model_and_go_on_masking(tmp_path):
    model = network("urfb", OPTIMIZERS["sgd"]())
    fit(model, epochs=1)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    fit(loaded)
    for (weights, mask), (_, first) in zip(masked_pairs(loaded), masked_pairs(model), strict=True):
        np.testing.assert_array_equal(mask, first)
        assert np.all(weights[~mask] == 0)


def test_a_missing_connection_hides_even_an_infinite_update():
    kept = keep(tf.constant([True, False, False]), tf.constant([2.0, np.inf, np.nan]))
    np.testing.assert_array_equal(kept, [2, 0, 0])
    assert np.isinf(keep(None, tf.constant([np.inf])))[0]


@pytest.mark.parametrize("value", [np.float32(0.5), np.int64(1)])
def test_a_connectivity_may_be_a_number_of_numpy(value):
    layer = FeedbackDense(3, connectivity=value)
    assert (layer.connectivity, layer.feedback_connectivity) == (float(value), float(value))
    assert type(layer.connectivity) is float


@pytest.mark.parametrize("value", [0, -0.5, 1.5, float("nan"), "half", True, np.float32(0), np.True_])
@pytest.mark.parametrize("argument", ["connectivity", "feedback_connectivity"])
def test_an_impossible_connectivity_is_refused_by_its_name(argument, value):
    with pytest.raises(ArgumentError, match=rf"^{argument} is the share of connections"):
        FeedbackDense(3, **{argument: value})
