"""The scalar differential equations (13), (14) and (16), one set for each direction of the target."""

import dataclasses

import numpy as np

from urfb_tf.linear import checks
from urfb_tf.linear.rate import rate
from urfb_tf.linear.solver import solve


@dataclasses.dataclass(frozen=True)
class Decoupled:
    """All lambdas along time, for a batch of parameters.

    Attributes:
        times: [times].
        lambdas: [times, k, ...].
        log_error: log e, [times, ...], with e = lambda_T - lambda_1 .. lambda_k.
    """

    times: np.ndarray
    lambdas: np.ndarray
    log_error: np.ndarray

    @property
    def error(self) -> np.ndarray:
        """e, [times, ...]."""
        return np.exp(self.log_error)


def derivatives(lambda_t, lambdas, lambda_r, epsilon) -> np.ndarray:
    """The right-hand side of equations (13), (14) and (16).

    d lambda_i/dt = e (product over j > i of r_j) (product over j < i of lambda_j), where
    r_j = lambda_{R,j} + epsilon lambda_j is the feedback weight of layer j. (14) is k = 2; (13) is several directions.

    Args:
        lambda_t: [...].
        lambdas: lambda_1 .. lambda_k, [k, ...].
        lambda_r: lambda_{R,2} .. lambda_{R,k}, [k - 1] or [k - 1, ...], or one number for all of them.
        epsilon: [...].

    Returns:
        [k, ...].

    Raises:
        ArgumentError: if there are not k lambdas and k - 1 lambda_r.
    """
    lambda_t, lambdas, lambda_r, epsilon = checks.floats(lambda_t, lambdas, lambda_r, epsilon)
    lambda_r = checks.depths(lambdas, lambda_r)
    feedback = lambda_r + epsilon * lambdas[1:]  # [k - 1, ...]
    error = lambda_t - np.prod(lambdas, axis=0)
    below = np.cumprod(lambdas[:-1], axis=0)  # [k - 1, ...], for i = 2..k
    above = np.cumprod(feedback[::-1], axis=0)[::-1]  # [k - 1, ...], for i = 1..k-1
    return error * np.concatenate([above[:1], above[1:] * below[:-1], below[-1:]])


def integrate(lambda_t, lambda_r, epsilon, times) -> Decoupled:
    """Equations (14) and (16) solved: all lambdas and the error along time, for many parameters at once.

    All lambda_i(0) are 0.

    The logarithm of the error is a state of its own, d log e/dt = -Q by equation (18): computed as lambda_T - lambda_1
    .. lambda_k, an error near 0 would have lost its digits. All parameters share their steps in time, those that the
    hardest of them needs.

    Args:
        lambda_t: a singular value of T, > 0, [...].
        lambda_r: lambda_{R,2} .. lambda_{R,k}, > 0, [k - 1] or [k - 1, ...], k >= 2.
        epsilon: >= 0, [...].
        times: when to look, [times], rising; the start is at 0.

    Raises:
        ArgumentError: if a number is outside its range, shapes do not broadcast, or the times do not rise.
    """
    lambda_t, epsilon = checks.positive("lambda_t", lambda_t), checks.not_negative("epsilon", epsilon)
    lambda_r, lambda_t, epsilon = checks.layers(lambda_r, lambda_t, epsilon)
    times = checks.moments(times)
    shape = (len(lambda_r) + 2, *lambda_t.shape)  # k lambdas and log e

    def derivative(state: np.ndarray) -> np.ndarray:
        lambdas = state.reshape(shape)[:-1]
        change = derivatives(lambda_t, lambdas, lambda_r, epsilon)
        return np.concatenate([change, -rate(lambdas, lambda_r, epsilon)[None]]).ravel()

    start = np.zeros(shape)
    start[-1] = np.log(lambda_t)
    found = solve(derivative, start.ravel(), times).reshape(len(times), *shape)
    return Decoupled(times, found[:, :-1], found[:, -1])
