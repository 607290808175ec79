"""Initial conditions under which the matrix equations decouple (sections 3.1 and 3.2)."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from urfb_tf.errors import ArgumentError
from urfb_tf.linear import checks


@dataclasses.dataclass(frozen=True)
class Frames:
    """Orthonormal columns for each layer, between which all matrices are diagonal (sections 3.1 and 3.2).

    T = U Lambda_T V^t, R_i(0) = U_i Lambda_{R,i} U_{i+1}^t and W_i = U_{i+1} Lambda_i U_i^t, with U_1 = V (which the
    paper does not say) and U_{k+1} = U.

    Attributes:
        lambda_t: the singular values of T, [m], falling; m = n_k is the number of directions.
        columns: U_1 .. U_{k+1}, [n_{i-1}, m] each.
    """

    lambda_t: np.ndarray
    columns: list[np.ndarray]

    def feedback(self, lambda_r) -> list[np.ndarray]:
        """R_i(0) = U_i Lambda_{R,i} U_{i+1}^t, i = 2..k, from `lambda_r`, [k - 1, m] or [k - 1], all > 0."""
        values, _ = checks.layers(lambda_r, self.lambda_t)
        self._for_depth("lambda_r", values, len(self.columns) - 2)
        pairs = zip(values, self.columns[1:-1], self.columns[2:], strict=True)
        return [(low * value) @ high.T for value, low, high in pairs]

    def weights(self, lambdas) -> list[np.ndarray]:
        """W_i = U_{i+1} Lambda_i U_i^t, i = 1..k, from `lambdas`, [k, m]."""
        values = checks.finite("lambdas", lambdas)
        self._for_depth("lambdas", values, len(self.columns) - 1)
        if values.shape[1:] != self.lambda_t.shape:
            raise ArgumentError(
                f"lambdas has a column for each of {len(self.lambda_t)} directions, but its shape is {values.shape}."
            )
        pairs = zip(values, self.columns[:-1], self.columns[1:], strict=True)
        return [(high * value) @ low.T for value, low, high in pairs]

    def lambdas(self, weights: Sequence) -> np.ndarray:
        """The diagonals of U_{i+1}^t W_i U_i, [..., k, m], from W_i, [..., n_i, n_{i-1}]."""
        weights = [checks.finite(f"W_{i}", w) for i, w in enumerate(checks.listed("weights", weights), 1)]
        shapes = [(len(high), len(low)) for low, high in zip(self.columns[:-1], self.columns[1:], strict=True)]
        if [w.shape[-2:] for w in weights] != shapes:
            raise ArgumentError(f"These frames are of weights {shapes}, but got {[w.shape[-2:] for w in weights]}.")
        pairs = zip(weights, self.columns[:-1], self.columns[1:], strict=True)
        return np.stack([np.einsum("ad,...ab,bd->...d", high, w, low) for w, low, high in pairs], axis=-2)

    def _for_depth(self, name: str, values: np.ndarray, rows: int) -> None:
        found = len(values) if values.ndim else 0
        if found != rows:
            raise ArgumentError(f"{name} needs {rows} rows for {len(self.columns) - 1} layers, but got {found}.")


def frames(target, hidden: Sequence[int], seed: int = 0) -> Frames:
    """Frames from the singular vectors of T and random orthonormal columns for the layers between.

    Args:
        target: T, [n_k, n_0], of rank n_k.
        hidden: n_1 .. n_{k-1}, each >= n_k.
        seed: of the random columns.

    Raises:
        ArgumentError: if T is not a matrix of rank n_k, a layer is narrower than the output, or the seed is not a whole
            number >= 0.
    """
    target = checks.finite("target", target)
    if target.ndim != 2 or target.size == 0:
        raise ArgumentError("The target must be a matrix, of one row and column at least.")
    seed = checks.whole("A seed", seed, 0)
    hidden = [checks.whole("A layer's width", width, 1) for width in checks.listed("hidden", hidden)]
    outputs = target.shape[0]
    if not hidden:
        raise ArgumentError("A network with feedback has a depth of at least 2: name the width of a layer between.")
    if min(*hidden, target.shape[1]) < outputs:
        raise ArgumentError(f"To decouple, no layer may be narrower than the output, which has {outputs} units.")
    u, values, vt = np.linalg.svd(target, full_matrices=False)  # [n_k, n_k], [n_k], [n_k, n_0]
    if values[-1] <= np.finfo(np.float64).eps * max(target.shape) * values[0]:
        raise ArgumentError(f"To decouple, the target must have rank {outputs}, but one of its singular values is 0.")
    random = np.random.default_rng(seed)
    between = [np.linalg.qr(random.normal(size=[width, outputs]))[0] for width in hidden]
    return Frames(values, [vt.T, *between, u])
