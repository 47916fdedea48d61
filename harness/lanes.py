"""Lanes: where steps are done. Each does one at a time, in a worker, and keeps what it wrote.

Steps that measure have the host for themselves: the lanes of a run, and other runs, wait for them. Others share it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from harness import environment, plain
from harness.execute.local import Supervisor
from harness.execute.worker import Changed, failed_by
from harness.plan import MEASURING, Step
from harness.records import StepResult
from harness.seams import Spend
from harness.steps import Job
from harness.store import Store
from harness.suite import Limits

SHARED_HOST = "other steps ran on its host at the same time: alone it would take less time and energy"
Report = Callable[[dict[str, float]], None]


@dataclass(frozen=True)
class Lost:
    """A step was not tried: an artifact that it reads is gone, or is not what its record says."""

    fingerprint: str
    """Of the step that wrote it."""


@dataclass(frozen=True)
class Tried:
    """What came of a step, when and on which machine."""

    started_at: datetime
    ended_at: datetime
    machine: dict[str, Any]
    """As `environment.machine` reads it."""
    ended: StepResult | Changed | Lost


@dataclass(frozen=True)
class Conditions:
    """What all steps of a run have in common."""

    preload: tuple[str, ...]
    """Modules that workers need."""
    limits: Limits
    files: tuple[str, ...]
    """Plugin files, which every worker loads after the installed plugins."""


class Place(Protocol):
    """Where a run's steps are done."""

    def begin(
        self, step: Step, spend: Spend | None, begins: Callable[[], None], report: Report
    ) -> Future[Tried] | None:
        """Begin a step; return None if it cannot begin now.

        Args:
            step: to be done.
            spend: what its calls may cost.
            begins: called when it is sure that the step begins.
            report: called with the step's progress.
        """

    def close(self) -> None:
        """End the steps that are under way."""


class Lane:
    """Does one step at a time on this machine."""

    def __init__(self, store: Store, conditions: Conditions) -> None:
        self._store, self._files = store, conditions.files
        self._supervisor = Supervisor(conditions.preload, conditions.limits)
        self._machine = environment.machine()
        self.is_free = True

    def warm_up(self) -> None:
        """Let the fork server begin to import."""
        self._supervisor.warm_up()

    def reserve(self, step: Step) -> bool:
        """Claim the host for a step; return False if others have it."""
        self.is_free = not self._store.claims.take_host(step.title, alone=step.kind in MEASURING)
        return not self.is_free

    def do(self, step: Step, spend: Spend | None, report: Report) -> Tried:
        """Do a step for which the host is claimed, and give the host back.

        Raises:
            StoreError: artifacts cannot be written.
        """
        try:
            started = datetime.now(UTC)
            shares = self._shares_host(step)
            ended = self._tried(step, spend, report)
            if isinstance(ended, StepResult) and (shares or self._shares_host(step)):
                ended = replace(ended, notes=[*ended.notes, SHARED_HOST])
            return Tried(started, datetime.now(UTC), self._machine, ended)
        finally:
            self._store.claims.free_host()
            self.is_free = True

    def stop(self) -> None:
        """End the step that is under way."""
        self._supervisor.stop()

    def close(self) -> None:
        """Give back what is claimed."""
        self._store.claims.close()

    def _shares_host(self, step: Step) -> bool:
        """Return whether others do a step on the host now; one that measures has it for itself."""
        return step.kind not in MEASURING and self._store.claims.shares_host()

    def _tried(self, step: Step, spend: Spend | None, report: Report) -> StepResult | Changed | Lost:
        inputs: dict[str, Path] = {}
        for role, fingerprint in step.inputs.items():
            if (folder := self._store.artifact(fingerprint)) is None:
                return Lost(fingerprint)
            inputs[role] = folder
        scratch = self._store.artifacts.scratch()
        try:
            return self._done(step, inputs, scratch, spend, report)
        except Exception as error:  # noqa: BLE001 - whatever a plugin did to the harness's own process or folders
            return failed_by(error)
        finally:
            self._store.artifacts.discard(scratch)

    def _done(
        self, step: Step, inputs: dict[str, Path], scratch: Path, spend: Spend | None, report: Report
    ) -> StepResult | Changed:
        """Do a step in a worker, and keep what it wrote."""
        attempts = self._store.artifacts.attempts(step.fingerprint)
        job = Job(step.kind, step.spec, inputs, scratch, self._files, step.basis, step.files, attempts, spend)
        ended = self._supervisor.run(job, report)
        if isinstance(ended, Changed):
            return ended
        try:
            if ended.outcome == "ok" and any(scratch.iterdir()):
                return replace(ended, artifact_digest=self._store.artifacts.keep(scratch, step.fingerprint))
        except OSError as error:
            cause = plain.message(error)
            reason = f"What the step wrote cannot be kept ({cause}). Leave the store's folders as they are."
            return StepResult(outcome="failed", environment=ended.environment, reason=reason)
        return ended


class Here:
    """Lanes of this machine. A single one works in the calling thread, where Ctrl-C ends its step, if not told else."""

    def __init__(self, store: Store, conditions: Conditions, jobs: int = 1, *, threads: bool = False) -> None:
        stores = [store, *(store.beside() for _ in range(jobs - 1))]
        self._lanes = [Lane(each, conditions) for each in stores]
        self._threads = ThreadPoolExecutor(jobs) if threads or jobs > 1 else None

    def warm_up(self) -> None:
        """Let the fork server begin to import."""
        self._lanes[0].warm_up()

    def begin(
        self, step: Step, spend: Spend | None, begins: Callable[[], None], report: Report
    ) -> Future[Tried] | None:
        """Begin a step in a lane that is free, if the host is."""
        lane = next((lane for lane in self._lanes if lane.is_free), None)
        if lane is None or not lane.reserve(step):
            return None
        begins()
        if self._threads is not None:
            return self._threads.submit(lane.do, step, spend, report)
        done: Future[Tried] = Future()
        done.set_result(lane.do(step, spend, report))
        return done

    def close(self) -> None:
        """End the steps that are under way, and give back what is claimed."""
        for lane in self._lanes:
            lane.stop()
        if self._threads is not None:
            self._threads.shutdown()
        for lane in self._lanes:
            lane.close()
