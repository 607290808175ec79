"""The matrix equations (10), (11), (12) and (15): by hand, by differences, by another integrator."""

import numpy as np
import pytest
import scipy.integrate
from hypothesis import given
from hypothesis import strategies as st

from urfb_tf import linear
from urfb_tf.errors import ArgumentError
from urfb_tf.linear import solver

TIMES = np.array([0.0, 0.5, 1.0, 2.0])


def network(widths, seed=0, scale=0.5):
    """T, W(0) and R(0) of these widths."""
    random = np.random.default_rng(seed)
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    weights = [scale * random.normal(size=shape) for shape in shapes]
    feedback = [scale * random.normal(size=shape[::-1]) for shape in shapes[1:]]
    return random.normal(size=[widths[-1], widths[0]]), weights, feedback


def test_increments_of_three_layers_written_out():
    target, (w1, w2, w3), (r2, r3) = network((4, 3, 5, 2))
    e = target - w3 @ w2 @ w1
    expected = [r2 @ r3 @ e, r3 @ e @ w1.T, e @ w1.T @ w2.T]
    for found, wanted in zip(linear.increments(target, [w1, w2, w3], [r2, r3]), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(linear.error(target, [w1, w2, w3]), e, rtol=1e-14)


@pytest.mark.parametrize("widths", [(3, 4, 2), (2, 3, 4, 2), (2, 1, 3, 2, 2)])
def test_with_transposed_weights_the_increments_are_minus_the_gradient(widths):
    target, weights, _ = network(widths)
    found = linear.increments(target, weights, [w.T for w in weights[1:]])
    step = 1e-5
    for layer, increment in enumerate(found):
        for entry in np.ndindex(*increment.shape):
            cost = []
            for sign in (1, -1):
                moved = [w.copy() for w in weights]
                moved[layer][entry] += sign * step
                cost.append(np.sum(linear.error(target, moved) ** 2) / 2)
            # The cost is a polynomial of order 1: the quotient is off by step^2 and by rounding / step.
            assert increment[entry] == pytest.approx((cost[1] - cost[0]) / (2 * step), abs=1e-8)


def test_increments_of_many_networks_are_those_of_each():
    target, weights, feedback = network((3, 4, 2))
    many = [np.stack([w, 2 * w, -w]) for w in weights]
    found = linear.increments(target, many, feedback)
    for number in range(3):
        alone = linear.increments(target, [w[number] for w in many], feedback)
        for a, b in zip(found, alone, strict=True):
            np.testing.assert_allclose(a[number], b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("epsilon", [0, 0.3, 1, 2.5])
@pytest.mark.parametrize("widths", [(3, 4, 2), (3, 4, 5, 2), (2, 3, 2, 3, 2)])
def test_feedback_as_a_state_and_as_a_function_of_the_weights_agree(widths, epsilon):
    target, weights, feedback = network(widths)
    joint = linear.flow(target, weights, feedback, epsilon, TIMES, form="joint")
    reduced = linear.flow(target, weights, feedback, epsilon, TIMES)
    for a, b in zip([*joint.weights, *joint.feedback], [*reduced.weights, *reduced.feedback], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-8)  # the solver's 1e-10 per step
    np.testing.assert_allclose(joint.error, reduced.error, atol=1e-8)


def test_a_solution_starts_where_it_was_told_and_reports_its_error():
    target, weights, feedback = network((3, 4, 5, 2))
    found = linear.flow(target, weights, feedback, 0.7, TIMES)
    for states, start in zip([*found.weights, *found.feedback], [*weights, *feedback], strict=True):
        assert states.shape == (len(TIMES), *start.shape)
        np.testing.assert_allclose(states[0], start, rtol=1e-13, atol=1e-15)  # R = R(0) + 0.7 (W - W(0))^t is rounded
    by_hand = [target - a @ b @ c for c, b, a in zip(*found.weights, strict=True)]
    np.testing.assert_allclose(found.error, by_hand, atol=1e-14)
    np.testing.assert_allclose(found.squared_error, [np.sum(e**2) for e in by_hand], rtol=1e-12)


@pytest.mark.parametrize("epsilon", [0, 1])
def test_another_integrator_at_tighter_tolerance_finds_the_same(epsilon):
    target, weights, feedback = network((3, 4, 2))
    sizes = [m.size for m in (*weights, *feedback)]

    def derivative(_, state):
        """Equation (11) as the paper has it."""
        parts = np.split(state, np.cumsum(sizes)[:-1])
        w1, w2, r2 = (part.reshape(m.shape) for part, m in zip(parts, (*weights, *feedback), strict=True))
        e = target - w2 @ w1
        return np.concatenate([(r2 @ e).ravel(), (e @ w1.T).ravel(), (epsilon * w1 @ e.T).ravel()])

    start = np.concatenate([m.ravel() for m in (*weights, *feedback)])
    other = scipy.integrate.solve_ivp(
        derivative, (0, TIMES[-1]), start, method="LSODA", t_eval=TIMES, rtol=1e-12, atol=1e-13
    ).y.T
    found = linear.flow(target, weights, feedback, epsilon, TIMES, form="joint")
    ours = np.concatenate([m.reshape(len(TIMES), -1) for m in (*found.weights, *found.feedback)], axis=1)
    np.testing.assert_allclose(ours, other, atol=1e-8)


@given(st.integers(0, 1000), st.floats(0, 2))
def test_back_propagation_keeps_its_balance_and_its_feedback(seed, scale):
    target, weights, _ = network((2, 3, 2), seed, scale=0.5 * scale)
    found = linear.flow(target, weights, [weights[1].T], 1, TIMES)
    np.testing.assert_allclose(found.feedback[0], np.swapaxes(found.weights[1], 1, 2), atol=1e-14)
    w1, w2 = found.weights
    balance = np.swapaxes(w2, 1, 2) @ w2 - w1 @ np.swapaxes(w1, 1, 2)
    np.testing.assert_allclose(balance, np.broadcast_to(balance[0], balance.shape), atol=1e-7)
    assert (np.diff(found.squared_error) <= 1e-9).all()


TARGET, WEIGHTS, FEEDBACK = network((3, 4, 5, 2))
SQUARE = np.ones([2, 2])
REFUSED = {
    "W_2 must be [5, 4], but is [5, 3]": {"weights": [WEIGHTS[0], WEIGHTS[1][:, 1:], WEIGHTS[2]]},
    "R_3 must be [5, 2], but is [2, 5]": {"feedback": [FEEDBACK[0], FEEDBACK[1].T]},
    "target must be [2, 3], but is [2, 2]": {"target": SQUARE},
    "need 2 feedback weights R_2 .. R_3, but got 1": {"feedback": FEEDBACK[:1]},
    "depth of at least 2": {"target": SQUARE, "weights": [SQUARE], "feedback": []},
    "epsilon must be >= 0, but got -0.1": {"epsilon": -0.1},
    "epsilon must be finite": {"epsilon": float("nan")},
    "epsilon must be numbers": {"epsilon": "one"},
    "epsilon must be one number, but got an array of shape [2]": {"epsilon": [0, 1]},
    "W_1 must be finite": {"weights": [WEIGHTS[0] * np.inf, *WEIGHTS[1:]]},
    "target must be finite": {"target": TARGET * np.nan},
    "must be matrices": {"target": np.ones(3)},
    "do not broadcast: (2,), (3,), (), (), ()": {
        "target": np.stack([TARGET] * 2),
        "weights": [np.stack([WEIGHTS[0]] * 3), *WEIGHTS[1:]],
    },
    "takes one network": {"target": TARGET[None]},
    "times must be one rising sequence": {"times": [1, 0.5]},
    "times must be >= 0": {"times": [-1, 1]},
    "that ends after 0": {"times": [0]},
    "Unknown form 'other'": {"form": "other"},
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_a_bad_argument_is_refused_with_a_sentence(sentence):
    arguments = {"target": TARGET, "weights": WEIGHTS, "feedback": FEEDBACK, "epsilon": 1, "times": TIMES}
    with pytest.raises(ArgumentError) as refused:
        linear.flow(**{**arguments, **REFUSED[sentence]})
    assert sentence in str(refused.value)


def test_what_does_not_chain_has_no_error_and_no_increments():
    for wrong, sentence in {
        "target": "target must be [2, 3], but is [1, 3]",
        "weights": "W_3 must be [2, 5], but is [2, 4]",
    }.items():
        given = {"target": TARGET, "weights": WEIGHTS}
        given[wrong] = np.ones([1, 3]) if wrong == "target" else [*WEIGHTS[:2], np.ones([2, 4])]
        for call in (linear.error, lambda **given: linear.increments(**given, feedback=FEEDBACK)):
            with pytest.raises(ArgumentError) as refused:
                call(**given)
            assert sentence in str(refused.value)
    with pytest.raises(ArgumentError, match="at least one matrix"):
        linear.error(TARGET, [])
    with pytest.raises(ArgumentError, match="weights is a list, but got 3"):
        linear.error(TARGET, 3)


def test_lists_are_matrices_too():
    assert linear.error([[1.0]], [[[1.0]], [[2.0]]]).tolist() == [[-1.0]]
    assert [w.tolist() for w in linear.increments([[1.0]], [[[1.0]], [[2.0]]], [[[3.0]]])] == [[[-3.0]], [[-1.0]]]


def test_an_explosion_is_reported_with_the_time_that_was_reached():
    with pytest.raises(ArgumentError, match=r"cannot be followed to t = 2: .* after t = 0\.5"):
        solver.solve(np.square, np.ones(1), np.array([0.5, 2]))  # 1 / (1 - t)


@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        (1e3, r"More than 500 evaluations are needed to reach t = 10: .* smaller weights"),
        (1e200, "too large, or changes too fast, after t = 0"),
    ],
)
def test_weights_too_large_to_be_followed_are_reported(monkeypatch, size, sentence):
    monkeypatch.setattr(solver, "EVALUATIONS", 500)
    huge = [np.array([[size]])] * 2
    with pytest.raises(ArgumentError, match=sentence):
        linear.flow([[1.0]], huge, [np.array([[1.0]])], 0, [1, 10])
