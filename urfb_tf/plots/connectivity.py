"""Random connectivity: which of a dense layer's connections exist in which direction."""

import numpy as np

from urfb_tf.layers import FeedbackDense
from urfb_tf.plots.style import figure

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
    """
    from matplotlib import colors, patches

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
