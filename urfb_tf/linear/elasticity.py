"""How the lambdas and the rate answer to epsilon at a fixed product: the identities of the book's theorem.

At fixed P, everything is a function of the balances w_2 .. w_k alone.
"""

import numpy as np

from urfb_tf.errors import ArgumentError
from urfb_tf.linear import checks


def balances(lambdas, epsilon) -> np.ndarray:
    """w_j = epsilon lambda_j^2 / lambda_{j-1}^2, j = 2..k, [k - 1, ...]: the balances, 0 under FRFB and below 1.

    Equation (17) keeps them below 1. Under back-propagation from balanced layers all would be 1.

    Args:
        lambdas: lambda_1 .. lambda_k, > 0, [k, ...].
        epsilon: >= 0, [...].
    """
    lambdas = checks.positive("lambdas", lambdas)
    if lambdas.ndim == 0:
        raise ArgumentError("lambdas are lambda_1 .. lambda_k, [k, ...].")
    return checks.not_negative("epsilon", epsilon) * (lambdas[1:] / lambdas[:-1]) ** 2


def shifted_elasticities(balances) -> np.ndarray:
    """m_j = 1 + d log lambda_j / d log epsilon at fixed P, j = 1..k, [k, ...].

    From m_{j-1} = (1 + (1 + w_j) m_j) / 2 down from m_k, and the sum of all m_j, which is k.

    Args:
        balances: w_2 .. w_k, between 0 and 1, [k - 1, ...].
    """
    w = _balances(balances)
    constant, factor = [np.zeros_like(w[0])], [np.ones_like(w[0])]  # m_j = constant_j + factor_j m_k, from j = k down
    for value in w[::-1]:
        constant.append((1 + (1 + value) * constant[-1]) / 2)
        factor.append((1 + value) * factor[-1] / 2)
    last = (len(w) + 1 - sum(constant)) / sum(factor)  # m_k
    return np.stack([c + f * last for c, f in zip(constant, factor, strict=True)][::-1])


def path_weights(balances) -> np.ndarray:
    """The product over j > i of (1 + w_j) / 2, i = 1..k, [k, ...]. Q = (P / lambda_k)^2 times their sum.

    Args:
        balances: w_2 .. w_k, between 0 and 1, [k - 1, ...].
    """
    w = _balances(balances)
    return np.concatenate([np.cumprod((1 + w[::-1]) / 2, axis=0)[::-1], np.ones_like(w[:1])])


def rate_elasticity(balances) -> np.ndarray:
    """d log Q / d log epsilon at fixed P, [...], which the theorem shows to be > 0 unless all balances are 0.

    2 (1 - m_k) + the mean over i, weighted by `path_weights`, of the sum over j > i of c_j m_j, where
    c_j = w_j (1 - w_j) / (1 + w_j).

    Args:
        balances: w_2 .. w_k, between 0 and 1, [k - 1, ...].
    """
    w = _balances(balances)
    m, p = shifted_elasticities(w), path_weights(w)
    terms = w * (1 - w) / (1 + w) * m[1:]  # [k - 1, ...], for j = 2..k
    sums = np.concatenate([np.cumsum(terms[::-1], axis=0)[::-1], np.zeros_like(w[:1])])  # [k, ...], over j > i
    return 2 * (1 - m[-1]) + np.sum(p * sums, axis=0) / np.sum(p, axis=0)


def _balances(values) -> np.ndarray:
    w = checks.not_negative("balances", values)
    if w.ndim == 0 or len(w) == 0 or not (w <= 1).all():
        raise ArgumentError("Balances are w_2 .. w_k, k >= 2, each between 0 and 1.")
    return w
