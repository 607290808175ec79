"""What a call takes of the processor: how many cores it keeps busy, for whom, and how often it maps fresh memory."""

import dataclasses
import time
from collections.abc import Callable

LEAST = 0.1  # seconds of calls: the system counts a processor's time in ticks of up to 0.01


@dataclasses.dataclass(frozen=True)
class Usage:
    """Over some calls in a row.

    Attributes:
        cores: processor seconds of this process per second; other programs on the machine lower it.
        system: the share of these seconds that the operating system's kernel spent.
        faults: pages of memory, of whatever size, that a call touched first.
    """

    cores: float
    system: float
    faults: float


def usage(call: Callable[[], object], repeats: int) -> Usage:
    """Of a call that was called before. Where the operating system does not tell, all are 0."""
    try:
        import resource
    except ImportError:
        return Usage(0, 0, 0)
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    calls = 0
    while calls < repeats or time.perf_counter() - started < LEAST:
        call()
        calls += 1
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    system = after.ru_stime - before.ru_stime
    total = system + after.ru_utime - before.ru_utime
    faults = (after.ru_minflt - before.ru_minflt) / calls
    # The system divides its ticks between the two times by an estimate, which it may take back.
    return Usage(total / seconds, min(system / total, 1.0) if total > 0 else 0.0, faults)
