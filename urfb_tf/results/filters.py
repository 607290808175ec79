"""Filters inside result files: a few locations of untied layers, small enough to travel with them (Figure 6)."""

import base64

import keras
import numpy as np

from urfb_tf.layers import UntiedConv2D
from urfb_tf.layers.walk import feedback_layers_by_key


def filters_of(model: keras.Model) -> dict[str, dict]:
    """The filters in the middle of each quarter of the output of each untied layer, ready for JSON, by layer name.

    `locations` are pairs (row, column); `decode` gives the filters, [locations, kh, kw, Cin, F].
    """
    found = {}
    for name, layer in feedback_layers_by_key(model).items():
        if isinstance(layer, UntiedConv2D):
            locations = shown_locations(layer)
            filters = np.stack([layer.filters_at(*location) for location in locations])
            found[name] = {"locations": locations, **encode(filters)}
    return found


def shown_locations(layer: UntiedConv2D) -> list[list[int]]:
    """Those whose filters are kept, [row, column] each."""
    height, width = layer.locality.output_size
    return [[row, column] for row in _quarters(height) for column in _quarters(width)]


def encode(array: np.ndarray) -> dict:
    """An array as JSON: its shape, and its numbers as little-endian float32 in base64."""
    return {"shape": list(array.shape), "float32": base64.b64encode(array.astype("<f4").tobytes()).decode()}


def decode(stored: dict) -> np.ndarray:
    """The array that `encode` stored, float32."""
    return np.frombuffer(base64.b64decode(stored["float32"]), "<f4").reshape(stored["shape"]).astype(np.float32)


def _quarters(size: int) -> list[int]:
    return sorted({size // 4, size - 1 - size // 4})
