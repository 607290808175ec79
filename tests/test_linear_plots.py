"""The figures of the linear theory show what they are given."""

import numpy as np
import pytest

from urfb_tf import linear, plots


@pytest.fixture(scope="module")
def problem():
    return linear.draw((0, 1), (3, 5, 4, 2))


def lines(axis) -> dict[str, np.ndarray]:
    return {line.get_label(): line.get_ydata() for line in axis.get_lines()}


def test_lambdas_and_errors_along_time():
    epsilons = (0, 0.5, 1)
    solution = linear.integrate(1.0, [0.4, 0.3], epsilons, [0.0, 1.0, 4.0])
    axes = plots.lambdas_along_time(solution, epsilons).axes
    assert [axis.get_title() for axis in axes] == [r"$\lambda_1$", r"$\lambda_2$", r"$\lambda_3$", "error $e$"]
    for layer, axis in enumerate(axes[:-1]):
        shown = lines(axis)
        assert list(shown) == [r"$\epsilon$ = 0", r"$\epsilon$ = 0.5", r"$\epsilon$ = 1"]
        np.testing.assert_array_equal(list(shown.values()), solution.lambdas[:, layer].T)
    np.testing.assert_array_equal(list(lines(axes[-1]).values()), solution.error.T)
    assert axes[-1].get_yscale() == "log"


def test_epsilon_0_and_1_have_the_colours_of_frfb_and_urfb():
    (axis,) = plots.curves_by_epsilon([0, 1], np.ones([2, 3]), (0, 0.5, 1), "x", "y").axes
    colours = [line.get_color() for line in axis.get_lines()]
    assert (colours[0], colours[2]) == ("#D55E00", "#0072B2")
    assert len(set(colours)) == 3


def test_curves_against_epsilon_are_named():
    (axis,) = plots.curves_against_epsilon([0, 1], {"a": [1, 2], "b": [3, 4]}, "y").axes
    assert {name: list(values) for name, values in lines(axis).items()} == {"a": [1, 2], "b": [3, 4]}


def test_final_rates_stand_beside_their_limits():
    (axis,) = plots.final_rates([0.1, 1], {2: [1, 2], 3: [3, 4]}, {2: 0.5, 3: 0.7}).axes
    drawn = [list(line.get_ydata()) for line in axis.get_lines()]
    assert drawn == [[1, 2], [0.5, 0.5], [3, 4], [0.7, 0.7]]


def test_figure_3_has_a_column_per_run_and_a_histogram_per_layer(problem):
    runs = linear.compare_rules(problem, 0.02, 20)
    axes = np.array(plots.rules_compared(runs, bins=11).axes).reshape(4, 2)
    for run in range(2):
        shown = lines(axes[0, run])
        assert list(shown) == ["SGD", "FRFB", "URFB"]
        np.testing.assert_array_equal(shown["URFB"], runs["urfb"].squared_error[:, run])
        for layer in range(3):
            true = runs["bp"].weights[layer][run]
            counts, _ = np.histogram((runs["urfb"].weights[layer][run] - true) / true, 11, (-2, 2))
            shares = [bar.get_height() * bar.get_width() for bar in axes[layer + 1, run].patches]
            assert shares == pytest.approx(counts / true.size, rel=1e-12), "of all weights, those beyond 2 included"


def test_figure_4_has_a_line_per_epsilon_and_sgd(problem):
    runs = linear.compare_epsilons(problem, (0, 1), 0.02, 10)
    axes = plots.epsilons_compared(runs).axes
    assert len(axes) == 2
    for run, axis in enumerate(axes):
        shown = lines(axis)
        assert list(shown) == [r"$\epsilon$ = 0", r"$\epsilon$ = 1", "SGD"]
        np.testing.assert_array_equal(shown["SGD"], runs["bp"].squared_error[:, run])
