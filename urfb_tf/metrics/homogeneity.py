"""How alike the filters of an untied layer are across space (section 4.1, Figure 6), and how far they have moved."""

from collections.abc import Mapping
from typing import NamedTuple

import keras
import numpy as np

from urfb_tf.errors import ArgumentError
from urfb_tf.layers import UntiedConv2D
from urfb_tf.layers.walk import feedback_layers_by_key


class Homogeneity(NamedTuple):
    """Mean cosines between filters at different locations.

    Attributes:
        similarity: of corresponding filters. 1 where weights are tied; about 0 for independent random ones.
        shuffled: the same once the filters of each location have traded places at random: what is left is what all
            filters have in common. The exact mean over all such shuffles, not a draw.
    """

    similarity: float
    shuffled: float


def homogeneity(layer: UntiedConv2D, weights=None) -> Homogeneity:
    """How alike corresponding filters are (section 4.1), over all pairs of locations with filters inside the image.

    Args:
        layer: a built untied layer.
        weights: anything of W's shape [S, Cin, filters], such as R, or W's change. None means W.

    Raises:
        ArgumentError: if fewer than two locations have whole filters.
    """
    units = unit_filters(layer, weights)  # [N, K Cin, F]
    count, _, variety = units.shape
    pairs = count * (count - 1)
    by_filter = units.sum(axis=0)  # [K Cin, F]
    by_location = units.sum(axis=2)  # [N, K Cin]
    # Squares of sums hold all pairs of terms; the pairs of a location with itself are taken away.
    alike = (by_filter**2).sum() - (units**2).sum()
    all_alike = (by_filter.sum(axis=1) ** 2).sum() - (by_location**2).sum()
    return Homogeneity(float(alike / pairs / variety), float(all_alike / pairs / variety**2))


def whole_filters(layer: UntiedConv2D, weights=None) -> np.ndarray:
    """The filters of all locations at which none of their places is outside the image, float64 [N, kh kw Cin, F]."""
    whole = layer.locality.whole[layer.locality.pairs.location]
    weights = keras.ops.convert_to_numpy(layer.kernel if weights is None else weights)[whole]
    length = np.prod(layer.kernel_size) * weights.shape[1]
    return weights.reshape(-1, length, layer.filters).astype(np.float64)


def unit_filters(layer: UntiedConv2D, weights=None) -> np.ndarray:
    """The same, each filter with length 1, or 0 if it is 0.

    Raises:
        ArgumentError: if fewer than two locations have whole filters.
    """
    filters = whole_filters(layer, weights)  # [N, K Cin, F]
    if len(filters) < 2:
        raise ArgumentError(f"'{layer.name}' has fewer than two locations whose filters lie inside the image.")
    lengths = np.linalg.norm(filters, axis=1, keepdims=True)
    return np.divide(filters, lengths, out=np.zeros_like(filters), where=lengths > 0)


class HomogeneityProbe:
    """The homogeneity of each untied layer, as a probe for `urfb_tf.train`.

    Args:
        starts: W as it was when the layer was untied, [S, Cin, filters], by layer name. Of these layers the change
            since then is measured too: filters that have not moved are alike without having learned to be.
    """

    def __init__(self, starts: Mapping[str, np.ndarray] | None = None):
        self.starts = dict(starts or {})

    def __call__(self, model: keras.Model) -> dict:
        """`homogeneity` and `homogeneity_shuffled` of W, `change`, the length of W's change in units of its start's,
        and `change_homogeneity` and `change_homogeneity_shuffled`, each by layer name. Layers with fewer than two whole
        filters are left out.
        """
        found: dict[str, dict[str, float]] = {}
        for name, layer in feedback_layers_by_key(model).items():
            if not isinstance(layer, UntiedConv2D) or layer.locality.whole.sum() < 2:
                continue
            kernel = keras.ops.convert_to_numpy(layer.kernel)
            values = _named("homogeneity", homogeneity(layer, kernel))
            if name in self.starts:
                start = self.starts[name]
                values["change"] = float(np.linalg.norm(kernel - start) / np.linalg.norm(start))
                values |= _named("change_homogeneity", homogeneity(layer, kernel - start))
            for kind, value in values.items():
                found.setdefault(kind, {})[name] = round(value, 5)
        return found


def _named(name: str, value: Homogeneity) -> dict[str, float]:
    return {name: value.similarity, f"{name}_shuffled": value.shuffled}
