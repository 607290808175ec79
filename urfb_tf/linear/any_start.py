"""Aligned networks whose lambdas start at numbers >= 0 instead of at 0: how fast the error falls (the book's own).

The feedback weights are r_j = lambda_{R,j} + epsilon (lambda_j - lambda_j(0)), and what stays of equation (17) is
r_j^2 = lambda_{R,j}^2 + epsilon (lambda_{j-1}^2 - lambda_{j-1}(0)^2). So everything is a function of the product P of
all lambdas. How the rate answers to epsilon at a fixed product depends on two shares of each layer: of what its lambda
has learned, and of what its feedback weight has.
"""

import numpy as np

from urfb_tf.errors import ArgumentError
from urfb_tf.linear import checks, functions
from urfb_tf.linear.rate import rate

_LOG_RANGE = 300.0  # of what lambda_1 has learned; its powers may overflow on the way
_HALVINGS = 70  # of this range: to 1e-18


def rate_from(product, start, lambda_r, epsilon) -> np.ndarray:
    """Q, the rate -d log e / dt, when the product is P, [...]. From a start at zero it is `rate_at`.

    Args:
        product: P, above that of the start, [...].
        start: lambda_1(0) .. lambda_k(0), >= 0, [k] or [k, ...].
        lambda_r: lambda_{R,2} .. lambda_{R,k}, > 0, [k - 1] or [k - 1, ...].
        epsilon: >= 0, [...].

    Raises:
        ArgumentError: if a number is outside its range or shapes do not broadcast.
    """
    product, epsilon = checks.positive("product", product), checks.not_negative("epsilon", epsilon)
    start = checks.not_negative("start", start)
    if start.ndim == 0:
        raise ArgumentError("start needs one entry for each of the layers 1 to k.")
    lambda_r, product, epsilon, *start = checks.layers(lambda_r, product, epsilon, *start)
    if len(start) != len(lambda_r) + 1:
        raise ArgumentError(
            f"k layers have k entries in start and k - 1 in lambda_r, not {len(start)} and {len(lambda_r)}."
        )
    if not (np.prod(start, axis=0) < product).all():
        raise ArgumentError("The product must be above that of the start, from which it rises.")

    def upwards(log_first: np.ndarray) -> np.ndarray:
        """All lambdas, [k, ...], from the logarithm of what lambda_1 has learned."""
        learned = np.exp(log_first)
        lambdas = [start[0] + learned]
        for below, own, r in zip(start[:-1], start[1:], lambda_r, strict=True):
            gained = learned * (2 * below + learned)  # lambda_{j-1}^2 - lambda_{j-1}(0)^2, without its cancellation
            learned = functions.above(np.sqrt(gained), r, epsilon)
            lambdas.append(own + learned)
        return np.stack(lambdas)

    low, high = np.full(product.shape, -_LOG_RANGE), np.full(product.shape, _LOG_RANGE)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            below = np.sum(np.log(upwards(middle)), axis=0) < np.log(product)  # neither is what has overflown
            low, high = np.where(below, middle, low), np.where(below, high, middle)
    return rate(upwards((low + high) / 2), lambda_r - epsilon * np.stack(start[1:]), epsilon)


def rate_elasticity_from(learned, feedback_learned) -> np.ndarray:
    """d log Q / d log epsilon at fixed P, [...], for the Q of `rate_from`.

    With x_j = (d log lambda_j / d log epsilon) / alpha_j,

        x_{j-1} = (2 - alpha_{j-1}) / (2 - beta_j) (x_j + beta_j / 2),    sum over j of alpha_j x_j = 0.

    Args:
        learned: alpha_j = 1 - lambda_j(0) / lambda_j, j = 1..k, above 0 and at most 1, [k, ...]. All 1 is the start
            at zero: then it is `rate_elasticity` of the balances beta / (2 - beta).
        feedback_learned: beta_j = 1 - lambda_{R,j} / r_j, j = 2..k, between 0 and 1, [k - 1, ...]. All 0 is FRFB.

    Raises:
        ArgumentError: if a share is outside its range, or the shapes do not fit.
    """
    alpha, beta = _shares(learned, feedback_learned)
    constant, factor = [np.zeros_like(alpha[-1])], [np.ones_like(alpha[-1])]  # x_j = constant_j + factor_j x_k
    for a, b in zip(alpha[-2::-1], beta[::-1], strict=True):
        gain = (2 - a) / (2 - b)
        constant.append(gain * (constant[-1] + b / 2))
        factor.append(gain * factor[-1])
    constants, factors = np.stack(constant[::-1]), np.stack(factor[::-1])  # [k, ...]
    last = -np.sum(alpha * constants, axis=0) / np.sum(alpha * factors, axis=0)  # x_k
    x = constants + factors * last
    rising = alpha[1:] * x[1:] + beta * (1 + x[1:])  # d log (lambda_j r_j) / d log epsilon, [k - 1, ...]
    above = np.concatenate([np.cumsum(rising[::-1], axis=0)[::-1], np.zeros_like(x[:1])])  # over j > i
    below = np.cumsum(alpha * x, axis=0) - alpha * x  # over j < i
    weights = alpha * factors  # of the terms of Q, up to a common factor
    return np.sum(weights * (2 * below + above), axis=0) / np.sum(weights, axis=0)


def start_with(learned, feedback_learned) -> tuple[np.ndarray, np.ndarray]:
    """A start that under URFB, epsilon = 1, comes to such shares when the product is 1.

    Args:
        learned, feedback_learned: as for `rate_elasticity_from`, those of the feedback above 0 and below 1.

    Returns:
        lambda_1(0) .. lambda_k(0), [k, ...], and lambda_{R,2} .. lambda_{R,k}, [k - 1, ...].

    Raises:
        ArgumentError: as there.
    """
    alpha, beta = _shares(learned, feedback_learned)
    if not ((beta > 0) & (beta < 1)).all():
        raise ArgumentError("A start is that of feedback weights that have learned a share above 0 and below 1.")
    ratios = alpha[:-1] * (2 - alpha[:-1]) * beta / (alpha[1:] ** 2 * (2 - beta))  # of lambda_j^2 to lambda_{j-1}^2
    logs = np.cumsum(np.concatenate([np.zeros_like(alpha[:1]), np.log(ratios) / 2]), axis=0)
    lambdas = np.exp(logs - np.mean(logs, axis=0))
    return lambdas * (1 - alpha), lambdas[1:] * alpha[1:] / beta * (1 - beta)


def _shares(learned, feedback_learned) -> tuple[np.ndarray, np.ndarray]:
    """alpha [k, ...] and beta [k - 1, ...]."""
    alpha = checks.positive("learned", learned)
    beta = checks.not_negative("feedback_learned", feedback_learned)
    if not (alpha <= 1).all() or not (beta <= 1).all():
        raise ArgumentError("Shares of what was learned are at most 1.")
    if alpha.ndim == 0 or len(alpha) < 2 or beta.shape != (len(alpha) - 1, *alpha.shape[1:]):
        raise ArgumentError(
            "k layers, k >= 2, have k shares in learned and k - 1 in feedback_learned, but the shapes are "
            f"{list(alpha.shape)} and {list(beta.shape)}."
        )
    return alpha, beta
