"""Filters of untied layers at a few locations, small enough to travel in a result file (Figure 6)."""

import base64

import keras
import numpy as np

from urfb_tf.layers import UntiedConv2D, layers_of


def filters_of(model: keras.Model) -> dict[str, dict]:
    """The filters in the middle of each quarter of the output of each untied layer, ready for JSON, by layer name.

    `locations` are pairs (row, column); `float16` holds the numbers, [locations, kh, kw, Cin, F] as `shape` says,
    little-endian, in base64.
    """
    return {layer.name: _encode(layer) for layer in layers_of(model) if isinstance(layer, UntiedConv2D)}


def decode(stored: dict) -> np.ndarray:
    """The filters, float32 [locations, kh, kw, Cin, F]; NaN where a place lies outside the image."""
    numbers = np.frombuffer(base64.b64decode(stored["float16"]), "<f2")
    return numbers.reshape(stored["shape"]).astype(np.float32)


def _encode(layer: UntiedConv2D) -> dict:
    height, width = layer.locality.output_size
    locations = [(row, column) for row in _quarters(height) for column in _quarters(width)]
    filters = np.stack([layer.filters_at(*location) for location in locations])
    return {
        "locations": [list(location) for location in locations],
        "shape": list(filters.shape),
        "float16": base64.b64encode(filters.astype("<f2").tobytes()).decode(),
    }


def _quarters(size: int) -> list[int]:
    return sorted({size // 4, size - 1 - size // 4})
