"""What recorded or fresh results look like along the epochs."""

from collections.abc import Mapping, Sequence

from urfb_tf.errors import ArgumentError
from urfb_tf.plots.style import figure, legend_columns, line_styles, lines_of, not_empty, run_styles, whole_epochs

_TITLES = {
    "train_error": "train error, dropout on",
    "train_error_evaluated": "train error, dropout off",
    "validation_error": "validation error",
    "test_error": "test error",
}


def learning_curves(
    histories: Mapping[str, Sequence[dict]],
    rules: Mapping[str, str],
    *,
    fields: Sequence[str] = ("train_error_evaluated", "test_error"),
    chance: float | None = None,
):
    """Errors against epochs, one panel per field, one line per run (the paper's Figure 5).

    Args:
        histories: epoch records by label.
        rules: the rule's name by label; it sets the colour. Further runs of a rule take paler lines.
        fields: which entries of the records.
        chance: where to mark the error of guessing.

    Raises:
        ArgumentError: if there is no run or field, a run has no rule, or a record lacks a field.
    """
    styles = run_styles(histories, rules)
    not_empty("fields", fields)
    for label, epochs in histories.items():
        if lacking := [field for field in fields if any(field not in record for record in epochs)]:
            raise ArgumentError(f"The records of {label!r} lack {lacking[0]!r}: name other fields.")
    columns = legend_columns(len(histories))
    size = (4 * len(fields) + 1.4 * (columns - 1), 3.4)
    with figure(1, len(fields), size=size, sharey=True) as (made, (axes,)):
        for axis, field in zip(axes, fields, strict=True):
            for label, epochs in histories.items():
                axis.plot([record["epoch"] for record in epochs], [record[field] for record in epochs], **styles[label])
            if chance is not None:
                axis.axhline(chance, color="#888888", linewidth=1, linestyle=":")
                axis.annotate(
                    "chance", (0.02, chance), xycoords=("axes fraction", "data"), va="bottom", color="#666666"
                )
            axis.set(title=_TITLES.get(field, field), xlabel="epoch")
            whole_epochs(axis)
        highest = max(chance or 0, *(axis.dataLim.y1 for axis in axes)) or 1  # all errors may be 0
        shares = all("loss" not in field for field in fields)
        axes[0].set(ylabel="share of images" if shares else "", ylim=(0, 1.08 * highest))
        axes[-1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), ncols=columns)
    return made


def errors_and_limits(errors: Mapping[str, Sequence[float]], limits: Mapping[str, float], ylabel: str):
    """An error against epochs, one line per rule, and dotted levels that it is held against.

    Args:
        errors: after each epoch, by the rule's name.
        limits: levels by what they are.
        ylabel: which error it is.
    """
    with figure(size=(6.4, 3.3)) as (made, ((axis,),)):
        for label, style in line_styles({rule: rule for rule in errors}).items():
            axis.plot(range(1, len(errors[label]) + 1), errors[label], **style)
        for label, level in limits.items():
            below = level == min(limits.values())  # the names stand outside, where no line is likely to cross them
            axis.axhline(level, color="#888888", linewidth=1, linestyle=":")
            axis.annotate(
                label,
                (1, level),
                (0, -3 if below else 3),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                ha="right",
                va="top" if below else "bottom",
                fontsize=8.5,
            )
        axis.set(xlabel="epoch", ylabel=ylabel)
        axis.margins(y=0.12)
        axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return made


def alignment_curves(
    histories: Mapping[str, Sequence[dict]],
    rules: Mapping[str, str],
    kind: str,
    layers: Sequence[str] | None = None,
):
    """Angles in degrees against epochs, one panel per layer.

    Args:
        histories: epoch records by label, with the entry `kind`.
        rules: the rule's name by label.
        kind: "weight_angle", "update_angle" or "error_angle".
        layers: layer names; runs without the layer are left out of its panel. None takes the lowest, the middle and the
            highest of those that have the angle in any run.

    Raises:
        ArgumentError: if there is no run or layer, a run has no rule, or no layers are named and no run has such an
            angle.
    """
    layers = _some_layers(histories, kind) if layers is None else layers
    not_empty("layers", layers)
    styles = run_styles(histories, rules)
    columns = legend_columns(len(histories))
    size = (2.5 * len(layers) + 1.6 * columns, 3)
    with figure(1, len(layers), size=size, sharey=True) as (made, (axes,)):
        for axis, layer in zip(axes, layers, strict=True):
            for label, epochs in histories.items():
                points = [(e["epoch"], e[kind][layer]) for e in epochs if e.get(kind, {}).get(layer) is not None]
                if points:
                    axis.plot(*zip(*points, strict=True), **styles[label])
            axis.axhline(90, color="#888888", linewidth=1, linestyle=":")
            axis.set(title=layer, xlabel="epoch", yticks=range(0, 121, 30))
            whole_epochs(axis)
        lines, labels = lines_of(axes)
        highest = max((axis.dataLim.y1 for axis in axes), default=90)
        axes[0].set(ylabel="degrees", ylim=(0, max(105, highest + 5)))
        if lines:
            axes[-1].legend(lines, labels, loc="upper left", bbox_to_anchor=(1.0, 1.0), ncols=columns)
    return made


def _some_layers(histories: Mapping[str, Sequence[dict]], kind: str) -> list[str]:
    """The lowest, the middle and the highest layer; the output layer's error is never another than the true one."""
    records = [record for epochs in histories.values() for record in epochs]
    everywhere = [record[kind] for record in records if isinstance(record.get(kind), Mapping)]
    fullest = sorted(everywhere, key=len, reverse=True)  # it has most of the layers, from below
    named = dict.fromkeys(name for angles in fullest for name in angles)
    hidden = [name for name in named if (kind, name) != ("error_angle", "output")]
    if not hidden:
        raise ArgumentError(
            f"No run has a {kind!r} to draw: name another kind, or give runs that were measured by `metrics.Alignment`."
        )
    # No angle where no error arrives, nor in a layer without feedback weights.
    names = [name for name in hidden if any(angles.get(name) is not None for angles in everywhere)] or hidden
    return list(dict.fromkeys([names[0], names[len(names) // 2], names[-1]]))
