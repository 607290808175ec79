"""What the circuit tells its synapses and the layer below while one image is shown."""

from typing import Any

import numpy as np

from urfb_tf.circuit.dynamics import advance, check_update, checked
from urfb_tf.circuit.units import Circuit
from urfb_tf.errors import ArgumentError, is_whole

# From silence, o is silent again at this step if the field is beyond the threshold.
FIRST_SILENCE = {"sequential": 2, "synchronous": 3}


def signal(
    circuit: Circuit, fields, supervision, *, update: str = "sequential", steps: int = 4, gated: bool = True
) -> np.ndarray:
    """The learning signal of each unit (section 2.3), in place of the closed-form error (5).

    The circuit starts from silence and runs for some steps under constant fields. A synapse that adds o x at each step
    adds in proportion to the mean of o over the steps: that is the signal without gating. With gating, a unit that was
    silent at any step emits 0, as section 2.3 has it ("periodically visits the state o_c = 0 and no update of synapses
    connecting to o_c occurs").

    Args:
        circuit: the circuit.
        fields: h, any shape, all in (-M, M).
        supervision: s, 1 where the class is shown and -1 where another is; broadcast against `fields`.
        update: "sequential" or "synchronous".
        steps: how many steps an image is shown for. 4 is a whole number of periods under either order.
        gated: whether a unit that was silent on the way learns nothing.

    Returns:
        The signal, of the shape of `fields` and `supervision` together.

    Raises:
        ArgumentError: as for `urfb_tf.circuit.run`, or if there are too few steps for the gate to see a silence.
    """
    check_signal(update, steps, gated)
    return emitted(circuit, *checked(circuit, fields, supervision), update, steps, gated)


def emitted(circuit: Circuit, fields, supervision, update: str, steps: int, gated: bool, ops: Any = np):
    """`signal`, unchecked, in `numpy` or `tensorflow`."""
    output = control = mean = ops.zeros_like(fields)
    quietest = None
    for step in range(1, steps + 1):
        output, control = advance(circuit, fields, supervision, output, control, update, ops)
        mean = mean + (output - mean) / step  # exact while o is constant, unlike a sum divided at the end
        quietest = ops.abs(output) if quietest is None else ops.minimum(quietest, ops.abs(output))
    return ops.where(quietest == 0, ops.zeros_like(mean), mean) if gated else mean


def check_signal(update: str, steps: int, gated: bool) -> None:
    """Refuse what `signal` cannot run with."""
    check_update(update)
    least = FIRST_SILENCE[update] if gated else 1
    if not is_whole(steps, least):
        why = f": a gated {update} circuit is first seen silent at step {least}" if gated else ""
        raise ArgumentError(f"The circuit's signal needs a whole number of steps >= {least}, but got {steps!r}{why}.")
