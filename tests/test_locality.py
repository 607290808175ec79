"""Which connections a convolution implies: against the convolution of TensorFlow itself, and by hand."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given
from hypothesis import strategies as st

from urfb_tf.errors import ArgumentError
from urfb_tf.layers import FeedbackConv2D
from urfb_tf.layers.untied import Locality
from urfb_tf.networks import simpnet


@st.composite
def localities(draw):
    padding = draw(st.sampled_from(["same", "valid"]))
    kernel_size = draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    strides = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    least = kernel_size if padding == "valid" else (1, 1)
    size = (draw(st.integers(least[0], 9)), draw(st.integers(least[1], 9)))
    return Locality(size, kernel_size, strides, padding)


def pixels_by_tensorflow(locality):
    """The pixel under each place of each window, int [P, K], -1 outside: what filters of a single 1 see of an image
    whose pixels hold their own numbers, from 1."""
    height, width = locality.size
    image = np.arange(1, height * width + 1, dtype=np.float64).reshape(1, height, width, 1)
    places = locality.kernel_size[0] * locality.kernel_size[1]
    filters = np.eye(places).reshape(*locality.kernel_size, 1, places)
    seen = tf.nn.conv2d(image, filters, locality.strides, locality.padding.upper())  # [1, H', W', K]
    assert seen.shape[1:3] == locality.output_size
    return seen.numpy().reshape(-1, places).astype(int) - 1


def pixels_by_hand(locality):
    """The same from the definition: windows over an image with a border, the odd pixel of which comes last."""
    numbers = np.arange(locality.size[0] * locality.size[1]).reshape(locality.size)
    border = [(0, 0), (0, 0)]
    if locality.padding == "same":
        for axis, (size, kernel, stride) in enumerate(
            zip(locality.size, locality.kernel_size, locality.strides, strict=True)
        ):
            missing = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            border[axis] = (missing // 2, missing - missing // 2)
    numbers = np.pad(numbers, border, constant_values=-1)
    (kh, kw), (down, right) = locality.kernel_size, locality.strides
    return np.array(
        [
            numbers[row : row + kh, column : column + kw].ravel()
            for row in range(0, numbers.shape[0] - kh + 1, down)
            for column in range(0, numbers.shape[1] - kw + 1, right)
        ]
    )


@given(localities())
@example(Locality((2, 3), (5, 6), (1, 1), "same"))  # filters larger than the image
@example(Locality((7, 8), (2, 1), (3, 4), "same"))  # strides longer than the filters
@example(Locality((7, 8), (2, 1), (5, 2), "valid"))
@example(Locality((6, 5), (4, 2), (1, 2), "same"))  # even filters, whose border is uneven
@example(Locality((4, 4), (4, 4), (3, 3), "valid"))  # one window
@example(Locality((1, 1), (1, 1), (5, 5), "same"))
def test_pairs_are_those_of_the_convolution(locality):
    expected = pixels_by_hand(locality)  # [P, K]
    np.testing.assert_array_equal(expected, pixels_by_tensorflow(locality))
    listed = [
        (location, offset, pixel)
        for location, window in enumerate(expected)
        for offset, pixel in enumerate(window)
        if pixel >= 0
    ]
    pairs = locality.pairs
    assert len(pairs) == len(listed)
    assert list(zip(pairs.location, pairs.offset, pairs.pixel, strict=True)) == listed


@given(localities())
def test_reach_holds_the_coordinates_of_the_pairs(locality):
    rows, columns = locality.reach
    assert (len(rows), len(columns)) == locality.output_size
    row, column = np.divmod(locality.pairs.location, locality.output_size[1])
    down, right = np.divmod(locality.pairs.offset, locality.kernel_size[1])
    np.testing.assert_array_equal(rows[row, down] * locality.size[1] + columns[column, right], locality.pairs.pixel)


def test_the_first_layer_of_simpnet_has_as_many_connections_as_counted_by_hand():
    layer = simpnet().get_layer("conv1")
    size = tuple(layer.input.shape[1:3])
    pairs = Locality(size, layer.kernel_size, layer.strides, layer.padding).pairs
    # Along an axis, five places for each of 32 locations, less the 2 + 1 beyond either border.
    assert len(pairs) == (32 * 5 - 2 * 3) ** 2
    assert len(pairs) * 3 * 32 == 2_276_736


def test_a_connected_pair_is_named_once():
    pairs = Locality((5, 4), (3, 3), (1, 2), "same").pairs
    assert len(set(zip(pairs.location, pairs.pixel, strict=True))) == len(pairs)


@pytest.mark.parametrize(("size", "kernel_size"), [((4, 9), (5, 5)), ((9, 4), (5, 5)), ((2, 2), (3, 1))])
def test_a_filter_that_does_not_fit_is_refused_unless_padded(size, kernel_size):
    with pytest.raises(ArgumentError) as caught:
        Locality(size, kernel_size, (1, 1), "valid")
    assert str(caught.value) == (
        f"With padding 'valid' a filter of {kernel_size} needs an image at least as large, but got {size}."
    )
    assert Locality(size, kernel_size, (1, 1), "same").output_size == size


@pytest.mark.parametrize("name", ["size", "kernel_size", "strides"])
@pytest.mark.parametrize("value", [(0, 3), (3, 3, 3), "ab", (2.5, 3), None])
def test_a_geometry_of_other_than_whole_numbers_is_refused(name, value):
    sizes = {"size": (5, 5), "kernel_size": (3, 3), "strides": (1, 1), name: value}
    with pytest.raises(ArgumentError, match=f"^{name} is a whole number >= 1 or a pair of them"):
        Locality(**sizes, padding="same")
    assert Locality([5, 5], 3, np.int64(1), "same") == Locality((5, 5), (3, 3), (1, 1), "same")


def test_padding_is_known_in_capital_letters_and_nothing_else_is():
    assert Locality((5, 5), (3, 3), (1, 1), "SAME") == Locality((5, 5), (3, 3), (1, 1), "same")
    with pytest.raises(ArgumentError, match="padding is 'same' or 'valid', but got 'nonsense'"):
        Locality((5, 5), (3, 3), (1, 1), "nonsense")


def test_a_filter_that_just_fits_has_one_location():
    assert Locality((3, 5), (3, 5), (1, 1), "valid").output_size == (1, 1)


@given(localities())
def test_the_tied_convolution_gives_outputs_of_the_same_size(locality):
    layer = FeedbackConv2D(2, locality.kernel_size, locality.strides, locality.padding)
    assert layer.compute_output_shape((7, *locality.size, 3)) == (7, *locality.output_size, 2)
