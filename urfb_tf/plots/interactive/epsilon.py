"""Errors of deep linear networks against time, with a slider over epsilon (the theory of sections 3 and 6)."""

from collections.abc import Sequence

import numpy as np

from urfb_tf.errors import ArgumentError
from urfb_tf.linear import checks, integrate, time_to_reach
from urfb_tf.plots.interactive.page import element, number, select, slider, table
from urfb_tf.plots.interactive.svg import Scale, axes, drawing, line
from urfb_tf.plots.style import COLOURS, OTHERS, not_empty

EPSILONS = tuple(np.round(np.linspace(0, 2, 21), 1).tolist())
TARGETS = (0.5, 0.1, 0.01, 0.001)
_MOMENTS, _POINTS = 151, 40  # computed and drawn of a curve

_OWN = {0.0: (COLOURS["frfb"], "This is FRFB: R is fixed."), 1.0: (COLOURS["urfb"], "This is URFB.")}
_TEMPLATE = (
    "{depth} layers, ε = {epsilon}: the error falls to {target} of its start at t = {time}, in {share} of the time "
    "that it takes with ε = 0. {own}"
)

_PROGRAM = """
  const {all, find, control, say, value, data} = begin(root);
  const [depth, epsilon, target] = ['depth', 'epsilon', 'target'].map(control);
  const show = () => {
    const k = depth.selectedIndex, e = Number(epsilon.value), g = target.selectedIndex;
    const at = data.depths[k], x = at.places[e][g], y = data.heights[g];
    all('[data-depth]').forEach((group, i) => group.toggleAttribute('hidden', i !== k));
    const chosen = all('[data-depth]')[k].querySelectorAll('.curve')[e];
    find('.current').setAttribute('d', chosen.getAttribute('d'));
    find('.current').setAttribute('stroke', data.colours[e]);
    find('.mark').setAttribute('d', `M48 ${y}H${x}V215`);
    find('.at').setAttribute('cx', x);
    find('.at').setAttribute('cy', y);
    value(epsilon, data.epsilons[e]);
    say({
      depth: depth.value, epsilon: data.epsilons[e], target: target.value, time: at.times[e][g],
      share: at.shares[e][g], own: data.own[e],
    });
  };
  for (const input of [depth, epsilon, target]) input.addEventListener('input', show);
  show();
"""


def epsilon_slider(
    lambda_t: float = 1.0,
    lambda_r: float = 0.3,
    *,
    depths: Sequence[int] = (2, 3, 4),
    epsilons: Sequence[float] = EPSILONS,
    targets: Sequence[float] = TARGETS,
) -> str:
    """Error against time in one direction of the target, for every epsilon of a slider, at a chosen depth.

    Curves are by `urfb_tf.linear.integrate`, the times that are read out by `urfb_tf.linear.time_to_reach`.

    Args:
        lambda_t: the singular value of the target, > 0.
        lambda_r: all lambda_R at the start, > 0.
        depths: numbers of layers, each >= 2.
        epsilons: rising, the first is 0; 0 is FRFB, 1 is URFB.
        targets: shares of the error at the start that may be asked for, falling, in (0, 1).

    Returns:
        HTML for `IPython.display.HTML`.

    Raises:
        ArgumentError: if a number is outside its range or a sequence is empty.
    """
    not_empty("depths", depths)
    not_empty("epsilons", epsilons)
    not_empty("targets", targets)
    depths = [checks.whole("depth", depth, 2) for depth in depths]
    if epsilons[0] != 0 or not (np.diff(checks.not_negative("epsilons", epsilons)) > 0).all():
        raise ArgumentError("The epsilons of the slider must rise from 0, with which the others are compared.")
    if not (np.diff([1, *checks.positive("targets", targets), 0]) < 0).all():
        raise ArgumentError("The targets must be falling shares of the error at the start, below 1.")

    names = [number(epsilon) for epsilon in epsilons]
    height = Scale(targets[-1], 1, 215, 25, log=True)
    found = {depth: times(lambda_t, lambda_r, depth, epsilons, targets) for depth in depths}
    scales = {depth: Scale(0, float(reached.max()), 48, 350) for depth, reached in found.items()}
    lines = {
        depth: _curves(lambda_t, lambda_r, depth, epsilons, found[depth], scales[depth], height) for depth in depths
    }
    depth, at, aim = min(1, len(depths) - 1), len(epsilons) // 2, len(targets) // 2
    data: dict[str, list] = {
        "epsilons": names,
        "own": [_OWN.get(float(epsilon), (OTHERS[0], ""))[1] for epsilon in epsilons],
        "colours": [_OWN.get(float(epsilon), (OTHERS[0], ""))[0] for epsilon in epsilons],
        "heights": height(targets).tolist(),
        "depths": [
            {
                "times": [[number(t, ".3g") for t in row] for row in found[k]],
                "places": scales[k](found[k]).tolist(),
                "shares": [[f"{share:.0%}" for share in row] for row in found[k] / found[k][0]],
            }
            for k in depths
        ],
    }
    groups = "".join(
        f'<g data-depth="{k}"{"" if k == depths[depth] else " hidden"}>'
        + axes(scales[k], height, "time t", "error, as a share of its start")
        + "".join(f'<path class="curve pale"{_stroke(e)} d="{d}"/>' for e, d in zip(epsilons, lines[k], strict=True))
        + "</g>"
        for k in depths
    )
    first = data["depths"][depth]
    x, y = first["places"][at][aim], data["heights"][aim]
    current = (
        f'<path class="mark" d="M48 {y:g}H{x:g}V215"/>'
        f'<path class="line current" stroke="{data["colours"][at]}" d="{lines[depths[depth]][at]}"/>'
        f'<circle class="at" cx="{x:g}" cy="{y:g}" r="5" fill="{OTHERS[2]}" stroke="#000000"/>'
    )
    label = "Error against time on a logarithmic axis, one pale curve per epsilon and the chosen one in colour."
    return element(
        "epsilon",
        "The error of deep linear networks for every epsilon",
        controls=select("depth", "layers", [str(k) for k in depths], depth)
        + select("target", "time until the error is", [number(g) for g in targets], aim)
        + slider("epsilon", "ε", names, at),
        drawing=drawing(360, 252, label, groups + current),
        template=_TEMPLATE,
        values={
            "depth": str(depths[depth]),
            "epsilon": names[at],
            "target": number(targets[aim]),
            "time": first["times"][at][aim],
            "share": first["shares"][at][aim],
            "own": data["own"][at],
        },
        table=table(
            f"Time until the error is {number(targets[aim])} of its start",
            ["ε", *(f"{k} layers" for k in depths)],
            [[name, *(entry["times"][e][aim] for entry in data["depths"])] for e, name in enumerate(names)],
        ),
        data=data,
        program=_PROGRAM,
    )


def times(
    lambda_t: float, lambda_r: float, depth: int, epsilons: Sequence[float], targets: Sequence[float]
) -> np.ndarray:
    """When the error has fallen to shares of its start, by quadrature, [epsilons, targets]. As in `epsilon_slider`."""
    return np.array(
        [[time_to_reach(g * lambda_t, lambda_t, [lambda_r] * (depth - 1), float(e)) for g in targets] for e in epsilons]
    )


def _stroke(epsilon: float) -> str:
    return f' style="stroke: {_OWN[float(epsilon)][0]}"' if float(epsilon) in _OWN else ""


def _curves(lambda_t, lambda_r, depth, epsilons, reached, along: Scale, height: Scale) -> list[str]:
    """The path of each epsilon's curve, down to the last target."""
    moments = np.linspace(0, along.high, _MOMENTS)
    errors = integrate(lambda_t, [lambda_r] * (depth - 1), epsilons, moments).error / lambda_t  # [moments, epsilons]
    paths = []
    for error, end in zip(errors.T, reached[:, -1], strict=True):
        before = moments < end
        x, y = along(np.append(moments[before], end)), height(np.append(error[before], height.low))
        length = np.append(0, np.cumsum(np.hypot(np.diff(x), np.diff(y))))
        # Of many points those that lie about equally far apart: as smooth with a third of the numbers.
        kept = np.unique(np.searchsorted(length, np.linspace(0, length[-1], _POINTS)))
        paths.append(line(x[kept], y[kept]))
    return paths
