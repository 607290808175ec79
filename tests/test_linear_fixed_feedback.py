"""Fixed feedback solved: modes, their curve at every depth, what a little of URFB adds, and what a bottleneck shows."""

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


def test_the_clock_of_two_layers_written_out():
    u = np.linspace(0, 0.999, 40)
    expected = np.log((1 + u + u * u) / (1 - u) ** 2) / 6 + np.arctan(np.sqrt(3) * u / (2 + u)) / np.sqrt(3)
    np.testing.assert_allclose(linear.mode_clock(1 - u**3), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("depth", [2, 3, 5, 12])
def test_clock_and_share_of_a_mode_are_inverse(depth):
    share = np.concatenate([np.geomspace(1e-300, 0.5, 30), np.linspace(0.5, 0.999, 30)])
    clock = linear.mode_clock(share, depth)
    np.testing.assert_allclose(linear.mode_share(clock, depth), share, rtol=1e-12)
    assert linear.mode_clock(1, depth) == 0
    assert linear.mode_share([0, 1e6, 1e300], depth).tolist() == [1, 0, 0]


@pytest.mark.parametrize("depth", [2, 3, 4, 6])
def test_the_modes_of_an_aligned_network_are_the_solution_of_16_without_epsilon(depth):
    lambda_t = np.array([0.2, 1.0, 3.0])
    lambda_r = np.random.default_rng(depth).uniform(0.5, 1.5, (depth - 1, 3))
    pairs = linear.integrate(lambda_t, lambda_r, 0, TIMES)
    strengths = (lambda_t * np.cumprod(lambda_r[::-1], axis=0)[::-1]) ** 2  # a_1 .. a_{k-1}
    share = linear.mode_share(np.multiply.outer(TIMES, linear.mode_pace(strengths)), depth)
    np.testing.assert_allclose(share, pairs.error / lambda_t, rtol=1e-6, atol=1e-9)


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
    left = linear.mode_share(np.multiply.outer(times, linear.mode_pace(strengths[None])))
    counted = left[:, :, None] + left[:, None, :] > 1e-6  # where there is an error left, beyond the solver's tolerance
    assert (fall[:, 0, 0] == 0).all()  # nothing is learned in the kernel
    counted[:, 0, 0] = False
    assert (fall[counted] > 0).all()


def test_the_response_starts_with_the_fifth_power_of_time():
    strengths, time = np.array([0, 0.3, 1.0, 2.5]), 0.02
    expected = (2 * strengths[:, None] + strengths) * time**5 / 24
    np.testing.assert_allclose(linear.mode_response(strengths, [0, time])[1], expected, rtol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_epsilon_leads_at_first(shape):
    target, feedback, zero = network(*shape)
    errors = [linear.flow(target, zero, [feedback], e, [0, 0.02]).squared_error[1] for e in (0, 0.5, 3)]
    lead = (errors[0] - np.array(errors[1:])) / 0.02**5
    factor = np.sum((feedback @ target @ target.T @ target) ** 2) / 4
    np.testing.assert_allclose(lead, factor * np.array([0.5, 3]), rtol=0.02)


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
        (lambda: linear.mode_pace([-1.0]), "strengths must be >= 0"),
        (lambda: linear.mode_pace(1.0), "one entry for each of the layers"),
        (lambda: linear.mode_pace([]), "one entry for each of the layers"),
        (lambda: linear.mode_share(-1), "clock must be >= 0"),
        (lambda: linear.mode_share(1, 1), "depth must be a whole number >= 2"),
        (lambda: linear.mode_clock(0), "share must be > 0"),
        (lambda: linear.mode_clock(1.5), "at most 1, but got 1.5"),
        (lambda: linear.mode_share(1, 51), "up to 50 layers, but these are 51"),
        (lambda: linear.mode_clock(0.5, 64), "up to 50 layers"),
        (lambda: linear.mode_pace(np.ones(60)), "up to 50 layers, but these are 61"),
        (lambda: linear.mode_response([1.0], [2, 1]), "one rising sequence"),
        (lambda: linear.mode_response(np.ones((2, 2)), [1, 2]), "one sequence"),
        (lambda: linear.fixed_feedback_modes(1e200 * np.eye(2), np.eye(2)), "leave the range of float64"),
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


def test_large_and_small_matrices_have_their_modes():
    target, feedback, _ = network(3, 4, 5)
    whole = linear.fixed_feedback_modes(target, feedback).strengths
    for size in (1e-70, 1e70):
        np.testing.assert_allclose(
            linear.fixed_feedback_modes(size * target, feedback / size).strengths, whole, rtol=1e-9, atol=1e-12
        )
        np.testing.assert_allclose(
            linear.fixed_feedback_modes(size * target, feedback).strengths / size / size, whole, rtol=1e-9
        )


def test_a_figure_of_modes_needs_one_that_is_learned():
    modes = linear.fixed_feedback_modes(np.eye(2), np.zeros((3, 2)))
    with pytest.raises(ArgumentError, match="nothing to show"):
        plots.modes_along_time(modes, TIMES, np.zeros((len(TIMES), 2, 2)))


def test_a_figure_of_modes_needs_an_error_at_each_time():
    modes = linear.fixed_feedback_modes(np.eye(2), np.eye(2))
    with pytest.raises(ArgumentError, match=r"errors must be \[11, 2, 2\], but is \[3, 2, 2\]"):
        plots.modes_along_time(modes, TIMES, np.zeros((3, 2, 2)))


def test_the_figure_of_depths_has_a_line_for_each():
    (axis,) = plots.mode_curves([2, 4]).axes
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["2 layers", "4 layers"]
    early = [line.get_ydata()[80] for line in axis.lines]  # at s = 0.5
    assert early[0] < 0.9 < early[1]


@pytest.mark.parametrize("epsilon", [0, 0.25, 0.5, 1, 4])
def test_deep_networks_come_near_their_limiting_time(epsilon):
    limit = linear.limiting_time(epsilon)
    off = []
    for depth in (6, 8, 10):
        for size in (0.3, 1.0):
            time = linear.time_to_reach(0.1, 1.0, [size] * (depth - 1), epsilon)
            off.append(abs(time * size ** (depth - 2) / limit - 1))
    assert max(off[-2:]) < 0.03
    assert (np.diff(np.reshape(off, [3, 2]), axis=0) < 0).all()  # nearer with each layer


def test_the_limiting_time_falls_smoothly_from_that_of_fixed_feedback():
    epsilons = np.concatenate([[0, 1e-9], np.geomspace(1e-4, 1e4, 60), [1 - 1e-9, 1]])
    times = np.array([linear.limiting_time(epsilon) for epsilon in np.sort(epsilons)])
    assert (np.diff(times) < 1e-9).all()
    assert times[0] == pytest.approx(2, abs=1e-12)
    assert linear.limiting_time(1 - 1e-9) == pytest.approx(linear.limiting_time(1), abs=1e-8)
    assert linear.limiting_time(1) == pytest.approx(1.466142, abs=1e-6)
    for large in (1e24, 1e200):  # towards log(epsilon) / (2 sqrt(epsilon))
        assert 2 * linear.limiting_time(large) * np.sqrt(large) / np.log(large) == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize("epsilon", [-1, np.nan, [1.0, 2.0], "one"])
def test_the_limiting_time_is_of_one_epsilon(epsilon):
    with pytest.raises(ArgumentError, match="epsilon"):
        linear.limiting_time(epsilon)


def test_the_best_decoder_is_that_of_least_squares():
    random = np.random.default_rng(0)
    seen, targets = random.normal(size=(30, 4)), random.normal(size=(30, 2, 3))
    flat = targets.reshape(30, 6)
    left = np.sum((flat - seen @ np.linalg.lstsq(seen, flat, rcond=None)[0]) ** 2) / np.sum(flat**2)
    assert linear.decoding_error(seen, targets) == pytest.approx(left, rel=1e-12)
    twice = np.concatenate([seen, seen @ random.normal(size=(4, 3))], axis=1)  # no more is seen
    assert linear.decoding_error(twice, targets) == pytest.approx(left, rel=1e-12)
    assert linear.decoding_error(flat, targets) == pytest.approx(0, abs=1e-14)
    assert linear.decoding_error(np.zeros((30, 2)), targets) == 1
    for size in (1e-200, 1e200):
        assert linear.decoding_error(size * seen, size * targets) == pytest.approx(left, rel=1e-12)


@pytest.mark.parametrize(
    ("seen", "targets", "message"),
    [
        (np.ones((3, 2)), np.ones((4, 1)), r"shapes are \[3, 2\] and \[4, 1\]"),
        (np.ones(3), np.ones(3), "what units show"),
        (np.ones((3, 2)), np.zeros((3, 2)), "nothing to tell"),
        (np.ones((0, 2)), np.zeros((0, 2)), "what units show"),
        ([[np.nan]], [[1.0]], "seen must be finite"),
    ],
)
def test_decoding_refuses_what_does_not_fit(seen, targets, message):
    with pytest.raises(ArgumentError, match=message):
        linear.decoding_error(seen, targets)


def test_levels_are_named_outside_the_lines():
    made = plots.errors_and_limits({"bp": [0.6, 0.5], "frfb": [0.7, 0.8]}, {"best": 0.45, "worst": 0.85}, "error")
    (axis,) = made.axes
    low, high = axis.get_ylim()
    assert low < 0.45 < 0.85 < high
    assert {text.get_text(): text.get_va() for text in axis.texts} == {"best": "top", "worst": "bottom"}
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["BP", "FRFB"]


def test_errors_begin_at_epoch_1_and_levels_lie_at_their_height():
    (axis,) = plots.errors_and_limits({"bp": [0.6, 0.5]}, {"best": 0.45}, "error").axes
    curve, level = axis.get_lines()
    assert curve.get_xydata().tolist() == [[1, 0.6], [2, 0.5]]
    assert set(level.get_ydata()) == {0.45}
