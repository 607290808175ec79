"""What a probe measures, as the one array that an exported program returns."""

import keras
import tensorflow as tf

from urfb_tf.metrics import Alignment, HomogeneityProbe
from urfb_tf.training.epoch import State, values_of


def probed(model: keras.Model, state: State, probe: Alignment | HomogeneityProbe, values: list) -> tf.Tensor:
    """All that the probe measures of a model with these weights, float64 [values].

    Args:
        model, state, probe: which.
        values: becomes the list of their (kind, layer).
    """
    with keras.StatelessScope(state_mapping=values_of(model, state)):
        found = probe.tensors(model)
    values[:] = [(kind, layer) for kind, by_layer in found.items() for layer in by_layer]
    return tf.stack([value for by_layer in found.values() for value in by_layer.values()])
