"""Gradient descent and the simulations of section 3.3: by hand, against the flow, and what Figures 3 and 4 show."""

import numpy as np
import pytest

from urfb_tf import linear
from urfb_tf.errors import ArgumentError

SMALL = (4, 6, 5, 3)


@pytest.fixture(scope="module")
def problem():
    return linear.draw((0, 1), SMALL)


def test_a_step_of_three_layers_written_out():
    random = np.random.default_rng(0)
    w1, w2, w3 = random.normal(size=[3, 2]), random.normal(size=[4, 3]), random.normal(size=[2, 4])
    r2, r3 = random.normal(size=[3, 4]), random.normal(size=[4, 2])
    target, step, epsilon = random.normal(size=[2, 2]), 0.01, 0.3
    e = target - w3 @ w2 @ w1
    changes = [r2 @ r3 @ e, r3 @ e @ w1.T, e @ w1.T @ w2.T]
    found = linear.descend(target, [w1, w2, w3], [r2, r3], epsilon, step, 1)
    for after, before, change in zip(found.weights, (w1, w2, w3), changes, strict=True):
        np.testing.assert_allclose(after, before + step * change, rtol=1e-13)
    for after, before, change in zip(found.feedback, (r2, r3), changes[1:], strict=True):
        np.testing.assert_allclose(after, before + epsilon * step * change.T, rtol=1e-13)
    after = np.sum((target - found.weights[2] @ found.weights[1] @ found.weights[0]) ** 2)
    np.testing.assert_allclose(found.squared_error, [np.sum(e**2), after], rtol=1e-13)


@pytest.mark.parametrize("epsilon", [0, 1])
def test_small_steps_approach_the_flow_at_first_order(problem, epsilon):
    network = [m[0] for m in problem.weights], [m[0] for m in problem.feedback]
    flow = linear.flow(problem.target[0], *network, epsilon, [1.0])
    off = []
    for iterations in (1000, 2000):
        found = linear.descend(problem.target[0], *network, epsilon, 1 / iterations, iterations)
        off.append(max(np.abs(a - b[-1]).max() for a, b in zip(found.weights, flow.weights, strict=True)))
    assert off[0] < 1e-2
    assert off[0] / off[1] == pytest.approx(2, rel=0.01)  # the next order is a thousandth


def test_a_batch_is_each_of_its_networks(problem):
    epsilons = np.array([[0], [0.5]])  # [2, 1] against [runs]
    both = linear.descend(problem.target, problem.weights, problem.feedback, epsilons, 0.02, 20)
    assert both.squared_error.shape == (21, 2, 2)
    for number, epsilon in enumerate((0, 0.5)):
        for run in range(2):
            alone = linear.descend(
                problem.target[run],
                [w[run] for w in problem.weights],
                [r[run] for r in problem.feedback],
                epsilon,
                0.02,
                20,
            )
            np.testing.assert_allclose(both.squared_error[:, number, run], alone.squared_error, rtol=1e-11)
            part = both[number][run]
            for a, b in zip([*part.weights, *part.feedback], [*alone.weights, *alone.feedback], strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_what_was_given_is_not_changed(problem):
    before = [m.copy() for m in (*problem.weights, *problem.feedback)]
    linear.compare_rules(problem, 0.02, 5)
    for after, wanted in zip((*problem.weights, *problem.feedback), before, strict=True):
        np.testing.assert_array_equal(after, wanted)


def test_the_rules_do_to_the_feedback_what_they_say(problem):
    found = linear.compare_rules(problem, 0.02, 50)
    for r, w in zip(found["bp"].feedback, found["bp"].weights[1:], strict=True):
        np.testing.assert_array_equal(r, np.swapaxes(w, -1, -2))  # to the last bit
    for r, start in zip(found["frfb"].feedback, problem.feedback, strict=True):
        np.testing.assert_array_equal(r, start)
    starts = zip(problem.feedback, problem.weights[1:], strict=True)
    ends = zip(found["urfb"].feedback, found["urfb"].weights[1:], strict=True)
    for (r0, w0), (r, w) in zip(starts, ends, strict=True):
        assert np.abs(r - r0).max() > 0.01
        np.testing.assert_allclose(r - r0, np.swapaxes(w - w0, -1, -2), atol=1e-13)
    first = [found[rule].squared_error[0] for rule in ("bp", "frfb", "urfb")]
    np.testing.assert_array_equal(first[0], first[1])
    np.testing.assert_array_equal(first[0], first[2])


def test_back_propagation_is_gradient_descent(problem):
    found = linear.compare_rules(problem, 0.02, 30)["bp"]
    weights = [w.copy() for w in problem.weights]
    for _ in range(30):
        changes = linear.increments(problem.target, weights, [np.swapaxes(w, -1, -2) for w in weights[1:]])
        weights = [w + 0.02 * change for w, change in zip(weights, changes, strict=True)]
    for a, b in zip(found.weights, weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


def test_at_the_papers_widths_the_rules_are_in_the_papers_order_and_find_other_weights():
    found = linear.compare_rules(linear.draw((0, 1)), iterations=400)
    errors = np.stack([found[rule].squared_error for rule in ("bp", "urfb", "frfb")])  # [rules, iterations + 1, runs]
    assert (np.diff(errors[:, 100:], axis=0) > 0).all()
    assert (errors[:, -1] < 0.05).all()
    for ours, true in zip(found["urfb"].weights, found["bp"].weights, strict=True):
        assert (linear.relative_difference(ours, true) > 0.05).all()


def test_from_zero_weights_the_error_is_in_the_order_of_epsilon():
    problem = linear.draw((0, 1), (8, 20, 20, 3))
    found = linear.compare_epsilons(problem, (0, 0.5, 1), 0.02, 400)
    assert list(found) == [0, 0.5, 1, "bp"]
    errors = np.stack([found[epsilon].squared_error for epsilon in (0, 0.5, 1)])  # [epsilons, iterations + 1, runs]
    np.testing.assert_array_equal(errors[:, 0], np.broadcast_to(np.sum(problem.target**2, (1, 2)), (3, 2)))
    alive = errors[:-1, 5:] > 1e-20
    assert (np.diff(errors[:, 5:], axis=0)[alive] < 0).all()
    np.testing.assert_array_equal(
        found["bp"].squared_error, linear.compare_rules(problem, 0.02, 400)["bp"].squared_error
    )


def test_problems_are_drawn_by_seed_and_of_their_shapes():
    one, again, other = linear.draw((5, 6)), linear.draw((5,)), linear.draw((6,))
    assert one.target.shape == (2, 10, 40)
    assert [w.shape for w in one.weights] == [(2, 100, 40), (2, 100, 100), (2, 10, 100)]
    assert [r.shape for r in one.feedback] == [(2, 100, 100), (2, 100, 10)]
    np.testing.assert_array_equal(one.weights[1][:1], again.weights[1])
    np.testing.assert_array_equal(one.target[1:], other.target)
    assert one.weights[1][0].std() == pytest.approx(0.1, rel=0.03)  # 10,000 entries: about 1 % of sampling error
    assert np.linalg.matrix_rank(one.target).tolist() == [10, 10]


def test_relative_differences_by_hand():
    found = linear.relative_difference([[[3.0, 0], [0, 5]]], [[[3.0, 0], [0, 4]]])
    np.testing.assert_allclose(found, [0.2], rtol=1e-14)


ONE = [np.ones([1, 1])] * 2
REFUSED = {
    "step must be one number": lambda: linear.descend([[1.0]], ONE, ONE[:1], 1, [0.1, 0.2], 5),
    "step must be > 0": lambda: linear.descend([[1.0]], ONE, ONE[:1], 1, 0, 5),
    "iterations must be a whole number >= 1, but got 2.5": lambda: linear.descend([[1.0]], ONE, ONE[:1], 1, 0.1, 2.5),
    "epsilon must be >= 0": lambda: linear.descend([[1.0]], ONE, ONE[:1], [0, -1], 0.1, 5),
    "which count networks, do not broadcast": lambda: linear.descend(np.ones([2, 1, 1]), ONE, ONE[:1], [0] * 3, 0.1, 5),
    "exploded after [0-9]+ steps of 5: take a smaller step": lambda: linear.descend([[-3.0]], ONE, ONE[:1], 1, 5, 99),
    "at least two layers": lambda: linear.draw((0,), (4, 3)),
    "At least one seed": lambda: linear.draw(()),
    "A seed must be a whole number >= 0": lambda: linear.draw((-1,)),
    "width must be a whole number >= 1": lambda: linear.draw((0,), (4, 0, 3)),
    "seeds is a list, but got 3": lambda: linear.draw(3),
    "widths is a list, but got 5": lambda: linear.draw((0,), 5),
    "epsilons is a list, but got 0.5": lambda: linear.compare_epsilons(linear.draw((0,)), 0.5),
    "are matrices of one shape": lambda: linear.relative_difference([1.0], [2.0]),
    "reference must not be 0": lambda: linear.relative_difference([[1.0]], [[0.0]]),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_a_bad_argument_is_refused_with_a_sentence(sentence):
    with pytest.raises(ArgumentError, match=sentence):
        REFUSED[sentence]()
