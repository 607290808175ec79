"""Random connectivity: which of a dense layer's connections exist in which direction, and what their number costs."""

from collections.abc import Mapping

import numpy as np

from urfb_tf.errors import ArgumentError
from urfb_tf.layers import FeedbackDense
from urfb_tf.plots.style import figure, line_styles, lines_of

# Blue and orange as for URFB and FRFB would say something else; these four grow darker, so that they print in grey.
_KINDS = {
    "no connection": "#FFFFFF",
    "W alone": "#F0E442",
    "R alone": "#E69F00",
    "W and R": "#3A3A3A",
}


def masks(layer: FeedbackDense, units: int = 24):
    """For each pair of units whether it is connected forward, backward, both ways or not at all.

    Args:
        layer: with connectivity < 1 and feedback weights; built.
        units: how many units to show on each side.

    Raises:
        ArgumentError: if the layer has all connections, or no feedback weights.
    """
    from matplotlib import colors, patches

    if layer.kernel_mask is None or layer.feedback_mask is None:
        raise ArgumentError(f"Layer {layer.name!r} has no masks to draw: give it R and connectivity < 1.")
    forward, backward = (np.asarray(mask)[:units, :units] for mask in (layer.kernel_mask, layer.feedback_mask))
    kinds = forward + 2 * backward  # [units, units], an index of _KINDS
    with figure(size=(5.6, 3.8)) as (made, ((axis,),)):
        axis.imshow(kinds, cmap=colors.ListedColormap(list(_KINDS.values())), vmin=0, vmax=len(_KINDS) - 1)
        axis.grid(visible=False)
        axis.spines[:].set_visible(True)
        axis.set(xlabel="unit of the layer", ylabel="unit below", xticks=[], yticks=[])
        handles = [patches.Patch(facecolor=f, edgecolor="#666666", label=label) for label, f in _KINDS.items()]
        axis.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def against_connectivity(
    errors: Mapping[str, Mapping[float, float]], angles: Mapping[str, Mapping[float, float]], rules: Mapping[str, str]
):
    """Test error, and the angle between R and W, against the share of connections that exist.

    Args:
        errors: by connectivity in (0, 1], by label.
        angles: degrees by connectivity, by label. Those whose label is no label of `errors` are drawn as thin lines
            without marks.
        rules: the rule's name by label of `errors`; it sets the colour.
    """
    styles = line_styles(rules)
    thin = ({"linestyle": ":"}, {"linestyle": "--"}, {"linestyle": "-."})
    with figure(1, 2, size=(8.6, 3.2), sharex=True) as (made, ((left, right),)):
        for label, values in errors.items():
            left.plot(list(values), list(values.values()), marker="o", **styles[label])
        others = 0
        for label, values in angles.items():
            if label in styles:
                right.plot(list(values), list(values.values()), marker="o", **styles[label])
            else:
                style = {"color": "#666666", "linewidth": 1.2, **thin[others % len(thin)]}
                right.plot(list(values), list(values.values()), label=label, **style)
                others += 1
        marked = [values for label, values in (*errors.items(), *angles.items()) if label in styles]
        ends = [end(values) for values in angles.values() if values for end in (min, max)]
        shares = sorted({*ends, *(share for values in marked for share in values)})
        for axis in (left, right):
            axis.set(xscale="log", xlabel="share of connections")
            axis.set_xticks(shares, [f"{share:.0%}" for share in shares])
            axis.minorticks_off()
        left.set(ylabel="test error")
        right.set(ylabel="degrees", ylim=(0, max(95, right.dataLim.y1 + 5)), yticks=range(0, 91, 15))
        made.legend(*lines_of((left, right)), loc="outside right upper")
    return made
