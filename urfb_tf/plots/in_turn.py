"""What is forgotten where classes come in turn."""

import itertools
from collections.abc import Mapping, Sequence

from urfb_tf.experiments.phases import Phase
from urfb_tf.plots.style import COLOURS, OTHERS, figure, line_styles

_GROUPS = (COLOURS["urfb"], COLOURS["frfb"], *OTHERS, COLOURS["bp"])
_MARKERS = "osD^vP*"


def errors_in_turn(
    runs: Mapping[str, Sequence[dict]],
    phases: Sequence[Phase],
    *,
    field: str = "group_error",
    names: Sequence[str] | None = None,
    columns: int = 3,
):
    """The error of each group of classes against epochs, one panel per run, one line per group.

    A line is thick and has markers while its own group is shown.

    Args:
        runs: epoch records by title, with what `urfb_tf.metrics.ClassErrors` measures.
        phases: those that all runs share, each of some classes.
        field: "group_error" or "within_error".
        names: of the groups. None takes the numbers of their classes.
        columns: how many panels stand in a row.
    """
    ends = list(itertools.accumulate(phase.epochs for phase in phases))
    names = names or [", ".join(map(str, phase.classes)) for phase in phases]
    columns = min(columns, len(runs))
    rows = -(-len(runs) // columns)
    with figure(rows, columns, size=(3.3 * columns, 2.9 * rows), sharex=True, sharey=True) as (made, axes):
        panels = list(axes.flat)
        for axis, (title, epochs) in zip(panels, runs.items(), strict=False):
            axis.set_title(title, fontsize=10)
            numbers = [record["epoch"] for record in epochs]
            for end in ends[:-1]:
                axis.axvline(end + 0.5, color="#BBBBBB", linewidth=0.8)
            for group, (name, end, phase) in enumerate(zip(names, ends, phases, strict=True)):
                colour, marker = _GROUPS[group % len(_GROUPS)], _MARKERS[group % len(_MARKERS)]
                errors = [record[field][group] for record in epochs]
                axis.plot(numbers, errors, color=colour, linewidth=1.1, alpha=0.75)
                own = slice(end - phase.epochs, end)
                axis.plot(
                    numbers[own], errors[own], color=colour, linewidth=2.6, marker=marker, markersize=4, label=name
                )
        for axis in panels[len(runs) :]:
            axis.set_visible(False)
        for axis in axes[-1]:
            axis.set_xlabel("epoch")
        for axis in axes[:, 0]:
            axis.set(ylabel="test error of the group", ylim=(0, 1.05))
        handles, labels = panels[0].get_legend_handles_labels()
        made.legend(handles, labels, title="group", loc="outside right center")
    return made


def forgetting_bars(found: Mapping[str, Mapping[str, float]], rules: Mapping[str, str]):
    """How much is forgotten, one group of bars per way of showing the classes, one bar per learner.

    Args:
        found: by way, by learner: the rise of a group's error since it was learned.
        rules: the rule's name by learner; it sets the colour. Further learners of a rule take paler bars.
    """
    styles = line_styles(rules)
    width = 0.8 / len(rules)
    with figure(size=(1.4 + 1.5 * len(found), 3.2)) as (made, ((axis,),)):
        for place, by_learner in enumerate(found.values()):
            for number, learner in enumerate(rules):
                if learner not in by_learner:
                    continue
                style, value = styles[learner], by_learner[learner]
                left = place + (number - (len(rules) - 1) / 2) * width
                pale = {"alpha": style["alpha"], "hatch": "//"} if "alpha" in style else {}
                axis.bar(left, value, 0.9 * width, color=style["color"], **pale)
                axis.annotate(f"{value:.2f}", (left, max(value, 0)), ha="center", va="bottom", fontsize=8)
        for learner in rules:  # for the legend, also of bars that the first way lacks
            style = styles[learner]
            pale = {"alpha": style["alpha"], "hatch": "//"} if "alpha" in style else {}
            axis.bar(0, 0, 0, color=style["color"], label=learner, **pale)
        axis.set(ylabel="rise of a group's error", xticks=range(len(found)), xticklabels=list(found))
        axis.grid(visible=False, axis="x")
        axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made
