"""The worker: does one step in a fresh process and sends its result through a pipe."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
import traceback
from dataclasses import asdict, dataclass, replace
from multiprocessing import current_process, parent_process, set_start_method
from multiprocessing.connection import Connection, wait
from typing import Any

from harness import environment, plain
from harness.basis import covered, current
from harness.errors import Unsupported
from harness.execute.followers import devices_of, team
from harness.execute.keeper import go_on_in_a_worker
from harness.execute.tree import descendants_cpu_s
from harness.plugins import Plugins, load_plugins
from harness.plugins.registry import FOR_STEPS
from harness.records import Outcome, StepResult
from harness.seams import Hardware
from harness.steps import Job, perform
from harness.why import Difference, differences

REPORT_EVERY_S = 0.5
NOTED_CPU_S = 0.1
"""More processor time of child processes is noted; looking up a version takes less."""
ELSEWHERE = (
    "Processes that the step started took {:.1f} s of processor time. Its processor time, peak memory and estimated "
    "energy are without them."
)


@dataclass(frozen=True)
class Changed:
    """The basis of a step changed since it was planned: what it measured does not count."""

    differences: tuple[Difference, ...]


def work(job: Job, pipe: Connection) -> None:
    """Do a step; send messages as JSON: `{"progress": …}` and, at last, `{"ended": …}` or `{"changed": …}`.

    JSON, not pickle: reading it runs no code and needs no class of a plugin.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the harness handles Ctrl-C
    try:
        if not go_on_in_a_worker(pipe):
            _end_with_the_harness()
        _allow_children()
        result = _result(job, pipe)
    except BaseException as error:  # noqa: BLE001 - whatever a plugin raises becomes the step's record
        result = failed_by(error)
    with contextlib.suppress(OSError):  # a plugin may have closed the pipe: the harness notices
        if isinstance(result, Changed):
            _send(pipe, changed=result.differences)
        else:
            _send(pipe, ended=asdict(result))
        pipe.close()


def _result(job: Job, pipe: Connection) -> StepResult | Changed:
    """Do a step between two checks of its basis: data and modules are read in between."""
    plugins = load_plugins(job.plugin_files, FOR_STEPS, silent=True)  # the harness has said it
    if changed := _changes(job, plugins):
        return Changed(changed)
    loaded = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    ended = _do(job, plugins, pipe)
    later = {file: digest for file, digest in job.files.items() if str(file) not in loaded}
    changed = _changes(replace(job, files=later), plugins)
    return Changed(changed) if changed else ended


def _allow_children() -> None:
    """Let plugins start processes as in a program of their own: not as a daemon, and by Python's own method.

    It would be that of this process, where children cannot import a plugin that is a file.
    """
    current_process().daemon = False
    set_start_method(None, force=True)


def failed_by(error: BaseException, environment: dict[str, Any] | None = None) -> StepResult:
    """Return the result of a step that raised."""
    if isinstance(error, Unsupported):
        return StepResult(outcome="unsupported", environment=environment or {}, reason=plain.message(error))
    outcome: Outcome = "out of memory" if _out_of_memory(error) else "failed"
    trace = plain.cut("".join(traceback.format_exception(error)))
    reason = f"{type(error).__name__}: {plain.message(error)}"
    return StepResult(outcome=outcome, environment=environment or {}, reason=reason, traceback=trace)


def _do(job: Job, plugins: Plugins, pipe: Connection) -> StepResult:
    conditions: dict[str, Any] = {}
    try:
        plugins.import_for(job.spec)
        environment.limit_threads()
        conditions |= plain.nested(environment.process(), "environment")
        hardware = plugins.find("hardware", job.spec["hardware"])
        devices = devices_of(job, hardware)
        conditions["hardware"] = _hardware(hardware, len(set(devices)))
        children_s = descendants_cpu_s()
        with contextlib.redirect_stdout(sys.stderr), team(job, devices) as others:
            result = perform(job, plugins, _throttled(pipe), others)
        counted_s = 0.0 if others is None else others.cpu_s
        if (elsewhere_s := descendants_cpu_s() - children_s - counted_s) > NOTED_CPU_S:
            result.notes.append(ELSEWHERE.format(elsewhere_s))
        return replace(
            result, environment=conditions | environment.process()
        )  # read again: a learner may set its number of threads
    except BaseException as error:  # noqa: BLE001 - whatever a plugin raises becomes the step's record
        return failed_by(error, conditions)


def _hardware(hardware: Hardware, devices: int) -> dict[str, Any]:
    """Return the hardware's description; what is priced are all devices that the step uses."""
    description = plain.nested(plain.named(hardware.describe(), "Hardware.describe()"), "Hardware.describe()")
    if devices > 1 and "price_quantity" in description:
        description["price_quantity"] *= devices
    return {"name": hardware.name, **description}


def _send(pipe: Connection, **message: Any) -> None:
    pipe.send_bytes(json.dumps(message, allow_nan=False).encode())


def _changes(job: Job, plugins: Plugins) -> tuple[Difference, ...]:
    """Return what has changed since the step was planned: every worker loads plugin files again."""
    if not job.basis:
        return ()
    now = current(job.basis, job.files, job.kind, job.spec, plugins)
    return tuple(differences(job.basis, now)) if covered(now) != covered(job.basis) else ()


def _end_with_the_harness() -> None:
    """End this process when the harness is gone: nobody would read the result."""
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
            _send(pipe, progress=state)

    return report


def _out_of_memory(error: BaseException) -> bool:
    low = plain.message(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in low or "can't allocate memory" in low
