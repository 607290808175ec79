"""What is conserved, equation (17), for numbers and matrices, and the functions F, G and H that solve it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from urfb_tf import linear
from urfb_tf.errors import ArgumentError

TIMES = np.array([0.0, 0.5, 1.0, 3.0])
POSITIVE = st.floats(1e-3, 1e3)


def test_it_is_written_out_right():
    found = linear.invariants(np.array([2.0, 3.0, 5.0]), np.array([0.5, 0.25]), 4.0)
    assert found.tolist() == [0.5 * 3 + 2 * 9 - 2, 0.25 * 5 + 2 * 25 - 4.5]


@given(st.lists(st.floats(0.1, 1), min_size=1, max_size=4), st.floats(0, 1), st.floats(0.2, 1))
def test_it_stays_zero_along_the_scalar_solutions(lambda_r, epsilon, lambda_t):
    found = linear.integrate(lambda_t, lambda_r, epsilon, TIMES)
    lambdas = np.moveaxis(found.lambdas, 1, 0)  # [k, times]
    np.testing.assert_allclose(linear.invariants(lambdas, np.array(lambda_r)[:, None], epsilon), 0, atol=1e-9)


def test_numbers_that_do_not_match_are_refused():
    for lambdas, lambda_r in (([1, 2, 3], [0.5]), ([1, 2], [0.5, 0.5]), ([1], []), (1, 0.5)):
        with pytest.raises(ArgumentError, match="k layers have k lambdas and k - 1 lambda_r"):
            linear.invariants(lambdas, lambda_r, 1)
    assert linear.invariants([1, 2, 3], 0.5, 1).tolist() == linear.invariants([1, 2, 3], [0.5, 0.5], 1).tolist()
    with pytest.raises(ArgumentError, match=r"3 weights W_1 \.\. W_3 need 2 feedback weights R_2 \.\. R_3, but got 1"):
        linear.matrix_invariants([np.eye(2)] * 3, [np.eye(2)], 1)


@pytest.mark.parametrize("epsilon", [0, 0.5, 1])
@pytest.mark.parametrize("widths", [(3, 4, 2), (2, 3, 4, 2)])
def test_the_matrices_conserve_it_from_any_start(widths, epsilon):
    random = np.random.default_rng(1)
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    weights = [0.5 * random.normal(size=shape) for shape in shapes]
    feedback = [0.5 * random.normal(size=shape[::-1]) for shape in shapes[1:]]
    found = linear.flow(random.normal(size=[widths[-1], widths[0]]), weights, feedback, epsilon, TIMES)
    for values in linear.matrix_invariants(found.weights, found.feedback, epsilon):
        np.testing.assert_allclose(values, np.broadcast_to(values[0], values.shape), atol=1e-8)
        assert np.abs(values[0]).max() > 0.1
    moved = [np.abs(w[-1] - w[0]).max() for w in found.weights]
    assert min(moved) > 0.05, "nothing would be conserved if nothing moved"


def test_decoupled_matrices_have_the_numbers_on_their_diagonals():
    random = np.random.default_rng(2)
    frames = linear.frames(random.normal(size=[2, 3]), [4, 5])
    lambdas, lambda_r, epsilon = random.uniform(size=[3, 2]), random.uniform(size=[2, 2]), 0.7
    weights = frames.weights(lambdas)
    feedback = [r + epsilon * w.T for r, w in zip(frames.feedback(lambda_r), weights[1:], strict=True)]
    numbers = linear.invariants(lambdas, lambda_r, epsilon)
    matrices = linear.matrix_invariants(weights, feedback, epsilon)
    for matrix, number, columns in zip(matrices, numbers, frames.columns[1:], strict=False):
        np.testing.assert_allclose(matrix, columns @ np.diag(2 * number) @ columns.T, atol=1e-13)


@given(POSITIVE, POSITIVE, st.one_of(st.just(0.0), st.floats(1e-6, 1e3)))
def test_g_and_h_solve_it_and_undo_each_other(x, lambda_r, epsilon):
    higher, lower = linear.above(x, lambda_r, epsilon), linear.below(x, lambda_r, epsilon)
    assert linear.below(higher, lambda_r, epsilon) == pytest.approx(x, rel=1e-12)
    assert linear.above(lower, lambda_r, epsilon) == pytest.approx(x, rel=1e-12)
    for pair in ([x, higher], [lower, x]):
        residue = linear.invariants(np.array(pair), np.array([lambda_r]), epsilon)
        assert abs(residue[0]) <= 1e-12 * pair[0] ** 2
    feedback = linear.effective_feedback(x, lambda_r, epsilon)
    assert feedback == pytest.approx(lambda_r + epsilon * higher, rel=1e-12)


def test_both_forms_of_g_agree():
    f = linear.effective_feedback(0.7, 0.3, 0.5)
    assert linear.above(0.7, 0.3, 0.5) == pytest.approx((f - 0.3) / 0.5, rel=1e-14)


@pytest.mark.parametrize("lambda_t", [[1.0, 2.0], [1.0, 2.0, 3.0]])
def test_one_lambda_r_for_each_layer_serves_all_parameters(lambda_t):
    lambda_r = np.array([0.5, 0.7])
    found = linear.integrate(lambda_t, lambda_r, 1.0, [0.5, 1.0])
    np.testing.assert_allclose(linear.invariants(found.lambdas[-1], lambda_r, 1.0), 0, atol=1e-8)
    each = np.broadcast_to(lambda_r[:, None], (2, len(lambda_t)))
    np.testing.assert_array_equal(
        linear.rate(found.lambdas[-1], lambda_r, 1.0), linear.rate(found.lambdas[-1], each, 1.0)
    )
    np.testing.assert_array_equal(
        linear.derivatives(lambda_t, found.lambdas[-1], lambda_r, 1.0),
        linear.derivatives(lambda_t, found.lambdas[-1], each, 1.0),
    )
