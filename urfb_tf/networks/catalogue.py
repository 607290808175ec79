"""All networks by name. Each takes the arguments of `urfb_tf.networks.build` and returns a compiled model."""

from collections.abc import Callable

import keras

from urfb_tf.networks.further import FURTHER
from urfb_tf.networks.paper import PAPER

NETWORKS: dict[str, Callable[..., keras.Model]] = {**PAPER, **FURTHER}
