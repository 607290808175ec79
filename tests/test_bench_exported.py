"""Timings of exported runs: what is taken for one, and what is said of it."""

import json

import pytest

from urfb_tf.__main__ import main
from urfb_tf.bench import exported
from urfb_tf.errors import ResultError, WriteError

TIMING = {
    "runs": ["table1--cifar10--urfb--seed0", "table1--cifar10--bp-hinge--seed0"],
    "epochs": 2000,
    "processes": 2,
    "seconds": 110.5,
    "commit": "0123456789abcdef",
    "date": "2026-01-01T00:00:00+00:00",
    "versions": {"jax": "0.11"},
    "hardware": {"device": "A GPU 9"},
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "timing.json").write_text(json.dumps(TIMING))
    return tmp_path


def test_a_timing_is_recorded_under_its_runs_and_device(folder, capsys, monkeypatch):
    records = folder / "records"
    monkeypatch.setattr(exported.record, "__defaults__", (records,))
    for named in (folder, folder / "timing.json"):
        assert main(["record", str(named)]) == 0
        (path,) = records.iterdir()
        assert path.name == "table1-cifar10-a-gpu-9.json"
        assert capsys.readouterr().out.endswith(f"recorded as {path}\n")
    assert exported.recorded(records) == [TIMING]


def test_a_timing_takes_the_place_of_an_earlier_one_of_the_same_alone(folder):
    records = folder / "records"

    def record(**change):
        (folder / "timing.json").write_text(json.dumps({**TIMING, **change}))
        return exported.record(folder / "timing.json", records).name

    others = [TIMING["runs"][0], "table1--cifar10--frfb--seed0"]
    assert record() == "table1-cifar10-a-gpu-9.json"
    assert record(runs=others) == "table1-cifar10-a-gpu-9-2.json"
    assert record(processes=1) == "table1-cifar10-a-gpu-9-3.json"
    assert record(runs=others[::-1], seconds=90.0) == "table1-cifar10-a-gpu-9-2.json"
    assert record(seconds=100.0) == "table1-cifar10-a-gpu-9.json"
    assert sorted(timing["seconds"] for timing in exported.recorded(records)) == [90, 100, 110.5]


def test_the_latest_timing_comes_first(tmp_path):
    for number, day in enumerate((2, 3, 1)):
        timing = {**TIMING, "date": f"2026-01-0{day}T00:00:00+00:00"}
        (tmp_path / f"{number}.json").write_text(json.dumps(timing))
    assert [timing["date"][9] for timing in exported.recorded(tmp_path)] == ["3", "2", "1"]


def test_the_time_is_shared_among_the_runs():
    assert exported.per_thousand(TIMING) == pytest.approx(55.25)
    (row,) = exported.table([TIMING]).rows
    assert row[0] == "2 of table1/cifar10"
    assert "55.2 s" in row
    assert row[-1] == "0123456789"
    (row,) = exported.table([{**TIMING, "commit": TIMING["commit"] + "+changes"}]).rows
    assert row[-1] == "0123456789+changes"


@pytest.mark.parametrize(
    ("runs", "named"),
    [
        (["table1--cifar10--urfb--seed0"], "table1/cifar10/urfb"),
        (["table1--cifar10--urfb--seed0", "table1--cifar10--urfb--seed1"], "2 of table1/cifar10/urfb"),
        (["table1--cifar10--urfb--seed0", "connectivity--cifar10--urfb-5--seed0"], "2 runs"),
    ],
)
def test_many_runs_are_counted(runs, named):
    (row,) = exported.table([{**TIMING, "runs": runs}]).rows
    assert row[0] == named


def test_a_package_that_takes_no_timing_says_where_one_can_be_recorded(folder):
    (folder / "records").write_text("in the way")
    with pytest.raises(WriteError, match=r"Cannot write into .*records .*: record from a checkout of your own"):
        exported.record(folder / "timing.json", folder / "records")


@pytest.mark.parametrize("change", [{"runs": []}, {"epochs": 0}, {"seconds": "1"}, {"hardware": {}}])
def test_what_is_no_timing_is_refused(change, folder):
    (folder / "timing.json").write_text(json.dumps({**TIMING, **change}))
    with pytest.raises(ResultError, match=r"holds no timing: train exported runs with `runner.py --processes`"):
        exported.record(folder / "timing.json", folder / "records")
    assert not (folder / "records").exists()


def test_the_recorded_timings_are_whole():
    found = exported.recorded()
    assert found
    assert not any(timing["commit"].endswith("+changes") for timing in found)
