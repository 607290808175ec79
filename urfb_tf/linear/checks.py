"""What the functions of the linear theory accept; everything else is refused in one sentence."""

from collections.abc import Sequence

import numpy as np

from urfb_tf.errors import ArgumentError, is_whole


def finite(name: str, value) -> np.ndarray:
    """`value`, real, as an array of finite float64 numbers."""
    try:
        array = np.asarray(value)
        array = array if np.iscomplexobj(array) else np.asarray(array, np.float64)
    except (TypeError, ValueError) as problem:
        raise ArgumentError(f"{name} must be numbers in a regular array, but got {value!r}.") from problem
    if np.iscomplexobj(array):
        raise ArgumentError(f"{name} must be real, but got complex numbers.")
    if not np.isfinite(array).all():
        raise ArgumentError(f"{name} must be finite, but contains infinities or NaN.")
    return array


def floats(*values) -> tuple[np.ndarray, ...]:
    """Numbers or lists of them as float64 arrays, without a check."""
    return tuple(np.asarray(value, np.float64) for value in values)


def positive(name: str, value) -> np.ndarray:
    """`value` as an array of finite numbers > 0."""
    array = finite(name, value)
    if not (array > 0).all():
        raise ArgumentError(f"{name} must be > 0, but got {array.min():g}.")
    return array


def not_negative(name: str, value) -> np.ndarray:
    """`value` as an array of finite numbers >= 0."""
    array = finite(name, value)
    if not (array >= 0).all():
        raise ArgumentError(f"{name} must be >= 0, but got {array.min():g}.")
    return array


def number(name: str, array: np.ndarray) -> float:
    """What another check has passed, as one number."""
    if array.ndim:
        raise ArgumentError(f"{name} must be one number, but got an array of shape {list(array.shape)}.")
    return float(array)


def whole(name: str, value, least: int) -> int:
    """`value` as a whole number that is at least `least`."""
    if not is_whole(value, least):
        raise ArgumentError(f"{name} must be a whole number >= {least}, but got {value!r}.")
    return int(value)


def moments(times) -> np.ndarray:
    """Times at which a solution is wanted: a rising sequence of numbers >= 0, [times]."""
    array = not_negative("times", times)
    if array.ndim != 1 or array.size == 0 or not (np.diff(array) > 0).all() or array[-1] == 0:
        raise ArgumentError("times must be one rising sequence of numbers >= 0 that ends after 0.")
    return array


def chain(target, weights: Sequence, feedback: Sequence) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """T, W_1 .. W_k and R_2 .. R_k as arrays, once their shapes are known to fit.

    Args:
        target: T, [..., n_k, n_0].
        weights: W_i, [..., n_i, n_{i-1}], i = 1..k, k >= 2. Leading dimensions count networks.
        feedback: R_i, [..., n_{i-1}, n_i], i = 2..k.
    """
    target = finite("target", target)
    matrices = [finite(f"W_{i}", w) for i, w in enumerate(listed("weights", weights), 1)]
    returns = [finite(f"R_{i}", r) for i, r in enumerate(listed("feedback", feedback), 2)]
    if len(matrices) < 2:
        raise ArgumentError(f"A network with feedback has a depth of at least 2, but got {len(matrices)} weights.")
    matched(matrices, returns)
    _check_shapes(target, matrices, returns)
    return target, matrices, returns


def matched(matrices: list, returns: list) -> None:
    """Refuse other than one R for each W but the lowest."""
    if len(returns) != len(matrices) - 1:
        raise ArgumentError(
            f"{len(matrices)} weights W_1 .. W_{len(matrices)} need {len(matrices) - 1} feedback weights "
            f"R_2 .. R_{len(matrices)}, but got {len(returns)}."
        )


def networks(matrices: Sequence[np.ndarray], *others: tuple[int, ...]) -> tuple[int, ...]:
    """To what the leading dimensions of matrices, which count networks, broadcast, together with other shapes."""
    return _broadcast("The leading dimensions, which count networks,", *(m.shape[:-2] for m in matrices), *others)


def _broadcast(what: str, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError as problem:
        raise ArgumentError(f"{what} do not broadcast: {', '.join(map(str, shapes))}.") from problem


def _check_shapes(target: np.ndarray, matrices: list[np.ndarray], returns: list[np.ndarray]) -> None:
    if any(matrix.ndim < 2 for matrix in (target, *matrices, *returns)):
        raise ArgumentError("The target and all weights must be matrices.")
    networks([target, *matrices, *returns])
    widths = [matrices[0].shape[-1], *(w.shape[-2] for w in matrices)]  # n_0 .. n_k
    for i, matrix in enumerate(matrices, 1):
        _fits(f"W_{i}", matrix, (widths[i], widths[i - 1]))
    for i, matrix in enumerate(returns, 2):
        _fits(f"R_{i}", matrix, (widths[i - 1], widths[i]))
    _fits("target", target, (widths[-1], widths[0]))


def mapped(target, weights: Sequence) -> tuple[np.ndarray, list[np.ndarray]]:
    """T and W_1 .. W_k as arrays, k >= 1, once their shapes are known to fit; as in `chain`, without feedback."""
    target = finite("target", target)
    matrices = [finite(f"W_{i}", w) for i, w in enumerate(listed("weights", weights), 1)]
    if not matrices:
        raise ArgumentError("A network has at least one matrix of weights.")
    _check_shapes(target, matrices, [])
    return target, matrices


def depths(lambdas: np.ndarray, lambda_r: np.ndarray) -> np.ndarray:
    """Refuse other than lambda_1 .. lambda_k with lambda_{R,2} .. lambda_{R,k} or one number for these, k >= 2.

    Returns:
        `lambda_r`; if it is [k - 1] and the lambdas have further dimensions, with as many of length 1.
    """
    found = [len(values) if values.ndim else 0 for values in (lambdas, lambda_r)]
    if found[0] < 2 or (lambda_r.ndim and found[0] != found[1] + 1):
        raise ArgumentError(f"k layers have k lambdas and k - 1 lambda_r, k >= 2, but got {found[0]} and {found[1]}.")
    return lambda_r.reshape(-1, *[1] * (lambdas.ndim - 1)) if lambda_r.ndim == 1 else lambda_r


def listed(name: str, values) -> list:
    """`values` as a list."""
    try:
        return list(values)
    except TypeError as problem:
        raise ArgumentError(f"{name} is a list, but got {values!r}.") from problem


def layers(lambda_r, *others) -> tuple[np.ndarray, ...]:
    """lambda_R of layers 2..k and other numbers, broadcast against each other.

    Args:
        lambda_r: [k - 1, ...], all > 0.
        *others: arrays of the shape of what follows the first dimension of `lambda_r`, or to be broadcast with it.

    Returns:
        `lambda_r`, [k - 1, *shape], and each of `others`, [*shape].
    """
    values = positive("lambda_r", lambda_r)
    if values.ndim == 0 or len(values) == 0:
        raise ArgumentError("lambda_r needs one entry for each of the layers 2 to k, and k >= 2.")
    shape = _broadcast("These shapes", values.shape[1:], *(np.shape(other) for other in others))
    spread = np.stack([np.broadcast_to(value, shape) for value in values])  # [k - 1, *shape]
    return spread, *(np.broadcast_to(other, shape) for other in others)


def _fits(name: str, matrix: np.ndarray, expected: tuple[int, int]) -> None:
    if matrix.shape[-2:] != expected:
        raise ArgumentError(
            f"The shapes do not chain: {name} must be {list(expected)}, but is {list(matrix.shape[-2:])}."
        )
