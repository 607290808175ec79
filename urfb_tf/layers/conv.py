"""The convolution (weights tied across space) with a feedback rule."""

import keras
import tensorflow as tf

from urfb_tf.errors import ArgumentError
from urfb_tf.layers.windows import WindowLayer, check_fits, windows


@keras.saving.register_keras_serializable("urfb_tf")
class FeedbackConv2D(WindowLayer):
    """Convolution: the same filters at each location, their updates summed over locations.

    Takes [B, H, W, Cin], gives [B, H', W', filters]. W and R are both stored as [kh, kw, Cin, filters].

    Args:
        filters: the number of filters, >= 1.
        kernel_size: an integer or a pair of integers >= 1.
        strides: likewise.
        padding: "same" (the paper's) or "valid".
        **kwargs: those of `FeedbackLayer` and of every Keras layer.

    Raises:
        ArgumentError: if an argument is out of range, or the input is not [B, H, W, Cin] with fixed Cin
            or, with padding "valid", smaller than a filter.
    """

    def build(self, input_shape):
        if len(input_shape) != 4 or input_shape[-1] is None:
            raise ArgumentError(
                f"FeedbackConv2D '{self.name}' needs inputs [batch, height, width, channels] with a fixed number of "
                f"channels, but got {tuple(input_shape)}."
            )
        check_fits(tuple(input_shape[1:3]), self.kernel_size, self.padding)
        self._add_connections((*self.kernel_size, int(input_shape[-1]), self.filters), (self.filters,))
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={-1: int(input_shape[-1])})
        self.built = True

    @property
    def _free_size(self) -> int:  # type: ignore[override]
        return 2 * max(self.kernel_size)

    @property
    def _geometry(self) -> dict:
        return {"strides": [1, *self.strides, 1], "padding": self.padding.upper()}

    def _forward(self, inputs, weights):
        check_fits(tuple(inputs.shape[1:3]), self.kernel_size, self.padding)  # where the model leaves the size free
        return tf.nn.conv2d(inputs, weights, **self._geometry)

    def _pull_back(self, error, weights, inputs):
        return tf.raw_ops.Conv2DBackpropInput(
            input_sizes=tf.shape(inputs), filter=weights, out_backprop=error, **self._geometry
        )

    def _correlate(self, inputs, error):
        sizes = self.kernel.shape  # that of the inputs may be known only as it runs
        return tf.raw_ops.Conv2DBackpropFilter(input=inputs, filter_sizes=sizes, out_backprop=error, **self._geometry)

    def compute_output_shape(self, input_shape):
        sizes = [
            None if size is None else windows(size, kernel, stride, self.padding)
            for size, kernel, stride in zip(input_shape[1:3], self.kernel_size, self.strides, strict=True)
        ]
        return (input_shape[0], *sizes, self.filters)
