"""What a little of URFB adds to FRFB in two layers that start from zero: derivatives by epsilon at 0 (the book's own).

In the modes of FRFB, with C_ij = (T v_i) . (T v_j), the error T f has f = diag(phi) - epsilon H * C + O(epsilon^2),
entry by entry, and H_ij depends on the strengths of modes i and j alone.
"""

import numpy as np

from urfb_tf.linear import checks
from urfb_tf.linear.fixed_feedback import Modes
from urfb_tf.linear.solver import solve


def mode_response(strengths, times) -> np.ndarray:
    """H_ij along time: how much further f_ij has fallen, per epsilon C_ij.

    With F_j' = phi_j and n_j = F_j^2 / 2, and a, c for the first-order changes of W_1 and W_2 per C_ij,

        H_ij = c_ij q_j F_j + n_i q_i a_ij,  a_ij' = n_i phi_j - H_ij,  c_ij' = phi_i a_ji - H_ij F_j.

    Args:
        strengths: q, [m], >= 0.
        times: [times], rising, >= 0.

    Returns:
        [times, m, m].

    Raises:
        ArgumentError: if a number is not finite, a strength is negative or the times do not rise.
    """
    q, times = np.atleast_1d(checks.not_negative("strengths", strengths)), checks.moments(times)
    count = len(q)

    def parts(state: np.ndarray) -> tuple[np.ndarray, ...]:
        below, changes = state[..., :count], state[..., count:].reshape(*state.shape[:-1], 2, count, count)
        a, c = changes[..., 0, :, :], changes[..., 1, :, :]
        above = below**2 / 2
        fall = c * (q * below)[..., None, :] + (q * above)[..., :, None] * a  # [..., m, m]
        return below, above, a, fall

    def derivative(state: np.ndarray) -> np.ndarray:
        below, above, a, fall = parts(state)
        left = 1 - q * below**3 / 2
        da = np.outer(above, left) - fall
        dc = left[:, None] * a.T - fall * below
        return np.concatenate([left, da.ravel(), dc.ravel()])

    return parts(solve(derivative, np.zeros(count + 2 * count * count), times))[-1]


def error_slope(modes: Modes, times) -> np.ndarray:
    """The derivative of |e|^2 by epsilon at epsilon = 0, along `times`: -2 sum over i, j of C_ij^2 phi_i H_ji, [times].

    Args:
        modes: of `fixed_feedback_modes`.
        times: as in `mode_response`.
    """
    common = modes.images.T @ modes.images  # C, [n_0, n_0]
    return -2 * np.einsum("ij,ti,tji->t", common**2, modes.shares(times), mode_response(modes.strengths, times))
