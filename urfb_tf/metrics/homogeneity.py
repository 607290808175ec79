"""How alike the filters of an untied layer are across space (section 4.1, Figure 6), and how far they have moved."""

from collections.abc import Mapping
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

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
        ArgumentError: if the layer is tied or not built, the weights have another shape, or fewer than two locations
            have whole filters.
    """
    return Homogeneity(*map(float, _means(layer, weights)))


def _means(layer: UntiedConv2D, weights=None) -> tuple[tf.Tensor, tf.Tensor]:
    """Both numbers of a `Homogeneity`, float64 []."""
    units = _units(layer, weights)  # [N, K Cin, F]
    count, _, variety = units.shape
    pairs = count * (count - 1)
    by_filter = tf.reduce_sum(units, axis=0)  # [K Cin, F]
    by_location = tf.reduce_sum(units, axis=2)  # [N, K Cin]
    # Squares of sums hold all pairs of terms; the pairs of a location with itself are taken away.
    alike = tf.reduce_sum(by_filter**2) - tf.reduce_sum(units**2)
    all_alike = tf.reduce_sum(tf.reduce_sum(by_filter, axis=1) ** 2) - tf.reduce_sum(by_location**2)
    return alike / pairs / variety, all_alike / pairs / variety**2


def whole_filters(layer: UntiedConv2D) -> np.ndarray:
    """The filters of all locations at which none of their places is outside the image, float64 [N, kh kw Cin, F]."""
    return _whole(layer).numpy()


def unit_filters(layer: UntiedConv2D, weights=None) -> np.ndarray:
    """The same of W, or of `weights` of its shape, each filter with length 1, or 0 if it is 0.

    Raises:
        ArgumentError: if fewer than two locations have whole filters, or the weights have another shape.
    """
    return _units(layer, weights).numpy()


def _whole(layer: UntiedConv2D, weights=None) -> tf.Tensor:
    if not isinstance(layer, UntiedConv2D):
        name = getattr(layer, "name", layer)
        raise ArgumentError(
            f"Filters across space are those of an UntiedConv2D, which {name!r} is not: untie it first."
        )
    layer.check_filters()
    rows = np.flatnonzero(layer.locality.whole[layer.locality.pairs.location])
    weights = tf.convert_to_tensor(layer.kernel.value if weights is None else weights)  # [S, Cin, F]
    _check_like_kernel(layer, weights)
    length = int(np.prod(layer.kernel_size)) * weights.shape[1]
    return tf.cast(tf.reshape(tf.gather(weights, rows), [-1, length, layer.filters]), tf.float64)


def _check_like_kernel(layer: UntiedConv2D, weights: tf.Tensor) -> None:
    if weights.shape != layer.kernel.shape:
        raise ArgumentError(
            f"'{layer.name}' has weights of the shape {tuple(layer.kernel.shape)}, but got {tuple(weights.shape)}."
        )


def _units(layer: UntiedConv2D, weights=None) -> tf.Tensor:
    filters = _whole(layer, weights)  # [N, K Cin, F]
    if filters.shape[0] < 2:
        raise ArgumentError(f"'{layer.name}' has fewer than two locations whose filters lie inside the image.")
    return tf.math.divide_no_nan(filters, tf.norm(filters, axis=1, keepdims=True))


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
        return {
            kind: {name: round(float(value), 5) for name, value in by_layer.items()}
            for kind, by_layer in self.tensors(model).items()
        }

    def tensors(self, model: keras.Model) -> dict[str, dict[str, tf.Tensor]]:
        """The same as float64 scalars: what a compiled function can return."""
        found: dict[str, dict[str, tf.Tensor]] = {}
        for name, layer in feedback_layers_by_key(model).items():
            if not isinstance(layer, UntiedConv2D) or layer.locality.whole.sum() < 2:
                continue
            values = _named("homogeneity", _means(layer))
            if name in self.starts:
                kernel = layer.kernel.value
                start = tf.cast(self.starts[name], kernel.dtype)
                _check_like_kernel(layer, start)
                change = kernel - start
                values["change"] = _length(change) / _length(start)
                values |= _named("change_homogeneity", _means(layer, change))
            for kind, value in values.items():
                found.setdefault(kind, {})[name] = value
        return found


def _named(name: str, means: tuple[tf.Tensor, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {name: means[0], f"{name}_shuffled": means[1]}


def _length(weights: tf.Tensor) -> tf.Tensor:
    return tf.norm(tf.cast(weights, tf.float64))
