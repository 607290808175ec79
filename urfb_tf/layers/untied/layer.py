"""The convolution's connectivity with a weight of its own at each location (section 4.1)."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from urfb_tf.errors import ArgumentError, is_positive, is_whole, one_of
from urfb_tf.layers.untied.dense import DenseLocal
from urfb_tf.layers.untied.locality import Locality
from urfb_tf.layers.untied.products import Products
from urfb_tf.layers.untied.sparse import SparseMatrix
from urfb_tf.layers.walk import layers_of
from urfb_tf.layers.windows import WindowLayer

BACKENDS: dict[str, Callable[[Locality, int, int], Products]] = {"dense": DenseLocal, "sparse": SparseMatrix}
REFRESHES = ("step", "epoch")


@keras.saving.register_keras_serializable("urfb_tf")
class UntiedConv2D(WindowLayer):
    """A locally connected layer: a convolution with filters of their own at each location (section 4.1).

    Takes [B, H, W, Cin], gives [B, H', W', filters]. W and R are both stored as [S, Cin, filters], one slice for each
    of the S connected pairs of an output location and an input pixel, in the order of `locality.pairs`; a connection
    outside the image does not exist. `filters_at` gives the filters of a location as a convolution has them.

    Args:
        filters: the number of filters, >= 1.
        kernel_size: an integer or a pair of integers >= 1.
        strides: likewise.
        padding: "same" (the paper's) or "valid".
        backend: "dense", batched products over patches, or "sparse", the `tf.sparse` matrices of the original
            implementation. Same weights, same results up to rounding; sparse is far slower.
        feedback_refresh: when the weights that carry the error down follow R. "step", at once, is the paper. "epoch"
            is what the original implementation did in its untied phase: they stay what they were until
            `refresh_feedback`, which `urfb_tf.train` and the callback `RefreshFeedback` call as an epoch begins.
            Under back-propagation W itself carries the error, always.
        update_gain: multiplies the Hebbian products from which W and R learn. A tied filter adds up those of all
            locations, so that under one step it moves that much faster than untied ones. What weights lose by a rule's
            decay or a regulariser, tied or not, is multiplied by nothing.
        **kwargs: those of `FeedbackLayer` and of every Keras layer. The bias, if any, is [H', W', filters].

    Raises:
        ArgumentError: if an argument is out of range, or the input is not [B, H, W, Cin] with fixed H, W and Cin.
    """

    locality: Locality  # made by `build`

    def __init__(
        self,
        filters: int,
        kernel_size,
        strides=1,
        padding: str = "same",
        *,
        backend: str = "dense",
        feedback_refresh: str = "step",
        update_gain: float = 1.0,
        **kwargs,
    ):
        super().__init__(filters, kernel_size, strides, padding, **kwargs)
        if backend not in tuple(BACKENDS):  # a list has no hash
            raise ArgumentError(one_of("backend", backend, BACKENDS))
        if feedback_refresh not in tuple(REFRESHES):  # a list has no hash
            raise ArgumentError(one_of("feedback_refresh", feedback_refresh, REFRESHES))
        if not is_positive(update_gain):
            raise ArgumentError(f"UntiedConv2D needs an update_gain > 0, but got {update_gain!r}.")
        self.backend = backend
        self.supports_jit = backend != "sparse"  # XLA has no sparse products; Keras goes by this
        self.update_gain = float(update_gain)
        self.feedback_refresh = feedback_refresh
        self.stale_feedback = None

    def build(self, input_shape):
        if len(input_shape) != 4 or None in tuple(input_shape)[1:]:
            raise ArgumentError(
                f"UntiedConv2D '{self.name}' needs inputs [batch, height, width, channels] of fixed size, "
                f"but got {tuple(input_shape)}."
            )
        height, width, channels = (int(n) for n in input_shape[1:])
        self.locality = Locality((height, width), self.kernel_size, self.strides, self.padding)
        self._products = BACKENDS[self.backend](self.locality, channels, self.filters)
        pairs = len(self.locality.pairs)
        # Initialisers take the leading axis for the places in one filter: of a convolution these are kh kw.
        spread = (pairs / np.prod(self.kernel_size)) ** 0.5
        self._add_connections((pairs, channels, self.filters), (*self.locality.output_size, self.filters), spread)
        if self.feedback_refresh == "epoch" and self.rule.has_feedback:
            # Read by an initialiser, since models that are built at their first call make their weights only later.
            self.stale_feedback = self.add_weight(
                name="stale_feedback",
                shape=self.kernel.shape,
                initializer=lambda shape, dtype=None: tf.cast(self.feedback, dtype or self.feedback.dtype),
                trainable=False,
            )
        self.input_spec = keras.layers.InputSpec(shape=(None, height, width, channels))
        self.built = True

    def refresh_feedback(self) -> None:
        """Let the weights that carry the error down follow R (feedback_refresh="epoch"; else they always do)."""
        if self.stale_feedback is not None:
            self.stale_feedback.assign(self.feedback)

    def settle_feedback(self) -> None:
        """As in every layer, and `refresh_feedback`: after R was set from outside."""
        super().settle_feedback()
        self.refresh_feedback()

    def _stale_feedback(self):
        # The rule may be replaced by back-propagation for a while, to compare with.
        stale = self.stale_feedback is not None and self.rule.has_feedback
        return tf.convert_to_tensor(self.stale_feedback) if stale else None

    def _arrange_inputs(self, inputs):
        return self._products.arrange_inputs(inputs)

    def _arrange_errors(self, error):
        return self._products.arrange_errors(error)

    def _forward(self, inputs, weights):
        return self._products.forward(inputs, weights)

    def _pull_back(self, error, weights, inputs):
        return self._products.pull_back(error, weights)

    def _correlate(self, inputs, error):
        products = self._products.correlate(inputs, error)
        return products if self.update_gain == 1 else products * tf.cast(self.update_gain, products.dtype)

    def check_filters(self) -> None:
        """Raise an ArgumentError if the layer has no filters yet."""
        if not self.built:
            raise ArgumentError(f"UntiedConv2D '{self.name}' has no filters yet: call it on a batch of images first.")

    def filters_at(self, row: int, column: int, weights=None) -> np.ndarray:
        """The filters of one output location, [kh, kw, Cin, filters]; NaN where a place lies outside the image.

        Args:
            row, column: in the output.
            weights: anything of W's shape [S, Cin, filters]. None means W.

        Raises:
            ArgumentError: if there is no such location, the weights have another shape, or the layer is not built.
        """
        self.check_filters()
        height, width = self.locality.output_size
        if not (is_whole(row, 0) and is_whole(column, 0) and row < height and column < width):
            raise ArgumentError(f"The output has locations (0, 0) to {(height - 1, width - 1)}, not {(row, column)}.")
        pairs = self.locality.pairs
        chosen = pairs.location == row * width + column
        weights = self._by_connection(self.kernel if weights is None else weights)
        found = np.full((*self.kernel_size, *weights.shape[1:]), np.nan, weights.dtype)
        found.reshape(-1, *weights.shape[1:])[pairs.offset[chosen]] = weights[chosen]
        return found

    def summed_over_space(self, weights) -> np.ndarray:
        """What a tied filter would gather: the sum over all locations, [kh, kw, Cin, filters].

        Args:
            weights: anything of W's shape [S, Cin, filters], such as its increment.

        Raises:
            ArgumentError: if the weights have another shape, or the layer is not built.
        """
        self.check_filters()
        weights = self._by_connection(weights)
        total = np.zeros((np.prod(self.kernel_size), *weights.shape[1:]), weights.dtype)
        np.add.at(total, self.locality.pairs.offset, weights)
        return total.reshape(*self.kernel_size, *weights.shape[1:])

    def _by_connection(self, weights) -> np.ndarray:
        weights = keras.ops.convert_to_numpy(weights)
        if weights.ndim < 2 or len(weights) != len(self.locality.pairs):
            raise ArgumentError(
                f"'{self.name}' takes weights [{len(self.locality.pairs)}, Cin, filters], but got {weights.shape}."
            )
        return weights

    def compute_output_shape(self, input_shape):
        locality = Locality(tuple(input_shape[1:3]), self.kernel_size, self.strides, self.padding)
        return (input_shape[0], *locality.output_size, self.filters)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "backend": self.backend,
            "feedback_refresh": self.feedback_refresh,
            "update_gain": self.update_gain,
        }


class RefreshFeedback(keras.callbacks.Callback):
    """Calls `refresh_feedback` of every untied layer as an epoch of `fit` begins."""

    def on_epoch_begin(self, epoch, logs=None):
        for layer in layers_of(self.model):
            if isinstance(layer, UntiedConv2D):
                layer.refresh_feedback()
