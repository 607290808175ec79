"""The hinge loss with the circuit's activity in place of its gradient."""

from typing import Any

import keras
import tensorflow as tf

from urfb_tf.circuit.emission import check_signal, emitted
from urfb_tf.circuit.units import Circuit
from urfb_tf.errors import ArgumentError
from urfb_tf.losses import OneVsRestHinge, nan_unless


@keras.saving.register_keras_serializable("urfb_tf")
class CircuitHinge(OneVsRestHinge):
    """The value of `OneVsRestHinge`, equation (3); but what it sends down is the activity of one circuit per class.

    Gated, that is the closed form (4), and training makes the same updates. Not gated, units beyond the margin go on
    learning, so that what is sent down is not the gradient of the value.

    The circuit needs fields inside its bound. What it emits is the same for all fields beyond the margin, so fields
    enter it saturated half-way between margin and bound.

    Args:
        mu: the weight of each wrong class, < 1. None means 1/(C - 1), for more than two classes.
        margin: the circuit's threshold S.
        bound: the circuit's M, > `margin`.
        epsilon: the circuit's excess over 1 and mu.
        update: "sequential" or "synchronous".
        steps: how many steps the circuit runs for, from silence, while an image is shown.
        gated: whether a unit that was silent on the way emits 0, or the mean of its activity (see
            `urfb_tf.circuit.signal`).
        reduction, name, dtype: as for every Keras loss.

    Raises:
        ArgumentError: for what `Circuit` or `urfb_tf.circuit.signal` refuse.
    """

    def __init__(
        self,
        mu=None,
        margin=1.0,
        *,
        bound=3.0,
        epsilon=0.25,
        update="sequential",
        steps=4,
        gated=True,
        reduction="sum_over_batch_size",
        name="circuit_hinge",
        dtype=None,
    ):
        super().__init__(mu=mu, margin=margin, reduction=reduction, name=name, dtype=dtype)
        weight: Any = 0.5 if self.mu is None else self.mu  # one for each class is refused here
        Circuit(margin, bound, weight, epsilon)
        check_signal(update, steps, gated)
        self.bound = float(bound)
        self.epsilon = float(epsilon)
        self.update = update
        self.steps = int(steps)
        self.gated = bool(gated)

    def call(self, y_true, y_pred):
        """The loss of each example, whose gradient by the fields is minus `error_signal`.

        Args:
            y_true: class numbers, [B] or [B, 1].
            y_pred: the fields h of the output units, [B, C].

        Returns:
            [B].
        """

        @tf.custom_gradient
        def loss(fields):
            def gradient(upstream):  # [B]
                return -upstream[:, None] * self.error_signal(y_true, fields)

            return OneVsRestHinge.call(self, y_true, fields), gradient

        return loss(tf.convert_to_tensor(y_pred))

    def error_signal(self, y_true, y_pred) -> tf.Tensor:
        """What the circuits emit for each example, in place of the closed form of `OneVsRestHinge`.

        Args:
            y_true: class numbers, [B] or [B, 1].
            y_pred: the fields h of the output units, [B, C].

        Returns:
            [B, C]; NaN where the label is the number of no unit.
        """
        y_pred = tf.convert_to_tensor(y_pred)
        own, known, mu = self._targets(y_true, y_pred)
        assert isinstance(mu, float)  # one for all classes, which `Circuit` demanded
        if mu >= 1:
            raise ArgumentError("With two classes 1/(C-1) is 1, but the circuit needs mu < 1: give mu.")
        # The circuit compares h + 2M with 2M + S, where float32 would round away differences between h and S. S itself
        # is rounded as the fields are, so that a field at the margin is at the threshold.
        margin = float(y_pred.dtype.as_numpy_dtype(self.margin))
        circuit = Circuit(margin, self.bound, mu, self.epsilon)
        level = (margin + self.bound) / 2
        fields = tf.clip_by_value(tf.cast(y_pred, tf.float64), -level, level)  # [B, C]
        supervision = tf.where(own, tf.ones_like(fields), -tf.ones_like(fields))  # [B, C]
        output = emitted(circuit, fields, supervision, self.update, self.steps, self.gated, tf)
        return nan_unless(known, tf.cast(output, y_pred.dtype))

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "bound": self.bound,
            "epsilon": self.epsilon,
            "update": self.update,
            "steps": self.steps,
            "gated": self.gated,
        }
