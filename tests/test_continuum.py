"""From FRFB to URFB: what is recorded of each epsilon, and what theory expects of it."""

import pytest

from urfb_tf import plots, results
from urfb_tf.analysis import continuum
from urfb_tf.analysis.continuum import Setting, by_epsilon, in_order, settings
from urfb_tf.metrics import expected_angle


@pytest.fixture
def record(monkeypatch):
    """Records a run of two epochs with one test error and one angle, by epsilon."""
    runs = {}
    monkeypatch.setattr(results, "seeds", lambda key: [0] if key in runs else [])
    monkeypatch.setattr(results, "load_all", lambda key, seed=0: [runs[key]])

    def put(epsilon: float, error: float, angle: float | None) -> None:
        angles = {"weight_angle": {"dense1": angle}, "error_angle": {"conv1": 40.0}}
        epochs = [{"epoch": epoch, "test_error": error, **angles} for epoch in (1, 2)]
        session = {"versions": {}, "hardware": {"device": "CPU"}}
        runs[by_epsilon()[epsilon].id] = {"sessions": [session], "epochs": epochs}

    return put


def test_the_runs_differ_in_epsilon_alone():
    rows = by_epsilon()
    assert list(rows) == [0, 0.01, 0.03, 0.1, 0.3, 1, 3]
    configurations = [row.configuration() for epsilon, row in rows.items() if epsilon]
    assert [configuration.pop("epsilon") for configuration in configurations] == list(rows)[1:]
    assert all(configuration == configurations[0] for configuration in configurations)
    assert {**rows[0.0].configuration(), "rule": "urfb"} == configurations[0]


def test_the_expected_angle_is_that_of_the_movement_under_epsilon_1(record):
    assert settings(2) == []
    record(0.3, 0.5, 70.0)
    assert [setting.expected for setting in settings(2)] == [None]
    record(1.0, 0.4, 60.0)  # s / (1 + s) = 1/2, s = 1
    record(0.0, 0.6, 89.0)
    found = {setting.epsilon: setting for setting in settings(2)}
    assert list(found) == [0, 0.3, 1]
    expected = {0.0: 90.0, 0.3: expected_angle(1.0, epsilon=0.3), 1.0: 60.0}
    assert {epsilon: setting.expected for epsilon, setting in found.items()} == pytest.approx(expected)
    assert (found[0.3].error, found[0.3].angle, found[0.3].error_angle) == (0.5, 70, 40)
    assert settings(3) == []


def test_all_of_a_setting_is_read_from_the_same_runs(record_errors):
    rows, known = by_epsilon(), {"weight_angle": {"dense1": 80.0}, "error_angle": {"conv1": 40.0}}
    for epsilon in (0.0, 0.3, 1.0):
        record_errors(rows[epsilon].id, [0.5, 0.5], **known, error_ratio={"conv1": 2.0})
    # Two with other draws have lengths at the dense layer as well: these are of other runs.
    for epsilon in (0.0, 1.0):
        record_errors(rows[epsilon].id, [0.6, 0.6], device="a GPU", **known, error_ratio={"conv1": 7.0, "dense1": 9.0})
    assert [(each.error, each.lengths) for each in settings(2)] == [(0.5, {"conv1": 2.0})] * 3


def pair(epsilon, error):
    return Setting(epsilon, error, 80.0, 40.0, None)


@pytest.mark.parametrize(
    ("found", "counts"),
    [
        ([], (0, 0)),
        ([pair(0, 0.6), pair(1, 0.5)], (1, 1)),
        ([pair(1, 0.5), pair(0, 0.5), pair(3, 0.4)], (2, 3)),
        ([pair(0, 0.4), pair(1, 0.5), pair(3, 0.6)], (0, 3)),
    ],
)
def test_pairs_in_the_order_of_the_theory_are_counted(found, counts):
    assert in_order(found) == counts


@pytest.mark.parametrize("found", [[], [pair(0, 0.6)], [Setting(e, 0.5, 80.0, 40.0, 81.0) for e in (0, 0.1, 1)]])
def test_the_figure_has_a_place_for_each_epsilon(found):
    left, right = plots.against_epsilon(found).axes
    assert [label.get_text() for label in left.get_xticklabels()] == [f"{setting.epsilon:g}" for setting in found]
    assert len(right.lines) == (0 if not found else 3 if found[0].expected else 2)
    assert continuum.LAYER == "dense1"
