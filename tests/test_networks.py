"""The four networks and the notation: names, shapes, counts, what each reading changes, seeds, bad input."""

import keras
import numpy as np
import pytest

import urfb_tf
from urfb_tf import readings, rules
from urfb_tf.errors import ArgumentError
from urfb_tf.layers import FeedbackLayer
from urfb_tf.networks import NETWORKS, build
from urfb_tf.networks.further import FURTHER
from urfb_tf.networks.notation import Step, parse

SMALL = "conv 4 3x3; maxpool 3; drop .5; full conn. 8; output"
RESIDUAL_16 = [("conv1", 16), ("conv2", 16), ("sum1", 16)]
RESIDUAL_64 = [("conv3", 64), ("conv4", 64), ("sum2", 64)]

# (network, reading): layers after the rescaling with their output shapes, [H, H, C] as (H, C)
SHAPES = {
    ("simpnet", "paper"): [
        ("conv1", 32, 32), ("maxpool1", 16, 32), ("drop1", 16, 32), ("flatten1", 8192), ("dense1", 500), ("drop2", 500),
    ],
    ("deepnet", "paper"): [
        ("conv1", 32, 32), ("maxpool1", 16, 32), ("conv2", 16, 32), ("conv3", 16, 32), ("maxpool2", 8, 32),
        ("drop1", 8, 32), ("conv4", 8, 64), ("conv5", 8, 64), ("maxpool3", 4, 64), ("drop2", 4, 64),
        ("flatten1", 1024), ("dense1", 500),
    ],
    ("deepnet", "original"): [
        ("conv1", 32, 32), ("maxpool1", 16, 32), ("conv2", 16, 32), ("conv3", 16, 32), ("avgpool1_border", 17, 32),
        ("avgpool1", 8, 32), ("drop1", 8, 32), ("conv4", 8, 64), ("conv5", 8, 64), ("avgpool2_border", 9, 64),
        ("avgpool2", 4, 64), ("drop2", 4, 64), ("flatten1", 1024), ("dense1", 500),
    ],
    ("deepernet", "paper"): [
        ("conv1", 32, 16), ("conv2", 32, 16), ("sum1", 32, 16), ("conv3", 32, 32), ("conv4", 32, 32), ("sum2", 32, 32),
        ("maxpool1", 16, 32), ("drop1", 16, 32), ("conv5", 16, 64), ("conv6", 16, 64), ("sum3", 16, 64),
        ("maxpool2", 8, 64), ("conv7", 8, 128), ("conv8", 8, 128), ("sum4", 8, 128), ("maxpool3", 4, 128),
        ("drop2", 4, 128), ("flatten1", 2048), ("dense1", 500),
    ],
    ("deepernet_s", "paper"): [
        ("conv1", 32, 16), ("conv2", 32, 16), ("sum1", 32, 16), ("maxpool1", 11, 16), ("drop1", 11, 16),
        ("conv3", 11, 64), ("conv4", 11, 64), ("sum2", 11, 64), ("maxpool2", 6, 64), ("conv5", 6, 64),
        ("conv6", 6, 64), ("sum3", 6, 64), ("maxpool3", 3, 64), ("drop2", 3, 64), ("flatten1", 576), ("dense1", 500),
    ],
}  # fmt: skip
for same in ("simpnet", "deepernet", "deepernet_s"):
    SHAPES[same, "original"] = SHAPES[same, "paper"]

# Feedforward weights, counted by hand; all but the first layer's have as many feedback weights.
FIRST = {"simpnet": 5 * 5 * 3 * 32, "deepnet": 5 * 5 * 3 * 32, "deepernet": 9 * 3 * 16, "deepernet_s": 9 * 3 * 16}
OTHERS = {
    ("simpnet", "paper"): 8192 * 500 + 500 * 10,
    ("deepnet", "paper"): 9 * (32 * 32 + 32 * 32 + 32 * 64 + 64 * 64) + 1024 * 500 + 500 * 10,
    ("deepernet", "paper"): 9 * (16 * 16 + 16 * 32 + 32 * 32 + 32 * 64 + 64 * 64 + 64 * 128 + 128 * 128)
    + 2048 * 500 + 500 * 10,
    ("deepernet_s", "paper"): 9 * (16 * 16 + 16 * 64 + 64 * 64) + 4 * 2 * 64 * 64 + 576 * 500 + 500 * 10,
}  # fmt: skip
OTHERS |= {(name, "original"): count for (name, _), count in OTHERS.items()}
OTHERS["deepernet", "original"] -= (9 - 4) * 64 * 128  # its first wide convolution is 2x2


@pytest.mark.parametrize(("network", "reading"), SHAPES)
def test_layers_and_parameters_of_the_paper_networks(network, reading):
    model = NETWORKS[network](reading=reading)
    found = [(layer.name, *layer.output.shape[1:]) for layer in model.layers]
    expected = [(name, *((size[0], *size) if len(size) == 2 else size)) for name, *size in SHAPES[network, reading]]
    assert found == [("pixels", 32, 32, 3), ("rescaling", 32, 32, 3), *expected, ("output", 10)]
    first, others = FIRST[network], OTHERS[network, reading]
    assert model.count_params() == first + 2 * others
    assert NETWORKS[network]("bp", reading=reading).count_params() == first + others
    assert (
        sum(np.prod(v.shape) for v in NETWORKS[network]("frfb", reading=reading).trainable_variables) == first + others
    )
    assert model.name == network


@pytest.mark.parametrize("rule", sorted(rules.RULES))
@pytest.mark.parametrize("network", sorted(FURTHER))
def test_every_network_beyond_the_paper_is_trained_by_every_rule(network, rule, small_data):
    model = NETWORKS[network](rule, classes=small_data.classes, seed=0)
    assert model.name == network
    assert model.output_shape == (None, small_data.classes)
    before = [variable.numpy() for variable in model.trainable_variables]
    model.fit(*small_data.train, batch_size=10, verbose=0)
    for old, variable in zip(before, model.trainable_variables, strict=True):
        assert np.isfinite(variable).all(), variable.path
        assert not np.array_equal(old, variable), f"{variable.path} never learns"


@pytest.mark.parametrize("rule", ["frfb", "urfb"])
@pytest.mark.parametrize("notation", [SMALL, "full conn. 5; output", "output"])
def test_the_first_layer_has_no_feedback_and_all_others_have(notation, rule):
    layers = weighted(build(notation, rule, input_shape=(8, 8, 3)))
    assert layers[0].feedback is None
    assert all(layer.feedback is not None and layer.rule.name == rule for layer in layers[1:])


def weighted(model):
    return [layer for layer in model.layers if isinstance(layer, FeedbackLayer)]


@pytest.mark.parametrize(
    ("reading", "pruned"), [("paper", ["conv1", "conv2", "dense1", "output"]), ("original", ["conv2", "dense1"])]
)
def test_each_reading_prunes_its_layers(reading, pruned):
    model = build(
        "conv 4 3x3; conv 4 3x3; full conn. 8; output", connectivity=0.5, reading=reading, input_shape=(8, 8, 3)
    )
    assert [layer.name for layer in weighted(model) if layer.kernel_mask is not None] == pruned
    assert [layer.name for layer in weighted(model) if layer.feedback_mask is not None] == [
        name for name in pruned if name != "conv1"
    ]


def test_only_a_convolution_is_spared_as_the_lowest_layer():
    model = build("full conn. 30; full conn. 20; output", connectivity=0.5, input_shape=(4, 4, 3))
    assert [layer.name for layer in weighted(model) if layer.kernel_mask is not None] == ["dense1", "dense2"]


def test_the_readings_build_what_they_say():
    paper, original = (urfb_tf.deepnet(reading=name) for name in ("paper", "original"))
    assert [type(model.get_layer("maxpool1")).__name__ for model in (paper, original)] == [
        "MaxPooling2D",
        "TiedMaxPooling2D",
    ]
    slopes = [
        (model.get_layer("conv1").activation.slope, model.get_layer("conv1").activation.closed)
        for model in (paper, original)
    ]
    assert slopes == [(1.0, True), (0.5, False)]
    assert paper.get_layer("output").activation is original.get_layer("output").activation
    assert [urfb_tf.simpnet(reading=name, classes=100).loss.mu for name in ("paper", "original")] == [1 / 99, 10 / 99]
    assert [urfb_tf.simpnet(reading=name).loss.mu for name in ("paper", "original")] == [1 / 9, 1 / 9]
    letter = build(SMALL, reading=readings.PAPER.but(propagate_derivative=False))
    assert not letter.get_layer("dense1").propagate_derivative
    assert build(SMALL, reading="paper").get_layer("drop1").rate == 0.5
    kept = build(SMALL.replace("drop .5", "drop .8"), reading=readings.PAPER.but(drop_is_keep=True))
    assert kept.get_layer("drop1").rate == pytest.approx(0.2, rel=1e-12)


def test_a_changed_reading_names_its_changes():
    changed = readings.PAPER.but(slope=0.5, closed=True, prune_all=False)
    assert changed.name == "paper, prune_all=False, slope=0.5"
    assert readings.PAPER.but().name == "paper"
    assert (changed.slope, changed.prune_all, readings.PAPER.slope) == (0.5, False, 1)


BAD_READINGS = [
    {"slop": 1},
    {"name": "mine"},
    {"slope": 0},
    {"slope": "1"},
    {"slope": None},
    {"closed": 0},
    {"prune_all": "no"},
]


@pytest.mark.parametrize("changes", BAD_READINGS, ids=str)
def test_an_impossible_reading_is_refused(changes):
    with pytest.raises(ArgumentError, match="reading"):
        readings.PAPER.but(**changes)


def test_the_notation_is_read_in_any_case_and_spacing():
    text = " Conv 32  5x5;MAXPOOL 3 ; maxpool 2, stride 1;avgpool 3;\n sum; drop .8; full conn. 500; drop 0.3; OUTPUT ;"
    assert list(parse(text)) == [
        Step("conv", (32, 5, 5)),
        Step("maxpool", (3,)),
        Step("maxpool", (2, 1)),
        Step("avgpool", (3,)),
        Step("sum"),
        Step("drop", (0.8,)),
        Step("dense", (500,)),
        Step("drop", (0.3,)),
        Step("output"),
    ]


@pytest.mark.parametrize("text", [None, 3, ["conv 4 3x3", "output"]])
def test_a_network_must_be_text(text):
    with pytest.raises(ArgumentError, match=r"A network is text, such as 'conv 32 5x5; .*', but got"):
        build(text)


@pytest.mark.parametrize("text", ["", "conv 4 3x3", "output; conv 4 3x3", "output; output"])
def test_a_network_must_end_in_its_only_output(text):
    with pytest.raises(ArgumentError, match="A network ends in its only 'output'"):
        build(text)


BAD_TERMS = [
    "conv 4",
    "conv 0 3x3",
    "conv 2.5 3x3",
    "conv 4 3x0",
    "maxpool",
    "maxpool 0",
    "maxpool 3, stride 0",
    "avgpool 1.5",
]
BAD_TERMS += ["full conn 500", "full conn. 0", "drop -1", "dropout .5", "conv 4 3x3 relu"]


@pytest.mark.parametrize("term", BAD_TERMS)
def test_a_term_outside_the_notation_is_quoted(term):
    with pytest.raises(ArgumentError, match=f"^Cannot read '{term}' in a network: the terms are 'conv 32 5x5'"):
        build(f"{term}; output")


@pytest.mark.parametrize("text", ["conv 4 3x3; sum; output", "conv 4 3x3; conv 8 3x3; sum; output"])
def test_a_sum_needs_two_convolutions_of_one_shape(text):
    with pytest.raises(ArgumentError, match="must agree in shape"):
        build(text)


@pytest.mark.parametrize(("number", "keep"), [("1", False), ("80", False), ("1.5", True), ("0", True)])
def test_a_dropout_that_leaves_no_unit_is_refused(number, keep):
    with pytest.raises(ArgumentError, match="would leave no unit"):
        build(f"drop {number}; output", reading=readings.PAPER.but(drop_is_keep=keep))


BAD_ARGUMENTS = {
    "rule": "dfb", "loss": "square", "classes": 1, "connectivity": 0, "reading": "hers", "seed": -1, "learning_rate": 0,
}  # fmt: skip


@pytest.mark.parametrize("argument", BAD_ARGUMENTS)
def test_bad_arguments_are_refused(argument):
    with pytest.raises(ArgumentError, match=argument.replace("_", " ")):
        build(SMALL, **{argument: BAD_ARGUMENTS[argument]})


@pytest.mark.parametrize("rate", [1, np.float32(0.5)])
def test_a_learning_rate_may_be_any_number(rate):
    assert float(build("output", learning_rate=rate).optimizer.learning_rate) == rate


def test_connectivity_is_refused_where_no_layer_would_take_it():
    with pytest.raises(ArgumentError, match=r"connectivity is the share .*, but got 7"):
        build("conv 4 3x3; output", connectivity=7)


def test_the_seed_fixes_weights_masks_and_dropout_and_nothing_else_does():
    def model(seed, global_seed=0):
        keras.utils.set_random_seed(global_seed)
        return build(SMALL, connectivity=0.5, reading="paper", input_shape=(8, 8, 3), seed=seed)

    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3)).astype("float32")
    first, same, other = model(3), model(3, global_seed=1), model(4)
    for a, b, c in zip(first.get_weights(), same.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
        assert np.any(a != c)
    np.testing.assert_array_equal(first(images, training=True), same(images, training=True))
    assert np.any(first(images, training=True) != first(images, training=False))


@pytest.fixture
def channels_first():
    """Sets Keras to images of another layout than the package's."""
    usual = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format(usual)


@pytest.mark.usefixtures("channels_first")
def test_channels_come_last_however_keras_is_set():
    def shown(reading):
        model = build("conv 4 3x3; maxpool 2; avgpool 3; output", "bp", reading=reading, input_shape=(8, 8, 3))
        return model(np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)))

    set_otherwise = [shown(reading) for reading in ("paper", "original")]
    keras.config.set_image_data_format("channels_last")
    for found, reading in zip(set_otherwise, ("paper", "original"), strict=True):
        np.testing.assert_array_equal(found, shown(reading))


def test_the_average_pooling_counts_zeros_below_and_to_the_right():
    model = build("avgpool 3; output", "bp", input_shape=(4, 4, 1))
    pooled = keras.Model(model.input, model.get_layer("avgpool1").output)
    values = np.squeeze(pooled(np.full((1, 4, 4, 1), 255.0)))
    np.testing.assert_allclose(values, [[1, 6 / 9], [6 / 9, 4 / 9]], rtol=1e-6)


@pytest.mark.parametrize("between", ["maxpool 3", "drop .5", "full conn. 4", "SUM"])
def test_a_sum_stands_right_after_its_convolutions(between):
    with pytest.raises(ArgumentError, match="SUM stands right after the second of the two convolutions"):
        build(f"conv 2 3x3; conv 2 3x3; {between}; SUM; output", input_shape=(8, 8, 1))


@pytest.mark.parametrize("pool", ["avgpool 3", "maxpool 2, stride 2"])
def test_pooling_stands_before_the_first_dense_layer(pool):
    with pytest.raises(ArgumentError, match="Pooling is over space, so it stands before"):
        build(f"full conn. 4; {pool}; output", input_shape=(8, 8, 1))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_takes_a_name(name):
    assert NETWORKS[name](name="mine").name == "mine"
