"""The rate (18) and the equations (19), (26) that follow from it; the rate at a fixed product."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from urfb_tf import linear
from urfb_tf.errors import ArgumentError

LAMBDA_RS = st.lists(st.floats(1e-2, 10), min_size=1, max_size=7)
EPSILONS = st.one_of(st.just(0.0), st.floats(1e-3, 10))


def by_definition(x, lambda_r, epsilon):
    """The first line of (18), term by term."""
    total = 0.0
    for i in range(len(x)):
        term = np.prod([value**2 for value in x[:i]])
        for j in range(i + 1, len(x)):
            term *= x[j] * (lambda_r[j - 1] + epsilon * x[j])
        total += term
    return total


@given(st.data(), LAMBDA_RS, EPSILONS)
def test_it_is_the_sum_of_its_terms(data, lambda_r, epsilon):
    size = len(lambda_r) + 1
    x = np.array(data.draw(st.lists(st.floats(0, 3), min_size=size, max_size=size)))
    expected = by_definition(x, lambda_r, epsilon)
    assert linear.rate(x, np.array(lambda_r), epsilon) == pytest.approx(expected, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("epsilon", [0, 0.4, 1])
def test_equations_19_and_26(epsilon):
    x1, x2 = linear.lambdas_at(0.3, [0.2], epsilon)
    expected = x1**2 + x1**2 / 2 + epsilon * x2**2 / 2
    assert linear.rate_at(0.3, [0.2], epsilon) == pytest.approx(expected, rel=1e-12)
    x1, x2, x3 = linear.lambdas_at(0.3, [0.2, 0.5], epsilon)
    expected = (epsilon * x2**2 / 2 + 3 * x1**2 / 2) * (epsilon * x3**2 / 2 + x2**2 / 2) + x1**2 * x2**2
    assert linear.rate_at(0.3, [0.2, 0.5], epsilon) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("epsilon", [0, 1])
def test_it_is_minus_the_slope_of_the_logarithm_of_the_error(epsilon):
    lambda_r, moment, step = np.array([0.4, 0.6]), 3.0, 1e-3
    found = linear.integrate(1.0, lambda_r, epsilon, [moment - step, moment, moment + step])
    error = 1.0 - found.lambdas.prod(axis=1)  # from the lambdas, not from the integrated rate
    slope = (np.log(error[2]) - np.log(error[0])) / (2 * step)
    assert linear.rate(found.lambdas[1], lambda_r, epsilon) == pytest.approx(-slope, rel=1e-5)  # step^2, 1e-9 / step


@given(LAMBDA_RS, EPSILONS, st.floats(1e-6, 1e3))
def test_the_lambdas_at_a_product_have_it_and_obey_17(lambda_r, epsilon, product):
    found = linear.lambdas_at(product, lambda_r, epsilon)
    assert (found > 0).all()
    assert found.prod() == pytest.approx(product, rel=1e-11)
    residue = linear.invariants(found, np.array(lambda_r), epsilon) / found[:-1] ** 2
    np.testing.assert_allclose(residue, 0, atol=1e-13)


def test_extreme_parameters_are_solved_too():
    lambda_r = 10.0 ** np.random.default_rng(0).uniform(-8, 4, size=[9, 1000])
    product, epsilon = 10.0 ** np.random.default_rng(1).uniform(-8, 4, size=[2, 1000])
    found = linear.lambdas_at(product, lambda_r, epsilon)
    np.testing.assert_allclose(found.prod(axis=0), product, rtol=1e-9)
    np.testing.assert_allclose(linear.invariants(found, lambda_r, epsilon) / found[:-1] ** 2, 0, atol=1e-12)


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_under_frfb_the_lambdas_are_powers(depth):
    r, product = 0.3, 0.7
    found = linear.lambdas_at(product, [r] * (depth - 1), 0)
    first = (product * (2 * r) ** (2**depth - 1 - depth)) ** (1 / (2**depth - 1))
    expected = [first ** (2**i) / (2 * r) ** (2**i - 1) for i in range(depth)]
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    rate = (2 - 2.0 ** (1 - depth)) * (product / found[-1]) ** 2
    assert linear.rate_at(product, [r] * (depth - 1), 0) == pytest.approx(rate, rel=1e-13)


def test_a_solution_passes_through_the_lambdas_at_its_products():
    lambda_r = [0.4, 0.7, 0.5]
    found = linear.integrate(1.0, lambda_r, 0.8, [3, 5, 10])
    for lambdas in found.lambdas:
        np.testing.assert_allclose(linear.lambdas_at(lambdas.prod(), lambda_r, 0.8), lambdas, rtol=1e-7)


@pytest.mark.parametrize(("lambda_t", "lambda_r", "x"), [(1, 0.3, 0.5), (0.5, 1, 0.9), (2, 0.05, 0.58)])
def test_the_time_to_reach_an_error_against_the_closed_form_of_frfb(lambda_t, lambda_r, x):
    c, root = np.cbrt(2 * lambda_r * lambda_t), np.sqrt(3)
    logs = np.log((x**2 + c * x + c**2) / (c - x) ** 2) / (6 * c**2)
    expected = 2 * (logs + (np.arctan((2 * x + c) / (root * c)) - np.arctan(1 / root)) / (root * c**2))
    error = lambda_t - x * x**2 / (2 * lambda_r)
    assert linear.time_to_reach(error, lambda_t, [lambda_r], 0) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("depth", [2, 5, 10, 12, 14, 20])
def test_the_time_to_reach_an_error_of_a_deep_network_is_frfbs(depth):
    lambda_r = np.exp(np.random.default_rng(depth).normal(size=depth - 1))
    pace = linear.mode_pace([(0.7 * lambda_r[i:].prod()) ** 2 for i in range(depth - 1)])
    for share in (0.9, 0.5, 0.01):  # most of the error goes within the last 2^-k of lambda_1's way
        expected = linear.mode_clock(share, depth) / pace
        assert linear.time_to_reach(share * 0.7, 0.7, lambda_r, 0) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("epsilon", [0, 0.3, 1])
def test_the_time_to_reach_an_error_is_the_time_of_the_solution(epsilon):
    found = linear.integrate(0.8, [0.5, 0.3], epsilon, [4, 8, 16])
    times = [linear.time_to_reach(error, 0.8, [0.5, 0.3], epsilon) for error in found.error]
    np.testing.assert_allclose(times, [4, 8, 16], rtol=1e-6)


@pytest.mark.parametrize("epsilon", [0.25, 1, 4])
@pytest.mark.parametrize("depth", [2, 3, 5])
def test_the_final_rate_approaches_its_limit_from_above(depth, epsilon):
    limit = linear.limiting_rate(0.7, depth, epsilon)
    assert limit == pytest.approx(depth * 0.7 ** (2 - 2 / depth) * epsilon ** ((depth - 1) / 2), rel=1e-14)
    rates = [linear.rate_at(0.7, [size] * (depth - 1), epsilon) for size in (1e-2, 1e-4, 1e-6)]
    excess = np.array(rates) / limit - 1
    assert (excess > 0).all()
    assert (excess[1:] < excess[:-1] / 50).all()  # it vanishes like lambda_R


REFUSED = {
    "product must be > 0": lambda: linear.lambdas_at(0, [0.1], 1),
    "lambda_r must be > 0": lambda: linear.rate_at(1, [0], 1),
    "epsilon must be >= 0": lambda: linear.lambdas_at(1, [0.1], -1),
    "The error must be below lambda_t": lambda: linear.time_to_reach(1.0, 1.0, [0.1], 1),
    "error must be one number, but got an array of shape": lambda: linear.time_to_reach([0.1, 0.2], 1.0, [0.1], 1),
    "lambda_t must be one number": lambda: linear.time_to_reach(0.1, [1.0], [0.1], 1),
    "error must be > 0": lambda: linear.time_to_reach(0.0, 1.0, [0.1], 1),
    "one set of lambda_r and one epsilon": lambda: linear.time_to_reach(0.1, 1.0, [0.1], [0, 1]),
    "or fewer layers": lambda: linear.time_to_reach(0.01, 1.0, [1.0] * 39, 0),
    "epsilon must be > 0": lambda: linear.limiting_rate(1, 3, 0),
    "depth must be a whole number >= 2": lambda: linear.limiting_rate(1, 1, 1),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_a_bad_argument_is_refused_with_a_sentence(sentence):
    with pytest.raises(ArgumentError, match=sentence):
        REFUSED[sentence]()
