"""Batch normalisation's averages, measured again on weights that stand still."""

import keras
import numpy as np
import tensorflow as tf

from urfb_tf.layers import layers_of
from urfb_tf.training.epoch import as_input
from urfb_tf.training.order import steps_per_epoch


def normalising_layers(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """The layers of batch normalisation that keep averages, from below; frozen ones do not."""
    return [
        layer for layer in layers_of(model) if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
    ]


def settle(model: keras.Model, images: np.ndarray, *, batch_size: int = 500) -> None:
    """Give batch normalisation the averages that belong to the weights as they are now.

    While it trains, a layer normalises by each batch's own mean and variance. For use it keeps running averages, with
    Keras' momentum of .99 over the last hundred batches or so, in which the weights have gone on. Under long steps
    these lag behind, and the errors on the test set jump from epoch to epoch. `settle` passes the images through the
    model once, with dropout on and weights unchanged, and puts the means over all batches in place of the running ones
    (Wu and Johnson 2021, "Rethinking 'Batch' in BatchNorm", call it precise batch normalisation). Nothing else changes
    in the model, dropout's random numbers included. A model without batch normalisation is left alone.

    Args:
        model: a built model.
        images: [N, ...], what the model takes, in an order that does not sort them by class.
        batch_size: images per batch, as in training; those that fill no batch are left out.

    Raises:
        ArgumentError: if the images do not fill one batch.
    """
    layers = normalising_layers(model)
    if not layers:
        return
    steps = steps_per_epoch(len(images), batch_size)
    averages = {id(variable) for layer in layers for variable in layer.non_trainable_variables}
    before = [(variable, tf.identity(variable.value)) for variable in model.non_trainable_variables]
    momenta = [layer.momentum for layer in layers]
    whole = False
    try:
        for step in range(steps):
            for layer in layers:
                layer.momentum = step / (step + 1)  # a running mean in which all batches count alike
            model(as_input(model, images[step * batch_size : (step + 1) * batch_size]), training=True)
        whole = True
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        for variable, value in before:
            if not (whole and id(variable) in averages):
                variable.assign(value)
