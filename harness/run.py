"""Runs a plan step by step into the store; finished steps are never repeated."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Protocol

from harness import environment, plain
from harness.errors import HarnessError, PluginError, SuiteError
from harness.execute.local import Supervisor
from harness.execute.worker import Changed, failed_by
from harness.plan import Plan, Step
from harness.plugins import Failure, Plugins
from harness.records import FINAL, Record, StepResult, is_failure
from harness.seams import Spend
from harness.spending import is_quoted
from harness.steps import Job
from harness.store import Store

Replan = Callable[[], tuple[Plan, Plugins]]
"""Reload plugins and suite, and make the plan again."""
MOST_CHANGES = 3
"""How often in a row the same step may be planned again before it is recorded as failed."""


class Screen(Protocol):
    """Where a run shows its progress."""

    def begin(self, step: Step, number: int, total: int) -> None:
        """Show that a step begins."""

    def progress(self, state: dict[str, float]) -> None:
        """Show the step's progress: `done` (share), `seconds`, `samples`, losses."""

    def end(self, record: Record) -> None:
        """Show how the step ended."""

    def skipped(self, step: Step, why: str) -> None:
        """Show that a step was not tried."""

    def warn(self, failures: Sequence[Failure]) -> None:
        """Show which plugins failed on a finished record."""

    def changed(self, step: Step, what: Sequence[str]) -> None:
        """Show what has changed since a step was planned: the rest is planned again."""

    def made_again(self, step: Step) -> None:
        """Show that a finished step is done again: what it wrote is gone or has changed."""


@dataclass
class Summary:
    """What a run did."""

    outcomes: Counter[str] = field(default_factory=Counter)
    skipped: int = 0

    @property
    def complete(self) -> bool:
        """Whether all that can be done is done."""
        return not self.skipped and not any(map(is_failure, self.outcomes))

    def __str__(self) -> str:
        """Return counts of steps: `2 failed (1 timed out), 3 ok, 6 not tried`."""
        failures = {outcome: count for outcome, count in sorted(self.outcomes.items()) if is_failure(outcome)}
        others = [f"{count} {outcome}" for outcome, count in failures.items() if outcome != "failed"]
        counts = {outcome: count for outcome, count in self.outcomes.items() if not is_failure(outcome)}
        parts = [f"{count} {outcome}" for outcome, count in sorted(counts.items())]
        if failures:
            parts = [f"{sum(failures.values())} failed" + (f" ({', '.join(others)})" if others else ""), *parts]
        return ", ".join([*parts, *([f"{self.skipped} not tried"] if self.skipped else [])])


def run_plan(
    plan: Plan,
    plugins: Plugins,
    store: Store,
    screen: Screen,
    plugin_files: Sequence[str] = (),
    replan: Replan | None = None,
) -> Summary:
    """Do the pending steps of a plan; stop early if only a restart can take up a change.

    Args:
        plan: with the store's finished steps marked as done.
        plugins: those the plan was made with.
        store: where records and artifacts go.
        screen: where the run shows itself.
        plugin_files: every worker loads them, after the installed plugins.
        replan: called when a plugin file or data changed during the run; without it the step fails.
    """
    runner = _Runner(plan, plugins, store, screen, tuple(plugin_files), replan)
    return runner.run()


class _Runner:
    def __init__(
        self,
        plan: Plan,
        plugins: Plugins,
        store: Store,
        screen: Screen,
        plugin_files: tuple[str, ...],
        replan: Replan | None,
    ) -> None:
        self._plan, self._plugins, self._store, self._screen, self._files = plan, plugins, store, screen, plugin_files
        self._replan = replan
        self._outcomes = dict(plan.done)
        self._again = set(plan.again)
        self._healed: set[str] = set()
        """Finished steps that were done again, as their artifacts were gone or damaged: once each."""
        self._changes = 0
        self._stopped = False
        """Whether something changed that only a restart takes up."""
        wanted = [step.spec for step in plan.pending if step.unsupported is None]
        self._supervisor = Supervisor(plugins.preload(wanted), plan.suite.limits)
        if wanted:
            self._supervisor.warm_up()
        self._planned = {step.fingerprint for step in plan.steps}
        """All steps of this run, those of earlier plans too: they share the cap of what calls may cost."""
        self._environment = environment.machine() | {
            "versions": _versions(plan),
            "harness": metadata.version("viability-harness"),
            "commit": environment.commit(),
            "suite": plan.suite.name,
        }

    def run(self) -> Summary:
        """Do every pending step, those of a new plan if something has changed."""
        summary = Summary()
        waiting = self._plan.pending
        done = 0
        while waiting:
            step, *rest = waiting
            if any(self._outcomes.get(needed) not in FINAL for needed in step.inputs.values()):
                summary.skipped += 1
                self._screen.skipped(step, "a step it builds on did not succeed")
            elif (lost := self._without_artifact(step)) is not None:
                self._screen.made_again(lost)
                waiting = [lost, *waiting]
                continue
            elif (record := self._tried(step, done + 1, done + len(waiting))) is None:
                if self._stopped:
                    summary.skipped += len(waiting)
                    break
                waiting = self._plan.pending
                continue
            else:
                summary.outcomes[record.outcome] += 1
            done, waiting = done + 1, rest
        return summary

    def _without_artifact(self, step: Step) -> Step | None:
        """Return the first finished step whose artifact a step needs, and which is gone or damaged; None if none is."""
        by_fingerprint = {each.fingerprint: each for each in self._plan.steps}
        for needed in step.inputs.values():
            lost = self._outcomes[needed] == "ok" and not self._store.has_artifact(needed)
            if lost and needed not in self._healed:
                self._healed.add(needed)
                self._again.add(needed)
                return by_fingerprint[needed]
        return None

    def _tried(self, step: Step, number: int, total: int) -> Record | None:
        """Do a step and keep its record; return None if it was planned again instead."""
        self._screen.begin(step, number, total)
        record = self._do(step)
        if record is None:
            return None
        self._changes = 0
        self._outcomes[step.fingerprint] = record.outcome
        self._again.discard(step.fingerprint)
        self._screen.end(record)
        self._screen.warn(self._plugins.announce(record))
        return record

    def _do(self, step: Step) -> Record | None:
        started = datetime.now(UTC)
        if (result := self._result_without_trying(step)) is not None:
            record = self._record(step, started, result)
            self._store.add(record, again=step.fingerprint in self._again)
            return record
        scratch = self._store.artifacts.scratch()
        try:
            ended = self._measured(step, scratch)
        except Exception as error:  # noqa: BLE001 - whatever a plugin did to the harness's own process or folders
            ended = failed_by(error)
        self._store.artifacts.discard(scratch)
        if isinstance(ended, Changed):
            if self._planned_again(step, ended):
                return None
            ended = StepResult(outcome="failed", reason=f"It changes while it is measured: {_in_words(ended)}.")
        elif ended.outcome == "failed" and not ended.environment and (why := self._hindered()) is not None:
            self._stop(step, f"{why} Fix it and run the same command again")
            return None
        record = self._record(step, started, ended)
        added = self._store.add(record, again=step.fingerprint in self._again)
        if not added and record.artifact_digest not in (None, self._store.artifact_digest(step.fingerprint)):
            self._store.artifacts.discard(self._store.artifacts.path(step.fingerprint, record.artifact_digest))
        if record.outcome == "ok":
            self._store.artifacts.discard(self._store.artifacts.attempts(step.fingerprint))
        return record

    def _planned_again(self, step: Step, changed: Changed) -> bool:
        """Make the plan again if that takes up the change; return False if the step is not to be tried again."""
        if not all(each.reloads for each in changed.differences):
            self._stop(step, f"{_in_words(changed)}; what is loaded stays as it was: run the same command again")
            return True
        self._changes += 1
        if self._replan is None or self._changes > MOST_CHANGES:
            return False
        self._screen.changed(step, [each.text for each in changed.differences])
        try:
            plan, self._plugins = self._replan()
        except HarnessError as error:
            self._stop(step, f"{_in_words(changed)}, and the suite cannot be planned: {plain.message(error)}")
            return True
        tried = {fingerprint: outcome for fingerprint, outcome in self._outcomes.items() if outcome not in FINAL}
        self._planned |= {step.fingerprint for step in plan.steps}
        finished = {step: outcome for step, outcome in self._store.finished().items() if step not in self._again}
        self._plan = plan.against({**finished, **tried})
        self._outcomes = dict(self._plan.done)
        return True

    def _hindered(self) -> str | None:
        """Return why no step can begin, None if one can: every worker loads the plugin files again.

        Missing data stop only the steps that read them.
        """
        try:
            if self._replan is None:
                Plugins(silent=True).load_files(self._files)
            else:
                self._replan()
        except (PluginError, SuiteError) as error:
            return plain.message(error)
        return None

    def _stop(self, step: Step, why: str) -> None:
        """Skip a step and all after it: only a restart helps."""
        self._screen.skipped(step, why)
        self._stopped = True

    def _measured(self, step: Step, scratch: Path) -> StepResult | Changed:
        """Do a step in a worker, and keep what it wrote."""
        inputs = {role: self._store.artifact(fingerprint) for role, fingerprint in step.inputs.items()}
        attempts = self._store.artifacts.attempts(step.fingerprint)
        job = Job(
            step.kind, step.spec, inputs, scratch, self._files, step.basis, step.files, attempts, self._spend(step)
        )
        ended = self._supervisor.run(job, self._screen.progress)
        if isinstance(ended, Changed):
            return ended
        try:
            if ended.outcome == "ok" and any(scratch.iterdir()):
                digest = self._store.artifacts.keep(scratch, step.fingerprint)
                return replace(ended, artifact_digest=digest)
        except OSError as error:
            cause = plain.message(error)
            reason = f"What the step wrote cannot be kept ({cause}). Leave the store's folders as they are."
            return StepResult(outcome="failed", environment=ended.environment, reason=reason)
        return ended

    def _spend(self, step: Step) -> Spend | None:
        """Return what a step's calls may cost; None where they are not paid one by one, or have no cap."""
        cap_usd = self._plan.suite.budgets.spend_usd
        if cap_usd is None or not is_quoted(step, self._plugins):
            return None
        return Spend(cap_usd, self._store.artifacts.ledger, step.fingerprint, frozenset(self._planned))

    def _result_without_trying(self, step: Step) -> StepResult | None:
        """Return the result of a step that cannot succeed, None if it has to be tried."""
        for role, needed in step.inputs.items():
            if self._outcomes[needed] == "unsupported":
                return StepResult(outcome="unsupported", reason=f"what it builds on ({role}) is unsupported")
            if needed in self._healed and not self._store.has_artifact(needed):
                gone = f"The artifact {needed} ({role}) was made again, and is gone or damaged. See what removes it."
                return StepResult(outcome="failed", reason=gone)
        return None if step.unsupported is None else StepResult(outcome="unsupported", reason=step.unsupported)

    def _record(self, step: Step, started: datetime, ended: StepResult) -> Record:
        fields = {**vars(ended), "environment": {**self._environment, **ended.environment}}
        return Record(
            id=str(uuid.uuid4()),
            fingerprint=step.fingerprint,
            basis=step.basis,
            step=step.kind,
            spec=step.spec,
            inputs=step.inputs,
            started_at=started.isoformat(timespec="seconds"),
            **fields,
        )


def _versions(plan: Plan) -> dict[str, str]:
    """Return the versions of all libraries that the plan's steps use."""
    versions: dict[str, str] = {}
    for step in plan.steps:
        for libraries in step.basis["libraries"].values():
            versions |= libraries
    return versions


def _in_words(changed: Changed) -> str:
    return ", ".join(each.text for each in changed.differences)
