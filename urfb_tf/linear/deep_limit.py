"""How long learning takes in very deep linear networks, by epsilon (the book's own)."""

import numpy as np
import scipy.integrate

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
    epsilon = checks.number("epsilon", checks.not_negative("epsilon", epsilon))
    if epsilon == 0:
        return 2.0
    # Over log y_1: large epsilon spread the integral over many powers of ten.
    size = np.log(epsilon) / 2
    far = max(size, 0.0)
    # Beyond 2 / (1 - epsilon), the layers that are counted leave nothing either, unless epsilon is small.
    end = np.log(2 / (1 - epsilon)) if epsilon < 0.5 else 2 * far + 40
    return float(scipy.integrate.quad(_integrand, -40 - far, end, (size,), epsabs=0, epsrel=1e-12, limit=1000)[0])


def _integrand(log_y: float, size: float) -> float:
    """y_1 times the product, at log y_1, for size = log sqrt(epsilon)."""
    found, log_z = log_y, log_y + size  # z_j = sqrt(epsilon) y_j
    for _ in range(_LAYERS):
        root = np.logaddexp(0, 2 * log_z) / 2  # of log sqrt(1 + z^2)
        found, log_z = found - root, 2 * log_z - size - np.logaddexp(root, 0)
    return np.exp(found)
