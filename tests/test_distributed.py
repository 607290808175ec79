"""Several devices train as one does: each its share of every batch."""

import json

import pytest

from urfb_tf.errors import ArgumentError
from urfb_tf.training import gpus

# In a process of its own, because a processor can be divided only before TensorFlow uses it.
TWO_DEVICES = """
import contextlib, functools, json, sys, traceback
import keras, numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import urfb_tf
from urfb_tf.errors import ArgumentError
from urfb_tf.training import train

data = urfb_tf.load("generated", train=66, validation=25, test=2003)
two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

def network(drop=""):
    return urfb_tf.build(f"conv 4 3x3; maxpool 3; {drop}conv 3 3x3; full conn. 8; output", "urfb", connectivity=0.5)

def trained(model=None, epochs=2, **settings):
    model = network() if model is None else model
    before = model.get_weights()
    records = train(model, data, epochs=epochs, batch_size=20, learning_rate=0.05, seed=1, **settings)
    after = model.get_weights()
    assert any(np.any(a != b) for a, b in zip(before, after, strict=True))
    return after, records

@functools.cache
def alone():
    return trained()

def same(a, b):
    for x, y in zip(a[0], b[0], strict=True):
        np.testing.assert_allclose(x, y, rtol=0, atol=1e-6)  # roundings of sums in another order
    for x, y in zip(a[1], b[1], strict=True):
        np.testing.assert_allclose(x["train_loss"], y["train_loss"], rtol=1e-5)
        for name in ("train_error", "train_error_evaluated", "validation_error", "test_error"):
            assert abs(x[name] - y[name]) < 1e-6, name
"""

CASES = {
    "a strategy that is passed": "same(alone(), trained(strategy=two))",
    "the strategy of the scope": """
with two.scope():
    found = trained()
same(alone(), found)
""",
    "programs compiled by XLA": "same(trained(jit_compile=True), trained(strategy=two, jit_compile=True))",
    "untied layers whose feedback follows once per epoch": """
def untied():
    return urfb_tf.untie(network(), ["conv2"], feedback_refresh="epoch")
same(trained(untied()), trained(untied(), strategy=two))
""",
    "regularisers and constraints": """
def regularised():
    inputs = keras.Input((32, 32, 3))
    fields = keras.layers.Dense(10, kernel_regularizer="l2", kernel_constraint="unit_norm")
    model = keras.Model(inputs, fields(keras.layers.Flatten()(keras.layers.AveragePooling2D(8)(inputs / 255))))
    model.compile("sgd", urfb_tf.OneVsRestHinge())
    return model
start = regularised()
def copied():
    model = regularised()
    model.set_weights(start.get_weights())
    return model
same(trained(copied()), trained(copied(), strategy=two))
""",
    "updates that are out of step": """
from urfb_tf import rules
late = rules.SporadicUpdates(rules.DelayedFeedback(delay=3), probability=0.5)
def out_of_step(rule):
    return urfb_tf.build("conv 4 3x3; maxpool 3; full conn. 8; output", rule)
for rule in (rules.AlternateUpdates(late.rule), late):
    same(trained(out_of_step(rule)), trained(out_of_step(rule), strategy=two))
""",
    "weights that decay, under fit too": """
def decayed():
    layer = urfb_tf.FeedbackDense(10, rule=urfb_tf.KolenPollack(0.1), seed=1)
    below = [keras.layers.AveragePooling2D(8), keras.layers.Flatten()]
    model = keras.Sequential([keras.Input((32, 32, 3)), *below, layer])
    model.compile(keras.optimizers.SGD(0.5), urfb_tf.OneVsRestHinge())
    gap = layer.feedback.numpy() - layer.kernel.numpy()
    model.fit(data.train.images[:40] / np.float32(255), data.train.labels[:40], batch_size=10, epochs=5, verbose=0)
    np.testing.assert_allclose(layer.feedback.numpy() - layer.kernel.numpy(), gap * 0.95**20, rtol=0, atol=1e-5)
decayed()
with two.scope():
    decayed()
""",
    "feedback that is renewed before each batch": """
def renewed(rule):
    return urfb_tf.build("conv 4 3x3; maxpool 3; full conn. 8; output", rule)
for rule in ("brsf", "mirror"):
    same(trained(renewed(rule)), trained(renewed(rule), strategy=two))
""",
    "a run that goes on with another number of devices": """
trained(epochs=1, checkpoint="run/checkpoint.npz", strategy=two)
same(alone(), trained(checkpoint="run/checkpoint.npz"))
""",
    "dropout and noise in the error, drawn for each device by itself": """
# Each device receives one of two images, white in a pixel of its own, whose row of W learns from it alone.
images = urfb_tf.data.Split(255 * np.eye(2, dtype="uint8").reshape(2, 1, 2, 1), np.zeros(2, "int32"))
pair = urfb_tf.data.Dataset("two images", 3, images, images, images)
for layer in (keras.layers.Dropout, urfb_tf.ErrorNoise):
    def rows_of(**settings):
        below = keras.layers.Dense(50, use_bias=False, kernel_initializer="zeros")
        above = [layer(0.5, seed=1), keras.layers.Dense(3)]
        model = keras.Sequential([keras.Input((1, 2, 1)), keras.layers.Flatten(), below, *above])
        train(model, pair, epochs=1, batch_size=2, loss=urfb_tf.OneVsRestHinge(), **settings)
        return below.kernel.numpy(), model.non_trainable_variables
    (_, (alone,)), ((first, second), (state,)) = rows_of(), rows_of(strategy=two)
    assert first.any() and second.any() and np.any(first != second), layer
    np.testing.assert_array_equal(state, alone)  # the generator stands where a single device leaves it
""",
    "batch normalisation, each device by its share, with running averages of all": """
from urfb_tf.training.order import permutation
few = data.subset(20, 5, 5)
normalisation = keras.layers.BatchNormalization()
rest = [keras.layers.AveragePooling2D(8), keras.layers.Flatten(), keras.layers.Dense(10)]
model = keras.Sequential([keras.Input((32, 32, 3)), normalisation, *rest])
train(model, few, epochs=1, batch_size=20, seed=1, loss=urfb_tf.OneVsRestHinge(), strategy=two)
shares = few.train.images[permutation(1, 0, 20).numpy()].reshape(2, -1, 3).astype("float64")
mean, variance = shares.mean(1).mean(0), shares.var(1).mean(0)
np.testing.assert_allclose(normalisation.moving_mean, 0.01 * mean, rtol=1e-5)
np.testing.assert_allclose(normalisation.moving_variance, 0.99 + 0.01 * variance, rtol=1e-5)
""",
    "fit of a model that was changed outside the scope": """
images, labels = (array[:40] for array in data.train)
labels = labels.astype("int32")
def fitted(change, scope=contextlib.nullcontext):
    with scope():
        model = network()
        model.compile(keras.optimizers.SGD(0.01, momentum=0.9), model.loss)
    model = change(model)
    assert model.distribute_strategy.num_replicas_in_sync == (1 if scope is contextlib.nullcontext else 2)
    model.fit(images, labels, batch_size=20, shuffle=False, verbose=0)
    return model
for change in (
    lambda model: urfb_tf.freeze(model, ["conv1"]),
    functools.partial(urfb_tf.reinitialise, seed=1),
    functools.partial(urfb_tf.change_rule, rule="frfb"),
    functools.partial(urfb_tf.change_rule, rule="dfa"),
):
    one, several = fitted(change), fitted(change, two.scope)
    for a, b in zip(one.trainable_variables, several.trainable_variables, strict=True):
        first, second = (replica.numpy() for replica in b.value.values)
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(first, a, rtol=0, atol=1e-5)
""",
    "a batch that cannot be shared evenly is refused": """
try:
    train(network(), data, epochs=1, batch_size=21, strategy=two)
except ArgumentError as error:
    assert str(error) == "A batch of 21 cannot be shared evenly by 2 devices."
else:
    raise AssertionError("not refused")
""",
}

# Prints what went wrong in each case, nothing where all is well.
ALL_CASES = """
wrong = {}
for case, program in json.loads(sys.argv[1]).items():
    keras.utils.set_random_seed(0)
    try:
        exec(program, dict(globals()))
        wrong[case] = ""
    except Exception:
        wrong[case] = traceback.format_exc()
print(json.dumps(wrong))
"""


@pytest.fixture(scope="module")
def wrong(python):
    """What went wrong, by case; all run in one process, because to start one takes longer than most cases."""
    return json.loads(python("-W", "error::UserWarning", "-c", TWO_DEVICES + ALL_CASES, json.dumps(CASES)))


@pytest.mark.parametrize("case", CASES)
def test_two_devices_train_as_one_does(case, wrong):
    assert not wrong[case], wrong[case]


def test_more_gpus_than_there_are_are_refused():
    with pytest.raises(ArgumentError, match=r"^TensorFlow sees .*, so a run cannot be split over 64\.$"):
        gpus(64)


@pytest.mark.parametrize("number", [0, -1, 1.0, "1", True, None])
def test_a_number_of_gpus_that_is_none_is_refused(number):
    with pytest.raises(ArgumentError, match=f"whole number of GPUs >= 1, but got {number!r}"):
        gpus(number)
