"""Angles of recorded runs beside their errors: at equal epochs, half-way times, rank correlations, figures."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from urfb_tf import plots
from urfb_tf.analysis import angles, recorded
from urfb_tf.analysis.angles import Point, half_way, points, rank_correlation
from urfb_tf.errors import ArgumentError
from urfb_tf.experiments import select
from urfb_tf.experiments.sparse import PERCENTS, SPARSE, by_connectivity

DEEPNET = select("table2/deepnet")
URFB, FRFB = "table2/deepnet/urfb", "table2/deepnet/frfb"


@pytest.fixture
def record(record_epochs):
    """Records a run with these pairs of test error and angle of conv2, one per epoch."""

    def put(identifier: str, course: list[tuple[float, float | None]], seed: int = 0) -> None:
        epochs = [{"test_error": error, "weight_angle": {"conv2": angle}} for error, angle in course]
        record_epochs(identifier, epochs, seed)

    return put


def test_points_are_read_at_one_epoch_over_all_seeds_that_reached_it(record):
    assert points(DEEPNET, "weight_angle", "conv2", 2) == []
    record(URFB, [(0.9, 90.0), (0.7, 70.0), (0.0, 0.0)])
    record(URFB, [(0.5, 50.0), (0.3, 30.0)], seed=1)
    record(URFB, [(0.1, 10.0)], seed=2)
    record(FRFB, [(0.9, 90.0)])
    (point,) = points(DEEPNET, "weight_angle", "conv2", 2)
    assert point == Point(URFB, "URFB", "urfb", pytest.approx(60), pytest.approx(0.6))
    assert [p.id for p in points(DEEPNET, "weight_angle", "conv2", 1)] == [URFB, FRFB]


def test_runs_without_the_angle_are_no_points(record):
    record(URFB, [(0.9, None), (0.9, 80.0)])
    record(FRFB, [(0.9, 80.0), (0.9, 80.0)])
    record(FRFB, [(0.1, 80.0), (0.1, None)], seed=1)
    (point,) = points(DEEPNET, "weight_angle", "conv2", 2)
    assert (point.id, point.error) == (FRFB, pytest.approx(0.9)), "of the seed that has the angle"
    assert points(DEEPNET, "weight_angle", "conv9", 2) == []
    assert points(DEEPNET, "error_angle", "conv2", 2) == []


@pytest.mark.parametrize(
    ("values", "start", "epochs"),
    [
        ([60] * 5, 90, 0.5),
        ([90, 90, 60] + [60] * 4, 90, 2.5),
        ([80, 70, 60, 50] + [50] * 5, 90, 2),
        ([0.9, 0.5, 0.5, 0.5, 0.5, 0.5], 0.9, 1.5),
        ([40, 50, 60, 70, 80], 90, 0.5 * 30 / 50),  # past its end at once; the end is the mean of all, 60
        ([89] * 9, 90, None),
        ([60, None, 60], 90, None),
        ([], 90, None),
    ],
)
def test_half_way_times_worked_by_hand(values, start, epochs):
    expected = None if epochs is None else pytest.approx(epochs)
    assert half_way(values, start, least=0.3 if start < 1 else 5) == expected


def pairs(found):
    return [Point(str(n), str(n), "urfb", angle, error) for n, (angle, error) in enumerate(found)]


def test_rank_correlations_worked_by_hand():
    found = rank_correlation(pairs([(10, 0.1), (20, 0.3), (30, 0.2)]))
    assert (found.rho, found.low, found.n) == (pytest.approx(0.5), None, 3)
    perfect = rank_correlation(pairs([(1, 0.1), (2, 0.2), (3, 0.3), (40, 0.4)]))
    assert (perfect.rho, perfect.low, perfect.high) == (pytest.approx(1), 1, 1)
    found = rank_correlation(pairs([(1, 0.1), (2, 0.3), (3, 0.2), (4, 0.5), (5, 0.4)]))
    assert found.rho == pytest.approx(0.8)
    # artanh .8 = 1.0986; 1.96 sqrt(1.32 / 2) = 1.5923
    assert (found.low, found.high) == (
        pytest.approx(np.tanh(1.0986 - 1.5923), abs=1e-4),
        pytest.approx(0.9909, abs=1e-4),
    )
    assert str(found).startswith("rank correlation +0.80 over 5 runs, 95 % interval -0.46 to +0.99")


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=4, max_size=20))
def test_the_rank_correlation_is_scipys_with_ties(found):
    if any(len(set(side)) == 1 for side in zip(*found, strict=True)):
        with pytest.raises(ArgumentError):
            rank_correlation(pairs(found))
        return
    rho = rank_correlation(pairs(found)).rho
    assert rho == pytest.approx(scipy.stats.spearmanr(*zip(*found, strict=True)).statistic, abs=1e-12)


@pytest.mark.parametrize("found", [[], [(1, 0.1), (2, 0.2)], [(1, 0.1), (1, 0.2), (1, 0.3)]])
def test_a_correlation_of_nothing_is_refused(found):
    with pytest.raises(ArgumentError, match="three points or more"):
        rank_correlation(pairs(found))


def history(length=2, **layers):
    return [{"epoch": n, "weight_angle": layers} for n in range(1, length + 1)]


def test_ranks_of_diverged_runs_are_refused():
    with pytest.raises(ArgumentError, match="Ranks need finite angles and errors"):
        rank_correlation(pairs([(1, 1.0), (2, float("nan")), (3, 0.5), (4, 4.0)]))


def test_an_angle_beyond_most_is_in_the_scatter():
    made = plots.angle_against_error({"all": [Point("i", "t", "urfb", 130.0, 0.5)]})
    assert made.axes[0].get_xlim()[1] > 130


def test_the_scatter_has_the_angle_across_and_the_error_up():
    panels = {"all": [Point("i", "t", "urfb", 30.0, 0.5)]}, {"all": [Point("j", "t", "x", 60.0, 0.25)]}
    (axis,) = plots.angle_against_error(*panels).axes
    assert [group.get_offsets().tolist() for group in axis.collections] == [[[30, 0.5]], [[60, 0.25]]]


@pytest.mark.parametrize("runs", [0, 1, 4, 5, 8])
def test_each_run_has_a_panel_and_each_layer_one_label(runs):
    histories = {f"run {n}": history(dense1=80.0, output=None if n else 40.0) for n in range(runs)}
    made = plots.angle_panels(histories, "weight_angle", ["dense1", "output"])
    assert [axis.get_title() for axis in made.axes if axis.get_title()] == list(histories)
    labels = [text.get_text() for legend in made.legends for text in legend.get_texts()]
    assert labels == (["dense1", "output"] if runs else [])
    shown = [axis for axis in made.axes if axis.axison]
    assert len(shown) == runs
    assert sum(bool(axis.get_xlabel()) for axis in shown) == min(runs, 3)  # below each column, once


def test_the_scatter_has_every_rule_in_its_legend_even_if_the_last_panel_lacks_one():
    near, far = Point("a", "a", "urfb", 30.0, 0.4), Point("b", "b", "dfa", 90.0, 0.6)
    made = plots.angle_against_error({"conv1": [near, far], "dense1": [near]})
    assert {text.get_text() for text in made.axes[-1].get_legend().get_texts()} == {"URFB", "dfa"}
    assert [len(axis.collections) for axis in made.axes] == [2, 1]
    assert plots.angle_against_error({"conv1": []}).axes[0].get_legend() is None


def test_errors_and_angles_against_connectivity_share_a_legend():
    made = plots.against_connectivity(
        {"URFB": {0.05: 0.6, 1.0: 0.5}, "BP": {1.0: 0.5}}, {"URFB": {0.05: 88.0}, "smallest": {0.05: 87.1, 1.0: 0.0}},
        {"URFB": "urfb", "BP": "bp"},
    )  # fmt: skip
    assert [text.get_text() for text in made.legends[0].get_texts()] == ["URFB", "BP", "smallest"]
    assert [label.get_text() for label in made.axes[0].get_xticklabels()] == ["5%", "100%"]
    errors, angles_to_w = (
        [line.get_xydata().tolist() for line in axis.get_lines() if len(line.get_xydata())] for axis in made.axes[:2]
    )
    assert errors == [[[0.05, 0.6], [1, 0.5]], [[1, 0.5]]]
    assert angles_to_w[:2] == [[[0.05, 88]], [[0.05, 87.1], [1, 0]]]


@pytest.mark.parametrize("rule", PERCENTS)
def test_the_runs_of_a_rule_differ_in_their_connectivity_alone(rule):
    rows = by_connectivity(rule)
    assert list(rows) == sorted(rows, reverse=True) == [1.0, 0.5, 0.25, 0.1, 0.05]
    configurations = [row.configuration() for row in rows.values()]
    assert [configuration.pop("connectivity") for configuration in configurations] == list(rows)
    assert all(configuration == configurations[0] for configuration in configurations)
    assert configurations[0]["rule"] == rule


def test_every_sparse_run_stands_in_a_row_of_its_rule():
    assert {row.id for rule in PERCENTS for row in by_connectivity(rule).values()} >= {row.id for row in SPARSE}
    assert angles.RIGHT_ANGLE == 90


@pytest.mark.parametrize("epoch", [0, -3, 2.5])
def test_points_are_read_at_a_whole_epoch(epoch):
    with pytest.raises(ArgumentError, match="epoch is a whole number >= 1"):
        points(select("table1/cifar10"), "error_angle", "conv1", epoch)
    with pytest.raises(ArgumentError, match="until is a whole number of epochs >= 1"):
        recorded.compare("table1/cifar10/urfb", "table1/cifar10/frfb", until=epoch)
