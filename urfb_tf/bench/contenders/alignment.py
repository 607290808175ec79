"""Feedback alignment in PyTorch in as few lines as it takes: layers with the names of PyTorch's own."""

import functools
import types


@functools.cache
def layers() -> types.SimpleNamespace:
    """`Conv2d`, of stride 1, and `Linear`, whose errors travel through fixed random weights `weight_backward`."""
    import torch

    class Convolve(torch.autograd.Function):
        @staticmethod
        def forward(context, x, weight, weight_backward, padding):
            context.save_for_backward(x, weight_backward)
            context.padding = padding
            return torch.nn.functional.conv2d(x, weight, padding=padding)

        @staticmethod
        def backward(context, error):
            x, weight_backward = context.saved_tensors
            needs_x, needs_weight, *_ = context.needs_input_grad
            # Both gradients in one call, through R in place of W.
            down, increment, _ = torch.ops.aten.convolution_backward(
                error, x, weight_backward, None, [1, 1], [context.padding] * 2, [1, 1], False, [0, 0], 1,
                [needs_x, needs_weight, False],
            )  # fmt: skip
            return down, increment, None, None

    class Multiply(torch.autograd.Function):
        @staticmethod
        def forward(context, x, weight, weight_backward):
            context.save_for_backward(x, weight_backward)
            return x @ weight.T

        @staticmethod
        def backward(context, error):
            x, weight_backward = context.saved_tensors
            return error @ weight_backward, error.T @ x, None

    class Conv2d(torch.nn.Conv2d):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            self.register_buffer("weight_backward", torch.empty_like(self.weight))
            torch.nn.init.xavier_uniform_(self.weight_backward)

        def forward(self, x):  # [B, C, H, W]
            return Convolve.apply(x, self.weight, self.weight_backward, self.padding[0])

    class Linear(torch.nn.Linear):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            self.register_buffer("weight_backward", torch.empty_like(self.weight))
            torch.nn.init.xavier_uniform_(self.weight_backward)

        def forward(self, x):  # [B, D]
            return Multiply.apply(x, self.weight, self.weight_backward)

    return types.SimpleNamespace(Conv2d=Conv2d, Linear=Linear)
