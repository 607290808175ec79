"""The entries of W against those of R along training, rules side by side, with a slider over the steps."""

import html
from collections.abc import Mapping, Sequence

import numpy as np

from urfb_tf.errors import ArgumentError, one_of
from urfb_tf.metrics import Snapshot
from urfb_tf.plots.interactive.page import button, element, select, slider, table
from urfb_tf.plots.interactive.svg import Scale, axes, drawing, line
from urfb_tf.plots.style import line_styles, not_empty

_WIDTH, _SIDE = 360, 140
_ROWS = 7  # of the table that stands where no program runs

_PROGRAM = """
  const {all, find, control, say, value, state, data} = begin(root);
  const [layer, step] = ['layer', 'step'].map(control);
  const show = () => {
    const l = layer.selectedIndex, s = Number(step.value), values = {layer: layer.value, step: data.steps[s]};
    all('[data-run]').forEach((group, r) => {
      const found = data.layers[l].runs[r];
      const dots = group.querySelectorAll('circle'), trails = group.querySelectorAll('.trail');
      dots.forEach((dot, n) => {
        const there = n < found.x[s].length;
        dot.toggleAttribute('hidden', !there);
        trails[n].toggleAttribute('hidden', !there);
        if (!there) return;
        dot.setAttribute('cx', found.x[s][n]);
        dot.setAttribute('cy', found.y[s][n]);
        trails[n].setAttribute('d', 'M' + found.x.slice(0, s + 1).map((x, i) => `${x[n]} ${found.y[i][n]}`).join('L'));
      });
      group.querySelector('.angle').textContent = found.angles[s];
      values[`angle_${r}`] = found.angles[s];
      values[`name_${r}`] = data.names[r];
    });
    value(step, data.steps[s]);
    say(values);
  };
  const at = () => Number(step.value), last = () => data.steps.length - 1;
  const go = (number) => { step.value = number; show(); };
  const stop = player(find('.play'), {at, last, show: go, every: 150, live: state});
  layer.addEventListener('input', show);
  step.addEventListener('input', () => { stop(); show(); });
  show();
"""


def drift(runs: Mapping[str, Sequence[Snapshot]], layers: Sequence[str], steps: Sequence[int]) -> str:
    """Each entry of a layer's W and R as one point, (R, W), that moves along training, one panel per run.

    Under URFB both receive the same increments, so that points move parallel to the diagonal W = R; under FRFB only W
    does, so that they move up and down.

    Args:
        runs: those of `urfb_tf.metrics.trace`, by label. Labels that are names of rules set the colour.
        layers: layers with feedback weights, to choose from.
        steps: which snapshots, rising, by step.

    Returns:
        HTML for `IPython.display.HTML`.

    Raises:
        ArgumentError: if there is nothing to show, a step was not traced, a layer has no R in one of the runs, or its
            weights are not finite.
    """
    not_empty("runs", runs)
    not_empty("layers", layers)
    not_empty("steps", steps)
    for label, snapshots in runs.items():
        if not all(0 <= step < len(snapshots) for step in steps):
            raise ArgumentError(
                f"The run {label!r} was traced from step 0 to {len(snapshots) - 1}: ask for steps within."
            )
        for layer in layers:
            if layer not in snapshots[0].feedback:
                raise ArgumentError(one_of("layer with feedback weights", layer, snapshots[0].feedback))

    shown = {label: [snapshots[step] for step in steps] for label, snapshots in runs.items()}
    limit = 1.05 * max(
        np.abs(weights[layer]).max()
        for snapshots in shown.values()
        for s in snapshots
        for weights in (s.kernel, s.feedback)
        for layer in layers
    )
    if not np.isfinite(limit):
        raise ArgumentError("Weights of these steps are not finite: show steps before the training diverged.")
    lefts = [34 + number * (_WIDTH - 24) / len(runs) for number in range(len(runs))]
    side = min(_SIDE, (_WIDTH - 24) / len(runs) - 32)
    height = Scale(-limit, limit, 40 + side, 40)
    across = [Scale(-limit, limit, left, left + side) for left in lefts]
    styles = line_styles({label: label for label in runs})
    data: dict[str, list] = {
        "names": [styles[label]["label"] for label in runs],
        "steps": [str(step) for step in steps],
        "layers": [
            {"runs": [_points(shown[label], layer, x, height) for label, x in zip(runs, across, strict=True)]}
            for layer in layers
        ],
    }
    panels = "".join(
        _panel(styles[label], x, height, [layer["runs"][number] for layer in data["layers"]])
        for number, (label, x) in enumerate(zip(runs, across, strict=True))
    )
    label = "For each rule one panel: every entry of W, upwards, against the same entry of R, to the right, and W = R."
    texts = {f"name_{n}": name for n, name in enumerate(data["names"])}
    texts |= {f"angle_{n}": run["angles"][0] for n, run in enumerate(data["layers"][0]["runs"])}
    angles = ", ".join(f"{{angle_{n}}} under {{name_{n}}}" for n in range(len(runs)))
    return element(
        "drift",
        "Entries of W and R along training",
        controls=select("layer", "layer", layers) + button("play") + slider("step", "step", data["steps"], 0),
        drawing=drawing(_WIDTH, height.start + 36, label, panels),
        template=f"After {{step}} steps, the angle between R and W of {{layer}} is {angles}.",
        values={"step": data["steps"][0], "layer": layers[0], **texts},
        table=_table(data, layers[0]),
        data=data,
        program=_PROGRAM,
    )


def _points(snapshots: Sequence[Snapshot], layer: str, x: Scale, y: Scale) -> dict:
    """Where the points of a layer stand, [steps, entries] each, and the angles in words, [steps]."""
    angles = [snapshot.angle(layer) for snapshot in snapshots]
    return {
        "x": [x(snapshot.feedback[layer]).ravel().tolist() for snapshot in snapshots],
        "y": [y(snapshot.kernel[layer]).ravel().tolist() for snapshot in snapshots],
        "angles": ["none" if angle is None else f"{angle:.0f}°" for angle in angles],
    }


def _panel(style: dict, x: Scale, y: Scale, found: list[dict]) -> str:
    """One run: its axes, the diagonal, and the points of the first layer at the first step."""
    colour, first = style["color"], found[0]
    count = max(len(run["x"][0]) for run in found)
    trails = f'<path class="trail" style="stroke: {colour}" d=""/>' * count
    dots = "".join(
        f'<circle r="3.5" fill="{colour}" cx="{a:g}" cy="{b:g}"/>'
        for a, b in zip(first["x"][0], first["y"][0], strict=True)
    )
    dots += f'<circle r="3.5" fill="{colour}" hidden=""/>' * (count - len(first["x"][0]))
    diagonal = line(np.array([x.start, x.end]), np.array([y.start, y.end]))
    return (
        f"<g data-run>{axes(x, y, 'R', 'W')}"
        f'<path class="pale" d="{diagonal}"/>{trails}{dots}'
        f'<text class="middle bold" x="{(x.start + x.end) / 2:g}" y="14">{html.escape(style["label"])}</text>'
        f'<text class="end bold angle" x="{x.end:g}" y="{y.end - 8:g}">{first["angles"][0]}</text></g>'
    )


def _table(data: dict, layer: str) -> str:
    chosen = np.unique(np.linspace(0, len(data["steps"]) - 1, _ROWS).round().astype(int))
    rows = [[data["steps"][s], *(run["angles"][s] for run in data["layers"][0]["runs"])] for s in chosen]
    return table(f"Angle between R and W of {layer}", ["step", *data["names"]], rows)
