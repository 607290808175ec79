"""How time and memory are measured, and what the machine could do at best."""

import dataclasses
import os
import statistics
import time
from collections.abc import Callable, Mapping

import tensorflow as tf

from urfb_tf.errors import UrfbError

# The allocator that counts what it gives. TensorFlow reads this when it first uses a processor, and where the processor
# has AVX-512, for which oneDNN brings such an allocator along, it changes nothing.
os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "1")


@dataclasses.dataclass(frozen=True)
class Timing:
    """Seconds of one call: the median, the quartiles around it, and the least."""

    median: float
    low: float
    high: float
    least: float


def interleaved(calls: Mapping[str, Callable[[], object]], *, repeats: int = 15) -> dict[str, Timing]:
    """The time of each call, taken in turns, so that all see the same disturbances.

    Args:
        calls: functions of nothing, by name. Tensors of TensorFlow that they return are waited for. Each is called once
            beforehand, untimed.
        repeats: how often each is timed, >= 3.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        _finish(call())
    for _ in range(repeats):
        for name, call in calls.items():
            started = time.perf_counter()
            _finish(call())
            seconds[name].append(time.perf_counter() - started)
    return {name: timing(values) for name, values in seconds.items()}


def peak_memory(call: Callable[[], object]) -> int:
    """Bytes of tensors alive at once during a call, beyond those alive before it.

    On a CPU TensorFlow counts large tensors only, from a few 100 kB on.

    Raises:
        UrfbError: if TensorFlow does not count at all, because it was in use before this module was imported.
    """
    _finish(call())  # what is allocated once, such as constants of compiled programs, is not the call's
    device = "GPU:0" if tf.config.list_physical_devices("GPU") else "CPU:0"
    try:
        before = tf.config.experimental.get_memory_info(device)["current"]
    except ValueError as error:
        raise UrfbError(
            "TensorFlow does not count memory here: set TF_CPU_ALLOCATOR_USE_BFC=1 before Python starts."
        ) from error
    tf.config.experimental.reset_memory_stats(device)
    _finish(call())
    return tf.config.experimental.get_memory_info(device)["peak"] - before


@dataclasses.dataclass(frozen=True)
class Machine:
    """What this machine reaches on large arrays, float32.

    Attributes:
        flops: floating-point operations per second of a matrix product.
        bandwidth: bytes per second read and written as all numbers of a large array change their sign.
    """

    flops: float
    bandwidth: float

    @classmethod
    def measured(cls, size: int = 2048) -> "Machine":
        """The ceilings, each the best of several tries."""
        a = tf.random.stateless_normal([size, size], [0, 0])
        numbers = tf.ones([16 * size * size])
        # A plain copy by the C library is slower: it first reads what it is about to overwrite.
        calls = {"product": lambda: tf.matmul(a, a), "pass": lambda: tf.negative(numbers)}
        times = interleaved(calls, repeats=15)
        return cls(2 * size**3 / times["product"].least, 2 * 4 * 16 * size * size / times["pass"].least)

    def or_better(self, other: "Machine") -> "Machine":
        """The higher of each ceiling."""
        return Machine(max(self.flops, other.flops), max(self.bandwidth, other.bandwidth))

    def seconds(self, flops: float, elements: float) -> float:
        """The least time of an operation that moves `elements` floats to and from memory."""
        return max(flops / self.flops, 4 * elements / self.bandwidth)


def _finish(result: object) -> None:
    """Wait for a GPU, without a copy of what it computed; on a CPU, calls return when they are done."""
    if any(isinstance(tensor, tf.Tensor) and "GPU" in tensor.device for tensor in tf.nest.flatten(result)):
        tf.test.experimental.sync_devices()


def timing(values: list[float]) -> Timing:
    """The quartiles of two or more seconds."""
    low, median, high = statistics.quantiles(values, n=4)
    return Timing(median, low, high, min(values))
