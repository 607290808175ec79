"""What the chapters say of the recorded runs, with none, some and all of them recorded."""

import dataclasses
import json

import pytest

from urfb_tf import results
from urfb_tf.analysis import findings, recorded, report
from urfb_tf.errors import ArgumentError
from urfb_tf.experiments import find, select
from urfb_tf.experiments.notebook import run_in_full
from urfb_tf.results.draws import TENSORFLOW, XLA

DEEPNET = select("table2/deepnet")
URFB, FRFB = find("table2/deepnet/urfb"), find("table2/deepnet/frfb")


def test_the_seeds_of_an_experiment_are_not_those_of_one_below_it(record_errors):
    assert results.seeds("table3/urfb") == []
    for seed in (10, 2):
        record_errors("table3/urfb", [0.5], seed)
    record_errors("table3/urfb/untied", [0.5], 3)
    assert results.seeds("table3/urfb") == [2, 10]


def test_only_the_longest_runs_count(record_errors):
    record_errors(URFB.id, [0.9], 0)
    record_errors(URFB.id, [0.8, 0.7], 1)
    assert list(recorded.runs(URFB.id)) == [1]
    assert [epoch["test_error"] for epoch in recorded.histories(DEEPNET)["URFB"]] == [0.8, 0.7]


def test_the_common_epoch_is_the_shortest_of_the_longest_runs(record_errors):
    record_errors(URFB.id, [0.9, 0.8, 0.7])
    record_errors(URFB.id, [0.9], 1)
    assert recorded.common_epoch((URFB.id, FRFB.id)) == 0
    record_errors(FRFB.id, [0.9, 0.8])
    assert recorded.common_epoch((URFB.id, FRFB.id)) == 2
    assert recorded.common_epoch((URFB.id,)) == 3


def test_histories_leave_out_what_was_not_measured(record_errors):
    record_errors(URFB.id, [0.9])
    record_errors(FRFB.id, [0.9], error_angle={"conv1": 90.0})
    assert list(recorded.histories(DEEPNET)) == ["URFB", "FRFB"]
    assert list(recorded.histories(DEEPNET, "error_angle")) == ["FRFB"]


def test_what_a_run_measures_from_a_later_epoch_on_counts_as_measured(record_epochs):
    record_epochs(URFB.id, [{}, {"error_angle": {"conv1": 90.0}}])
    assert list(recorded.histories(DEEPNET, "error_angle")) == ["URFB"]
    assert recorded.histories(DEEPNET, "error_ratio") == {}


def test_rows_near_guessing_are_named_and_what_they_cannot_say(record_errors):
    assert findings.near_guessing(DEEPNET) == ""
    record_errors("table2/deepnet/bp-softmax", [0.8])
    assert findings.near_guessing(DEEPNET) == ""
    record_errors(FRFB.id, [0.98])
    assert findings.near_guessing(DEEPNET) == (
        "Of the recorded rows, FRFB (0.980) is within 0.05 of guessing (0.99) at the last of their epochs."
    )
    record_errors("table2/deepnet/bp-hinge", [0.97])
    assert findings.near_guessing(DEEPNET) == (
        "Of the recorded rows, BP Hinge (0.970) and FRFB (0.980) are within 0.05 of guessing (0.99) at the last of "
        "their epochs. With BP Hinge still there at epoch 1, the order of the rules up to that epoch says nothing "
        "about feedback."
    )
    record_errors("table2/deepnet/urfb", [0.98, 0.5])
    assert findings.near_guessing(DEEPNET).endswith(
        "about feedback. Recorded further and no longer there: URFB (0.740 at 2)."
    )


def test_a_lead_with_longer_errors_is_told_as_such(record_errors):
    true = find("table2/deepnet/bp-hinge")
    assert findings.longer_errors(URFB, true) == ""
    record_errors(true.id, [0.9, 0.8])
    record_errors(URFB.id, [0.8, 0.7], error_ratio={"conv1": 3.0, "dense1": 2.5})
    assert findings.longer_errors(URFB, true) == (
        "That URFB is ahead of BP Hinge after 2 epochs (0.750 against 0.850) need not be due to the direction of its "
        "errors: they are 3.0 times as long at the lowest convolution and 2.5 times at the dense layer, which acts "
        "there like a step as many times longer than the common one."
    )
    for ratios in ({"conv1": 3.0, "dense1": 1.9}, {"conv1": 3.0, "dense1": None}):
        record_errors(URFB.id, [0.8, 0.7], error_ratio=ratios)
        assert findings.longer_errors(URFB, true) == ""
    record_errors(URFB.id, [0.88, 0.78], error_ratio={"conv1": 3.0, "dense1": 2.5})
    assert findings.longer_errors(URFB, true) == ""


def test_lengths_of_errors_are_read_at_the_epoch_that_both_runs_reached(record_epochs, record_errors):
    true = find("table2/deepnet/bp-hinge")
    record_errors(true.id, [0.9, 0.8])
    ratios = [3.0] * 2 + [1.0] * 5
    record_epochs(URFB.id, [{"test_error": 0.7, "error_ratio": {"conv1": r, "dense1": r}} for r in ratios])
    assert "3.0 times as long at the lowest convolution" in findings.longer_errors(URFB, true)


def test_errors_are_compared_at_the_same_epochs_over_all_seeds(record_errors):
    record_errors(URFB.id, [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.0])
    record_errors(FRFB.id, [0.95, 0.95, 0.95, 0.95, 0.95, 0.95], 0)
    record_errors(FRFB.id, [0.85, 0.85, 0.85, 0.85, 0.85, 0.85], 1)
    found = recorded.compare(URFB.id, FRFB.id)
    assert (found.start, found.end) == (2, 6)
    assert found.first == pytest.approx(0.6)
    assert found.second == pytest.approx(0.9)
    assert found.difference == pytest.approx(-0.3)
    assert recorded.compare(URFB.id, "table2/deepnet/bp-hinge") is None


def test_a_network_that_is_drawn_anew_counts_its_epochs_from_there(record_errors):
    untied, tied = find("table3/urfb/untied"), find("table3/urfb")
    record_errors(tied.id, [0.9, 0.8, 0.7])
    record_errors(untied.id, [0.1] * 100)
    assert recorded.compare(untied.id, tied.id) is None, "so far it is the tied network"
    record_errors(untied.id, [0.1] * 100 + [0.6, 0.6])
    found = recorded.compare(untied.id, tied.id)
    assert (found.first, found.second) == pytest.approx((0.6, 0.85))
    assert (found.start, found.end) == (1, 2)
    assert findings.compared(untied, tied).startswith(
        "Over epochs 1 to 2, counted from where a network was last drawn anew, the test error"
    )
    assert findings.compared(tied, untied).startswith("Over epochs 1 to 2, counted from where")


def test_runs_shorter_than_the_window_are_averaged_over_what_there_is(record_errors):
    record_errors(URFB.id, [0.9, 0.7])
    record_errors(FRFB.id, [0.8])
    found = recorded.compare(URFB.id, FRFB.id)
    assert (found.first, found.second, found.start, found.end) == (0.9, 0.8, 1, 1)


def test_runs_are_compared_with_those_that_drew_the_same_numbers(record_errors):
    aligned = {"error_angle": {"conv1": 50.0}, "weight_angle": {"dense1": 60.0}}
    record_errors(URFB.id, [0.9, 0.8], **aligned)
    record_errors(FRFB.id, [0.9, 0.7], **aligned)
    record_errors(URFB.id, [0.5, 0.4, 0.3], device="a GPU")  # longer, with other draws
    assert len(recorded.histories(DEEPNET)["URFB"]) == 3
    found = recorded.compare(URFB.id, FRFB.id)
    assert (found.first, found.second, found.end) == (pytest.approx(0.85), pytest.approx(0.8), 2)
    assert findings.beside(FRFB, [URFB]).rows[0][-3:] == ["60°", "50°", "1 to 2"]
    record_errors(FRFB.id, [0.5, 0.2, 0.1], device="a GPU")
    found = recorded.compare(URFB.id, FRFB.id)
    assert (found.first, found.second, found.end) == (pytest.approx(0.4), pytest.approx(0.8 / 3), 3)
    assert findings.beside(FRFB, [URFB]).rows[0][-3:] == ["", "", "1 to 3"]
    for seed, angle in enumerate((30.0, 50.0)):
        fields = {"weight_angle": {"dense1": angle}, "error_angle": {"conv1": None}}
        record_errors(URFB.id, [0.5] * 3, seed, "a GPU", **fields)
    assert findings.beside(FRFB, [URFB]).rows[0][-3:] == ["40°", "", "1 to 3"]


def test_runs_that_drew_what_is_asked_for_count_alone_however_short_they_are(record_errors):
    record_errors(URFB.id, [0.9, 0.8])
    record_errors(URFB.id, [0.5, 0.4, 0.3], seed=1, device="a GPU")
    assert list(recorded.runs(URFB.id)) == list(recorded.runs(URFB.id, XLA)) == [1]
    assert list(recorded.runs(URFB.id, TENSORFLOW)) == [0]
    record_errors(FRFB.id, [0.9, 0.7])
    found = recorded.compare(URFB.id, FRFB.id)
    assert (found.first, found.second) == pytest.approx((0.85, 0.8))


def test_of_two_runs_from_one_seed_the_one_counts_that_more_others_can_be_held_against(record_errors):
    record_errors(URFB.id, [0.5, 0.4, 0.3], device="a GPU")
    record_errors(URFB.id, [0.9, 0.8])
    record_errors(FRFB.id, [0.5, 0.5], device="a GPU")
    record_errors("table2/deepnet/bp-hinge", [0.7, 0.7])
    record_errors("table2/deepnet/urfb-50", [0.6, 0.6])

    def errors(epoch, **how):
        runs = recorded.reaching(DEEPNET, epoch, **how)
        return {key.split("/")[-1]: [run["epochs"][1]["test_error"] for run in of.values()] for key, of in runs.items()}

    none = {"bp-softmax": [], "frfb-50": []}
    assert errors(2) == none | {"urfb": [0.8], "frfb": [0.5], "bp-hinge": [0.7], "urfb-50": [0.6]}
    assert errors(3) == none | {"urfb": [0.4], "frfb": [], "bp-hinge": [], "urfb-50": []}
    longest = errors(2, has=lambda run: len(run["epochs"]) == 3)
    assert longest == errors(3)


NOTHING = "None of these 6 runs is recorded yet: the errors in the table are the paper's alone."
ONE = (
    "1 of these 6 runs is recorded: URFB for 2 of 1000 epochs. Not recorded yet: BP Softmax, BP Hinge, URFB 50%, FRFB "
    "and FRFB 50%. A run that is cut short does not say where it would end."
)
ALL = (
    "All 6 runs are recorded: BP Softmax, BP Hinge, URFB 50%, FRFB and FRFB 50% for 1000 of 1000 epochs; URFB "
    "for 1001 of 1000 epochs."
)


@pytest.mark.parametrize(
    ("lengths", "sentence"),
    [
        ({}, NOTHING),
        ({"urfb": 2}, ONE),
        ({**{row.id.rpartition("/")[2]: 1000 for row in DEEPNET}, "urfb": 1001}, ALL),
    ],
    ids=["none", "some", "all"],
)
def test_the_state_of_a_table_is_one_sentence_for_each_part_of_it(record_errors, lengths, sentence):
    for row, length in lengths.items():
        record_errors(f"table2/deepnet/{row}", [0.9] * length)
    assert findings.state(DEEPNET) == sentence


@pytest.mark.parametrize(
    ("urfb", "frfb", "when", "measured"),
    [
        ([0.8], [0.9], "In epoch 1", "0.100 below that of FRFB (0.800 against 0.900)"),
        ([0.9], [0.8], "In epoch 1", "0.100 above that of FRFB (0.900 against 0.800)"),
        ([0.9, 0.8], [0.6, 0.7], "Over epochs 1 to 2", "0.200 above that of FRFB (0.850 against 0.650)"),
        ([0.90004], [0.9], "In epoch 1", "equal to that of FRFB (0.900 against 0.900)"),
        ([0.9004], [0.8996], "In epoch 1", "equal to that of FRFB (0.900 against 0.900)"),  # as both are printed
    ],
)
def test_a_comparison_says_what_is_measured_whichever_way_it_goes(record_errors, urfb, frfb, when, measured):
    record_errors(URFB.id, urfb)
    record_errors(FRFB.id, frfb)
    paper = "in the paper, at the end, it is 0.29 below (0.52 against 0.81)"
    assert findings.compared(URFB, FRFB) == f"{when}, the test error of URFB is {measured}; {paper}."


def test_a_comparison_says_where_the_papers_errors_are_equal(record_errors):
    whole, half = find("table1/cifar10/urfb"), find("table1/cifar10/urfb-50")
    record_errors(whole.id, [0.9])
    record_errors(half.id, [0.9])
    assert findings.compared(half, whole).endswith(
        "in the paper, after 1000 epochs, they are equal (0.31 against 0.31)."
    )


def test_a_comparison_of_which_one_side_is_missing_gives_the_papers_alone(record_errors):
    record_errors(FRFB.id, [0.9])
    assert findings.compared(URFB, FRFB) == (
        "In the paper, at the end, the test error of URFB is 0.29 below that of FRFB (0.52 against 0.81); here "
        "the two are not both recorded yet."
    )


def test_a_comparison_may_name_its_sides_and_the_split(record_errors):
    pair = find("table3/urfb/untied"), find("table3/urfb")
    sentence = findings.compared(*pair, split="train", names=("the untied network", "the tied one"))
    assert sentence.startswith(
        "In the paper, at the end, the train error of the untied network is 0.15 below that of the tied one (0.06 "
        "against 0.21);"
    )


@pytest.mark.usefixtures("record_errors")
def test_a_comparison_of_runs_whose_lengths_differ_says_no_length():
    pair = find("table1/cifar10/urfb/untied"), find("table1/cifar10/urfb")
    assert findings.compared(*pair).partition("the paper, ")[2].startswith("at the end of both runs, ")


def test_the_table_beside_the_paper_has_the_spread_over_seeds(record_errors):
    assert {row[3] for row in report.against_paper(DEEPNET).rows} == {"not run"}
    for seed, error in enumerate((0.5, 0.6, 0.7)):
        record_errors(URFB.id, [0.9, error], seed, train_error_evaluated=0.4)
    row = next(row for row in report.against_paper(DEEPNET).rows if row[0] == "URFB")
    assert row[1:4] == ["0.29", "0.52", "0.400 ± 0.000"]
    assert row[5:] == ["0.600 ± 0.100", "2", "3"]
    record_errors(FRFB.id, [0.9])
    row = next(row for row in report.against_paper(DEEPNET).rows if row[0] == "FRFB")
    assert row[5:] == ["0.900", "1", "1"]


def test_sources_are_those_of_every_recorded_seed(record_errors, template):
    identifiers = [row.id for row in DEEPNET]
    assert [row[0] for row in report.provenance(identifiers).rows] == ["none recorded"]
    assert report.data_notes(identifiers) == []
    for seed in (0, 4):
        record_errors(URFB.id, [0.9], seed)
    record_errors(URFB.id, [0.9, 0.8], device="a GPU")  # other draws from seed 0
    rows = report.provenance(identifiers).rows
    assert [row[:2] for row in rows] == [[URFB.id, "1 to 1"], [URFB.id, "1 to 2"], [f"{URFB.id}, seed 4", "1 to 1"]]
    assert [row[3].split(" (")[0] for row in rows] == ["CPU", "a GPU", "CPU"]
    (note,) = report.data_notes(identifiers)
    assert note.startswith("generated (60 train, 25 validation, 35 test images, sha256")


@pytest.fixture
def sources(monkeypatch):
    """The rows of sources of one run: so many epochs, and sessions that differ from the usual one in these fields."""

    def rows(epochs: int, *changes: dict) -> list:
        session = {"from_epoch": 1, "date": "2026-01-01", "commit": "a" * 40}
        session["hardware"] = {"device": "CPU", "processor": "P", "cores": 2}
        session["versions"] = {"tensorflow": "2", "keras": "3"}
        run = {"seed": 0, "sessions": [{**session, **change} for change in changes], "epochs": [{}] * epochs}
        monkeypatch.setattr(report.recorded, "every", lambda _: [run])
        return report.provenance([URFB.id]).rows

    return rows


def test_sources_say_whether_files_differed_from_the_commit(sources):
    (row,) = sources(1, {"commit": "a" * 40 + "+changes"})
    assert row[-1] == "a" * 10 + "+changes"


def test_sources_name_the_epochs_of_each_session(sources):
    assert [row[1] for row in sources(7, {"from_epoch": 1}, {"from_epoch": 4})] == ["1 to 3", "4 to 7"]


def test_sources_of_an_exported_run_name_jax_and_what_exported_it(sources):
    exported = {"from_epoch": 2, "versions": {"tensorflow": "2", "keras": "3", "jax": "0.10"}}
    made = "TensorFlow 2, Keras 3"
    assert [row[4] for row in sources(2, {}, exported)] == [made, f"JAX 0.10, exported by {made}"]


def test_a_full_run_stands_where_the_command_would_put_it(small_data, tmp_path, monkeypatch, capsys):
    small = dataclasses.replace(find("table1/cifar10/urfb"), dataset="generated", batch_size=20, paper_epochs=1)
    monkeypatch.setattr("urfb_tf.experiments.notebook.find", lambda identifier: small)
    monkeypatch.setattr("urfb_tf.data.load", lambda name: small_data)
    sentence = run_in_full(small.id, seed=3, folder=tmp_path)
    assert sentence.startswith("After epoch 1, table1/cifar10/urfb has a train error of 0.")
    written = json.loads((tmp_path / "table1/cifar10/urfb/seed3/result.json").read_text())
    assert (written["seed"], len(written["epochs"])) == (3, 1)
    told = capsys.readouterr().out.splitlines()
    assert told[0].endswith("result.json grows with each epoch.")
    assert [line.split(":")[0] for line in told[1:]] == ["Epoch 1"]


def test_no_full_run_is_named_on_the_page_of_a_chapter(tmp_path):
    assert run_in_full("", folder=tmp_path / "runs") == ("FULL_RUN is empty: nothing was trained on this page.")
    assert not (tmp_path / "runs").exists()
    with pytest.raises(ArgumentError, match="table1/cifar10/urf"):
        run_in_full("table1/cifar10/urf", folder=tmp_path / "runs")


IMPERFECT = [find(f"imperfect/cifar10/{name}") for name in ("alternate", "delay=1", "noise=3", "circuit-ungated")]
PERFECT = find("table1/cifar10/urfb")


def test_changes_stand_beside_what_they_change(record_errors):
    table = findings.beside(PERFECT, IMPERFECT)
    assert [row[:2] for row in table.rows] == [[row.title, "not run"] for row in IMPERFECT]
    angles = {"weight_angle": {"dense1": 80.4, "output": 30.0}, "error_angle": {"conv1": 33.4, "output": 0.0}}
    record_errors(PERFECT.id, [0.5] * 5 + [0.4] * 5)
    record_errors(IMPERFECT[0].id, [0.53] * 6, **angles)
    record_errors(IMPERFECT[1].id, [0.41] * 20)
    first, second, third, _ = findings.beside(PERFECT, IMPERFECT).rows
    assert first == [IMPERFECT[0].title, "0.530", "0.480", "+0.050", "80°", "33°", "2 to 6"]
    assert second == [IMPERFECT[1].title, "0.410", "0.400", "+0.010", "", "", "6 to 10"]
    assert third[1] == "not run"


def test_angles_beside_errors_are_read_at_the_epoch_that_both_runs_reached(record_epochs, record_errors):
    record_errors(FRFB.id, [0.9, 0.8])
    angles = [80.0] * 2 + [20.0] * 5
    epochs = [{"test_error": 0.7, "weight_angle": {"dense1": a}, "error_angle": {"conv1": a}} for a in angles]
    record_epochs(URFB.id, epochs)
    assert findings.beside(FRFB, [URFB]).rows[0][-3:] == ["80°", "80°", "1 to 2"]


def test_angles_and_lengths_too_are_counted_from_where_a_network_is_drawn_anew(record_epochs, record_errors):
    untied, tied = find("table3/urfb/untied"), find("table3/urfb")
    record_errors(tied.id, [0.9, 0.8])
    parts = [(100, 80.0, 1.0), (2, 30.0, 3.0)]  # the tied network first
    record_epochs(
        untied.id,
        [
            {
                "test_error": 0.5,
                "weight_angle": {"dense1": angle},
                "error_angle": {"conv1": angle},
                "error_ratio": {"conv1": length, "dense1": length},
            }
            for epochs, angle, length in parts
            for _ in range(epochs)
        ],
    )
    assert findings.beside(tied, [untied]).rows[0][-3:] == ["30°", "30°", "1 to 2"]
    assert "3.0 times as long at the lowest convolution" in findings.longer_errors(untied, tied)


def test_errors_are_read_where_the_mean_train_error_first_comes_down_to_a_level(record_epochs):
    train = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]
    record_epochs(URFB.id, [{"train_error_evaluated": error, "test_error": error + 0.05} for error in train])
    table = findings.at_equal_train_error([URFB, FRFB], [0.8, 0.6, 0.5])
    # Means over five epochs: the first, at epoch 5, is 0.7, the one at epoch 6 is 0.6.
    assert table.rows == [["URFB", "0.750", "0.650", ""]]


def test_harm_says_what_costs_nothing_something_and_everything(record_errors):
    assert findings.harm(PERFECT, IMPERFECT) == "None of these 4 runs is recorded yet."
    record_errors(PERFECT.id, [0.4] * 5)
    for experiment, error in zip(IMPERFECT[:3], (0.45, 0.41, 0.3), strict=True):
        record_errors(experiment.id, [error] * 5)
    alternate, delay, noise, circuit = (experiment.title for experiment in IMPERFECT)
    assert findings.harm(PERFECT, IMPERFECT) == (
        f"At the same epoch, the test error is within 0.02 of URFB's: {delay}. "
        f"It is more than 0.02 below URFB's: {noise} (-0.100). "
        f"It is more than 0.02 above URFB's: {alternate} (+0.050). 1 of these 4 runs is not recorded yet."
    )
    record_errors(IMPERFECT[3].id, [0.89] * 5)
    assert findings.harm(PERFECT, IMPERFECT).endswith(f"It is within 0.02 of guessing: {circuit} (+0.490).")


def test_arriving_errors_say_where_they_are_nearest_and_where_they_point_away():
    epochs = [
        {
            "epoch": n,
            "error_angle": {"conv1": 94.0 + n, "conv2": 59.0 + n, "dense1": None, "output": 0.0},
            "error_ratio": {"conv1": 1.5 + n, "conv2": 1.0, "dense1": None, "output": 1.0},
        }
        for n in range(1, 9)
    ]
    nowhere = [{"epoch": 1, "error_angle": {"conv1": None, "output": 0.0}}]
    assert findings.arriving_errors({"FRFB": epochs, "BP": nowhere}) == (
        "- FRFB, the mean over epochs 4 to 8: 100° at conv1; above 90° at conv1; smallest at conv2, 65°; "
        "7.5 times as long as back-propagation's at conv1.\n"
        "- BP, the mean over epochs 1 to 1: no error arrives."
    )


def test_an_angle_that_rounds_to_90_degrees_is_not_above_it():
    epochs = [{"epoch": 1, "error_angle": {"conv1": 90.4, "dense1": 60.0, "output": 0.0}}]
    assert findings.arriving_errors({"a": epochs}) == (
        "- a, the mean over epochs 1 to 1: 90° at conv1; smallest at dense1, 60°."
    )
