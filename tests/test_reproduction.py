"""The paper's tables as data, and the verdicts on them."""

import copy
import dataclasses
import json

import pytest

from urfb_tf import results
from urfb_tf.analysis import report, reproduction
from urfb_tf.analysis.reproduction import numbers
from urfb_tf.experiments import EXPERIMENTS, find, select
from urfb_tf.experiments.run import run

# Train error, test error; copied from the paper once more, in its own order.
TABLES = {
    "table1/cifar10": "bp-softmax .02 .25, bp-hinge .11 .27, urfb .07 .31, frfb .27 .36, "
    "urfb-50 .14 .31, frfb-50 .38 .45, urfb/untied .04 .33, frfb/untied .30 .37, urfb-50/untied .06 .36",
    "table1/cifar100": "bp-softmax .05 .57, bp-hinge .19 .57, urfb .20 .61, "
    "urfb-50 .45 .62, frfb .54 .68, frfb-50 .73 .76",
    "table2/deepnet": "bp-softmax .18 .5, bp-hinge .38 .51, urfb .29 .52, "
    "urfb-50 .41 .58, frfb .79 .81, frfb-50 .79 .89",
    "table2/deepernet": "bp-softmax .01 .42, bp-hinge .06 .42, urfb .16 .47, "
    "urfb-50 .23 .56, frfb .81 .84, frfb-50 .96 .96",
    "table3": "bp-softmax .21 .21, bp-hinge .22 .22, urfb .21 .23, "
    "frfb .51 .56, urfb/untied .06 .29, frfb/untied .53 .75",
}


@pytest.mark.parametrize("place", TABLES)
def test_the_tables_are_the_papers(place):
    rows = (entry.split() for entry in TABLES[place].split(","))
    printed = {f"{place}/{row}": (float(train), float(test)) for row, train, test in rows}
    assert {e.id: (e.paper.train, e.paper.test) for e in select(place)} == printed


@pytest.mark.parametrize("place", TABLES)
def test_a_row_is_what_its_name_says(place):
    for experiment in select(place):
        row = experiment.id.removeprefix(place + "/").removesuffix("/untied")
        assert experiment.rule == row.split("-")[0]
        assert experiment.loss == ("softmax" if row == "bp-softmax" else "hinge")
        assert experiment.connectivity == (0.5 if row.endswith("-50") else 1)
        assert bool(experiment.phases) == experiment.id.endswith("/untied")
        assert (experiment.learning_rate, experiment.batch_size) == (0.1, 500)
        network = {"table1": "simpnet", "table2": place.split("/")[-1], "table3": "deepernet_s"}[place.split("/")[0]]
        assert experiment.network == network
        assert experiment.dataset == ("cifar10" if "cifar10" in place.split("/") or place == "table3" else "cifar100")


def test_there_are_33_runs_and_66_numbers():
    found = numbers()
    assert len({number.id.rpartition("/")[0] for number in found}) == 33
    assert len({number.id for number in found}) == len(found) == 66
    assert {number.table for number in found} == {1, 2, 3}
    assert sum(number.tying == "untied" for number in found) == 2 * 5
    for number in found:
        experiment, split = number.id.rsplit("/", 1)
        assert number.paper == getattr(EXPERIMENTS[experiment].paper, split)
        assert (number.measured is None) == (number.verdict == "not run") == (not number.files)


def test_the_untied_runs_follow_section_4_1():
    first, later = find("table1/cifar10/frfb/untied").schedule
    assert (first.epochs, first.learning_rate, first.untie) == (1, 0.01, ())
    assert (later.epochs, later.learning_rate, later.untie) == (1000, None, ("conv1",))
    for row in ("urfb", "frfb"):
        first, later = find(f"table3/{row}/untied").schedule
        assert (first.epochs, first.rule, later.freeze) == (100, "urfb", ("conv1",))
        assert set(later.untie) == {f"conv{n}" for n in range(2, 7)}
        assert set(later.reinitialise) == {*later.untie, "dense1", "output"}


@pytest.fixture(scope="module")
def template(small_data, tmp_path_factory):
    """A real result, of which the tests change identity and errors."""
    experiment = dataclasses.replace(find("table1/cifar10/urfb"), dataset="generated", batch_size=20)
    return run(experiment, epochs=1, folder=tmp_path_factory.mktemp("run"), data=small_data, alignment=False)


@pytest.mark.parametrize(
    ("test_errors", "epochs", "verdict", "measured", "spread"),
    [
        ([0.33], 1000, "reproduced", 0.33, None),
        ([0.28], 1000, "reproduced", 0.28, None),
        ([0.341], 1000, "differs", 0.341, None),
        ([0.279], 1000, "differs", 0.279, None),
        ([0.31], 999, "partly run", 0.31, None),
        ([0.30, 0.32, 0.34], 1000, "reproduced", 0.32, 0.02),
    ],
)
def test_verdicts(test_errors, epochs, verdict, measured, spread, template, tmp_path, monkeypatch):
    records = tmp_path / "records"
    for seed, error in enumerate(test_errors):
        _record(template, seed, error, epochs, tmp_path, records)
    number = _only(records, monkeypatch)
    assert (number.verdict, number.measured, number.spread) == (verdict, measured, spread)
    assert (number.epochs, number.seeds) == (epochs, list(range(len(test_errors))))
    assert number.deviation == pytest.approx(measured - 0.31, abs=1e-9)
    assert number.files == [f"table1--cifar10--urfb--seed{seed}.json" for seed in number.seeds]


def test_only_the_longest_runs_count(template, tmp_path, monkeypatch):
    records = tmp_path / "records"
    _record(template, 0, 0.9, 10, tmp_path, records)
    _record(template, 1, 0.4, 20, tmp_path, records)
    number = _only(records, monkeypatch)
    assert (number.measured, number.seeds, number.epochs) == (0.4, [1], 20)


def test_the_table_shows_each_verdict_as_text_and_as_a_class(template, tmp_path, monkeypatch):
    records = tmp_path / "records"
    _record(template, 0, 0.33, 1000, tmp_path, records)
    _record(template, 1, 0.31, 1000, tmp_path, records)
    _only(records, monkeypatch)
    table = report.reproduction(numbers())
    assert len(table.rows) == 33
    row = next(row for row in table.rows if row[0] == "URFB")  # that of CIFAR-10 comes first
    assert row[3] == "0.31"
    assert row[4] == "<span class='verdict reproduced' title='reproduced'>0.320 ± 0.014</span>"
    assert row[5:] == ["1000 of 1000", template["sessions"][0]["hardware"]["device"]]
    assert sum("not-run" in cell for row in table.rows for cell in row) == 64
    assert "64 not run" in report.verdicts(numbers())


def _record(template, seed, error, epochs, folder, records):
    result = copy.deepcopy(template)
    result["seed"] = seed
    last = {**template["epochs"][0], "test_error": error}
    result["epochs"] = [{**last, "epoch": number} for number in range(1, epochs + 1)]
    source = folder / "result.json"
    source.write_text(json.dumps(result))
    results.record(source, records)


def _only(records, monkeypatch):
    monkeypatch.setattr(reproduction.results, "seeds", lambda key: results.store.seeds(key, records))
    monkeypatch.setattr(
        reproduction.results, "load", lambda key, seed, **how: results.store.load(key, seed, records, **how)
    )
    (number,) = [number for number in numbers() if number.id == "table1/cifar10/urfb/test"]
    return number
