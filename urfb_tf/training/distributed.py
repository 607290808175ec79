"""The compiled epoch over several devices: each takes its share of every batch, and their updates are summed.

One step makes the update that a single device makes of the whole batch, to rounding, but for three things that each
device does within its share: dropout and `ErrorNoise` draw masks and noise of its own, batch normalisation normalises
by the share's means and variances (the running averages are the means over all devices), and the rule `late` pairs the
images of the share with one another.
"""

import functools

import keras
import tensorflow as tf

from urfb_tf.data import Split
from urfb_tf.errors import ArgumentError, is_whole
from urfb_tf.layers import feedback_layers
from urfb_tf.training.epoch import EpochProgram, State, Tally, constrain, descend
from urfb_tf.training.order import by_class, permutation
from urfb_tf.training.settling import normalising_layers

_SPREAD = 0x3C6EF35F  # large, since the seeds of a network's layers may be neighbours


def gpus(number: int) -> tf.distribute.Strategy:
    """The strategy that splits each batch over the first `number` GPUs of this machine.

    Raises:
        ArgumentError: if it has fewer, or this is no whole number >= 1.
    """
    if not is_whole(number, 1):
        raise ArgumentError(f"A run is split over a whole number of GPUs >= 1, but got {number!r}.")
    found = tf.config.list_logical_devices("GPU")
    if number > len(found):
        have = "no GPU" if not found else "1 GPU" if len(found) == 1 else f"{len(found)} GPUs"
        raise ArgumentError(f"TensorFlow sees {have} here, so a run cannot be split over {number}.")
    return tf.distribute.MirroredStrategy([device.name for device in found[:number]])


class DistributedEpochProgram(EpochProgram):
    """`EpochProgram` over the replicas of a synchronous strategy on one machine.

    Args:
        model, loss, jit_compile: as in `EpochProgram`.
        batch_size: examples per step, of all devices together.
        grouped: as in `EpochProgram`, for each device's share of a batch.
        strategy: such as a `tf.distribute.MirroredStrategy`.

    Raises:
        ArgumentError: also if the devices cannot share the batch evenly.
    """

    def __init__(
        self,
        model: keras.Model,
        loss=None,
        *,
        strategy: tf.distribute.Strategy,
        batch_size: int = 500,
        jit_compile: bool | None = None,
        grouped: bool = False,
    ):
        super().__init__(model, loss, batch_size=batch_size, jit_compile=jit_compile, grouped=grouped)
        self.strategy, self.replicas = strategy, strategy.num_replicas_in_sync
        if batch_size % self.replicas:
            raise ArgumentError(f"A batch of {batch_size} cannot be shared evenly by {self.replicas} devices.")
        # XLA compiles for one device: it takes what each does by itself, not what they do together.
        self._replica_gradients = tf.function(self._gradients, autograph=False, jit_compile=self.jit_compile)
        self._replica_evaluate = tf.function(self._evaluate_part, autograph=False, jit_compile=self.jit_compile)
        self._train = tf.function(self._train_on_all, autograph=False)
        self._evaluate = tf.function(self._evaluate_on_all, autograph=False)

    def place(self, split: Split) -> tuple:
        """As in `EpochProgram`, on each device."""
        return tf.function(self._copies, autograph=False)(super().place(split))

    def _copies(self, tensors):
        return self.strategy.run(lambda: tf.nest.map_structure(tf.identity, tensors))

    def _trace_for_any_count(self, state: State, images, labels) -> None:
        """Not here: each device has its own copy of the images, and is traced for their count."""

    def _first(self, copies):
        return tf.nest.map_structure(lambda copy: self.strategy.experimental_local_results(copy)[0], copies)

    def _train_on_all(self, state, images, labels, seed, epoch, first, last, learning_rate, tally):
        begun = self._begin(state, first)
        count = self._first(images).shape[0]
        # Drawn once: the weights and the order stay on their devices from step to step.
        trainable, non_trainable, order, rate = self._copies(
            (list(begun.trainable), list(begun.non_trainable), permutation(seed, epoch, count), learning_rate)
        )

        def step(number, trainable, non_trainable, tally):
            arguments = (number, trainable, non_trainable, images, labels, order, rate)
            trainable, non_trainable, added = self.strategy.run(self._replica_step, args=arguments)
            total = tf.nest.map_structure(tf.add, tally, self._first(added))
            return number + 1, trainable, non_trainable, total

        _, trainable, non_trainable, tally = tf.while_loop(
            lambda number, *_: number < last, step, (first, trainable, non_trainable, tally), parallel_iterations=1
        )
        return State(*self._first((trainable, non_trainable))), tally

    def _replica_step(self, number, trainable, non_trainable, images, labels, order, learning_rate):
        context = tf.distribute.get_replica_context()
        replica, size = context.replica_id_in_sync_group, self.batch_size // self.replicas
        rows = tf.slice(order, [number * self.batch_size + replica * size], [size])  # [B / replicas]
        rows = by_class(rows, labels) if self.grouped else rows
        batch, targets = tf.gather(images, rows), tf.gather(labels, rows)
        own, averages = own_generators(self.model), running_averages(self.model)
        shifted = [v + _shift(v, replica) if drawn else v for v, drawn in zip(non_trainable, own, strict=True)]
        gradients, new, losses, outputs = self._replica_gradients(trainable, shifted, batch, targets)
        gradients = [gradient / self.replicas for gradient in gradients]
        added = Tally.zero().plus(losses, targets, outputs, tf.ones([size]))
        gradients, added = context.all_reduce(tf.distribute.ReduceOp.SUM, (gradients, added))
        new = [v - _shift(v, replica) if drawn else v for v, drawn in zip(new, own, strict=True)]
        mean = functools.partial(context.all_reduce, tf.distribute.ReduceOp.MEAN)
        new = [mean(v) if average else v for v, average in zip(new, averages, strict=True)]
        return constrain(descend(trainable, gradients, learning_rate), self.model), new, added

    def _evaluate_on_all(self, state, images, labels) -> Tally:
        def evaluate(images, labels):
            context = tf.distribute.get_replica_context()
            part = context.replica_id_in_sync_group
            found = self._replica_evaluate(state, images, labels, part=part, parts=self.replicas)
            return context.all_reduce(tf.distribute.ReduceOp.SUM, found)

        return self._first(self.strategy.run(evaluate, args=(images, labels)))


def own_generators(model: keras.Model) -> list[bool]:
    """Which of a model's non-trainable variables are states of random generators that draw for one device alone.

    Those of rules that renew R are not among them: R is the same on all devices.
    """
    common = {id(layer._renewal.state) for layer in feedback_layers(model) if layer.rule.renews_feedback}
    return [v.name == "seed_generator_state" and id(v) not in common for v in model.non_trainable_variables]


def running_averages(model: keras.Model) -> list[bool]:
    """Which of a model's non-trainable variables are running averages of batch normalisation."""
    averages = {id(v) for layer in normalising_layers(model) for v in layer.non_trainable_variables}
    return [id(v) in averages for v in model.non_trainable_variables]


def _shift(state: tf.Tensor, replica) -> tf.Tensor:
    """What the state of a generator, a seed and a counter, differs by on this replica; [2]."""
    return tf.stack([tf.cast(replica, state.dtype) * _SPREAD, tf.zeros([], state.dtype)])
