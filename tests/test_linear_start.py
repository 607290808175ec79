"""Aligned networks from other starts than zero: the rate and its elasticity, and what the chapter says of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from urfb_tf import linear
from urfb_tf.errors import ArgumentError

# Shares of sixteen layers at which the rate falls with epsilon.
LEARNED = [0.97, 0.75, 0.53, 0.3, 0.03, 0.03, *[0.97] * 5, *[0.03] * 5]
FEEDBACK_LEARNED = [*[0.97] * 7, 0.03, 0.17, 0.35, 0.47, 0.54, 0.63, 0.77, 0.97]


def drawn(depth, size, seed=0):
    """Shares of random networks, [k, size] and [k - 1, size]."""
    random = np.random.default_rng(seed)
    return random.uniform(0.05, 1, [depth, size]), random.uniform(0.02, 0.98, [depth - 1, size])


def numbers(values):
    """A matrix of one row and column for each layer."""
    return [[[value]] for value in values]


def slope(log_rate, step=1e-4):
    """The derivative of a function of epsilon by log epsilon, at epsilon = 1."""
    return (log_rate(np.exp(step)) - log_rate(np.exp(-step))) / (2 * step)


@pytest.mark.parametrize("depth", [2, 3, 6, 14])
def test_the_elasticity_is_the_slope_of_the_rate_at_a_fixed_product(depth):
    shares = drawn(depth, 100)
    start, lambda_r = linear.start_with(*shares)
    measured = slope(lambda epsilon: np.log(linear.rate_from(1, start, lambda_r, epsilon)))
    # off by step^2 times a third derivative, and by rounding / step
    np.testing.assert_allclose(linear.rate_elasticity_from(*shares), measured, atol=1e-6)


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_the_rate_is_that_of_a_network_followed_along_time(depth):
    random = np.random.default_rng(depth)
    start, lambda_r = random.uniform(0.2, 0.8, depth), random.uniform(0.3, 1, depth - 1)
    run = linear.flow([[1]], numbers(start), numbers(lambda_r), 0.7, np.linspace(0.01, 3, 20))
    error = run.error[:, 0, 0]
    found = linear.rate_from(1 - error, start[:, None], lambda_r[:, None], 0.7)
    for moment, rate in enumerate(found):
        weights, feedback = ([matrix[moment] for matrix in matrices] for matrices in (run.weights, run.feedback))
        changes = linear.increments([[1]], weights, feedback)
        change = sum(float(d[0, 0] / w[0, 0]) for d, w in zip(changes, weights, strict=True))
        np.testing.assert_allclose(rate, change * (1 - error[moment]) / error[moment], rtol=1e-6)


def test_from_zero_it_is_the_theorem():
    random = np.random.default_rng(0)
    lambda_r, epsilon = random.uniform(0.1, 2, [4, 50]), random.uniform(0, 3, 50)
    found = linear.rate_from(0.7, np.zeros(5), lambda_r, epsilon)
    np.testing.assert_allclose(found, linear.rate_at(0.7, lambda_r, epsilon), rtol=1e-12)
    beta = random.uniform(0, 1, [4, 50])
    w = beta / (2 - beta)
    np.testing.assert_allclose(
        linear.rate_elasticity_from(np.ones([5, 50]), beta), linear.rate_elasticity(w), rtol=1e-12
    )


def test_a_start_comes_to_its_shares():
    learned, feedback_learned = (share[:, 0] for share in drawn(3, 1))
    start, lambda_r = linear.start_with(learned, feedback_learned)
    run = linear.flow([[1]], numbers(start), numbers(lambda_r), 1, [200.0])
    assert run.squared_error[-1] < 1e-16
    np.testing.assert_allclose(1 - start / np.ravel([w[-1] for w in run.weights]), learned, rtol=1e-7)
    np.testing.assert_allclose(1 - lambda_r / np.ravel([r[-1] for r in run.feedback]), feedback_learned, rtol=1e-7)


@given(st.floats(1e-3, 1), st.floats(1e-3, 1), st.floats(1e-3, 1))
def test_of_two_layers_the_rate_rises_with_epsilon(lower, upper, feedback):
    assert linear.rate_elasticity_from([lower, upper], [feedback]) > 0


@pytest.mark.parametrize("seed", range(4))
def test_of_two_layers_that_start_with_the_feedback_the_larger_epsilon_is_ahead(seed):
    random = np.random.default_rng(seed)
    start, lambda_r = random.uniform(0, 0.9, 2), random.uniform(0.1, 1, 1)
    times = np.linspace(0.1, 5, 30)
    runs = [linear.flow([[1]], numbers(start), numbers(lambda_r), epsilon, times) for epsilon in (0, 0.3, 1, 3)]
    errors = np.stack([run.error[:, 0, 0] for run in runs])
    assert (np.diff(errors, axis=0) < 0)[:, errors[-1] > 1e-6].all()


def test_of_sixteen_layers_it_may_fall():
    assert linear.rate_elasticity_from(LEARNED, FEEDBACK_LEARNED) < -1
    start, lambda_r = linear.start_with(LEARNED, FEEDBACK_LEARNED)
    fixed, first, second = linear.rate_from(1, start, lambda_r, [0, 0.95, 1.05])
    assert first > 1.05 * second > 1000 * fixed


def test_fixed_feedback_passes_no_saddle():
    times = np.linspace(0.1, 10, 100)
    fixed, back_propagation = (
        linear.flow([[1]], numbers([-1, 0.999]), numbers([0.999]), epsilon, times).error[:, 0, 0] for epsilon in (0, 1)
    )
    assert times[np.argmax(fixed < 0.5)] < 2
    assert times[np.argmax(back_propagation < 0.5)] > 6


REFUSED = {
    "product must be > 0": lambda: linear.rate_from(0, [0.1, 0.1], [1], 1),
    "must be above that of the start": lambda: linear.rate_from(0.2, [0.5, 0.5], [1], 1),
    "start must be >= 0": lambda: linear.rate_from(1, [-0.5, 0.5], [1], 1),
    "one entry for each of the layers 1 to k": lambda: linear.rate_from(1, 0.5, [1], 1),
    "not 3 and 1": lambda: linear.rate_from(1, [0.1, 0.1, 0.1], [1], 1),
    "learned must be > 0": lambda: linear.rate_elasticity_from([0, 1], [0.5]),
    "at most 1": lambda: linear.rate_elasticity_from([1, 1.5], [0.5]),
    "k layers, k >= 2": lambda: linear.rate_elasticity_from([1, 1], [0.5, 0.5]),
    "above 0 and below 1": lambda: linear.start_with([0.5, 0.5], [1]),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_bad_input_is_refused(sentence):
    with pytest.raises(ArgumentError, match=sentence):
        REFUSED[sentence]()
