"""Runs a plan: step by step into the store; what is finished is never done again."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

from harness import environment, plain
from harness.execute.local import Supervisor
from harness.execute.worker import Ended, ended_by
from harness.plan import Plan, Step
from harness.plugins import Failure, Plugins
from harness.records import Record
from harness.steps import Job, Measured
from harness.store import Store

FINAL = ("ok", "unsupported")


class Screen(Protocol):
    """Where a run shows how it goes."""

    def begin(self, step: Step, number: int, total: int) -> None:
        """Tell that a step begins."""

    def progress(self, state: dict[str, float]) -> None:
        """Tell how the step goes: `done` (share), `seconds`, `samples`, losses."""

    def end(self, record: Record) -> None:
        """Tell how the step ended."""

    def skipped(self, step: Step, why: str) -> None:
        """Tell that a step cannot be tried."""

    def warn(self, failures: Sequence[Failure]) -> None:
        """Tell of plugins that could not take a finished record."""


@dataclass
class Summary:
    """What a run did."""

    outcomes: Counter[str] = field(default_factory=Counter)
    skipped: int = 0

    @property
    def complete(self) -> bool:
        """Whether everything that can be done is done."""
        return not self.skipped and set(self.outcomes) <= set(FINAL)


def run_plan(plan: Plan, plugins: Plugins, store: Store, screen: Screen, plugin_files: Sequence[str] = ()) -> Summary:
    """Do what is still to be done of a plan."""
    runner = _Runner(plan, plugins, store, screen, tuple(plugin_files))
    return runner.run()


class _Runner:
    def __init__(
        self, plan: Plan, plugins: Plugins, store: Store, screen: Screen, plugin_files: tuple[str, ...]
    ) -> None:
        self._plan, self._plugins, self._store, self._screen, self._files = plan, plugins, store, screen, plugin_files
        self._outcomes = dict(plan.done)
        wanted = [step.asked for step in plan.pending if step.unsupported is None]
        self._supervisor = Supervisor(plugins.preload(wanted), plan.suite.limits)
        self._environment = environment.machine() | {
            "versions": environment.versions(plugins.preload()),
            "harness": metadata.version("viability-harness"),
            "commit": environment.commit(),
            "suite": plan.suite.name,
        }

    def run(self) -> Summary:
        summary = Summary()
        pending = self._plan.pending
        for number, step in enumerate(pending, 1):
            if any(self._outcomes.get(needed) not in FINAL for needed in step.inputs.values()):
                summary.skipped += 1
                self._screen.skipped(step, "a step it builds on did not succeed")
                continue
            self._screen.begin(step, number, len(pending))
            record = self._do(step)
            self._outcomes[step.fingerprint] = record.outcome
            summary.outcomes[record.outcome] += 1
            self._screen.end(record)
            self._screen.warn(self._plugins.announce(record))
        return summary

    def _do(self, step: Step) -> Record:
        started = datetime.now(UTC)
        if (known := self._known_beforehand(step)) is not None:
            record = self._record(step, started, known)
            self._store.add(record)
            return record
        scratch = self._store.artifacts.scratch()
        try:
            ended = self._measured(step, scratch)
        except Exception as error:  # noqa: BLE001 - whatever a plugin did to the harness's own process or folders
            ended = ended_by(error)
        self._store.artifacts.discard(scratch)
        record = self._record(step, started, ended)
        self._store.add(record)
        return record

    def _measured(self, step: Step, scratch: Path) -> Ended:
        """Let a worker do a step, and keep what it wrote."""
        inputs = {role: self._store.artifacts.path(fingerprint) for role, fingerprint in step.inputs.items()}
        ended = self._supervisor.run(Job(step.kind, step.asked, inputs, scratch, self._files), self._screen.progress)
        try:
            if ended.outcome == "ok" and any(scratch.iterdir()):
                self._store.artifacts.keep(scratch, step.fingerprint)
        except OSError as error:
            reason = f"What the step wrote cannot be kept ({plain.said(error)}). Leave the store's folders as they are."
            return Ended("failed", Measured(), ended.environment, reason)
        return ended

    def _known_beforehand(self, step: Step) -> Ended | None:
        """Return how a step ends that need not be tried, None for the others."""
        for role, needed in step.inputs.items():
            if self._outcomes[needed] == "unsupported":
                return Ended("unsupported", Measured(), {}, f"what it builds on ({role}) is unsupported")
            if not self._store.artifacts.path(needed).is_dir():
                gone = f"The artifact {needed} ({role}) is gone. Restore it, or measure into a new store with --store."
                return Ended("failed", Measured(), {}, gone)
        return None if step.unsupported is None else Ended("unsupported", Measured(), {}, step.unsupported)

    def _record(self, step: Step, started: datetime, ended: Ended) -> Record:
        measured = ended.measured
        own: dict[str, Any] = {**self._environment, **ended.environment}
        return Record(
            id=str(uuid.uuid4()),
            fingerprint=step.fingerprint,
            step=step.kind,
            outcome=ended.outcome,
            asked=step.asked,
            inputs=step.inputs,
            started_at=started.isoformat(timespec="seconds"),
            environment=own,
            used=measured.used,
            data_digest=measured.data_digest,
            readings=measured.readings,
            series=measured.series,
            scores=measured.scores,
            metrics=measured.metrics,
            samples=measured.samples,
            baseline=measured.baseline,
            reason=ended.reason,
            traceback=ended.traceback,
            notes=measured.notes,
        )
