"""Networks whose hidden layers are normalised over the batch, and the runs beyond the paper that use them."""

import keras
import numpy as np
import pytest

import urfb_tf
from urfb_tf import experiments, plots, rules
from urfb_tf.analysis import normalised
from urfb_tf.data import Dataset, Split
from urfb_tf.errors import ArgumentError
from urfb_tf.experiments.catalogue import select
from urfb_tf.networks import build, under_back_propagation

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (40, 8, 8, 3)).astype("uint8")
LABELS = RANDOM.integers(0, 3, 40).astype("int32")


def network(**options):
    return build(
        "conv 4 3x3; conv 4 3x3; sum; maxpool 3; full conn. 8; output", classes=3, input_shape=(8, 8, 3), **options
    )


def test_each_hidden_layer_is_normalised_before_its_non_linearity():
    model = network(batch_norm=True)
    assert under_back_propagation(model) == ["conv1_norm", "conv2_norm", "dense1_norm"]
    assert under_back_propagation(network()) == []
    outputs = [model.get_layer(f"{name}_norm").output for name in ("conv1", "conv2", "dense1")]
    for fields in keras.Model(model.input, outputs)(IMAGES.astype("float32"), training=True):
        values = fields.numpy().reshape(-1, fields.shape[-1])
        np.testing.assert_allclose(values.mean(0), 0, rtol=0, atol=1e-5)  # rounding of some thousand numbers of size 1
        assert np.all(values.std(0) <= 1 + 1e-5)  # less by the share that the layer's epsilon has in the variance


def test_compiled_epochs_make_the_updates_of_fit_moving_averages_included():
    split = Split(IMAGES, LABELS)
    model, fitted = network(batch_norm=True), network(batch_norm=True)
    start = model.get_weights()
    urfb_tf.train(model, Dataset("small", 3, split, split, split), epochs=2, batch_size=40, jit_compile=False)
    fitted.compile(fitted.optimizer, fitted.loss, jit_compile=False)
    # One batch holds all images, so that their order matters to rounding alone.
    fitted.fit(IMAGES.astype("float32"), LABELS, batch_size=40, epochs=2, verbose=0)
    for a, b, c in zip(model.get_weights(), fitted.get_weights(), start, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)  # sums of some thousand numbers, ordered otherwise
        assert np.any(a != c)


def test_the_error_to_the_letter_of_the_paper_cannot_be_normalised():
    with pytest.raises(ArgumentError, match="Batch normalisation needs a reading"):
        network(batch_norm=True, reading=urfb_tf.readings.DEFAULT.but(propagate_derivative=False))


def test_the_rules_beyond_the_paper_are_runs_with_and_without_normalisation():
    found = {experiment.id.split("/")[-1]: experiment for experiment in select("rules/cifar10")}
    untimed = {name for name, rule in rules.RULES.items() if not issubclass(rule, rules.TimedRule)}
    beyond = untimed - {"bp", "frfb", "urfb"}
    assert beyond <= set(found)
    assert {f"{rule}-bn" for rule in {*beyond, "bp", "frfb", "urfb"}} <= set(found)
    for name, experiment in found.items():
        assert experiment.batch_norm == name.endswith("-bn")
        assert experiment.configuration().get("batch_norm", False) == experiment.batch_norm
        assert experiment.rule == name.removesuffix("-bn")


def test_epsilon_is_a_scale_of_runs():
    found = select("epsilon/cifar10")
    assert 0.1 in [experiment.epsilon for experiment in found]
    for experiment in found:
        assert experiment.id.endswith(f"/{experiment.epsilon:g}")
        assert experiment.make_rule() == rules.UpdatedRandomFeedback(experiment.epsilon)
    assert experiments.find("table1/cifar10/urfb").epsilon == 1


def test_a_normalised_run_stands_beside_the_plain_one_at_the_same_epoch(record_errors, monkeypatch, template):
    shares = dict.fromkeys(("train_error_evaluated", "validation_error", "test_error"), 0.25)
    record_errors("table1/cifar10/urfb", [0.8, 0.6, 0.2])
    monkeypatch.setitem(template, "settled", {**shares, "commit": "c", "date": "d"})
    record_errors("rules/cifar10/urfb-bn", [0.7, 0.4])
    (found,) = normalised.normalised()
    assert (found.plain, found.plain_last) == (pytest.approx(0.7), 0.6)
    assert (found.running, found.settled) == ((0.7, 0.4), 0.25)
    assert normalised.table().rows == [["urfb", "0.700", "0.600", "0.400 to 0.700", "0.250"]]


def test_losses_by_epsilon_shows_the_mean_over_seeds_in_the_shade_of_all():
    runs = {0.0: np.array([[2.0, 1.0], [4.0, 3.0]]), 0.5: np.ones((2, 2)), 1.0: np.zeros((2, 2))}
    axis = plots.losses_by_epsilon(runs).axes[0]
    np.testing.assert_array_equal(axis.lines[0].get_ydata(), [3.0, 2.0])
    shade = axis.collections[0].get_paths()[0].vertices
    assert {tuple(point) for point in shade} == {(0, 2), (0, 4), (1, 1), (1, 3)}
    assert [line.get_label() for line in axis.lines] == ["epsilon 0", "epsilon 0.5", "epsilon 1"]
    assert len({(line.get_color(), line.get_linestyle()) for line in axis.lines}) == 3
