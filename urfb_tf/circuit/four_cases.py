"""The four cases of section 2.3, and what happens in each, update by update."""

import dataclasses

import numpy as np

from urfb_tf.circuit.dynamics import check_update, run
from urfb_tf.circuit.units import Circuit
from urfb_tf.errors import ArgumentError, is_whole


@dataclasses.dataclass(frozen=True)
class Case:
    """A field and a supervisor, and the error that equation (4) asks for there.

    Attributes:
        name: in words.
        field: h.
        supervision: s.
        error: what (4) asks for: 1, -mu or 0.
    """

    name: str
    field: float
    supervision: int
    error: float


@dataclasses.dataclass(frozen=True)
class Update:
    """The circuit after one update.

    Attributes:
        units: which were updated: "", "o", "t" or "o and t".
        full_field: H, as it stands after the update.
        output, control: o and t after it.
    """

    units: str
    full_field: float
    output: float
    control: float


def cases(circuit: Circuit) -> tuple[Case, ...]:
    """For each supervisor, a field at which (4) asks for an error and one at which it asks for none.

    They lie half-way to the threshold, and half-way from the threshold to the bound.
    """
    near, far = circuit.threshold / 2, (circuit.threshold + circuit.bound) / 2
    return (
        Case("its class is shown, error needed", near, 1, 1.0),
        Case("its class is shown, no error needed", far, 1, 0.0),
        Case("another class is shown, error needed", -near, -1, -circuit.mu),
        Case("another class is shown, no error needed", -far, -1, 0.0),
    )


def updates(circuit: Circuit, case: Case, *, number: int = 8, update: str = "sequential") -> tuple[Update, ...]:
    """The activity from silence, one update after another as the paper writes it: o -> t -> o -> ..

    Args:
        circuit: the circuit.
        case: its input.
        number: how many updates, >= 0: of single units if sequential, of both at once if synchronous.
        update: "sequential" or "synchronous".

    Returns:
        `number + 1` of them; the first is the start.

    Raises:
        ArgumentError: for an unknown order of update or a number that is not a whole number >= 0.
    """
    check_update(update)
    if not is_whole(number, 0):
        raise ArgumentError(f"The circuit is followed for a whole number of updates >= 0, but got {number!r}.")
    found = run(circuit, case.field, case.supervision, steps=number, update=update)
    # Step by step if synchronous; if sequential, o_1 with t_0, then o_1 with t_1, and so on.
    moments = np.arange(number + 1)
    of_output, of_control = ((moments + 1) // 2, moments // 2) if update == "sequential" else (moments, moments)
    names = ["", *(("o", "t")[m % 2] if update == "sequential" else "o and t" for m in range(number))]
    return tuple(
        Update(name, float(circuit.full_field(case.field, case.supervision, t)), float(o), float(t))
        for name, o, t in zip(names, found.output[of_output], found.control[of_control], strict=True)
    )
