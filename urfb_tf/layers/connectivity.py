"""Random connectivity: which connections of a layer exist at all (section 4, the rows "50%")."""

import keras
import tensorflow as tf

from urfb_tf.errors import ArgumentError, is_share
from urfb_tf.seeds import stream


def check_connectivity(value: float, argument: str) -> float:
    """`value` as a share in (0, 1], or an ArgumentError that names the argument."""
    if not is_share(value) or value == 0:
        raise ArgumentError(f"{argument} is the share of connections that exist, in (0, 1], but got {value!r}.")
    return float(value)


class RandomMask(keras.initializers.Initializer):
    """True with probability `connectivity`, independently for each connection.

    Args:
        connectivity: in (0, 1].
        seed: an integer; equal seeds and shapes give equal masks.
    """

    def __init__(self, connectivity: float, seed: int):
        self.connectivity = connectivity
        self.seed = seed

    def __call__(self, shape, dtype=None):
        coins = tf.random.stateless_uniform(shape, seed=[self.seed, 0], alg="philox")
        return tf.cast(coins < self.connectivity, dtype or "bool")


class Masked(keras.initializers.Initializer):
    """The values of one initialiser where a mask is True, exactly 0 elsewhere."""

    def __init__(self, values: keras.initializers.Initializer, mask: RandomMask):
        self.values = values
        self.mask = mask

    def __call__(self, shape, dtype=None):
        values = tf.convert_to_tensor(self.values(shape, dtype=dtype))
        return tf.where(self.mask(shape), values, tf.zeros([], values.dtype))


class Existing(keras.constraints.Constraint):
    """Exactly 0 where a mask is False: for optimisers whose step at a weight depends on the others.

    Args:
        mask: booleans of the weights' shape, a variable.
    """

    def __init__(self, mask: keras.Variable):
        self.mask = mask

    def __call__(self, w):
        return keep(tf.convert_to_tensor(self.mask), tf.convert_to_tensor(w))


class Scaled(keras.initializers.Initializer):
    """The values of one initialiser times a factor."""

    def __init__(self, values: keras.initializers.Initializer, factor: float):
        self.values = values
        self.factor = factor

    def __call__(self, shape, dtype=None):
        values = tf.convert_to_tensor(self.values(shape, dtype=dtype))
        return values * tf.cast(self.factor, values.dtype)


def seeded(identifier, seed: int, *names: str, spread: float = 1.0) -> keras.initializers.Initializer:
    """The Keras initialiser for `identifier`; one given by name draws from the stream `names` of `seed`.

    `spread` multiplies the values of initialisers that read their scale off the shape (Glorot's, He's, LeCun's).
    """
    initializer = keras.initializers.get(identifier)
    if isinstance(identifier, str):
        initializer = reseeded(initializer, stream(seed, *names))
    return _scaled(initializer, spread)


def redrawn(identifier, generator: keras.random.SeedGenerator, spread: float = 1.0) -> keras.initializers.Initializer:
    """Likewise, but each call draws other values, whatever seed the initialiser had; a plain function stays itself."""
    return _scaled(reseeded(keras.initializers.get(identifier), generator), spread)


def reseeded(initializer: keras.initializers.Initializer, seed) -> keras.initializers.Initializer:
    """The same initialiser with another seed; one that draws nothing, and a plain function, stay what they are."""
    if not has_seed(initializer):
        return initializer
    return type(initializer).from_config({**initializer.get_config(), "seed": seed})


def draw_alike(one, other) -> bool:
    """Whether two initialisers draw, and draw the same: one object given twice, or two of equal settings and seed."""
    one, other = keras.initializers.get(one), keras.initializers.get(other)
    if not (has_seed(one) and has_seed(other)):
        return False
    settings = one.get_config()
    alike = type(one) is type(other) and settings == other.get_config()
    return one is other or (alike and settings["seed"] is not None)


def has_seed(initializer) -> bool:
    """Whether an initialiser takes a seed: not one that draws nothing, nor a plain function, which Keras takes too."""
    return hasattr(initializer, "get_config") and "seed" in initializer.get_config()


def _scaled(initializer, spread: float) -> keras.initializers.Initializer:
    reads_shape = isinstance(initializer, keras.initializers.VarianceScaling)
    return Scaled(initializer, spread) if reads_shape and spread != 1 else initializer


def keep(mask: tf.Tensor | None, values: tf.Tensor) -> tf.Tensor:
    """`values` where `mask` is True and exactly 0 elsewhere, even for infinite values; no mask keeps all."""
    return values if mask is None else tf.where(mask, values, tf.zeros([], values.dtype))
