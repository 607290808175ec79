"""What the flow conserves, equation (17), for the scalars and for the matrices."""

from collections.abc import Sequence

import numpy as np

from urfb_tf.linear import checks


def invariants(lambdas, lambda_r, epsilon) -> np.ndarray:
    """lambda_{R,i} lambda_i + epsilon lambda_i^2 / 2 - lambda_{i-1}^2 / 2, equation (17): 0 for ever if it starts at 0.

    Args:
        lambdas: lambda_1 .. lambda_k, [k, ...].
        lambda_r: lambda_{R,2} .. lambda_{R,k}, [k - 1] or [k - 1, ...], or one number for all of them.
        epsilon: [...].

    Returns:
        [k - 1, ...], for i = 2..k.

    Raises:
        ArgumentError: if there are not k lambdas and k - 1 lambda_r.
    """
    lambdas, lambda_r, epsilon = checks.floats(lambdas, lambda_r, epsilon)
    lambda_r = checks.depths(lambdas, lambda_r)
    return lambda_r * lambdas[1:] + epsilon * lambdas[1:] ** 2 / 2 - lambdas[:-1] ** 2 / 2


def matrix_invariants(weights: Sequence, feedback: Sequence, epsilon) -> list[np.ndarray]:
    """The same for matrices, whatever they start from; it is not in the paper.

    R_i dW_i/dt = dW_{i-1}/dt W_{i-1}^t, both being R_i .. R_k e W_1^t .. W_{i-1}^t. Add the transpose, and integrate
    with R_i = D_i + epsilon W_i^t, where D_i is constant: D_i W_i + (D_i W_i)^t + epsilon W_i^t W_i - W_{i-1} W_{i-1}^t
    never changes. For matrices that decouple, it is U_i M U_i^t with twice the numbers of `invariants` on M's diagonal.

    Args:
        weights: W_i, [..., n_i, n_{i-1}], i = 1..k.
        feedback: R_i, [..., n_{i-1}, n_i], i = 2..k, as they are at the same time.
        epsilon: a number.

    Returns:
        [..., n_{i-1}, n_{i-1}], for i = 2..k.

    Raises:
        ArgumentError: if there is not one R for each W but the lowest.
    """
    weights, feedback = checks.listed("weights", weights), checks.listed("feedback", feedback)
    checks.matched(weights, feedback)
    found = []
    for low, high, back in zip(weights[:-1], weights[1:], feedback, strict=True):
        transposed = np.swapaxes(high, -1, -2)
        fixed = (back - epsilon * transposed) @ high
        learned = epsilon * transposed @ high
        found.append(fixed + np.swapaxes(fixed, -1, -2) + learned - low @ np.swapaxes(low, -1, -2))
    return found
