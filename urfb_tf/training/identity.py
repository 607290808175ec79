"""What fixes a run whose caller does not say it: a checkpoint is continued only where it agrees."""

import keras

from urfb_tf.compiled_loss import loss_of
from urfb_tf.data import Dataset
from urfb_tf.errors import ArgumentError
from urfb_tf.layers import feedback_layers
from urfb_tf.training.plain import plain


def identity_of(model: keras.Model, data: Dataset, loss, **numbers) -> dict:
    """The rules of a model's layers from below, its loss, the checksum of its data, and the numbers of a run.

    Layers and losses count without their names, to which Keras adds a number that depends on what was made before.
    """
    return {
        "rules": [repr(layer.rule) for layer in feedback_layers(model)],
        "loss": _configuration(loss_of(model, loss, purpose="Training")),
        "data_sha256": data.fingerprint(),
        **numbers,
    }


def differences(found: dict, expected: dict) -> str:
    """Where two identities differ, in words; nothing if they agree."""
    keys = [key for key in {**found, **expected} if found.get(key) != expected.get(key)]
    return "; ".join(f"{key} was {found.get(key)!r}, is {expected.get(key)!r}" for key in keys)


def continues(found: list[dict], history: list[dict]) -> bool:
    """Whether the records of a checkpoint and those of earlier phases are of one run: equal as far as both go."""
    try:
        history = plain({"epochs": history}, "The history")["epochs"]
    except ArgumentError:
        return False
    pairs = zip(found, history, strict=False)
    return all({**one, "seconds": None} == {**other, "seconds": None} for one, other in pairs)


def _configuration(loss: keras.losses.Loss) -> dict:
    kind = {"class": type(loss).__name__}
    function = getattr(loss, "function", None)  # of what `compile` takes for a loss
    if function is not None:
        return kind | {"function": getattr(function, "__qualname__", type(function).__name__)}
    try:
        return kind | plain({**loss.get_config(), "name": None}, "A loss")
    except (ArgumentError, NotImplementedError, TypeError):  # one of the user's own, which need not say
        return kind
