"""How alike the filters of an untied layer are to those one step away, location by location."""

import numpy as np

from urfb_tf.layers import UntiedConv2D
from urfb_tf.metrics.homogeneity import unit_filters

_STEPS = ((-1, 0), (1, 0), (0, -1), (0, 1))  # up, down, left, right


def neighbour_similarity(layer: UntiedConv2D, weights=None) -> np.ndarray:
    """The mean cosine between corresponding filters of each location and of its neighbours up, down, left and right.

    `urfb_tf.metrics.homogeneity` takes the mean over all pairs of locations; this keeps to pairs of neighbours, and
    tells where filters are alike. Neighbours whose filters are cut off by the border of the image do not count.

    Args:
        layer: a built untied layer.
        weights: anything of W's shape [S, Cin, filters], such as W as it was before. None means W.

    Returns:
        [H', W'], with NaN where the location's filters do not lie inside the image.

    Raises:
        ArgumentError: if the layer is tied or not built, or fewer than two locations have whole filters.
    """
    filters = unit_filters(layer, weights)  # [N, K Cin, F]
    size, whole = layer.locality.output_size, layer.locality.whole.reshape(layer.locality.output_size)
    units = np.zeros((*size, *filters.shape[1:]))  # [H', W', K Cin, F]
    units[whole] = filters
    total, count = np.zeros(size), np.zeros(size)
    rows, columns = np.nonzero(whole)
    for down, right in _STEPS:
        beside = np.array([rows + down, columns + right])  # [2, N]
        inside = np.all((beside >= 0) & (beside < np.array(size)[:, None]), axis=0)  # [N]
        rest = np.flatnonzero(inside)
        rest = rest[whole[tuple(beside[:, rest])]]
        here, there = (rows[rest], columns[rest]), tuple(beside[:, rest])
        total[here] += (units[here] * units[there]).sum(axis=1).mean(axis=1)
        count[here] += 1
    return np.divide(total, count, out=np.full(size, np.nan), where=count > 0)
