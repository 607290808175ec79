"""Changing a model between two phases of training: untie convolutions, freeze or re-initialise layers, swap rules.

`untie` and `change_rule` return a new model and leave the old one as it is; `freeze` and `reinitialise` change the
model itself. All keep the weights that they do not speak of, and compile the result as the old model was compiled. The
optimiser starts afresh: its momentum from 0, and a schedule of its learning rate from the first step.
"""

import contextlib
import inspect
from collections.abc import Callable, Iterable, Iterator

import keras
import tensorflow as tf

from urfb_tf import rules
from urfb_tf.errors import ArgumentError, one_of
from urfb_tf.layers import FeedbackConv2D, FeedbackLayer, UntiedConv2D, layers_of
from urfb_tf.layers.connectivity import keep, reseeded
from urfb_tf.layers.graph import graph_of, in_graph, input_shapes, uses
from urfb_tf.layers.walk import check_built, counted, everything_in, feedback_layers_by_key, keyed
from urfb_tf.networks.adapted import carry_over
from urfb_tf.networks.compiling import compiler_like
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

    Layers that are untied already keep their weights and take on the options. Where a rule delays R's updates, as
    "delayed" does, the delay begins anew: the untied layer's error travels through the newest R at first.

    Args:
        model: a built functional or sequential model with images of fixed size.
        layers: names of the convolutions to untie, or of nested models for all in them, or paths such as "block/conv".
            None means all with a feedback rule.
        backend, feedback_refresh, update_gain: as in `UntiedConv2D`.

    Raises:
        ArgumentError: if the model is neither functional nor sequential, or of a class of your own that a copy would
            lose; if a name is not one of its convolutions, or one lies inside another layer, such as a block of your
            own, or in a nested model that is subclassed, or is used on images of several sizes.
    """
    chosen = choose(model, layers, (FeedbackConv2D, UntiedConv2D))
    for layer in chosen if graph_of(model) is not None else []:
        if len(sizes := input_shapes(model, layer)) > 1:
            raise ArgumentError(
                f"Layer {layer.name!r} is used on images of the sizes {' and '.join(map(str, sorted(sizes)))}, between "
                "which untied filters cannot be shared: name only other layers in layers=[...]."
            )
    options: dict = {"backend": backend, "feedback_refresh": feedback_refresh, "update_gain": update_gain}
    UntiedConv2D(1, 1, **options)  # refuses bad ones in its own words; from_config would wrap these in Keras' own

    def replace(layer):
        return UntiedConv2D.from_config({**config_of(layer), **options})

    def values(old, new, name):
        value = tf.convert_to_tensor(getattr(old, name))
        if isinstance(old, UntiedConv2D):
            return value
        if name == "bias":
            return tf.broadcast_to(value, new.bias.shape)
        filters = tf.reshape(value, [-1, *value.shape[2:]])  # [kh kw, Cin, F]
        return tf.gather(filters, new.locality.pairs.offset)  # [S, Cin, F]

    return rebuild(model, chosen, replace, values)


def change_rule(
    model: keras.Model, rule: str | rules.FeedbackRule, layers: Iterable[str] | None = None, *, seed: int = 0
) -> keras.Model:
    """The same weights under another feedback rule; a layer that gains feedback weights draws them from its seed.

    Where a rule delays R's updates, as "delayed" does, the delay begins anew, whatever the old rule was: the changed
    layer's error travels through the newest R at first.

    Args:
        model: a built functional or sequential model.
        rule: a feedback rule or its name.
        layers: names of the layers to change, as in `untie`. None means all; those with nothing below them that learns,
            be it another use of the layer itself, have no one to hand an error to, and take the rule's `lowest` (mostly
            "bp").
        seed: of the fixed weights of direct feedback, where a layer gains it.

    Raises:
        ArgumentError: for an unknown rule, a name without a feedback rule, a layer inside another, such as a block of
            your own, or in a nested model that is subclassed, or for a class of your own that a copy would lose.
    """
    rule, chosen = rules.get(rule), choose(model, layers, (FeedbackLayer,))
    if type(rule) not in rules.RULES.values():
        raise ArgumentError(
            f"The rule {rule!r} cannot be found again by its class: put @urfb_tf.rules.register above it."
        )
    lowest = without_receiver(model, chosen) if layers is None else set()

    def replace(layer):
        own = rule.lowest() if id(layer) in lowest else rule
        return type(layer).from_config({**config_of(layer), "rule": keras.saving.serialize_keras_object(own)})

    def values(old, new, name):
        return tf.convert_to_tensor(getattr(old, name))

    return connect_direct_feedback(rebuild(model, chosen, replace, values), seed=seed)


def freeze(model: keras.Model, layers: Iterable[str]) -> keras.Model:
    """Let layers, of any kind, keep their weights from now on. They still hand errors down.

    A compiled model gets its optimiser afresh: the momentum is 0, and a schedule of the learning rate begins anew.

    Args:
        model: a model.
        layers: names, as in `untie`.

    Returns:
        The model itself.

    Raises:
        ArgumentError: if a name is not one of the model's.
    """
    chosen, compile_again = choose(model, layers, (keras.layers.Layer,)), compiler_like(model)
    for layer in chosen:
        layer.trainable = False
    compile_again(model)  # an optimiser is made for the weights that train
    return model


def reinitialise(model: keras.Model, layers: Iterable[str] | None = None, *, seed: int = 0) -> keras.Model:
    """Draw W, R and the bias of layers anew, as their initialisers say. Which connections exist stays.

    Args:
        model: a built model.
        layers: names of layers with a feedback rule, as in `untie`. None means all.
        seed: what the new weights are drawn from; each layer draws its own, by its name as in `convert`.

    Returns:
        The model itself.

    Raises:
        ArgumentError: if a name has no feedback rule, or the model is not built.
    """
    check_built(model, "Drawing weights anew")
    compile_again = compiler_like(model)
    keyed_layers = feedback_layers_by_key(model)
    keys = {id(layer): key for key, layer in zip(counted(keyed_layers), keyed_layers.values(), strict=True)}
    for layer in choose(model, layers, (FeedbackLayer,)):
        if id(layer) not in keys:  # never called so far: it will draw its weights when it is
            continue
        own = stream(seed, keys[id(layer)], "reinitialise")
        config = {**config_of(layer), "connectivity": 1.0, "feedback_connectivity": 1.0, "seed": own}
        for name in DRAWN:
            if not isinstance(identifier := config[f"{name}_initializer"], str):
                # As one given by name would: it draws the same at each call, whatever the layer's seed.
                config[f"{name}_initializer"] = reseeded(keras.initializers.get(identifier), stream(own, name))
        fresh = type(layer).from_config(config)
        fresh.build(layer.get_build_config()["input_shape"])
        for name in DRAWN:
            if getattr(layer, name) is not None:
                mask = getattr(layer, f"{name}_mask", None)
                mask = None if mask is None else tf.convert_to_tensor(mask)
                getattr(layer, name).assign(keep(mask, tf.convert_to_tensor(getattr(fresh, name))))
        layer.settle_feedback()
    compile_again(model)  # the momentum of the old weights is not that of the new ones
    return model


def choose(
    model: keras.Model, names: Iterable[str] | None, kinds: tuple, argument: str = "layers"
) -> list[keras.layers.Layer]:
    """The layers of these names and kinds, those inside nested models and other layers too. No names mean all of them.

    A nested model's name stands for all such layers in it, and a path, as `keyed` has it, for one of several of a name.

    Args:
        model, names, kinds: which.
        argument: what the caller calls the names.

    Raises:
        ArgumentError: if this is no model, or a name is not that of such a layer.
    """
    if not isinstance(model, keras.Model):
        raise ArgumentError(f"A keras.Model is needed, but got {model!r}.")
    if isinstance(names, str):
        raise ArgumentError(f"{argument} is a list of names, but got {names!r}: write [{names!r}].")
    found = [layer for layer in layers_of(model) if isinstance(layer, kinds)]
    if names is None:
        return found
    called: dict[str, list] = {}
    for layer in found:
        called.setdefault(layer.name, []).append(layer)  # nested models may use a name twice
    for nested in (each for each in everything_in(model) if isinstance(each, keras.Model)):
        if inside := [each for each in layers_of(nested) if isinstance(each, kinds)]:
            called.setdefault(nested.name, []).extend(inside)
    for key, layer in keyed(model, found).items():
        called.setdefault(key, [layer])
    what = " or ".join(kind.__name__ for kind in kinds)
    ids: set[int] = set()
    for name in names:
        if not called:
            raise ArgumentError(f"The model has no {what}, so none that is called {name!r}.")
        if name not in called:
            raise ArgumentError(one_of(f"{what} of the model", name, called))
        ids.update(map(id, called[name]))
    return [layer for layer in found if id(layer) in ids]


def without_receiver(model: keras.Model, layers: list) -> set[int]:
    """The ids of those of some of a model's layers below which nothing learns, so that no one receives their error.

    Below none of their uses is a use of another layer that learns, or of one of these layers, the layer itself among
    them: a later use hands its error to an earlier one.
    """
    if graph_of(model) is None:  # no other layer can take the place of one of its own
        return set()
    ids = {id(layer) for layer in layers}

    def receives(layer):
        return any(id(each) in ids or learns(each) for each in (layer, *everything_in(layer)))

    used = list(uses(model, receives))
    above = {id(layer) for layer, below in used if below}
    return {id(layer) for layer, _ in used if id(layer) in ids - above}


def learns(layer: keras.layers.Layer) -> bool:
    """Whether a layer has weights that train, those of layers inside it not counted."""
    inside = {id(variable) for inner in everything_in(layer) for variable in inner.variables}
    return any(id(variable) not in inside for variable in layer.trainable_variables)


def rebuild(
    model: keras.Model,
    chosen: list,
    replace: Callable,
    values: Callable,
    otherwise: Callable = lambda layer: "change it there, or name only other layers in layers=[...]",
) -> keras.Model:
    """A copy in which `replace(layer)` stands for each chosen layer, its weights `values(old, new, name)`.

    Args:
        otherwise: what to do about a layer that another one holds, which makes it itself, in the copy too.

    Raises:
        ArgumentError: if the model is neither functional nor sequential, another layer holds a chosen one, or what is
            not chosen, or the model's own class, cannot be copied.
    """
    _check_reach(model, chosen, otherwise)
    chosen_ids = {id(layer) for layer in chosen}
    copies = []

    def copy(layer):
        new = replace(layer) if id(layer) in chosen_ids else _copy_of(layer)
        copies.append((layer, new))
        return new

    compile_alike = compiler_like(model)
    # Cloning would compile from configurations, which hold no plain functions.
    with model.distribute_strategy.scope(), _not_compiled(model):
        result = keras.models.clone_model(model, clone_function=copy, recursive=True)
    _check_classes(model, result)
    _keep_frozen(model, result)
    for old, new in copies:
        if id(old) not in chosen_ids:
            _keep_state(old, new)
            continue
        for name in WEIGHTS:
            if getattr(old, name, None) is not None and getattr(new, name) is not None:
                getattr(new, name).assign(values(old, new, name))
        for inner in zip(everything_in(old), everything_in(new), strict=True):  # an activation that is a layer
            _keep_state(*inner)
        new.settle_feedback()
        new.count_on_from(old)
    compile_alike(result)
    return result


def _check_classes(model: keras.Model, copy: keras.Model) -> None:
    """Raise an ArgumentError if the copy has lost the model's class, or its settings.

    A nested model's class does not matter as long as it computes what its graph does.
    """
    for old, new in zip(_graphs(model), _graphs(copy), strict=True):
        kind = type(old)
        stock: type[keras.Model] = next(base for base in kind.__mro__ if base.__module__.split(".")[0] == "keras")
        if old is not model and kind.call is stock.call:
            continue
        parameters = inspect.signature(kind.__init__).parameters.values()
        if type(new) is not kind or any(each.kind is each.KEYWORD_ONLY for each in parameters):
            plain = "Sequential(layers)" if isinstance(old, keras.Sequential) else "Model(inputs, outputs)"
            raise ArgumentError(
                f"The model {old.name!r} is of the class {kind.__name__}, which cannot be copied with all that it "
                f"adds: change keras.{plain} of the same layers in its place, or let the class be made by (inputs, "
                "outputs, name=...) alone."
            )


def _keep_frozen(model: keras.Model, copy: keras.Model) -> None:
    """Let the copy and those nested in it be frozen or not as the models are: cloning keeps it of layers alone."""
    graphs = _graphs(copy)
    ids = {id(graph) for graph in graphs}
    layers = [(layer, layer.trainable) for layer in everything_in(copy) if id(layer) not in ids]
    for old, new in zip(_graphs(model), graphs, strict=True):
        new.trainable = old.trainable
    for layer, trainable in layers:  # from outside in, as each takes along what it holds
        layer.trainable = trainable


def _graphs(model: keras.Model) -> list[keras.Model]:
    """The model and those nested in it that are cloned layer by layer, from outside in."""
    return [each for each in (model, *everything_in(model)) if graph_of(each) is not None]


def _copy_of(layer):
    """A layer of the same settings.

    Raises:
        ArgumentError: if its configuration does not make one.
    """
    if type(layer) is keras.layers.Lambda:
        # Keras writes its function down as bytes, which it refuses to read, or reads without what they refer to.
        return keras.layers.Lambda(
            layer.function, layer._output_shape, layer.mask, layer.arguments, **keras.layers.Layer.get_config(layer)
        )
    try:
        return type(layer).from_config(config_of(layer))
    except (TypeError, ValueError, NotImplementedError) as problem:
        raise _no_copy_of(layer) from problem


def _no_copy_of(layer) -> ArgumentError:
    return ArgumentError(
        f"Layer {layer.name!r}, a {type(layer).__name__}, cannot be copied by its get_config: let that hold all "
        "that its __init__ takes, in a form that Keras can write down."
    )


def _keep_state(old, new) -> None:
    """All that a layer has learned or adapted to, in its copy."""
    # Operations such as a sum of two tensors have no variables.
    sources, targets = (getattr(layer, "variables", ()) for layer in (old, new))
    if [source.shape for source in sources] != [target.shape for target in targets]:  # as of LoRA's adapters inside it
        raise _no_copy_of(old)
    for source, target in zip(sources, targets, strict=True):
        target.assign(source)
    carry_over(old, new)


def config_of(layer) -> dict:
    """A layer's configuration, with activation and initialisers as they are if they are plain functions.

    For these Keras has no configuration that it could read.
    """
    functions = {
        name: value
        for name, value in vars(layer).items()
        if (name == "activation" or name.endswith("_initializer"))
        and callable(value)
        # An activation that is a layer may have weights of its own.
        and not isinstance(value, (keras.layers.Layer, keras.initializers.Initializer))
    }
    try:
        for name in functions:
            setattr(layer, name, keras.activations.linear)  # a function that Keras can write down
        config = layer.get_config()
    finally:
        for name, value in functions.items():
            setattr(layer, name, value)
    return {**config, **{name: value for name, value in functions.items() if name in config}}


def _check_reach(model: keras.Model, layers: Iterable[keras.layers.Layer], otherwise: Callable) -> None:
    """Raise an ArgumentError if a copy of the model could not have others in place of some of its layers."""
    if not getattr(model, "inputs", None):
        raise ArgumentError("Only built functional and sequential models can be changed so; this one is neither.")
    reached = list(in_graph(model))
    for layer in layers:
        if not any(layer is each for each in reached):
            holder = next(each for each in reached if any(layer is inner for inner in everything_in(each)))
            raise ArgumentError(
                f"Layer {layer.name!r} lies inside {holder.name!r}, where no other layer can take its place from "
                f"outside: {otherwise(layer)}."
            )


@contextlib.contextmanager
def _not_compiled(model: keras.Model) -> Iterator[None]:
    """Within the block, the model and all nested ones pass for models that are not compiled."""
    models = [model, *(each for each in everything_in(model) if isinstance(each, keras.Model))]
    compiled = [each for each in models if getattr(each, "compiled", False)]
    for each in compiled:
        each.compiled = False
    try:
        yield
    finally:
        for each in compiled:
            each.compiled = True
