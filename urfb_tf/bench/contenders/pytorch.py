"""The same network in PyTorch: back-propagation, or feedback alignment in BioTorch's or in minimal layers."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from urfb_tf.bench.contenders import alignment
from urfb_tf.bench.contenders.contender import CLASSES, LEARNING_RATE
from urfb_tf.data import Split
from urfb_tf.errors import ArgumentError
from urfb_tf.networks.notation import Step, parse

LAYERS = ("torch", "minimal", "biotorch")


class TorchSteps:
    """A network of PyTorch modules, trained step by step without compilation, as PyTorch's users do.

    Images lie channels last, which is the faster layout on a CPU and makes flattening agree with TensorFlow's.

    Args:
        notation: of the network; avgpool is not supported.
        data: to train on.
        batch: examples per step.
        layers: "torch" for back-propagation by `Conv2d` and `Linear`; "biotorch" for feedback alignment by BioTorch's
            layers of the same names; "minimal" for feedback alignment by the package's own few lines.
    """

    def __init__(self, notation: str, data: Split, batch: int, *, layers: str = "torch"):
        import torch

        torch.set_num_threads(os.cpu_count() or 1)
        self._images = torch.from_numpy(data.images.transpose(0, 3, 1, 2)).contiguous(memory_format=torch.channels_last)
        self._labels = torch.from_numpy(data.labels).long()
        self._batch = batch
        self._network = _network(parse(notation), _modules(layers), tuple(data.images.shape[1:]))
        self._network.to(memory_format=torch.channels_last)
        self._optimizer = torch.optim.SGD([module.weight for module in self._network.weighted], LEARNING_RATE)

    def epoch(self) -> float:
        """Steps over the shuffled images."""
        import torch

        losses = []
        order = torch.randperm(len(self._images))
        for first in range(0, len(order) - self._batch + 1, self._batch):
            rows = order[first : first + self._batch]
            fields = self._network(self._images[rows].float() / 255)  # [B, C]
            loss = _hinge(fields, self._labels[rows])
            self._optimizer.zero_grad()
            loss.backward()
            self._optimizer.step()
            losses.append(loss.detach())
        return float(torch.stack(losses).mean())

    def weights(self) -> list[np.ndarray]:
        """W of every layer."""
        return [_to_own(module.weight) for module in self._network.weighted]

    def set_weights(self, weights: Sequence[np.ndarray], feedback: Sequence[np.ndarray | None]) -> None:
        """W of every layer, and R where the layers have one."""
        for module, w, r in zip(self._network.weighted, weights, feedback, strict=True):
            _assign(module.weight, w)
            if r is not None and hasattr(module, "weight_backward"):
                _assign(module.weight_backward, r)


def _modules(layers: str) -> Any:
    if layers == "torch":
        import torch

        return torch.nn
    if layers == "biotorch":
        from biotorch.layers import fa

        return fa
    if layers == "minimal":
        return alignment.layers()
    raise ArgumentError(f"Unknown layers {layers!r}: use one of {', '.join(LAYERS)}.")


def _network(steps, kinds, shape: tuple[int, int, int]):
    """A module whose `weighted` are those with weights, from the input upwards."""
    import torch

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.steps: list[tuple[Step, Any]] = []
            height, width, channels = shape
            features = None
            for step in steps:
                module = None
                if step.kind == "conv":
                    filters, *size = (int(number) for number in step.numbers)
                    if size[0] != size[1] or size[0] % 2 == 0:
                        raise ArgumentError(f"Here filters are square and of odd size, but got {size}.")
                    module = kinds.Conv2d(channels, filters, size[0], padding=size[0] // 2, bias=False)
                    channels = filters
                elif step.kind == "maxpool":
                    stride = _window(step)[1]
                    height, width = -(-height // stride), -(-width // stride)
                elif step.kind in ("dense", "output"):
                    units = int(step.numbers[0]) if step.kind == "dense" else CLASSES
                    module = kinds.Linear(features or height * width * channels, units, bias=False)
                    features = units
                self.steps.append((step, module))
            self.weighted = torch.nn.ModuleList([module for _, module in self.steps if module is not None])

        def forward(self, x):  # [B, C, H, W]
            functional, convolutions = torch.nn.functional, []
            for step, module in self.steps:
                if step.kind == "conv":
                    x = functional.hardtanh(module(x))
                    convolutions.append(x)
                elif step.kind == "sum":
                    x = convolutions[-2] + convolutions[-1]
                elif step.kind == "drop":
                    x = functional.dropout(x, step.numbers[0], self.training)
                elif step.kind == "maxpool":
                    x = _max_pool(functional, x, *_window(step))
                else:
                    x = module(x.permute(0, 2, 3, 1).flatten(1) if x.ndim == 4 else x)
                    x = functional.hardtanh(x) if step.kind == "dense" else x
            return x

    return Network()


def _window(step: Step) -> tuple[int, int]:
    size, stride = (*step.numbers, 2.0)[:2]
    return int(size), int(stride)


def _max_pool(functional, x, size: int, stride: int):
    # As TensorFlow's "SAME": what a window lacks is split, the odd pixel below and to the right.
    borders = [max((-(-n // stride) - 1) * stride + size - n, 0) for n in x.shape[:1:-1]]  # width, height
    padding = [side for border in borders for side in (border // 2, border - border // 2)]
    return functional.max_pool2d(functional.pad(x, padding, value=float("-inf")) if any(padding) else x, size, stride)


def _hinge(fields, labels):
    """`OneVsRestHinge()`, its mean over the batch."""
    import torch

    own = torch.nn.functional.one_hot(labels, fields.shape[1]).bool()  # [B, C]
    slack = torch.relu(1 - torch.where(own, fields, -fields))
    return (slack * torch.where(own, 1.0, 1 / (fields.shape[1] - 1))).sum(1).mean()


def _to_own(weight) -> np.ndarray:
    values = weight.detach().numpy()
    return np.ascontiguousarray(values.T if values.ndim == 2 else values.transpose(2, 3, 1, 0))


def _assign(weight, values: np.ndarray) -> None:
    import torch

    turned = values.T if values.ndim == 2 else values.transpose(3, 2, 0, 1)
    with torch.no_grad():
        weight.copy_(torch.from_numpy(np.ascontiguousarray(turned)))
