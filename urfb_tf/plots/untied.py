"""Untied layers: their connections as a matrix, their filters across space, and how alike these stay."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.lines import Line2D

from urfb_tf.errors import ArgumentError, one_of
from urfb_tf.layers import UntiedConv2D
from urfb_tf.plots.style import figure, line_styles, not_empty

_CROSSES: dict = {"marker": "+", "markersize": 4, "linestyle": "none"}


def connections(layers: Mapping[str, UntiedConv2D]):
    """The matrix of all connections of small layers with one channel and one filter, one panel per layer.

    Args:
        layers: by title. Rows are output units, columns input units; where there is no connection it is grey.

    Raises:
        ArgumentError: if there is no layer, or one is no `UntiedConv2D` of one channel and one filter.
    """
    not_empty("layers", layers)
    for title, layer in layers.items():
        if not isinstance(layer, UntiedConv2D) or tuple(layer.kernel.shape[1:]) != (1, 1):
            raise ArgumentError(f"{title!r} must be an UntiedConv2D of one channel and one filter, but got {layer!r}.")
    matrices = {title: _matrix(layer) for title, layer in layers.items()}
    limit = max(np.nanmax(np.abs(matrix)) for matrix in matrices.values())
    with figure(1, len(layers), size=(3.4 * len(layers), 3.5)) as (made, (axes,)):
        for axis, (title, matrix) in zip(axes, matrices.items(), strict=True):
            axis.imshow(matrix, cmap="PuOr", vmin=-limit, vmax=limit)
            axis.set(title=title, xlabel="input unit", ylabel="output unit", facecolor="#D4D4D4")
            axis.grid(visible=False)
            axis.spines[:].set_visible(True)
    return made


def filters_across_space(stored: Mapping[str, np.ndarray], locations: Sequence[Sequence[int]], which: Sequence[int]):
    """Some filters at some locations as colour images, one row per run and filter (the paper's Figure 6).

    Args:
        stored: filters [locations, kh, kw, 3, F] by the run's label.
        locations: (row, column) of each.
        which: the numbers of the filters to show.

    Raises:
        ArgumentError: if there is no run, location or filter.
    """
    rows = [(label, number) for label in stored for number in which]
    not_empty("locations", locations)
    not_empty("stored or which", rows)
    with figure(len(rows), len(locations), size=(1.25 * len(locations) + 1.6, 1.25 * len(rows) + 0.4)) as (made, axes):
        for line, (label, number) in zip(axes, rows, strict=True):
            filters = stored[label][..., number]  # [locations, kh, kw, 3]
            limit = np.nanmax(np.abs(filters))
            for axis, image in zip(line, filters, strict=True):
                axis.imshow(np.nan_to_num(0.5 + 0.5 * image / limit, nan=0.5))
                axis.set(xticks=[], yticks=[])
                axis.grid(visible=False)
                axis.spines[:].set_visible(False)
            line[0].set_ylabel(f"{label}\nfilter {number}", rotation=0, ha="right", va="center", fontsize=9)
        for axis, (row, column) in zip(axes[0], locations, strict=True):
            axis.set_title(f"row {row}, column {column}", fontsize=9)
    return made


def homogeneity_curves(histories: Mapping[str, Sequence[dict]], layer: str, rules: Mapping[str, str] | None = None):
    """How far filters moved, and how alike they and their changes are across space, against epochs.

    Small crosses: the same with filters shuffled within each location.

    Args:
        histories: epoch records by label, with what `HomogeneityProbe` measures.
        layer: the untied layer's name.
        rules: the rule's name by label, of runs that are to have its colour.

    Raises:
        ArgumentError: if there is no run, or nothing was measured of such a layer.
    """
    not_empty("histories", histories)
    measured = {name for epochs in histories.values() for record in epochs for name in record.get("homogeneity", ())}
    if layer not in measured:
        raise ArgumentError(one_of("layer of a homogeneity probe", layer, sorted(measured)))
    styles = line_styles({label: label for label in histories} | dict(rules or {}))
    panels = {
        "change": "length of W's change",
        "homogeneity": "similarity of W",
        "change_homogeneity": "similarity of W's change",
    }
    with figure(1, len(panels), size=(10.5, 3.4)) as (made, (axes,)):
        for axis, (kind, title) in zip(axes, panels.items(), strict=True):
            for label, epochs in histories.items():
                points = [(record["epoch"], record[kind][layer]) for record in epochs if kind in record]
                axis.plot(*zip(*points, strict=True), **styles[label])
                shuffled = [(r["epoch"], r[f"{kind}_shuffled"][layer]) for r in epochs if f"{kind}_shuffled" in r]
                if shuffled:
                    axis.plot(*zip(*shuffled, strict=True), **_CROSSES, color=styles[label]["color"])
            axis.set(title=title, xlabel="epoch")
        axes[0].set(ylabel="in units of the start", yscale="log")
        for axis in axes[1:]:
            axis.set(ylim=(-0.05, 1.05))
        handles, labels = axes[0].get_legend_handles_labels()
        if any(f"{kind}_shuffled" in record for kind in panels for epochs in histories.values() for record in epochs):
            handles = [*handles, Line2D([], [], **_CROSSES, color="#666666")]
            labels = [*labels, "shuffled"]
        made.legend(handles, labels, loc="outside lower center", ncols=3)
    return made


def _matrix(layer: UntiedConv2D) -> np.ndarray:
    pairs, (height, width) = layer.locality.pairs, layer.locality.size
    matrix = np.full((np.prod(layer.locality.output_size), height * width), np.nan)
    matrix[pairs.location, pairs.pixel] = np.asarray(layer.kernel)[:, 0, 0]
    return matrix
