"""Noise in the error on its way down."""

import random

import keras
import tensorflow as tf

from urfb_tf.errors import ArgumentError, is_positive, is_whole


@keras.saving.register_keras_serializable("urfb_tf")
class ErrorNoise(keras.layers.Layer):
    """Passes its input on unchanged; in training, the error that comes back through it arrives with Gaussian noise.

    For each example, the noise has `level` times the error's root mean square over all units, so that an error of 0
    stays 0. Noise and error are independent in direction: in many dimensions the angle between the error and what
    arrives is about atan(`level`). On average over the noise, the error arrives as it was.

    Takes and gives [B, ...], of any shape.

    Args:
        level: the noise's size relative to the error's, > 0.
        seed: of the noise. None draws a seed from Python's `random`, which `keras.utils.set_random_seed` fixes.
        **kwargs: those of every Keras layer.

    Raises:
        ArgumentError: if `level` is not a positive finite number, or `seed` neither None nor a whole number >= 0.
    """

    def __init__(self, level: float, seed: int | None = None, **kwargs):
        super().__init__(**{"autocast": False, **kwargs})  # what passes keeps its precision
        if not is_positive(level):
            raise ArgumentError(f"Noise in the error needs a finite level > 0, but got {level!r}.")
        self.level = float(level)
        if seed is not None and not is_whole(seed, 0):
            raise ArgumentError(f"The seed of noise in the error is None or a whole number >= 0, but got {seed!r}.")
        self.seed = None if seed is None else int(seed)
        self._generator = keras.random.SeedGenerator(random.randrange(2**31) if seed is None else self.seed)
        self.built = True
        self.supports_masking = True

    def call(self, inputs, training=None):
        if not training:
            return inputs
        # Drawn on the way up: what a generator draws on the way down is not part of the step's new state.
        seed = tf.cast(self._generator.next(), tf.int32)  # [2]

        @tf.custom_gradient
        def pass_on(x):
            return tf.identity(x), lambda error: error + tf.cast(self._noise(error, seed), error.dtype)

        return pass_on(inputs)

    def _noise(self, error: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        wide = tf.cast(error, tf.float32) if error.dtype.size < 4 else error  # half precision cannot hold the squares
        units = list(range(1, len(error.shape)))
        # In units of the largest error: squares of small ones would be 0.
        largest = tf.reduce_max(tf.abs(wide), axis=units, keepdims=True)  # [B, 1, ..]
        share = tf.math.divide_no_nan(wide, largest)
        size = largest * tf.sqrt(tf.reduce_mean(tf.square(share), axis=units, keepdims=True))  # [B, 1, ..]
        return self.level * size * tf.random.stateless_normal(tf.shape(wide), seed, dtype=wide.dtype)

    def compute_output_spec(self, inputs, training=None):
        return keras.KerasTensor(inputs.shape, inputs.dtype)  # of the input's type, which Keras does not expect

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self) -> dict:
        return {**super().get_config(), "level": self.level, "seed": self.seed}
