"""The layer that sends the output error straight to the layers below: direct feedback alignment."""

from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf

from urfb_tf.errors import ArgumentError
from urfb_tf.layers.connectivity import reseeded
from urfb_tf.layers.walk import counted
from urfb_tf.seeds import check_whole, stream


@keras.saving.register_keras_serializable("urfb_tf")
class DirectFeedback(keras.layers.Layer):
    """Gives the model's output on, and sends its error through fixed random weights to each target (Nøkland 2016).

    Takes a list: the output [B, ...] of C numbers per example, then what enters each target layer, [B, ...] of D
    numbers. Gives the output. Backwards, the output receives its error e [B, C] as it is, and each of the others e B,
    with a B [C, D] of its own. `urfb_tf.networks.connect_direct_feedback` puts this layer at the end of a model.

    Args:
        targets: the names of the target layers, in the order of the inputs.
        projection_initializer: of the B.
        seed: of the B, each drawn independently.
        **kwargs: those of every Keras layer.

    Raises:
        ArgumentError: if the targets are no list of names, an input is of free size, there is not one per target, or
            the seed is no whole number >= 0.
    """

    def __init__(self, targets: Iterable[str], projection_initializer="glorot_uniform", seed: int = 0, **kwargs):
        super().__init__(**{"autocast": False, **kwargs})  # the output keeps its precision
        if isinstance(targets, str) or not isinstance(targets, Iterable):
            raise ArgumentError(f"DirectFeedback needs a list of layers' names, but got {targets!r}.")
        self.targets = list(targets)
        self.projection_initializer = projection_initializer
        check_whole(seed)
        self.seed = seed
        self.active = True  # False lets no error pass but the output's own, as under back-propagation

    def build(self, input_shape):
        if len(input_shape) != len(self.targets) + 1:
            raise ArgumentError(f"DirectFeedback takes the output and {len(self.targets)} inputs of layers.")
        for name, shape in zip(["the output", *self.targets], input_shape, strict=True):
            if None in tuple(shape)[1:]:
                raise ArgumentError(f"Direct feedback needs a fixed size, but {name} has {tuple(shape)[1:]}.")
        width, *sizes = (int(np.prod(shape[1:])) for shape in input_shape)
        initializer = keras.initializers.get(self.projection_initializer)
        self.projections = [
            self.add_weight(
                name=f"projection{number}",
                shape=(width, size),
                initializer=reseeded(initializer, stream(self.seed, "direct", name)),
                trainable=False,
            )
            for number, (name, size) in enumerate(zip(counted(self.targets), sizes, strict=True))
        ]
        self.built = True

    def call(self, inputs):
        if not self.active:
            return inputs[0]
        projections = [tf.convert_to_tensor(projection) for projection in self.projections]

        @tf.custom_gradient
        def send(output, *entering):
            def gradient(error):
                rows = tf.reshape(error, [-1, projections[0].shape[0]])  # [B, C]
                sent = [tf.matmul(tf.cast(rows, b.dtype), b) for b in projections]  # [B, D] each
                return error, *(
                    tf.cast(tf.reshape(s, tf.shape(x)), x.dtype) for s, x in zip(sent, entering, strict=True)
                )

            return tf.identity(output), gradient

        return send(*inputs)

    def compute_mask(self, inputs, previous_mask):
        return previous_mask[0]  # the output's

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs[0].shape, inputs[0].dtype)  # of the output's type, which Keras does not expect

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0])

    def get_config(self) -> dict:
        initializer = self.projection_initializer
        if not isinstance(initializer, str):
            initializer = keras.initializers.serialize(keras.initializers.get(initializer))
        return {
            **super().get_config(),
            "targets": self.targets,
            "projection_initializer": initializer,
            "seed": self.seed,
        }
