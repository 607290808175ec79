"""Two layers under FRFB, solved for all matrices, and what a little of URFB adds."""

import itertools

import numpy as np
import pytest

from urfb_tf import linear, plots
from urfb_tf.errors import ArgumentError

TIMES = np.linspace(0, 5, 11)
SHAPES = [(3, 5, 6), (5, 3, 4), (4, 4, 2), (1, 1, 1), (3, 1, 2)]  # n_2, n_0, n_1


def network(outputs, inputs, hidden, seed=0):
    random = np.random.default_rng(seed)
    target, feedback = random.normal(size=(outputs, inputs)), random.normal(size=(hidden, outputs))
    return target, feedback, [np.zeros((hidden, inputs)), np.zeros((outputs, hidden))]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_modes_give_the_error_of_every_network(shape):
    target, feedback, zero = network(*shape)
    flow = linear.flow(target, zero, [feedback], 0, TIMES)
    modes = linear.fixed_feedback_modes(target, feedback)
    np.testing.assert_allclose(modes.error(TIMES), flow.error, atol=1e-9)
    np.testing.assert_allclose(modes.squared_error(TIMES), flow.squared_error, atol=1e-9)
    np.testing.assert_allclose(modes.directions.T @ modes.directions, np.eye(shape[1]), atol=1e-14)


def test_what_feedback_cannot_see_is_not_learned():
    target, _, zero = network(4, 4, 3)
    feedback = np.outer([1.0, 2.0, -1.0], [0.5, 1.0, 0.0, -2.0])  # rank 1
    modes = linear.fixed_feedback_modes(target, feedback)
    assert (modes.strengths > 0).tolist() == [True, False, False, False]
    seen = feedback @ target
    blind = np.eye(4) - np.linalg.pinv(seen) @ seen  # the projection onto the kernel of R_2 T
    left = modes.error([1e9])[0]
    np.testing.assert_allclose(left, target @ blind, atol=1e-12)
    flow = linear.flow(target, zero, [feedback], 0, [30.0])
    np.testing.assert_allclose(flow.error[0], left, atol=1e-9)


@pytest.mark.parametrize("strength", [1e-12, 0.3, 2.0, 1e9])
def test_time_and_share_of_a_mode_are_inverse(strength):
    share = np.concatenate([np.geomspace(1e-300, 0.5, 30), np.linspace(0.5, 0.999, 30)])
    times = linear.mode_time(strength, share)
    np.testing.assert_allclose(linear.mode_error(strength, times), share, rtol=1e-12)
    assert linear.mode_time(strength, 1) == 0
    assert linear.mode_error(strength, 0) == 1


def test_a_mode_of_an_aligned_network_is_a_pair_of_the_paper():
    lambda_t, lambda_r = np.array([0.2, 1.0, 3.0]), np.array([[1.5, 0.1, 0.7]])
    pairs = linear.integrate(lambda_t, lambda_r, 0, TIMES)
    share = linear.mode_error((lambda_t * lambda_r[0]) ** 2, TIMES[:, None])
    np.testing.assert_allclose(share, pairs.error / lambda_t, rtol=1e-8)


def test_a_share_solves_its_equation():
    times, step = np.array([0.3, 1.0, 2.5]), 1e-5
    up, at, down = (linear.mode_error(0.7, times + s) for s in (step, 0, -step))
    below = np.cbrt(2 * (1 - at) / 0.7)
    np.testing.assert_allclose((up - down) / (2 * step), -1.5 * 0.7 * below**2 * at, rtol=1e-8)


@pytest.mark.parametrize("depth", [3, 4])
def test_deeper_networks_fall_apart_too_where_their_feedback_only_turns_and_scales(depth):
    random = np.random.default_rng(depth)
    widths, scales = [*[5, 7, 6, 4][:depth], 3], [1.3, 0.7, 0.4][: depth - 1]
    target = random.normal(size=(3, 5))
    feedback = [
        scale * np.linalg.qr(random.normal(size=(low, high)))[0]
        for scale, low, high in zip(scales, *zip(*itertools.pairwise(widths[1:]), strict=True), strict=True)
    ]
    zero = [np.zeros((high, low)) for low, high in itertools.pairwise(widths)]
    flow = linear.flow(target, zero, feedback, 0, TIMES)
    left, values, right = np.linalg.svd(target, full_matrices=False)
    pairs = linear.integrate(values, np.tile(np.array(scales)[:, None], 3), 0, TIMES)
    np.testing.assert_allclose(flow.error, np.einsum("oj,tj,ji->toi", left, pairs.error, right), atol=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_slope_is_the_difference_that_a_small_epsilon_makes(shape):
    target, feedback, zero = network(*shape)
    small = 1e-3
    one, two, none = (
        linear.flow(target, zero, [feedback], e, TIMES).squared_error for e in (small, 2 * small, 0)
    )  # fmt: skip
    slope = linear.error_slope(linear.fixed_feedback_modes(target, feedback), TIMES)
    np.testing.assert_allclose(slope, (4 * one - two - 3 * none) / (2 * small), atol=2e-5)  # off by small^2
    assert (slope[1:] < 0).all()


def test_every_pair_of_modes_gains():
    strengths = np.concatenate([[0], np.geomspace(1e-4, 1, 12)])
    times = np.geomspace(0.05, 150, 50)
    fall = linear.mode_response(strengths, times)  # [times, modes, modes]
    left = linear.mode_error(strengths, times[:, None])
    counted = left[:, :, None] + left[:, None, :] > 1e-6  # where there is an error left, beyond the solver's tolerance
    assert (fall[:, 0, 0] == 0).all()  # nothing is learned in the kernel
    counted[:, 0, 0] = False
    assert (fall[counted] > 0).all()


@pytest.mark.parametrize("epsilon", [0.1, 7.0])
def test_every_epsilon_is_one_with_other_feedback(epsilon):
    target, feedback, zero = network(3, 4, 5)
    given = linear.flow(target, zero, [feedback], epsilon, TIMES)
    scaled = linear.flow(target, zero, [feedback * epsilon**-0.75], 1, np.sqrt(epsilon) * TIMES)
    np.testing.assert_allclose(given.error, scaled.error, atol=1e-8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: linear.fixed_feedback_modes(np.ones((2, 3)), np.ones((4, 3))), r"shapes are \[2, 3\] and \[4, 3\]"),
        (lambda: linear.fixed_feedback_modes(np.ones(3), np.ones((4, 3))), "must be a matrix"),
        (lambda: linear.fixed_feedback_modes(np.ones((2, 0)), np.ones((4, 2))), "must be a matrix"),
        (lambda: linear.fixed_feedback_modes([[np.inf]], [[1.0]]), "target must be finite"),
        (lambda: linear.mode_error(-1, 1), "strength must be >= 0"),
        (lambda: linear.mode_error(1, -1), "time must be >= 0"),
        (lambda: linear.mode_time(0, 0.5), "strength must be > 0"),
        (lambda: linear.mode_time(1, 0), "share must be > 0"),
        (lambda: linear.mode_time(1, 1.5), "at most 1, but got 1.5"),
        (lambda: linear.mode_response([1.0], [2, 1]), "one rising sequence"),
    ],
)
def test_impossible_numbers_are_refused(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


def test_the_figure_has_a_line_for_each_mode_that_is_learned():
    target, feedback, zero = network(4, 4, 2)
    modes = linear.fixed_feedback_modes(target, feedback)
    made = plots.modes_along_time(modes, TIMES, linear.flow(target, zero, [feedback], 0, TIMES).error)
    left, right = made.axes
    for line, marks in zip(left.lines[::2], left.lines[1::2], strict=True):
        np.testing.assert_allclose(marks.get_ydata(), np.interp(TIMES, *line.get_data()), atol=1e-3)
    assert len(left.lines) == 2 * 2
    assert len(right.get_legend().get_texts()) == 1 + 2
