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
        ArgumentError: if its optimiser or a metric cannot be made from its own configuration.
    """
    if not getattr(model, "compiled", False):
        return lambda other: None
    if type(model).compile is not keras.Model.compile:  # only the class itself knows its arguments
        config = model.get_compile_config()
        return lambda other: other.compile_from_config(config)
    arguments = dict(model._compile_config.config)
    for name in ("optimizer", "metrics", "weighted_metrics"):
        arguments[name] = keras.tree.map_structure(_afresh, arguments[name])
    # Outputs are named after the layers they come from, which direct feedback changes; in a dictionary by their keys.
    keyed = isinstance(getattr(model, "_outputs_struct", None), dict)
    outputs = [] if keyed else list(getattr(model, "output_names", ()))

    def compile_model(other: keras.Model) -> None:
        renamed = dict(zip(outputs, getattr(other, "output_names", ()), strict=False))
        other.compile(**{name: _renamed(value, renamed) for name, value in arguments.items()})
        if other.built and other.optimizer is not None:
            other.optimizer.build(other.trainable_variables)

    return compile_model


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
    for name in ("_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern"):  # in no configuration
        if hasattr(thing, name):
            setattr(fresh, name, getattr(thing, name))
    return fresh
