"""The experiments with imperfect updates are simpnet under URFB with one thing changed."""

import dataclasses
import json

import keras
import numpy as np
import pytest

import urfb_tf
from urfb_tf import rules
from urfb_tf.errors import ArgumentError
from urfb_tf.experiments import Experiment, find, select
from urfb_tf.experiments.imperfect import CIRCUIT, DELAYS, IMPERFECT, NOISY, PERFECT, TIMING
from urfb_tf.experiments.lessons import Lesson
from urfb_tf.experiments.run import _increment_probe, run
from urfb_tf.layers import feedback_layers
from urfb_tf.training.order import by_class

KINDS = [
    {"rule", "rule_options", "grouped", "learning_rate"},
    {"loss", "loss_options"},
    {"error_noise", "error_noise_at"},
]


def test_each_changes_the_row_of_table_1_in_one_respect():
    assert select("imperfect/cifar10") == IMPERFECT == [*TIMING, *CIRCUIT, *NOISY]
    assert find("table1/cifar10/urfb") == PERFECT
    titles = [experiment.title for experiment in IMPERFECT]
    assert len(set(titles)) == len(titles)
    for experiment in IMPERFECT:
        changed = {
            field.name
            for field in dataclasses.fields(Experiment)
            if getattr(experiment, field.name) != getattr(PERFECT, field.name)
        } - {"id", "title", "paper"}
        assert changed
        assert any(changed <= kind for kind in KINDS)
        json.dumps(experiment.configuration())


@pytest.mark.parametrize("experiment", TIMING, ids=lambda e: e.id)
def test_the_rule_times_urfb(experiment):
    rule = experiment.make_rule()
    assert rule.rule == rules.UpdatedRandomFeedback()
    assert "epsilon" not in experiment.configuration()
    if isinstance(rule, rules.DelayedFeedback):
        delay = int(experiment.id.removeprefix("imperfect/cifar10/delay="))
        assert (rule.delay, rule.every) == (delay, DELAYS[delay])
        assert rule.delay / rule.every <= 10  # copies of R


@pytest.mark.parametrize("experiment", TIMING, ids=lambda e: e.id)
def test_an_epsilon_is_that_of_the_rule_that_is_timed(experiment):
    changed = dataclasses.replace(experiment, epsilon=0.5)
    assert changed.make_rule().rule == rules.UpdatedRandomFeedback(0.5)
    assert changed.configuration() == {**experiment.configuration(), "epsilon": 0.5}


@pytest.mark.parametrize(("rule", "options"), [("bp", ()), ("kp", ()), ("frfb", ()), ("alternate", (("rule", "kp"),))])
def test_an_epsilon_for_a_rule_without_one_is_refused(rule, options):
    with pytest.raises(ArgumentError, match=f"in URFB, but the rule '{rule}' does not have it: leave out 0.5"):
        Experiment("mine", "mine", "simpnet", "cifar10", rule, rule_options=options, epsilon=0.5)


def test_what_is_not_changed_is_not_in_the_configuration():
    assert not {"rule_options", "loss_options", "error_noise", "error_noise_at", "grouped"} & set(
        PERFECT.configuration()
    )
    assert find("imperfect/cifar10/probability=0.1").configuration()["rule_options"] == {"probability": 0.1}
    assert find("imperfect/cifar10/circuit").configuration()["loss"] == "circuit"


def test_grouped_batches_have_the_same_images_sorted_by_class(small_data):
    labels = np.array([2, 0, 1, 0, 2, 1])
    np.testing.assert_array_equal(by_class(np.array([4, 0, 3, 5, 1]), labels), [3, 1, 5, 4, 0])
    ends = []
    for grouped in (False, True):
        model = urfb_tf.build("full conn. 5; output", seed=0)
        urfb_tf.train(model, small_data, epochs=1, batch_size=20, seed=0, grouped=grouped)
        ends.append(model.get_weights())
    for a, b in zip(*ends, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)  # the same sums in another order
    late = find("imperfect/cifar10/late-grouped")
    assert late.configuration()["grouped"] is True
    small = dataclasses.replace(late, network="perceptron", dataset="generated", batch_size=20)
    one, other = (
        run(dataclasses.replace(small, grouped=grouped), epochs=1, data=small_data)["epochs"][-1]["train_loss"]
        for grouped in (False, True)
    )
    assert one != other


def test_increments_of_grouped_batches_are_those_of_batches_sorted_by_class(small_data, monkeypatch):
    small = dataclasses.replace(PERFECT, network="perceptron", dataset="generated", batch_size=20, grouped=True)
    probe = _increment_probe(Lesson(small_data, None, []), {"batch_size": 20, "learning_rate": 0.1, "loss": None}, True)
    images, labels = (array[: len(probe.labels)] for array in small_data.train)
    assert len(labels) % 20 == 0
    for start in range(0, len(labels), 20):
        batch = slice(start, start + 20)
        order = np.argsort(labels[batch], kind="stable")
        np.testing.assert_array_equal(probe.labels[batch], labels[batch][order])
        np.testing.assert_array_equal(probe.inputs[batch], images[batch][order])
    asked = []
    monkeypatch.setattr("urfb_tf.experiments.run._increment_probe", lambda *given: asked.append(given) or probe)
    for grouped in (True, False):
        run(dataclasses.replace(small, grouped=grouped), epochs=1, data=small_data, alignment=False, increments=True)
    assert [grouped for *_, grouped in asked] == [True, True, False, False]


def test_options_are_those_of_the_experiments_rule_alone():
    experiment = find("imperfect/cifar10/delay=10")
    assert experiment.make_rule() == rules.DelayedFeedback(delay=10)
    assert experiment.make_rule("urfb") == rules.UpdatedRandomFeedback()
    with pytest.raises(ArgumentError, match=r"The rule 'delayed' does not take its options: .*'nonsense'"):
        dataclasses.replace(experiment, rule_options=(("nonsense", 1),))
    wrong = dataclasses.replace(find("imperfect/cifar10/circuit-ungated"), loss="softmax")
    with pytest.raises(ArgumentError, match=r"The loss 'softmax' does not take its options: .*'gated'"):
        wrong.make_model(10, 0)


@pytest.mark.parametrize("experiment", [TIMING[0], CIRCUIT[1], NOISY[0]], ids=lambda e: e.id)
def test_they_run(experiment, small_data):
    small = dataclasses.replace(experiment, network="perceptron", dataset="generated", batch_size=20)
    result = run(small, epochs=1, data=small_data)
    assert result["configuration"] == small.configuration()
    assert set(result["epochs"][-1]["weight_angle"]) == {"output"}


def test_the_circuit_of_an_experiment_is_the_loss_of_the_section():
    gated, ungated, small = (experiment.make_model(10, 0).loss for experiment in CIRCUIT)
    assert all(isinstance(loss, urfb_tf.CircuitHinge) for loss in (gated, ungated, small))
    assert [loss.gated for loss in (gated, ungated, small)] == [True, False, False]
    assert (ungated.epsilon, small.epsilon) == (0.25, 0.01)
    assert gated.mu == PERFECT.make_model(10, 0).loss.mu
    with pytest.raises(ArgumentError, match="Unknown loss"):
        dataclasses.replace(PERFECT, loss="circuits")


def test_build_takes_a_loss_of_ones_own():
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert urfb_tf.build("full conn. 3; output", loss=loss).loss is loss


def test_the_gated_circuit_trains_the_network_of_equation_4(small_data):
    weights = []
    for experiment in (PERFECT, CIRCUIT[0]):
        model = dataclasses.replace(experiment, network="perceptron").make_model(small_data.classes, 0)
        urfb_tf.train(model, small_data, epochs=2, batch_size=20, seed=0)
        weights.append([layer.kernel.numpy() for layer in feedback_layers(model)])
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)
