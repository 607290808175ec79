"""Two layers under fixed feedback that start from zero: solved for all matrices, aligned or not (the book's own).

Each mode's error goes along one curve, at a pace that its strength sets. Nothing is integrated.
"""

import dataclasses

import numpy as np

from urfb_tf.errors import ArgumentError
from urfb_tf.linear import checks

_ROOT3 = np.sqrt(3.0)


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

    def error(self, times) -> np.ndarray:
        """e = T - W_2 W_1 along `times`, [times, n_2, n_0]."""
        share = mode_error(self.strengths, checks.moments(times)[:, None])  # [times, n_0]
        return np.einsum("oj,tj,ij->toi", self.images, share, self.directions)

    def squared_error(self, times) -> np.ndarray:
        """|e|^2 along `times`, [times]."""
        share = mode_error(self.strengths, checks.moments(times)[:, None])  # [times, n_0]
        return share**2 @ np.sum(self.images**2, axis=0)


def fixed_feedback_modes(target, feedback) -> Modes:
    """The modes of a network of two layers whose weights start at zero, under FRFB with white inputs.

    Args:
        target: T, [n_2, n_0].
        feedback: R_2, [n_1, n_2], any matrix.

    Raises:
        ArgumentError: if the shapes do not chain or a number is not finite.
    """
    target, returns = checks.finite("target", target), checks.finite("feedback", feedback)
    if target.ndim != 2 or returns.ndim != 2 or returns.shape[1] != target.shape[0] or not target.size * len(returns):
        raise ArgumentError(
            "The target must be a matrix [n_2, n_0] and the feedback one [n_1, n_2], but their shapes are "
            f"{list(target.shape)} and {list(returns.shape)}."
        )
    product = returns @ target  # [n_1, n_0]
    _, values, rows = np.linalg.svd(product)  # full: rows [n_0, n_0]
    noise = np.finfo(np.float64).eps * max(product.shape) * np.linalg.norm(returns, 2) * np.linalg.norm(target, 2)
    strengths = np.zeros(target.shape[1])
    strengths[: len(values)] = np.where(values > noise, values, 0) ** 2
    return Modes(target, strengths, rows.T)


def mode_error(strength, time) -> np.ndarray:
    """The share phi of a mode's error that is left: phi = 1 - q F^3 / 2 with dF/dt = phi, F(0) = 0.

    Args:
        strength: q >= 0, [...].
        time: t >= 0, [...], to be broadcast with q.

    Returns:
        phi, in (0, 1], [...].

    Raises:
        ArgumentError: if a number is negative or not finite.
    """
    strength, time = checks.not_negative("strength", strength), checks.not_negative("time", time)
    pace = time * np.cbrt(strength / 2)  # s, [...]
    # With u = 1 - exp(-z), phi = 1 - u^3. The clock s(z) rises and is concave, and z = s is left of the root, so that
    # Newton's steps rise to it.
    z = pace
    for _ in range(50):
        step = (pace - _clock(z)) * _ratio(z)
        z = z + step
        if (np.abs(step) <= 4 * np.finfo(np.float64).eps * z).all():
            break
    return np.exp(-z) * _ratio(z)


def mode_time(strength, share) -> np.ndarray:
    """The time after which a share of a mode's error is left, in closed form: `mode_error` read the other way.

    Args:
        strength: q > 0, [...].
        share: phi in (0, 1], [...], to be broadcast with q.

    Raises:
        ArgumentError: if a number is out of its range.
    """
    strength, share = checks.positive("strength", strength), checks.positive("share", share)
    if (share > 1).any():
        raise ArgumentError(f"A share is at most 1, but got {share.max():g}.")
    u = np.cbrt(1 - share)
    return _clock(np.log(1 + u + u * u) - np.log(share)) / np.cbrt(strength / 2)


def _ratio(z) -> np.ndarray:
    """1 + u + u^2 with u = 1 - exp(-z), between 1 and 3."""
    u = -np.expm1(-z)
    return 1 + u + u * u


def _clock(z) -> np.ndarray:
    """The integral of 1 / (1 - u^3) from 0 to u = 1 - exp(-z)."""
    u = -np.expm1(-z)
    # arctan((2u + 1) / sqrt 3) - arctan(1 / sqrt 3) as one angle, which keeps its digits near u = 0
    return np.log(_ratio(z)) / 6 + z / 3 + np.arctan2(_ROOT3 * u, 2 + u) / _ROOT3
