"""The book's theorem: its identities, its bounds, and what it says, from balances, by differences and by the clock."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from urfb_tf import linear
from urfb_tf.errors import ArgumentError

# Balances between 0 and 1, with their ends: 0 is FRFB, 1 the limit of small lambda_R.
BALANCES = st.lists(st.floats(0, 1), min_size=1, max_size=9)
INNER = st.lists(st.floats(1e-6, 1 - 1e-6), min_size=1, max_size=9)


def drawn(depth, size, seed=0):
    """Random lambda_R [k - 1, size], P and epsilon [size] over six orders of magnitude."""
    random = np.random.default_rng(seed)
    lambda_r = 10 ** random.uniform(-4, 2, size=[depth - 1, size])
    product, epsilon = 10 ** random.uniform(-4, 2, size=[2, size])
    return lambda_r, product, epsilon


@pytest.mark.parametrize("depth", range(2, 11))
def test_elasticities_are_differences_at_fixed_product(depth):
    lambda_r, product, epsilon = drawn(depth, 200)
    step = 1e-4

    def difference(function):
        up, down = (np.log(function(product, lambda_r, epsilon * np.exp(s))) for s in (step, -step))
        return (up - down) / (2 * step)

    w = linear.balances(linear.lambdas_at(product, lambda_r, epsilon), epsilon)
    # off by step^2 times a third derivative, and by rounding / step
    np.testing.assert_allclose(linear.shifted_elasticities(w) - 1, difference(linear.lambdas_at), atol=1e-7)
    np.testing.assert_allclose(linear.rate_elasticity(w), difference(linear.rate_at), atol=1e-7)


@pytest.mark.parametrize("depth", range(2, 11))
def test_the_rate_is_that_of_the_balances(depth):
    lambda_r, product, epsilon = drawn(depth, 500, seed=1)
    lambdas = linear.lambdas_at(product, lambda_r, epsilon)
    w = linear.balances(lambdas, epsilon)
    assert ((w > 0) & (w < 1)).all()
    np.testing.assert_allclose(
        linear.rate_at(product, lambda_r, epsilon),
        (product / lambdas[-1]) ** 2 * linear.path_weights(w).sum(axis=0),
        rtol=1e-11,
    )


def test_path_weights_written_out():
    found = linear.path_weights([0.2, 0.4, 1.0])
    np.testing.assert_allclose(found, [0.6 * 0.7 * 1.0, 0.7 * 1.0, 1.0, 1.0], rtol=1e-15)


@given(BALANCES)
def test_the_elasticities_obey_their_recursion_and_their_sum(w):
    m, w = linear.shifted_elasticities(w), np.array(w)
    np.testing.assert_allclose(m[:-1], (1 + (1 + w) * m[1:]) / 2, rtol=0, atol=1e-14 * len(m))
    assert m.sum() == pytest.approx(len(m), rel=1e-13)


@given(INNER)
def test_low_layers_rise_and_high_layers_fall_with_one_change_between(w):
    d = linear.shifted_elasticities(w) - 1
    assert d[0] > 0 > d[-1]
    signs = np.sign(d)
    assert (np.diff(signs) <= 0).all()


@given(INNER)
def test_the_top_layer_falls_by_at_least_the_bound(w):
    top = 1 - linear.shifted_elasticities(w)[-1]
    assert top >= sum(w) / (2 * (len(w) + 1)) * (1 - 1e-9)  # at w = 1e-6, rounding of 1 - m_k is 1e-10 of it


@given(INNER)
def test_the_rate_rises_by_at_least_the_bound(w):
    elasticity, top = linear.rate_elasticity(w), linear.shifted_elasticities(w)[-1]
    assert elasticity >= sum(w) / (len(w) + 1) * (1 - 1e-9)
    assert elasticity > 2 - top or top >= 0, "the second case of the proof"


@pytest.mark.parametrize("depth", range(2, 12))
def test_the_second_case_of_the_proof_needs_six_layers(depth):
    random = np.random.default_rng(depth)
    w = random.beta(0.3, 0.3, size=[depth - 1, 20_000])
    top = linear.shifted_elasticities(w)[-1]
    assert (top < 0).any() == (depth > 5)
    # The steps of the second case, for each i: the sum of c_j |m_j| over the negative m_j above i is below -m_k.
    m, c = linear.shifted_elasticities(w)[1:], w * (1 - w) / (1 + w)
    negative = np.where(m < 0, c * -m, 0)[:, top < 0]
    assert (np.cumsum(negative[::-1], axis=0) < -top[top < 0]).all()
    assert (linear.rate_elasticity(w) > 0).all()


@pytest.mark.parametrize("depth", [2, 3, 4, 7])
def test_in_the_limit_of_small_feedback_everything_is_a_power_of_epsilon(depth):
    ones = np.ones(depth - 1)
    powers = [-(depth - 1) / 4 + (depth - j) / 2 for j in range(1, depth + 1)]
    np.testing.assert_allclose(linear.shifted_elasticities(ones) - 1, powers, atol=1e-13)
    assert linear.rate_elasticity(ones) == pytest.approx((depth - 1) / 2, rel=1e-13)
    np.testing.assert_allclose(linear.shifted_elasticities(0 * ones), 1, rtol=1e-14)
    assert linear.rate_elasticity(0 * ones) == pytest.approx(0, abs=1e-14)


@pytest.mark.parametrize("depth", range(2, 11))
def test_the_rate_at_a_product_rises_with_epsilon_from_zero_on(depth):
    lambda_r, product, _ = drawn(depth, 300, seed=2)
    grid = np.array([0, 1e-3, 1e-2, 0.1, 0.5, 1, 2, 10, 100])[:, None]
    rates = linear.rate_at(product, lambda_r[:, None], grid)  # [epsilons, 300]
    gain = np.diff(np.log(rates), axis=0)
    # Where all balances stay below 1e-9 (a tiny product and large lambda_R), the gain drowns in rounding.
    w = linear.balances(linear.lambdas_at(product, lambda_r[:, None], grid), grid).max(axis=0)[1:]
    assert (gain > -1e-12).all()
    assert (gain[w > 1e-9] > 0).all()
    assert (w > 1e-9).mean() > 0.5


@given(
    st.lists(st.floats(0.2, 3), min_size=1, max_size=5),
    st.floats(0.3, 2),
    st.one_of(st.just(0.0), st.floats(0.05, 2)),
    st.floats(1.1, 5),
    st.floats(1e-6, 0.9),
)
def test_the_larger_epsilon_reaches_any_error_first(lambda_r, lambda_t, epsilon, factor, share):
    larger = max(epsilon, 0.05) * factor
    late = linear.time_to_reach(share * lambda_t, lambda_t, lambda_r, epsilon)
    early = linear.time_to_reach(share * lambda_t, lambda_t, lambda_r, larger)
    # At k = 6 and lambda_R = 3 the gain may be small, but it is far above the quadrature's 1e-11.
    assert early < late


@pytest.mark.parametrize("lambda_r", [[0.5], [0.4, 0.9], [0.9, 0.4], [0.6, 0.5, 0.7], [0.8] * 5])
def test_at_all_times_error_rate_and_first_lambda_are_in_the_order_of_epsilon(lambda_r):
    epsilons = np.array([0, 0.3, 1, 2])
    found = linear.integrate(1.0, lambda_r, epsilons, np.linspace(2, 12, 21))
    lambdas = np.moveaxis(found.lambdas, 1, 0)  # [k, times, epsilons]
    rate = linear.rate(lambdas, np.array(lambda_r)[:, None, None], epsilons)
    alive = found.error[:, 1:] > 1e-9  # beyond, the lambdas stand still within the solver's tolerance
    for quantity in (-found.log_error, rate, lambdas[0]):
        assert (np.diff(quantity, axis=1)[alive] > 0).all()
    ratio = np.diff(found.log_error, axis=1)  # log of the ratio of neighbouring errors: it falls for ever
    assert (np.diff(ratio, axis=0) < 0).all()


@pytest.mark.parametrize("depth", range(2, 8))
def test_the_final_first_lambda_rises_and_the_last_falls(depth):
    lambda_r, _, _ = drawn(depth, 200, seed=3)
    final = linear.lambdas_at(1.0, lambda_r[:, None], np.array([[0.5], [1.0]]))  # [k, 2, 200]
    assert (final[0, 1] > final[0, 0]).all()
    assert (final[-1, 1] < final[-1, 0]).all()


def test_without_alignment_the_theorem_does_not_hold_for_three_layers():
    """The counterexample of the book's page, in numbers of two digits."""
    target = np.array([[-0.11, 0.28], [-0.06, 0.39]])
    feedback = [np.array([[-0.85, 0.0], [-0.87, -0.70]]), np.array([[-1.17, 0.65], [0.99, 0.13]])]
    zero = [np.zeros([2, 2])] * 3
    frfb, urfb = (linear.flow(target, zero, feedback, epsilon, [8, 9, 40]).squared_error for epsilon in (0, 1))
    assert (urfb[:2] > 1.1 * frfb[:2]).all()
    assert urfb[2] < frfb[2]


REFUSED = {
    "balances must be >= 0": lambda: linear.rate_elasticity([-0.1]),
    "each between 0 and 1": lambda: linear.path_weights([0.5, 1.1]),
    "w_2 .. w_k, k >= 2": lambda: linear.shifted_elasticities([]),
    "lambdas must be > 0": lambda: linear.balances([1, 0], 1),
    "epsilon must be >= 0": lambda: linear.balances([1, 1], -1),
    "lambdas are lambda_1 .. lambda_k": lambda: linear.balances(1, 1),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_a_bad_argument_is_refused_with_a_sentence(sentence):
    with pytest.raises(ArgumentError, match=sentence):
        REFUSED[sentence]()
