"""The lambdas, and the rate, at a given product P = lambda_1 .. lambda_k instead of a given time.

P rises from 0 to lambda_T by dP/dt = (lambda_T - P) Q, so it may serve as the clock, and by equation (17) all lambdas
are functions of P and epsilon. The book's theorem, that the error falls the faster the larger epsilon, rests on this.
"""

from collections.abc import Callable, Sequence

import numpy as np

from urfb_tf.errors import ArgumentError
from urfb_tf.linear import checks
from urfb_tf.linear.functions import above, effective_feedback
from urfb_tf.linear.rate import rate

_STEPS = 100  # Newton's method needs about ten
_PRECISION = 1e-11  # of a time, relative; rounding is near 1e-14


def lambdas_at(product, lambda_r, epsilon) -> np.ndarray:
    """All lambdas: the only positive ones of this product that fulfil equation (17).

    log P is a rising, concave function of log lambda_1: by (17), d log lambda_i = 2 / (1 + w_i) d log lambda_{i-1},
    where w_i = epsilon lambda_i^2 / lambda_{i-1}^2 rises from 0 towards 1. So Newton's method converges from anywhere.

    Args:
        product: P > 0, [...].
        lambda_r: lambda_{R,2} .. lambda_{R,k}, > 0, [k - 1] or [k - 1, ...].
        epsilon: >= 0, [...].

    Returns:
        [k, ...].

    Raises:
        ArgumentError: if a number is outside its range or shapes do not broadcast.
    """
    product, epsilon = checks.positive("product", product), checks.not_negative("epsilon", epsilon)
    lambda_r, product, epsilon = checks.layers(lambda_r, product, epsilon)
    with np.errstate(divide="ignore"):
        log_epsilon = np.log(epsilon)  # -inf for 0, which logaddexp understands
    log_r, log_product = np.log(lambda_r), np.log(product)
    first = log_product / (len(lambda_r) + 1)
    for _ in range(_STEPS):
        logs, slope = _upwards(first, log_r, log_epsilon)
        step = (sum(logs) - log_product) / slope
        first = first - step
        if np.all(np.abs(step) <= 1e-15 * (1 + np.abs(first))):
            break
    return np.exp(_upwards(first, log_r, log_epsilon)[0])


def rate_at(product, lambda_r, epsilon) -> np.ndarray:
    """Q(P, epsilon), the rate of equations (18), (19) and (26) when the product is P, [...].

    Equation (19) is k = 2, and (26) is k = 3. Arguments as for `lambdas_at`.
    """
    return rate(lambdas_at(product, lambda_r, epsilon), checks.layers(lambda_r, product, epsilon)[0], epsilon)


def limiting_rate(lambda_t, depth: int, epsilon) -> np.ndarray:
    """k lambda_T^(2 - 2/k) epsilon^((k - 1)/2), the final rate as all lambda_R go to 0.

    Args:
        lambda_t: > 0, [...].
        depth: k >= 2.
        epsilon: > 0, [...].
    """
    lambda_t, epsilon = checks.positive("lambda_t", lambda_t), checks.positive("epsilon", epsilon)
    depth = checks.whole("depth", depth, 2)
    return depth * lambda_t ** (2 - 2 / depth) * epsilon ** ((depth - 1) / 2)


def time_to_reach(error: float, lambda_t: float, lambda_r, epsilon: float) -> float:
    """When the error has fallen to e, by quadrature and not by time steps: an independent check of `integrate`.

    dt = d lambda_1 / (e r_2 .. r_k) until half of the error is gone, because there this form is smooth from the start
    on, and dt = -d log e / Q from there, because e may become tiny.

    Args:
        error: 0 < e < lambda_T.
        lambda_t: > 0.
        lambda_r: [k - 1].
        epsilon: >= 0.

    Raises:
        ArgumentError: if a number is outside its range; if rounding hides the time, as it may with 25 layers or
            more.
    """
    wanted = checks.number("error", checks.positive("error", error))
    start = checks.number("lambda_t", checks.positive("lambda_t", lambda_t))
    if wanted >= start:
        raise ArgumentError(f"The error must be below lambda_t, but got {error!r} and {lambda_t!r}.")
    middle = max(wanted, start / 2)
    last = lambdas_at(start - middle, lambda_r, epsilon)
    if last.ndim != 1:
        raise ArgumentError("A time is found for one set of lambda_r and one epsilon.")

    lambda_r = np.asarray(lambda_r, np.float64)

    def by_lambda(x: np.ndarray) -> np.ndarray:
        """dt / d lambda_1 at lambda_1 = x, [nodes]."""
        lambdas, feedback = [x], []
        for r in lambda_r:
            feedback.append(effective_feedback(lambdas[-1], r, epsilon))
            lambdas.append(above(lambdas[-1], r, epsilon))
        return 1 / (np.prod(feedback, axis=0) * (start - np.prod(lambdas, axis=0)))

    def by_log_error(log_error: np.ndarray) -> np.ndarray:
        """-dt / d log e, [nodes]."""
        return 1 / rate_at(start - np.exp(log_error), lambda_r, epsilon)

    # The cube puts many nodes where lambda_1 is small, and F_j turns from lambda_R to a line. Under FRFB P is a power
    # 2^k - 1 of lambda_1, so that the error falls within the last 2^-k: pieces that are halved towards the end see it.
    halved = [0, *(1 - 0.5 ** np.arange(1, len(lambda_r) + 4)), 1]
    first = _integral(lambda s: by_lambda(last[0] * s**3) * last[0] * 3 * s**2, halved)
    return first + _integral(by_log_error, [np.log(wanted), np.log(middle)])


def _integral(function: Callable[[np.ndarray], np.ndarray], edges: Sequence[float]) -> float:
    """Gauss-Legendre quadrature in panels between edges, twice as many in each piece until nothing changes."""
    nodes, weights = np.polynomial.legendre.leggauss(16)
    previous = np.nan
    for panels in 2 ** np.arange(2, 11):
        ends = np.interp(np.arange((len(edges) - 1) * panels + 1) / panels, np.arange(len(edges)), edges)
        half = np.diff(ends) / 2  # [pieces * panels]
        x = ends[:-1, None] + half[:, None] * (1 + nodes)  # [pieces * panels, nodes]
        found = float(half @ (function(x.ravel()).reshape(x.shape) @ weights))
        if abs(found - previous) <= _PRECISION * abs(found):
            return found
        previous = found
    raise ArgumentError(
        f"The time cannot be found to {_PRECISION:g} of itself: take a less extreme lambda_r or error, or fewer layers."
    )


def _upwards(first: np.ndarray, log_r: np.ndarray, log_epsilon: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """log lambda_1 .. log lambda_k from log lambda_1, and the slope of their sum."""
    logs, slope, total = [first], np.ones_like(first), np.ones_like(first)
    for r in log_r:
        # log(F / lambda_R) = log(1 + epsilon lambda^2 / lambda_R^2) / 2, and w = (F - lambda_R) / (F + lambda_R).
        log_f = np.logaddexp(0, log_epsilon + 2 * (logs[-1] - r)) / 2
        logs.append(2 * logs[-1] - r - np.logaddexp(0, log_f))
        slope = slope * 2 / (1 + np.tanh(log_f / 2))
        total = total + slope
    return logs, total
