"""Compiling one model as another is: with the same objects, not their configurations, so that plain functions pass."""

from collections.abc import Callable

import keras

from urfb_tf.errors import ArgumentError


def compiler_like(model: keras.Model) -> Callable[[keras.Model], None]:
    """A function that compiles a model as this one is compiled now, with an optimiser and metrics that start afresh.

    What cannot be had anew is refused here, so that a model is changed only after.

    Args:
        model: a model, compiled or not. If it is not, the function does nothing.

    Raises:
        ArgumentError: if its optimiser or a metric cannot be made from its own configuration, or its class compiles in
            its own way and does not say how to do it again.
    """
    if not getattr(model, "compiled", False):
        return lambda other: None
    kind = type(model)
    if kind.compile is not keras.Model.compile:  # only the class itself knows its arguments
        if kind.compile_from_config is keras.Model.compile_from_config:  # which would do nothing
            raise ArgumentError(
                f"{kind.__name__} has a compile() of its own, which cannot be called again: give the class "
                "get_compile_config() and compile_from_config(config) too, or change the model before it is compiled."
            )
        config = model.get_compile_config()
        return lambda other: other.compile_from_config(config)
    arguments = dict(model._compile_config.config)
    scope = model.distribute_strategy.scope  # outside it devices would share one momentum, and drift apart
    with scope():
        for name in ("optimizer", "metrics", "weighted_metrics"):
            arguments[name] = keras.tree.map_structure(_afresh, arguments[name])
    # Outputs are named after the layers they come from, which direct feedback changes; in a dictionary by their keys.
    keyed = isinstance(getattr(model, "_outputs_struct", None), dict)
    outputs = [] if keyed else list(getattr(model, "output_names", ()))

    def compile_model(other: keras.Model) -> None:
        renamed = dict(zip(outputs, getattr(other, "output_names", ()), strict=False))
        with scope():
            other.compile(**{name: _renamed(value, renamed) for name, value in arguments.items()})
            if other.built and other.optimizer is not None:
                _check_excluded(other)
                other.optimizer.build(other.trainable_variables)

    return compile_model


def _check_excluded(model: keras.Model) -> None:
    """Raise an ArgumentError if its optimiser leaves variables of another model out of weight decay."""
    for optimizer in _nested(model.optimizer):
        own = {optimizer._var_key(variable) for variable in model.variables}
        if not own.issuperset(getattr(optimizer, "_exclude_from_weight_decay", ())):
            raise ArgumentError(
                "The optimiser leaves single variables of the old model out of weight decay, of which the new one has "
                "copies: name them by exclude_from_weight_decay(var_names=[...])."
            )


def _nested(optimizer: keras.optimizers.Optimizer) -> list[keras.optimizers.Optimizer]:
    """An optimiser and those that it wraps, as one that scales the loss does."""
    inner = getattr(optimizer, "inner_optimizer", None)
    return [optimizer] if inner is None else [optimizer, *_nested(inner)]


def _renamed(argument, names: dict[str, str]):
    """An argument by output's name under the outputs' new names; others as they are."""
    return {names.get(key, key): value for key, value in argument.items()} if isinstance(argument, dict) else argument


def _afresh(thing):
    """An optimiser or a metric of the same settings without its state; functions and names as they are."""
    if not isinstance(thing, (keras.optimizers.Optimizer, keras.metrics.Metric)):
        return thing
    try:
        fresh = type(thing).from_config(thing.get_config())
    except (TypeError, ValueError, NotImplementedError) as problem:
        raise ArgumentError(
            f"The model's {type(thing).__name__} {thing.name!r} cannot be made anew from its get_config: let "
            "that hold all that its __init__ takes, or compile the model with another one."
        ) from problem
    for old, new in zip(_nested(thing), _nested(fresh), strict=True):
        for name in ("_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern"):  # in no configuration
            if hasattr(old, name):
                setattr(new, name, getattr(old, name))
    return fresh
