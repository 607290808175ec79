"""The circuit of section 2.3: its wiring, transfer functions and activity, and a page element to step through it."""

import itertools

import numpy as np

from urfb_tf.circuit import UPDATES, Circuit, cases, cycle, run, signal
from urfb_tf.plots.stepper import stepper as stepper
from urfb_tf.plots.style import COLOURS, OTHERS, figure

_STYLES = {"sequential": (COLOURS["urfb"], "-", "o"), "synchronous": (COLOURS["frfb"], "--", "s")}


def wiring():
    """The three units and their connections (the paper's Figure 1)."""
    with figure(size=(6.4, 3.3)) as (made, ((axis,),)):
        axis.set(xlim=(-3.3, 3.3), ylim=(-2.1, 1.3), aspect="equal")
        axis.axis("off")
        units = {"s": (-2.5, 0.3), "o": (0, 0.3), "t": (2.5, 0.3)}
        for name, (x, y) in units.items():
            axis.add_patch(_circle(x, y, 0.45, COLOURS["urfb"] if name == "o" else "black"))
            axis.text(x, y, f"${name}_c$", ha="center", va="center", fontsize=15)
        for x, name in zip((-1, -0.35, 0.35, 1), ("$x_1$", "$x_2$", r"$\cdots$", "$x_n$"), strict=True):
            axis.text(x, -1.75, name, ha="center", va="center", fontsize=12)
            _arrow(axis, (x, -1.5), (0.22 * x, -0.2), color="#555555")
        for x, text in ((-2.5, "supervisor"), (0, "output"), (2.5, "control")):
            axis.text(x, 0.95, text, ha="center", fontsize=10, color="#444444")
        _arrow(axis, (-2, 0.3), (-0.5, 0.3))
        axis.text(-1.25, 0.4, "$+2M$", ha="center", va="bottom")
        _arrow(axis, (0.45, 0.5), (2.05, 0.5), bend=-0.2)
        axis.text(1.25, 0.8, "1", ha="center", va="bottom")
        _arrow(axis, (2.05, 0.1), (0.45, 0.1), bend=-0.2)
        axis.text(1.25, -0.2, "$-2M$", ha="center", va="top")
        axis.text(0.85, -0.95, r"$h_c = \sum_i W_{ic}\,x_i$", ha="left", va="center")
        _arrow(axis, (-0.4, 0), (-1.75, -1.1), dash="--", color=COLOURS["urfb"])
        axis.text(
            -1.85, -1.15, "the error, to the\nlayer below, through R", ha="right", va="center", color=COLOURS["urfb"]
        )
    return made


def transfer_functions(circuit: Circuit):
    """sigma_o and sigma_t (the paper's Figure 2). A filled dot belongs to the curve, an open one does not."""
    high, low = 1 + circuit.epsilon, -circuit.mu - circuit.epsilon
    bound, outer = circuit.bound, 2 * circuit.bound + circuit.threshold
    named = {low: r"$-\mu-\epsilon$", -circuit.mu: r"$-\mu$", 0: "0", 1: "1", high: r"$1+\epsilon$"}
    with figure(1, 2, size=(8.4, 3), width_ratios=(3, 2)) as (made, ((left, right),)):
        _steps(left, (-outer, -bound, bound, outer), 4 * bound, lambda x: circuit.output_transfer(np.asarray(x)))
        left.set(title=r"$\sigma_o$", xlabel="full field $H_c$", yticks=list(named), yticklabels=named.values())
        left.set_xticks([-outer, -bound, 0, bound, outer], ["$-2M-S$", "$-M$", "0", "$M$", "$2M+S$"])
        _steps(right, (-circuit.mu, 1), high + 0.4, lambda x: circuit.control_transfer(np.asarray(x)))
        right.set(title=r"$\sigma_t$", xlabel="$o_c$", yticks=[-1, 0, 1])
        right.set_xticks([-circuit.mu, 1], [r"$-\mu$", "1"])
    return made


def activity(circuit: Circuit, steps: int = 8):
    """o from silence in the four cases, under both orders of update."""
    with figure(2, 2, size=(8, 4.4), sharex=True, sharey=True) as (made, axes):
        for axis, case in zip(axes.flat, cases(circuit), strict=True):
            for update in UPDATES:
                colour, dash, marker = _STYLES[update]
                found = run(circuit, case.field, case.supervision, steps=steps, update=update)
                axis.plot(found.output, dash, color=colour, marker=marker, markersize=5, label=update)
            axis.axhline(case.error, color="#888888", linewidth=1, linestyle=":")
            axis.set_title(f"{case.name} ($h_c={case.field:g}$)", fontsize=9.5)
        for axis in axes[:, 0]:
            axis.set(ylabel="$o_c$")
        for axis in axes[1]:
            axis.set(xlabel="step")
        axes[0, 0].legend(loc="lower right")
    return made


def emissions(circuit: Circuit):
    """The mean of o over its cycle, the gated signal and the period, against the field, for either supervisor."""
    fields = np.linspace(-circuit.bound, circuit.bound, 603)[1:-1]
    with figure(2, 2, size=(8, 4.4), sharex=True, sharey="row", height_ratios=(3, 2)) as (made, axes):
        for column, (supervision, title) in enumerate(((1, "its class is shown"), (-1, "another class is shown"))):
            top, bottom = axes[:, column]
            mean = cycle(circuit, fields, supervision).mean
            top.plot(fields, mean, color=OTHERS[2], linewidth=4, alpha=0.6, label="mean of $o_c$, not gated")
            top.plot(fields, signal(circuit, fields, supervision), color="black", label="gated: equation (4)")
            for update in UPDATES:
                colour, dash, _ = _STYLES[update]
                period = cycle(circuit, fields, supervision, update=update).period
                bottom.plot(fields, period, dash, color=colour, label=update)
            top.set(title=title)
            bottom.set(xlabel="field $h_c$", yticks=[1, 2, 4], ylim=(0.5, 4.5))
            bottom.set_xticks([-circuit.threshold, circuit.threshold], ["$-S$", "$S$"])
        axes[0, 0].set(ylabel="signal")
        axes[1, 0].set(ylabel="period, steps")
        axes[0, 1].legend(loc="upper right")
        axes[1, 1].legend(loc="upper right")
    return made


def _steps(axis, corners, reach, transfer):
    """A step function with its corners marked; it is constant between them."""
    for low, high in itertools.pairwise([-reach, *corners, reach]):
        axis.plot([low, high], [transfer((low + high) / 2)] * 2, color=COLOURS["urfb"], linewidth=2.2)
    for corner in corners:
        at = float(transfer(corner))
        sides = {float(transfer(corner - 1e-6 * reach)), float(transfer(corner + 1e-6 * reach))}
        for side in sides:
            face = COLOURS["urfb"] if side == at else "white"
            axis.plot(corner, side, "o", color=COLOURS["urfb"], markerfacecolor=face, markersize=5.5)


def _circle(x, y, radius, colour):
    from matplotlib.patches import Circle

    return Circle((x, y), radius, facecolor="white", edgecolor=colour, linewidth=1.8)


def _arrow(axis, start, end, *, bend=0.0, dash="-", color="black"):
    style = {"arrowstyle": "-|>", "linestyle": dash, "color": color, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 13}
    axis.annotate("", end, start, arrowprops={**style, "connectionstyle": f"arc3,rad={bend}", "linewidth": 1.3})
