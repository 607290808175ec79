"""The circuit's units: its parameters, the field of its output unit, its two transfer functions (Figures 1 and 2)."""

import dataclasses
from typing import Any

import numpy as np

from urfb_tf.errors import ArgumentError, is_positive


@dataclasses.dataclass(frozen=True)
class Circuit:
    """A supervisor s, an output unit o and a control unit t, for one class (section 2.3).

    The supervisor is 1 if the class is shown, and -1 if another is. The output unit receives the field h of the network
    below, the supervisor and the control unit; the control unit receives the output unit, and silences it when h is
    beyond the threshold. Fields must lie strictly inside (-M, M).

    All methods take arrays of any shape, entry by entry. `ops` is the library that computes them: `numpy` (the
    default), or `tensorflow` for tensors.

    Attributes:
        threshold: S, the field beyond which nothing is to be learned; the margin of the hinge loss.
        bound: M, larger in size than every field.
        mu: the size of the activity that punishes a wrong class.
        epsilon: how much the output unit exceeds 1 or mu when the field is beyond the threshold; equation (9)'s, which
            is not the rate at which URFB updates R.

    Raises:
        ArgumentError: unless 0 < S < M, 0 < mu < 1 and epsilon > 0.
    """

    threshold: float = 1.0
    bound: float = 3.0
    mu: float = 1 / 9
    epsilon: float = 0.25

    def __post_init__(self):
        for name in ("threshold", "bound", "mu", "epsilon"):
            value = getattr(self, name)
            if not is_positive(value):
                raise ArgumentError(f"The circuit needs a finite {name} > 0, but got {value!r}.")
        if self.threshold >= self.bound:
            raise ArgumentError(
                f"The circuit needs threshold < bound, but got {self.threshold!r} and {self.bound!r}: no field inside "
                "the bound would reach the threshold, and the control unit could never act."
            )
        if self.mu >= 1:
            raise ArgumentError(
                f"The circuit needs mu < 1, so that a wrong class weighs less than the right one, but got {self.mu!r}."
            )
        if not 1 + self.epsilon > 1:
            raise ArgumentError(
                f"epsilon = {self.epsilon!r} is lost in rounding: the control unit could not tell 1 + epsilon from 1."
            )

    def full_field(self, field, supervision, control):
        """H = h + 2 M s - 2 M t, equation (8).

        Args:
            field: h.
            supervision: s, 1 or -1.
            control: t, -1, 0 or 1.
        """
        # The difference first: where s = t, H is h without a rounding.
        return field + 2 * self.bound * (supervision - control)

    def output_transfer(self, full_field, ops: Any = np):
        """sigma_o(H), equation (9) with disjoint intervals.

        +-M belong to 0. +-(2M + S), where h is at the threshold, belong to the outer levels, as (4) demands; (9) as
        printed counts them to the inner ones.

        Returns:
            One of 1 + epsilon, 1, 0, -mu, -mu - epsilon.
        """
        zero, size = ops.zeros_like(full_field), ops.abs(full_field)
        inner = ops.where(full_field > 0, zero + 1, zero + self.mu)
        active = ops.where(size >= 2 * self.bound + self.threshold, inner + self.epsilon, inner)
        return ops.where(size > self.bound, ops.sign(full_field) * active, zero)

    def control_transfer(self, output, ops: Any = np):
        """sigma_t(o), equation (9).

        Returns:
            1 if o > 1, -1 if o < -mu, else 0.
        """
        zero = ops.zeros_like(output)
        return ops.where(output > 1, zero + 1, ops.where(output < -self.mu, zero - 1, zero))
