"""How alike untied filters are to their neighbours, against the same taken pair by pair."""

import numpy as np
import pytest

import urfb_tf
from urfb_tf import metrics
from urfb_tf.errors import ArgumentError


def untied(size, padding="same", kernel=3, strides=1):
    layer = urfb_tf.UntiedConv2D(4, kernel, strides, padding, seed=1, name="untied")
    layer.build((None, *size, 2))
    return layer


def one_by_one(layer):
    """The mean cosine, location by location, filter by filter, from the filters as a convolution has them."""
    height, width = layer.locality.output_size
    found = np.full((height, width), np.nan)
    filters = np.array([[layer.filters_at(r, c) for c in range(width)] for r in range(height)], np.float64)
    whole = ~np.isnan(filters).any(axis=(2, 3, 4, 5))
    for row, column in zip(*np.nonzero(whole), strict=True):
        cosines = []
        for r, c in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            if 0 <= r < height and 0 <= c < width and whole[r, c]:
                for f in range(4):
                    a, b = filters[row, column, ..., f].ravel(), filters[r, c, ..., f].ravel()
                    cosines.append(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
        found[row, column] = np.mean(cosines)
    return found


@pytest.mark.parametrize(
    "layer",
    [untied((6, 5)), untied((6, 5), "valid"), untied((9, 8), strides=2), untied((4, 7), kernel=(2, 3)), untied((3, 4))],
)
def test_it_is_the_mean_cosine_pair_by_pair(layer):
    np.testing.assert_allclose(metrics.neighbour_similarity(layer), one_by_one(layer), rtol=0, atol=1e-12)


def test_copies_are_alike_and_opposites_are_not():
    layer = untied((5, 5), "valid")
    one = np.random.default_rng(0).normal(size=[9, 2, 4])
    copies = one[layer.locality.pairs.offset]
    np.testing.assert_allclose(metrics.neighbour_similarity(layer, copies), 1, rtol=1e-12)
    location = layer.locality.pairs.location  # a chessboard of filters and their negatives: all neighbours differ
    signs = np.where((location // 3 + location % 3) % 2 == 0, 1, -1)
    np.testing.assert_allclose(metrics.neighbour_similarity(layer, signs[:, None, None] * copies), -1, rtol=1e-12)


def test_of_two_locations_it_is_the_homogeneity():
    layer = untied((3, 4), "valid")
    expected = metrics.homogeneity(layer).similarity
    np.testing.assert_allclose(metrics.neighbour_similarity(layer), [[expected, expected]], rtol=1e-12)


def test_filters_of_zeros_resemble_nothing():
    layer = untied((5, 5), "valid")
    np.testing.assert_array_equal(metrics.neighbour_similarity(layer, np.zeros(layer.kernel.shape)), 0)


def test_a_layer_with_one_whole_location_is_refused():
    with pytest.raises(ArgumentError, match="'untied' has fewer than two locations whose filters lie inside the image"):
        metrics.neighbour_similarity(untied((3, 3)))
