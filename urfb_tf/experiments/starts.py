"""Where untied filters started: kept with a run, so that their change can be measured however often it is resumed."""

from collections.abc import Iterable

import keras
import numpy as np

from urfb_tf.experiments.phases import Phase
from urfb_tf.layers import FeedbackConv2D, layers_of
from urfb_tf.results.filters import decode, encode


def shared_filters(model: keras.Model, names: Iterable[str]) -> dict[str, dict]:
    """The filters of tied convolutions that are about to be untied, ready for JSON, by layer name."""
    layers = {layer.name: layer for layer in layers_of(model) if isinstance(layer, FeedbackConv2D)}
    return {name: encode(keras.ops.convert_to_numpy(layers[name].kernel)) for name in names if name in layers}


def starts(model: keras.Model, phase: Phase, shared: dict[str, dict] | None) -> dict[str, np.ndarray]:
    """W [S, Cin, filters] of the layers that a phase unties, as it began.

    Args:
        model: as the phase began it. It may not have been trained, if a later checkpoint is about to be loaded.
        phase: the phase.
        shared: what `shared_filters` gave before it. None if nothing was trained before.
    """
    found = {}
    for layer in layers_of(model):
        if layer.name not in phase.untie:
            continue
        if shared is None or layer.name in phase.reinitialise:
            found[layer.name] = keras.ops.convert_to_numpy(layer.kernel)
        elif layer.name in shared:  # else it was untied before, and started then
            filters = decode(shared[layer.name])
            found[layer.name] = filters.reshape(-1, *filters.shape[2:])[layer.locality.pairs.offset]
    return found
