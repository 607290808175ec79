"""The matrix differential equations (10), (11), (12) and (15), for any depth."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from urfb_tf.errors import ArgumentError, one_of
from urfb_tf.linear import checks
from urfb_tf.linear.increments import carried_down, error, responses
from urfb_tf.linear.solver import solve

FORMS = ("reduced", "joint", "printed")


@dataclasses.dataclass(frozen=True)
class Flow:
    """The weights of a linear network along time.

    Attributes:
        times: [times].
        weights: W_i, [times, n_i, n_{i-1}], i = 1..k.
        feedback: R_i, [times, n_{i-1}, n_i], i = 2..k.
        error: e = T - W_k .. W_1, [times, n_k, n_0].
    """

    times: np.ndarray
    weights: list[np.ndarray]
    feedback: list[np.ndarray]
    error: np.ndarray

    @property
    def squared_error(self) -> np.ndarray:
        """|e|^2, [times]."""
        return np.sum(self.error**2, axis=(-1, -2))


def flow(target, weights: Sequence, feedback: Sequence, epsilon: float, times, form: str = "reduced") -> Flow:
    """Weights that learn under URFB, along time: equations (10), (11), (12) and (15).

    Equation (15) is any depth, (11) and (12) are k = 2, and (10) is R(0) = W(0)^t with epsilon = 1.

    R_i receives epsilon times the increments of W_i^t, so R_i - epsilon W_i^t never changes and R need not be a state
    of its own: R_i = R_i(0) + epsilon (W_i - W_i(0))^t. The paper's (15) leaves out W_i(0)^t, which is right only if
    all weights start at zero; from R(0) = W(0)^t with epsilon = 1 it has R = 2 W(0)^t at t = 0, not back-propagation.

    Args:
        target: T, [n_k, n_0].
        weights: W_i(0), [n_i, n_{i-1}], i = 1..k, k >= 2.
        feedback: R_i(0), [n_{i-1}, n_i], i = 2..k.
        epsilon: the ratio of R's increments to W's, >= 0: 0 is FRFB, 1 is URFB. With R_i(0) = W_i(0)^t, 1 is
            back-propagation.
        times: when to look, [times], rising; the start is at 0.
        form: "reduced" as above; "joint" integrates R as a state of its own, equation (11) at any depth; "printed" has
            R = R(0) + epsilon W^t, the paper's (15) to the letter.

    Raises:
        ArgumentError: if the shapes do not chain, a number is not finite, epsilon < 0, k < 2, the times do not rise, or
            the solution is too large, or too fast, to be followed.
    """
    target, start, returns = checks.chain(target, weights, feedback)
    if any(matrix.ndim != 2 for matrix in (target, *start, *returns)):
        raise ArgumentError(
            "A flow takes one network; for many at once use `descend`, or `integrate` if they decouple."
        )
    rate = checks.number("epsilon", checks.not_negative("epsilon", epsilon))
    times = checks.moments(times)
    if form not in FORMS:
        raise ArgumentError(one_of("form", form, FORMS))
    offset = [r if form == "printed" else r - rate * w.T for r, w in zip(returns, start[1:], strict=True)]
    states = [*start, *returns] if form == "joint" else start
    shapes = [matrix.shape for matrix in states]
    depth = len(start)

    def learned(matrices: list[np.ndarray]) -> list[np.ndarray]:
        """R_2 .. R_k as the state implies them."""
        if form == "joint":
            return matrices[depth:]
        return [o + rate * np.swapaxes(w, -1, -2) for o, w in zip(offset, matrices[1:], strict=True)]

    def derivative(state: np.ndarray) -> np.ndarray:
        matrices = _unpack(state, shapes)
        said = responses(matrices[:depth])
        change = carried_down(target - said[-1], said, learned(matrices))  # `increments`, without its checks
        if form == "joint":
            change += [rate * w.T for w in change[1:]]
        return _pack(change)

    found = _unpack(solve(derivative, _pack(states), times), shapes)
    return Flow(times, found[:depth], learned(found), error(target, found[:depth]))


def _pack(matrices: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([matrix.ravel() for matrix in matrices])


def _unpack(state: np.ndarray, shapes: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
    """Matrices [..., rows, columns] from states [..., entries]."""
    ends = np.cumsum([rows * columns for rows, columns in shapes])
    parts = np.split(state, ends[:-1], axis=-1)
    return [part.reshape(*state.shape[:-1], *shape) for part, shape in zip(parts, shapes, strict=True)]
