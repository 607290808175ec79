"""What the operations of a training step reach of what the machine could do."""

import typing
from collections.abc import Sequence

import numpy as np

from urfb_tf.plots.style import OTHERS, figure, not_empty

if typing.TYPE_CHECKING:  # other pages' figures do not depend on the benchmarks
    from urfb_tf.bench.kernels import Reached
    from urfb_tf.bench.measure import Machine

_MARKS = {
    "convolution": ("o", OTHERS[0]),
    "dense": ("s", OTHERS[1]),
    "pooling": ("^", OTHERS[2]),
}


def roofline(rows: "Sequence[Reached]", machine: "Machine"):
    """GFLOP/s against flops per byte, one panel per network, under the two ceilings of the machine.

    Operations that only move numbers have no arithmetic to show; they and the update are left out. The larger a mark,
    the longer the operation.

    Args:
        rows: operations with their times.
        machine: its ceilings, measured in the same run.

    Raises:
        ArgumentError: if there is no operation that computes.
    """
    counted = [row for row in rows if row.flops > 0 and row.kind != "update"]
    not_empty("rows", counted)
    networks = list(dict.fromkeys(row.network for row in counted))
    with figure(1, len(networks), size=(4.8 * len(networks), 3.9), sharey=True) as (made, (axes,)):
        for axis, network in zip(axes, networks, strict=True):
            own = [row for row in counted if row.network == network]
            longest = max(row.seconds for row in own)
            for kind, (mark, colour) in _MARKS.items():
                group = [row for row in own if _kind(row) == kind]
                axis.scatter(
                    [row.flops / row.traffic for row in group],
                    [row.flops / row.seconds / 1e9 for row in group],
                    s=[15 + 130 * row.seconds / longest for row in group],
                    marker=mark,
                    color=colour,
                    alpha=0.75,
                    label=kind,
                )
            intensity = np.geomspace(*_range([row.flops / row.traffic for row in counted]), 100)
            ceiling = np.minimum(machine.flops, intensity * machine.bandwidth) / 1e9
            axis.plot(intensity, ceiling, color="black", label="the machine's ceiling")
            axis.plot(intensity, ceiling / 2, color="black", linewidth=0.9, linestyle=":", label="half of it")
            axis.set(title=network, xlabel="flops per byte", xscale="log", yscale="log")
        axes[0].set(ylabel="GFLOP/s")
        made.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return made


def _kind(row: "Reached") -> str:
    if row.layer.startswith("conv"):
        return "convolution"
    return "pooling" if row.kind.startswith("pooling") else "dense"


def _range(values: Sequence[float]) -> tuple[float, float]:
    return min(values) / 2, max(values) * 2
