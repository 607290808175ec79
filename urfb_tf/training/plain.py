"""What a checkpoint keeps beside the weights is JSON: nothing else may get in."""

import json

import keras
import numpy as np
import tensorflow as tf

from urfb_tf import strict_json
from urfb_tf.errors import ArgumentError


def plain(value: dict, what: str) -> dict:
    """A dictionary as JSON gives it back: NumPy's and TensorFlow's numbers and arrays as Python's, None for NaN.

    Args:
        value: the dictionary.
        what: begins the sentence, such as "What a probe returns".

    Raises:
        ArgumentError: if it is no dictionary, or holds what JSON cannot.
    """
    if not isinstance(value, dict):
        raise ArgumentError(f"{what} is a dictionary, but got {value!r}.")
    try:
        return strict_json.loads(json.dumps(value, default=_numbers))
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"{what} is kept as JSON, which takes numbers, texts, lists and dictionaries alone ({error})."
        ) from error


def _numbers(value):
    if not isinstance(value, (np.generic, np.ndarray, tf.Tensor, tf.Variable, keras.Variable)):
        raise TypeError(f"{type(value).__name__} object is none of these")
    return (value if isinstance(value, (np.generic, np.ndarray)) else value.numpy()).tolist()
