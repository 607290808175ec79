"""In which order the images come: a permutation per epoch, drawn from the seed alone."""

import tensorflow as tf

from urfb_tf.data import Split
from urfb_tf.data.splits import as_split
from urfb_tf.errors import ArgumentError, is_whole
from urfb_tf.seeds import check_seed


def permutation(seed, epoch, count: int) -> tf.Tensor:
    """The order of the images in one epoch, int32 [count]; `seed` and `epoch` may be tensors."""
    seed = tf.stack([tf.cast(seed, tf.int32), tf.cast(epoch, tf.int32)])
    keys = tf.random.stateless_uniform([count], seed, minval=None, maxval=None, dtype=tf.int32, alg="philox")
    return tf.argsort(keys, stable=True)


def by_class(rows: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """The rows [B] of a batch sorted by their class, in the order in which they came within it; labels [N]."""
    return tf.gather(rows, tf.argsort(tf.gather(labels, rows), stable=True))


def steps_per_epoch(count: int, batch_size: int) -> int:
    """How many full batches an epoch has; what is left over waits for the next epoch's order.

    Raises:
        ArgumentError: if not one batch can be filled.
    """
    if not is_whole(batch_size, 1) or batch_size > count:
        raise ArgumentError(f"The batch size is a whole number from 1 to the {count} images, but got {batch_size!r}.")
    return count // int(batch_size)


def batches(split: Split, *, batch_size: int, seed: int, first_epoch: int = 0) -> tf.data.Dataset:
    """The batches that the compiled epochs see, in the same order, for `model.fit`. Endless.

        model.fit(batches(data.train, batch_size=500, seed=0), steps_per_epoch=90, epochs=5, shuffle=False)

    Args:
        split: images [N, H, W, C] and labels [N].
        batch_size: examples per batch.
        seed: the run's, from 0 to 2**31 - 1.
        first_epoch: the epoch to begin with, from 0.

    Raises:
        ArgumentError: if not one batch can be filled, or the seed is out of range.
    """
    check_seed(seed)
    split = as_split(split, "`batches`")
    if not is_whole(first_epoch, 0):
        raise ArgumentError(f"first_epoch is a whole number >= 0, but got {first_epoch!r}.")
    count = len(split.labels)
    kept = steps_per_epoch(count, batch_size) * batch_size
    images, labels = tf.constant(split.images), tf.constant(split.labels)

    def epoch(number):
        order = permutation(seed, number, count)[:kept]
        return tf.data.Dataset.from_tensor_slices(order)

    def fetch(rows):
        return tf.gather(images, rows), tf.gather(labels, rows)

    return tf.data.Dataset.counter(first_epoch).flat_map(epoch).batch(batch_size, drop_remainder=True).map(fetch)
