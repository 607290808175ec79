"""The leaderboard: equal protocol, equal epochs, and every run named whether or not it is recorded."""

import json

import pytest

from urfb_tf.__main__ import main
from urfb_tf.analysis import report
from urfb_tf.analysis.leaderboard import BOARDS, contenders, leaderboard, missing, table
from urfb_tf.errors import ArgumentError
from urfb_tf.experiments import find, select

BOARD = ("deepnet", "cifar100")
URFB, FRFB = "table2/deepnet/urfb", "table2/deepnet/frfb"


@pytest.mark.parametrize(("network", "dataset"), BOARDS)
def test_a_board_has_the_runs_of_one_protocol(network, dataset):
    rows = [row.configuration() for row in contenders(network, dataset)]
    assert rows
    protocol = {"network": network, "dataset": dataset, "reading": "original", "changes": {}, "learning_rate": 0.1}
    for row in rows:
        assert {key: row[key] for key in protocol} == protocol
        assert row["batch_size"] == 500
        assert "phases" not in row


def test_ablations_readings_and_untied_runs_are_on_no_board():
    ids = {row.id for board in BOARDS for row in contenders(*board)}
    others = [*select("ablations"), *select("readings"), *select("untied"), find("table1/cifar10/urfb/untied")]
    assert not ids & {row.id for row in others}
    assert {row.id for row in (*select("rules"), *select("epsilon"), *select("connectivity"))} <= ids


def test_runs_are_read_at_the_same_epoch_however_far_they_went(record_errors):
    record_errors(URFB, [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.0, 0.0])
    record_errors(FRFB, [0.5] * 6)
    first, second, *rest = leaderboard(*BOARD, epochs=6)
    assert (first.id, first.test_error, first.reached) == (FRFB, 0.5, 6)
    assert (second.id, second.test_error, second.reached) == (URFB, 0.6, 8)
    assert {entry.test_error for entry in rest} == {None}
    assert leaderboard(*BOARD, epochs=8)[0].id == URFB


def test_seeds_count_that_came_so_far_and_no_others(record_errors):
    for seed, error in enumerate((0.5, 0.6, 0.7)):
        record_errors(URFB, [error] * 5, seed)
    record_errors(URFB, [0.1] * 4, 3)
    entry = leaderboard(*BOARD, epochs=5)[0]
    assert (entry.seeds, entry.test_error, entry.spread) == ([0, 1, 2], 0.6, 0.1)
    assert len(entry.files) == 3
    assert entry.device.startswith("CPU, ")


def test_a_board_names_the_files_of_the_runs_that_it_shows(record_errors):
    record_errors(URFB, [0.2] * 3, device="a GPU")
    record_errors(URFB, [0.4] * 2)
    record_errors(FRFB, [0.5] * 2)
    record_errors("table2/deepnet/bp-hinge", [0.6] * 2)
    first = leaderboard(*BOARD, epochs=2)[0]
    assert (first.test_error, first.files) == (0.4, ["table2--deepnet--urfb--seed0.other.json"])
    assert (first.device.split(",")[0], first.reached) == ("CPU", 3)
    first = leaderboard(*BOARD, epochs=3)[0]
    assert (first.test_error, first.files) == (0.2, ["table2--deepnet--urfb--seed0.json"])


def test_a_board_names_each_device_of_a_run(record_errors):
    record_errors(URFB, [0.5, 0.5], 0)
    record_errors(URFB, [0.5, 0.5], 1, device="a GPU")
    entry = leaderboard(*BOARD, epochs=2)[0]
    assert [part.split(",")[0] for part in entry.device.split(" and ")] == ["CPU", "a GPU"]


def test_the_train_error_of_a_board_is_the_one_with_dropout_off(record_errors):
    record_errors(URFB, [0.5, 0.5], train_error_evaluated=0.25)
    (row,) = table(leaderboard(*BOARD, epochs=2)).rows
    assert row[2:6] == ["0.500", "", "0.250", "1"]


@pytest.mark.parametrize("recorded", [0, 1, 6])
def test_table_and_sentence_name_every_run_once_whatever_is_recorded(record_errors, recorded):
    rows = select("table2/deepnet")
    for number, row in enumerate(rows[:recorded]):
        record_errors(row.id, [0.5 + number / 100] * 2)
    entries = leaderboard(*BOARD, epochs=2)
    assert [row[:3] for row in table(entries).rows] == [
        [row.title, str(place), f"{0.49 + place / 100:.3f}"] for place, row in enumerate(rows[:recorded], start=1)
    ]
    sentence = missing(entries)
    assert [row.id for row in rows if f"`{row.id}`" in sentence] == [row.id for row in rows[recorded:]]
    assert (sentence == "All runs of this board are recorded.") == (recorded == len(rows))


def test_a_run_that_is_too_short_is_said_to_be_so(record_errors):
    record_errors(URFB, [0.9])
    entries = leaderboard(*BOARD, epochs=2)
    assert missing(entries).startswith("Recorded, but not for 2 epochs: URFB (1 epochs). Not recorded yet: `table2/")
    assert table(entries).rows == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [((*BOARD, 0), "whole number of epochs"), (("simpnet", "mnist"), "No experiment trains simpnet on mnist")],
)
def test_a_board_that_cannot_be_is_refused(arguments, words):
    with pytest.raises(ArgumentError, match=words):
        leaderboard(*arguments)


def test_the_book_can_sort_the_table_and_no_other():
    assert "class='table dataframe sortable'" in table(leaderboard(*BOARD))._repr_html_()
    assert "sortable" not in report.against_paper(select("table2/deepnet"))._repr_html_()


def test_the_command_prints_the_boards_or_one_object_per_run(record_errors, capsys):
    record_errors(URFB, [0.5, 0.4])
    assert main(["leaderboard", "--epochs", "2"]) == 0
    text = capsys.readouterr().out
    assert f"  0.450  {URFB}  (seeds: 1)" in text.splitlines()
    assert text.count("after 2 epochs") == len(BOARDS)
    assert main(["leaderboard", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert len(entries) == sum(len(contenders(*board)) for board in BOARDS)
    assert {entry["test_error"] for entry in entries} == {None}  # none has 20 epochs
