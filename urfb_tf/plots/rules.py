"""Feedback rules beside each other."""

from collections.abc import Mapping

import numpy as np

from urfb_tf.plots.style import figure, line_styles

_OWN_RULES = {0.0: "frfb", 1.0: "urfb"}  # epsilon 0 is FRFB, 1 is URFB: they keep the colours of the rules


def losses_by_epsilon(runs: Mapping[float, np.ndarray]):
    """The loss against steps, one line per epsilon: the mean over seeds, and in between all of them.

    Args:
        runs: losses [seeds, steps + 1] by epsilon.
    """
    names = {f"epsilon {epsilon:g}": _OWN_RULES.get(float(epsilon), "") for epsilon in runs}
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
