"""Half precision: what a loss is multiplied by before it is differentiated, and gradients are divided by.

The error of a mean over B examples is about 1 / B at the output, and less in the layers below. Under 6e-5 float16 loses
digits, and under 6e-8 it has nothing but 0. Keras' `fit` multiplies the loss for this reason; what differentiates
without `fit` does so here.
"""

import math
from collections.abc import Sequence

import keras
import tensorflow as tf

from urfb_tf.layers.walk import layers_of


def loss_scale(model: keras.Model, examples: int) -> float:
    """The power of two next to the number of examples if a layer of the model computes in float16; else 1."""
    half = any(layer.compute_dtype == "float16" for layer in layers_of(model))
    return 2.0 ** round(math.log2(examples)) if half else 1.0


def gradients_of(
    tape: tf.GradientTape, loss: tf.Tensor, sources: Sequence[tf.Tensor], scale: float = 1.0
) -> list[tf.Tensor]:
    """The gradients of a loss, zeros where nothing connects, by an error that is `scale` times as long on its way.

    Args:
        tape: recorded the loss, a scalar. A persistent one may be asked again.
        sources: tensors or variables.
        scale: of `loss_scale`.

    Returns:
        One for each source; float32 in place of float16 if `scale` is not 1, as float16 may not reach that low.
    """
    none = tf.UnconnectedGradients.ZERO
    if scale == 1:
        return tape.gradient(loss, sources, unconnected_gradients=none)
    found = tape.gradient(loss, sources, output_gradients=tf.cast(scale, loss.dtype), unconnected_gradients=none)
    wide = [tf.cast(gradient, tf.float32) if gradient.dtype == tf.float16 else gradient for gradient in found]
    return [gradient / tf.cast(scale, gradient.dtype) for gradient in wide]
