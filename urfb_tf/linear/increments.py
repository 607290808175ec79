"""The right-hand side of the matrix equations: the Hebbian increments of a linear network."""

from collections.abc import Sequence

import numpy as np

from urfb_tf.linear import checks


def error(target, weights: Sequence) -> np.ndarray:
    """The error, the target less the product of all weights.

    e = T - W_k .. W_1, [..., n_k, n_0].

    Args:
        target: T, [..., n_k, n_0].
        weights: W_i, [..., n_i, n_{i-1}], i = 1..k.

    Raises:
        ArgumentError: if the shapes do not chain, or a number is not finite.
    """
    target, weights = checks.mapped(target, weights)
    return target - responses(weights)[-1]


def increments(target, weights: Sequence, feedback: Sequence) -> list[np.ndarray]:
    """The increments of all weights, equations (10), (11) and (15), for feedback weights as they are.

    dW_i/dt = R_{i+1} .. R_k e W_1^t .. W_{i-1}^t. These are equations (6) and (7) for sigma(h) = h, summed over images
    whose inputs are the unit vectors: the error of layer i is R_{i+1} .. R_k e, and what layer i - 1 says is
    W_{i-1} .. W_1. With R_i = W_i^t they are minus the gradient of |e|^2 / 2: back-propagation, equation (10).

    Args:
        target: T, [..., n_k, n_0].
        weights: W_i, [..., n_i, n_{i-1}], i = 1..k. Leading dimensions count networks.
        feedback: R_i, [..., n_{i-1}, n_i], i = 2..k.

    Returns:
        dW_i/dt, shapes of `weights`.

    Raises:
        ArgumentError: if the shapes do not chain, or a number is not finite.
    """
    target, weights, feedback = checks.chain(target, weights, feedback)
    said = responses(weights)
    return carried_down(target - said[-1], said, feedback)


def responses(weights: Sequence) -> list[np.ndarray]:
    """W_i .. W_1 for i = 1..k: what all layers say to the unit vectors, [..., n_i, n_0]."""
    found = [weights[0]]
    for matrix in weights[1:]:
        found.append(matrix @ found[-1])
    return found


def carried_down(delta, said: Sequence, feedback: Sequence) -> list[np.ndarray]:
    """`increments` from the error e = `delta`, [..., n_k, n_0], and the `responses`, where they are known already."""
    found = []
    for below, back in zip(said[-2::-1], feedback[::-1], strict=True):  # from layer k down to 2
        found.append(delta @ np.swapaxes(below, -1, -2))  # [..., n_i, n_{i-1}]
        delta = back @ delta
    found.append(delta)  # layer 1 listens to the unit vectors themselves
    return found[::-1]
