"""The circuit's activity in time, under either order of update."""

import dataclasses
from typing import Any

import numpy as np

from urfb_tf.circuit.units import Circuit
from urfb_tf.errors import ArgumentError, is_whole, one_of

UPDATES = ("sequential", "synchronous")


@dataclasses.dataclass(frozen=True)
class Trajectory:
    """The activities of o and t, step by step; [steps + 1, *shape of fields and supervision together].

    Attributes:
        output: o before the first step and after each.
        control: t, likewise.
    """

    output: np.ndarray
    control: np.ndarray


def run(
    circuit: Circuit, fields, supervision, *, steps: int, update: str = "sequential", start: tuple = (0.0, 0.0)
) -> Trajectory:
    """The activity under constant fields and a constant supervisor.

    Args:
        circuit: the circuit.
        fields: h, any shape, all in (-M, M).
        supervision: s, 1 where the class is shown and -1 where another is; broadcast against `fields`.
        steps: how often both units are updated, >= 0.
        update: "sequential": o responds to t, then t to the new o. "synchronous": both to what the other was before.
        start: o and t before the first step, broadcast likewise; silence by default.

    Raises:
        ArgumentError: for a field that is not inside (-M, M), another supervision than 1 or -1, a start that is no
            pair of finite activities of that shape, an unknown order of update, or a number of steps that is not a
            whole number >= 0.
    """
    if not is_whole(steps, 0):
        raise ArgumentError(f"The circuit runs for a whole number of steps >= 0, but got {steps!r}.")
    check_update(update)
    fields, supervision = checked(circuit, fields, supervision)
    try:
        output, control = (np.broadcast_to(np.asarray(unit, float), fields.shape) for unit in start)
        begins = bool(np.isfinite(output).all() and np.isfinite(control).all())
    except (TypeError, ValueError):
        begins = False
    if not begins:
        raise ArgumentError(
            f"The circuit starts from two finite activities (o, t), each one number or of the shape {fields.shape} of "
            f"the fields, but got {start!r}."
        )
    outputs, controls = [output], [control]
    for _ in range(steps):
        output, control = advance(circuit, fields, supervision, output, control, update)
        outputs.append(output)
        controls.append(control)
    return Trajectory(np.stack(outputs), np.stack(controls))


def advance(circuit: Circuit, fields, supervision, output, control, update: str, ops: Any = np) -> tuple:
    """One step of both units, unchecked: o and t after it.

    `ops` is `numpy` or `tensorflow`, as in `Circuit`.
    """
    new = circuit.output_transfer(circuit.full_field(fields, supervision, control), ops)
    return new, circuit.control_transfer(new if update == "sequential" else output, ops)


def check_update(update: str) -> None:
    """Refuse an order of update that is not in `UPDATES`."""
    if update not in UPDATES:
        raise ArgumentError(one_of("order of update", update, UPDATES))


def checked(circuit: Circuit, fields, supervision) -> tuple[np.ndarray, np.ndarray]:
    """Fields and supervision as float arrays of one shape, if the circuit is made for them."""
    fields, supervision = np.broadcast_arrays(np.asarray(fields, float), np.asarray(supervision, float))
    outside = fields[~(np.abs(fields) < circuit.bound)]  # NaN too
    if outside.size:
        raise ArgumentError(
            f"The circuit needs fields inside (-{circuit.bound:g}, {circuit.bound:g}), but got {outside[0]:g}: "
            "take a larger bound."
        )
    if not np.isin(supervision, (-1, 1)).all():
        raise ArgumentError("The supervisor is 1 (the class is shown) or -1 (another is): give one of the two.")
    return fields, supervision
