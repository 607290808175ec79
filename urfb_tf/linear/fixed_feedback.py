"""Fixed feedback from weights that start at zero: two layers solved for all matrices, aligned or not (the book's own).

Each mode's error goes along one curve, at a pace that its strength sets. Deeper networks that fall apart into modes
have such a curve too. Nothing is integrated.
"""

import dataclasses

import numpy as np
import scipy.special

from urfb_tf.errors import ArgumentError
from urfb_tf.linear import checks

_DEEPEST = 50  # layers; float64 tells 2^k - 1 from 2^k up to 53
_TERMS = np.arange(1, 60)  # of series in powers of at most 1/2


@dataclasses.dataclass(frozen=True)
class Modes:
    """The directions into which T falls apart under FRFB: T - W_2 W_1 = sum over j of phi_j T v_j v_j^t.

    Attributes:
        target: T, [n_2, n_0].
        strengths: q_j, [n_0], falling: the eigenvalues of (R_2 T)^t R_2 T. A mode of strength 0 is not learned.
        directions: v_j, the columns of [n_0, n_0], orthonormal: the eigenvectors.
    """

    target: np.ndarray
    strengths: np.ndarray
    directions: np.ndarray

    @property
    def images(self) -> np.ndarray:
        """What of T is learned with each mode, T v_j, as columns, [n_2, n_0]."""
        return self.target @ self.directions

    def shares(self, times) -> np.ndarray:
        """phi_j along `times`, [times, n_0]: the share of each mode that is left."""
        return mode_share(np.multiply.outer(checks.moments(times), mode_pace(self.strengths[None])))

    def error(self, times) -> np.ndarray:
        """e = T - W_2 W_1 along `times`, [times, n_2, n_0]."""
        return np.einsum("oj,tj,ij->toi", self.images, self.shares(times), self.directions)

    def squared_error(self, times) -> np.ndarray:
        """|e|^2 along `times`, [times]."""
        return self.shares(times) ** 2 @ np.sum(self.images**2, axis=0)


def fixed_feedback_modes(target, feedback) -> Modes:
    """The modes of a network of two layers whose weights start at zero, under FRFB with white inputs.

    Args:
        target: T, [n_2, n_0].
        feedback: R_2, [n_1, n_2], any matrix.

    Raises:
        ArgumentError: if the shapes do not chain, or a number or strength is not finite.
    """
    target, returns = checks.finite("target", target), checks.finite("feedback", feedback)
    if target.ndim != 2 or returns.ndim != 2 or returns.shape[1] != target.shape[0] or not target.size * len(returns):
        raise ArgumentError(
            "The target must be a matrix [n_2, n_0] and the feedback one [n_1, n_2], but their shapes are "
            f"{list(target.shape)} and {list(returns.shape)}."
        )
    scales = [max(np.abs(matrix).max(), np.finfo(np.float64).tiny) for matrix in (returns, target)]
    product = (returns / scales[0]) @ (target / scales[1])  # [n_1, n_0]
    _, values, rows = np.linalg.svd(product)  # full: rows [n_0, n_0]
    noise = np.finfo(np.float64).eps * max(product.shape) * np.sqrt(returns.size * target.size)
    strengths = np.zeros(target.shape[1])
    with np.errstate(over="ignore"):
        strengths[: len(values)] = (np.where(values > noise, values, 0) * scales[0] * scales[1]) ** 2
    if not np.isfinite(strengths).all():
        raise ArgumentError("The strengths of these modes leave the range of float64: take smaller matrices.")
    return Modes(target, strengths, rows.T)


def mode_pace(strengths) -> np.ndarray:
    """How far a mode goes along its curve in a unit of time: the product over i of (a_i / 2^i)^(2^(k-1-i) / (2^k - 1)).

    Args:
        strengths: a_1 .. a_{k-1}, [k - 1, ...], >= 0: the eigenvalues of (B_i T)^t B_i T with B_i = R_{i+1} .. R_k. Two
            layers have one, q. In an aligned network, a_i = (lambda_T lambda_{R,i+1} .. lambda_{R,k})^2.

    Returns:
        [...].

    Raises:
        ArgumentError: if there is no layer, there are too many, or a number is negative or not finite.
    """
    strengths = checks.not_negative("strengths", strengths)
    if strengths.ndim == 0 or len(strengths) == 0:
        raise ArgumentError("strengths needs one entry for each of the layers 1 to k - 1, and k >= 2.")
    layers = np.arange(1, len(strengths) + 1).reshape(-1, *[1] * (strengths.ndim - 1))
    powers = 2.0 ** (len(strengths) - layers) / _power(len(strengths) + 1)
    return np.prod((strengths / 2.0**layers) ** powers, axis=0)


def mode_share(clock, depth: int = 2) -> np.ndarray:
    """The share phi of a mode's error that is left: phi = 1 - u^p with du/ds = phi, u(0) = 0 and p = 2^k - 1.

    The deeper, the more digits of phi hang on the last digit of the clock: about 12 are right in two layers, 7 in 30.

    Args:
        clock: s >= 0, [...]: the time, multiplied by the mode's pace.
        depth: k, from 2 to 50.

    Returns:
        phi, in [0, 1], [...].

    Raises:
        ArgumentError: if a number is negative or not finite, or the depth is no whole number from 2 to 50.
    """
    power = _power(depth)
    clock = np.minimum(checks.not_negative("clock", clock), 1000)  # long after nothing is left, at any depth
    # With u = 1 - exp(-z), s(z) rises and is concave, and z = s is left of the root: Newton's steps rise to it.
    z = clock
    for _ in range(100):
        ratio = _ratio(z, power)
        step = (clock - _clock(z, np.log(ratio) - z, power)) * ratio
        z = z + step
        if (np.abs(step) <= 4 * np.finfo(np.float64).eps * z).all():
            break
    return _ratio(z, power) * np.exp(-z)


def mode_clock(share, depth: int = 2) -> np.ndarray:
    """`mode_share` read the other way: the time, multiplied by the mode's pace, after which a share is left.

    For two layers it is log((1 + u + u^2) / (1 - u)^2) / 6 + arctan(sqrt(3) u / (2 + u)) / sqrt(3) with phi = 1 - u^3.

    Args:
        share: phi in (0, 1], [...].
        depth: k, from 2 to 50.

    Raises:
        ArgumentError: if a share is not in (0, 1], or the depth is no whole number from 2 to 50.
    """
    share, power = checks.positive("share", share), _power(depth)
    if (share > 1).any():
        raise ArgumentError(f"A share is at most 1, but got {share.max():g}.")
    with np.errstate(divide="ignore"):
        z = -np.log(-np.expm1(np.log1p(-share) / power))  # 1 - u = 1 - (1 - phi)^(1/p)
    return _clock(z, np.log(share), power)


def _power(depth: int) -> float:
    """p = 2^k - 1."""
    if checks.whole("The depth", depth, 2) > _DEEPEST:
        raise ArgumentError(f"The curve is known to float64 for up to {_DEEPEST} layers, but these are {depth}.")
    return 2.0**depth - 1


def _ratio(z: np.ndarray, power: float) -> np.ndarray:
    """phi / (1 - u) = 1 + u + .. + u^(p-1) at u = 1 - exp(-z): from 1 to p."""
    left = np.exp(-z)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(left > 0, -np.expm1(power * np.log1p(-left)) / left, power)


def _clock(z: np.ndarray, log_share: np.ndarray, power: float) -> np.ndarray:
    """The integral of 1 / (1 - x^p) from 0 to u = 1 - exp(-z), where the logarithm of phi = 1 - u^p is known too."""
    share = np.exp(log_share)
    terms = _TERMS.reshape(-1, *[1] * np.ndim(share))
    # While less than half is learned, the geometric series in u^p; later, one in phi around the logarithm.
    early = -np.expm1(-z) * (1 + np.sum((1 - np.maximum(share, 0.5)) ** terms / (terms * power + 1), axis=0))
    coefficients = np.cumprod((_TERMS - 1 / power) / _TERMS).reshape(terms.shape) / terms
    series = np.sum(coefficients * np.minimum(share, 0.5) ** terms, axis=0)
    constant = -scipy.special.digamma(1 / power) - np.euler_gamma
    return np.where(share > 0.5, early, (constant - log_share - series) / power)
