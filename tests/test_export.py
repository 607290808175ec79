"""Exported runs: the same numbers from JAX as from TensorFlow, in a process without TensorFlow."""

import dataclasses
import errno
import functools
import io
import itertools
import json
import shutil
import signal
import subprocess
import sys
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

import urfb_tf
from urfb_tf.errors import ArgumentError
from urfb_tf.experiments import Phase, find
from urfb_tf.export import export, lower, runner
from urfb_tf.export.folder import _Parts, load_state
from urfb_tf.export.phases import carry, models_of, places_of
from urfb_tf.export.stablehlo import Program
from urfb_tf.metrics import Alignment, HomogeneityProbe
from urfb_tf.results import record, store
from urfb_tf.results.filters import decode, filters_of
from urfb_tf.results.schema import check
from urfb_tf.seeds import stream
from urfb_tf.training import train
from urfb_tf.training.epoch import state_variables

pytest.importorskip("jax")

# Each file of weights is compressed, and each program compiled: simpnet's layers serve as well when they are small.
NETWORK = "conv 4 5x5; maxpool 3; drop .8; full conn. 20; drop .3; output"
SMALL = dataclasses.replace(
    find("table1/cifar10/urfb"), id="small", dataset="generated", batch_size=20, connectivity=0.5
)
OTHER = dataclasses.replace(SMALL, id="other", rule="frfb")


@pytest.fixture(scope="module", autouse=True)
def _small_simpnet():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(urfb_tf.networks.NETWORKS, "simpnet", functools.partial(urfb_tf.build, NETWORK))
        yield


def run_of(folder, experiment, seed):
    """Where a run stands in an exported folder."""
    return folder / "runs" / store.path_of(experiment.id, seed).stem


def train_exported(folder, epochs, *more):
    """The runner in a process of its own, in which importing TensorFlow or urfb_tf fails; what it prints."""
    blocked = "import sys; sys.modules.update(tensorflow=None, keras=None, urfb_tf=None); import runpy; "
    arguments = ["--epochs", str(epochs), *more]
    code = blocked + f"sys.argv[1:] = {arguments!r}; runpy.run_path('runner.py', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert "SystemExit" not in done.stderr
    assert done.returncode == 0, done.stderr
    return done.stdout


def result_of(folder, experiment, seed):
    return json.loads((run_of(folder, experiment, seed) / "result.json").read_text())


def fresh_run(folder):
    """A run that trains nothing, on the host alone, from whatever is in the folder."""
    phase = dict.fromkeys(runner.OF_PHASE) | {"programs": dict.fromkeys(runner.PROGRAMS)}
    manifest = {
        "seed": 3,
        "phases": [phase],
        "data": dict.fromkeys(runner.OF_DATA),
        "result": {},
        "session": {"commit": "", "versions": {}},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return runner.Run(folder, types.SimpleNamespace(device=types.SimpleNamespace(put=np.asarray)))


@pytest.fixture(scope="module")
def exported(small_data, tmp_path_factory):
    """The folder with two seeds of one experiment and one of another, after two epochs, taken in two starts."""
    folder = export([SMALL, OTHER], tmp_path_factory.mktemp("exported"), seeds=[3, 4], data=small_data)
    train_exported(folder, 1)
    assert len(result_of(folder, SMALL, 3)["epochs"]) == 1
    train_exported(folder, 2, "small--seed3", "small--seed4")
    return folder


@pytest.mark.parametrize("seed", [3, 4])
def test_jax_trains_as_tensorflow_does(seed, exported, small_data):
    # Compiled by XLA, as on a GPU: TensorFlow's own random numbers for the same seed are others.
    model = SMALL.make_model(small_data.classes, seed=seed)
    ours = train(
        model,
        small_data,
        epochs=2,
        batch_size=20,
        seed=seed,
        jit_compile=True,
        probes=[Alignment(small_data.train.images[:500], small_data.train.labels[:500])],
    )
    theirs = result_of(exported, SMALL, seed)
    assert theirs["configuration"] == json.loads(json.dumps(SMALL.configuration()))
    assert theirs["data"]["sha256"] == small_data.fingerprint()
    for a, b in zip(ours, theirs["epochs"], strict=True):
        for kind in ("train_error", "train_error_evaluated", "validation_error", "test_error"):
            assert a[kind] == pytest.approx(b[kind], abs=1e-6)  # the same examples are wrong
        assert a["train_loss"] == pytest.approx(b["train_loss"], rel=1e-5)
        for kind in ("weight_angle", "shared_weight_angle", "update_angle", "error_angle", "error_ratio"):
            assert a[kind] == pytest.approx(b[kind], abs=0.011)  # as they are rounded


def test_data_of_another_name_than_the_experiments_are_refused(small_data, tmp_path):
    with pytest.raises(ArgumentError, match="small is of the dataset 'generated', but the data are named 'mine'"):
        export(SMALL, tmp_path / "x", data=dataclasses.replace(small_data, name="mine"))
    assert not (tmp_path / "x").exists()


def test_a_run_that_diverges_says_so_and_keeps_its_result_as_json(small_data, tmp_path):
    steep = dataclasses.replace(SMALL, learning_rate=1e38, loss="softmax")
    export(steep, tmp_path, data=small_data)
    train_exported(tmp_path, 1)
    told = train_exported(tmp_path, 2)  # which reads what the first start has left
    assert "small--seed0: from epoch 1 on the loss is no finite number: try a smaller learning rate\n" in told
    text = (run_of(tmp_path, steep, 0) / "result.json").read_text()
    result = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert [epoch["train_loss"] for epoch in result["epochs"]] == [None, None]
    assert check(result, "x") is result


def test_runs_in_one_folder_share_what_is_equal(exported):
    small, again, other = (
        json.loads((run_of(exported, experiment, seed) / "manifest.json").read_text())
        for experiment, seed in ((SMALL, 3), (SMALL, 4), (OTHER, 3))
    )
    assert small["data"] == again["data"] == other["data"]
    assert small["phases"][0]["programs"] == again["phases"][0]["programs"] != other["phases"][0]["programs"]
    assert not set(small["phases"][0]["start"]) & set(again["phases"][0]["start"]) - _plain_arrays(exported)
    # W starts the same under both rules; FRFB's R too.
    assert set(small["phases"][0]["start"]) == set(other["phases"][0]["start"])
    assert len(list((exported / "programs").iterdir())) == 2 * 5


def _plain_arrays(folder):
    """Those whose elements are all the same: biases and whole masks start so for every seed."""
    arrays = {path.stem: np.load(path)["array"] for path in (folder / "arrays").iterdir()}
    return {name for name, array in arrays.items() if np.all(array == array.flat[0])}


def test_only_the_runs_named_go_on(exported):
    assert len(result_of(exported, SMALL, 3)["epochs"]) == len(result_of(exported, SMALL, 4)["epochs"]) == 2
    assert len(result_of(exported, OTHER, 3)["epochs"]) == 1


def test_processes_of_their_own_train_the_same(exported, tmp_path):
    folder = shutil.copytree(exported, tmp_path / "copy", ignore=shutil.ignore_patterns("state.npz", "result.json"))
    told = train_exported(folder, 2, "small--seed3", "other--seed3", "--processes", "2")
    assert "4 epochs of 2 runs, 2 at a time" in told
    timing = json.loads((folder / "timing.json").read_text())
    assert (timing["epochs"], timing["processes"]) == (4, 2)
    assert timing["seconds"] > 0
    assert timing["hardware"]["device"]
    assert "0 epochs of 2 runs" in train_exported(folder, 2, "small--seed3", "other--seed3", "--processes", "2")
    assert json.loads((folder / "timing.json").read_text()) == timing, "what took no time replaces no timing"
    for a, b in zip(*(result_of(each, SMALL, 3)["epochs"] for each in (exported, folder)), strict=True):
        assert {**a, "seconds": 0} == {**b, "seconds": 0}


def test_epochs_of_which_the_result_was_lost_are_not_counted_again(exported, tmp_path):
    folder = shutil.copytree(exported, tmp_path / "copy")
    (run_of(folder, SMALL, 3) / "result.json").unlink()
    assert "0 epochs of 1 runs" in train_exported(folder, 2, "small--seed3", "--processes", "1")
    assert not (folder / "timing.json").exists()
    assert len(result_of(folder, SMALL, 3)["epochs"]) == 2


def test_a_process_that_fails_is_named(exported, tmp_path):
    folder = shutil.copytree(exported, tmp_path / "copy")
    (run_of(folder, OTHER, 3) / "state.npz").write_bytes(b"")
    command = [sys.executable, "runner.py", "--epochs", "1", "--processes", "1", "small--seed3", "other--seed3"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "runner.py: 1 of 2 runs stopped, as told above: other--seed3."


def test_a_folder_with_a_started_run_is_refused(exported, small_data):
    manifest = run_of(exported, SMALL, 3) / "manifest.json"
    before = manifest.read_bytes()
    with pytest.raises(ArgumentError, match="has been started: choose another folder"):
        export([OTHER, SMALL], exported, seeds=[3], data=small_data)
    assert manifest.read_bytes() == before


def test_the_weights_come_back_into_a_model(exported, small_data):
    model = SMALL.make_model(small_data.classes, seed=3)
    load_state(model, run_of(exported, SMALL, 3) / "state.npz")
    wrong = 1 - model.evaluate(*small_data.test, verbose=0, return_dict=True)["accuracy"]
    last = result_of(exported, SMALL, 3)["epochs"][-1]
    assert wrong == pytest.approx(last["test_error"], abs=1e-6)
    masked = model.get_layer("dense1")
    assert not np.any(np.asarray(masked.kernel)[~np.asarray(masked.kernel_mask)])
    with pytest.raises(ArgumentError, match="weights of another network"):
        load_state(urfb_tf.build("full conn. 5; output"), run_of(exported, SMALL, 3) / "state.npz")


def test_the_result_can_be_recorded(exported, tmp_path):
    path = record(run_of(exported, SMALL, 3) / "result.json", tmp_path)
    found = store.load("small", 3, tmp_path)
    assert path.name == "small--seed3.json"
    assert [session["from_epoch"] for session in found["sessions"]] == [1, 2]
    assert all("jax" in session["versions"] and session["hardware"]["device"] for session in found["sessions"])


def test_a_whole_epoch_of_every_kind_of_layer_has_no_custom_call():
    data = urfb_tf.load("generated", train=40, validation=5, test=5)
    for model in (urfb_tf.deepnet("frfb"), urfb_tf.untie(urfb_tf.deepernet_s("urfb"), ["conv2", "conv6"])):
        program = urfb_tf.training.EpochProgram(model, batch_size=20, jit_compile=True)
        numbers = [tf.constant(0)] * 4
        images, labels = tf.constant(data.train.images), tf.constant(data.train.labels)
        made = lower(
            program.train_steps,
            program.state(),
            images,
            labels,
            *numbers,
            tf.constant(0.1),
            urfb_tf.training.epoch.Tally.zero(),
        )
        assert made.stablehlo.startswith(b"ML\xefR")  # MLIR bytecode
        # The dense form of an untied layer holds on to four tables.
        untied = sum(isinstance(layer, urfb_tf.UntiedConv2D) for layer in model.layers)
        assert len(made.constants) == 4 * untied


PHASES = (
    Phase(1, learning_rate=0.01, rule="urfb"),
    Phase(1, untie=("conv1",), reinitialise=("dense1",), freeze=("output",), batch_size=10),
)


def test_a_number_in_place_of_seeds_is_refused(small_data, tmp_path):
    with pytest.raises(ArgumentError, match=r"seeds are those of each experiment, such as \(0, 1, 2\), but got 3"):
        export(SMALL, tmp_path, seeds=3, data=small_data)


def test_phases_pass_on_weights_as_tensorflow_does(small_data, tmp_path):
    experiment = dataclasses.replace(SMALL, rule="frfb", phases=PHASES)
    export(experiment, tmp_path, seeds=[5], data=small_data)
    for epochs in (1, 2, 3):  # stopped between the phases and within the second
        train_exported(tmp_path, epochs)
    theirs = result_of(tmp_path, experiment, 5)["epochs"]
    history, model = ([], []), None
    for number, (phase, own) in enumerate(models_of(experiment, small_data.classes, 5), start=1):
        if number == 2:
            shared = model.get_layer("conv1").kernel.numpy()
            np.testing.assert_allclose(decode(theirs[0]["untied_from"]["conv1"]), shared, rtol=1e-4, atol=1e-6)
        model = own if number == 1 else phase.begin(model, rule="frfb", seed=stream(5, "phase", number))
        starts = {"conv1": model.get_layer("conv1").kernel.numpy()} if number == 2 else {}
        records = train(
            model,
            small_data,
            epochs=3 if number == 2 else 1,
            learning_rate=phase.learning_rate or 0.1,
            batch_size=phase.batch_size or 20,
            seed=5,
            history=history,
            jit_compile=True,
            probes=[HomogeneityProbe(starts)],
        )
        history = (records, [{}])
    assert len(theirs) == 3
    for a, b in zip(records, theirs, strict=True):
        assert a["train_loss"] == pytest.approx(b["train_loss"], rel=1e-5)
        assert a["test_error"] == pytest.approx(b["test_error"], abs=1e-6)
    assert records[-1].keys() <= theirs[-1].keys()
    assert theirs[-1]["change"]["conv1"] > 0
    for kind in (kind for kind in records[-1] if "homogeneity" in kind or kind == "change"):
        for ours, same in zip(records[1:], theirs[1:], strict=True):
            assert ours[kind] == pytest.approx(same[kind], abs=2e-5)
    found, expected = result_of(tmp_path, experiment, 5)["filters"]["conv1"], filters_of(model)["conv1"]
    assert found["locations"] == expected["locations"]
    np.testing.assert_allclose(decode(found), decode(expected), rtol=1e-4, atol=1e-6)
    trained = phase.begin(experiment.make_model(small_data.classes, 5), rule="frfb")
    load_state(trained, run_of(tmp_path, experiment, 5) / "state.npz")
    np.testing.assert_allclose(trained.get_layer("conv1").kernel, model.get_layer("conv1").kernel, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "phases",
    [
        (Phase(1, untie=("conv1",)),),
        (Phase(1), Phase(1, untie=("conv1",), reinitialise=("conv1",)), Phase(1, rule="bp")),
    ],
    ids=["from the first epoch on", "drawn anew, then under another rule"],
)
def test_the_change_of_filters_counts_from_where_they_were_untied(phases, small_data, tmp_path):
    experiment = dataclasses.replace(SMALL, rule="frfb", phases=phases)
    export(experiment, tmp_path, data=small_data)
    for epochs in range(1, len(phases) + 1):
        train_exported(tmp_path, epochs)
    models = [model for _, model in models_of(experiment, small_data.classes, 0)]
    start = np.array(models[len(phases) // 2].get_layer("conv1").kernel)  # of the phase that unties
    load_state(models[-1], run_of(tmp_path, experiment, 0) / "state.npz")
    expected = HomogeneityProbe({"conv1": start})(models[-1])
    last = result_of(tmp_path, experiment, 0)["epochs"][-1]
    assert expected["change"]["conv1"] > 0
    for kind, by_layer in expected.items():
        assert last[kind] == pytest.approx(by_layer, abs=2e-5)


CHANGED = {
    "untied": ("alternate", Phase(1, untie=("conv1",))),
    "drawn anew": ("delayed", Phase(1, reinitialise=("dense1",))),
    "drawn anew, R renewed": ("brsf", Phase(1, reinitialise=("dense1",))),
    "of another rule": ("urfb", Phase(1, rule="late")),
}


@pytest.mark.parametrize("change", CHANGED)
def test_phases_do_not_change_layers_whose_rule_is_timed_or_renews_feedback(change):
    rule, phase = CHANGED[change]
    experiment = dataclasses.replace(SMALL, rule=rule, phases=(Phase(1), phase))
    (_, before), (_, after) = models_of(experiment, 10, 0)
    with pytest.raises(ArgumentError, match=r"^'\w+' has the rule '\w+', which is timed or renews R: exported runs"):
        carry(before, places_of(before), after, phase)


@pytest.mark.parametrize("rule", ["alternate", "mirror"])
def test_a_phase_that_changes_no_layer_passes_on_all_that_a_rule_keeps(rule):
    phase = Phase(1, learning_rate=0.01, rule=rule)  # the rule that the layers have already
    (_, before), (_, after) = models_of(dataclasses.replace(SMALL, rule=rule, phases=(Phase(1), phase)), 10, 0)
    assert after is before
    carried, gathers = carry(before, places_of(before), after, phase)
    assert carried == [{"from": place, "gather": None} for place in range(len(state_variables(after)))]
    assert not gathers


def test_a_phase_that_only_freezes_layers_goes_on_with_their_weights(small_data, tmp_path):
    phase = Phase(1, freeze=("dense1",))
    experiment = dataclasses.replace(SMALL, phases=(Phase(1), phase))
    export(experiment, tmp_path, data=small_data)
    kernels = []
    for epochs in (1, 2):
        train_exported(tmp_path, epochs)
        model = experiment.make_model(small_data.classes, 0)
        load_state(phase.begin(model) if epochs == 2 else model, run_of(tmp_path, experiment, 0) / "state.npz")
        kernels.append({layer.name: np.array(layer.kernel) for layer in urfb_tf.layers.feedback_layers(model)})
    assert np.any(kernels[0]["dense1"])
    np.testing.assert_array_equal(kernels[0]["dense1"], kernels[1]["dense1"])
    assert np.any(kernels[0]["output"] != kernels[1]["output"])


def test_bfloat16_weights_keep_their_type_and_bits(tmp_path):
    keras.config.set_dtype_policy("bfloat16")
    try:
        trained, model = (urfb_tf.build("full conn. 5; output", seed=seed) for seed in (1, 2))
    finally:
        keras.config.set_dtype_policy("float32")
    weights = [np.asarray(variable) for variable in state_variables(trained)]
    assert "bfloat16" in {array.dtype.name for array in weights}
    for array in weights:
        read = runner.Shelf(tmp_path, None).read(_Parts(tmp_path).array(array))
        assert (read.dtype, read.shape, read.tobytes()) == (array.dtype, array.shape, array.tobytes())
    run = fresh_run(tmp_path)
    run.state, run.epochs = weights, [{"epoch": 1}]
    run.save()
    again = fresh_run(tmp_path)
    assert [(a.dtype, a.tobytes()) for a in again.state] == [(a.dtype, a.tobytes()) for a in weights]
    load_state(model, tmp_path / "state.npz")
    for a, b in zip(state_variables(trained), state_variables(model), strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def test_more_than_a_thousand_weights_keep_their_order(tmp_path):
    run = fresh_run(tmp_path)
    run.state, run.epochs = [np.array(number) for number in range(1002)], [{"epoch": 1}]
    run.save()
    np.testing.assert_array_equal(fresh_run(tmp_path).state, range(1002))


def test_a_weight_under_the_name_of_another_is_noticed(tmp_path):
    run, path, model = fresh_run(tmp_path), tmp_path / "state.npz", urfb_tf.build("full conn. 5; output", seed=1)
    run.state, run.epochs = [np.asarray(variable) for variable in state_variables(model)], [{"epoch": 1}]
    run.save()
    before, directory, after = path.read_bytes().partition(b"PK\x01\x02")
    path.write_bytes(before + directory + after.replace(b"000.npy", b"001.npy"))
    with pytest.raises(runner.RunnerError, match=f"state.npz cannot be read \\('000' is missing\\): {runner.ANEW}"):
        fresh_run(tmp_path)
    with pytest.raises(ArgumentError, match=r"state.npz cannot be read \('000' is missing\): take that of a run"):
        load_state(model, path)


def test_what_cannot_be_exported_is_refused():
    variable = tf.Variable(1.0)
    with pytest.raises(ArgumentError, match="reads variables"):
        lower(lambda x: x + variable, tf.constant(1.0))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--epochs", "0"], "--epochs and --processes are whole numbers >= 1."),
        (["--epochs", "1", "--processes", "0"], "--epochs and --processes are whole numbers >= 1."),
        (["--epochs", "1", "--seconds", "0"], "--seconds is more than 0."),
        (["--epochs", "1", "--seconds", "nan"], "--seconds is more than 0."),
        (["--epochs", "1", "--save-every", "-1"], "--save-every is at least 0."),
        (["--epochs", "1", "--save-every", "nan"], "--save-every is at least 0."),
        (["--epochs", "1", "large"], "no large to train: "),
    ],
    ids=["epochs", "processes", "seconds", "seconds-nan", "save-every", "save-every-nan", "run"],
)
def test_the_runner_tells_bad_options_in_a_line(arguments, said, exported):
    done = subprocess.run(
        [sys.executable, "runner.py", *arguments], cwd=exported, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"runner.py: {said}")
    assert done.stderr.count("\n") == 1


DAMAGED = {
    "runs/small--seed3/state.npz": "move it away, and a result.json beside it, and the run begins anew.",
    "runs/small--seed3/manifest.json": f"{runner.AGAIN}.",
}


@pytest.mark.parametrize("damaged", DAMAGED)
def test_a_truncated_file_is_named_in_a_line_with_what_to_do(damaged, exported, tmp_path):
    folder = shutil.copytree(exported, tmp_path / "copy")
    whole = (folder / damaged).read_bytes()
    (folder / damaged).write_bytes(whole[: len(whole) // 2])
    done = subprocess.run(
        [sys.executable, "runner.py", "--epochs", "3"], cwd=folder, capture_output=True, text=True, check=False
    )
    told = [line for line in done.stderr.splitlines() if line.startswith("runner.py: ")]
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert len(told) == 1
    assert f"{damaged} cannot be read" in told[0]
    assert told[0].endswith(DAMAGED[damaged])


def test_a_truncated_result_is_named_before_anything_is_trained(exported, tmp_path):
    folder = shutil.copytree(exported, tmp_path / "copy")
    (run_of(folder, SMALL, 3) / "result.json").write_text("{")
    command = [sys.executable, "runner.py", "--epochs", "3", "--processes", "1", "small--seed3"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "result.json cannot be read" in done.stderr
    assert done.stderr.endswith("move it away, and the run writes it again.\n")


def test_a_damaged_program_is_named_in_a_line(exported, tmp_path):
    folder = shutil.copytree(exported, tmp_path / "copy")
    for path in (folder / "programs").iterdir():
        path.write_bytes(path.read_bytes()[:20])
    command = [sys.executable, "runner.py", "--epochs", "3", "small--seed3"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    (told,) = (line for line in done.stderr.splitlines() if line.startswith("runner.py: "))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"{folder / 'programs'}" in told
    assert "cannot be compiled" in told
    assert runner.AGAIN in told


def damaged_archives(folder):
    """Files of arrays with one fault each, by what it is."""
    whole = io.BytesIO()
    np.savez_compressed(whole, array=np.arange(1000) ** 2 % 997)
    content, middle = whole.getvalue(), len(whole.getvalue()) // 2
    faults = {
        "empty": b"",
        "half": content[:middle],
        "packed": content[:middle] + bytes(8) + content[middle + 8 :],
        "text": b"no arrays",
    }
    for name, content in faults.items():
        (folder / name).write_bytes(content)
    with (folder / "alone").open("wb") as file:
        np.save(file, np.ones(1))
    return [folder / name for name in ("missing", *faults, "alone")]


def test_a_file_of_arrays_that_cannot_be_read_is_named(tmp_path):
    for path in damaged_archives(tmp_path):
        with pytest.raises(runner.RunnerError, match=f"{path.name} cannot be read .*: {runner.AGAIN}"):
            runner.load_arrays(path)
        with pytest.raises(ArgumentError, match=rf"{path.name} cannot be read .*: take that of a run that has .*\."):
            load_state(urfb_tf.build("full conn. 5; output"), path)
    with pytest.raises(runner.RunnerError, match=r"text cannot be read \(it is no whole npz file\)"):
        runner.load_arrays(tmp_path / "text")
    (tmp_path / "arrays").mkdir()
    np.savez(tmp_path / "arrays" / "other.npz", other=np.ones(1))
    with pytest.raises(runner.RunnerError, match=r"other.npz cannot be read \('array' is missing\)"):
        runner.Shelf(tmp_path, None).read("other")
    np.savez(tmp_path / "state.npz", other=np.ones(1))
    with pytest.raises(runner.RunnerError, match=f"'past' is missing.*: {runner.ANEW}"):
        fresh_run(tmp_path)


def test_a_jax_with_other_private_names_is_told_in_a_line(monkeypatch):
    import jax
    from jax._src.lib import xla_client

    said = rf"^JAX {jax.__version__} does not take programs as runner.py gives them \(.+\): install JAX 0.10 or 0.11$"
    with monkeypatch.context() as changed:
        changed.setattr(jax.config, "update", lambda *_: None)  # as other tests have it
        changed.setattr(jax, "devices", lambda: [types.SimpleNamespace(client=None)])
        changed.delattr(xla_client._xla, "DeviceList")
        with pytest.raises(runner.RunnerError, match=said):
            runner.Device()
        changed.setattr(xla_client._xla, "DeviceList", list, raising=False)
        device = runner.Device()
        with pytest.raises(runner.RunnerError, match=said):
            device.compile(b"")
        changed.setitem(sys.modules, "jax._src.lib", None)
        with pytest.raises(runner.RunnerError, match=said):
            runner.Device()
        changed.setitem(sys.modules, "jax", None)
        with pytest.raises(runner.RunnerError, match="JAX is not installed here"):
            runner.Device()


def test_another_export_mends_arrays_and_programs_and_leaves_whole_arrays(tmp_path):
    array, program = np.arange(1000.0), Program(b"program", [], "name")

    def put():
        parts = _Parts(tmp_path)
        return tmp_path / "arrays" / f"{parts.array(array)}.npz", parts.program(program)

    path, _ = put()
    whole = path.read_bytes()
    made = path.stat().st_mtime_ns
    put()
    assert path.stat().st_mtime_ns == made
    other = io.BytesIO()
    np.savez_compressed(other, array=array + 1)
    for content in (b"", whole[:100], other.getvalue()):
        path.write_bytes(content)
        (tmp_path / "programs" / "name.stablehlo").write_bytes(content)
        put()
        assert path.read_bytes() == whole
        assert (tmp_path / "programs" / "name.stablehlo").read_bytes() == b"program"


@pytest.mark.parametrize("left", [None, b"", b"{}", b'{"epochs": [{"epoch": 1}]}'])
def test_a_result_that_is_behind_the_weights_is_written_again(left, tmp_path):
    run = fresh_run(tmp_path)
    run.state, run.epochs = [np.ones(3)], [{"epoch": 1}, {"epoch": 2}]
    run.save()
    whole = (tmp_path / "result.json").read_bytes()
    (tmp_path / "result.json").unlink()
    if left is not None:
        (tmp_path / "result.json").write_bytes(left)
    runner.take_turns([fresh_run(tmp_path)], 2, 30, lambda: False)
    assert (tmp_path / "result.json").read_bytes() == whole
    assert len(json.loads(whole)["epochs"]) == 2


def test_a_start_that_trains_nothing_is_no_session(tmp_path, monkeypatch):
    monkeypatch.setattr(runner.Run, "_session", lambda self: {"from_epoch": len(self.epochs) + 1})
    monkeypatch.setattr(runner.Run, "_enter", lambda self, epoch: None)
    monkeypatch.setattr(runner.Run, "_epoch", lambda self, phase, number: {"epoch": number + 1})

    def start(epochs, seconds):
        left = iter([False] * seconds)
        run = fresh_run(tmp_path)
        run.state = [np.ones(3)]
        runner.take_turns([run], epochs, 30, lambda: next(left, True))

    start(2, 10)
    (tmp_path / "result.json").unlink()  # as if the process was killed before it was written
    start(3, 1)
    result = json.loads((tmp_path / "result.json").read_text())
    assert (len(result["epochs"]), result["sessions"]) == (2, [{"from_epoch": 1}])
    start(3, 10)
    result = json.loads((tmp_path / "result.json").read_text())
    assert (len(result["epochs"]), result["sessions"]) == (3, [{"from_epoch": 1}, {"from_epoch": 3}])


def test_a_result_ahead_of_the_weights_is_not_replaced(tmp_path):
    run = fresh_run(tmp_path)
    run.state, run.epochs = [np.ones(3)], [{"epoch": 1}, {"epoch": 2}]
    run.save()
    before = (tmp_path / "result.json").read_bytes()
    (tmp_path / "state.npz").unlink()
    said = r"result.json holds 2 epochs, and state.npz beside it 0, .*: put the latest state.npz back, or move result"
    with pytest.raises(runner.RunnerError, match=said):
        fresh_run(tmp_path)
    assert (tmp_path / "result.json").read_bytes() == before
    (tmp_path / "result.json").unlink()
    assert fresh_run(tmp_path).epochs == []


def test_the_weights_of_another_run_are_refused(exported, tmp_path):
    folder = shutil.copytree(exported, tmp_path / "copy")
    shutil.copy(run_of(folder, OTHER, 3) / "state.npz", run_of(folder, SMALL, 3))
    with pytest.raises(
        runner.RunnerError, match=f"state.npz belongs to another run: put .* in its place, or {runner.ANEW}"
    ):
        runner.Run(run_of(folder, SMALL, 3), None)


def test_weights_of_other_shapes_are_told_in_a_line(exported, tmp_path):
    folder = shutil.copytree(exported, tmp_path / "copy")
    path = run_of(folder, SMALL, 3) / "state.npz"
    saved = {**runner.load_arrays(path), "000": np.ones((2, 2), np.float32)}
    past = {key: value for key, value in json.loads(saved["past"].tobytes()).items() if key != "run"}  # as it once was
    np.savez(path, **{**saved, "past": np.frombuffer(json.dumps(past).encode(), np.uint8)})
    command = [sys.executable, "runner.py", "--epochs", "3", "small--seed3"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    (told,) = (line for line in done.stderr.splitlines() if line.startswith("runner.py: "))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert told.startswith("runner.py: the program 'train' does not run (")
    assert "see that each state.npz is of the run beside it" in told


IN_MANIFEST = {
    (): runner.OF_RUN,
    ("session",): ("commit", "versions"),
    ("data",): runner.OF_DATA,
    ("phases", 0): runner.OF_PHASE,
    ("phases", 0, "programs"): runner.PROGRAMS,
}


@pytest.mark.parametrize(("place", "key"), [(place, key) for place, keys in IN_MANIFEST.items() for key in keys])
def test_a_manifest_that_lacks_something_is_named(place, key, exported, tmp_path):
    manifest = json.loads((run_of(exported, SMALL, 3) / "manifest.json").read_text())
    inside = manifest
    for step in place:
        inside = inside[step]
    del inside[key]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(
        runner.RunnerError, match=rf"manifest.json cannot be read \('{key}' is missing\): {runner.AGAIN}"
    ):
        runner.Run(tmp_path, None)


@pytest.mark.parametrize(("entry", "said"), [({"phases": []}, "no phase"), ({"seed": "three"}, "three")])
def test_a_manifest_that_cannot_be_is_refused(entry, said, exported, tmp_path):
    manifest = json.loads((run_of(exported, SMALL, 3) / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | entry))
    with pytest.raises(runner.RunnerError, match=f"manifest.json cannot be read .*{said}"):
        runner.Run(tmp_path, None)


def test_a_folder_that_takes_nothing_is_told_before_the_first_epoch(exported, monkeypatch):
    def refuse(**_):
        raise OSError(errno.EROFS, "Read-only file system")

    device = types.SimpleNamespace(put=np.asarray, version="", describe=dict)
    run = runner.Run(run_of(exported, SMALL, 3), types.SimpleNamespace(device=device))
    monkeypatch.setattr(runner.tempfile, "TemporaryFile", refuse)
    with pytest.raises(runner.RunnerError, match=r"cannot write into .*\(Read-only file system\): copy the exported"):
        run.advance(len(run.epochs) + 1, lambda: False)
    run.advance(len(run.epochs), lambda: False)  # with nothing to train, nothing is written


def test_a_run_is_trained_by_one_process_at_a_time(tmp_path, monkeypatch):
    folder = tmp_path / "runs" / "a"
    folder.mkdir(parents=True)
    for name in (".state.npz.1.part", ".result.json.1.part", ".manifest.json.1.part"):
        (folder / name).touch()
    options = types.SimpleNamespace(folder=tmp_path)
    with runner._alone(folder):
        assert [path.name for path in folder.iterdir()] == [".manifest.json.1.part"]
        with pytest.raises(
            runner.RunnerError, match=r"another process trains .*a: wait until it is done, or name other"
        ):
            runner._train_here(options, ["a"], None)
    with runner._alone(folder):
        pass


def test_a_disk_that_is_full_costs_nothing_that_was_saved(tmp_path):
    def full(file):
        file.write(b"a part")
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "result.json"
    path.write_bytes(b"old")
    with pytest.raises(runner.RunnerError, match=r"No space left on device.*intact; free some space"):
        runner._replace(path, full)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_ctrl_c_while_a_file_is_written_leaves_the_old_one_alone(tmp_path):
    def press(file):
        file.write(b"a part")
        raise KeyboardInterrupt

    path = tmp_path / "result.json"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        runner._replace(path, press)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_two_processes_that_write_one_file_do_not_mix(tmp_path, monkeypatch):
    path, synced = tmp_path / "result.json", []
    monkeypatch.setattr(runner.os, "fsync", synced.append)

    def interrupted(file):
        file.write(b"begun by the first")
        with monkeypatch.context() as other:
            other.setattr(runner.os, "getpid", lambda: -1)
            runner._replace(path, lambda file: file.write(b"the second"))
        assert path.read_bytes() == b"the second"

    runner._replace(path, interrupted)
    assert path.read_bytes() == b"begun by the first"
    assert list(tmp_path.iterdir()) == [path]
    assert len(synced) == 2


def test_a_run_named_twice_is_trained_once(tmp_path, monkeypatch):
    (tmp_path / "runs" / "a").mkdir(parents=True)
    fresh_run(tmp_path / "runs" / "a")
    trained = []
    monkeypatch.setattr(runner, "_train_here", lambda options, names, *_: trained.append(names))
    monkeypatch.setattr(runner.signal, "getsignal", lambda _: signal.SIG_IGN)  # the tests keep their own Ctrl-C
    monkeypatch.setattr(sys, "argv", ["runner.py", "a", "a", "--epochs", "1", "--folder", str(tmp_path)])
    assert runner.main() == 0
    assert trained == [["a"]]


def test_within_a_turn_a_run_is_saved_when_it_is_time(exported, tmp_path, monkeypatch):
    folder = shutil.copytree(
        run_of(exported, SMALL, 3), tmp_path / "run", ignore=lambda *_: ["state.npz", "result.json"]
    )
    device = types.SimpleNamespace(put=np.asarray, version="", describe=dict)
    run, kept = runner.Run(folder, types.SimpleNamespace(device=device)), []

    def epoch(_, number):
        kept.append(runner._told(folder))
        return {"epoch": number + 1}

    monkeypatch.setattr(run, "_enter", lambda epoch: None)
    monkeypatch.setattr(run, "_epoch", epoch)
    run.advance(3, lambda: False, 1000)
    run.advance(6, lambda: False, 0)
    assert kept == [0, 0, 0, 0, 4, 5]


def test_a_jax_without_a_device_is_told(monkeypatch):
    import jax

    def devices():
        raise RuntimeError("Unable to initialize backend 'cuda'\nand more")

    monkeypatch.setattr(jax, "devices", devices)
    with pytest.raises(runner.RunnerError, match=r"no device here \(Unable .*'\): install .* unset JAX_PLATFORMS$"):
        runner.Device()


# Ends a command when it is asked to, by SIGTERM to this process alone.
TERMINATED = """
import os, signal, sys, threading
import runner
stop = runner.Stop(None)
ask = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); print(flush=True); signal.pause()"
os.kill(os.getpid(), signal.SIGTERM)
stop._terminated = False  # as if it had not come: another is no other than the first
class Told(runner.subprocess.Popen):
    def wait(self, timeout=None):
        if self.returncode is None:
            self.stdout.readline()  # it listens now
            os.kill(os.getpid(), signal.SIGTERM)
        return super().wait(timeout)
    def __init__(self, command, env):
        super().__init__(command, env=env, stdout=runner.subprocess.PIPE)
runner.subprocess.Popen = Told
print(stop.run([sys.executable, "-c", ask], dict(os.environ)), stop.over())
"""


def test_sigterm_is_passed_on_to_the_processes(exported):
    command = [sys.executable, "-c", TERMINATED]
    done = subprocess.run(command, cwd=exported, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "7 True\n"), done.stderr
    assert set(done.stderr.splitlines()) == {"runner.py: stopping after this epoch."}


# Presses Ctrl-C so many times in the second epoch of the process.
PRESSED = """
import os, signal, sys
import runner
def epoch(self, phase, number, own=runner.Run._epoch):
    for _ in range(PRESSES if number == 1 else 0):
        os.kill(os.getpid(), signal.SIGINT)
    return own(self, phase, number)
runner.Run._epoch = epoch
sys.exit(runner.main())
"""


def press(presses, exported, tmp_path):
    """A copy of the folder in which a run was begun and stopped so, and what the runner said."""
    folder = shutil.copytree(exported, tmp_path / "copy", ignore=shutil.ignore_patterns("state.npz", "result.json"))
    code = PRESSED.replace("PRESSES", str(presses))
    command = [sys.executable, "-c", code, "small--seed3", "--epochs", "5", "--save-every", "1000"]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs hand down that they ignore it
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert "runner.py: stopping after this epoch; Ctrl-C again stops at once" in done.stderr
    return folder, done.stderr


def test_ctrl_c_saves_after_the_epoch_in_progress(exported, tmp_path):
    folder, _ = press(1, exported, tmp_path)
    for a, b in zip(*(result_of(each, SMALL, 3)["epochs"] for each in (exported, folder)), strict=True):
        assert {**a, "seconds": 0} == {**b, "seconds": 0}
    assert (run_of(folder, SMALL, 3) / "state.npz").exists()


def test_ctrl_c_pressed_again_stops_at_once(exported, tmp_path):
    folder, said = press(2, exported, tmp_path)
    assert said.endswith("runner.py: stopped; what was saved before is intact: run the same command to go on.\n")
    assert [path.name for path in run_of(folder, SMALL, 3).iterdir()] == ["manifest.json"]


def test_after_ctrl_c_no_further_process_is_started(tmp_path, capsys):
    started, stop = [], types.SimpleNamespace(pressed=False, left=lambda: None, over=lambda: stop.pressed)

    def run(command, _):
        started.append(command[2])
        stop.pressed = True
        return 130

    stop.run = run
    options = types.SimpleNamespace(epochs=5, save_every=30, folder=tmp_path, processes=1)
    runner._train_apart(options, ["a", "b"], stop)
    assert started == ["a"]
    assert capsys.readouterr().out.startswith("b: stopped before its turn\n0 epochs of 2 runs")


class Counted:
    """A run that only counts its epochs, and notes when it is saved if there is something new."""

    def __init__(self, done, log):
        self.epochs, self.saved, self.log = [None] * done, done, log

    def advance(self, epochs, over, _):
        while len(self.epochs) < epochs and not over():
            self.epochs.append(None)

    def save(self, every=0):
        if len(self.epochs) > self.saved and not every:
            self.saved = len(self.epochs)
            self.log.append((self, self.saved))


@pytest.mark.parametrize("save_every", [0, 30])
def test_runs_take_turns_and_the_one_behind_catches_up(save_every, monkeypatch):
    monkeypatch.setattr(runner, "TURN", 3)
    log = []
    ahead, behind = Counted(4, log), Counted(0, log)
    runner.take_turns([ahead, behind], 6, save_every, lambda: False)
    on_the_way = [] if save_every else [(behind, 3)]
    assert log == [*on_the_way, (ahead, 6), (behind, 6)]


def test_time_that_is_over_stops_all_runs_with_what_they_have(monkeypatch):
    monkeypatch.setattr(runner, "TURN", 2)
    log, asked = [], itertools.count()
    runs = [Counted(0, log), Counted(0, log)]
    runner.take_turns(runs, 100, 1000, lambda: next(asked) > 3)
    assert [len(run.epochs) for run in runs] == [2, 1]
    assert log == [(runs[0], 2), (runs[1], 1)]


class Failing(Counted):
    """One that cannot be trained beyond two epochs."""

    def advance(self, epochs, over, save_every):
        if epochs > 2:
            raise runner.RunnerError("cannot be trained")
        super().advance(epochs, over, save_every)


class Full(Counted):
    """One whose disk takes nothing."""

    def save(self, every=0):
        if not every:
            raise runner.RunnerError("no space left")


def test_an_error_in_one_run_costs_the_others_no_epoch(monkeypatch):
    monkeypatch.setattr(runner, "TURN", 2)
    log = []
    runs = [kind(0, log) for kind in (Full, Counted, Failing, Counted)]
    with pytest.raises(runner.RunnerError, match="cannot be trained"):
        runner.take_turns(runs, 100, 1000, lambda: False)
    assert log == [(runs[1], 4), (runs[3], 2)]
    again = []
    with pytest.raises(runner.RunnerError, match="no space left"):
        runner.take_turns([Full(0, again), last := Counted(0, again)], 4, 1000, lambda: len(last.epochs) > 0)
    assert again == [(last, 1)]


def test_a_run_is_saved_when_it_is_time_and_there_is_something_new(exported, tmp_path, monkeypatch):
    folder = shutil.copytree(
        run_of(exported, SMALL, 3), tmp_path / "run", ignore=lambda *_: ["state.npz", "result.json"]
    )
    now, shelf = [100.0], types.SimpleNamespace(device=types.SimpleNamespace(put=np.asarray))
    monkeypatch.setattr(runner.time, "monotonic", lambda: now[0])
    run = runner.Run(folder, shelf)
    run.save()
    assert not (folder / "state.npz").exists(), "nothing to save yet"
    run.state, run.epochs = [np.ones(3)], [{"epoch": 1}]
    now[0] += 29
    run.save(30)
    assert not (folder / "state.npz").exists(), "it is not time yet"
    now[0] += 1
    run.save(30)
    run.epochs.append({"epoch": 2})
    run.save(30)
    assert json.loads((folder / "result.json").read_text())["epochs"] == [{"epoch": 1}]
    run.save()
    assert len(json.loads((folder / "result.json").read_text())["epochs"]) == 2
    again = runner.Run(folder, shelf)
    assert (len(again.epochs), *again.state[0]) == (2, 1, 1, 1)


def test_what_xla_cannot_compile_is_refused():
    with pytest.raises(ArgumentError, match="XLA cannot compile the program"):
        lower(lambda x: tf.py_function(lambda z: z, [x], tf.float32), tf.constant(1.0))


def test_programs_that_differ_in_a_constant_alone_have_names_of_their_own():
    def digest(table, within=lambda function: function):
        return lower(within(lambda x: x + tf.constant(table)), tf.zeros(len(table), tf.float64)).digest

    table = np.arange(1000.0)  # of which XLA's text shows no number
    for within in (lambda function: function, tf.function(autograph=False)):
        assert digest(table, within) == digest(table.copy(), within)
        assert digest(table, within) != digest(table + 1, within)


def test_an_export_is_of_experiments(tmp_path):
    for named in ("table1/cifar10/urfb", ["table1/cifar10/urfb"]):
        with pytest.raises(ArgumentError, match="An export is of experiments, but got 'table1/cifar10/urfb'"):
            export(named, tmp_path)
