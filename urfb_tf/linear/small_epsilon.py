"""What a little of URFB adds to FRFB in two layers that start from zero: derivatives by epsilon at 0 (the book's own).

In the modes of FRFB, with c_ij = (T v_i) . (T v_j), the error T f has f_ij = delta_ij phi_i - epsilon h_ij c_ij up to
O(epsilon^2), and h_ij depends on the strengths of modes i and j alone. The book proves that it is positive at every
t > 0 unless both are 0 ("Is fixed feedback ever ahead?").
"""

import numpy as np

from urfb_tf.errors import ArgumentError
from urfb_tf.linear import checks
from urfb_tf.linear.fixed_feedback import Modes
from urfb_tf.linear.solver import solve


def mode_response(strengths, times) -> np.ndarray:
    """h_ij along time: how much further f_ij has fallen, per epsilon c_ij.

    With g_j' = phi_j, n_j = g_j^2 / 2, and x, y for the first-order changes of omega_1 and omega_2 per epsilon c_ij,

        h_ij = y_ij q_j g_j + n_i q_i x_ij,  x_ij' = n_i phi_j - h_ij,  y_ij' = phi_i x_ji - h_ij g_j.

    Args:
        strengths: q, [m], >= 0.
        times: [times], rising, >= 0.

    Returns:
        [times, m, m].

    Raises:
        ArgumentError: if a number is not finite, strengths are negative or no sequence, or the times do not rise.
    """
    q, times = checks.not_negative("strengths", strengths), checks.moments(times)
    if q.ndim != 1:
        raise ArgumentError("strengths must be one sequence, [m].")
    count = len(q)

    def parts(state: np.ndarray) -> tuple[np.ndarray, ...]:
        g, changes = state[..., :count], state[..., count:].reshape(*state.shape[:-1], 2, count, count)
        x, y = changes[..., 0, :, :], changes[..., 1, :, :]
        n = g**2 / 2
        return g, n, x, y * (q * g)[..., None, :] + (q * n)[..., :, None] * x  # the last is h, [..., m, m]

    def derivative(state: np.ndarray) -> np.ndarray:
        g, n, x, h = parts(state)
        phi = 1 - q * g**3 / 2
        return np.concatenate([phi, (np.outer(n, phi) - h).ravel(), (phi[:, None] * x.T - h * g).ravel()])

    return parts(solve(derivative, np.zeros(count + 2 * count * count), times))[-1]


def error_slope(modes: Modes, times) -> np.ndarray:
    """The derivative of |e|^2 by epsilon at epsilon = 0, along `times`: -2 sum over i, j of c_ij^2 phi_i h_ji, [times].

    Args:
        modes: of `fixed_feedback_modes`.
        times: as in `mode_response`.
    """
    common = modes.images.T @ modes.images  # c, [n_0, n_0]
    return -2 * np.einsum("ij,ti,tji->t", common**2, modes.shares(times), mode_response(modes.strengths, times))
