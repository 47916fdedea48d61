"""Meters of the process, and the window in which meters are read."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

from harness import plain
from harness.seams import Meter, Reading

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"
"""Written to `clear_refs`: reset the peak resident set to the present one, see proc(5)."""


class ProcessMeter(Meter):
    """Processor time and peak memory of this process, and of others that do the step with it; children are left out.

    `cpu_s` is user and system time of all threads. `peak_memory_bytes` is the peak resident set of the whole process
    within the window: interpreter, libraries, data and all else that was there when it was opened. A worker is forked
    from a server that has the libraries of the whole suite loaded, and the pages that it shares with it count: the same
    step reads more in a suite with more libraries. Where the system cannot reset the peak, it is that of the process's
    life: an upper bound, and marked as estimated unless it grew within the window. Of several processes it is the sum
    of their peaks, an upper bound too: they need not coincide, and pages that the processes share count in each.
    """

    def __init__(self, processor_s: Callable[[], float | None] = time.process_time, others: Sequence[int] = ()) -> None:
        """Take whose processor time and memory is read, by default this process's.

        Args:
            processor_s: returns the processor time of all, None where one of them has ended.
            others: the numbers of the other processes.
        """
        self._processor_s, self._others = processor_s, others

    def start(self) -> None:
        """Open the window."""
        reset = [_reset_peak(pid) for pid in (None, *self._others)]
        self._reset = all(reset)
        self._peak_before = self._peak()
        self._cpu_s = self._processor_s()

    def stop(self) -> Mapping[str, Reading]:
        """Close the window."""
        readings, cpu_s = {}, self._processor_s()
        if cpu_s is not None and self._cpu_s is not None:
            readings["cpu_s"] = Reading(cpu_s - self._cpu_s, "s")
        peak = self._peak()
        if peak is not None:
            grew = self._peak_before is not None and peak > self._peak_before
            exact = not self._others and (self._reset or grew)
            kind: Literal["measured", "estimated"] = "measured" if exact else "estimated"
            readings["peak_memory_bytes"] = Reading(peak, "B", kind)
        return readings

    def _peak(self) -> int | None:
        peaks = [_peak(pid) for pid in (None, *self._others)]
        return None if None in peaks else sum(filter(None, peaks))


def _reset_peak(pid: int | None = None) -> bool:
    try:
        _of(_CLEAR, pid).write_text(_RESET_PEAK, encoding="ascii")
    except OSError:
        return False
    return True


def _of(file: Path, pid: int | None) -> Path:
    """Return a file of proc(5) for another process than this one."""
    return file if pid is None else file.parent.with_name(str(pid)) / file.name


def _peak(pid: int | None = None) -> int | None:
    """Return the peak resident set in bytes since it was reset, or of the process's life; None where nobody tells."""
    try:
        status = _of(_STATUS, pid).read_text(encoding="utf-8")
    except OSError:
        return _peak_by_usage() if pid is None else None
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")), None)


def _peak_by_usage() -> int | None:
    """Return `ru_maxrss` in bytes; not asked for on Linux, where a process inherits it from the one that started it."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@contextmanager
def window(meters: Sequence[Meter], synchronise: Callable[[], None]) -> Iterator[dict[str, Reading]]:
    """Open all meters, close them in reverse, and fill the dict that is yielded with what they read.

    The device is waited for at both ends. Meters are closed also when the work fails.

    Raises:
        ValueError: two meters read something of the same name.
        PluginError: a meter read something that cannot be recorded.
    """
    readings: dict[str, Reading] = {}
    synchronise()
    with ExitStack() as closing:
        for meter in meters:
            meter.start()
            closing.callback(_close, meter, readings)
        yield readings
        synchronise()


def _close(meter: Meter, readings: dict[str, Reading]) -> None:
    read = plain.readings(meter.stop(), f"{type(meter).__name__}.stop()")
    if twice := sorted(readings.keys() & read.keys()):
        raise ValueError(f"Two meters read {', '.join(twice)}. Give one of them ({type(meter).__name__}) another name.")
    readings.update(read)
