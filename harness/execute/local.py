"""Runs steps in fresh processes of a fork server that has the heavy libraries loaded; `spawn` where there is none.

The supervisor blocks while a worker measures: a watcher that spins takes the machine it measures.
"""

from __future__ import annotations

import contextlib
import importlib.util
import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from types import ModuleType
from typing import Any

import psutil

from harness.execute.worker import Changed, Ended, work
from harness.steps import Job, Measured
from harness.suite import Limits

LOOK_EVERY_S = 1.0
"""How often a worker's memory is looked at."""
GRACE_S = 5.0
SHARE_OF_MEMORY = 0.95
"""What one worker may use where no limit is set: beyond it the system would end something at random."""


class Supervisor:
    """Starts workers one after the other and sees to their limits."""

    def __init__(self, preload: Sequence[str], limits: Limits) -> None:
        methods = multiprocessing.get_all_start_methods()
        self._context: Any = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
        self._limits = limits
        if self._context.get_start_method() == "forkserver":
            found = [name for name in preload if importlib.util.find_spec(name.partition(".")[0])]
            self._context.set_forkserver_preload(["harness.execute.worker", *found])

    def run(self, job: Job, report: Callable[[dict[str, float]], None]) -> Ended | Changed:
        """Do one step in a fresh process and return how it ended, whatever happened to the process."""
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(target=work, args=(job, sender), daemon=True)
        try:
            self._start_fork_server()
            with _without_main():
                process.start()
            sender.close()
            return self._watch(process, receiver, report)
        except (OSError, EOFError) as error:
            return _without_result("killed", f"The fork server went away while the worker started: {error!r}.")
        finally:
            receiver.close()
            _end(process)

    def _start_fork_server(self) -> None:
        """Start the fork server, if there is none, so that Ctrl-C is the harness's alone.

        Interrupted while it imports, it would print a trace. Signals wait meanwhile; none is lost. The resource tracker
        would let them through if it were started in between.
        """
        if self._context.get_start_method() != "forkserver":
            return
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            forkserver.ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _watch(self, process: Any, receiver: Connection, report: Callable[[dict[str, float]], None]) -> Ended | Changed:
        deadline = time.monotonic() + self._limits.time_s
        memory_bytes = self._memory_limit()
        while True:
            if wait([receiver, process.sentinel], timeout=LOOK_EVERY_S):
                message = _receive(receiver)
                if isinstance(message, Ended | Changed):
                    process.join(GRACE_S)  # it tidies up: ended at once, it would leave semaphores behind
                    return message
                if message is None:
                    return _without_result("killed", _how_it_died(process))
                report(message)
            if time.monotonic() > deadline:
                return _without_result(
                    "timed out", f"The step was ended after {self._limits.time_s:g} s: its time limit."
                )
            if (used := _memory(process.pid)) > memory_bytes:
                return _without_result(
                    "out of memory",
                    f"The worker used {used / 2**30:.2f} GiB of memory; its limit is {memory_bytes / 2**30:.2f} GiB.",
                )

    def _memory_limit(self) -> float:
        """Return the limit that was set, else what keeps the machine alive."""
        if self._limits.memory_gb is not None:
            return self._limits.memory_gb * 2**30
        return float(psutil.virtual_memory().total) * SHARE_OF_MEMORY


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """Keep the main script to this process while a worker starts.

    multiprocessing lets every child run it anew (python/cpython#126631), be it a notebook's, a test runner's or a page
    of Streamlit that is long gone. A step needs nothing of it.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _receive(receiver: Connection) -> Any:
    """Return the next message, None when the worker has gone without one."""
    try:
        return receiver.recv() if receiver.poll() else None
    except (EOFError, OSError):
        return None


def _memory(pid: int) -> float:
    try:
        return float(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0.0


def _how_it_died(process: Any) -> str:
    process.join(GRACE_S)
    code = process.exitcode
    if code is not None and code < 0:
        hint = " (by hand, or by the system for want of memory)" if code == -signal.SIGKILL else ""
        return f"The worker was ended by signal {-code}{hint}."
    return f"The worker or its fork server went away without a result (exit code {code})."


def _without_result(outcome: Any, reason: str) -> Ended:
    return Ended(outcome, Measured(), {}, reason)


def _end(process: Any) -> None:
    """See to it that the worker is gone, also when the fork server that would tell us of it is."""
    if process.pid is None:
        return
    try:
        worker = psutil.Process(process.pid)
        if process.exitcode is None or worker.ppid() == 1:
            worker.kill()
            worker.wait(GRACE_S)
    except psutil.Error:
        pass
    process.join(GRACE_S)
