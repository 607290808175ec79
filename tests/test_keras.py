"""The networks as Keras models: every way to build, run, spread, save and copy one gives the same."""

import keras
import numpy as np
import pytest

from urfb_tf import FeedbackConv2D, FeedbackDense, SaturatedLinearity, TiedMaxPooling2D, rules
from urfb_tf.losses import OneVsRestHinge
from urfb_tf.networks import build

NOTATION = "conv 4 3x3; maxpool 3; full conn. 8; output"


def layers():
    """The same small network as `NOTATION`, layer by layer."""
    return [
        keras.layers.Rescaling(1 / 255),
        FeedbackConv2D(4, 3, rule="bp", activation=SaturatedLinearity(0.5, closed=False), seed=1),
        TiedMaxPooling2D(3, 2),
        keras.layers.Flatten(),
        FeedbackDense(8, rule="urfb", activation=SaturatedLinearity(0.5, closed=False), connectivity=0.5, seed=2),
        FeedbackDense(3, rule="urfb", seed=3),
    ]


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.steps = layers()

    def call(self, inputs):
        for step in self.steps:
            inputs = step(inputs)
        return inputs


def functional():
    inputs = x = keras.Input((8, 8, 3))
    for step in layers():
        x = step(x)
    return keras.Model(inputs, x)


MODELS = {
    "functional": functional,
    "sequential": lambda: keras.Sequential([keras.Input((8, 8, 3)), *layers()]),
    "deferred": lambda: keras.Sequential(layers()),
    "subclassed": Subclassed,
}


def data():
    random = np.random.default_rng(0)
    return random.integers(0, 256, (40, 8, 8, 3)).astype("float32"), random.integers(0, 3, 40)


def fitted(model, **how):
    model.compile(keras.optimizers.SGD(0.1), OneVsRestHinge(), metrics=["accuracy"], **how)
    history = model.fit(*data(), batch_size=10, epochs=3, shuffle=False, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    return model.get_weights()


@pytest.mark.parametrize("kind", MODELS)
def test_functional_sequential_and_subclassed_models_learn_the_same(kind):
    for a, b in zip(fitted(MODELS[kind]()), fitted(functional()), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("how", [{"run_eagerly": True}, {"jit_compile": True}], ids=str)
def test_eager_and_xla_runs_learn_what_graphs_learn(how):
    # The compilers order sums differently, hence the tolerance: some float32 roundings of weights of size about 1.
    for a, b in zip(fitted(functional(), **how), fitted(functional(), jit_compile=False), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-6)


def test_graphs_of_several_steps_learn_what_single_steps_learn():
    expected = fitted(functional(), jit_compile=False)
    for _ in range(4):  # reading R after its update would go wrong in most runs, not in all
        for a, b in zip(fitted(functional(), jit_compile=False, steps_per_execution=4), expected, strict=True):
            np.testing.assert_array_equal(a, b)


def test_two_devices_learn_what_one_learns(python):
    python(
        "-W",
        "error::UserWarning",
        "-c",
        """
import contextlib
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from urfb_tf.networks import build

def weights(scope):
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (40, 8, 8, 3)), random.integers(0, 3, 40)
    with scope:
        model = build("conv 4 3x3; maxpool 3; full conn. 8; output", classes=3, connectivity=0.5, input_shape=(8, 8, 3))
    before = model.get_weights()
    model.fit(images.astype("float32"), labels, batch_size=10, epochs=2, shuffle=False, verbose=0)
    return before, model.get_weights()

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
(start, two), (start_one, one) = weights(strategy.scope()), weights(contextlib.nullcontext())
for a, b, c, d in zip(two, one, start, start_one, strict=True):
    np.testing.assert_array_equal(c, d)
    np.testing.assert_allclose(a, b, rtol=0, atol=2e-6)
    assert np.any(a != c) or a.dtype == bool
""",
    )


def saved_network():
    rule = rules.UpdatedRandomFeedback(0.5)
    model = build(
        "conv 4 3x3; conv 4 3x3; sum; maxpool 3; avgpool 3; full conn. 8; output",
        rule,
        classes=3,
        connectivity=0.5,
        input_shape=(8, 8, 3),
    )
    model.fit(*data(), batch_size=10, epochs=1, verbose=0)
    return model


def test_another_process_loads_a_saved_model_and_goes_on_with_it(python, tmp_path):
    model = saved_network()
    images, labels = data()
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "data.npz", images=images, labels=labels)
    python(
        "-c",
        """
import keras, numpy as np, urfb_tf
data = np.load("data.npz")
model = keras.models.load_model("model.keras")
predicted = model.predict(data["images"], batch_size=40, verbose=0)
model.fit(data["images"], data["labels"], batch_size=10, shuffle=False, verbose=0)
np.savez("result.npz", predicted, *[w for w in model.get_weights()])
""",
        folder=tmp_path,
    )
    with np.load(tmp_path / "result.npz") as found:
        predicted, *weights = (found[name] for name in found.files)
    np.testing.assert_array_equal(predicted, model.predict(images, batch_size=40, verbose=0))
    model.fit(images, labels, batch_size=10, shuffle=False, verbose=0)
    for a, b in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_loaded_model_has_the_same_layers_and_loss(tmp_path):
    model = saved_network()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.to_json() == model.to_json()
    assert loaded.get_layer("dense1").rule == rules.UpdatedRandomFeedback(0.5)
    assert (type(loaded.loss), loaded.loss.mu) == (OneVsRestHinge, model.loss.mu)


def test_weights_alone_can_be_saved_and_loaded(tmp_path):
    model = saved_network()
    model.save_weights(tmp_path / "all.weights.h5")
    other = saved_network()
    other.set_weights([np.zeros_like(w) for w in model.get_weights()])
    other.load_weights(tmp_path / "all.weights.h5")
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_of_a_stock_layer_are_told_from_those_under_another_rule(tmp_path):
    stock = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="same")])
    stock.save_weights(tmp_path / "stock.weights.h5")
    model = keras.Sequential([keras.Input((4,)), FeedbackDense(3, name="same", use_bias=True)])
    with pytest.raises(
        ValueError, match="none of the weights bias, feedback, kernel of the layer 'same', as where a sto"
    ):
        model.load_weights(tmp_path / "stock.weights.h5")


def test_a_clone_starts_from_the_same_seed():
    model = build(NOTATION, connectivity=0.5, input_shape=(8, 8, 3), seed=4)
    start = model.get_weights()
    model.set_weights([np.zeros_like(w) for w in start])
    clone = keras.models.clone_model(model)
    for a, b in zip(clone.get_weights(), start, strict=True):
        np.testing.assert_array_equal(a, b)
    assert clone.get_layer("dense1") is not model.get_layer("dense1")


def test_the_summary_counts_fixed_feedback_as_non_trainable():
    lines = []
    build(NOTATION, "frfb", input_shape=(8, 8, 3)).summary(print_fn=lines.append)
    text = "\n".join(str(line) for line in lines)
    shown = {
        line.split(":")[0].strip(): line.split(":")[1].split()[0] for line in text.splitlines() if "params:" in line
    }
    forward = 3 * 3 * 3 * 4 + 4 * 4 * 4 * 8 + 8 * 10
    assert shown["Trainable params"] == str(forward)
    assert shown["Non-trainable params"] == str(forward - 3 * 3 * 3 * 4)
