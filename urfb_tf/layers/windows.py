"""What layers share whose units look at windows of an image: tied convolutions and untied ones."""

from urfb_tf.errors import ArgumentError, is_whole
from urfb_tf.layers.base import FeedbackLayer


class WindowLayer(FeedbackLayer):
    """A layer with feedback weights over windows; a subclass says whether they share their filters.

    Args:
        filters: the number of filters, >= 1.
        kernel_size: an integer or a pair of integers >= 1.
        strides: likewise.
        padding: "same" (the paper's) or "valid".
        **kwargs: those of `FeedbackLayer` and of every Keras layer.

    Raises:
        ArgumentError: if an argument is out of range.
    """

    def __init__(self, filters: int, kernel_size, strides=1, padding: str = "same", **kwargs):
        super().__init__(**kwargs)
        if not is_whole(filters, 1):
            raise ArgumentError(f"{type(self).__name__} needs a whole number of filters >= 1, but got {filters!r}.")
        self.filters = filters
        self.kernel_size = pair(kernel_size, "kernel_size")
        self.strides = pair(strides, "strides")
        self.padding = check_padding(padding)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
        }


def check_padding(padding) -> str:
    """The padding, "same" or "valid", in small letters; anything else is an ArgumentError."""
    found = str(padding).lower()
    if found not in ("same", "valid"):
        raise ArgumentError(f"padding is 'same' or 'valid', but got {padding!r}.")
    return found


def windows(size: int, kernel: int, stride: int, padding: str) -> int:
    """How many windows an axis has."""
    return -(-(size if padding == "same" else size - kernel + 1) // stride)


def check_fits(size: tuple, kernel_size: tuple[int, int], padding: str) -> None:
    """Raise an ArgumentError if no window fits into an image of this height and width; None stands for a free one."""
    too_large = any(n is not None and k > n for k, n in zip(kernel_size, size, strict=True))
    if padding == "valid" and too_large:
        raise ArgumentError(
            f"With padding 'valid' a filter of {kernel_size} needs an image at least as large, but got {size}."
        )


def pair(value, argument: str) -> tuple[int, int]:
    """Two whole numbers >= 1 from one or two of them, or an ArgumentError that names the argument."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(values) != 2 or not all(is_whole(v, 1) for v in values):
        raise ArgumentError(f"{argument} is a whole number >= 1 or a pair of them, but got {value!r}.")
    return int(values[0]), int(values[1])  # TensorFlow takes NumPy's in some places only
