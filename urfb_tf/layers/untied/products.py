"""What a backend of an untied layer computes."""

from typing import Protocol

import tensorflow as tf


class Products(Protocol):
    """Three products with one array of weights [S, Cin, F], in whatever form a backend likes its data.

    A backend is made of (locality, Cin, F).
    """

    def arrange_inputs(self, x: tf.Tensor) -> tf.Tensor:
        """[B, H, W, Cin] in the form that `forward` and `correlate` take."""

    def arrange_errors(self, error: tf.Tensor) -> tf.Tensor:
        """[B, H', W', F] in the form that `correlate` and `pull_back` take."""

    def forward(self, inputs: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        """Arranged inputs and W -> fields [B, H', W', F]."""

    def pull_back(self, errors: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        """Arranged errors and R -> [B, H, W, Cin]."""

    def correlate(self, inputs: tf.Tensor, errors: tf.Tensor) -> tf.Tensor:
        """Arranged inputs and errors -> the Hebbian products, summed over the batch, [S, Cin, F]."""


def take_along(*tables: tf.Tensor) -> None:
    """Have a graph that is being traced hold tables that its gradient alone uses.

    A SavedModel keeps gradients too, but of their tables only those that the way up holds.
    """
    if not tf.executing_eagerly():
        for table in tables:
            tf.identity(table)
