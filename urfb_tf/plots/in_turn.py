"""What is forgotten where classes come in turn."""

import itertools
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from urfb_tf.plots.style import COLOURS, OTHERS, figure, line_styles, not_empty

if TYPE_CHECKING:
    from urfb_tf.analysis.forgetting import Forgetting
    from urfb_tf.experiments.phases import Phase

_GROUPS = (COLOURS["urfb"], COLOURS["frfb"], *OTHERS, COLOURS["bp"])
_MARKERS = "osD^vP*X"  # one more than colours, so that a colour that comes again has another marker


def errors_in_turn(runs: Mapping[str, Sequence[dict]], phases: "Sequence[Phase]", *, columns: int = 3):
    """The error of each group of classes against epochs, one panel per run, one line per group.

    A line is thick and has markers while its own group is shown.

    Args:
        runs: epoch records by title, with what `urfb_tf.metrics.ClassErrors` measures.
        phases: those that all runs share, each of some classes.
        columns: how many panels stand in a row.

    Raises:
        ArgumentError: if there is no run.
    """
    not_empty("runs", runs)
    ends = list(itertools.accumulate(phase.epochs for phase in phases))
    columns = min(columns, len(runs))
    rows = -(-len(runs) // columns)
    with figure(rows, columns, size=(3.3 * columns, 2.9 * rows), sharex=True, sharey=True) as (made, axes):
        panels = list(axes.flat)
        for axis, (title, epochs) in zip(panels, runs.items(), strict=False):
            axis.set_title(textwrap.fill(title.replace(",units", ", units"), 34), fontsize=10)
            numbers = [record["epoch"] for record in epochs]
            for end in ends[:-1]:
                axis.axvline(end + 0.5, color="#BBBBBB", linewidth=0.8)
            for group, (end, phase) in enumerate(zip(ends, phases, strict=True)):
                colour, marker = _GROUPS[group % len(_GROUPS)], _MARKERS[group % len(_MARKERS)]
                errors = [record["group_error"][group] for record in epochs]
                axis.plot(numbers, errors, color=colour, linewidth=1.1, alpha=0.75)
                own = slice(end - phase.epochs, end)
                label = ", ".join(map(str, phase.classes))
                axis.plot(
                    numbers[own], errors[own], color=colour, linewidth=2.6, marker=marker, markersize=4, label=label
                )
        for axis in panels[len(runs) :]:
            axis.set_visible(False)
        for axis in panels[len(runs) - columns : len(runs)]:  # the lowest of each column
            axis.set_xlabel("epoch")
            axis.tick_params(labelbottom=True)
        for axis in axes[:, 0]:
            axis.set(ylabel="test error of the group", ylim=(-0.03, 1.05))
        handles, labels = panels[0].get_legend_handles_labels()
        made.legend(handles, labels, title="group", loc="outside right center")
    return made


def forgetting_arrows(found: Mapping[str, Mapping[str, "Forgetting"]], rules: Mapping[str, str]):
    """From the error of a group when it was learned to that at the end: an arrow per learner and way, with its length.

    Args:
        found: by way of showing the classes, by learner.
        rules: the rule's name by learner; it sets the colour. Further learners of a rule take paler arrows.

    Raises:
        ArgumentError: if there is no learner.
    """
    not_empty("rules", rules)
    styles = line_styles(rules)
    step = 0.8 / len(rules)
    with figure(size=(1.6 + 2.1 * len(found), 3.4)) as (made, ((axis,),)):
        for number, learner in enumerate(rules):
            if not any(learner in by_learner for by_learner in found.values()):
                continue
            style = {key: value for key, value in styles[learner].items() if key in ("color", "alpha")}
            marker = {"marker": _MARKERS[number % len(_MARKERS)], "linestyle": "", "markersize": 6}
            axis.plot([], [], **marker, **style, label=learner)
            for place, by_learner in enumerate(found.values()):
                if learner not in by_learner:
                    continue
                at, each = place + (number - (len(rules) - 1) / 2) * step, by_learner[learner]
                axis.plot(at, each.before, **marker, **style)
                arrow = {"arrowstyle": "-|>", "linewidth": 2, "shrinkA": 0, "shrinkB": 0, **style}
                axis.annotate("", (at, each.after), (at, each.before), arrowprops=arrow)
                label = f"{each.forgotten + 0:+.2f}"
                highest = max(each.before, each.after)
                axis.annotate(label, (at, highest + 0.03), ha="center", va="bottom", fontsize=8)
        axis.set(ylabel="test error of a group", ylim=(0, 1.15), xlim=(-0.5, len(found) - 0.5))
        axis.set(xticks=range(len(found)), xticklabels=[way.replace(",", ",\n") for way in found])
        axis.grid(visible=False, axis="x")
        axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made
