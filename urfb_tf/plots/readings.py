"""What single choices change."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from urfb_tf.plots.style import COLOURS, figure

if TYPE_CHECKING:
    from urfb_tf.analysis.recorded import Comparison

_MARKERS = {"bp": "s", "urfb": "o", "frfb": "^"}


def error_differences(found: "Mapping[str, Mapping[str, Comparison | None]]"):
    """The difference of an error that each change makes, one row per change, one marker per rule.

    Args:
        found: as `urfb_tf.analysis.ablations.differences` gives it; what is not recorded is left out.
    """
    with figure(size=(6.5, 0.8 + 0.38 * len(found))) as (made, ((axis,),)):
        axis.axvline(0, color="#666666", linewidth=1)
        for place, by_row in enumerate(found.values()):
            shown = [(row.split("-")[0], each) for row, each in by_row.items() if each is not None]
            for offset, (rule, each) in enumerate(shown):
                # Beside each other, so that equal differences do not hide one another.
                height = place + 0.2 * (offset - (len(shown) - 1) / 2)
                axis.plot(each.difference, height, color=COLOURS[rule], marker=_MARKERS[rule], linestyle="")
        for rule, marker in _MARKERS.items():
            axis.plot([], [], color=COLOURS[rule], marker=marker, linestyle="", label=rule.upper())
        axis.set_yticks(range(len(found)), list(found))
        axis.invert_yaxis()
        axis.set(xlabel="test error, changed minus default")
        axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made
