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

    def integrand(y: float) -> float:
        found = 1.0
        for _ in range(_LAYERS):
            root = np.sqrt(1 + epsilon * y * y)
            found, y = found / root, y * y / (root + 1)
        return found

    # Beyond that end, 80 layers leave nothing either, unless epsilon is small.
    ends = [0.0, 1.0, 2 / (1 - epsilon) if epsilon < 0.5 else np.inf]
    return sum(scipy.integrate.quad(integrand, *part, epsabs=1e-11, limit=500)[0] for part in itertools.pairwise(ends))
