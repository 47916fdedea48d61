"""Runs steps in fresh processes of a fork server that has the heavy libraries loaded; with `spawn` elsewhere.

The supervisor blocks while a worker measures: polling would take time from what is measured.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from types import ModuleType
from typing import Any

from harness import environment, plain
from harness.errors import HarnessError
from harness.execute import HARNESS, NAMES, SAFE_PATH
from harness.execute.bounds import Bounds
from harness.execute.tree import GRACE_S, STARTING, Tree
from harness.execute.worker import Changed, work
from harness.plugins import Plugins
from harness.records import StepResult, result_of
from harness.steps import Job
from harness.suite import Limits, Suite
from harness.why import Difference

LOOK_EVERY_S = 1.0
"""How often a step is held to its limits."""
RESTART_S = 0.5
"""After this a fork server's end is visible."""
MESSAGE_BYTES = 2**30
"""No result is longer: a frame that claims to be is corrupt."""


class Supervisor:
    """Starts workers one after the other and enforces their limits."""

    def __init__(self, preload: Sequence[str], limits: Limits) -> None:
        methods = multiprocessing.get_all_start_methods()
        self._context: Any = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
        self._limits = limits
        self._preload = list(preload)
        self._tree: Tree | None = None
        self._stopped = False
        if self._forks:
            self._context.set_forkserver_preload(["harness.execute.worker", "harness.execute.preload"])

    @property
    def _forks(self) -> bool:
        return bool(self._context.get_start_method() == "forkserver")

    def warm_up(self) -> None:
        """Let the fork server begin to import while this process goes on."""
        with contextlib.suppress(OSError, EOFError), STARTING:
            self._start_fork_server()  # if it fails, the first step's record says so

    def run(self, job: Job, report: Callable[[dict[str, float]], None]) -> StepResult | Changed:
        """Do one step in a fresh process and return its result, whatever happens to the process."""
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(target=work, args=(job, sender), daemon=True)
        self._tree = tree = None
        try:
            with _interrupts_held():
                try:
                    with STARTING:
                        self._start(process)
                except (OSError, EOFError) as error:
                    receiver.close()
                    return _without_result("killed", f"The fork server went away while the worker started: {error!r}.")
                finally:
                    sender.close()
                self._tree = tree = Tree(process)
            if self._stopped:
                self.stop()
            bounds = Bounds(self._limits, tree, job.output)
            ended = self._watch(process, bounds, _Messages(receiver), report)
        finally:
            if tree is not None:
                tree.end()
        return bounds.held(ended) if isinstance(ended, StepResult) else ended

    def stop(self) -> None:
        """End the step that another thread does, and any that it begins."""
        self._stopped = True
        if self._tree is not None:
            self._tree.stop()

    def _start(self, process: Any) -> None:
        """Start a worker; if an import killed the fork server, retry without imports: the worker will say why."""
        try:
            self._start_in_server(process)
        except (OSError, EOFError):
            if not self._preload:
                raise
            self._preload = []
            time.sleep(RESTART_S)
            self._start_in_server(process)

    def _start_in_server(self, process: Any) -> None:
        self._start_fork_server()
        with _without_main():
            process.start()

    def _start_fork_server(self) -> None:
        """Start the fork server if it does not run, with SIGINT blocked: it would print a traceback of its imports.

        The signal stays pending for this process. The resource tracker comes first: its start unblocks SIGINT.
        """
        if not self._forks:
            return
        with environment.variables({NAMES: " ".join(self._preload), HARNESS: str(os.getpid()), SAFE_PATH: "1"}):
            resource_tracker.ensure_running()
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                forkserver.ensure_running()
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _watch(
        self, process: Any, bounds: Bounds, messages: _Messages, report: Callable[[dict[str, float]], None]
    ) -> StepResult | Changed:
        while True:
            message = messages.next(process)
            if isinstance(message, StepResult | Changed):
                process.join(GRACE_S)  # let it clean up: killed now, it would leak semaphores
                return message
            if message is not None:
                report(message)
            if (beyond := bounds.exceeded()) is not None:
                return beyond


def warm_up(suite: Suite, plugins: Plugins) -> None:
    """Let the fork server begin to import what a suite's steps need; faults in the suite are left to the planning."""
    spec: list[dict[str, Any]] = [{"task": task.name, "source": task.data} for task in suite.tasks]
    spec += [{"model": model.name} for model in suite.models]
    spec += [{"hardware": name} for name in suite.hardware] + [{"runtime": name} for name in suite.runtimes]
    with contextlib.suppress(HarnessError):
        Supervisor(plugins.preload(spec), suite.limits).warm_up()


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold a Ctrl-C back until the block ends: a worker that is half started would print a traceback."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread is interrupted
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """Hide the main script while a worker starts.

    multiprocessing runs it again in every child (python/cpython#126631), which fails for a notebook, a test runner or
    a page of Streamlit. A step does not need it.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


class _Messages:
    """A worker's messages, read by a thread: the limits hold even while a message does not end."""

    def __init__(self, receiver: Connection) -> None:
        self._receiver = receiver
        self._reading = False
        """Whether a message has arrived but is not in the queue yet: parsing millions of scores takes seconds."""
        self._queue: SimpleQueue[dict[str, float] | StepResult | Changed | None] = SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def next(self, process: Any) -> dict[str, float] | StepResult | Changed | None:
        """Return progress or the step's result, None if nothing arrives for a while."""
        try:
            message = self._queue.get(timeout=LOOK_EVERY_S)
        except Empty:
            if process.exitcode is None or self._reading:
                return None
            try:
                message = self._queue.get(timeout=LOOK_EVERY_S)  # it may have arrived just now
            except Empty:
                # A process that the worker left behind may hold the pipe open: then no EOFError comes.
                return None if self._reading else _without_result("killed", _how_it_died(process))
        return _without_result("killed", _how_it_died(process)) if message is None else message

    def _read(self) -> None:
        """Put messages into the queue until the step has ended."""
        with _held_open(self._receiver) as drain:
            message: dict[str, float] | StepResult | Changed | None = {}
            while isinstance(message, dict):
                try:
                    sent = self._receiver.recv_bytes(MESSAGE_BYTES)
                    self._reading = True
                    message = _message(sent)
                except EOFError:
                    message = None
                except Exception as error:  # noqa: BLE001 - a plugin may write anything into the pipe, or close it
                    message = _without_result(
                        "failed",
                        f"What the worker sent is no result ({type(error).__name__}: {plain.message(error)}). "
                        "Leave the file descriptors of the process alone.",
                    )
                    self._queue.put(message)
                    drain()
                    break
                self._queue.put(message)
                self._reading = False
        self._receiver.close()  # only here: closed during a read, it would read another pipe of the same number


@contextlib.contextmanager
def _held_open(receiver: Connection) -> Iterator[Callable[[], None]]:
    """Keep the pipe open, and yield a function that reads the rest of it.

    `Connection` closes the pipe after a corrupt frame. The worker, still writing, would end with a traceback.
    """
    if os.name != "posix":
        yield lambda: None
        return
    with open(os.dup(receiver.fileno()), "rb", buffering=0) as rest:  # noqa: PTH123 - a descriptor has no path

        def drain() -> None:
            while rest.read(2**16):
                pass

        yield drain


def _message(sent: bytes) -> dict[str, float] | StepResult | Changed:
    body = json.loads(sent)
    if "progress" in body:
        return {str(name): float(value) for name, value in body["progress"].items()}
    if "changed" in body:
        return Changed(tuple(Difference(*each) for each in body["changed"]))
    return result_of(body["ended"])


def _how_it_died(process: Any) -> str:
    process.join(GRACE_S)
    code = process.exitcode
    if code is None:
        return "The worker closed the pipe that takes its result, and was ended."
    if code < 0:
        hint = " (by hand, or by the system for want of memory)" if code == -signal.SIGKILL else ""
        return f"The worker was ended by signal {-code}{hint}."
    return f"The worker or its fork server went away without a result (exit code {code})."


def _without_result(outcome: Any, reason: str) -> StepResult:
    return StepResult(outcome=outcome, reason=reason)
