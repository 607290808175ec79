"""Changing a model between two phases of training: untie convolutions, freeze or re-initialise layers, swap rules.

`untie` and `change_rule` return a new model and leave the old one as it is; `freeze` and `reinitialise` change the
model itself. All keep the weights that they do not speak of, and compile the result as the old model was compiled.
"""

from collections.abc import Callable, Iterable

import keras
import tensorflow as tf

from urfb_tf import rules
from urfb_tf.errors import ArgumentError, one_of
from urfb_tf.layers import FeedbackConv2D, FeedbackLayer, UntiedConv2D, layers_of
from urfb_tf.layers.connectivity import keep
from urfb_tf.networks.direct import connect_direct_feedback
from urfb_tf.seeds import stream

DRAWN = ("kernel", "feedback", "bias")  # what `reinitialise` draws anew
WEIGHTS = (*DRAWN, "kernel_mask", "feedback_mask")


def untie(
    model: keras.Model,
    layers: Iterable[str] | None = None,
    *,
    backend: str = "dense",
    feedback_refresh: str = "step",
    update_gain: float = 1.0,
) -> keras.Model:
    """The same function with untied convolutions: each location gets its own copy of W and R (section 4.1).

    Layers that are untied already keep their weights and take on the options.

    Args:
        model: a built functional or sequential model with images of fixed size.
        layers: names of the convolutions to untie. None means all with a feedback rule.
        backend, feedback_refresh, update_gain: as in `UntiedConv2D`.

    Raises:
        ArgumentError: if the model is neither functional nor sequential, or a name is not one of its convolutions.
    """
    chosen = choose(model, layers, (FeedbackConv2D, UntiedConv2D))
    options: dict = {"backend": backend, "feedback_refresh": feedback_refresh, "update_gain": update_gain}
    UntiedConv2D(1, 1, **options)  # refuses bad ones in its own words; from_config would wrap these in Keras' own

    def replace(layer):
        return UntiedConv2D.from_config({**layer.get_config(), **options})

    def values(old, new, name):
        value = tf.convert_to_tensor(getattr(old, name))
        if isinstance(old, UntiedConv2D):
            return value
        if name == "bias":
            return tf.broadcast_to(value, new.bias.shape)
        filters = tf.reshape(value, [-1, *value.shape[2:]])  # [kh kw, Cin, F]
        return tf.gather(filters, new.locality.pairs.offset)  # [S, Cin, F]

    return rebuild(model, chosen, replace, values)


def change_rule(model: keras.Model, rule: str | rules.FeedbackRule, layers: Iterable[str] | None = None) -> keras.Model:
    """The same weights under another feedback rule; a layer that gains feedback weights draws them from its seed.

    Args:
        model: a built functional or sequential model.
        rule: a feedback rule or its name.
        layers: names of the layers to change. None means all but the lowest, which has no one to hand an error to.

    Raises:
        ArgumentError: for an unknown rule, or a name without a feedback rule.
    """
    chosen = choose(model, layers, (FeedbackLayer,))[1 if layers is None else 0 :]
    serialized = keras.saving.serialize_keras_object(rules.get(rule))
    changed = rebuild(
        model,
        chosen,
        lambda layer: type(layer).from_config({**layer.get_config(), "rule": serialized}),
        lambda old, new, name: tf.convert_to_tensor(getattr(old, name)),
    )
    return connect_direct_feedback(changed)


def freeze(model: keras.Model, layers: Iterable[str]) -> keras.Model:
    """Let layers, of any kind, keep their weights from now on. They still hand errors down.

    Returns:
        The model itself.

    Raises:
        ArgumentError: if a name is not one of the model's.
    """
    for layer in choose(model, layers, (keras.layers.Layer,)):
        layer.trainable = False
    if model.compiled:  # an optimiser is made for the weights that train
        model.compile_from_config(model.get_compile_config())
    return model


def reinitialise(model: keras.Model, layers: Iterable[str] | None = None, *, seed: int = 0) -> keras.Model:
    """Draw W, R and the bias of layers anew, as their initialisers say. Which connections exist stays.

    Args:
        model: a built model.
        layers: names of layers with a feedback rule. None means all.
        seed: what the new weights are drawn from; each layer draws its own.

    Returns:
        The model itself.

    Raises:
        ArgumentError: if a name has no feedback rule.
    """
    for layer in choose(model, layers, (FeedbackLayer,)):
        config = {**layer.get_config(), "connectivity": 1.0, "feedback_connectivity": 1.0}
        fresh = type(layer).from_config({**config, "seed": stream(seed, layer.name, "reinitialise")})
        fresh.build(layer.get_build_config()["input_shape"])
        for name in DRAWN:
            if getattr(layer, name) is not None:
                mask = getattr(layer, f"{name}_mask", None)
                mask = None if mask is None else tf.convert_to_tensor(mask)
                getattr(layer, name).assign(keep(mask, tf.convert_to_tensor(getattr(fresh, name))))
        if isinstance(layer, UntiedConv2D):
            layer.refresh_feedback()
        layer.settle_feedback()
    return model


def choose(model: keras.Model, names: Iterable[str] | None, kinds: tuple) -> list[keras.layers.Layer]:
    """The layers of these names and kinds, those of nested models too. No names mean all of the kinds.

    Raises:
        ArgumentError: if a name is not that of such a layer.
    """
    if isinstance(names, str):
        raise ArgumentError(f"layers is a list of names, but got {names!r}: write [{names!r}].")
    found = [layer for layer in layers_of(model) if isinstance(layer, kinds)]
    if names is None:
        return found
    names, known = list(names), [layer.name for layer in found]
    for name in names:
        if name not in known:
            raise ArgumentError(one_of(f"{' or '.join(kind.__name__ for kind in kinds)} of the model", name, known))
    return [layer for layer in found if layer.name in names]  # nested models may use a name twice


def rebuild(model: keras.Model, chosen: list, replace: Callable, values: Callable) -> keras.Model:
    """A copy in which `replace(layer)` stands for each chosen layer, its weights `values(old, new, name)`."""
    if not getattr(model, "inputs", None):
        raise ArgumentError("Only built functional and sequential models can be changed so; this one is neither.")
    chosen_ids = {id(layer) for layer in chosen}
    copies = []

    def copy(layer):
        new = replace(layer) if id(layer) in chosen_ids else type(layer).from_config(layer.get_config())
        copies.append((layer, new))
        return new

    result = keras.models.clone_model(model, clone_function=copy, recursive=True)
    for old, new in copies:
        if id(old) not in chosen_ids:
            # Operations such as a sum of two tensors have none.
            for source, target in zip(getattr(old, "variables", ()), getattr(new, "variables", ()), strict=True):
                target.assign(source)
            continue
        for name in WEIGHTS:
            if getattr(old, name, None) is not None and getattr(new, name) is not None:
                getattr(new, name).assign(values(old, new, name))
        if isinstance(new, UntiedConv2D):
            new.refresh_feedback()
        new.settle_feedback()
    return result
