"""A stock Keras model converted: the same function, other feedback."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import urfb_tf
from urfb_tf import FeedbackConv2D, FeedbackDense, FeedbackLayer, rules
from urfb_tf.data import Dataset, Split
from urfb_tf.errors import ArgumentError
from urfb_tf.layers import feedback_layers
from urfb_tf.networks import under_back_propagation

LAYERS = keras.layers
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (40, 8, 8, 3)).astype("uint8")
LABELS = RANDOM.integers(0, 3, 40).astype("int32")


def resnet(activation="softmax"):
    inputs = keras.Input((8, 8, 3))
    x = LAYERS.Rescaling(1 / 255)(inputs)
    x = LAYERS.Conv2D(4, 3, padding="same", use_bias=False, name="stem")(x)
    short = LAYERS.ReLU()(LAYERS.BatchNormalization(name="norm")(x))
    x = LAYERS.Conv2D(4, 3, padding="same", activation="relu", kernel_initializer="he_normal", name="block")(short)
    x = LAYERS.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = LAYERS.Add()([x, short])
    x = LAYERS.Conv2D(6, (3, 2), strides=(2, 1), name="down")(x)
    x = LAYERS.GlobalAveragePooling2D()(x)
    outputs = LAYERS.Dense(3, activation=activation, name="classes")(x)
    model = keras.Model(inputs, outputs, name="resnet")
    model.compile(
        keras.optimizers.SGD(0.01, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=activation is None),
        metrics=["accuracy"],
        jit_compile=False,
    )
    return model


def sequential():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            LAYERS.Rescaling(1 / 255),
            LAYERS.Conv2D(4, 3, activation="tanh", bias_initializer="ones"),
            LAYERS.MaxPooling2D(),
            LAYERS.Flatten(),
            LAYERS.Dropout(0.2, seed=1),
            LAYERS.Dense(8, activation="relu"),
            LAYERS.Dense(3, use_bias=False),
        ]
    )
    model.compile(
        keras.optimizers.SGD(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False
    )
    return model


MODELS = {"resnet": resnet, "resnet-of-logits": lambda: resnet(None), "sequential": sequential}


def gradients(model, training):
    pixels = tf.cast(IMAGES, tf.float32)
    with tf.GradientTape() as tape:
        loss = model.loss(LABELS, model(pixels, training=training))
    return tape.gradient(loss, [v.value for v in model.trainable_variables])


# All rules in the simpler network; where the error branches, one of each way of handing it down.
CONVERTED = [(rule, "sequential") for rule in sorted(rules.RULES)]
CONVERTED += [(rule, "resnet") for rule in ("bp", "urfb", "mirror", "sporadic")]
CONVERTED += [("dfa", "resnet-of-logits")]  # which direct feedback asks for


@pytest.mark.parametrize(("rule", "kind"), CONVERTED)
def test_a_converted_model_has_the_same_weights_and_output_and_learns(kind, rule, tmp_path):
    stock = MODELS[kind]()
    before = stock.get_weights()
    model = urfb_tf.convert(stock, rule)
    pixels = IMAGES.astype("float32")
    np.testing.assert_array_equal(model(pixels), stock(pixels))
    lowest = rules.get(rule).lowest().name
    assert [layer.rule.name for layer in feedback_layers(model)] == [
        lowest,
        *[rule] * (len(feedback_layers(model)) - 1),
    ]
    start = [layer.kernel.numpy() for layer in feedback_layers(model)]
    model.fit(pixels, LABELS, batch_size=10, verbose=0)
    for layer, kernel in zip(feedback_layers(model), start, strict=True):
        assert np.any(layer.kernel.numpy() != kernel)
    start = [layer.kernel.numpy() for layer in feedback_layers(model)]
    split = Split(IMAGES, LABELS)
    urfb_tf.train(model, Dataset("small", 3, split, split, split), epochs=1, batch_size=10, learning_rate=0.01)
    for layer, kernel in zip(feedback_layers(model), start, strict=True):
        assert np.any(layer.kernel.numpy() != kernel)
    for a, b in zip(stock.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(pixels), model(pixels))
    for a, b in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("rule", ["urfb", "dfa"])
def test_masks_pass_the_converted_layers(rule):
    numbers = np.array([[1, 2, 3, 0, 0, 0, 0], [4, 5, 6, 7, 8, 0, 0]])
    stock = keras.Sequential(
        [
            keras.Input((7,)),
            LAYERS.Embedding(9, 4, mask_zero=True),
            LAYERS.Dense(4, bias_initializer="ones"),
            LAYERS.Dense(3),
        ]
    )
    pooled = keras.Sequential([keras.Input((7,)), *stock.layers, LAYERS.GlobalAveragePooling1D()])
    np.testing.assert_array_equal(urfb_tf.convert(pooled, rule)(numbers), pooled(numbers))
    mask = urfb_tf.convert(stock, rule)(numbers)._keras_mask  # a loss leaves out what is masked
    np.testing.assert_array_equal(mask, numbers != 0)


@pytest.mark.parametrize("kind", ["resnet", "sequential"])
def test_under_bp_the_gradients_are_those_of_the_stock_model(kind):
    stock = MODELS[kind]()
    model = urfb_tf.convert(stock, "bp")
    assert len(model.trainable_variables) == len(stock.trainable_variables)
    for a, b in zip(gradients(model, False), gradients(stock, False), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", ["resnet", "sequential"])
def test_under_bp_fit_takes_the_steps_of_the_stock_model(kind):
    stock = MODELS[kind]()
    model = urfb_tf.convert(stock, "bp")
    for each in (stock, model):
        each.fit(IMAGES.astype("float32"), LABELS, batch_size=10, epochs=2, shuffle=False, verbose=0)
    for a, b in zip(model.trainable_variables, stock.trainable_variables, strict=True):
        # Graphs of different operations are fused differently: a few roundings of numbers of size 1.
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-6)


def test_it_is_compiled_alike():
    stock = resnet()
    model = urfb_tf.convert(stock, "urfb")
    assert model.optimizer.get_config() == stock.optimizer.get_config()
    assert model.optimizer is not stock.optimizer
    assert type(model.loss) is type(stock.loss)
    assert model.jit_compile == stock.jit_compile
    assert set(model.evaluate(IMAGES.astype("float32"), LABELS, verbose=0, return_dict=True)) == {"loss", "accuracy"}
    assert not urfb_tf.convert(
        keras.models.clone_model(keras.Sequential([keras.Input((3,)), LAYERS.Dense(2)]))
    ).compiled


def test_r_is_drawn_like_w_and_independently_of_it():
    model = urfb_tf.convert(resnet(), "frfb", seed=3)
    block = model.get_layer("block")
    correlation = np.corrcoef(block.kernel.numpy().ravel(), block.feedback.numpy().ravel())[0, 1]
    assert abs(correlation) < 0.4  # 144 pairs: five standard errors
    size = np.std(block.feedback) / np.sqrt(2 / 36)  # he_normal of 3 x 3 x 4 inputs
    assert 0.7 < size < 1.3  # 144 numbers: five standard errors
    same, other = (urfb_tf.convert(resnet(), "frfb", seed=seed).get_layer("block") for seed in (3, 4))
    np.testing.assert_array_equal(same.feedback, block.feedback)
    assert not np.any(other.feedback.numpy() == block.feedback.numpy())


def test_r_is_random_even_where_w_is_not():
    stock = keras.Sequential(
        [keras.Input((4,)), LAYERS.Dense(4), LAYERS.Dense(4, kernel_initializer="identity", name="same")]
    )
    assert len(np.unique(urfb_tf.convert(stock, "frfb").get_layer("same").feedback)) == 16


def test_layers_left_under_back_propagation_are_told_by_name():
    assert under_back_propagation(urfb_tf.convert(resnet(), "urfb")) == ["norm", "depthwise"]
    assert under_back_propagation(urfb_tf.convert(sequential(), "urfb")) == []
    left = urfb_tf.convert(resnet(), "urfb", skip=["block"])
    assert under_back_propagation(left) == ["norm", "block", "depthwise"]
    assert type(left.get_layer("block")) is LAYERS.Conv2D


def test_a_layer_above_something_that_learns_has_feedback_weights_of_its_own():
    stock = keras.Sequential([keras.Input((8, 8, 3)), LAYERS.BatchNormalization(), LAYERS.Conv2D(4, 3, name="conv")])
    assert urfb_tf.convert(stock, "frfb").get_layer("conv").rule == rules.get("frfb")
    stock.layers[0].trainable = False
    assert urfb_tf.convert(stock, "frfb").get_layer("conv").rule == rules.get("bp")


def test_nested_models_are_converted_and_layers_of_other_classes_are_not():
    class Own(LAYERS.Dense):
        pass

    inner = keras.Sequential([keras.Input((4,)), LAYERS.Dense(5, name="inner"), Own(3, name="own")])
    stock = keras.Sequential([keras.Input((4,)), LAYERS.Dense(4, name="outer"), inner])
    model = urfb_tf.convert(stock, "urfb")
    assert [layer.name for layer in feedback_layers(model)] == ["outer", "inner"]
    assert under_back_propagation(model) == ["own"]


def test_a_layer_that_is_used_twice_stays_one_layer():
    inputs = keras.Input((4,))
    layer = LAYERS.Dense(4, name="twice")
    stock = keras.Model(inputs, LAYERS.Add()([layer(inputs), layer(layer(inputs))]))
    model = urfb_tf.convert(stock, "bp")
    assert len(feedback_layers(model)) == 1
    x = RANDOM.normal(size=(3, 4)).astype("float32")
    np.testing.assert_array_equal(model(x), stock(x))


def test_types_and_frozen_layers_stay():
    stock = keras.Sequential(
        [
            keras.Input((4,)),
            LAYERS.Dense(5, dtype="mixed_float16", trainable=False, name="frozen"),
            LAYERS.Dense(3, dtype="float64", activity_regularizer="l2", name="top"),
        ]
    )
    model = urfb_tf.convert(stock, "urfb")
    assert not model.get_layer("frozen").trainable
    assert model.get_layer("frozen").compute_dtype == "float16"
    assert model.get_layer("top").kernel.dtype == "float64"
    x = np.ones((2, 4), "float32")
    model(x), stock(x)
    np.testing.assert_array_equal(model.losses[0], stock.losses[0])


@pytest.mark.parametrize(
    ("layer", "what"),
    [
        (lambda: LAYERS.Conv2D(4, 3, groups=2), "2 groups"),
        (lambda: LAYERS.Conv2D(4, 3, dilation_rate=2), "dilation"),
        (lambda: LAYERS.Conv2D(4, 3, kernel_regularizer="l2"), "kernel_regularizer"),
        (lambda: LAYERS.Dense(4, bias_constraint="non_neg"), "bias_constraint"),
    ],
)
def test_a_layer_that_cannot_be_converted_is_named_and_can_be_skipped(layer, what):
    made = layer()
    stock = keras.Sequential([keras.Input((8, 8, 4)), LAYERS.Conv2D(4, 1, name="first"), made])
    with pytest.raises(ArgumentError, match=rf"'{made.name}' has .*{what}.*skip=\['{made.name}'\]"):
        urfb_tf.convert(stock)
    assert under_back_propagation(urfb_tf.convert(stock, skip=[made.name])) == [made.name]


def test_a_quantised_layer_is_refused_and_can_be_skipped():
    stock = keras.Sequential([keras.Input((4,)), LAYERS.Dense(4, name="whole"), LAYERS.Dense(3, name="top")])
    stock.get_layer("whole").quantize("int8")
    with pytest.raises(ArgumentError, match=r"'whole' is quantised \(int8\), which .*skip=\['whole'\]"):
        urfb_tf.convert(stock)
    x = RANDOM.normal(size=(5, 4)).astype("float32")
    np.testing.assert_array_equal(urfb_tf.convert(stock, skip=["whole"])(x), stock(x))


def test_a_layer_with_adapters_is_refused_and_can_be_skipped():
    stock = keras.Sequential([keras.Input((4,)), LAYERS.Dense(4, name="tuned"), LAYERS.Dense(3, name="top")])
    stock.get_layer("tuned").enable_lora(2)
    with pytest.raises(ArgumentError, match=r"'tuned' has LoRA's adapters, which .*skip=\['tuned'\]"):
        urfb_tf.convert(stock)
    x = RANDOM.normal(size=(5, 4)).astype("float32")
    np.testing.assert_array_equal(urfb_tf.convert(stock, skip=["tuned"])(x), stock(x))


def test_other_models_are_refused():
    class Own(keras.Model):
        def call(self, x):
            return x

    for model in (Own(), keras.Sequential([LAYERS.Dense(3)])):
        with pytest.raises(ArgumentError, match="functional and sequential"):
            urfb_tf.convert(model)
    with pytest.raises(ArgumentError, match="Unknown feedback rule"):
        urfb_tf.convert(sequential(), "nonsense")
    with pytest.raises(ArgumentError, match="of the model"):
        urfb_tf.convert(sequential(), skip=["nonsense"])
    with pytest.raises(ArgumentError, match=r"^skip is a list of names, but got 'dense': write \['dense'\]"):
        urfb_tf.convert(sequential(), skip="dense")


def test_the_converted_layers_are_the_feedback_layers():
    kinds = {layer.name: type(layer) for layer in urfb_tf.convert(resnet()).layers if isinstance(layer, FeedbackLayer)}
    assert kinds == {"stem": FeedbackConv2D, "block": FeedbackConv2D, "down": FeedbackConv2D, "classes": FeedbackDense}


def test_no_layer_to_skip_skips_none():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(3)])
    found = urfb_tf.convert(model, skip=None)
    assert all(isinstance(layer, FeedbackDense) for layer in found.layers if layer.weights)
    assert len(feedback_layers(found)) == 2
