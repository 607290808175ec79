"""The compiled epoch: the same updates as `fit`, with and without XLA; evaluation, records and the order of images."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from urfb_tf import FeedbackConv2D, FeedbackDense, OneVsRestHinge
from urfb_tf.data import Dataset, Split
from urfb_tf.data.splits import at_once
from urfb_tf.errors import ArgumentError
from urfb_tf.networks import build
from urfb_tf.training import EpochProgram, batches, train
from urfb_tf.training.order import permutation, steps_per_epoch

NOTATION = "conv 4 3x3; maxpool 3; drop .5; full conn. 8; drop .3; output"
FIELDS = ["epoch", "train_loss", "train_error", "train_error_evaluated", "validation_error", "test_error", "seconds"]
FIT = {"shuffle": False, "verbose": 0}  # the batches come shuffled


@pytest.fixture(scope="module")
def tiny():
    """8 x 8 images in three classes; counts that no batch size below divides."""
    random = np.random.default_rng(0)

    def split(count):
        labels = random.integers(0, 3, count).astype("int32")
        images = random.integers(0, 120, (count, 8, 8, 3)) + 60 * (labels[:, None, None, None] == np.arange(3))
        return Split(images.astype("uint8"), labels)

    return Dataset("tiny", 3, split(53), split(17), split(23))


def network(rule="urfb", **options):
    return build(NOTATION, rule, classes=3, input_shape=(8, 8, 3), seed=1, **{"connectivity": 0.5, **options})


@pytest.mark.parametrize("rule", ["bp", "frfb", "urfb"])
def test_fit_over_the_same_batches_makes_the_same_updates_bit_by_bit(tiny, rule):
    fitted, trained = network(rule), network(rule)
    fitted.fit(batches(tiny.train, batch_size=10, seed=5), steps_per_epoch=5, epochs=3, **FIT)
    train(trained, tiny, epochs=3, batch_size=10, seed=5)
    for a, b in zip(fitted.variables, trained.variables, strict=True):  # the state of dropout among them
        np.testing.assert_array_equal(a, b)
    assert np.any(trained.get_layer("dense1").kernel != network(rule).get_layer("dense1").kernel)


def test_fit_reports_the_same_loss_and_error(tiny):
    history = network().fit(batches(tiny.train, batch_size=10, seed=5), steps_per_epoch=5, epochs=2, **FIT).history
    records = train(network(), tiny, epochs=2, batch_size=10, seed=5)
    for epoch, record in enumerate(records):
        assert record["train_loss"] == pytest.approx(history["loss"][epoch], rel=2e-6)
        assert record["train_error"] == pytest.approx(1 - history["accuracy"][epoch], abs=2e-6)


def regularised():
    inputs = keras.Input((8, 8, 3))
    hidden = keras.layers.Conv2D(
        4, 3, kernel_regularizer="l2", bias_constraint="non_neg", kernel_constraint=keras.constraints.MaxNorm(0.5)
    )(inputs / 255)
    hidden = FeedbackDense(8, seed=1, activity_regularizer=keras.regularizers.L2(0.01))(keras.layers.Flatten()(hidden))
    model = keras.Model(inputs, keras.layers.Dense(3, kernel_regularizer="l1", bias_regularizer="l2")(hidden))
    model.compile(keras.optimizers.SGD(0.1), OneVsRestHinge(), metrics=["accuracy"])
    return model


def test_regularisers_and_constraints_train_as_under_fit(tiny):
    fitted = regularised()
    trained = keras.models.clone_model(fitted)
    trained.set_weights(fitted.get_weights())
    history = fitted.fit(batches(tiny.train, batch_size=10, seed=5), steps_per_epoch=5, epochs=2, **FIT).history
    records = train(trained, tiny, epochs=2, batch_size=10, seed=5, loss=OneVsRestHinge())
    for a, b in zip(fitted.variables, trained.variables, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)  # sums of gradients in another order
    (convolution,) = (layer for layer in trained.layers if isinstance(layer, keras.layers.Conv2D))
    assert np.linalg.norm(convolution.kernel, axis=0).max() == pytest.approx(0.5)
    assert np.min(convolution.bias) == 0
    for epoch, record in enumerate(records):
        assert record["train_loss"] == pytest.approx(history["loss"][epoch], rel=2e-6)


class Scaled(keras.losses.Loss):
    """A loss of one's own, without a configuration."""

    def __init__(self, factor):
        super().__init__()
        self.hinge, self.factor = OneVsRestHinge(), factor

    def call(self, y_true, y_pred):
        return self.factor * self.hinge.call(y_true, y_pred)


def test_a_loss_compiled_by_its_name_trains_as_the_loss_itself(tiny):
    weights = []
    for loss in ("sparse_categorical_crossentropy", keras.losses.SparseCategoricalCrossentropy()):
        model = keras.Sequential(
            [keras.Input((8, 8, 3)), keras.layers.Flatten(), FeedbackDense(3, activation="softmax", seed=1)]
        )
        model.compile(loss=loss)
        train(model, tiny, epochs=1, batch_size=10, learning_rate=1e-4)
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_a_loss_without_a_configuration_trains(tiny):
    how, loss = {"epochs": 1, "batch_size": 10}, Scaled(0.5)
    (record,) = train(network(), tiny, learning_rate=0.1, loss=loss, **how)
    (half,) = train(network(), tiny, learning_rate=0.05, loss=OneVsRestHinge(), **how)
    assert record["train_loss"] == pytest.approx(0.5 * half["train_loss"], abs=1e-6)
    assert record["train_error"] == half["train_error"]
    assert loss.reduction == "sum_over_batch_size"


@pytest.mark.parametrize(
    ("compiled", "given", "sentence"),
    [
        ({"loss": OneVsRestHinge(reduction="sum")}, None, "has reduction='sum': leave that out, and multiply"),
        ({"loss": OneVsRestHinge()}, OneVsRestHinge(reduction="sum"), "has reduction='sum': leave that out"),
        ({"loss": OneVsRestHinge(), "loss_weights": 0.5}, None, "no loss_weights, but the model is compiled with 0.5"),
    ],
)
def test_what_fit_would_descend_otherwise_is_refused(tiny, compiled, given, sentence):
    model = network()
    model.compile("sgd", **compiled)
    before = model.get_weights()
    with pytest.raises(ArgumentError, match=sentence):
        train(model, tiny, epochs=1, batch_size=10, loss=given)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_loss_that_is_given_takes_no_weight_from_the_compiled_one(tiny):
    records = []
    for weights in (None, 0.5):
        model = network()
        model.compile("sgd", "mse", loss_weights=weights)
        (record,) = train(model, tiny, epochs=1, batch_size=10, loss=OneVsRestHinge())
        records.append(record["train_loss"])
    assert records[0] == records[1]


@pytest.mark.parametrize("given", [[OneVsRestHinge()], {"output": OneVsRestHinge()}])
def test_a_loss_alone_in_a_list_or_by_name_is_that_loss(tiny, given):
    records = []
    for loss in (OneVsRestHinge(), given):
        model = network()
        model.compile("sgd", loss)
        records += train(model, tiny, epochs=1, batch_size=10)
    assert records[0]["train_loss"] == records[1]["train_loss"]


def test_every_program_of_a_model_takes_the_same_operations():
    # Keras' max pooling has two programs for its way down, with different roundings. Before a step was a function of
    # its own, some of these ten programs took the one and some the other, in most processes.
    images = np.random.default_rng(0).integers(0, 256, (200, 32, 32, 3)).astype("uint8")
    split, seen = Split(images, (np.arange(200) % 10).astype("int32")), set()
    for _ in range(10):
        model = build("conv 8 5x5; maxpool 3; full conn. 20; output", reading="paper")
        program = EpochProgram(model, batch_size=50)
        state, _ = program.train(
            program.state(), *program.place(split), seed=0, epoch=0, first=0, last=4, learning_rate=0.1
        )
        seen.add(b"".join(weights.numpy().tobytes() for weights in state.trainable))
    assert len(seen) == 1


def test_xla_gives_the_same_epoch_to_rounding(tiny):
    # Without dropout: XLA draws other random numbers. Steps of 0.1 over 10 batches leave a few float32 roundings.
    def weights(jit_compile):
        model = build("conv 4 3x3; maxpool 3; full conn. 8; output", classes=3, input_shape=(8, 8, 3), seed=1)
        records = train(model, tiny, epochs=2, batch_size=10, jit_compile=jit_compile)
        return model.get_weights(), records

    (plain, records), (compiled, compiled_records) = weights(False), weights(True)
    for a, b in zip(plain, compiled, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-6)
    for a, b in zip(records, compiled_records, strict=True):
        assert a["train_error"] == b["train_error"]
        assert a["train_loss"] == pytest.approx(b["train_loss"], rel=1e-5)


def test_an_xla_epoch_has_dropout_too(tiny):
    def loss(notation):
        model = build(notation, classes=3, input_shape=(8, 8, 3), seed=1)
        return train(model, tiny, epochs=1, batch_size=10, jit_compile=True)[0]["train_loss"]

    assert loss(NOTATION) != loss("conv 4 3x3; maxpool 3; full conn. 8; output")


def test_a_split_epoch_equals_a_whole_one(tiny):
    program = EpochProgram(network(), batch_size=10)
    images, labels = (tf.constant(array) for array in tiny.train)
    how = {"seed": 0, "epoch": 3, "learning_rate": 0.1}
    whole, tally = program.train(program.state(), images, labels, first=0, last=5, **how)
    half, part = program.train(program.state(), images, labels, first=0, last=2, **how)
    both, sums = program.train(half, images, labels, first=2, last=5, tally=part, **how)
    for a, b in zip([*whole.trainable, *whole.non_trainable], [*both.trainable, *both.non_trainable], strict=True):
        np.testing.assert_array_equal(a, b)
    assert [float(x) for x in tally] == [float(x) for x in sums]
    assert float(tally.examples) == 50


def test_training_leaves_the_model_alone_until_it_is_written_back(tiny):
    model = network()
    before = model.get_weights()
    program = EpochProgram(model, batch_size=10)
    images, labels = (tf.constant(array) for array in tiny.train)
    state, _ = program.train(program.state(), images, labels, seed=0, epoch=0, first=0, last=5, learning_rate=0.1)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    program.write_back(state)
    for a, b in zip(state.trainable, model.trainable_variables, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("flat", [-1, None], ids=["any size of batch", "the size of its batch"])
def test_splits_of_all_counts_share_one_trace_where_the_model_allows(flat):
    traced = []

    class Flat(keras.layers.Layer):
        def call(self, x):
            traced.append(x.shape[0])
            return tf.reshape(x, (flat or x.shape[0], 12))

        def compute_output_shape(self, shape):
            return shape[0], 12

    pixels = keras.Input((2, 2, 3))
    model = keras.Model(pixels, FeedbackDense(3, seed=1)(Flat()(pixels)))
    model.compile("sgd", OneVsRestHinge())
    program = EpochProgram(model)
    random = np.random.default_rng(0)
    splits = [Split(random.integers(0, 256, (n, 2, 2, 3)).astype("uint8"), np.arange(n) % 3) for n in (7, 1200, 3)]
    traced.clear()
    tallies = [program.evaluate(program.state(), *program.place(split)) for split in splits]
    assert traced == ([None] if flat else [None, 7, 1000, 3])
    for split, tally in zip(splits, tallies, strict=True):
        fields = model(split.images.astype("float32")).numpy()
        assert float(tally.mistakes) == np.sum(fields.argmax(1) != split.labels)
        assert float(tally.examples) == len(split.labels)


@pytest.mark.parametrize("count", [1, 999, 1000, 1001, 2500])
def test_every_image_is_evaluated_exactly_once(count):
    model = build("output", classes=3, input_shape=(2, 2, 1), seed=1)
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (count, 2, 2, 1)).astype("uint8")
    labels = random.integers(0, 3, count).astype("int32")
    tally = EpochProgram(model).evaluate(EpochProgram(model).state(), tf.constant(images), tf.constant(labels))
    fields = model(images.astype("float32")).numpy()
    assert float(tally.examples) == count
    assert float(tally.mistakes) == np.sum(fields.argmax(1) != labels)
    losses = OneVsRestHinge(mu=model.loss.mu, reduction="none")(labels, fields)
    assert float(tally.loss) == pytest.approx(float(np.sum(losses)), rel=1e-5)


def test_records_have_these_fields_and_are_shares(tiny):
    seen = []
    records = train(
        network(),
        tiny,
        epochs=3,
        batch_size=10,
        probes=(lambda model: {"name": model.name} for _ in "a"),
        after_epoch=lambda records, sessions: seen.append((len(records), len(sessions))),
    )
    assert [list(record) for record in records] == [[*FIELDS, "name"]] * 3
    assert [record["epoch"] for record in records] == [1, 2, 3]
    for record in records:
        assert all(0 <= record[name] <= 1 for name in FIELDS if "error" in name)
        assert record["test_error"] * 23 == pytest.approx(round(record["test_error"] * 23), abs=1e-4)
    assert seen == [(1, 1), (2, 1), (3, 1)]


def test_progress_is_told_along_the_epoch(tiny):
    told = []
    train(
        network(),
        tiny,
        epochs=2,
        batch_size=4,
        progress=lambda epoch, step, steps, tally: told.append((epoch, step, steps, float(tally.examples))),
    )
    assert told == [(1, 10, 13, 40), (1, 13, 13, 52), (2, 10, 13, 40), (2, 13, 13, 52)]


def test_frozen_models_and_float64_models_train(tiny):
    frozen = network()
    frozen.trainable = False
    before = frozen.get_weights()
    assert len(train(frozen, tiny, epochs=1, batch_size=10)) == 1
    for a, b in zip(before, frozen.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    inputs = keras.Input((8, 8, 3), dtype="float64")
    dense = FeedbackDense(3, dtype="float64", seed=1)
    model = keras.Model(inputs, dense(keras.layers.Flatten(dtype="float64")(inputs / 255)))
    start = dense.kernel.numpy()
    train(model, tiny, epochs=1, batch_size=10, loss=OneVsRestHinge())
    assert dense.kernel.dtype == "float64"
    assert np.any(start != dense.kernel)


@pytest.mark.parametrize(("seed", "epoch", "count"), [(0, 0, 1), (0, 0, 1000), (2**31 - 1, 5, 997), (3, 10**6, 100)])
def test_the_order_of_an_epoch_is_a_permutation(seed, epoch, count):
    order = permutation(seed, epoch, count)
    np.testing.assert_array_equal(np.sort(order), np.arange(count))
    np.testing.assert_array_equal(order, tf.function(permutation)(tf.constant(seed), tf.constant(epoch), count))


def test_epochs_and_seeds_have_orders_of_their_own():
    orders = {tuple(permutation(seed, epoch, 50).numpy()) for seed in range(4) for epoch in range(4)}
    assert len(orders) == 16


def test_batches_go_on_from_a_later_epoch(tiny):
    whole = list(batches(tiny.train, batch_size=10, seed=5).take(15).as_numpy_iterator())
    later = list(batches(tiny.train, batch_size=10, seed=5, first_epoch=2).take(5).as_numpy_iterator())
    for (images, labels), (same_images, same_labels) in zip(whole[10:], later, strict=True):
        np.testing.assert_array_equal(images, same_images)
        np.testing.assert_array_equal(labels, same_labels)
    order = permutation(5, 2, 53).numpy()
    np.testing.assert_array_equal(later[0][1], tiny.train.labels[order[:10]])


@pytest.mark.parametrize("batch_size", [0, -1, 54, 2.5, True, "10", None])
def test_an_impossible_batch_size_is_refused(batch_size, tiny):
    with pytest.raises(ArgumentError, match="from 1 to the 53 images"):
        steps_per_epoch(53, batch_size)
    with pytest.raises(ArgumentError, match="from 1 to the 53 images"):
        batches(tiny.train, batch_size=batch_size, seed=0)
    with pytest.raises(ArgumentError, match="from 1 to the 53 images"):
        train(network(), tiny, epochs=1, batch_size=batch_size)


def test_whole_numbers_of_numpy_train_alike(tiny):
    three, ten = np.int64(3), np.int32(10)
    mine = Dataset("mine", three, *tiny.splits.values())
    assert type(mine.classes) is int
    records = train(network(), mine, epochs=three, batch_size=ten, seed=np.int64(5), checkpoint_every=three)
    same = train(network(), tiny, epochs=3, batch_size=10, seed=5)
    assert [{**record, "seconds": None} for record in records] == [{**record, "seconds": None} for record in same]
    assert type(steps_per_epoch(53, ten)) is int
    images, same_images = (
        next(iter(batches(tiny.train, batch_size=size, seed=seed)))[0] for size, seed in ((ten, three), (10, 3))
    )
    np.testing.assert_array_equal(images, same_images)


@pytest.mark.parametrize("seed", [-1, 2**31, 2**40, np.int64(2**31), None, 1.5, True, "0"])
def test_an_impossible_seed_is_refused(seed, tiny):
    sentence = r"^A seed is a whole number from 0 to 2\*\*31 - 1, but got "
    with pytest.raises(ArgumentError, match=sentence):
        train(network(), tiny, epochs=1, batch_size=10, seed=seed)
    with pytest.raises(ArgumentError, match=sentence):
        batches(tiny.train, batch_size=10, seed=seed)


BAD = [{"epochs": 0}, {"epochs": 1.5}, {"checkpoint_every": 0}, {"learning_rate": 0}, {"learning_rate": float("nan")}]


@pytest.mark.parametrize("options", BAD, ids=str)
def test_impossible_numbers_are_refused(options, tiny):
    with pytest.raises(ArgumentError, match=next(iter(options)).replace("learning_rate", "learning rate")):
        train(network(), tiny, **{"epochs": 1, "batch_size": 10, **options})


def test_a_model_without_weights_or_loss_is_refused(tiny):
    with pytest.raises(ArgumentError, match="Training needs a model that has weights"):
        train(keras.Sequential([FeedbackDense(3)]), tiny, epochs=1)
    inputs = keras.Input((8, 8, 3))
    bare = keras.Model(inputs, FeedbackDense(3)(keras.layers.Flatten()(inputs)))
    for loss in (None, "no such loss"):
        with pytest.raises(ArgumentError, match=r"needs a keras.losses.Loss"):
            train(bare, tiny, epochs=1, loss=loss)


@pytest.mark.parametrize("dtype", ["uint8", "int64"])
def test_labels_of_any_type_train_alike(dtype, tiny):
    mine = Dataset("mine", 3, *(Split(images, labels.astype(dtype)) for images, labels in tiny.splits.values()))
    how = {"epochs": 1, "batch_size": 10}
    (record,), (same,) = train(network(), mine, **how), train(network(), tiny, **how)
    assert {**record, "seconds": None} == {**same, "seconds": None}


class Subclassed(keras.Model):
    """Does not say how many outputs it has."""

    def __init__(self):
        super().__init__()
        self.built = True


@pytest.mark.parametrize("loss", ["hinge", "softmax"])
def test_labels_for_which_the_model_has_no_output_are_refused(loss, tiny):
    model = build("output", loss=loss, classes=2, input_shape=(8, 8, 3))
    with pytest.raises(ArgumentError, match="A model with 2 output units needs class numbers from 0 to 1 as labels"):
        train(model, tiny, epochs=1, batch_size=10)
    with pytest.raises(ArgumentError, match="A model needs class numbers from 0 on as labels, but got -1"):
        EpochProgram(Subclassed(), loss=OneVsRestHinge()).place(Split(tiny.test.images, np.full(23, -1)))
    more = build("output", loss=loss, classes=4, input_shape=(8, 8, 3))
    assert len(train(more, tiny, epochs=1, batch_size=10)) == 1


def flat(units, loss, **options):
    """A model of 8 x 8 colour images without hidden units."""
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), FeedbackDense(units, **options)])
    model.compile("sgd", loss)
    return model


def test_a_loss_of_other_things_than_class_numbers_is_refused(tiny):
    for loss, said in {
        "categorical_crossentropy": "categorical_crossentropy",
        "mse": "mean_squared_error",
        keras.losses.CategoricalHinge(name="mine"): "mine",
    }.items():
        with pytest.raises(ArgumentError, match=rf"^Training gives the loss '{said}' class numbers .* or use `fit`\.$"):
            train(flat(3, loss), tiny, epochs=1, batch_size=10)
    with pytest.raises(ArgumentError, match=r"from which it makes no number for each example"):
        train(flat(3, lambda labels, outputs: outputs), tiny, epochs=1, batch_size=10)


def test_a_model_needs_an_output_unit_for_each_class(tiny):
    with pytest.raises(ArgumentError, match=r"the output of this one is \[B, 1\]: use `fit`\.$"):
        train(flat(1, "binary_crossentropy"), tiny, epochs=1, batch_size=10)
    by_pixel = keras.Sequential([keras.Input((8, 8, 3)), FeedbackConv2D(3, 1)])
    with pytest.raises(ArgumentError, match=r"the output of this one is \[B, 8, 8, 3\]: use `fit`\.$"):
        train(by_pixel, tiny, epochs=1, batch_size=10, loss=OneVsRestHinge())


def test_images_of_another_size_than_the_models_are_refused(tiny):
    model = build("output", classes=3, input_shape=(9, 8, 3))
    with pytest.raises(ArgumentError, match=r"the shape \(9, 8, 3\), but those of the data have \(8, 8, 3\)"):
        train(model, tiny, epochs=1, batch_size=10)


def test_large_images_are_evaluated_a_few_at_once_with_the_same_errors():
    assert [at_once(shape) for shape in ((32, 32, 3), (8,), (128, 128, 3), (4000, 4000, 3))] == [1000, 1000, 62, 1]
    random = np.random.default_rng(0)
    split = Split(random.integers(0, 256, (150, 128, 128, 3), dtype=np.uint8), random.integers(0, 3, 150))
    data = Dataset("large", 3, split, split, split)
    model = build("maxpool 32; output", classes=3, input_shape=(128, 128, 3))
    (record,) = train(model, data, epochs=1, batch_size=10)
    accuracy = model.evaluate(*split, verbose=0)[1]
    assert record["test_error"] == pytest.approx(1 - accuracy, abs=1e-5)


@pytest.mark.parametrize("sizes", [(53, 0, 23), (53, 17, 0)])
def test_an_empty_split_is_refused(sizes, tiny):
    with pytest.raises(ArgumentError, match=r"there is no (validation|test) image"):
        train(network(), tiny.subset(*sizes), epochs=1, batch_size=10)


MANY = """
import logging
import sys
from urfb_tf import build, load, train
from urfb_tf.metrics import Alignment

logging.getLogger("tensorflow").addHandler(logging.StreamHandler(sys.stdout))
data = load("generated", train=20, validation=5, test=5)
for _ in range(5):
    probe = Alignment(data.train.images[:5], data.train.labels[:5])
    train(build("maxpool 8; output"), data, epochs=1, batch_size=10, probes=[probe])
"""


def test_many_models_in_one_process_cause_no_warning(python):
    # A process of its own, because TensorFlow gives each warning twice at most.
    assert python("-c", MANY) == ""


def test_one_split_is_no_dataset(tiny):
    with pytest.raises(ArgumentError, match="Training takes a whole dataset"):
        train(network(), tiny.train, epochs=1)


class Unasking(keras.Model):
    """A model whose `call` does not ask whether it trains, though some of its layers do."""

    def __init__(self, rule):
        super().__init__()
        self.scale, self.flat = keras.layers.Rescaling(1 / 255), keras.layers.Flatten()
        self.hidden = FeedbackDense(8, rule=rule, activation="tanh", seed=1)
        self.drop, self.top = keras.layers.Dropout(0.5, seed=3), FeedbackDense(3, rule=rule, seed=2)

    def call(self, inputs):
        return self.top(self.drop(self.hidden(self.flat(self.scale(inputs)))))


class Asking(Unasking):
    """One that asks and does not pass it on: Keras tells the layers."""

    def call(self, inputs, training=None):
        return super().call(inputs)


@pytest.mark.parametrize("kind", [Asking, Unasking])
@pytest.mark.parametrize("rule", ["urfb", "mirror", "alternate"])
def test_subclassed_models_train_as_under_fit(tiny, rule, kind):
    fitted, trained = kind(rule), kind(rule)
    for model in (fitted, trained):
        model.compile(keras.optimizers.SGD(0.1), OneVsRestHinge())
        model(tiny.train.images[:1])
    fitted.fit(batches(tiny.train, batch_size=10, seed=5), steps_per_epoch=5, epochs=2, **FIT)
    train(trained, tiny, epochs=2, batch_size=10, seed=5)
    for one, other in zip(fitted.variables, trained.variables, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_an_activation_that_is_a_layer_trains_though_the_model_was_never_called(tiny):
    inputs = keras.Input(tiny.train.images.shape[1:])
    hidden = keras.layers.Dense(4, activation=keras.layers.PReLU())(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, FeedbackDense(3)(hidden))
    records = train(model, tiny, loss=OneVsRestHinge(), epochs=1, batch_size=10, learning_rate=1e-3)
    assert np.isfinite(records[-1]["train_loss"])


@pytest.mark.parametrize("name", ["mse", "mae", "hinge", "huber", "cosine_similarity"])
def test_a_loss_not_over_class_numbers_is_refused_even_if_a_batch_has_as_many_examples_as_classes(name, tiny):
    data = Dataset("three", 3, *(Split(images[:3], labels[:3]) for images, labels in tiny.splits.values()))
    with pytest.raises(ArgumentError, match="from which it makes no number for each example"):
        train(network(), data, epochs=1, batch_size=3, loss=name)


def test_half_precision_and_a_program_refuse_an_impossible_batch_size_too(tiny):
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, FeedbackDense(3, dtype="mixed_float16")(keras.layers.Flatten()(inputs)))
    with pytest.raises(ArgumentError, match="from 1 to the 53 images, but got 0"):
        train(model, tiny, epochs=1, batch_size=0, loss=OneVsRestHinge())
    with pytest.raises(ArgumentError, match="The batch size is a whole number >= 1, but got '20'"):
        EpochProgram(network(), batch_size="20")


def test_a_layer_that_xla_cannot_compile_is_named():
    class Eager(keras.layers.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.supports_jit = False

        def call(self, inputs):
            return inputs

    inputs = keras.Input((4,))
    model = keras.Model(inputs, FeedbackDense(3)(Eager(name="eager")(inputs)))
    with pytest.raises(ArgumentError, match="Layer 'eager' says by `supports_jit = False` that XLA cannot compile it"):
        EpochProgram(model, OneVsRestHinge(), jit_compile=True)


def test_images_of_another_rank_are_refused(tiny):
    program = EpochProgram(network(), batch_size=10)
    images, labels = tiny.train
    with pytest.raises(ArgumentError, match=r"the shape \(8, 8, 3\), but those of the data have \(192,\)"):
        program.place(Split(images.reshape(len(images), -1), labels))
    grey = EpochProgram(build("output", classes=3, input_shape=(8, 8, 1)), batch_size=10)
    placed, _ = grey.place(Split(images[..., 0], labels))
    assert placed.shape == (53, 8, 8)


@pytest.mark.parametrize("what", ["simpnet", None])
def test_what_is_no_model_is_refused(what, tiny):
    with pytest.raises(ArgumentError, match=f"Training needs a keras.Model, but got {what!r}"):
        train(what, tiny, epochs=1)


def test_one_probe_may_stand_for_a_list_and_returns_a_dict(tiny):
    (record,) = train(network(), tiny, epochs=1, batch_size=10, probes=lambda model: {"seen": 1})
    assert record["seen"] == 1
    with pytest.raises(ArgumentError, match="A probe returns a dict of what it has measured, but got None"):
        train(network(), tiny, epochs=1, batch_size=10, probes=[lambda model: None])


def test_a_whole_dataset_is_no_split(tiny):
    with pytest.raises(ArgumentError, match=r"`batches` takes one split, images and labels, such as `data\.train`"):
        batches(tiny, batch_size=10, seed=0)
    with pytest.raises(ArgumentError, match="Training takes one split"):
        EpochProgram(network(), batch_size=10).place(tiny)
    with pytest.raises(ArgumentError, match="first_epoch is a whole number >= 0, but got -1"):
        batches(tiny.train, batch_size=10, seed=0, first_epoch=-1)
    mine = next(iter(batches(tuple(tiny.train), batch_size=10, seed=0)))  # a plain pair
    np.testing.assert_array_equal(mine[1], next(iter(batches(tiny.train, batch_size=10, seed=0)))[1])


@pytest.mark.parametrize(("taken", "given"), [((None, None, 1), (8, 8)), ((64,), (64, 1)), ((8, 8), (8, 8, 1))])
def test_an_axis_of_length_one_comes_and_goes_as_in_keras(taken, given):
    inputs = keras.Input(taken)
    pooled = keras.layers.GlobalAveragePooling2D()(inputs) if len(taken) == 3 else keras.layers.Flatten()(inputs)
    model = keras.Model(inputs, FeedbackDense(3, seed=0)(pooled))
    images = np.random.default_rng(0).integers(0, 256, (12, *given), dtype=np.uint8)
    split = Split(images, np.arange(12) % 3)
    (record,) = train(
        model, Dataset("mine", 3, split, split, split), epochs=1, batch_size=6, loss=OneVsRestHinge(),
        learning_rate=1e-4,
    )  # fmt: skip
    assert 0 <= record["test_error"] <= 1
