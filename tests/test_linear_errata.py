"""Each mistake in the paper's equations: the printed form fails, the corrected one holds."""

import numpy as np
import pytest
import sympy as sp
import tensorflow as tf

from urfb_tf import OneVsRestHinge, SaturatedLinearity, linear

STEP = 1e-5
EPS, T, R2, R3 = sp.symbols("epsilon lambda_T lambda_R2 lambda_R3", positive=True)
X1, X2 = sp.symbols("lambda_1 lambda_2", positive=True)


def slope(function, x):
    """By a central difference: off by about STEP^2 and 1e-16 / STEP."""
    return (function(x + STEP) - function(x - STEP)) / (2 * STEP)


def f_of(x, r):
    return sp.sqrt(r**2 + EPS * x**2)


def g_of(x, r):
    return x**2 / (f_of(x, r) + r)


def h_of(x, r):
    return sp.sqrt(2 * r * x + EPS * x**2)


def vanishes(expression) -> bool:
    """Whether it is 0 to 40 digits at three rational points."""
    for n in (1, 2, 3):
        point = {EPS: sp.Rational(n, 3), T: 2, R2: sp.Rational(2, 5), R3: sp.Rational(n, 7), X1: sp.Rational(3, 4)}
        value = expression.subs({**point, X2: sp.Rational(1, 1 + n)}).evalf(60)
        if abs(value) > sp.Float("1e-40"):
            return False
    return True


F2, G2 = f_of(X1, R2), g_of(X1, R2)
F3, G3 = f_of(G2, R3), g_of(G2, R3)
DG2 = -(X1**4) / (2 * (F2 + R2) ** 2 * F2)  # (29)
F, G, H = f_of(X2, R3), g_of(X2, R3), h_of(X2, R2)
E2 = T - G * X2 * H
BRACKET = X2**4 / (2 * (F + R3) ** 2 * F) * X2 * H - G * X2**2 / (2 * H) * X2
INNER = H**2 - (F + R3) * F
REST = X2**2 / (2 * F) * E2 * H + F * E2 * X2**2 / (2 * H)  # T_1 + T_3

# name: (what is equal, the corrected right-hand side, the printed one)
EQUATIONS = {
    "(30)": (sp.diff(F3, EPS), G2**2 / (2 * F3) + EPS * G2 / F3 * DG2, G2**2 / (2 * F3) - EPS * G2 / F3 * DG2),
    "after (30)": (
        sp.diff(F3, EPS),
        X1**4 / (2 * F3 * (F2 + R2) ** 2) * R2 / F2,
        X1**4 / (2 * F3 * (F2 + R2) ** 2) * (1 + EPS * G2 / F2),  # what the printed sign would give
    ),
    "G_2 squared": (G2**2, X1**4 / (F2 + R2) ** 2, G2),
    "(31)": (
        sp.diff(G3, EPS),
        -(G2**4) / (2 * (F3 + R3) ** 2 * F3) + G2 / F3 * DG2,
        -(G2**4) / (2 * (F3 + R3) ** 2 * F3) + EPS * G2 / F3 * DG2,
    ),
    "T_2": (sp.diff(F * E2 * H, EPS) - REST, F * H * BRACKET, BRACKET),
    "T_2's last form": (
        BRACKET,
        X2**5 / (2 * (F + R3) ** 2 * F * H) * INNER,
        X2**5 / ((F + R3) ** 2 * F * H) * INNER,
    ),
}
RIGHT_AS_PRINTED = {
    "(23)": (sp.diff(F2, EPS), X1**2 / (2 * F2)),
    "(24) and (29)": (sp.diff(G2, EPS), DG2),
    "(25)": (
        sp.diff(F2 * (T - G2 * X1), EPS),
        (T - G2 * X1) * X1**2 / (2 * F2) + F2 * X1 * X1**4 / (2 * (F2 + R2) ** 2 * F2),
    ),
    "(32)": (sp.diff(H, EPS), X2**2 / (2 * H)),
    "(33)": (INNER, 2 * R2 * X2 - R3**2 - R3 * sp.sqrt(R3**2 + EPS * X2**2)),
}


@pytest.mark.parametrize("name", EQUATIONS)
def test_in_the_proof_of_theorem_2_the_printed_form_fails_and_the_corrected_holds(name):
    value, corrected, printed = EQUATIONS[name]
    assert vanishes(value - corrected)
    assert not vanishes(value - printed)


@pytest.mark.parametrize("name", RIGHT_AS_PRINTED)
def test_what_is_not_listed_is_right_as_printed(name):
    value, printed = RIGHT_AS_PRINTED[name]
    assert vanishes(value - printed)


def test_shrinkage_descends_only_with_the_corrected_sign():
    w, x, lam, eta = 0.3, 0.5, 0.1, 1e-3

    def objective(w):
        return max(0, 1 - w * x) + lam * w**2 / 2

    delta_w = x  # (2) within the margin, y = 1
    assert objective(w + eta * (delta_w - lam * w)) < objective(w) < objective(w - eta * (delta_w + lam * w))
    assert delta_w - lam * w == pytest.approx(-slope(objective, w), abs=1e-9)


def test_delta_of_5_is_minus_the_derivative_and_its_second_line_is_that_of_4():
    fields = tf.constant([[0.2, 0.3, -0.3, 2.0, -2.0]])
    loss = OneVsRestHinge(mu=0.25)
    with tf.GradientTape() as tape:
        tape.watch(fields)
        value = loss([0], fields)
    derivative = tape.gradient(value, fields).numpy()
    np.testing.assert_array_equal(-derivative, [[1, -0.25, -0.25, -0.25, 0]])
    printed = [[1, 0, 0, -0.25, 0]]  # h_c >= 1
    assert (-derivative != printed).sum() == 2


def test_6_is_the_gradient_only_with_the_minus_sign_and_the_derivative_in_the_sum():
    sigma, random = SaturatedLinearity(), np.random.default_rng(0)
    w1, w2 = tf.constant(random.normal(size=[3, 4])), tf.constant(random.normal(size=[4, 2]))
    x, d = tf.constant(random.normal(size=[9, 3])), tf.constant(random.normal(size=[9, 2]))
    with tf.GradientTape() as tape:
        tape.watch(w1)
        h1 = x @ w1
        h2 = sigma(h1) @ w2
        cost = -tf.reduce_sum(d * sigma(h2))  # so that delta_2 = d
    gradient = tape.gradient(cost, w1)
    for passed, holds in ((d * sigma.derivative(h2), True), (d, False)):
        update = tf.transpose(x) @ ((passed @ tf.transpose(w2)) * sigma.derivative(h1))
        assert np.allclose(update, -gradient, rtol=1e-10) == holds
        assert not np.allclose(update, gradient, rtol=0.1)


@pytest.mark.parametrize(("whitened", "factor", "holds"), [(1, 0.5, 1), (1, 1, 0), (0, 0.5, 0), (0, 1, 0)])
def test_10_needs_orthonormal_inputs_and_the_factor_one_half(whitened, factor, holds):
    random = np.random.default_rng(1)
    w1, w2, y = random.normal(size=[3, 2]), random.normal(size=[2, 3]), random.normal(size=[2, 5])
    x = random.normal(size=[2, 5])
    x = np.linalg.qr(x.T)[0].T if whitened else x
    found = linear.increments(y @ x.T, [w1, w2], [w2.T])[1]

    def cost(value, entry):
        moved = w2.copy()
        moved[entry] = value
        return factor * np.sum((y - moved @ w1 @ x) ** 2)

    true = [[-slope(lambda v, at=(i, j): cost(v, at), w2[i, j]) for j in range(3)] for i in range(2)]
    assert np.allclose(found, true, atol=1e-7) == bool(holds)


def test_15_as_printed_is_not_what_learning_the_feedback_gives_unless_weights_start_at_zero():
    random = np.random.default_rng(2)
    target, start = random.normal(size=[2, 3]), [0.5 * random.normal(size=s) for s in ((4, 3), (2, 4))]
    tied = [start[1].T]
    for weights, agrees in ((start, False), ([np.zeros([4, 3]), np.zeros([2, 4])], True)):
        joint, reduced, printed = (
            linear.flow(target, weights, tied, 1, [0.0, 1.0], form) for form in ("joint", "reduced", "printed")
        )
        np.testing.assert_allclose(reduced.weights[0], joint.weights[0], atol=1e-9)
        assert np.allclose(printed.weights[0], joint.weights[0], atol=1e-9) == agrees
    printed = linear.flow(target, start, tied, 1, [0.0, 1.0], "printed")
    np.testing.assert_allclose(printed.feedback[0][0], 2 * start[1].T, rtol=1e-14)


def test_16_has_the_product_over_all_layers_below():
    x, r = np.array([0.9, 0.7, 0.5, 0.3]), np.array([0.2, 0.4, 0.6])
    as_matrices = linear.increments([[1.0]], [np.array([[v]]) for v in x], [np.array([[v]]) for v in r + x[1:]])
    e = 1 - x.prod()
    assert as_matrices[3].item() == pytest.approx(e * x[0] * x[1] * x[2], rel=1e-13)
    assert as_matrices[3].item() != pytest.approx(e * x[0] * x[2], rel=0.01)
    np.testing.assert_allclose(linear.derivatives(1.0, x, r, 1), np.ravel(as_matrices), rtol=1e-13)


@pytest.mark.parametrize("hidden", [(5, 4), (4, 6, 5)])
def test_the_equations_decouple_only_between_orthonormal_columns_with_v_at_the_bottom(hidden):
    frames = linear.frames(np.random.default_rng(3).normal(size=[2, 3]), hidden)
    lambdas = np.full([len(hidden) + 1, 2], 0.5)
    wanted = frames.columns[-1] @ np.diag(lambdas.prod(axis=0)) @ frames.columns[0].T
    product = np.linalg.multi_dot(frames.weights(lambdas)[::-1])
    np.testing.assert_allclose(product, wanted, atol=1e-14)
    stretched = linear.Frames(frames.lambda_t, [c * (1 + (n == 1)) for n, c in enumerate(frames.columns)])
    assert not np.allclose(np.linalg.multi_dot(stretched.weights(lambdas)[::-1]), wanted, atol=0.01)
    other = linear.Frames(frames.lambda_t, [frames.columns[0][::-1], *frames.columns[1:]])  # a U_1 that is not V
    product = np.linalg.multi_dot(other.weights(lambdas)[::-1])
    left = frames.columns[-1].T @ (frames.columns[-1] @ np.diag(frames.lambda_t) @ frames.columns[0].T - product)
    assert not np.allclose(left, np.diag(frames.lambda_t - lambdas.prod(axis=0)) @ frames.columns[0].T, atol=0.01)


@pytest.mark.parametrize("lambda_r", [[0.03, 0.02], [0.5, 0.3], [1.0, 0.1]])
def test_theorem_2_is_false_for_lambda_3_and_true_for_the_rest(lambda_r):
    assert lambda_r[0] > (1 + np.sqrt(2)) / 2 * lambda_r[1]
    epsilons = np.array([0.25, 0.5, 1])
    first, second, third = linear.lambdas_at(0.9, lambda_r, epsilons)  # where the error has vanished
    assert (np.diff(third) < 0).all()
    for rising in (first, second, epsilons * third**2, linear.rate_at(0.9, lambda_r, epsilons)):
        assert (np.diff(rising) > 0).all()


def test_the_repaired_theorem_2_holds_at_all_times():
    epsilons = np.array([0, 0.3, 0.6, 1])
    random = np.random.default_rng(4)
    for _ in range(10):
        r3 = random.uniform(0.1, 0.6)
        r2 = r3 * (1 + np.sqrt(2)) / 2 * random.uniform(1, 2)
        least = r3**2 / 2 * (r3 + np.sqrt(2 * r2 * r3 + r3**2))
        lambda_t = max(least * 1.01, random.uniform(0.3, 1))
        found = linear.integrate(lambda_t, [r2, r3], epsilons, np.geomspace(0.5, 50, 12))
        first, second, third = np.moveaxis(found.lambdas, 1, 0)  # [times, epsilons]
        for rising in (first, second, epsilons * third**2):
            assert (np.diff(rising) > -1e-9).all()  # where the error is gone, both stand still within the tolerance
        assert (np.diff(second[0]) > 0).all()
        assert (np.diff(found.log_error) < 1e-9).all()


def test_without_its_condition_lambda_2_may_fall_with_epsilon():
    final = linear.lambdas_at(1.0, [0.02, 1.0], np.array([0, 1]))
    assert final[1, 1] < final[1, 0]


def test_17_needs_all_weights_to_start_at_zero():
    one = [np.array([[x]]) for x in (0.0, 0.0, 0.5)]
    found = linear.flow([[0.9]], one, [np.array([[0.3]]), np.array([[0.7]])], 1, [0.0, 20.0])
    x = np.stack([w[:, 0, 0] for w in found.weights])  # [k, times]
    sides = linear.invariants(x, np.array([[0.3], [0.2]]), 1)  # R_3 = 0.2 + lambda_3
    np.testing.assert_allclose(sides[0], 0, atol=1e-9)
    np.testing.assert_allclose(sides[1], 0.2 * 0.5 + 0.5**2 / 2, atol=1e-9)
