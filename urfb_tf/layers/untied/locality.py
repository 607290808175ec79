"""Which connections a convolution implies, as numbers: the one place where borders, strides and padding are decided."""

import dataclasses
import functools

import numpy as np

from urfb_tf.layers.windows import check_fits, check_padding, pair, windows


@dataclasses.dataclass(frozen=True)
class Locality:
    """The geometry of a convolution over images of one size.

    Attributes:
        size: height and width of the input.
        kernel_size: height and width of the filters.
        strides: steps between windows, down and right.
        padding: "same" or "valid".

    Raises:
        ArgumentError: if a size is no pair of whole numbers >= 1, the padding is neither, or no window fits into the
            image ("valid" padding).
    """

    size: tuple[int, int]
    kernel_size: tuple[int, int]
    strides: tuple[int, int]
    padding: str

    def __post_init__(self):
        for name in ("size", "kernel_size", "strides"):
            object.__setattr__(self, name, pair(getattr(self, name), name))  # frozen, but not before it is made
        object.__setattr__(self, "padding", check_padding(self.padding))
        check_fits(self.size, self.kernel_size, self.padding)

    @functools.cached_property
    def output_size(self) -> tuple[int, int]:
        """Height and width of the output."""
        return len(self.reach[0]), len(self.reach[1])

    @functools.cached_property
    def reach(self) -> tuple[np.ndarray, np.ndarray]:
        """Per axis, the input coordinate under each output and filter coordinate, int [outputs, kernel]; -1 outside."""
        rows, columns = zip(self.size, self.kernel_size, self.strides, strict=True)
        return _reach(*rows, self.padding), _reach(*columns, self.padding)

    @functools.cached_property
    def pairs(self) -> "Pairs":
        """Every connected pair of an output location and an input pixel."""
        rows, columns = self.reach  # [H', kh], [W', kw]
        pixel = np.where(
            (rows >= 0)[:, None, :, None] & (columns >= 0)[None, :, None, :],
            rows[:, None, :, None] * self.size[1] + columns[None, :, None, :],
            -1,
        )  # [H', W', kh, kw]
        pixel = pixel.reshape(len(rows) * len(columns), -1)  # [P, K]
        location, offset = np.nonzero(pixel >= 0)
        return Pairs(location, offset, pixel[location, offset])

    @functools.cached_property
    def whole(self) -> np.ndarray:
        """Whether all places of a location's filters lie inside the image, bool [H' W']."""
        rows, columns = ((axis >= 0).all(axis=1) for axis in self.reach)
        return np.logical_and.outer(rows, columns).ravel()


@dataclasses.dataclass(frozen=True, eq=False)
class Pairs:
    """Connected pairs, ordered by location, then by place in the filter. All arrays are int [pairs].

    Attributes:
        location: of the output, row by row, in [0, H' W').
        offset: place in the filter, row by row, in [0, kh kw).
        pixel: of the input, row by row, in [0, H W).
    """

    location: np.ndarray
    offset: np.ndarray
    pixel: np.ndarray

    def __len__(self) -> int:
        return len(self.location)


def _reach(size: int, kernel: int, stride: int, padding: str) -> np.ndarray:
    outputs = windows(size, kernel, stride, padding)
    # "valid" needs no pixel more than there is; the odd pixel of padding comes last
    before = max((outputs - 1) * stride + kernel - size, 0) // 2
    coordinate = np.arange(outputs)[:, None] * stride - before + np.arange(kernel)  # [outputs, kernel]
    return np.where((coordinate >= 0) & (coordinate < size), coordinate, -1)
