"""The linear theory: errors, lambdas and weights along time, and what depends on epsilon (Figures 3 and 4)."""

from collections.abc import Mapping, Sequence

import numpy as np

from urfb_tf.errors import ArgumentError
from urfb_tf.linear import Decoupled, Descent, Modes, mode_pace, mode_share
from urfb_tf.plots.style import BY_EPSILON, COLOURS, OTHER_DASHES, OTHERS, figure, line_styles, not_empty


def lambdas_along_time(solution: Decoupled, epsilons: Sequence[float]):
    """All lambdas in one panel each, and the error, against time, one line per epsilon.

    Args:
        solution: of `urfb_tf.linear.integrate` with the shape [epsilons] of parameters.
        epsilons: what the lines stand for.
    """
    depth = solution.lambdas.shape[1]
    with figure(1, depth + 1, size=(2.7 * (depth + 1), 2.9)) as (made, (axes,)):
        for number, style in enumerate(_epsilon_styles(epsilons)):
            for layer, axis in enumerate(axes[:-1]):
                axis.plot(solution.times, solution.lambdas[:, layer, number], **style)
            axes[-1].semilogy(solution.times, solution.error[:, number], **style)
        for layer, axis in enumerate(axes[:-1], 1):
            axis.set(title=rf"$\lambda_{layer}$", xlabel="time $t$", ylim=(0, None))
        # An exponential falls for ever: below, there is nothing to see but how long the others were waited for.
        lowest = max(float(solution.error.min()), 1e-10 * float(solution.error.max()))
        axes[-1].set(title="error $e$", xlabel="time $t$", ylim=(lowest, 3 * float(solution.error.max())))
        axes[-1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return made


def curves_by_epsilon(
    x, values, epsilons: Sequence[float], xlabel: str, ylabel: str, scale: str = "linear", xscale: str = "linear"
):
    """Any quantity against any other, one line per epsilon.

    Args:
        x: [points].
        values: [points, epsilons].
        epsilons: what the lines stand for.
        xlabel, ylabel: names of both.
        scale, xscale: of the vertical and the horizontal axis, "linear" or "log".
    """
    with figure(size=(5.6, 3.3)) as (made, ((axis,),)):
        for column, style in zip(np.asarray(values).T, _epsilon_styles(epsilons), strict=True):
            axis.plot(x, column, **style)
        axis.set(xlabel=xlabel, ylabel=ylabel, yscale=scale, xscale=xscale)
        axis.legend()
    return made


def curves_against_epsilon(epsilons, values: Mapping[str, Sequence], ylabel: str):
    """Any quantities against epsilon, one line per name, each [epsilons]."""
    with figure(size=(5.6, 3.3)) as (made, ((axis,),)):
        for (name, value), style in zip(values.items(), line_styles({n: n for n in values}).values(), strict=True):
            axis.plot(epsilons, value, **{**style, "label": name})
        axis.set(xlabel=r"$\epsilon$", ylabel=ylabel)
        axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return made


def modes_along_time(modes: Modes, times, errors):
    """What is left of each mode under FRFB against time, and against its own clock t (q / 2)^(1/3).

    Args:
        modes: of `urfb_tf.linear.fixed_feedback_modes`; those of strength 0 are left out.
        times: [times].
        errors: e of a network that was followed step by step, [times, n_2, n_0]: the marks.

    Raises:
        ArgumentError: if no mode has a strength, or the errors are not of these times or not of the target's shape.
    """
    if np.shape(errors) != (expected := (len(times), *modes.target.shape)):
        raise ArgumentError(f"errors must be {list(expected)}, but is {list(np.shape(errors))}.")
    learned = int((modes.strengths > 0).sum())
    not_empty("modes", modes.strengths[:learned])
    strengths, images = modes.strengths[:learned], modes.images[:, :learned]
    found = np.einsum("oj,toi,ij->tj", images, errors, modes.directions[:, :learned]) / np.sum(images**2, axis=0)
    paces = mode_pace(strengths[None])
    clocks = np.multiply.outer(times, paces)  # [times, modes]
    smooth = np.linspace(0, max(times), 400)
    styles = line_styles({f"mode {number}": f"mode {number}" for number in range(1, learned + 1)}).values()
    with figure(1, 2, size=(8.6, 3.2), sharey=True) as (made, ((left, right),)):
        longest = np.linspace(0, clocks.max(), 400)
        right.plot(longest, mode_share(longest), color="#888888", linewidth=1, label="$1 - u^3$")
        for number, style in enumerate(styles):
            marks = {"marker": "osD^vP*X"[number % 8], "markersize": 4.5, "linestyle": "", "color": style["color"]}
            left.plot(smooth, mode_share(paces[number] * smooth), **style)
            left.plot(times, found[:, number], **marks)
            right.plot(clocks[:, number], found[:, number], **marks, label=rf"$q$ = {strengths[number]:.2g}")
        left.set(xlabel="time $t$", ylabel=r"share $\varphi$ that is left")
        right.set(xlabel=r"clock $t\,(q/2)^{1/3}$", xlim=(0, 3))
        right.legend()
    return made


def mode_curves(depths: Sequence[int]):
    """What is left of a mode under FRFB against its clock, one line per number of layers."""
    clock = np.linspace(0, 2.5, 400)
    styles = line_styles({f"{depth} layers": f"{depth} layers" for depth in depths})
    with figure(size=(5.6, 3.1)) as (made, ((axis,),)):
        for depth, style in zip(depths, styles.values(), strict=True):
            axis.plot(clock, mode_share(clock, depth), **style)
        axis.set(xlabel="clock $s$", ylabel=r"share $\varphi$ that is left")
        axis.legend()
    return made


def final_rates(lambda_r, rates: Mapping[int, Sequence], limits: Mapping[int, float]):
    """Final rates against the size of lambda_R, one line per depth k, with the limits that they approach.

    Args:
        lambda_r: [points].
        rates: Q, [points], by depth.
        limits: by depth.
    """
    with figure(size=(5.6, 3.3)) as (made, ((axis,),)):
        for number, depth in enumerate(rates):
            colour = OTHERS[number % len(OTHERS)]
            dashes = OTHER_DASHES[number % len(OTHER_DASHES)]
            axis.plot(lambda_r, rates[depth], dashes, color=colour, label=f"k = {depth}")
            axis.axhline(limits[depth], color=colour, linewidth=1, linestyle=(0, (1, 3)))
        axis.set(xscale="log", yscale="log", xlabel=r"all $\lambda_R$", ylabel=r"final rate $Q(\lambda_T, \epsilon)$")
        axis.legend()
    return made


def rules_compared(runs: Mapping[str, Descent], bins: int = 61):
    """Figure 3: errors of the rules for each run, and how URFB's weights differ from back-propagation's.

    Args:
        runs: by rule, batches [runs] of `urfb_tf.linear.compare_rules`.
        bins: of the histograms.

    Raises:
        ArgumentError: if "bp" or "urfb" is not among the rules.
    """
    if missing := {"bp", "urfb"} - set(runs):
        lacking = " and ".join(sorted(missing))
        raise ArgumentError(f"Figure 3 compares URFB with back-propagation, but runs lack {lacking}.")
    count, depth = runs["bp"].squared_error.shape[1], len(runs["bp"].weights)
    styles = line_styles({"SGD" if rule == "bp" else rule: rule for rule in runs})
    edges = np.linspace(-2, 2, bins + 1)
    with figure(depth + 1, count, size=(3 * count, 1.9 * depth + 2.7), sharey="row") as (made, axes):
        for run in range(count):
            for found, style in zip(runs.values(), styles.values(), strict=True):
                axes[0, run].semilogy(found.squared_error[:, run], **style)
            axes[0, run].set(title=f"run {run + 1}", xlabel="iteration")
            for layer in range(depth):
                axis, true = axes[layer + 1, run], runs["bp"].weights[layer][run]
                ratio = (runs["urfb"].weights[layer][run] - true) / true
                share = np.full(ratio.size, 1 / (ratio.size * (edges[1] - edges[0])))  # of all weights, seen or not
                axis.hist(ratio.ravel(), edges, weights=share, color=COLOURS["urfb"])
                axis.set(xlim=(-2, 2), axisbelow=True)
        for layer in range(depth):
            axes[layer + 1, 0].set_ylabel(f"density, $W_{layer + 1}$")
        for axis in axes[-1]:
            axis.set_xlabel("(URFB - SGD) / SGD")
        axes[0, 0].set_ylabel(r"$|T - W_k \cdots W_1|^2$")
        axes[0, 0].legend()
    return made


def epsilons_compared(runs: Mapping[float | str, Descent]):
    """Figure 4: errors for several epsilons, and SGD's, one panel per run.

    Args:
        runs: by epsilon, and "bp"; batches [runs] of `urfb_tf.linear.compare_epsilons`.

    Raises:
        ArgumentError: if there is no run.
    """
    not_empty("runs", runs)
    epsilons = [name for name in runs if not isinstance(name, str)]
    styles: dict[float | str, dict] = dict(zip(epsilons, _epsilon_styles(epsilons), strict=True))
    styles["bp"] = {**line_styles({"bp": "bp"})["bp"], "label": "SGD"}
    count = next(iter(runs.values())).squared_error.shape[1]
    with figure(1, count, size=(3 * count, 3.2), sharey=True) as (made, (axes,)):
        for run, axis in enumerate(axes):
            for name, found in runs.items():
                axis.semilogy(found.squared_error[:, run], **styles[name])
            axis.set(title=f"run {run + 1}", xlabel="iteration")
        axes[0].set_ylabel(r"$|T - W_k \cdots W_1|^2$")
        axes[0].legend()
    return made


def _epsilon_styles(epsilons: Sequence[float]) -> list[dict]:
    names = [rf"$\epsilon$ = {epsilon:g}" for epsilon in epsilons]
    rules = {name: BY_EPSILON.get(float(epsilon), name) for name, epsilon in zip(names, epsilons, strict=True)}
    return list(line_styles(rules).values())
