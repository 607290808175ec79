"""A stock Keras model as one that learns by a feedback rule."""

from collections.abc import Iterable

import keras
import tensorflow as tf

from urfb_tf import rules
from urfb_tf.errors import ArgumentError
from urfb_tf.layers import FeedbackConv2D, FeedbackDense, FeedbackLayer, feedback_layers, layers_of
from urfb_tf.layers.connectivity import has_seed, reseeded
from urfb_tf.layers.walk import counted, everything_in, keyed
from urfb_tf.networks.changes import choose, config_of, learns, rebuild, without_receiver
from urfb_tf.networks.direct import connect_direct_feedback
from urfb_tf.seeds import stream

KINDS = (keras.layers.Dense, keras.layers.Conv2D)


def convert(
    model: keras.Model, rule: str | rules.FeedbackRule = "urfb", *, skip: Iterable[str] = (), seed: int = 0
) -> keras.Model:
    """The same function and weights, every `Dense` and `Conv2D` replaced by a layer that learns by a feedback rule.

    All other layers stay what they are and hand the exact gradient down: pooling, sums and activations have nothing to
    learn; those that have, such as batch normalisation or depthwise convolutions, go on by back-propagation, and
    `under_back_propagation` names them. A layer with nothing below it that learns, be it another use of the layer
    itself, has no one to hand an error to and takes the rule's `lowest` (mostly "bp"). R is drawn as W's initialiser
    would, independently of W. Layers that have a feedback rule already keep it: `change_rule` gives them another.

    Args:
        model: a built functional or sequential model. It stays as it is.
        rule: a feedback rule or its name.
        skip: names of layers and nested models to leave as they are, with what they hold.
        seed: of R, and of the fixed weights of direct feedback. Each layer draws by its name; a number that Keras gave
            it counts the layers of this model, whatever was made before.

    Returns:
        A new model, compiled as the old one was, with an optimiser that starts afresh. Under direct feedback alignment
        a sequential model becomes a functional one.

    Raises:
        ArgumentError: if the model is subclassed, of a class that a copy would lose, or not built; or for a layer that
            cannot be converted: a convolution with groups, dilation or channels first, weights that are quantised or
            have regularisers or constraints, or a layer inside another, such as a block of your own or
            `TimeDistributed`, or in a nested model that is subclassed; under direct feedback alignment also as
            `connect_direct_feedback` does, as for a model that ends in softmax.
    """
    rule = rules.get(rule)
    skipped = {
        id(each)
        for layer in choose(model, () if skip is None else skip, (keras.layers.Layer,), "skip")
        for each in (layer, *everything_in(layer))
    }
    # A layer of the user's own that extends these may compute something else, so only the very classes count.
    chosen = [layer for layer in layers_of(model) if type(layer) in KINDS and id(layer) not in skipped]
    for layer in chosen:
        _check(layer)
    lowest = without_receiver(model, [*chosen, *feedback_layers(model)])
    keys = keyed(model, chosen)
    seeds = {id(layer): stream(seed, key, "convert") for key, layer in zip(counted(keys), keys.values(), strict=True)}

    def replace(layer):
        return _replacement(layer, rule.lowest() if id(layer) in lowest else rule, seeds[id(layer)])

    def values(old, new, name):
        return tf.convert_to_tensor(getattr(old, name))

    return connect_direct_feedback(rebuild(model, chosen, replace, values, _otherwise), seed=seed)


def under_back_propagation(model: keras.Model) -> list[str]:
    """The names of the layers that learn without a feedback rule, from automatic differentiation.

    A layer that holds others, such as an LSTM its cell, stands for these, unless one of them has a feedback rule.
    """
    found: list[str] = []
    named: set[int] = set()  # those that another stands for
    for layer in layers_of(model):
        if isinstance(layer, FeedbackLayer) or id(layer) in named:
            continue
        held = list(everything_in(layer))
        stands_for_all = not any(isinstance(each, FeedbackLayer) for each in held)
        if stands_for_all:
            named.update(map(id, held))
        if layer.trainable_variables if stands_for_all else learns(layer):
            found.append(layer.name)
    return found


def _replacement(layer, rule, seed: int) -> FeedbackLayer:
    shared = {
        "name": layer.name,
        "dtype": layer.dtype_policy,
        "trainable": layer.trainable,
        "activation": config_of(layer)["activation"],  # a copy of one that is a layer
        "use_bias": layer.use_bias,
        "kernel_initializer": layer.kernel_initializer,
        "bias_initializer": layer.bias_initializer,
        "feedback_initializer": _independent(layer.kernel_initializer, stream(seed, "feedback")),
        "activity_regularizer": layer.activity_regularizer,
        "rule": rule,
        "seed": seed,
    }
    if isinstance(layer, keras.layers.Dense):
        return FeedbackDense(layer.units, **shared)
    return FeedbackConv2D(layer.filters, layer.kernel_size, layer.strides, layer.padding, **shared)


def _independent(initializer, seed: int):
    """An initialiser like W's with values of its own. One without a seed could make R equal to W or constant."""
    return reseeded(initializer, seed) if has_seed(initializer) else "glorot_uniform"


def _otherwise(layer) -> str:
    return f"to leave the layer under back-propagation, name it in skip=[{layer.name!r}]"


def _check(layer) -> None:
    hint = f"; {_otherwise(layer)}"
    if isinstance(layer, keras.layers.Conv2D):
        found = {
            f"{layer.groups} groups": layer.groups != 1,
            "dilation": tuple(layer.dilation_rate) != (1, 1),
            "channels first": layer.data_format != "channels_last",
        }
        for what, present in found.items():
            if present:
                raise ArgumentError(f"Convolution {layer.name!r} has {what}, which no feedback layer can do{hint}.")
    if layer.quantization_mode is not None:
        raise ArgumentError(
            f"Layer {layer.name!r} is quantised ({layer.quantization_mode}), which no feedback layer can be{hint}."
        )
    if getattr(layer, "lora_enabled", False):
        raise ArgumentError(f"Layer {layer.name!r} has LoRA's adapters, which feedback layers do not have{hint}.")
    for what in ("kernel_regularizer", "bias_regularizer", "kernel_constraint", "bias_constraint"):
        if getattr(layer, what) is not None:
            raise ArgumentError(f"Layer {layer.name!r} has a {what}, which feedback layers do not have{hint}.")
