"""A loss of some output units alone, for classes that have not come yet, or are not shown (section 5)."""

from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf

from urfb_tf.classes import check_classes
from urfb_tf.errors import ArgumentError, is_finite
from urfb_tf.losses import is_number_of, nan_unless, unit_numbers


@keras.saving.register_keras_serializable("urfb_tf")
class LossOfUnits(keras.losses.Loss):
    """The loss of a network that has these output units alone. The others do not learn, and hand down no error.

    Examples of classes without a unit among these count nothing. Where a label is the number of no output unit at all,
    the loss is NaN, as that of `OneVsRestHinge`.

    Args:
        loss: a Keras loss over class numbers, such as `OneVsRestHinge()`; what it derives from the number of its
            outputs, such as mu, it derives from the number of these units.
        units: class numbers, at least two.
        offsets: one number for each of these units, which the loss finds added to its field. None means none.
        reduction, name, dtype: as for every Keras loss.

    Raises:
        ArgumentError: if there is no such loss, these are not class numbers of at least two classes, or there is not
            one finite offset for each.
    """

    def __init__(
        self,
        loss,
        units: Iterable[int],
        offsets: Iterable[float] | None = None,
        reduction="sum_over_batch_size",
        name="loss_of_units",
        dtype=None,
    ):
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        if isinstance(loss, dict):  # as `get_config` gives it
            loss = keras.saving.deserialize_keras_object(loss)
        if not isinstance(loss, keras.losses.Loss):
            raise ArgumentError("LossOfUnits needs a keras.losses.Loss, such as OneVsRestHinge().")
        self.loss = loss
        self.units = check_classes(units)
        if len(self.units) < 2:
            raise ArgumentError(f"A classifier needs two output units or more that learn, but got {self.units!r}.")
        self.offsets = None if offsets is None else _finite(offsets)
        if self.offsets is not None and len(self.offsets) != len(self.units):
            raise ArgumentError(f"There are {len(self.units)} units that learn, but {len(self.offsets)} offsets.")

    def call(self, y_true, y_pred):
        """The loss of each example.

        Args:
            y_true: class numbers, [B] or [B, 1].
            y_pred: the fields h of all output units, [B, C].

        Returns:
            [B].
        """
        y_pred = tf.convert_to_tensor(y_pred)
        count = y_pred.shape[-1]
        if max(self.units) >= count:
            raise ArgumentError(f"There are {count} output units, so none has the number {max(self.units)}.")
        places = np.full(count, -1, np.int32)  # [C]
        places[list(self.units)] = np.arange(len(self.units))
        labels = tf.reshape(unit_numbers(y_true), [-1])  # [B]
        place = tf.gather(places, tf.clip_by_value(labels, 0, count - 1))  # [B]
        fields = tf.gather(y_pred, self.units, axis=-1)  # [B, units]
        if self.offsets is not None:
            fields += tf.constant(self.offsets, fields.dtype)
        losses = self.loss.call(tf.maximum(place, 0), fields)  # [B]
        losses = tf.where(place >= 0, losses, tf.zeros_like(losses))
        return nan_unless(is_number_of(labels, count), losses)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "loss": keras.saving.serialize_keras_object(self.loss),
            "units": list(self.units),
            "offsets": self.offsets,
        }


def _finite(offsets: Iterable[float]) -> list[float]:
    given = list(offsets) if isinstance(offsets, Iterable) else None
    if given is None or not all(map(is_finite, given)):
        raise ArgumentError(f"Offsets are finite numbers, one for each unit that learns, but got {offsets!r}.")
    return [float(offset) for offset in given]
