"""The scalar equations (13), (14) and (16), and the initial conditions under which the matrices obey them."""

import numpy as np
import pytest
import scipy.integrate
from hypothesis import given
from hypothesis import strategies as st

from urfb_tf import linear
from urfb_tf.errors import ArgumentError

TIMES = np.array([0.0, 0.5, 1.0, 2.0, 5.0])


def test_two_and_three_layers_written_out():
    x, r, epsilon, t = np.array([0.7, 0.5, 0.3]), np.array([0.2, 0.4]), 0.6, 1.1
    e = t - x[0] * x[1]
    expected = [(r[0] + epsilon * x[1]) * e, e * x[0]]  # (14)
    np.testing.assert_allclose(linear.derivatives(t, x[:2], r[:1], epsilon), expected, rtol=1e-14)
    e, r2, r3 = t - x.prod(), r[0] + epsilon * x[1], r[1] + epsilon * x[2]
    expected = [r3 * r2 * e, r3 * e * x[0], e * x[1] * x[0]]  # (16)
    np.testing.assert_allclose(linear.derivatives(t, x, r, epsilon), expected, rtol=1e-14)


@pytest.mark.parametrize("epsilon", [0, 0.4, 1])
@pytest.mark.parametrize("widths", [(3, 4, 2), (3, 2, 5, 2), (4, 3, 2, 6, 2)])
def test_the_matrices_decouple_into_the_scalars(widths, epsilon):
    random = np.random.default_rng(len(widths))
    target = random.normal(size=[widths[-1], widths[0]])
    frames = linear.frames(target, widths[1:-1], seed=3)
    lambda_r = random.uniform(0.2, 0.8, size=[len(widths) - 2, 2])
    zero = [np.zeros(shape) for shape in zip(widths[1:], widths[:-1], strict=True)]
    matrices = linear.flow(target, zero, frames.feedback(lambda_r), epsilon, TIMES)
    numbers = linear.integrate(frames.lambda_t, lambda_r, epsilon, TIMES)
    np.testing.assert_allclose(frames.lambdas(matrices.weights), numbers.lambdas, atol=1e-8)
    np.testing.assert_allclose(matrices.squared_error, (numbers.error**2).sum(axis=-1), atol=1e-8)
    for at, lambdas in enumerate(numbers.lambdas):  # and nothing is left beside the diagonals
        for whole, rebuilt in zip(matrices.weights, frames.weights(lambdas), strict=True):
            np.testing.assert_allclose(whole[at], rebuilt, atol=1e-8)


def frfb_time(x, r, t):
    """When lambda_1 = x under FRFB with two layers: d lambda_1/dt = (c^3 - lambda_1^3)/2, c^3 = 2 lambda_R lambda_T."""
    c, root = np.cbrt(2 * r * t), np.sqrt(3)
    logs = np.log((x**2 + c * x + c**2) / (c - x) ** 2) / (6 * c**2)
    return 2 * (logs + (np.arctan((2 * x + c) / (root * c)) - np.arctan(1 / root)) / (root * c**2))


@pytest.mark.parametrize(("lambda_t", "lambda_r"), [(1, 0.3), (0.5, 1), (2, 0.05)])
def test_frfb_of_two_layers_against_its_closed_form(lambda_t, lambda_r):
    found = linear.integrate(lambda_t, [lambda_r], 0, TIMES[1:])
    first = found.lambdas[:, 0]
    np.testing.assert_allclose(frfb_time(first, lambda_r, lambda_t), TIMES[1:], rtol=1e-7)
    np.testing.assert_allclose(found.lambdas[:, 1], first**2 / (2 * lambda_r), rtol=1e-8)


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_another_integrator_at_tighter_tolerance_finds_the_same(depth):
    lambda_r, epsilon, t = np.linspace(0.3, 0.6, depth - 1), 0.8, 1.0

    def derivative(_, x):
        e = t - np.prod(x)
        r = lambda_r + epsilon * x[1:]
        return [e * np.prod(r[i:]) * np.prod(x[:i]) for i in range(depth)]

    times = 4 * TIMES
    other = scipy.integrate.solve_ivp(
        derivative, (0, times[-1]), np.zeros(depth), method="Radau", t_eval=times, rtol=1e-11, atol=1e-13
    ).y.T
    found = linear.integrate(t, lambda_r, epsilon, times)
    np.testing.assert_allclose(found.lambdas, other, atol=1e-7)  # Radau's interpolation is good to about 1e-8
    np.testing.assert_allclose(found.error, t - other.prod(axis=1), atol=1e-7)


def test_a_batch_of_parameters_is_each_of_them():
    epsilons, scales = np.array([0, 0.5, 1]), np.array([[0.5], [1.0]])
    both = linear.integrate(scales, [0.4, 0.3], epsilons, TIMES)
    assert both.lambdas.shape == (len(TIMES), 3, 2, 3)
    for row in range(2):
        for column in range(3):
            alone = linear.integrate(scales[row, 0], [0.4, 0.3], epsilons[column], TIMES)
            np.testing.assert_allclose(both.lambdas[:, :, row, column], alone.lambdas, atol=1e-9)
            np.testing.assert_allclose(both.log_error[:, row, column], alone.log_error, atol=1e-9)


@given(st.lists(st.floats(0.1, 1), min_size=1, max_size=4), st.floats(0, 1), st.floats(0.2, 1))
def test_the_error_that_is_integrated_is_the_error(lambda_r, epsilon, lambda_t):
    found = linear.integrate(lambda_t, lambda_r, epsilon, TIMES)
    np.testing.assert_allclose(found.error, lambda_t - found.lambdas.prod(axis=1), atol=1e-8)
    assert (np.diff(found.lambdas, axis=0) > -1e-9).all()
    assert (found.error > 0).all()


def test_tiny_errors_keep_their_digits():
    found = linear.integrate(1.0, [0.5], 1, [30.0, 31.0])
    final_rate = linear.rate_at(1.0, [0.5], 1)
    assert found.error[1] < 1e-25
    assert found.log_error[0] - found.log_error[1] == pytest.approx(final_rate, rel=1e-8)


REFUSED = {
    "lambda_t must be > 0": {"lambda_t": 0},
    "lambda_r must be > 0": {"lambda_r": [0.1, -0.1]},
    "epsilon must be >= 0": {"epsilon": -1},
    "lambda_t must be finite": {"lambda_t": np.inf},
    "one entry for each of the layers 2 to k": {"lambda_r": 0.5},
    "and k >= 2": {"lambda_r": []},
    "do not broadcast": {"lambda_r": np.ones([2, 3]), "epsilon": np.ones(2)},
    "must be numbers": {"lambda_r": [[1], [1, 2]]},
    "one rising sequence": {"times": []},
    "that ends after 0": {"times": [0.0]},
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_a_bad_argument_is_refused_with_a_sentence(sentence):
    arguments = {"lambda_t": 1.0, "lambda_r": [0.3, 0.4], "epsilon": 1, "times": TIMES}
    with pytest.raises(ArgumentError, match=sentence):
        linear.integrate(**{**arguments, **REFUSED[sentence]})


def test_lists_and_whole_numbers_are_numbers_too():
    lists, arrays = ([1, 2], [3], 1), (np.array([1.0, 2.0]), np.array([3.0]), 1.0)
    for function in (linear.invariants, linear.rate, lambda *args: linear.derivatives(4, *args)):
        np.testing.assert_array_equal(function(*lists), function(*arrays))
    for function in (linear.above, linear.below):
        np.testing.assert_array_equal(function([1, 2], [3, 4], 1), function(np.array([1.0, 2]), np.array([3.0, 4]), 1))


def test_complex_numbers_are_refused():
    with pytest.raises(ArgumentError, match="must be real"):
        linear.integrate(1.0, [0.3 + 0.1j], 1.0, [1.0])


def test_frames_are_orthonormal_and_diagonalise():
    target = np.random.default_rng(0).normal(size=[2, 5])
    frames = linear.frames(target, [4, 3], seed=1)
    assert [u.shape for u in frames.columns] == [(5, 2), (4, 2), (3, 2), (2, 2)]
    for columns in frames.columns:
        np.testing.assert_allclose(columns.T @ columns, np.eye(2), atol=1e-14)
    rebuilt = frames.columns[-1] @ np.diag(frames.lambda_t) @ frames.columns[0].T
    np.testing.assert_allclose(rebuilt, target, atol=1e-14)
    lambdas = np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])
    weights = frames.weights(lambdas)
    assert [w.shape for w in weights] == [(4, 5), (3, 4), (2, 3)]
    np.testing.assert_allclose(frames.lambdas(weights), lambdas, atol=1e-14)
    feedback = frames.feedback([0.7, 0.8])
    assert [r.shape for r in feedback] == [(4, 3), (3, 2)]
    np.testing.assert_allclose(frames.columns[2].T @ feedback[1] @ frames.columns[3], 0.8 * np.eye(2), atol=1e-14)


NARROW = np.arange(6.0).reshape(2, 3)
BAD_FRAMES = {
    "no layer may be narrower than the output, which has 2 units": (NARROW, [4, 1]),
    "must have rank 2": (np.ones([2, 3]), [4]),
    "must be a matrix": (np.ones(3), [4]),
    "name the width of a layer between": (NARROW, []),
    "width must be a whole number >= 1": (NARROW, [2.5]),
    "of one row and column at least": (np.zeros([0, 3]), [4]),
    "hidden is a list, but got 4": (NARROW, 4),
}


@pytest.mark.parametrize("seed", [-1, 0.5, None])
def test_frames_need_a_whole_seed(seed):
    with pytest.raises(ArgumentError, match="A seed must be a whole number >= 0"):
        linear.frames(NARROW, [4], seed=seed)


@pytest.mark.parametrize("sentence", BAD_FRAMES)
def test_targets_and_widths_that_cannot_decouple_are_refused(sentence):
    with pytest.raises(ArgumentError, match=sentence):
        linear.frames(*BAD_FRAMES[sentence])


def test_numbers_for_another_depth_are_refused():
    frames = linear.frames(NARROW, [4])
    with pytest.raises(ArgumentError, match="lambda_r needs 1 rows for 2 layers, but got 2"):
        frames.feedback([0.1, 0.2])
    with pytest.raises(ArgumentError, match="lambdas needs 2 rows for 2 layers, but got 1"):
        frames.weights([[0.1, 0.2]])
    with pytest.raises(ArgumentError, match=r"each of 2 directions, but its shape is \(2, 3\)"):
        frames.weights(np.ones([2, 3]))
    with pytest.raises(ArgumentError, match=r"of weights \[\(4, 3\), \(2, 4\)\], but got \[\(4, 3\)\]"):
        frames.lambdas([np.ones([4, 3])])


@pytest.mark.parametrize(("lambdas", "lambda_r"), [([1, 2], [0.5, 0.3]), ([1], []), (1, [0.5]), ([1], 0.5)])
def test_k_lambdas_have_one_lambda_r_less(lambdas, lambda_r):
    for function in (linear.rate, lambda *args: linear.derivatives(4, *args)):
        with pytest.raises(ArgumentError, match="k lambdas and k - 1 lambda_r"):
            function(lambdas, lambda_r, 1)
        assert (function([1, 2, 3], 0.5, 1) == function([1, 2, 3], [0.5, 0.5], 1)).all()
