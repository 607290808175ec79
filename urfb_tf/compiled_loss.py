"""The loss of a model, from all that `compile` takes for one."""

from collections.abc import Callable

import keras

from urfb_tf.errors import ArgumentError


def loss_of(model: keras.Model, loss=None, *, purpose: str) -> keras.losses.Loss:
    """The Keras loss for what `compile` takes: a loss, the name of one, or a function; also alone in a list or dict.

    Args:
        model: whose compiled loss is taken if none is given.
        loss: what `compile` takes; functions are of labels and outputs. None takes the compiled one.
        purpose: what needs the loss, as the subject of a sentence in the singular.

    Raises:
        ArgumentError: if there is no such loss, the model is compiled with several, or it has several outputs.
    """
    outputs = getattr(model, "outputs", None) or []  # a subclass of keras.Model does not say how many it has
    if len(outputs) > 1:
        raise ArgumentError(f"{purpose} needs a model with one output, but this one has {len(outputs)}.")
    given = loss if loss is not None else getattr(model, "loss", None)
    try:
        found = keras.losses.get(only(given))
    except (TypeError, ValueError):
        found = None
    if isinstance(found, keras.losses.Loss):
        return found
    if found is None:
        got = "" if given is None else f", not {given!r}"
        raise ArgumentError(
            f"{purpose} needs a keras.losses.Loss, such as OneVsRestHinge(): pass it, or compile with it{got}."
        )
    return _LossOfFunction(found)


def check_unweighted(model: keras.Model, loss=None, *, purpose: str) -> None:
    """Raise an ArgumentError if `fit` multiplies the loss of `loss_of` by a weight that the model is compiled with."""
    compiled = getattr(model, "_compile_config", None)
    weights = None if loss is not None or compiled is None else compiled.config.get("loss_weights")
    if weights is not None:
        raise ArgumentError(
            f"{purpose} knows no loss_weights, but the model is compiled with {weights!r}: leave them out, and "
            "multiply the learning rate in their place."
        )


def only(given):
    """What a list, or a dictionary by the output's name, holds if that is one thing; else what is given."""
    if isinstance(given, (list, tuple, dict)) and len(given) == 1:
        return next(iter(given.values() if isinstance(given, dict) else given))
    return given


class _LossOfFunction(keras.losses.Loss):
    """The mean over the batch of what a function of labels and outputs gives for each example."""

    def __init__(self, function: Callable):
        super().__init__(name="loss_of_function")
        self.function = function

    def call(self, y_true, y_pred):
        if y_pred.shape.rank == y_true.shape.rank + 1 and y_pred.shape[-1] == 1:
            y_true = y_true[..., None]  # as under `fit`
        return self.function(y_true, y_pred)
