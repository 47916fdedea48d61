"""Runs a plan step by step into the store; finished steps are never repeated.

Several runs may share a store and the steps of a suite: each claims the steps that it does, and takes over what others
have recorded.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from datetime import UTC, datetime
from functools import partial
from importlib import metadata

from harness import environment, plain
from harness.errors import HarnessError, PluginError, SuiteError
from harness.execute.worker import Changed
from harness.lanes import Conditions, Here, Lost, Place, Tried
from harness.plan import MEASURING, Plan, Step
from harness.plugins import Plugins
from harness.progress import Screen, Summary
from harness.records import FINAL, Record, StepResult
from harness.seams import Spend
from harness.spending import is_quoted
from harness.store import Store

Replan = Callable[[], tuple[Plan, Plugins]]
"""Reload plugins and suite, and make the plan again."""
LOOK_EVERY_S = 1.0
"""How often a run looks whether others have done what it waits for."""
MOST_CHANGES = 3
"""How often in a row the same step may be planned again before it is recorded as failed."""


def run_plan(
    plan: Plan,
    plugins: Plugins,
    store: Store,
    screen: Screen,
    plugin_files: Sequence[str] = (),
    replan: Replan | None = None,
    *,
    jobs: int = 1,
    on: str | None = None,
) -> Summary:
    """Do the pending steps of a plan; stop early if only a restart can take up a change.

    Args:
        plan: with the store's finished steps marked as done.
        plugins: those the plan was made with.
        store: where records and artifacts go.
        screen: where the run shows itself.
        plugin_files: every worker loads them, after the installed plugins.
        replan: called when a plugin file or data changed during the run; without it the step fails.
        jobs: how many steps are done at a time; those that measure have the host for themselves.
        on: `ray`, or `ray:ADDRESS`: the cluster whose nodes do the steps; None: this machine.
    """
    wanted = [step.spec for step in plan.pending if step.unsupported is None]
    conditions = Conditions(tuple(plugins.preload(wanted)), plan.suite.limits, tuple(plugin_files))
    place = _place(store, conditions, plugins, jobs, on)
    if wanted and isinstance(place, Here):
        place.warm_up()
    try:
        return _Runner(plan, plugins, store, screen, conditions.files, replan, place).run()
    finally:
        place.close()


def _place(store: Store, conditions: Conditions, plugins: Plugins, jobs: int, on: str | None) -> Place:
    """Return where steps are done."""
    if on is None:
        return Here(store, conditions, jobs)
    from harness.on_ray import OnRay

    return OnRay(store, conditions, plugins, on.partition(":")[2] or None)


class _Runner:
    def __init__(
        self,
        plan: Plan,
        plugins: Plugins,
        store: Store,
        screen: Screen,
        plugin_files: tuple[str, ...],
        replan: Replan | None,
        place: Place,
    ) -> None:
        self._plan, self._plugins, self._store, self._screen, self._files = plan, plugins, store, screen, plugin_files
        self._replan, self._place = replan, place
        self._summary = Summary()
        self._waiting = plan.pending
        self._running: dict[Future[Tried], Step] = {}
        self._changed: list[tuple[Step, Changed]] = []
        """Steps that changed while they were done: when none is under way, the rest is planned again."""
        self._unknown = {step.fingerprint for step in self._waiting}
        """Steps whose outcome is not yet known."""
        self._outcomes = dict(plan.done)
        self._again = set(plan.again)
        self._healed: set[str] = set()
        """Finished steps that were done again, as their artifacts were gone or damaged: once each."""
        self._before = store.newest()
        """The newest record when this run began."""
        self._changes = 0
        self._planned = {step.fingerprint for step in plan.steps}
        """All steps of this run, those of earlier plans too: they share the cap of what calls may cost."""
        self._environment = {
            "versions": _versions(plan),
            "harness": metadata.version("viability-harness"),
            "commit": environment.commit(),
            "suite": plan.suite.name,
        }

    def run(self) -> Summary:
        """Do every pending step, those of a new plan if something has changed."""
        told = False
        while self._waiting or self._running or self._changed:
            if self._changed and not self._running:
                self._take_up_change(*self._changed.pop(0))
            elif not self._changed and self._begin_one():
                self._end_those_done(0.0)
            elif self._running:
                self._end_those_done(LOOK_EVERY_S)
            else:
                if not told:
                    self._screen.waits(len(self._waiting))
                    told = True
                time.sleep(LOOK_EVERY_S)
        return self._summary

    def _begin_one(self) -> bool:
        """Begin or settle the first step that can be; return whether there was one."""
        refused: set[bool] = set()
        claimed = self._store.claims.of_others()  # one query in place of a try for each that waits
        for place, step in enumerate(self._waiting):
            measures = step.kind in MEASURING
            if step.fingerprint in claimed or measures in refused or not self._unknown.isdisjoint(step.inputs.values()):
                continue
            if not self._store.claims.take(step.fingerprint):
                continue
            if self._is_settled(step):
                del self._waiting[place]
                self._settle(step)
                return True
            if self._is_begun(step):
                del self._waiting[place]
                return True
            self._store.claims.free(step.fingerprint)
            refused.add(measures)
        return False

    def _is_begun(self, step: Step) -> bool:
        """Begin a step; return False if its place, or what it needs of it, is taken."""
        number = self._summary.ended + len(self._running) + 1
        begun = self._place.begin(
            step,
            self._spend(step),
            partial(self._screen.begin, step, number, number + len(self._waiting) - 1),
            partial(self._screen.progress, step),
        )
        if begun is not None:
            self._running[begun] = step
        return begun is not None

    def _settle(self, step: Step) -> None:
        """Note that the outcome of a step is known."""
        self._unknown.discard(step.fingerprint)
        self._store.claims.free(step.fingerprint)

    def _is_settled(self, step: Step) -> bool:
        """Return whether a step need not be tried: what it needs failed, another run has done it, or it cannot be."""
        if any(self._outcomes.get(needed) not in FINAL for needed in step.inputs.values()):
            self._summary.skipped += 1
            self._screen.skipped(step, "a step it builds on did not succeed")
        elif (outcome := self._done_elsewhere(step)) is not None:
            self._outcomes[step.fingerprint] = outcome
            self._summary.outcomes[outcome] += 1
            self._summary.elsewhere += 1
            self._screen.done_elsewhere(step, outcome)
        elif (why := self._unsupported(step)) is not None:
            number = self._summary.ended + len(self._running) + 1
            self._screen.begin(step, number, number + len(self._waiting) - 1)
            self._keep(step, _untried(StepResult(outcome="unsupported", reason=why)))
        else:
            return False
        return True

    def _done_elsewhere(self, step: Step) -> str | None:
        """Return how another run has ended a step since this one planned it; None if none has."""
        outcome = self._store.outcome_since(step.fingerprint, self._before)
        if outcome is None and step.fingerprint not in self._again:  # recorded between the plan and this run's begin
            return self._store.final_outcome(step.fingerprint)
        return outcome

    def _unsupported(self, step: Step) -> str | None:
        """Return why a step cannot be done, None if it has to be tried."""
        for role, needed in step.inputs.items():
            if self._outcomes[needed] == "unsupported":
                return f"what it builds on ({role}) is unsupported"
        return step.unsupported

    def _end_those_done(self, timeout_s: float) -> None:
        """Take up the steps that have ended, after a while at most."""
        for future in wait(self._running, timeout_s, FIRST_COMPLETED).done:
            step = self._running.pop(future)
            tried = future.result()
            if isinstance(tried.ended, Changed):
                self._changed.append((step, tried.ended))
            elif isinstance(tried.ended, Lost):
                self._heal(step, tried.ended.fingerprint)
            elif _is_untold(tried.ended) and (why := self._hindered()) is not None:
                self._stop(step, f"{why} Fix it and run the same command again")
            else:
                self._keep(step, tried)
                self._settle(step)

    def _heal(self, step: Step, lost: str) -> None:
        """Put the step that wrote what is lost before the one that reads it."""
        if lost in self._unknown:  # another step has missed it already
            self._waiting.insert(0, step)
            self._store.claims.free(step.fingerprint)
            return
        if lost in self._healed:
            role = next(role for role, needed in step.inputs.items() if needed == lost)
            gone = f"The artifact {lost} ({role}) was made again, and is gone or damaged. See what removes it."
            self._keep(step, _untried(StepResult(outcome="failed", reason=gone)))
            self._settle(step)
            return
        maker = next(each for each in self._plan.steps if each.fingerprint == lost)
        self._screen.made_again(step, maker)
        self._healed.add(lost)
        self._again.add(lost)
        self._unknown.add(lost)
        self._waiting[:0] = [maker, step]
        self._store.claims.free(step.fingerprint)

    def _keep(self, step: Step, tried: Tried) -> None:
        """Keep the record of a step that has ended."""
        record = self._record(step, tried)
        added = self._store.add(record, again=step.fingerprint in self._again)
        if not added and record.artifact_digest not in (None, self._store.artifact_digest(step.fingerprint)):
            self._store.artifacts.remove(step.fingerprint, record.artifact_digest)
        if record.outcome == "ok":
            self._store.artifacts.discard(self._store.artifacts.attempts(step.fingerprint))
        self._changes = 0
        self._outcomes[step.fingerprint] = record.outcome
        self._again.discard(step.fingerprint)
        self._summary.outcomes[record.outcome] += 1
        self._screen.end(record)
        self._screen.warn(self._plugins.announce(record))

    def _take_up_change(self, step: Step, changed: Changed) -> None:
        """Make the plan again if that takes up the change; otherwise stop, or record that it goes on changing."""
        if not all(each.reloads for each in changed.differences):
            self._stop(step, f"{_in_words(changed)}; what is loaded stays as it was: run the same command again")
            return
        self._changes += 1
        if self._replan is None or self._changes > MOST_CHANGES:
            reason = f"It changes while it is measured: {_in_words(changed)}."
            self._keep(step, _untried(StepResult(outcome="failed", reason=reason)))
            self._settle(step)
            return
        self._screen.changed(step, [each.text for each in changed.differences])
        try:
            plan, self._plugins = self._replan()
        except HarnessError as error:
            self._stop(step, f"{_in_words(changed)}, and the suite cannot be planned: {plain.message(error)}")
            return
        self._store.claims.free(step.fingerprint)
        self._follow(plan)

    def _follow(self, plan: Plan) -> None:
        """Go on with another plan."""
        for step, _ in self._changed:
            self._store.claims.free(step.fingerprint)
        self._changed.clear()
        tried = {fingerprint: outcome for fingerprint, outcome in self._outcomes.items() if outcome not in FINAL}
        self._planned |= {step.fingerprint for step in plan.steps}
        finished = {step: outcome for step, outcome in self._store.finished().items() if step not in self._again}
        self._plan = plan.against({**finished, **tried})
        self._outcomes = dict(self._plan.done)
        self._waiting = self._plan.pending
        self._unknown = {step.fingerprint for step in self._waiting}

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
        self._summary.skipped += 1 + len(self._waiting) + len(self._changed)
        self._waiting.clear()
        self._changed.clear()

    def _spend(self, step: Step) -> Spend | None:
        """Return what a step's calls may cost; None where they are not paid one by one, or have no cap."""
        cap_usd = self._plan.suite.budgets.spend_usd
        if cap_usd is None or not is_quoted(step, self._plugins):
            return None
        return Spend(cap_usd, self._store.artifacts.ledger, step.fingerprint, frozenset(self._planned))

    def _record(self, step: Step, tried: Tried) -> Record:
        if isinstance(tried.ended, Changed | Lost):
            raise TypeError("A step without result has no record.")
        fields = vars(tried.ended)
        return Record(
            id=str(uuid.uuid4()),
            fingerprint=step.fingerprint,
            basis=step.basis,
            step=step.kind,
            spec=step.spec,
            inputs=step.inputs,
            started_at=tried.started_at.isoformat(timespec="milliseconds"),
            ended_at=tried.ended_at.isoformat(timespec="milliseconds"),
            **{**fields, "environment": {**tried.machine, **self._environment, **tried.ended.environment}},
        )


def _untried(result: StepResult) -> Tried:
    """Return the result of a step that was not tried."""
    now = datetime.now(UTC)
    return Tried(now, now, environment.machine(), result)


def _is_untold(ended: StepResult) -> bool:
    """Return whether a step failed before its worker could read anything."""
    return ended.outcome == "failed" and not ended.environment


def _versions(plan: Plan) -> dict[str, str]:
    """Return the versions of all libraries that the plan's steps use."""
    versions: dict[str, str] = {}
    for step in plan.steps:
        for libraries in step.basis["libraries"].values():
            versions |= libraries
    return versions


def _in_words(changed: Changed) -> str:
    return ", ".join(each.text for each in changed.differences)
