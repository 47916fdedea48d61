"""A process between the fork server and a worker: what the worker started ends with it, and all of it with the harness.

The keeper runs no code of plugins: nothing that they do, such as C code that holds the interpreter's lock, stops it.
On Linux orphans of the worker become its children, whatever session or group they have put themselves into.
Elsewhere a process that has left both the worker's group and its parent is not found.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import NoReturn

from harness.execute.tree import descendants

CLEAR_S = 4.0
"""How long the keeper tries to end what the worker left: a process that waits for a disk cannot be killed."""
_LOOK_EVERY_S = 0.005
_PARENT_DEATH_SIGNAL, _CHILD_SUBREAPER = 1, 36
"""Options of prctl(2)."""


def go_on_in_a_worker(pipe: Connection) -> bool:
    """Fork: the child goes on as the worker, and this process keeps it and ends as it did.

    Args:
        pipe: takes the worker's result; the keeper closes it.

    Returns:
        Whether this process, the worker, ends for sure when its keeper or the harness does.
    """
    if not hasattr(os, "fork"):
        return False
    os.setpgid(0, 0)  # what a terminal sends to the harness's group would end the keeper before its work is done
    adopt_orphans()
    keeper = os.getpid()
    worker = os.fork()
    if worker:
        pipe.close()
        _keep(worker)
    os.setpgid(0, 0)
    ends = _control(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != keeper:  # it was gone before the signal was asked for
        os._exit(1)
    return ends


def adopt_orphans() -> None:
    """Become the parent of descendants whose parent ends, where the system can do that."""
    _control(_CHILD_SUBREAPER, 1)


def _control(option: int, value: int) -> bool:
    """Set an option of this process; return whether the system has it."""
    if sys.platform != "linux":
        return False
    import ctypes

    return bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)


def _keep(worker: int) -> NoReturn:
    """Wait for the worker, end what it left, and end as it did; end it when told to, or when the harness is gone."""
    try:
        signal.signal(signal.SIGTERM, lambda *_: _kill_descendants())
        threading.Thread(target=_end_with_the_harness, daemon=True).start()
        ended, status = os.waitpid(-1, 0)
        while ended != worker:  # an orphan
            ended, status = os.waitpid(-1, 0)
        with contextlib.suppress(OSError):
            os.killpg(worker, signal.SIGKILL)
        _end_descendants()
        _end_like(os.waitstatus_to_exitcode(status))
    finally:
        os._exit(1)


def _end_with_the_harness() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        _kill_descendants()


def _end_descendants() -> None:
    """Kill until none is left: a killed process may have started another one meanwhile."""
    until = time.monotonic() + CLEAR_S
    while _has_children() and time.monotonic() < until:
        _kill_descendants()
        time.sleep(_LOOK_EVERY_S)


def _has_children() -> bool:
    """Return whether a child is left, after those that have ended were waited for."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _kill_descendants() -> None:
    for descendant in descendants(os.getpid()):
        with contextlib.suppress(OSError):  # it has ended
            os.kill(descendant, signal.SIGKILL)


def _end_like(code: int) -> NoReturn:
    """End this process with an exit code, or by the signal of a negative one."""
    if code < 0:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the worker has left one
        with contextlib.suppress(OSError):  # this one cannot be handled
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)
