"""What `harness run` does with a plan, and what it says of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import FAILED, INTERRUPTED
from harness.plan import Plan, Step
from harness.plugins import Plugins
from harness.records import FINAL, Record
from harness.screen import open_screen, say
from harness.store import open_store, peek, peek_records

if TYPE_CHECKING:
    from rich.console import Console

    from harness.run import Replan


@dataclass(frozen=True)
class RunCommand:
    """Where a plan is run and where it is spoken of."""

    console: Console
    plugins: Plugins
    location: str | None
    """Of the store."""
    again: bool
    """Whether what is measured already is measured again."""
    artifacts: str | None = None
    """Where they go, if not to the store's own folder."""
    jobs: int = 1
    """How many steps are done at a time."""
    on: str | None = None
    """The cluster, if it is not this machine that does them."""

    def run(self, plan: Plan, files: tuple[str, ...], replan: Replan) -> int:
        """Run what is due; return the exit code."""
        from harness.run import run_plan

        plan = plan.against(peek(self.location), again=self.again)
        self._name_data(plan)
        if not plan.pending:
            self._say(f"Suite {plan.suite.name!r}: all {len(plan.steps)} steps are measured already; nothing to do.")
            return self._code(plan.done.values())
        plan, notes = self._checked(plan)
        store = open_store(self.location, create=True, artifacts=self.artifacts)
        store.sweep()
        self._say(f"Suite {plan.suite.name!r}: {plan.cases} cases, {len(plan.steps)} steps, {plan.due}.")
        self._say_notes(plan, notes)
        try:
            with open_screen(self.console, plan) as screen:
                summary = run_plan(plan, self.plugins, store, screen, files, replan, jobs=self.jobs, on=self.on)
        except KeyboardInterrupt:
            goes_on = "begins again" if self.again else "goes on where this one stopped"
            self._say(f"Stopped. Finished steps are kept; the same command {goes_on}.")
            return INTERRUPTED
        finally:
            store.close()
        self._say(f"Done: {summary}. Store: {store.label}")
        return self._code([*plan.done.values(), *summary.outcomes]) if summary.complete else FAILED

    def show(self, plan: Plan) -> None:
        """Say what is due, what it costs and how long it takes; do nothing."""
        from harness.estimate import estimate_s
        from harness.why import Earlier

        plan = plan.against(peek(self.location), again=self.again)
        records = self.plugins.under_current_names(peek_records(self.location))
        plan, notes = self._checked(plan)
        seconds, unknown = estimate_s(plan.pending, records)
        earlier = Earlier(records)
        for step in plan.steps:
            self._say(f"{step.title}: {_state(step, plan, earlier.of(step))}")
        self._say(f"{plan.cases} cases, {len(plan.steps)} steps ({plan.shared} shared), {plan.due}.")
        self._say_notes(plan, notes)
        if plan.pending:
            estimate = f"{seconds:.0f} s" if seconds or not unknown else "not known"
            rest = f"; {unknown} steps have no earlier record to estimate from" if unknown else ""
            self._say(f"Estimated time: {estimate}{rest}.")

    def _say(self, text: str) -> None:
        say(self.console, text)

    def _code(self, outcomes: Iterable[str]) -> int:
        """Return the exit code of a run without failures: a run that could measure nothing is none to build on."""
        if set(outcomes) != {"unsupported"}:
            return 0
        self._say("Nothing is measured: every step is unsupported. `harness run … --dry-run` says why.")
        return FAILED

    def _checked(self, plan: Plan) -> tuple[Plan, list[str]]:
        """Check data and models of the pending steps, and say how the user's data are read and what calls cost.

        Returns:
            The plan, in which the steps are marked that the data cannot do, and what models say.
        """
        from harness.checks import check_data, check_labels, check_models, check_samples
        from harness.spending import lines, quotes, require_cap

        checked = check_data(plan, self.plugins)
        for step, how in checked.read:
            self._say(f"{step.spec['data']} ({step.spec['source']}) as {step.spec['task']}:")
            for line in how.lines():
                self._say(f"  {line}")
        plan = check_labels(plan, self.plugins, checked.loaded)
        plan, notes = check_samples(plan, self.plugins, checked.loaded)
        quoted = quotes(plan, self.plugins, checked.loaded)
        for line in lines(quoted, plan.suite.budgets.spend_usd):
            self._say(line)
        require_cap(quoted, plan)
        return plan, notes + check_models(plan, self.plugins, checked.loaded)

    def _say_notes(self, plan: Plan, notes: Sequence[str]) -> None:
        """Say what is left out, what is measured elsewhere, and what data and models say."""
        if plan.undone:
            self._say(f"note: no model of the suite does {', '.join(plan.undone)}: nothing is measured there.")
        of_suite = ", ".join(plan.suite.hardware)
        for model, hardware in plan.moved.items():
            self._say(f"{model} does not compute on {of_suite}: it is measured and priced on {hardware}.")
        for note in notes:
            self._say(f"note: {note}")

    def _name_data(self, plan: Plan) -> None:
        """Rename the plan's data in all records, also in those of models that this run leaves out.

        Otherwise a use case would see only some of the candidates, perhaps without the baseline.
        """
        names = {_data(step): step.spec["data"] for step in plan.steps if step.spec["source"] is not None}
        records = self.plugins.under_current_names(peek_records(self.location)) if names else []
        renamed = {
            record.fingerprint: names[_data(record)]
            for record in records
            if record.outcome in FINAL and names.get(_data(record)) not in (None, record.spec["data"])
        }
        if not renamed:
            return
        store = open_store(self.location)
        try:
            if store.name_data(renamed):
                called = ", ".join(dict.fromkeys(renamed.values()))
                self._say(f"The data of what is measured already are now called {called}.")
        finally:
            store.close()


def _data(measured: Step | Record) -> str:
    """Return a key for the data of a step or record; from another folder, the same path may lead to other data."""
    spec = measured.spec
    parts = (spec["task"], spec.get("source"), spec.get("task_settings"), measured.basis.get("data"))
    return json.dumps(parts, sort_keys=True)


def _state(step: Step, plan: Plan, records: Sequence[Record]) -> str:
    """Return `done`, or why the step is due."""
    from harness.why import why_pending

    if step.fingerprint in plan.again:
        return "to do, measured again"
    if step.fingerprint in plan.done:
        unsupported = next(
            (one for one in records if one.fingerprint == step.fingerprint and one.outcome == "unsupported"), None
        )
        return "done" if unsupported is None else f"done, unsupported: {unsupported.reason}"
    return f"unsupported: {step.unsupported}" if step.unsupported else f"to do, {why_pending(step, records)}"
