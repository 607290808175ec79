"""What a reading's items change: which runs are compared, in which words, and as which figure."""

import pytest

from urfb_tf import plots
from urfb_tf.analysis import ablations
from urfb_tf.experiments import select


def test_each_ablation_changes_one_thing_of_its_default():
    changed = ablations.changed()
    assert len(changed) == len(select("ablations")) == 21
    for experiment in changed:
        whole, part = (e.configuration() for e in (ablations.default_of(experiment), experiment))
        item, _, value = experiment.id.rpartition("/")[2].partition("=")
        different = {key for key in whole if whole[key] != part[key]} - {"reading_items"}
        assert different == ({item} if item == "learning_rate" else {"changes"})
        assert str(part[item] if item == "learning_rate" else part["changes"][item]) == value


def test_the_table_of_ablations_has_a_row_for_each_whatever_is_recorded(record_errors):
    assert [row[2:] for row in ablations.table(ablations.differences()).rows] == [["not run", "", "", ""]] * 21
    record_errors("ablations/cifar10/urfb/slope=1.0", [0.5] * 8)
    assert {row[2] for row in ablations.table(ablations.differences()).rows} == {"not run"}, "the default is missing"
    record_errors("table1/cifar10/urfb", [0.6] * 10)
    rows = ablations.table(ablations.differences()).rows
    assert rows[1] == ["slope=1.0", "urfb", "0.600", "0.500", "-0.100", "4 to 8"]
    assert sum(row[2] == "not run" for row in rows) == 20
    for experiment in select("ablations"):
        record_errors(experiment.id, [0.5] * 8)
        record_errors(ablations.default_of(experiment).id, [0.6] * 10)
    assert {row[4] for row in ablations.table(ablations.differences()).rows} == {"-0.100"}


def test_the_order_of_the_rules_is_told_for_changes_that_all_have(record_errors):
    assert ablations.order(ablations.differences()) == "No change is recorded for all three rules yet."
    for row, default, changed in (("bp-hinge", 0.4, 0.5), ("urfb", 0.41, 0.55), ("frfb", 0.6, 0.7)):
        record_errors(f"table1/cifar10/{row}", [default] * 10)
        record_errors(f"ablations/cifar10/{row}/slope=1.0", [changed] * 8)
        record_errors(f"ablations/cifar10/{row}/closed=True", [0.8 - changed] * 8)
    assert ablations.order(ablations.differences()) == (
        "With 1 of the 2 changes that are recorded for all three rules, FRFB ends behind both others, as it does by "
        "default (not with `closed=True`). URFB and BP are farthest apart with `slope=1.0`: 0.550 against 0.500."
    )
    record_errors("ablations/cifar10/frfb/closed=True", [0.8] * 8)
    assert ablations.order(ablations.differences()).startswith("With all 2 changes that are recorded for all three")


def test_a_rule_that_ends_level_with_another_is_not_behind_it(record_errors):
    for row, error in (("bp-hinge", 0.4), ("urfb", 0.5), ("frfb", 0.5)):
        record_errors(f"table1/cifar10/{row}", [0.4] * 8)
        record_errors(f"ablations/cifar10/{row}/slope=1.0", [error] * 8)
    assert ablations.order(ablations.differences()).startswith("With 0 of the 1 changes")


def test_the_course_of_a_difference_is_the_changed_error_less_the_default(record_errors):
    record_errors("table1/cifar10/urfb", [0.6, 0.5, 0.4])
    record_errors("ablations/cifar10/urfb/slope=1.0", [0.7, 0.25])
    assert ablations.by_epoch("urfb", "slope=1.0") == pytest.approx([0.1, -0.25])


def test_rules_are_compared_at_the_same_epoch(record_errors):
    for row, length in (("bp-hinge", 9), ("urfb", 6)):
        record_errors(f"table1/cifar10/{row}", [0.9 - 0.1 * epoch for epoch in range(9)])
        record_errors(f"ablations/cifar10/{row}/slope=1.0", [0.5] * length)
    found = ablations.differences()["slope=1.0"]
    assert [(each.start, each.end) for each in found.values() if each] == [(2, 6)] * 2
    assert found["frfb"] is None


def test_the_figure_has_a_marker_for_each_recorded_difference(record_errors):
    assert len(lines_at(plots.error_differences(ablations.differences()))) == 0
    record_errors("table1/cifar10/urfb", [0.6] * 10)
    record_errors("ablations/cifar10/urfb/slope=1.0", [0.5] * 8)
    record_errors("ablations/cifar10/urfb/closed=True", [0.65] * 8)
    found = lines_at(plots.error_differences(ablations.differences()))
    assert found == [(-0.1, 0), (0.05, 1)]


def lines_at(made):
    """The points drawn in the axis, rounded, without the line at 0 and the legend's."""
    points = [line.get_xydata() for line in made.axes[0].lines[1:]]
    return [tuple(round(float(value), 6) for value in point[0]) for point in points if len(point)]
