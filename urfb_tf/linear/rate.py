"""How fast the error falls: Q in de/dt = -Q e, equation (18)."""

import numpy as np

from urfb_tf.linear import checks


def rate(lambdas, lambda_r, epsilon) -> np.ndarray:
    """Q = sum over i of (product over j < i of lambda_j^2) (product over j > i of lambda_j r_j), in equation (18).

    r_j = lambda_{R,j} + epsilon lambda_j. In this form (18) holds for all lambdas; its last line puts
    epsilon lambda_j^2 / 2 + lambda_{j-1}^2 / 2 for lambda_j r_j, by (17). The squared error falls at the rate 2 Q.

    Args:
        lambdas: lambda_1 .. lambda_k, [k, ...].
        lambda_r: lambda_{R,2} .. lambda_{R,k}, [k - 1] or [k - 1, ...], or one number for all of them.
        epsilon: [...].

    Returns:
        [...].

    Raises:
        ArgumentError: if there are not k lambdas and k - 1 lambda_r.
    """
    lambdas, lambda_r, epsilon = checks.floats(lambdas, lambda_r, epsilon)
    lambda_r = checks.depths(lambdas, lambda_r)
    travelled = lambdas[1:] * (lambda_r + epsilon * lambdas[1:])  # [k - 1, ...], for j = 2..k
    # Horner's scheme from the lowest layer up: Q_1 = 1, Q_i = Q_{i-1} lambda_i r_i + lambda_1^2 .. lambda_{i-1}^2.
    total, below = np.ones_like(lambdas[0]), np.ones_like(lambdas[0])
    for low, step in zip(lambdas[:-1], travelled, strict=True):
        below = below * low**2
        total = total * step + below
    return total
