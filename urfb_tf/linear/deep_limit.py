"""How long learning takes in very deep linear networks, by epsilon (the book's own)."""

import itertools

import numpy as np
import scipy.integrate

from urfb_tf.errors import ArgumentError
from urfb_tf.linear import checks

_LAYERS = 80  # y_j falls to zero faster than any power: the factors of further layers are 1 in float64


def limiting_time(epsilon: float) -> float:
    """The limit of t lambda_T lambda_R^(k-2) for many layers k, t being the time until any share of the error is left.

    All lambda_{R,i} = lambda_R. The limit is the integral over y_1 of the product over j of
    1 / sqrt(1 + epsilon y_j^2), where y_{j+1} = y_j^2 / (sqrt(1 + epsilon y_j^2) + 1), from 0 to where y_j falls with j
    no more: 2 / (1 - epsilon) if epsilon < 1, else infinity. For FRFB, epsilon = 0, it is 2.

    Args:
        epsilon: one number >= 0.

    Raises:
        ArgumentError: if epsilon is negative, not finite or no number.
    """
    rate = checks.not_negative("epsilon", epsilon)
    if rate.ndim:
        raise ArgumentError("The limiting time is that of one epsilon, a number.")
    epsilon = float(rate)
    if epsilon < 0.5:
        ends = (0.0, 1.0, 2 / (1 - epsilon))
        parts = [scipy.integrate.quad(_integrand, *part, (epsilon,), limit=500)[0] for part in itertools.pairwise(ends)]
        return sum(parts)
    # In logarithms, since large epsilon spread the integral over many powers of ten. Beyond 2 / (1 - epsilon), where
    # there is one, the layers that are counted leave nothing.
    size = np.log(epsilon) / 2
    logarithmic, _ = scipy.integrate.quad(
        _logarithmic, -40, 3 * max(size, 0.0) + 40, (size,), epsabs=0, epsrel=1e-10, limit=1000
    )
    return float(logarithmic * np.exp(-size))


def _integrand(y: float, epsilon: float) -> float:
    found = 1.0
    for _ in range(_LAYERS):
        root = np.sqrt(1 + epsilon * y * y)
        found, y = found / root, y * y / (root + 1)
    return found


def _logarithmic(log: float, size: float) -> float:
    """The integrand times z, over log z with z = sqrt(epsilon) y_1, for size = log sqrt(epsilon)."""
    found = log
    for _ in range(_LAYERS):
        root = np.logaddexp(0, 2 * log) / 2  # of log sqrt(1 + z^2)
        found, log = found - root, 2 * log - size - np.logaddexp(root, 0)
    return np.exp(found)
