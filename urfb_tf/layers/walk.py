"""All layers of a model, those inside nested models too."""

from collections.abc import Iterator

import keras

from urfb_tf.layers.base import FeedbackLayer


def layers_of(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """Every layer of a model that is no model itself, from below."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from layers_of(layer)
        else:
            yield layer


def feedback_layers(model: keras.Model) -> list[FeedbackLayer]:
    """Those that have a feedback rule."""
    return [layer for layer in layers_of(model) if isinstance(layer, FeedbackLayer)]
