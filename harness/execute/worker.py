"""The worker: does one step in a fresh process and sends what came of it through a pipe."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import Any, Literal

from harness import environment
from harness.basis import covered, current
from harness.errors import Unsupported
from harness.plugins import Plugins, load_plugins
from harness.steps import Job, Measured, perform
from harness.why import Difference, differences

REPORT_EVERY_S = 0.5


@dataclass(frozen=True)
class Ended:
    """How a step ended."""

    outcome: Literal["ok", "failed", "timed out", "out of memory", "killed", "unsupported"]
    measured: Measured
    environment: dict[str, Any]
    reason: str | None = None
    traceback: str | None = None


@dataclass(frozen=True)
class Changed:
    """What a step rests on is no longer what it was planned with: it was not done."""

    differences: tuple[Difference, ...]


def work(job: Job, pipe: Connection) -> None:
    """Do a step; send progress as dicts and, at last, an `Ended`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the harness's to handle
    _end_with_the_harness()
    own: dict[str, Any] = {}
    try:
        plugins = load_plugins(job.plugin_files)
        if job.basis and (changed := _changes(job, plugins)):
            pipe.send(changed)
            pipe.close()
            return
        own |= environment.process()
        own["hardware"] = {"name": job.asked["hardware"], **plugins.find("hardware", job.asked["hardware"]).describe()}
        with contextlib.redirect_stdout(sys.stderr):
            measured = perform(job, plugins, _throttled(pipe))
        ended = Ended("ok", measured, own | environment.process())  # again: a learner may set its number of threads
    except Unsupported as error:
        ended = Ended("unsupported", Measured(), own, str(error))
    except BaseException as error:  # noqa: BLE001 - whatever a plugin raises becomes the step's record
        outcome: Literal["out of memory", "failed"] = "out of memory" if _out_of_memory(error) else "failed"
        ended = Ended(outcome, Measured(), own, f"{type(error).__name__}: {error}", traceback.format_exc())
    pipe.send(ended)
    pipe.close()


def _changes(job: Job, plugins: Plugins) -> Changed | None:
    """Return what has changed since the step was planned: plugin files are loaded anew by every worker."""
    now = current(job.basis, job.files, job.kind, job.asked, plugins)
    return Changed(tuple(differences(job.basis, now))) if covered(now) != covered(job.basis) else None


def _end_with_the_harness() -> None:
    """End this process when the harness is gone: nobody would take the result."""
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _throttled(pipe: Connection) -> Any:
    last = 0.0

    def report(state: dict[str, float]) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= REPORT_EVERY_S:
            last = now
            pipe.send(state)

    return report


def _out_of_memory(error: BaseException) -> bool:
    return (
        isinstance(error, MemoryError)
        or "out of memory" in str(error).lower()
        or "can't allocate memory" in str(error).lower()
    )
