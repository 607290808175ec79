"""The functions F, G and H of equation (21): neighbouring layers as functions of each other, equation (20)."""

import numpy as np

from urfb_tf.linear import checks


def effective_feedback(below, lambda_r, epsilon) -> np.ndarray:
    """F = sqrt(lambda_R^2 + epsilon x^2), equation (21): the feedback weight of layer i, if x = lambda_{i-1}."""
    below, lambda_r, epsilon = checks.floats(below, lambda_r, epsilon)
    return np.sqrt(lambda_r**2 + epsilon * below**2)


def above(below, lambda_r, epsilon) -> np.ndarray:
    """G = x^2 / (F + lambda_R), equations (20) and (21): lambda_i, if x = lambda_{i-1}. Also for epsilon = 0."""
    below, lambda_r, epsilon = checks.floats(below, lambda_r, epsilon)
    return below**2 / (effective_feedback(below, lambda_r, epsilon) + lambda_r)


def below(above, lambda_r, epsilon) -> np.ndarray:
    """H = sqrt(2 lambda_R x + epsilon x^2), equations (20) and (21): lambda_{i-1}, if x = lambda_i."""
    above, lambda_r, epsilon = checks.floats(above, lambda_r, epsilon)
    return np.sqrt(2 * lambda_r * above + epsilon * above**2)
