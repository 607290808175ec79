"""Result files, those recorded with the package among them, and the definitions of the experiments."""

import copy
import errno
import fcntl
import functools
import json
import os
import threading

import numpy as np
import pytest

from urfb_tf import strict_json
from urfb_tf.errors import ArgumentError, ResultError, WriteError
from urfb_tf.experiments import EXPERIMENTS, Experiment, find
from urfb_tf.experiments.header import header
from urfb_tf.experiments.run import run
from urfb_tf.results import ids, load, record, store
from urfb_tf.results.admission import check_admission
from urfb_tf.results.draws import MIXED, TENSORFLOW, XLA, draws_of
from urfb_tf.results.schema import check
from urfb_tf.seeds import check_seed

SMALL = Experiment("small", "small", "simpnet", "generated", batch_size=20)


@pytest.fixture(scope="module")
def result(small_data, tmp_path_factory):
    """A real result of two epochs, as its file holds it."""
    folder = tmp_path_factory.mktemp("run")
    returned = run(SMALL, epochs=2, folder=folder, data=small_data)
    written = json.loads((folder / "result.json").read_text())
    assert written == returned
    return written


def test_a_result_says_what_was_run_on_what(result, small_data):
    assert check(result, "x") is result
    assert (result["id"], result["seed"], result["schema"]) == ("small", 0, 1)
    assert result["configuration"]["rule"] == "urfb"
    assert result["configuration"]["epsilon"] == 1
    assert result["configuration"]["reading_items"]["slope"] == 0.5
    assert result["data"] == {
        "name": "generated",
        "sha256": small_data.fingerprint(),
        "images": {"train": 60, "validation": 25, "test": 35},
    }
    assert [epoch["epoch"] for epoch in result["epochs"]] == [1, 2]
    assert set(result["epochs"][0]["weight_angle"]) == {"dense1", "output"}
    (session,) = result["sessions"]
    assert session["from_epoch"] == 1
    assert {"tensorflow", "keras", "numpy", "python", "urfb_tf"} <= set(session["versions"])


def test_a_result_lost_after_the_last_checkpoint_is_written_again(small_data, tmp_path):
    first = run(SMALL, epochs=1, folder=tmp_path, data=small_data, alignment=False)
    (tmp_path / "result.json").unlink()
    assert run(SMALL, epochs=1, folder=tmp_path, data=small_data, alignment=False) == first
    assert json.loads((tmp_path / "result.json").read_text()) == first


def test_paths_may_be_text(result, tmp_path):
    (tmp_path / "result.json").write_text(json.dumps(result))
    written = record(str(tmp_path / "result.json"), str(tmp_path / "records"))
    assert written.parent == tmp_path / "records"
    assert ids(str(tmp_path / "records")) == [("small", 0)]
    assert load("small", folder=str(tmp_path / "records"))["epochs"] == result["epochs"]


@pytest.mark.parametrize("seed", [-1, 2**31, 0.5, True])
def test_an_impossible_seed_is_refused(seed, small_data):
    with pytest.raises(ArgumentError, match="A seed is a whole number from 0"):
        run(SMALL, epochs=1, seed=seed, data=small_data)


def test_a_seed_may_be_a_number_of_numpy(small_data):
    check_seed(np.int64(3))
    head = header(SMALL, small_data, np.int64(3))
    assert json.dumps(head) == json.dumps(header(SMALL, small_data, 3))


def broken(result, change):
    changed = copy.deepcopy(result)
    change(changed)
    return changed


BREAKAGES = {
    "no id": lambda r: r.pop("id"),
    "seed is text": lambda r: r.update(seed="0"),
    "seed is a truth": lambda r: r.update(seed=True),
    "seed below 0": lambda r: r.update(seed=-1),
    "no name of the images": lambda r: r["data"].pop("name"),
    "images are not counted": lambda r: r["data"].update(images=50_000),
    "later schema": lambda r: r.update(schema=2),
    "no epochs": lambda r: r["epochs"].clear(),
    "no sessions": lambda r: r["sessions"].clear(),
    "session is text": lambda r: r["sessions"].append("later"),
    "session without a device": lambda r: r["sessions"][0]["hardware"].pop("device"),
    "first session begins late": lambda r: r["sessions"][0].update(from_epoch=2),
    "two sessions from one epoch": lambda r: r["sessions"].append(r["sessions"][-1]),
    "session right after the last epoch": lambda r: r["sessions"].append({**r["sessions"][0], "from_epoch": 3}),
    "session without commit": lambda r: r["sessions"][0].pop("commit"),
    "epoch missing": lambda r: r["epochs"].pop(0),
    "epoch twice": lambda r: r["epochs"].append(r["epochs"][-1]),
    "epoch without error": lambda r: r["epochs"][1].pop("test_error"),
    "error above 1": lambda r: r["epochs"][1].update(test_error=31.0),
    "error below 0": lambda r: r["epochs"][0].update(train_error_evaluated=-0.1),
    "error is not a number": lambda r: r["epochs"][0].update(validation_error=float("nan")),
    "no loss": lambda r: r["epochs"][1].pop("train_loss"),
    "loss is text": lambda r: r["epochs"][1].update(train_loss="0.5"),
    "error is nothing": lambda r: r["epochs"][0].update(train_error=None),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_broken_result_is_refused_by_a_sentence_that_names_the_file(result, breakage, tmp_path):
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(broken(result, BREAKAGES[breakage])))
    with pytest.raises(ResultError) as caught:
        store.read(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "null"])
def test_a_loss_that_is_no_finite_number_is_nothing(number, result, tmp_path):
    path = tmp_path / "result.json"
    path.write_text(json.dumps(broken(result, lambda r: r["epochs"][1].update(train_loss="?"))).replace('"?"', number))
    assert store.read(path) == broken(result, lambda r: r["epochs"][1].update(train_loss=None))


def test_options_of_json_hold_where_a_number_is_not_finite_too():
    value = {"b": float("nan"), "a": 1}
    assert strict_json.dumps(value, sort_keys=True, separators=(",", ":")) == '{"a":1,"b":null}'


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '"text"', "\0"])
def test_a_file_that_holds_no_result_is_refused(content, tmp_path):
    path = tmp_path / "broken.json"
    path.write_text(content)
    with pytest.raises(ResultError, match=r"broken\.json"):
        store.read(path)


def test_a_missing_result_is_told_with_the_command_that_makes_it(tmp_path):
    with pytest.raises(ResultError, match="is not recorded: run `python -m urfb_tf run table1/cifar10/urfb --seed 3`"):
        load("table1/cifar10/urfb", 3, tmp_path)
    with pytest.raises(ResultError, match="cannot be read as a result"):
        record(tmp_path / "none" / "result.json", tmp_path)


def test_of_a_run_of_ones_own_the_seeds_that_are_there_are_told(result, tmp_path):
    source = tmp_path / "result.json"
    source.write_text(json.dumps({**result, "id": "mine/own"}))
    record(source, tmp_path / "store")
    with pytest.raises(
        ResultError, match=rf"^mine/own is not recorded with seed 9 in .*, but with {result['seed']}\.$"
    ):
        load("mine/own", 9, tmp_path / "store")


def test_a_record_that_is_looked_for_in_vain_is_opened_too(tmp_path, monkeypatch):
    """So that the page that did is built again when it is there."""
    opened, really = [], open
    monkeypatch.setattr("builtins.open", lambda path, *rest, **more: opened.append(path) or really(path, *rest, **more))
    with pytest.raises(ResultError, match="is not recorded"):
        load("table1/cifar10/urfb", folder=tmp_path)
    assert opened == [store.path_of("table1/cifar10/urfb", folder=tmp_path)]


@pytest.mark.parametrize(("identifier", "guess"), [("nosuch", ""), ("table1/cifar10/urb", "did you mean .*urfb'.*")])
def test_a_result_of_no_experiment_is_told_with_the_list_of_those_there_are(identifier, guess):
    sentence = f"Unknown experiment '{identifier}': {guess}`python -m urfb_tf list` names all that there are."
    with pytest.raises(ResultError, match=f"^{sentence}$"):
        load(identifier)


def test_a_longer_run_replaces_a_shorter_one_and_never_the_reverse(result, tmp_path):
    records = tmp_path / "records"
    long, short = tmp_path / "long.json", tmp_path / "short.json"
    long.write_text(json.dumps(result))
    short.write_text(json.dumps(broken(result, lambda r: r["epochs"].pop())))
    assert record(short, records) == records / "small--seed0.json"
    assert len(load("small", folder=records)["epochs"]) == 1
    record(long, records)
    assert ids(records) == [("small", 0)]
    with pytest.raises(ResultError, match="already holds more epochs"):
        record(short, records)
    assert load("small", folder=records) == {**result, "digest": store.digest(result)}
    record(long, records)  # the same once more does no harm


def test_of_two_runs_that_are_recorded_at_once_the_longer_stays(result, tmp_path, monkeypatch):
    records, waiting = tmp_path / "records", threading.Event()
    long, short = tmp_path / "long.json", tmp_path / "short.json"
    long.write_text(json.dumps(result))
    short.write_text(json.dumps(broken(result, lambda r: r["epochs"].pop())))
    other = threading.Thread(target=record, args=(long, records))

    def lock(*arguments, own=fcntl.flock):
        waiting.set()
        own(*arguments)

    def write(*arguments, own=store._write):
        monkeypatch.setattr(store, "_write", own)
        waiting.clear()
        other.start()  # the shorter run has read what is recorded, and has written nothing yet
        while other.is_alive() and not waiting.is_set():
            other.join(0.01)
        own(*arguments)

    monkeypatch.setattr(fcntl, "flock", lock)
    monkeypatch.setattr(store, "_write", write)
    record(short, records)
    other.join()
    assert load("small", folder=records)["epochs"] == result["epochs"]


def on_gpu(result):
    def compiled(changed):
        changed["sessions"][-1]["hardware"]["device"] = "a GPU"

    return broken(result, compiled)


@pytest.mark.parametrize("long_first", [True, False])
def test_a_shorter_run_of_other_draws_is_kept_beside_the_longer_one(long_first, result, tmp_path):
    records = tmp_path / "records"
    long, short = tmp_path / "long.json", tmp_path / "short.json"
    long.write_text(json.dumps(on_gpu(result)))
    short.write_text(json.dumps(broken(result, lambda r: r["epochs"].pop())))
    for source in (long, short) if long_first else (short, long):
        record(source, records)
    assert ids(records) == [("small", 0)]
    assert store.seeds("small", records) == [0]
    longest = load("small", folder=records)
    assert (len(longest["epochs"]), draws_of(longest)) == (len(result["epochs"]), XLA)
    assert load("small", folder=records, draws=XLA) == longest
    other = load("small", folder=records, draws=TENSORFLOW)
    assert (other["epochs"], draws_of(other)) == (result["epochs"][:-1], TENSORFLOW)
    assert store.file_of(longest, records).name == "small--seed0.json"
    assert store.file_of(other, records).name == "small--seed0.other.json"
    record(long, records)  # the same once more changes nothing
    assert load("small", folder=records, draws=TENSORFLOW) == other
    whole = tmp_path / "whole.json"
    whole.write_text(json.dumps(result))
    record(whole, records)
    assert load("small", folder=records, draws=TENSORFLOW)["epochs"] == result["epochs"]
    assert load("small", folder=records, draws=XLA)["epochs"] == result["epochs"]
    with pytest.raises(ResultError, match="already holds more epochs"):
        record(short, records)


def test_a_disk_that_is_full_costs_no_record_of_either_kind(result, tmp_path, monkeypatch):
    records, source = tmp_path / "records", tmp_path / "source.json"
    for each in (broken(result, lambda r: r["epochs"].pop()), on_gpu(result)):
        source.write_text(json.dumps(each))
        record(source, records)
    before = {path.name: path.read_bytes() for path in records.iterdir()}
    assert list(map(len, (before, set(before.values())))) == [2, 2]
    later = {**result["epochs"][-1], "epoch": len(result["epochs"]) + 1}
    source.write_text(json.dumps({**result, "epochs": [*result["epochs"], later]}))
    calls = []

    def full(descriptor, own=os.fsync):
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        own(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteError, match="No space left on device"):
        record(source, records)
    assert {path.name: path.read_bytes() for path in records.iterdir()} == before
    record(source, records)
    assert [len(found["epochs"]) for found in store.load_all("small", folder=records)] == [3, 2]


def resumed_on_gpu(result):
    later = {**on_gpu(result)["sessions"][0], "from_epoch": 2}
    return broken(result, lambda r: r["sessions"].append(later))


def test_a_run_of_both_kinds_of_devices_counts_as_neither(result, tmp_path):
    records, source = tmp_path / "records", tmp_path / "result.json"
    mixed = resumed_on_gpu(result)
    assert (draws_of(result), draws_of(on_gpu(result)), draws_of(mixed)) == (TENSORFLOW, XLA, MIXED)

    def put(run, epochs):
        last = run["epochs"][-1]
        more = [{**last, "epoch": number} for number in range(len(run["epochs"]) + 1, epochs + 1)]
        source.write_text(json.dumps({**run, "epochs": [*run["epochs"], *more][:epochs]}))
        return record(source, records)

    def held(draws=None):
        found = load("small", folder=records, draws=draws)
        return draws_of(found), len(found["epochs"])

    put(mixed, 3)
    assert held(XLA) == held(TENSORFLOW) == (MIXED, 3)
    assert put(on_gpu(result), 2).name == "small--seed0.other.json"
    assert [held(), held(XLA), held(TENSORFLOW)] == [(MIXED, 3), (XLA, 2), (MIXED, 3)]
    for found in store.load_all("small", folder=records):
        assert store.read(store.file_of(found, records)) == found
    for epochs, sentence in {
        1: "already holds more epochs",
        4: "of other draws than .*, of which it would replace",
    }.items():
        with pytest.raises(ResultError, match=sentence):
            put(result, epochs)
    assert [held(), held(XLA), held(TENSORFLOW)] == [(MIXED, 3), (XLA, 2), (MIXED, 3)]


def test_where_there_is_one_run_only_it_stands_for_all_draws(result, tmp_path):
    source = tmp_path / "result.json"
    source.write_text(json.dumps(result))
    record(source, tmp_path / "records")
    assert draws_of(load("small", folder=tmp_path / "records", draws=XLA)) == TENSORFLOW


@functools.cache
def one_of_each_dataset():
    """The first recorded result of each dataset, which says what images all others had."""
    found = [store.read(path) for path in sorted(store.RECORDS.glob("*.json"))]
    return list({run["data"]["name"]: run for run in reversed(found)}.values())


@pytest.mark.parametrize("path", sorted(store.RECORDS.glob("*.json")), ids=lambda path: path.stem)
def test_recorded_results_are_whole_and_of_known_experiments(path):
    found = store.read(path)
    longest = store.path_of(found["id"], found["seed"])
    assert path in (longest, longest.with_suffix(store.OTHER))
    assert found["digest"] == store.digest(found)
    check_admission(found, path.name, one_of_each_dataset())
    assert not any(session["commit"].endswith("+changes") for session in found["sessions"])


INADMISSIBLE = {
    "no experiment of the package: give it a line in urfb_tf/experiments/further.py": {"id": "mine"},
    r"with other settings than 'table1/cifar10/urfb' has \(rule, loss\): give it an id of its own": {
        "configuration": {"rule": "frfb", "loss": "softmax"}
    },
    "measured on 'generated', and 'table1/cifar10/urfb' is of 'cifar10'": {"data": {"name": "generated"}},
    "measured on other images of 'cifar10' than the recorded runs, whose SHA-256 is 8d41": {"data": {"sha256": "0"}},
    r"than the recorded runs.*'validation': 5000, 'test': 10000\}: run it": {"data": {"images": {"train": 500}}},
}


UNKNOWN_COMMIT = {"from_epoch": 1, "commit": "unknown", "date": "", "versions": {}, "hardware": {"device": "CPU"}}
INADMISSIBLE["does not name the commit .*: install git or trust the checkout"] = {"sessions": [UNKNOWN_COMMIT]}


@pytest.mark.parametrize("sentence", INADMISSIBLE)
def test_what_is_no_run_of_the_packages_experiments_on_their_data_replaces_no_record(sentence, tmp_path, monkeypatch):
    recorded, kept = load("table1/cifar10/urfb", 1), tmp_path / "records"
    monkeypatch.setattr(store, "RECORDS", kept)
    source = tmp_path / "result.json"
    source.write_text(json.dumps(recorded))
    path = record(source, kept)
    before = path.read_bytes()
    longer = {**recorded, "epochs": [*recorded["epochs"], {**recorded["epochs"][-1], "epoch": 21}]}
    for key, change in INADMISSIBLE[sentence].items():
        longer[key] = {**longer[key], **change} if isinstance(change, dict) else change
    source.write_text(json.dumps(longer))
    with pytest.raises(ResultError, match=f"^{source} .*{sentence}") as caught:
        record(source, kept)
    assert "\n" not in str(caught.value)
    assert list(kept.iterdir()) == [path]
    assert path.read_bytes() == before


def test_a_later_session_too_must_name_its_commit():
    run = load("table1/cifar10/urfb", 1)
    later = {**run["sessions"][0], "from_epoch": 2, "commit": "unknown"}
    with pytest.raises(ResultError, match="does not name the commit"):
        check_admission({**run, "sessions": [*run["sessions"], later]}, "file", [])


def test_settled_errors_too_must_name_their_commit():
    run = load("table1/cifar10/urfb", 1)
    settled = {"commit": "unknown", "date": ""}
    with pytest.raises(ResultError, match="does not name the commit"):
        check_admission({**run, "settled": settled}, "file", [])
    check_admission({**run, "settled": {**settled, "commit": "abc"}}, "file", [])


def test_a_folder_of_ones_own_takes_any_id_but_no_two_runs_under_one(result, tmp_path):
    source = tmp_path / "result.json"
    source.write_text(json.dumps(result))
    path = record(source, tmp_path / "records")
    before = path.read_bytes()
    for change in ({"data": {**result["data"], "sha256": "0"}}, {"configuration": {}}):
        source.write_text(json.dumps({**result, **change}))
        with pytest.raises(ResultError, match=r"small--seed0.json is of another run than .*: give this one an id of"):
            record(source, path.parent)
    assert path.read_bytes() == before


def test_experiments_are_listed_under_their_own_ids_with_possible_numbers():
    for identifier, experiment in EXPERIMENTS.items():
        assert experiment.id == identifier
        assert find(identifier) is experiment
        assert store.path_of(identifier).name.count("--") == identifier.count("/") + 1
        assert experiment.paper_epochs >= 1
        if experiment.paper:
            assert 0 <= experiment.paper.train <= experiment.paper.test <= 1
    assert len({store.path_of(identifier) for identifier in EXPERIMENTS}) == len(EXPERIMENTS)
    configurations = [json.dumps(experiment.configuration()) for experiment in EXPERIMENTS.values()]
    assert len(set(configurations)) == len(configurations)  # no two are the same run


def test_a_record_that_was_changed_by_hand_is_named_and_refused(result, tmp_path):
    source = tmp_path / "result.json"
    source.write_text(json.dumps(result))
    path = record(source, tmp_path / "records")
    assert load("small", folder=path.parent) == json.loads(path.read_text())
    for change in (lambda r: r["epochs"][1].update(test_error=0.25), lambda r: r.pop("digest")):
        path.write_text(json.dumps(broken(json.loads(path.read_text()), change)))
        for act in (lambda: load("small", folder=path.parent), lambda: ids(path.parent)):
            with pytest.raises(ResultError, match=r"small--seed0\.json is not as it was recorded: restore it"):
                act()


@pytest.mark.parametrize("damage", ["half", "changed by hand"])
def test_a_damaged_record_is_replaced_by_recording_again_and_kept_aside(damage, result, tmp_path):
    source, records = tmp_path / "result.json", tmp_path / "records"
    source.write_text(json.dumps(result))
    path = record(source, records)
    whole = path.read_text()
    damaged = whole[: len(whole) // 2] if damage == "half" else whole.replace("urfb", "frfb")
    for kept in ("small--seed0.json.damaged", "small--seed0.json.damaged2"):
        path.write_text(damaged)
        with pytest.raises(ResultError, match=r"small--seed0\.json "):
            load("small", folder=records)
        assert record(source, records) == path
        assert path.read_text() == whole
        assert (records / kept).read_text() == damaged
        assert store.seeds("small", records) == [0]
        assert ids(records) == [("small", 0)]


def test_a_damaged_record_stays_until_a_run_takes_its_place(result, tmp_path):
    records, long, short = tmp_path / "records", tmp_path / "long.json", tmp_path / "short.json"
    long.write_text(json.dumps(on_gpu(result)))
    short.write_text(json.dumps(broken(result, lambda r: r["epochs"].pop())))
    path, other = record(long, records), record(short, records)
    other.write_text("{")
    assert record(long, records) == path
    assert other.read_text() == "{"
    assert record(short, records) == other
    path.write_text("{")
    assert record(short, records) == path  # the longest that can be read
    assert not other.exists()
    assert [record(long, records), load("small", folder=records, draws=TENSORFLOW)["epochs"]] == [
        path,
        result["epochs"][:-1],
    ]


@pytest.mark.parametrize(
    "wrong", [{"network": "lenet"}, {"dataset": "mnist"}, {"rule": "x"}, {"loss": "x"}, {"reading": "x"}]
)
def test_an_experiment_of_unknown_parts_is_refused(wrong):
    parts = {"network": "simpnet", "dataset": "cifar10", **wrong}
    with pytest.raises(ArgumentError, match=f"Unknown {next(iter(wrong))}"):
        Experiment("mine", "mine", **parts)
