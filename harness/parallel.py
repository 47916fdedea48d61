"""Several processes that train one model together, each on a part of each batch.

The step's worker is the first of them: it measures, and tells the others when to take a step. Gradients are summed by
torch.distributed, which accelerate takes up where it is told so by the environment.
"""

from __future__ import annotations

import builtins
import contextlib
import os
import signal
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple

from harness import environment, errors, plain
from harness.errors import Unsupported
from harness.seams import Learner, Progress

JOIN_S = 60
"""How long a process that is ready waits for the others: they connect within milliseconds."""
TOLD_S = 1.0
"""How long a process that failed may take to say so, once the others notice."""
GRACE_S = 5.0
"""How long a process may take to end."""
SET = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "OMP_NUM_THREADS", "GLOO_SOCKET_IFNAME", "MASTER_PORT")
"""Environment variables that are set while processes train together; accelerate reads them, and sets the last."""


class Place(NamedTuple):
    """One of the processes that train a model together."""

    rank: int
    """0 is the step's worker."""
    devices: tuple[str, ...]
    """The torch device of each process."""
    file: str
    """Through it they find each other."""


class Failure(NamedTuple):
    """An exception of another process; itself it need not be one that can be sent."""

    name: str
    message: str
    trace: str


class Other(NamedTuple):
    """Another process, as the worker sees it."""

    process: Any
    """The `multiprocessing.Process`."""
    pipe: Connection
    """Tells it whether to take a step; brings None when it is ready, or its `Failure`."""


class Team:
    """The processes that train a model together, as the step's worker sees them."""

    def __init__(self, place: Place, others: Sequence[Other]) -> None:
        self._place, self._others = place, others
        self.devices = place.devices
        self.pids = [other.process.pid for other in others]
        self.cpu_s = 0.0
        """Processor time of the others, once they have ended."""
        self._grace_s = 0.0

    def processor_s(self) -> float | None:
        """Return the processor time of all processes in seconds, None once one has ended: then the step fails."""
        import psutil

        try:
            each = [psutil.Process(pid).cpu_times() for pid in self.pids]
        except psutil.Error:
            return None
        return time.process_time() + sum(float(times.user + times.system) for times in each)

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Join the others as soon as all are ready; at the end they are told to end too.

        Raises:
            Exception: one of them failed; of the same name and message as there.
        """
        for other in self._others:
            if (failure := self._heard(other)) is not None:
                raise failure
        with joined(self._place):
            try:
                yield
                self._grace_s = GRACE_S
            finally:
                with contextlib.suppress(OSError):
                    self._tell(step=False)

    def lead(self, learner: Learner) -> Learner:
        """Return the learner, whose every step the others take too."""
        step = learner.step

        def led() -> Progress:
            try:
                self._tell(step=True)
                return step()
            except Exception as error:
                cause = self._failure()
                if cause is None:
                    raise
                raise cause from error

        learner.step = led  # type: ignore[method-assign]
        return learner

    def end(self) -> None:
        """End the others, and note what processor time they took."""
        waited_s = sum(os.times()[2:4])
        for process, pipe in self._others:
            pipe.close()
            process.join(self._grace_s)
            process.kill()
            process.join()
        self.cpu_s = sum(os.times()[2:4]) - waited_s

    def _tell(self, *, step: bool) -> None:
        for other in self._others:
            other.pipe.send(step)

    def _failure(self) -> BaseException | None:
        """Return what another process failed by, None if none did: that it lost a third one is no reason."""
        ready = wait([other.pipe for other in self._others], TOLD_S)
        heard = [self._heard(other) for other in self._others if other.pipe in ready]
        return min(filter(None, heard), key=lambda failure: isinstance(failure, ConnectionError), default=None)

    def _heard(self, other: Other) -> BaseException | None:
        """Return what a process failed by, None if it says that it is ready."""
        rank = self._others.index(other) + 1
        try:
            failure = other.pipe.recv()
        except (EOFError, OSError):
            other.process.join(GRACE_S)
            what = f"Training process {rank + 1} of {len(self.devices)} {_how(other.process.exitcode)}."
            return ChildProcessError(what)
        return None if failure is None else _raised_elsewhere(failure, rank)


@contextmanager
def joined(place: Place) -> Iterator[None]:
    """Be one of the processes that train together, with its share of the threads.

    Raises:
        Unsupported: PyTorch or accelerate is not installed.
    """
    try:
        from accelerate.state import AcceleratorState
        from torch import distributed
    except ImportError as error:
        raise Unsupported(f"Training in several processes needs PyTorch and accelerate: {error}") from error
    backend = "gloo" if place.devices[0] == "cpu" else "cpu:gloo,cuda:nccl"
    with environment.variables(_variables(place), SET):
        environment.limit_threads()
        store = distributed.FileStore(place.file, len(place.devices))
        store.set_timeout(timedelta(seconds=JOIN_S))
        AcceleratorState._reset_state(reset_partial_state=True)  # noqa: SLF001 - it would take this for a single process
        distributed.init_process_group(backend, store=store, rank=place.rank, world_size=len(place.devices))
        try:
            yield
        finally:
            AcceleratorState._reset_state(reset_partial_state=True)  # noqa: SLF001
            distributed.destroy_process_group()


def told(error: BaseException) -> Failure:
    """Return an exception as the worker is told of it."""
    return Failure(type(error).__name__, plain.message(error), "".join(traceback.format_exception(error)))


def _variables(place: Place) -> dict[str, str]:
    """Return what accelerate and gloo read."""
    count = len(place.devices)
    return {
        "RANK": str(place.rank), "LOCAL_RANK": str(place.rank),
        "WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count),
        "OMP_NUM_THREADS": str(max(1, environment.compute_threads() // count)), "GLOO_SOCKET_IFNAME": _loopback(),
    }  # fmt: skip


def _loopback() -> str:
    """Return the name of the network interface that only this machine reaches."""
    import psutil

    interfaces = psutil.net_if_addrs().items()
    return next((name for name, each in interfaces if any(one.address == "127.0.0.1" for one in each)), "lo")


def _raised_elsewhere(failure: Failure, rank: int) -> BaseException:
    """Return an exception of the same name and message, with the other process's traceback as a note."""
    kind: Any = getattr(errors, failure.name, None) or getattr(builtins, failure.name, None)
    try:
        error: BaseException = kind(failure.message)
    except Exception:  # noqa: BLE001 - of another library, or made of other arguments
        error = type(failure.name, (RuntimeError,), {})(failure.message)
    error.add_note(f"In training process {rank + 1}:\n{failure.trace}")
    return error


def _how(code: int | None) -> str:
    """Return how a process ended by its exit code."""
    if code is None or code >= 0:
        return f"went away (exit code {code})"
    hint = " (by hand, or by the system for want of memory)" if code == -signal.SIGKILL else ""
    return f"was ended by signal {-code}{hint}"
