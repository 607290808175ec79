"""Feedback rules beside each other."""

from collections.abc import Mapping, Sequence

import numpy as np

from urfb_tf.analysis.continuum import Setting
from urfb_tf.plots.style import BY_EPSILON, COLOURS, OTHERS, figure, line_styles


def losses_by_epsilon(runs: Mapping[float, np.ndarray]):
    """The loss against steps, one line per epsilon: the mean over seeds, and in between all of them.

    Args:
        runs: losses [seeds, steps + 1] by epsilon.
    """
    names = {f"epsilon {epsilon:g}": BY_EPSILON.get(float(epsilon), "") for epsilon in runs}
    styles = line_styles(names)
    with figure(size=(6, 3.2)) as (made, ((axis,),)):
        for (name, style), losses in zip(styles.items(), runs.values(), strict=True):
            steps = np.arange(losses.shape[1])
            dashes = {} if names[name] else {"linestyle": ":"}
            axis.plot(steps, losses.mean(0), **{**style, "label": name, **dashes})
            axis.fill_between(steps, losses.min(0), losses.max(0), color=style["color"], alpha=0.15, linewidth=0)
        axis.set(xlabel="step", ylabel="loss")
        axis.legend()
    return made


def against_epsilon(found: Sequence[Setting]):
    """Test error, and angles in degrees, against epsilon on a logarithmic axis; 0 stands to the left of the smallest.

    Args:
        found: what is recorded, from the smallest epsilon up.
    """
    smallest = min((setting.epsilon for setting in found if setting.epsilon > 0), default=1.0)
    places = [np.log10(setting.epsilon or smallest / 5) for setting in found]
    series: dict[str, tuple[str, dict]] = {
        "R to W, dense1": ("angle", {"color": COLOURS["urfb"], "marker": "o"}),
        "the same, expected": ("expected", {"color": COLOURS["urfb"], "linestyle": ":", "linewidth": 1.2}),
        "error at conv1": ("error_angle", {"color": OTHERS[0], "linestyle": "--", "marker": "s"}),
    }
    with figure(1, 2, size=(8.6, 3.2), sharex=True) as (made, ((left, right),)):
        left.plot(places, [setting.error for setting in found], color=COLOURS["urfb"], marker="o")
        left.set(ylabel="test error")
        for label, (field, style) in series.items():
            points = [(place, getattr(setting, field)) for place, setting in zip(places, found, strict=True)]
            shown = [point for point in points if point[1] is not None]
            if shown:
                right.plot(*zip(*shown, strict=True), **style, label=label)
        right.set(ylabel="degrees", ylim=(0, max(95, right.dataLim.y1 + 5)), yticks=range(0, 91, 15))
        for axis in (left, right):
            axis.set_xticks(places, [f"{setting.epsilon:g}" for setting in found])
            axis.set(xlabel="epsilon")
        if found:
            right.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made
