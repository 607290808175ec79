"""When the weights of one layer learn: what a rule from `urfb_tf.rules.timing` has the layer remember."""

from typing import NamedTuple

import tensorflow as tf

from urfb_tf.seeds import stream


class Moment(NamedTuple):
    """What one call of a layer does otherwise than its rule without timing; None means nothing.

    Attributes:
        carrier: the weights that stand for R when the error travels down.
        kernel_learns, feedback_learns: where W and R take their increments; booleans, [] or of W's shape.
        lag: how many images further on the batch is the one whose activity the error meets.
    """

    carrier: tf.Tensor | None = None
    kernel_learns: tf.Tensor | None = None
    feedback_learns: tf.Tensor | None = None
    lag: int = 0


class Timing:
    """The number of training steps so far, and the latest copies of R; both are weights that no optimiser sees.

    Each call in training counts as a step.

    Args:
        layer: the `FeedbackLayer`, its W and R made.
        seed: the layer's.
    """

    def __init__(self, layer, seed: int):
        rule, self.layer = layer.rule, layer
        self.seed = stream(seed, "timing")
        self.batches = layer.add_weight(
            name="batches",
            shape=(),
            initializer="zeros",
            dtype="int32",
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
        )
        self.every = rule.every
        # Read by an initialiser, since models that are built at their first call make their weights only later.
        self.past = [
            layer.add_weight(
                name=f"feedback_past{number}",
                shape=layer.feedback.shape,
                initializer=lambda shape, dtype=None: tf.cast(layer.feedback, dtype or layer.feedback.dtype),
                trainable=False,
                autocast=False,
                aggregation="mean",
            )
            for number in range(1, rule.delay // rule.every + 1)
        ]

    def now(self, feedback: tf.Tensor | None, training: bool | None) -> Moment:
        """How this call learns. In training it counts as a step.

        Args:
            feedback: R as it is now.
            training: whether it is a training step.
        """
        carrier = None if feedback is None or not self.past else tf.cast(self.past[-1], feedback.dtype)
        if not training:
            return Moment(carrier)
        batch = tf.convert_to_tensor(self.batches)
        self.batches.assign(batch + 1)
        if self.past:
            self._move_on(batch)
        rule = self.layer.rule
        learns = rule.learns(self.layer, batch) if rule.skips_updates else (None, None)
        return Moment(carrier, learns[0], learns[1], rule.lag)

    def settle(self) -> None:
        """Let all of R's updates take effect at once."""
        for past in self.past:
            past.assign(tf.cast(self.layer.feedback, past.dtype))

    def coins(self, name: str, batch: tf.Tensor, probability: float) -> tf.Tensor:
        """Booleans of W's shape, True with `probability`.

        The layer's seed, `name` and `batch` alone decide which, but for XLA (`jit_compile=True`), which makes other
        numbers of them by another algorithm than TensorFlow's kernels.
        """
        # From the step's number in place of a generator's state, so that all replicas of a strategy draw the same.
        seed = tf.stack([tf.constant(stream(self.seed, name), tf.int32), batch])
        return tf.random.stateless_uniform(self.layer.kernel.shape, seed, alg="philox") < probability

    def _move_on(self, batch: tf.Tensor) -> None:
        """The copies, each one place further, if an update is due."""
        old = [tf.convert_to_tensor(v) for v in self.past]
        current = tf.cast(tf.convert_to_tensor(self.layer.feedback), old[0].dtype)
        # In graphs of several steps nothing else would keep a copy from being overwritten before it is read.
        with tf.control_dependencies([*old, current]):
            new = [tf.identity(values) for values in (current, *old[:-1])]
        if self.every > 1:
            # A branch, not a choice of values: it hands the copies on without copying.
            new = tf.cond(tf.equal(batch % self.every, 0), lambda: new, lambda: old)
        for past, values in zip(self.past, new, strict=True):
            past.assign(values)
