"""How alike filters are across space, by hand, by enumeration and by chance; and filters inside result files."""

import itertools
import json

import keras
import numpy as np
import pytest

from urfb_tf import FeedbackConv2D, FeedbackDense, UntiedConv2D, plots
from urfb_tf.errors import ArgumentError, ResultError
from urfb_tf.metrics import HomogeneityProbe, homogeneity, neighbour_similarity, whole_filters
from urfb_tf.results import schema
from urfb_tf.results.filters import decode, encode, filters_of, shown_locations


def layer_of(size, kernel_size=3, filters=3, channels=2, **options):
    layer = UntiedConv2D(filters, kernel_size, seed=1, **options)
    layer.build((None, *size, channels))
    return layer


def tied_copies(layer, seed=0):
    """W [S, Cin, F] with the same random filters at each location."""
    filters = np.random.default_rng(seed).normal(size=(np.prod(layer.kernel_size), *layer.kernel.shape[1:]))
    return filters[layer.locality.pairs.offset]


def inner_filters(layer, weights):
    """Filters inside the image, [N, F, K Cin], found by asking each location."""
    height, width = layer.locality.output_size
    found = [layer.filters_at(row, column, weights) for row in range(height) for column in range(width)]
    return np.array([each.reshape(-1, layer.filters).T for each in found if not np.any(np.isnan(each))], np.float64)


def mean_cosine(filters):
    """Over all pairs of locations, of corresponding filters [N, F, D], one pair at a time."""
    cosines = [
        a @ b / np.sqrt((a @ a) * (b @ b))
        for one, other in itertools.combinations(filters, 2)
        for a, b in zip(one, other, strict=True)
    ]
    return np.mean(cosines)


# Some float64 roundings of numbers up to 1.
exactly = {"rel": 0, "abs": 1e-12}


def test_both_numbers_of_a_tiny_layer_by_enumeration():
    layer = layer_of((3, 5), filters=2)
    filters = inner_filters(layer, layer.kernel)
    assert filters.shape == (3, 2, 18)
    shuffles = itertools.product(itertools.permutations(range(2)), repeat=3)  # of each location by itself
    shuffled = [mean_cosine([f[list(order)] for f, order in zip(filters, orders, strict=True)]) for orders in shuffles]
    assert len(shuffled) == 2**3
    found = homogeneity(layer)
    assert found.similarity == pytest.approx(mean_cosine(filters), **exactly)
    assert found.shuffled == pytest.approx(np.mean(shuffled), **exactly)


def test_shuffled_is_the_mean_over_random_shuffles():
    layer = layer_of((5, 5), filters=4)
    filters = inner_filters(layer, layer.kernel)
    random = np.random.default_rng(0)
    draws = [mean_cosine([random.permutation(each) for each in filters]) for _ in range(300)]
    # Five standard errors of the mean.
    bound = 5 * np.std(draws, ddof=1) / np.sqrt(len(draws))
    assert homogeneity(layer).shuffled == pytest.approx(np.mean(draws), rel=0, abs=bound)


@pytest.mark.parametrize("weights", [None, "feedback", "float64"])
def test_corresponding_filters_are_compared_pair_by_pair(weights):
    layer = layer_of((5, 6), (3, 2), filters=3)
    given = {"feedback": layer.feedback, "float64": np.random.default_rng(0).normal(size=layer.kernel.shape)}.get(
        weights
    )
    expected = mean_cosine(inner_filters(layer, layer.kernel if given is None else given))
    assert homogeneity(layer, given).similarity == pytest.approx(expected, **exactly)


@pytest.mark.parametrize("variety", ["different", "equal", "opposite"])
def test_tied_copies_are_alike_and_shuffled_as_alike_as_filters_are_to_each_other(variety):
    layer = layer_of((6, 6), filters=2)
    weights = tied_copies(layer)
    if variety != "different":
        weights[:, :, 1] = weights[:, :, 0] * {"equal": 3, "opposite": -3}[variety]  # lengths do not count
    found = homogeneity(layer, weights)
    assert found.similarity == pytest.approx(1, **exactly)
    a, b = inner_filters(layer, weights)[0]
    cosine = a @ b / np.sqrt((a @ a) * (b @ b))
    # Shuffled, half of the pairs are of one filter with itself.
    assert found.shuffled == pytest.approx((1 + cosine) / 2, **exactly)
    assert cosine == pytest.approx({"different": cosine, "equal": 1, "opposite": -1}[variety], **exactly)


@pytest.mark.parametrize("name", ["kernel", "feedback"])
def test_independent_filters_are_not_alike(name):
    layer = layer_of((8, 8), filters=6)
    found = homogeneity(layer, getattr(layer, name))
    # Cosines of independent vectors of D symmetric numbers have mean 0 and variance 1/D, and are uncorrelated.
    filters, dimension, pairs = 6, 9 * 2, 36 * 35 / 2
    assert abs(found.similarity) < 5 / np.sqrt(dimension * pairs * filters)
    assert abs(found.shuffled) < 5 / np.sqrt(dimension * pairs * filters**2)


def test_what_all_filters_share_survives_shuffling():
    layer = layer_of((6, 6), filters=4)
    spread = 2 / (9 * (2 + 4))  # Glorot's variance
    # Around a shared mean of 10, cosines lack about this share of 1.
    assert homogeneity(layer, layer.kernel.numpy() + 10).shuffled == pytest.approx(
        1 - spread / 10**2, abs=spread / 10**2
    )


@pytest.mark.parametrize(
    ("size", "options", "count"),
    [
        ((6, 5), {}, 4 * 3),
        ((6, 5), {"padding": "valid"}, 4 * 3),
        ((7, 7), {"strides": 2}, 2 * 2),
        ((6, 6), {"kernel_size": 2}, 5 * 5),
    ],
)
def test_filters_that_reach_beyond_the_border_are_left_out(size, options, count):
    layer = layer_of(size, **options)
    pairs, places = layer.locality.pairs, np.prod(layer.kernel_size)
    whole = np.bincount(pairs.location)[pairs.location] == places
    filters = whole_filters(layer)
    assert filters.shape == (count, places * 2, 3)
    assert filters.dtype == np.float64
    np.testing.assert_array_equal(filters.transpose(0, 2, 1), inner_filters(layer, layer.kernel))
    changed = layer.kernel.numpy()
    changed[~whole] = 1e6
    assert homogeneity(layer, changed) == homogeneity(layer)


def test_filters_of_zeros_are_like_no_others():
    layer = layer_of((5, 5))
    weights = tied_copies(layer)
    weights[:, :, 0] = 0
    assert homogeneity(layer, weights).similarity == pytest.approx(2 / 3, **exactly)
    assert homogeneity(layer, 0 * weights) == (0, 0)
    one = np.where(layer.locality.pairs.location[:, None, None] == 12, 0, tied_copies(layer))  # of nine locations
    assert homogeneity(layer, one).similarity == pytest.approx(8 * 7 / (9 * 8), **exactly)


@pytest.mark.parametrize(("size", "kernel_size"), [((3, 3), 3), ((2, 2), 3), ((1, 9), 3)])
def test_fewer_than_two_whole_locations_are_refused(size, kernel_size):
    layer = layer_of(size, kernel_size, name="little")
    with pytest.raises(ArgumentError, match=r"^'little' has fewer than two locations whose filters lie inside"):
        homogeneity(layer)
    assert homogeneity(layer_of((3, 4), 3)).similarity < 1  # two will do
    assert HomogeneityProbe()(keras.Sequential([keras.Input((*size, layer.input_spec.shape[-1])), layer])) == {}


@pytest.mark.parametrize("measure", [homogeneity, neighbour_similarity, whole_filters])
def test_layers_without_filters_across_space_are_refused(measure):
    with pytest.raises(ArgumentError, match="'early' has no filters yet: call it on a batch"):
        measure(UntiedConv2D(2, 3, name="early"))
    tied = FeedbackConv2D(2, 3, name="tied")
    tied.build((None, 5, 5, 1))
    with pytest.raises(ArgumentError, match="an UntiedConv2D, which 'tied' is not: untie it first"):
        measure(tied)


def model_of():
    first, second = UntiedConv2D(2, 3, seed=1, name="first"), UntiedConv2D(3, 2, seed=2, name="second")
    tied = FeedbackConv2D(2, 3, name="tied")
    inner = keras.Sequential([keras.Input((6, 7, 2)), second])
    return keras.Sequential([keras.Input((6, 7, 1)), tied, first, inner, keras.layers.Flatten(), FeedbackDense(2)]), [
        first,
        second,
    ]


def test_the_probe_measures_all_untied_layers_and_the_change_of_those_whose_start_is_known():
    model, (first, second) = model_of()
    start = first.kernel.numpy()
    found = HomogeneityProbe()(model)
    assert list(found) == ["homogeneity", "homogeneity_shuffled"]
    for kind, which in zip(found, (0, 1), strict=True):
        assert found[kind] == {layer.name: round(homogeneity(layer)[which], 5) for layer in (first, second)}
    probe = HomogeneityProbe({"first": start})
    still = probe(model)
    assert still["change"] == still["change_homogeneity"] == still["change_homogeneity_shuffled"] == {"first": 0}
    first.kernel.assign(start + 0.5 * tied_copies(first))
    moved = probe(model)
    change = first.kernel.numpy() - start
    assert moved["change"] == {"first": round(float(np.linalg.norm(change) / np.linalg.norm(start)), 5)}
    assert moved["change_homogeneity"] == {"first": 1}
    assert moved["change_homogeneity_shuffled"]["first"] == round(homogeneity(first, change).shuffled, 5) < 1
    assert moved["homogeneity"]["first"] > found["homogeneity"]["first"]
    assert json.loads(json.dumps(moved)) == moved


def test_the_probe_says_nothing_of_models_without_untied_layers():
    assert HomogeneityProbe()(keras.Sequential([keras.Input((6, 6, 2)), FeedbackConv2D(2, 3)])) == {}


def test_filters_come_back_from_a_result_with_their_places_outside():
    model, (first, second) = model_of()
    stored = json.loads(json.dumps(filters_of(model)))
    assert set(stored) == {"first", "second"}
    # The middles of the quarters of 6 x 7.
    assert stored["first"]["locations"] == [[1, 1], [1, 5], [4, 1], [4, 5]]
    for layer in (first, second):
        filters = decode(stored[layer.name])
        assert filters.dtype == np.float32
        for (row, column), each in zip(stored[layer.name]["locations"], filters, strict=True):
            np.testing.assert_array_equal(each, layer.filters_at(row, column))  # NaN in the same places
    small = layer_of((2, 1), 3)
    stored = filters_of(keras.Sequential([keras.Input((2, 1, 2)), small]))[small.name]
    assert stored["locations"] == [[0, 0], [1, 0]]
    assert np.isnan(decode(stored)).sum() == 2 * (9 - 2) * 2 * 3


@pytest.mark.parametrize(
    ("size", "locations"),
    [((8, 5), [[2, 1], [2, 3], [5, 1], [5, 3]]), ((1, 4), [[0, 1], [0, 2]])],
)
def test_kept_filters_lie_in_the_middle_of_each_quarter(size, locations):
    assert shown_locations(layer_of(size)) == locations


@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3, 4)])
def test_an_array_survives_json(shape):
    array = np.random.default_rng(0).normal(size=shape).astype("float32")
    found = decode(json.loads(json.dumps(encode(array))))
    np.testing.assert_array_equal(found, array)
    found += 1  # it is the reader's own


def result(filters):
    session = {"from_epoch": 1, "commit": "none", "date": "today", "versions": {}, "hardware": {"device": "CPU"}}
    names = ["train_loss", "train_error", "train_error_evaluated", "validation_error", "test_error", "seconds"]
    return {
        "schema": schema.SCHEMA,
        "id": "mine",
        "seed": 0,
        "configuration": {},
        "data": {"name": "generated", "sha256": "none", "images": {}},
        "sessions": [session],
        "epochs": [{"epoch": 1, **dict.fromkeys(names, 0.5)}],
        "filters": filters,
    }


WHOLE = {"locations": [[0, 0]], **encode(np.ones((1, 2, 2, 1, 3)))}
DAMAGED = {
    "a list": [WHOLE],
    "nothing": None,
    "text": "conv1",
    "a layer that is a list": {"conv1": [WHOLE]},
    "a layer that is nothing": {"conv1": None},
    "no locations": {"conv1": {**WHOLE, "locations": None}},
    "no shape": {"conv1": {**WHOLE, "shape": None}},
    "a shape that is text": {"conv1": {**WHOLE, "shape": ["1", "2", "2", "1", "3"]}},
    "another shape": {"conv1": {**WHOLE, "shape": [1, 2, 2, 1, 4]}},
    "no numbers": {"conv1": {key: value for key, value in WHOLE.items() if key != "float32"}},
    "numbers cut short": {"conv1": {**WHOLE, "float32": WHOLE["float32"][:-4]}},
    "numbers cut in a character": {"conv1": {**WHOLE, "float32": WHOLE["float32"][:-1]}},
    "numbers with a stray character": {"conv1": {**WHOLE, "float32": "!" + WHOLE["float32"]}},
    "numbers with a strange character": {"conv1": {**WHOLE, "float32": "é" + WHOLE["float32"]}},
}


def test_whole_filters_pass():
    for filters in ({}, {"conv1": WHOLE}):
        assert schema.check(result(filters), "x")["filters"] == filters


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_filters_are_refused_by_a_sentence_that_names_the_file(damage):
    with pytest.raises(ResultError, match=r"^mine\.json.*(filters|conv1)") as caught:
        schema.check(result(DAMAGED[damage]), "mine.json")
    assert "\n" not in str(caught.value)


def test_homogeneity_is_drawn_against_epochs():
    kinds = ("change", "homogeneity", "homogeneity_shuffled", "change_homogeneity")
    run = [{"epoch": n, **{kind: {"conv1": (place + 1) / 8} for place, kind in enumerate(kinds)}} for n in (1, 2)]
    axes = plots.homogeneity_curves({"urfb": run}, "conv1").axes
    assert [[line.get_xydata().tolist() for line in axis.get_lines()] for axis in axes[:3]] == [
        [[[1, 0.125], [2, 0.125]]],
        [[[1, 0.25], [2, 0.25]], [[1, 0.375], [2, 0.375]]],
        [[[1, 0.5], [2, 0.5]]],
    ]
    with pytest.raises(ArgumentError, match="Unknown layer of a homogeneity probe 'conv2': use one of 'conv1'"):
        plots.homogeneity_curves({"urfb": run}, "conv2")


def test_weights_of_another_shape_are_refused():
    layer = layer_of((6, 6))
    rows, channels, filters = layer.kernel.shape
    for wrong in ((rows, channels, filters + 1), (rows + 1, channels, filters), (rows - 1, channels, filters)):
        for measure in (homogeneity, neighbour_similarity):
            with pytest.raises(ArgumentError, match="has weights of the shape"):
                measure(layer, np.ones(wrong))
