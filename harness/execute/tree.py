"""The processes of a step: its keeper, its worker, and what that started."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import psutil

GRACE_S = 5.0
STARTING = threading.Lock()
"""Held while a worker starts: the environment and the main module are other ones meanwhile, and the fork server has it
as a child before this process knows its number."""
_PROC = Path("/proc")
_LISTS_CHILDREN = Path("/proc/thread-self/children").exists()
"""Whether the system lists the children of each thread: all others need not be looked through for them."""


class Memory(NamedTuple):
    """What processes use."""

    bytes: float
    processes: int


class Tree:
    """A process that was started for a step, and its descendants."""

    def __init__(self, started: Any) -> None:
        self._started = started
        """The `multiprocessing.Process`."""
        self._top = _process(started.pid)
        self._fork_server = _fork_server_of(self._top)

    def memory_above(self, limit_bytes: float) -> Memory | None:
        """Return the memory in use and the number of processes, None if it is within a limit.

        Pages that processes share count once: what counts is the resident set of the largest process or, where it is
        more, the proportional set size of all (elsewhere than on Linux the unique set size). That takes long to read
        and is never above the sum of the resident sets, so it is only read where that is above the limit.
        """
        used = self._memory_above(limit_bytes)
        # Once more: where processes end between two readings, those that are left take over the shares of the others.
        return None if used is None else self._memory_above(limit_bytes)

    def _memory_above(self, limit_bytes: float) -> Memory | None:
        each = [] if self._top is None else _with_descendants(self._top.pid)
        resident = [_memory(process, "rss") for process in each]
        if sum(resident) <= limit_bytes:
            return None
        shares = [_memory(process, "pss" if psutil.LINUX else "uss") for process in each]
        used = max(*resident, sum(shares))
        return Memory(used, len(each)) if used > limit_bytes else None

    def stop(self) -> None:
        """Tell it to end: a keeper ends all others."""
        if self._top is not None:
            with contextlib.suppress(psutil.Error):
                self._top.terminate()

    def end(self) -> None:
        """End what lives of it."""
        if self._top is None:
            return
        if _lives(self._top):
            self.stop()
            self._started.join(GRACE_S)  # at once if the fork server is gone, which would report its end
            _wait([self._top])
        if _lives(self._top):
            _kill(_with_descendants(self._top.pid))
        if self._started.exitcode != 0:
            self._end_strays()

    def _end_strays(self) -> None:
        """End what a killed keeper left: it has become a child of the fork server."""
        until = time.monotonic() + GRACE_S
        while self._fork_server is not None and time.monotonic() < until:
            with STARTING:
                # Not active_children(): it reads the exit codes of processes that other threads wait for.
                kept = {process.pid for process in list(multiprocessing.process._children)}  # type: ignore[attr-defined]  # noqa: SLF001
                below = _processes(_children(self._fork_server.pid)) if _lives(self._fork_server) else []
            strays = [process for process in below if process.pid not in kept and _lives(process)]
            if not strays:
                return
            _kill([each for stray in strays for each in _with_descendants(stray.pid)])


def descendants(pid: int) -> list[int]:
    """Return the numbers of a process's children and theirs, as far as they are alive or not waited for."""
    below = _children(pid)
    for each in below:
        below.extend(_children(each))
    return below


def descendants_cpu_s() -> float:
    """Return the processor time of this process's descendants in seconds: those that live, and those waited for."""
    took_s = sum(os.times()[2:4])
    for process in _processes(descendants(os.getpid())):
        with contextlib.suppress(psutil.Error):
            took_s += sum(process.cpu_times()[:4])  # user and system, its own and of those that it waited for
    return took_s


def _children(pid: int) -> list[int]:
    try:
        if not _LISTS_CHILDREN:
            return [child.pid for child in psutil.Process(pid).children()]
        threads = (_PROC / str(pid) / "task").iterdir()
        return [int(child) for thread in threads for child in (thread / "children").read_text("ascii").split()]
    except (OSError, psutil.Error):  # it has ended
        return []


def _processes(pids: list[int]) -> list[psutil.Process]:
    return [process for pid in pids if (process := _process(pid)) is not None]


def _with_descendants(pid: int) -> list[psutil.Process]:
    return _processes([pid, *descendants(pid)])


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.Error:
        return None


def _fork_server_of(started: psutil.Process | None) -> psutil.Process | None:
    """Return the parent of a process if that is a child of this one, and so a fork server."""
    with contextlib.suppress(psutil.Error):
        parent = None if started is None else started.parent()
        if parent is not None and parent.ppid() == os.getpid():
            return parent
    return None


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _memory(process: psutil.Process, name: str) -> float:
    """Return a figure of a process's memory in bytes, 0 if it has ended or may not be read."""
    try:
        return float(getattr(process.memory_info() if name == "rss" else process.memory_full_info(), name))
    except psutil.Error:
        return 0.0


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
    _wait(processes)


def _wait(processes: list[psutil.Process]) -> None:
    """Wait until processes have ended; what is a zombie has."""
    until = time.monotonic() + GRACE_S
    while any(map(_lives, processes)) and time.monotonic() < until:
        time.sleep(0.005)
