"""An untied convolution as PyTorch's users write it: `unfold`, `einsum` and autograd."""

import os

import numpy as np

from urfb_tf.layers import UntiedConv2D


class Unfolded:
    """The training step of an untied layer without activation, by back-propagation.

    Args:
        layer: a built `UntiedConv2D` of stride 1, whose W this starts from.
        x: inputs, [B, H, W, C].
        errors: minus the derivative of the loss by the outputs, [B, H', W', F].
        hands_down: whether the step computes the error for the layer below.
        learning_rate: SGD's step.
    """

    def __init__(
        self, layer: UntiedConv2D, x: np.ndarray, errors: np.ndarray, *, hands_down: bool, learning_rate: float = 0.1
    ):
        import torch

        torch.set_num_threads(os.cpu_count() or 1)
        pairs, (height, width) = layer.locality.pairs, layer.kernel_size
        weights = np.zeros((int(np.prod(layer.locality.output_size)), x.shape[-1], height * width, layer.filters))
        weights[pairs.location, :, pairs.offset] = np.array(layer.kernel)  # [L, C, K, F], outside the image 0
        self._weights = torch.tensor(weights, dtype=torch.float32).flatten(1, 2).requires_grad_()  # [L, C K, F]
        self._x = torch.from_numpy(x.transpose(0, 3, 1, 2).copy()).requires_grad_(hands_down)  # [B, C, H, W]
        self._errors = torch.from_numpy(errors).flatten(1, 2)  # [B, L, F]
        self._size, self._pairs = (height, width), pairs
        before = [(n - 1) // 2 for n in (width, height)]
        self._border = [before[0], width - 1 - before[0], before[1], height - 1 - before[1]]
        self._rate = learning_rate

    def step(self) -> None:
        """Forward, error handed down, update of W."""
        import torch

        self._weights.grad = self._x.grad = None
        padded = torch.nn.functional.pad(self._x, self._border)
        patches = torch.nn.functional.unfold(padded, self._size)  # [B, C K, L]
        outputs = torch.einsum("bpl,lpf->blf", patches, self._weights)  # [B, L, F]
        outputs.backward(self._errors)
        with torch.no_grad():
            self._weights -= self._rate * self._weights.grad

    def kernel(self) -> np.ndarray:
        """W as the layer stores it, [pairs, C, F]."""
        weights = self._weights.detach().numpy()
        weights = weights.reshape(len(weights), -1, int(np.prod(self._size)), weights.shape[-1])  # [L, C, K, F]
        return weights[self._pairs.location, :, self._pairs.offset]
