"""The one-vs-rest hinge loss, equation (3), and its error signal, equation (5)."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from urfb_tf.errors import ArgumentError, is_positive


@keras.saving.register_keras_serializable("urfb_tf")
class OneVsRestHinge(keras.losses.Loss):
    """C = [m - h_y]_+ + mu sum over c != y of [m + h_c]_+, equation (3), with margin m (1 in the paper).

    Each output unit is a classifier of its class against all others, and its error depends on no other unit. Where a
    label is the number of no unit, loss and error are NaN, as in Keras' sparse cross-entropy.

    Args:
        mu: the weight of each wrong class. None means 1/(C - 1), which gives both terms the same weight. Or a weight
            >= 0 for each class, [C], in place of the one that equation (3) has for all.
        margin: the field beyond which a unit no longer learns.
        reduction: as for every Keras loss; the default is the mean over the batch.
        name, dtype: as for every Keras loss.

    Raises:
        ArgumentError: if `mu` or `margin` is not positive, or a weight of a class is negative.
    """

    def __init__(self, mu=None, margin=1.0, reduction="sum_over_batch_size", name="one_vs_rest_hinge", dtype=None):
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        if isinstance(mu, np.ndarray) and mu.ndim == 0:
            mu = mu.item()
        by_class = isinstance(mu, (Sequence, np.ndarray)) and not isinstance(mu, str)
        if by_class and not all(is_positive(weight) or (np.ndim(weight) == 0 and weight == 0) for weight in mu):
            raise ArgumentError(f"The hinge loss needs a weight >= 0 for each class, but got mu = {list(mu)!r}.")
        if not by_class and mu is not None and not is_positive(mu):
            raise ArgumentError(f"The hinge loss needs mu > 0 (or None for 1/(C-1)), but got {mu!r}.")
        if not is_positive(margin):
            raise ArgumentError(f"The hinge loss needs a margin > 0, but got {margin!r}.")
        self.mu = [float(weight) for weight in mu] if by_class else None if mu is None else float(mu)
        self.margin = float(margin)

    def call(self, y_true, y_pred):
        """The loss of each example.

        Args:
            y_true: class numbers, [B] or [B, 1].
            y_pred: the fields h of the output units, [B, C].

        Returns:
            [B].
        """
        y_pred = tf.convert_to_tensor(y_pred)
        own, known, mu = self._targets(y_true, y_pred)
        slack = self.margin - tf.where(own, y_pred, -y_pred)  # [B, C]
        weight = tf.where(own, tf.ones([], y_pred.dtype), nan_unless(known, tf.constant(mu, y_pred.dtype)))  # [B, C]
        return tf.reduce_sum(weight * tf.nn.relu(slack), axis=-1)

    def error_signal(self, y_true, y_pred) -> tf.Tensor:
        """delta_c = -dC/dh_c of each example: equation (5) with its signs put right, the factor of x_i in equation (4).

        At the corners h = +-margin the loss has no derivative; there delta is 0, as in equation (4).

        Args:
            y_true: class numbers, [B] or [B, 1].
            y_pred: the fields h of the output units, [B, C].

        Returns:
            [B, C]: 1 for the shown class if h < margin, -mu (that class's) for another if h > -margin, else 0; NaN
            where the label is the number of no unit.
        """
        y_pred = tf.convert_to_tensor(y_pred)
        own, known, mu = self._targets(y_true, y_pred)
        mu = tf.constant(mu, y_pred.dtype)
        zero = tf.zeros([], y_pred.dtype)
        rewarded = tf.where(y_pred < self.margin, tf.ones([], y_pred.dtype), zero)
        punished = tf.where(y_pred > -self.margin, -mu, zero)
        return nan_unless(known, tf.where(own, rewarded, punished))

    def _targets(self, y_true, y_pred) -> tuple[tf.Tensor, tf.Tensor, float | list[float]]:
        """Which unit is that of the label, [B, C]; whether there is one, [B, 1]; mu."""
        classes = y_pred.shape[-1] if y_pred.shape.rank == 2 else None
        if classes is None or classes < 2:
            raise ArgumentError(f"The hinge loss needs outputs of shape [batch, classes >= 2], but got {y_pred.shape}.")
        if isinstance(self.mu, list) and len(self.mu) != classes:
            raise ArgumentError(
                f"The hinge loss has {len(self.mu)} weights mu, one for each class, but {classes} outputs."
            )
        labels = unit_numbers(y_true)
        if labels.shape.rank == 2 and labels.shape[1] == 1:
            labels = tf.squeeze(labels, axis=1)
        if labels.shape.rank != 1:
            raise ArgumentError(
                f"The hinge loss needs class numbers of shape [batch] or [batch, 1], but got {labels.shape}: "
                "turn one-hot labels into numbers with argmax."
            )
        if None not in (count := labels.shape[0], y_pred.shape[0]) and count != y_pred.shape[0]:
            raise ArgumentError(f"Each output needs its label, but got {y_pred.shape[0]} outputs and {count} labels.")
        labels = labels[:, None]
        own = tf.equal(labels, tf.range(classes)[None, :])  # [B, C]
        return own, is_number_of(labels, classes), 1 / (classes - 1) if self.mu is None else self.mu

    def get_config(self) -> dict:
        return {**super().get_config(), "mu": self.mu, "margin": self.margin}


def unit_numbers(y_true) -> tf.Tensor:
    """Class numbers of any type and shape as int32, for a loss over them.

    A label between two numbers, such as 0.5, is the number of no unit, and gives -1.
    """
    given = tf.convert_to_tensor(y_true)
    labels = tf.cast(given, tf.int32)
    return tf.where(tf.equal(given, tf.cast(labels, given.dtype)), labels, -1) if given.dtype.is_floating else labels


def is_number_of(labels: tf.Tensor, classes: int) -> tf.Tensor:
    """Whether int32 labels are the numbers of so many classes."""
    return tf.logical_and(labels >= 0, labels < classes)


def nan_unless(known: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """The values where these are known, else NaN; an exported program has no other way to complain."""
    return tf.where(known, values, tf.constant(float("nan"), values.dtype))
