"""How time and memory are measured, and what the machine could do at best."""

import dataclasses
import statistics
import time
from collections.abc import Callable, Mapping

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Timing:
    """Seconds of one call: the median, and the quartiles around it."""

    median: float
    low: float
    high: float


def interleaved(calls: Mapping[str, Callable[[], object]], *, repeats: int = 15) -> dict[str, Timing]:
    """The time of each call, taken in turns, so that all see the same disturbances.

    Args:
        calls: functions of nothing that return tensors, by name. Each is called once beforehand, untimed.
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
    return {name: _timing(values) for name, values in seconds.items()}


def peak_memory(call: Callable[[], object]) -> int:
    """Bytes of tensors alive at once during a call, beyond those alive before it.

    On a CPU TensorFlow counts large tensors only, from a few 100 kB on.
    """
    _finish(call())  # what is allocated once, such as constants of compiled programs, is not the call's
    device = "GPU:0" if tf.config.list_physical_devices("GPU") else "CPU:0"
    before = tf.config.experimental.get_memory_info(device)["current"]
    tf.config.experimental.reset_memory_stats(device)
    _finish(call())
    return tf.config.experimental.get_memory_info(device)["peak"] - before


@dataclasses.dataclass(frozen=True)
class Machine:
    """What this machine reaches on large arrays, float32.

    Attributes:
        flops: floating-point operations per second of a matrix product.
        bandwidth: bytes per second read and written by an elementwise sum.
    """

    flops: float
    bandwidth: float

    @classmethod
    def measured(cls, size: int = 2048) -> "Machine":
        """The ceilings, each the best of several tries."""
        a = tf.random.stateless_normal([size, size], [0, 0])
        b = tf.random.stateless_normal([64, 1024, 1024], [0, 1])
        calls = {"product": lambda: tf.matmul(a, a), "sum": lambda: tf.add(b, 1.0)}
        times = interleaved(calls, repeats=9)
        return cls(2 * size**3 / times["product"].low, 2 * 4 * b.shape.num_elements() / times["sum"].low)

    def seconds(self, flops: float, elements: float) -> float:
        """The least time of an operation that moves `elements` floats to and from memory."""
        return max(flops / self.flops, 4 * elements / self.bandwidth)


def _finish(result: object) -> None:
    """Wait for a GPU; on a CPU, calls return when they are done."""
    for tensor in tf.nest.flatten(result):
        if "GPU" in tensor.device:
            tensor.numpy()


def _timing(values: list[float]) -> Timing:
    low, median, high = statistics.quantiles(values, n=4)
    return Timing(median, low, high)
