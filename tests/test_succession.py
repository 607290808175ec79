"""How increments of successive batches agree: by hand, and as a probe that leaves the training as it is."""

import keras
import numpy as np
import pytest

import urfb_tf
from urfb_tf.errors import ArgumentError, CheckpointError
from urfb_tf.experiments import run as experiments_run
from urfb_tf.experiments.experiment import Experiment
from urfb_tf.experiments.phases import Phase
from urfb_tf.metrics import IncrementProbe, increment_cosines


class Square(keras.losses.Loss):
    """Half the squared distance of one output from 1, whatever the label."""

    def call(self, labels, outputs):
        return 0.5 * keras.ops.sum((outputs - 1) ** 2, axis=-1)


def one_weight(start=0.0):
    """A model of one weight w, so that an increment is the number 1 - w."""
    model = keras.Sequential([keras.Input([1]), urfb_tf.FeedbackDense(1, use_bias=False)])
    model.compile(loss=Square(reduction="sum_over_batch_size"))
    model.layers[0].kernel.assign([[start]])
    return model


ONES, LABELS = np.ones([6, 1], "float32"), np.zeros(6, "int64")


@pytest.mark.parametrize(
    ("learning_rate", "cosines"),
    [(0.5, {1: 1.0, 2: 1.0}), (1.5, {1: -1.0, 2: 1.0})],  # curvature 1: beyond a step of 1 each increment overshoots
)
def test_a_step_too_long_for_the_curvature_takes_back_what_the_last_has_done(learning_rate, cosines):
    found = increment_cosines(one_weight(), ONES, LABELS, batch_size=1, learning_rate=learning_rate)
    for lag, cosine in cosines.items():
        (value,) = found[lag].values()
        assert value == pytest.approx(cosine)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"kernel_regularizer": keras.regularizers.L2(0.5)},
        {"activity_regularizer": keras.regularizers.L2(0.5)},
        {"kernel_constraint": keras.constraints.MaxNorm(0.5)},
    ],
    ids=["nothing", "regulariser", "activity regulariser", "constraint"],
)
def test_the_cosines_are_those_of_single_steps(options):
    rng = np.random.default_rng(0)
    inputs, labels = rng.normal(size=[40, 6]).astype("float32"), rng.integers(0, 3, 40)

    def fresh():
        below = keras.layers.Dense(6, kernel_initializer=keras.initializers.GlorotUniform(0), **options)
        layers = [
            urfb_tf.FeedbackDense(5, rule="urfb", activation="tanh", seed=1),
            urfb_tf.FeedbackDense(3, rule="urfb", seed=2),
        ]
        model = keras.Sequential([keras.Input([6]), below, *layers])
        model.compile(optimizer=keras.optimizers.SGD(0.3), loss=urfb_tf.OneVsRestHinge())
        return model

    model, moved = fresh(), []
    for start in range(0, 40, 10):
        layers = model.layers[1:]
        before = [layer.kernel.numpy() for layer in layers]
        model.train_on_batch(inputs[start : start + 10], labels[start : start + 10])
        moved.append([(layer.kernel.numpy() - w).ravel() for layer, w in zip(layers, before, strict=True)])
    model = fresh()
    found = increment_cosines(model, inputs, labels, batch_size=10, learning_rate=0.3, lags=(1, 3))
    for number, layer in enumerate(model.layers[1:]):
        for lag in (1, 3):
            pairs = [(moved[i][number], moved[i + lag][number]) for i in range(4 - lag)]
            by_hand = [a @ b / np.sqrt((a @ a) * (b @ b)) for a, b in pairs]
            assert found[lag][layer.name] == pytest.approx(np.mean(by_hand), abs=1e-4)


def test_examples_that_fill_no_batch_are_left_out():
    inputs = np.concatenate([ONES, -ONES[:1]])  # the last one alone would turn the increment round
    how = {"batch_size": 2, "learning_rate": 0.5}
    whole = increment_cosines(one_weight(), ONES, LABELS, **how)
    found = increment_cosines(one_weight(), inputs, np.zeros(7, "int64"), **how)
    assert [list(of.values()) for of in found.values()] == [list(of.values()) for of in whole.values()]


def test_a_loss_can_be_given_by_its_name():
    model = keras.Sequential([keras.Input([1]), urfb_tf.FeedbackDense(1, use_bias=False)])
    targets = np.ones([6, 1], "float32")
    found = increment_cosines(model, ONES, targets, batch_size=1, learning_rate=0.75, lags=[1], loss="mse")
    assert list(found[1].values()) == pytest.approx([-1.0])  # curvature 2
    with pytest.raises(ArgumentError, match=r"An increment needs a keras\.losses\.Loss"):
        increment_cosines(model, ONES, targets, batch_size=1)


def test_a_layer_that_does_not_move_is_left_out():
    model = one_weight(start=1.0)
    assert increment_cosines(model, ONES, LABELS, batch_size=1) == {1: {}, 2: {}}


def test_the_training_goes_on_as_without(small_data):
    experiment = Experiment("x", "x", "simpnet", "generated", rule="delayed", batch_size=5)
    results = [
        experiments_run.run(experiment, epochs=2, data=small_data, alignment=False, increments=increments)["epochs"]
        for increments in (True, False)
    ]
    with_them, without = results
    for one, other in zip(with_them, without, strict=True):
        found = [one.pop(f"increment_cosine_{lag}") for lag in IncrementProbe.LAGS]
        assert all(set(each) == {"conv1", "dense1", "output"} for each in found)
        assert {k: v for k, v in one.items() if k != "seconds"} == {k: v for k, v in other.items() if k != "seconds"}


def test_a_run_measures_increments_in_all_epochs_or_in_none(small_data, tmp_path):
    experiment = Experiment("x", "x", "perceptron", "generated", batch_size=5)
    how = {"data": small_data, "folder": tmp_path, "alignment": False}
    experiments_run.run(experiment, epochs=1, **how)
    with pytest.raises(CheckpointError, match="increments was None, is True"):
        experiments_run.run(experiment, epochs=2, increments=True, **how)


def test_each_phase_is_measured_with_its_own_steps_images_and_loss(small_data, monkeypatch):
    made = []

    class Kept(IncrementProbe):
        def __init__(self, inputs, labels, **steps):
            super().__init__(inputs, labels, **steps)
            made.append((set(labels.tolist()), steps))

    monkeypatch.setattr(experiments_run, "IncrementProbe", Kept)
    phases = (Phase(1), Phase(1, learning_rate=0.02, batch_size=4, classes=(0, 1, 2), units="shown"))
    experiment = Experiment("x", "x", "perceptron", "generated", batch_size=5, phases=phases)
    records = experiments_run.run(experiment, epochs=2, data=small_data, alignment=False, increments=True)["epochs"]
    assert all(record["increment_cosine_1"] for record in records)
    (labels, steps), (few_labels, few_steps) = made[2:]  # the first two found out whether they can be
    assert (labels, few_labels) == (set(range(10)), {0, 1, 2})
    whole, few = (each.pop("loss") for each in (steps, few_steps))
    assert steps == {"learning_rate": 0.1, "batch_size": 5}
    assert few_steps == {"learning_rate": 0.02, "batch_size": 4}
    assert isinstance(whole, urfb_tf.OneVsRestHinge)
    assert few.units == (0, 1, 2)


def test_a_probe_takes_a_loss_of_its_own():
    def half(labels, outputs):
        return 0.5 * Square().call(labels, outputs)

    how = {"batch_size": 1, "learning_rate": 1.5}  # beyond 1 in the curvature of the compiled loss, not in that of half
    for loss, cosine in ((None, -1.0), (half, 1.0)):
        found = IncrementProbe(ONES, LABELS, **how, loss=loss)(one_weight())["increment_cosine_1"]
        assert list(found.values()) == pytest.approx([cosine])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"batch_size": 0}, "batch size >= 1"),
        ({"learning_rate": -1.0}, "learning rate > 0"),
        ({"lags": ()}, "whole numbers >= 1, but got ()"),
        ({"lags": 1}, "whole numbers >= 1, but got 1"),
        ({"labels": LABELS[:4]}, "6 examples and 4 labels"),
        ({"batch_size": 3}, "need at least 3 batches, but 6 examples make 2 of 3"),
    ],
)
def test_bad_numbers_are_told_in_one_sentence(changes, sentence):
    with pytest.raises(ArgumentError) as caught:
        increment_cosines(one_weight(), ONES, **{"labels": LABELS, "batch_size": 1, **changes})
    assert sentence in str(caught.value)
