"""Batch normalisation's averages caught up with the weights: `settle`, and what runs keep of it."""

import dataclasses
import functools
import json

import keras
import numpy as np
import pytest

from urfb_tf import experiments, networks
from urfb_tf.errors import ArgumentError, ResultError
from urfb_tf.experiments.run import run
from urfb_tf.networks import build
from urfb_tf.results.schema import check
from urfb_tf.training import settle, train

SHARES = ("train_error_evaluated", "validation_error", "test_error")
NOTATION = "conv 4 5x5; maxpool 3; drop .5; full conn. 8; output"


def inputs(count=12):
    return np.random.default_rng(0).normal(3, 2, (count, 5)).astype("float32")


def normalised(dtype=None):
    return keras.Sequential([keras.Input((5,)), keras.layers.BatchNormalization(dtype=dtype)])


def snapshot(model):
    return [variable.numpy().copy() for variable in model.variables]


def assert_same(a, b):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_the_averages_are_those_of_all_batches_alike(dtype):
    images = inputs(14)  # the last two images fill no batch of four
    model = normalised(dtype)
    settle(model, images, batch_size=4)
    by_batch = images[:12].reshape(3, 4, 5)
    if dtype == "mixed_bfloat16":
        by_batch = by_batch.astype("bfloat16").astype("float32")
    layer = model.layers[0]
    np.testing.assert_allclose(layer.moving_mean, by_batch.mean(1).mean(0), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, by_batch.var(1).mean(0), rtol=1e-4)  # squares of larger numbers
    assert layer.momentum == 0.99


def test_settling_changes_nothing_else_and_comes_out_the_same_again(small_data):
    model = build(NOTATION, batch_norm=True, seed=1)
    train(model, small_data, epochs=2, batch_size=20)
    before = {variable.path: variable.numpy() for variable in model.variables}
    settle(model, small_data.train.images, batch_size=20)
    settled = snapshot(model)
    changed = {v.path for v in model.variables if np.any(v.numpy() != before[v.path])}
    assert changed == {v.path for v in model.variables if v.path.endswith(("moving_mean", "moving_variance"))}
    assert len(changed) == 4
    settle(model, small_data.train.images, batch_size=20)
    assert_same(snapshot(model), settled)


def test_a_model_without_batch_normalisation_is_left_alone(small_data):
    model = build(NOTATION, seed=1)
    before = snapshot(model)
    settle(model, small_data.train.images[:3], batch_size=20)
    assert_same(snapshot(model), before)


def test_frozen_averages_stay():
    model = normalised()
    model.layers[0].trainable = False
    before = snapshot(model)
    settle(model, inputs(), batch_size=4)
    assert_same(snapshot(model), before)


@pytest.mark.parametrize("batch_size", [0, 13, 2.5])
def test_images_that_fill_no_batch_are_refused(batch_size):
    model = normalised()
    before = snapshot(model)
    with pytest.raises(ArgumentError, match=r"^The batch size is a whole number from 1 to the 12 images, but got "):
        settle(model, inputs(), batch_size=batch_size)
    assert_same(snapshot(model), before)


def test_an_interruption_leaves_the_model_as_it_was():
    class Press(keras.layers.Layer):
        calls = 0

        def call(self, x):
            self.calls += 1
            if self.calls > 3:
                raise KeyboardInterrupt
            return x

    model = keras.Sequential([keras.Input((5,)), keras.layers.BatchNormalization(), keras.layers.Dropout(0.5), Press()])
    model.layers[-1].calls = 1
    before = snapshot(model)
    with pytest.raises(KeyboardInterrupt):
        settle(model, inputs(), batch_size=4)
    assert_same(snapshot(model), before)
    assert model.layers[0].momentum == 0.99


@pytest.fixture
def small(monkeypatch):
    """An experiment with simpnet's layers made small."""
    monkeypatch.setitem(networks.NETWORKS, "simpnet", functools.partial(build, NOTATION))
    return lambda name: dataclasses.replace(
        experiments.find(f"rules/cifar10/{name}"), dataset="generated", batch_size=20
    )


def test_a_run_with_batch_normalisation_keeps_its_settled_errors(small, small_data, tmp_path):
    result = run(small("usf-bn"), epochs=2, data=small_data, folder=tmp_path, alignment=False)
    settled = {name: result["settled"][name] for name in SHARES}
    assert settled["test_error"] in np.round(np.arange(36) / 35, 6)  # of 35 test images
    assert settled != {name: result["epochs"][-1][name] for name in SHARES}
    on_disk = tmp_path / "result.json"
    assert json.loads(on_disk.read_text())["settled"] == result["settled"]
    on_disk.unlink()
    again = run(small("usf-bn"), epochs=2, data=small_data, folder=tmp_path, alignment=False)
    assert {name: again["settled"][name] for name in SHARES} == settled


def test_a_finished_run_that_is_asked_for_again_never_lacks_its_settled_errors(
    small, small_data, tmp_path, monkeypatch
):
    first = run(small("usf-bn"), epochs=1, data=small_data, folder=tmp_path, alignment=False)
    written = []
    monkeypatch.setattr(
        "urfb_tf.experiments.run.write_atomically", lambda path, content: written.append(json.loads(content))
    )
    again = run(small("usf-bn"), epochs=1, data=small_data, folder=tmp_path, alignment=False)
    assert again["epochs"] == first["epochs"]
    assert written
    assert all("settled" in each for each in written)


def test_a_run_without_it_keeps_none(small, small_data):
    assert "settled" not in run(small("usf"), epochs=1, data=small_data, alignment=False)


@pytest.mark.parametrize(
    "settled", [{}, [0.1], dict.fromkeys(SHARES, 0.5), {**dict.fromkeys(SHARES, 1.5), "commit": "", "date": ""}]
)
def test_settled_errors_in_a_result_are_shares(small, small_data, settled):
    result = run(small("usf"), epochs=1, data=small_data, alignment=False)
    with pytest.raises(ResultError, match=r"^file, settled: "):
        check({**result, "settled": settled}, "file")
