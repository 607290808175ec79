"""Angles of many runs: along the epochs, and against the error in the end."""

from collections.abc import Mapping, Sequence

from urfb_tf.analysis.angles import Point, angle_at
from urfb_tf.plots.style import COLOURS, OTHERS, figure, legend_columns, lines_of, not_empty

_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
_FIRST = ("bp", "frfb", "urfb")  # the paper's rules keep their markers too


def angle_panels(histories: Mapping[str, Sequence[dict]], kind: str, layers: Sequence[str]):
    """Angles in degrees against epochs, one small panel per run, one line per layer, the lowest layer the darkest.

    The epochs are on a logarithmic axis: most of what happens, happens early, and runs differ in length.

    Args:
        histories: epoch records by label.
        kind: "weight_angle", "update_angle" or "error_angle".
        layers: layer names, from the lowest up; a run without the angle of a layer lacks its line.
    """
    import matplotlib

    shades = matplotlib.colormaps["viridis"]
    styles = {
        layer: {
            "color": shades(0.85 * number / max(len(layers) - 1, 1)),
            "linestyle": ("-", "--", "-.", ":")[number % 4],
            "label": layer,
        }
        for number, layer in enumerate(layers)
    }
    angles = {
        label: {layer: [(epoch["epoch"], angle_at(epoch, kind, layer)) for epoch in epochs] for layer in layers}
        for label, epochs in histories.items()
    }
    widest = max((angle or 0 for run in angles.values() for pairs in run.values() for _, angle in pairs), default=0)
    columns = min(3, max(len(histories), 1))
    rows = max(-(-len(histories) // columns), 1)
    options = {"sharex": True, "sharey": True}
    with figure(rows, columns, size=(2.1 * columns + 1.2, 1.75 * rows + 0.5), **options) as (made, axes):
        panels = [axis for line in axes for axis in line]
        for axis, (label, by_layer) in zip(panels, angles.items(), strict=False):
            axis.set_title(label, fontsize=9.5)
            for layer, style in styles.items():
                shown = [pair for pair in by_layer[layer] if pair[1] is not None]
                if shown:
                    axis.plot(*zip(*shown, strict=True), **style)
            axis.axhline(90, color="#888888", linewidth=1, linestyle=":")
            axis.set(ylim=(0, max(108, 1.03 * widest)), yticks=(0, 45, 90), xscale="log")
            axis.xaxis.set_major_formatter("{x:g}")
            axis.minorticks_off()
        for axis in panels[len(histories) :]:
            axis.set_axis_off()
        for number in range(columns):  # the lowest panel of each column
            lowest = axes[rows - 1 if (rows - 1) * columns + number < len(histories) else max(rows - 2, 0)][number]
            lowest.set_xlabel("epoch")
            lowest.tick_params(labelbottom=True)
        for line in axes:
            line[0].set_ylabel("degrees")
        lines, labels = lines_of(panels)
        if lines:
            made.legend(lines, labels, loc="outside right upper")
    return made


def angle_against_error(
    panels: Mapping[str, Sequence[Point]], apart: Mapping[str, Sequence[Point]] | None = None, name: str = "others"
):
    """Test error against an angle, one panel each, one mark per run and its shape and colour by rule.

    Args:
        panels: points by title.
        apart: others that are of another kind, by the same titles: small rings of one colour.
        name: what these are called.

    Raises:
        ArgumentError: if there is no panel.
    """
    not_empty("panels", panels)
    found = {point.rule for points in panels.values() for point in points}
    rules = [rule for rule in _FIRST if rule in found] + sorted(found - set(_FIRST))
    others = [rule for rule in rules if rule not in _FIRST]
    columns = legend_columns(len(rules) + bool(apart))
    widest = max((p.angle for of in (panels, apart or {}) for points in of.values() for p in points), default=0)
    size = (2.9 * len(panels) + 1.4 * columns, 3.3)
    with figure(1, len(panels), size=size, sharey=True) as (made, (axes,)):
        for axis, (title, points) in zip(axes, panels.items(), strict=True):
            for rule in rules:
                of_rule = [point for point in points if point.rule == rule]
                number = _FIRST.index(rule) if rule in _FIRST else len(_FIRST) + others.index(rule)
                colour = COLOURS.get(rule) or OTHERS[others.index(rule) % len(OTHERS)]
                style = {
                    "color": colour,
                    "marker": _MARKERS[number % len(_MARKERS)],
                    "s": 42,
                    "alpha": 0.8,
                    "zorder": 3,
                }
                label = rule.upper() if rule in COLOURS else rule
                if of_rule:
                    axis.scatter([p.angle for p in of_rule], [p.error for p in of_rule], label=label, **style)
            if rings := list((apart or {}).get(title, ())):
                style = {"facecolors": "none", "edgecolors": "#777777", "s": 26, "zorder": 2, "label": name}
                axis.scatter([p.angle for p in rings], [p.error for p in rings], **style)
            axis.set(title=title, xlabel="degrees", xlim=(-4, max(108, widest + 4)), xticks=(0, 30, 60, 90))
        axes[0].set_ylabel("test error")
        lines, labels = lines_of(axes)
        if lines:
            axes[-1].legend(lines, labels, loc="upper left", bbox_to_anchor=(1.0, 1.0), ncols=columns)
    return made
