"""Errors against the depth of the network."""

from collections.abc import Mapping

from urfb_tf.plots.style import figure, line_styles, lines_of, not_empty


def error_by_depth(panels: Mapping[str, Mapping[str, Mapping[int, float]]], rules: Mapping[str, str], chance: float):
    """Test error against the number of convolutions, one panel each, one line per row of a table.

    Args:
        panels: errors by number of convolutions, by row, by title of the panel.
        rules: the rule's name by row; it sets the colour.
        chance: where to mark the error of guessing.

    Raises:
        ArgumentError: if there is no panel.
    """
    not_empty("panels", panels)
    styles = line_styles(rules)
    with figure(1, len(panels), size=(3.6 * len(panels) + 1.4, 3.4), sharey=True, sharex=True) as (made, (axes,)):
        for axis, (title, rows) in zip(axes, panels.items(), strict=True):
            for label, errors in rows.items():
                axis.plot(list(errors), list(errors.values()), marker="o", **styles[label])
            axis.axhline(chance, color="#888888", linewidth=1, linestyle=":")
            axis.set(title=title, xlabel="convolutions", ylim=(0, 1.03))
        depths = sorted({depth for rows in panels.values() for errors in rows.values() for depth in errors})
        axes[0].set(ylabel="test error", xticks=depths)
        axes[0].legend(*lines_of(axes), loc="lower left")
    return made
