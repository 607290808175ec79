"""The table of what is recorded agrees with the records, whatever their age."""

import json

import pytest

from urfb_tf import results
from urfb_tf.analysis import inventory
from urfb_tf.experiments import EXPERIMENTS
from urfb_tf.results import store

ROW = "table1/cifar10/urfb"


@pytest.fixture
def records(monkeypatch):
    """Makes these the recorded results, by id and seed; changes to a real one."""
    real = results.load(ROW)

    def pretend(changes: dict[tuple[str, int], dict]) -> None:
        stored = {
            key: {**json.loads(json.dumps(real)), "id": key[0], "seed": key[1], **more} for key, more in changes.items()
        }
        monkeypatch.setattr(results, "ids", lambda: list(stored))
        monkeypatch.setattr(results, "load_all", lambda identifier, seed: [stored[identifier, seed]])

    return pretend


def session(date: str, commit: str = "a" * 40, device: str = "CPU") -> dict:
    return {"date": date, "commit": commit, "hardware": {"device": device, "processor": "P", "cores": 2}}


def test_every_recorded_result_has_a_row_with_its_length():
    rows = inventory.recorded().rows
    found = [
        (identifier, seed, each) for identifier, seed in results.ids() for each in results.load_all(identifier, seed)
    ]
    assert [(row[0], int(row[1]), row[2].split(" of ")[0]) for row in rows] == [
        (identifier, seed, str(len(each["epochs"]))) for identifier, seed, each in found
    ]
    assert len(rows) == len(list(store.RECORDS.glob("*.json")))
    assert min(int(row[4]) for row in rows) == 0


def test_ages_count_from_the_newest_result(records):
    records(
        {
            (ROW, 0): {"sessions": [session("2026-01-01T10:00:00+00:00"), session("2026-01-31T23:59:00+00:00")]},
            (ROW, 1): {"sessions": [session("2026-03-02T00:01:00+00:00")]},
        }
    )
    assert [row[3:5] for row in inventory.recorded().rows] == [["2026-01-31", "30"], ["2026-03-02", "0"]]


def test_devices_and_commits_of_all_sessions_stand_once(records):
    sessions = [
        session("2026-01-01T10:00:00+00:00"),
        session("2026-01-02T10:00:00+00:00", "b" * 40 + "+changes"),
        session("2026-01-03T10:00:00+00:00", device="GPU"),
    ]
    records({(ROW, 0): {"sessions": sessions}})
    assert inventory.recorded().rows[0][5:] == [
        "CPU (P, 2 cores), GPU (P, 2 cores)",
        "a" * 10 + ", " + "b" * 10 + "+changes",
    ]


def test_a_result_of_an_experiment_that_is_no_longer_in_the_catalogue_is_shown(records):
    records({("gone", 0): {"epochs": [{}] * 7}})
    (row,) = inventory.recorded().rows
    assert row[:3] == ["gone", "0", "7"]


def test_what_is_missing_is_what_has_no_result(records):
    records({(ROW, 1): {}})
    assert inventory.missing() == [name for name in EXPERIMENTS if name != ROW]
    records({})
    assert inventory.missing() == list(EXPERIMENTS)
    assert inventory.recorded().rows == []
