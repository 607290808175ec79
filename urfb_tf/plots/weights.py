"""W and R of a small layer side by side along training."""

from collections.abc import Mapping, Sequence

import numpy as np

from urfb_tf.errors import ArgumentError
from urfb_tf.metrics import Snapshot
from urfb_tf.plots.style import figure, line_styles, not_empty


def weights_along_training(snapshots: Sequence[Snapshot], layer: str, steps: Sequence[int]):
    """Heat maps of W (top) and R (bottom) of one layer at some steps, on one colour scale.

    Args:
        snapshots: those of `urfb_tf.metrics.trace`.
        layer: a layer with feedback weights.
        steps: which snapshots, by step.

    Raises:
        ArgumentError: if there is no step, one was not traced, or the layer has no feedback weights or is not dense.
    """
    not_empty("steps", steps)
    if not all(0 <= step < len(snapshots) for step in steps):
        raise ArgumentError(f"Steps 0 to {len(snapshots) - 1} were traced: ask for steps within.")
    snapshots[0].check(layer)
    if layer not in snapshots[0].feedback:
        raise ArgumentError(f"Layer {layer!r} has no feedback weights to show.")
    if len(shape := np.shape(snapshots[0].kernel[layer])) != 2:
        raise ArgumentError(f"Weights are shown of a dense layer, [units below, units], but {layer!r} has {shape}.")
    kernels = [snapshots[step].kernel[layer] for step in steps]
    feedbacks = [snapshots[step].feedback[layer] for step in steps]
    limit = max(abs(weights).max() for weights in (*kernels, *feedbacks))
    with figure(2, len(steps), size=(1.7 * len(steps) + 0.9, 3.6)) as (made, axes):
        for column, step in enumerate(steps):
            for row, weights in enumerate((kernels[column], feedbacks[column])):
                axis = axes[row, column]
                image = axis.imshow(weights, cmap="PuOr", vmin=-limit, vmax=limit)
                axis.set(xticks=[], yticks=[])
                axis.grid(visible=False)
            angle = snapshots[step].angle(layer)
            axes[0, column].set_title(f"step {step}")
            axes[1, column].set_xlabel("" if angle is None else f"{angle:.0f}°")
        axes[0, 0].set_ylabel("W")
        axes[1, 0].set_ylabel("R")
        made.colorbar(image, ax=axes, shrink=0.8)
    return made


def traces(runs: Mapping[str, Sequence[Snapshot]], layer: str):
    """The loss, and the angle between R and W of one layer, against steps, one line per run.

    Raises:
        ArgumentError: if there is no run, or one without such a layer.
    """
    not_empty("runs", runs)
    for snapshots in runs.values():
        for snapshot in snapshots[:1]:  # a trace may be empty
            snapshot.check(layer)
    styles = line_styles({name: name for name in runs})
    with figure(1, 2, size=(8, 3)) as (made, ((left, right),)):
        for name, snapshots in runs.items():
            steps = [snapshot.step for snapshot in snapshots]
            left.plot(steps, [snapshot.loss for snapshot in snapshots], **styles[name])
            right.plot(steps, [snapshot.angle(layer) for snapshot in snapshots], **styles[name])
        left.set(title="loss", xlabel="step", ylim=(0, None))
        right.set(title=f"angle between R and W of {layer}", xlabel="step", ylabel="degrees")
        right.set(ylim=(-5, max(105, right.dataLim.y1 + 5)))
        right.axhline(90, color="#888888", linewidth=1, linestyle=":")
        left.legend()
    return made
