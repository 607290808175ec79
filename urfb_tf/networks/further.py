"""Networks that the paper does not have: a name and a line of the paper's notation is all that one takes."""

import functools
from collections.abc import Callable

import keras

from urfb_tf.networks.builder import build

NOTATIONS = {
    "perceptron": "full conn. 500; drop .3; output",  # simpnet without its convolution
}

FURTHER: dict[str, Callable[..., keras.Model]] = {
    name: functools.partial(build, notation, name=name) for name, notation in NOTATIONS.items()
}
