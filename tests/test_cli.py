"""The commands: what goes wrong is told in one line, and what goes right says where it is."""

import dataclasses
import json
import os
import re
import shlex
import subprocess
import sys
import types

import numpy as np
import pytest

import urfb_tf.experiments.run
import urfb_tf.export
from urfb_tf import plots, rules
from urfb_tf.__main__ import main
from urfb_tf.analysis import recorded
from urfb_tf.cli import parse
from urfb_tf.cli.run import _experiments, _ProgressBar
from urfb_tf.experiments import EXPERIMENTS
from urfb_tf.export.runner import diverged_from
from urfb_tf.results import load, seeds, store


@pytest.fixture(autouse=True)
def _quick(monkeypatch, small_data, tmp_path):
    """In an empty folder, on few images, and without making all of the process deterministic."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(urfb_tf.experiments.run, "deterministic", lambda: None)
    monkeypatch.setattr(urfb_tf.experiments.run.datasets, "load", lambda name: small_data)


def run(*arguments):
    return main(["run", "simpnet", "--dataset", "generated", "--batch-size", "20", *arguments])


BAD = {
    "run lenet": "experiment 'lenet': did you mean 'deepnet'? `python -m urfb_tf run --help` names all that there are.",
    "list table4": "Unknown experiment or place 'table4': did you mean 'table3' or ",
    "results table2 rules": "The paper has no numbers of rules: `python -m urfb_tf list rules` says what is recorded.",
    "run simpnet --dataset mnist": "Unknown dataset 'mnist': use one of 'cifar10', 'cifar100', 'generated'.",
    "run simpnet --rule hebb": "Unknown rule 'hebb': use one of ",
    "run simpnet --loss square": "Unknown loss 'square': use one of 'hinge', 'softmax', 'circuit'.",
    "run simpnet --reading hers": "Unknown reading 'hers': use one of 'paper', 'original'.",
    "run simpnet --set nonsense": "--set takes ITEM=VALUE such as slope=1.0 or tied_pooling=False, but got 'nonsense'.",
    "run simpnet --set slop=1": "Unknown item of a reading 'slop': use one of 'slope', 'closed', ",
    "run simpnet --set slope=steep": "--set takes ITEM=VALUE such as slope=1.0 or ",
    "run simpnet --set \"slope='1'\"": "slope of a reading is a finite number > 0, but got '1'.",
    "run simpnet --set slope=None": "slope of a reading is a finite number > 0, but got None.",
    "run simpnet --set prune_all=2": "prune_all of a reading is True or False, but got 2.",
    "run simpnet --set 'slope={[]: 1}'": "--set takes ITEM=VALUE such as slope=1.0 or ",
    "run simpnet --epochs 0": "epochs is a whole number >= 1, but got 0.",
    "run simpnet --epsilon -1": "URFB needs a finite epsilon >= 0, the ratio of R's step to W's, but got -1.0.",
    "run simpnet --epsilon nan": "URFB needs a finite epsilon >= 0, the ratio of R's step to W's, but got nan.",
    "run simpnet --rule kp --epsilon 0.5": "but the rule 'kp' does not have it: leave out 0.5.",
    "run simpnet --connectivity 0": "connectivity is the share of connections that exist, in (0, 1], but got 0.0.",
    "run simpnet --connectivity 2": "connectivity is the share of connections that exist, in (0, 1], but got 2.0.",
    "run simpnet --seed -1": "A seed is a whole number from 0 to 2**31 - 1, but got -1.",
    "run simpnet --learning-rate 0": "SGD needs a learning rate > 0, but got 0.0.",
    "run simpnet --batch-size 0": "The batch size is a whole number from 1 to the 60 images, but got 0.",
    "run simpnet --batch-size 61": "The batch size is a whole number from 1 to the 60 images, but got 61.",
    "run simpnet --batch-size 20 --checkpoint-every 0": "checkpoint_every is a whole number >= 1, but got 0.",
    "run table1/cifar10/bp --epochs 1": "did you mean 'table1/cifar10/bp-softmax' or 'table1/cifar10/bp-hinge'?",
    "export table1/cifar10/urbf --out exported": "Unknown experiment 'table1/cifar10/urbf': did you mean ",
    "export table1 --seeds 0 --out exported": "--seeds is a whole number >= 1, but got 0.",
    "record nowhere": "nowhere/result.json cannot be read as a result",
}


@pytest.mark.parametrize(("command", "sentence"), BAD.items(), ids=BAD)
def test_a_mistake_is_told_in_one_line(command, sentence, capsys, tmp_path):
    assert main(shlex.split(command)) == 1
    output, errors = capsys.readouterr()
    assert errors.startswith("urfb_tf: ")
    assert sentence in errors
    assert errors.count("\n") == 1
    assert output == ""
    assert list(tmp_path.iterdir()) == []


def test_run_and_bench_name_the_size_of_a_batch_alike():
    for line in ("run simpnet", "bench"):
        for option in ("--batch-size", "--batch"):  # argparse takes the beginning of a name
            assert parse([*line.split(), option, "7"]).batch_size == 7


def test_missing_data_are_told_in_one_line(capsys, monkeypatch):
    def none(name):
        raise urfb_tf.errors.DataUnavailableError(f"{name} is not here.")

    monkeypatch.setattr(urfb_tf.experiments.run.datasets, "load", none)
    assert main(["run", "table1/cifar10/urfb"]) == 1
    assert capsys.readouterr().err == "urfb_tf: cifar10 is not here.\n"


def test_a_folder_that_takes_nothing_is_told_in_one_line(capsys, tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert run("--epochs", "1", "--quiet", "--no-alignment", "--out", "file/run") == 1
    errors = capsys.readouterr().err
    assert errors.startswith("urfb_tf: Cannot write into file/run (")
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [[], ["train"], ["run"], ["run", "simpnet", "--epochs", "many"], ["run", "simpnet", "--out", ""]]
)
def test_a_command_line_that_cannot_be_read_shows_the_usage(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("usage: python -m urfb_tf")


def test_a_run_says_where_its_result_is_and_goes_on_by_the_same_command(capsys, tmp_path):
    options = ["--no-alignment", "--quiet", "--rule", "urfb", "--epsilon", "0.5", "--set", "slope=1.0", "--seed", "3"]
    assert run("--epochs", "1", *options) == 0
    output, errors = capsys.readouterr()
    assert errors == ""
    (path,) = tmp_path.rglob("result.json")
    assert f"result in {path.relative_to(tmp_path)}\n" in output
    assert path.parent.name == "seed3"
    first = json.loads(path.read_text())
    assert (first["seed"], first["configuration"]["epsilon"]) == (3, 0.5)
    assert first["configuration"]["reading_items"]["slope"] == 1
    assert first["configuration"]["changes"] == {"slope": 1}
    assert run("--epochs", "2", *options) == 0
    second = json.loads(path.read_text())
    assert second["epochs"][:1] == first["epochs"]
    assert [session["from_epoch"] for session in second["sessions"]] == [1, 2]
    content = path.read_bytes()
    assert run("--epochs", "2", *options) == 0
    assert path.read_bytes() == content


def test_another_seed_or_setting_gets_a_folder_of_its_own(tmp_path):
    options = ["--epochs", "1", "--no-alignment", "--quiet"]
    assert [run(*options), run(*options, "--seed", "1"), run(*options, "--epsilon", "2")] == [0, 0, 0]
    assert len(list(tmp_path.rglob("result.json"))) == 3


def test_a_rule_is_named_in_small_or_capital_letters(monkeypatch):
    class Mine(rules.FixedRandomFeedback):
        name = "MyRule"

    monkeypatch.setitem(rules.RULES, "MyRule", Mine)
    found = [_experiments(parse(["run", "simpnet", "--rule", given]))[0].rule for given in ("myrule", "MyRule", "Kp")]
    assert found == ["MyRule", "MyRule", "kp"]


def test_the_id_of_a_run_names_each_setting():
    settings = ["epsilon=0.5", "connectivity=0.5", "learning_rate=0.5"]
    commands = [["run", "simpnet", f"--{name.replace('_', '-')}"] for name in settings]
    found = [experiment.id for command in commands for experiment in _experiments(parse(command))]
    assert found == [f"simpnet-cifar10-urfb+{setting}" for setting in settings]
    (both,) = _experiments(parse(["run", "simpnet", "--rule", "BP", "--loss", "softmax", "--set", "slope=1.0"]))
    assert both.id == "simpnet-cifar10-bp+loss=softmax+changes=slope=1.0"


@pytest.mark.parametrize(
    ("command", "suffix", "fields"),
    [
        (
            "ablations/cifar10/urfb/slope=1.0 --set closed=True",
            "+changes=closed=True",
            {"changes": (("slope", 1.0), ("closed", True))},
        ),
        ("ablations/cifar10/urfb/slope=1.0 --set slope=0.7", "+changes=slope=0.7", {"changes": (("slope", 0.7),)}),
        ("imperfect/cifar10/delay=10 --rule alternate", "+rule=alternate", {"rule": "alternate", "rule_options": ()}),
        ("imperfect/cifar10/delay=10 --rule delayed", "+rule=delayed", {}),
        ("imperfect/cifar10/circuit-ungated --loss softmax", "+loss=softmax", {"loss": "softmax", "loss_options": ()}),
        ("imperfect/cifar10/circuit-ungated --rule frfb", "+rule=frfb", {"rule": "frfb"}),
    ],
)
def test_settings_change_an_experiment_in_nothing_else(command, suffix, fields):
    options = parse(["run", *command.split()])
    experiment = EXPERIMENTS[options.what]
    (changed,) = _experiments(options)
    assert changed == dataclasses.replace(experiment, id=experiment.id + suffix, **fields)
    assert changed.make_model(10, 0).compiled


def test_a_folder_of_another_run_is_refused(capsys):
    options = ["--epochs", "1", "--no-alignment", "--quiet", "--out", "mine"]
    assert run(*options) == 0
    capsys.readouterr()
    assert run(*options, "--rule", "frfb") == 1
    errors = capsys.readouterr().err
    assert "rule was 'urfb', is 'frfb'" in errors
    assert errors.count("\n") == 1


def strict(text):
    """What JSON holds, which has neither NaN nor infinities."""
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


@pytest.mark.parametrize("loss", ["softmax", "hinge"])  # NaN, infinity
def test_a_run_that_diverges_says_so_and_keeps_its_result_as_json(loss, capsys, tmp_path):
    options = ["--loss", loss, "--learning-rate", "1e38", "--quiet", "--increments", "--out", "mine"]
    assert run("--epochs", "1", *options) == 0
    assert run("--epochs", "2", *options) == 0
    *_, told = capsys.readouterr().out.splitlines()
    assert told.endswith(": from epoch 1 on the loss is no finite number: try a smaller learning rate.")
    result = strict((tmp_path / "mine" / "result.json").read_text())
    assert [epoch["train_loss"] for epoch in result["epochs"]] == [None, None]
    assert store.read(tmp_path / "mine" / "result.json") == result
    with np.load(tmp_path / "mine" / "checkpoint.npz") as archive:
        assert strict(archive["header"].tobytes())["epochs"] == result["epochs"]
    path = store.record(tmp_path / "mine" / "result.json", tmp_path / "records")
    assert strict(path.read_text())["epochs"] == result["epochs"]
    assert np.isnan(recorded.recent(result["epochs"], "train_loss"))
    assert plots.learning_curves({"URFB": result["epochs"]}, {"URFB": "urfb"}, fields=["test_error", "train_loss"])


@pytest.mark.parametrize(("losses", "first"), [([1, 2], None), ([1, None], 2), ([None, None], 1), ([None, 1], None)])
def test_a_loss_counts_as_diverged_from_where_it_stays_so(losses, first):
    assert diverged_from([{"epoch": n, "train_loss": loss} for n, loss in enumerate(losses, start=1)]) == first


def test_the_progress_bar_shows_loss_and_error(capsys):
    assert run("--epochs", "1", "--no-alignment") == 0
    output = capsys.readouterr().out
    assert "Epoch 1\n" in output
    assert "loss:" in output
    assert "error:" in output


def test_the_progress_bar_counts_the_first_steps_of_each_epoch(capsys, monkeypatch):
    now, tally = [1000.0], types.SimpleNamespace(examples=20, loss=1.0, mistakes=1)
    monkeypatch.setattr("time.time", lambda: now[0])
    bar = _ProgressBar()
    for epoch, step in ((1, 10), (1, 20), (2, 10), (2, 20)):
        now[0] += 30 * epoch
        bar(epoch, step, 20, tally)
    first, second = capsys.readouterr().out.split("Epoch 2\n")
    assert re.findall(r"(\d+s) \S*?3s/step", first.replace("\x1b[1m", "").replace("\x1b[0m", "")) == ["30s", "60s"]
    assert re.findall(r"(\S+) \S*?6s/step", second.replace("\x1b[1m", "").replace("\x1b[0m", "")) == ["60s", "120s"]


def test_ctrl_c_ends_with_status_130_and_says_how_to_go_on(capsys, monkeypatch):
    def press(self, epoch, step, steps, tally):
        if epoch == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(_ProgressBar, "__call__", press)
    assert run("--epochs", "3", "--no-alignment", "--out", "mine") == 130
    output = capsys.readouterr().out
    assert "Stopped after epoch 1, saved in mine/checkpoint.npz; run the same command again to go on." in output


def test_experiments_are_listed_with_the_papers_numbers(capsys):
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(EXPERIMENTS)
    row = next(line for line in lines if line.startswith("table1/cifar10/urfb "))
    assert '{"train": 0.07, "test": 0.31}' in row
    lengths = [len(load("table1/cifar10/urfb", seed)["epochs"]) for seed in seeds("table1/cifar10/urfb")]
    longest = lengths.count(max(lengths))  # how many seeds are as long, whichever comes last
    counted = f" of {longest} seeds" if longest > 1 else ""
    assert f" {max(lengths)} epochs{counted} recorded" in row
    assert not [line for line in lines if not line.startswith("table") and line.endswith("paper")]


def test_experiments_of_some_places_are_listed_once_and_in_order(capsys):
    assert main(["list", "table3/urfb", "table2/deepnet", "table2"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == [key for key in EXPERIMENTS if key.startswith("table2/")] + ["table3/urfb", "table3/urfb/untied"]


def test_a_result_is_recorded_under_its_experiment(capsys, monkeypatch, tmp_path):
    records = tmp_path / "records"
    monkeypatch.setattr(store.record, "__defaults__", (records,))
    assert run("--epochs", "1", "--no-alignment", "--quiet", "--out", "mine") == 0
    for named in ("mine", "mine/result.json"):
        assert main(["record", named]) == 0
        (path,) = records.iterdir()
        assert capsys.readouterr().out.endswith(f"recorded as {path}\n")
    recorded, result = (json.loads(file.read_text()) for file in (path, tmp_path / "mine" / "result.json"))
    assert recorded == {**result, "digest": store.digest(result)}


def test_a_package_that_takes_no_record_says_where_one_can_be_made(capsys, monkeypatch, tmp_path):
    (tmp_path / "result.json").write_text(json.dumps(load("table1/cifar10/urfb")))
    (tmp_path / "records").write_text("in the way")
    monkeypatch.setattr(store, "RECORDS", tmp_path / "records")
    monkeypatch.setattr(store.record, "__defaults__", (tmp_path / "records",))
    assert main(["record", "result.json"]) == 1
    told = capsys.readouterr().err
    assert told.endswith("): record from a checkout of your own, installed by `pip install -e .`.\n")
    assert told.count("\n") == 1


def test_a_terminal_without_a_character_shows_the_rest():
    command = [sys.executable, "-m", "urfb_tf", "leaderboard"]
    variables = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=300, check=True)
    assert " ? 0.00" in done.stdout


def test_status_says_how_far_runs_have_come(capsys):
    assert run("--epochs", "2", "--no-alignment", "--quiet", "--seeds", "2") == 0
    capsys.readouterr()
    assert main(["status"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.split()[1:4] == ["seed", "0", "2"]
    assert second.split()[1:4] == ["seed", "1", "2"]
    assert main(["status", "--runs", "nowhere"]) == 1
    assert "There is no folder nowhere" in capsys.readouterr().err


def test_status_names_a_damaged_result_and_goes_on(capsys, tmp_path, template):
    for name in ("1", "3"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "result.json").write_text(json.dumps(template))
    for name, content in (("0", ""), ("2", "{}")):
        (tmp_path / "runs" / name).mkdir()
        (tmp_path / "runs" / name / "result.json").write_text(content)
    assert main(["status"]) == 1
    output, errors = capsys.readouterr()
    assert output.count("1 of 1000 epochs, test error") == output.count("\n") == 2
    first, second = errors.splitlines()
    assert first.startswith("urfb_tf: runs/0/result.json cannot be read as a result")
    assert second.startswith("urfb_tf: runs/2/result.json: ")


def test_status_finds_runs_behind_links_and_each_once(capsys, tmp_path, template):
    elsewhere = tmp_path / "elsewhere" / "seed0"
    elsewhere.mkdir(parents=True)
    (elsewhere / "result.json").write_text(json.dumps(template))
    (elsewhere / "up").symlink_to(tmp_path)  # which leads to itself
    (tmp_path / "runs").mkdir()
    for name in ("a", "b"):
        (tmp_path / "runs" / name).symlink_to(elsewhere)
    assert main(["status"]) == 0
    assert capsys.readouterr().out.count("1 of 1000 epochs, test error") == 1


def test_seeds_and_places_make_several_runs(capsys):
    options = parse(["run", "table2/deepernet", "--seeds", "3", "--rule", "frfb"])
    assert [experiment.id for experiment in _experiments(options)] == [
        f"table2/deepernet/{row}+rule=frfb" for row in ("bp-softmax", "bp-hinge", "urfb", "urfb-50", "frfb", "frfb-50")
    ]
    # An id names its own experiment, not the untied one below it.
    assert [experiment.id for experiment in _experiments(parse(["run", "table1/cifar10/urfb"]))] == [
        "table1/cifar10/urfb"
    ]
    assert main(["run", "table2", "--out", "mine"]) == 1
    assert main(["run", "simpnet", "--seeds", "0"]) == 1
    told = capsys.readouterr().err.splitlines()
    assert told == [
        "urfb_tf: --out is the folder of one run, but these are 12: leave it out.",
        "urfb_tf: --seeds is a whole number >= 1, but got 0.",
    ]


def test_export_names_the_folder_that_is_copied_also_if_it_is_the_current_one(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(urfb_tf.export, "export", lambda experiments, folder, seeds: folder)
    for out in (".", "there"):
        assert main(["export", "table1/cifar10/urfb", "--out", out]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.partition("run: ")[2] for line in told] == [
        f"python {tmp_path.name}/runner.py --epochs 1000",
        "python there/runner.py --epochs 1000",
    ]


def test_results_show_one_line_or_object_per_number(capsys):
    assert main(["results"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 66 + 1
    assert main(["results", "--json"]) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert [number["id"] for number in numbers] == [line.split()[0] for line in lines[:-1]]
    assert set(numbers[0]) >= {
        "id", "table", "row", "split", "tying", "paper", "measured", "spread", "seeds", "epochs", "device", "deviation",
        "verdict", "files",
    }  # fmt: skip


def test_results_of_some_places_are_shown_alone(capsys):
    assert main(["results", "table3"]) == 0
    *lines, summary = capsys.readouterr().out.splitlines()
    assert [line.split("/")[0] for line in lines] == ["table3"] * 12
    assert sum(int(part.split()[0]) for part in summary.split(", ")) == 12
    assert main(["results", "--json", "table1/cifar10/urfb", "table3"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 4 + 12


def test_nobody_who_reads_on_is_no_error():
    nobody, output = os.pipe()
    os.close(nobody)
    command = [sys.executable, "-m", "urfb_tf", "list"]
    done = subprocess.run(command, stdout=output, stderr=subprocess.PIPE, text=True, timeout=300)
    os.close(output)
    assert done.returncode == 141
    assert "Error" not in done.stderr


def test_a_number_of_epochs_that_cannot_be_is_named(capsys):
    assert main(["run", "table1/cifar10/urfb", "--dataset", "generated", "--epochs", "-1", "--quiet"]) == 1
    assert "epochs is a whole number >= 1, but got -1." in capsys.readouterr().err


def test_the_module_is_the_command(python):
    assert python("-m", "urfb_tf", "list").count("\n") == len(EXPERIMENTS)
