"""From a suite to steps: cases, the steps they share, and a fingerprint for each step."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from harness.basis import Bases, Basis, covered
from harness.cases import Case, abilities, cases, require_bounded, require_installed, undone, unsupported
from harness.errors import SuiteError
from harness.names import LABELS
from harness.plugins import Plugins
from harness.resolve import resolved
from harness.seams import Model, Task
from harness.settings import by_access, filled
from harness.suite import BudgetEntry, Source, Suite

AS_IS = "as-is"
"""The start of a model that no step trains."""
MEASURING = ("evaluate", "serve")
"""Kinds of step that leave nothing for others."""
StepKind = Literal["pretrain", "finetune", "export", "evaluate", "serve"]


@dataclass(frozen=True)
class Step:
    """One stage of one or several cases."""

    kind: StepKind
    spec: dict[str, Any]
    inputs: dict[str, str]
    """Role → fingerprint of the step whose artifact it reads."""
    fingerprint: str
    basis: Basis
    """What its result depends on beside spec and inputs."""
    files: Mapping[Path, str]
    """Files of its sources → SHA-256 of their bytes."""
    unsupported: str | None = None
    """Why it cannot be done, if that is known beforehand."""

    @property
    def title(self) -> str:
        """Its name for people."""
        spec = self.spec
        parts = [spec["model"], spec["size"] if spec["size"] != "default" else "", "on", spec["task"]]
        parts.append(f"({spec['data']})" if spec["source"] is not None else "")
        parts += [str(spec[key]) for key in ("format", "runtime", "scenario") if key in spec]
        if spec["start"] == "scratch" and self.kind == "finetune":
            parts.append("from scratch")
        if spec["start"] == AS_IS:
            parts.append("as it is")
        batches = "batch_size" in spec and spec.get("scenario") != "SingleStream"
        batch = f"batch {spec['batch_size']}, " if batches else ""
        return f"{self.kind} {' '.join(part for part in parts if part)} ({batch}seed {spec['seed']})"


@dataclass(frozen=True)
class Plan:
    """All steps of a suite, each after the steps it needs."""

    suite: Suite
    cases: int
    steps: tuple[Step, ...]
    shared: int
    """Steps that were saved because several cases share them."""
    done: Mapping[str, str] = field(default_factory=dict)
    """Fingerprint → outcome of steps with a final record in the store."""
    undone: tuple[str, ...] = ()
    """Tasks that no model of the suite does."""
    again: frozenset[str] = frozenset()
    """Fingerprints of finished steps that are measured anew."""

    @property
    def moved(self) -> dict[str, str]:
        """Model → hardware beside the suite's that it is measured on, as it does not compute on the suite's."""
        specs = [step.spec for step in self.steps]
        return {spec["model"]: spec["hardware"] for spec in specs if spec["hardware"] not in self.suite.hardware}

    @property
    def due(self) -> str:
        """How many steps are to be done, in words; the unsupported are only noted."""
        unsupported = sum(step.unsupported is not None for step in self.pending)
        due = f"{len(self.pending) - unsupported} to do"
        return f"{due}, {unsupported} unsupported" if unsupported else due

    @property
    def pending(self) -> list[Step]:
        """Steps still to be done."""
        return [step for step in self.steps if step.fingerprint not in self.done]

    def against(self, finished: Mapping[str, str], *, again: bool = False) -> Plan:
        """Return the plan with the finished steps of a store marked as done; `again`: evaluations and servings anew."""
        kinds = {step.fingerprint: step.kind for step in self.steps}
        done = {step: outcome for step, outcome in finished.items() if step in kinds}
        anew = frozenset(step for step in done if again and kinds[step] in MEASURING)
        return replace(self, done={step: done[step] for step in done.keys() - anew}, again=anew)


def make_plan(suite: Suite, source: Source, plugins: Plugins) -> Plan:
    """Return the steps of a suite, each after the steps it needs.

    Raises:
        SuiteError: a name or setting is unknown, data cannot be used, or there is nothing to do, or too much.
    """
    require_bounded(suite)
    suite = resolved(suite, source, plugins)
    planner = _Planner(suite, plugins)
    chosen = list(cases(suite, plugins))
    if not chosen:
        raise SuiteError(
            f"Suite {source.label!r} asks for nothing: no model can do any of its tasks, or all cases are excluded."
            f"{abilities(suite, plugins)}"
        )
    tasks = undone(suite, plugins)
    require_installed(chosen, plugins)
    wanted = 0
    for case in chosen:
        wanted += planner.add(case)
    return Plan(suite, len(chosen), tuple(planner.steps.values()), wanted - len(planner.steps), undone=tuple(tasks))


class _Planner:
    """Collects the steps of cases; equal steps have one fingerprint and are kept once."""

    def __init__(self, suite: Suite, plugins: Plugins) -> None:
        self._suite = suite
        self._plugins = plugins
        self._bases = Bases(plugins)
        self.steps: dict[str, Step] = {}

    def add(self, case: Case) -> int:
        """Add a case's steps and return their number."""
        model, task, runtime = (
            self._plugins.models[case.model.name],
            self._plugins.tasks[case.task.name],
            self._plugins.runtimes[case.runtime],
        )
        spec = self._spec(case, model, task)
        inputs, count = ({}, 0) if case.start == AS_IS else self._trained(case, spec, model, task)
        count += 2
        served = {**spec, "start": case.start, "seed": case.seed, "runtime": case.runtime}
        why = unsupported(case, self._plugins)
        if runtime.format is not None and why is None:
            inputs["exported"] = self._step(
                "export",
                {**spec, "start": case.start, "seed": case.seed, "format": runtime.format, "runtime": case.runtime},
                inputs,
            )
            count += 1
        graded = {**served, "batch_size": case.batch_size}
        if self._suite.evaluate.validation:  # left out otherwise: the fingerprint is that from before there was it
            graded["validation"] = True
        if self._suite.evaluate.max_items is not None:  # likewise
            graded["max_items"] = self._suite.evaluate.max_items
        self._step("evaluate", graded, inputs, why)
        batch = 1 if case.scenario == "SingleStream" else case.batch_size
        load = {**served, "batch_size": batch, "scenario": case.scenario, "load": self._suite.serve.load(case.scenario)}
        self._step("serve", load, inputs, why)
        return count

    def _trained(self, case: Case, spec: dict[str, Any], model: Model, task: Task) -> tuple[dict[str, str], int]:
        """Add the steps that train, and return what later ones read of them and their number."""
        inputs: dict[str, str] = {}
        if case.start == "pretrained" and not model.brings_weights:
            inputs["pretrained"] = self._pretrain(case, spec, task)
        tuned = {
            **spec,
            "start": case.start,
            "budget": _budget(case.model.budgets.finetune or self._suite.budgets.finetune, model.name),
        }
        return {"trained": self._step("finetune", {**tuned, "seed": case.seed}, inputs)}, 1 + len(inputs)

    def _spec(self, case: Case, model: Model, task: Task) -> dict[str, Any]:
        return {
            "model": model.name,
            "size": case.model.size,
            **by_access(case.model.settings, model.settings),
            "task": task.name,
            "source": case.task.data,
            "data": task.data_name if case.task.data is None else case.task.data_name,
            "task_settings": dict(case.task.settings),
            "hardware": case.hardware,
            "precision": case.precision,
        }

    def _pretrain(self, case: Case, spec: dict[str, Any], task: Task) -> str:
        """Add a pretraining, with the suite's first seed: all seeds of a fine-tuning share it."""
        pretraining = {**spec, "start": "scratch", "seed": self._suite.seeds[0]}
        if task.pretrains_on is not None and case.task.data is None:
            other = self._plugins.find("tasks", task.pretrains_on)
            pretraining |= {"task": other.name, "source": None, "data": other.data_name}
            pretraining |= {"task_settings": filled({}, other.settings)}
        pretraining["budget"] = _budget(case.model.budgets.pretrain or self._suite.budgets.pretrain, case.model.name)
        return self._step("pretrain", pretraining, {})

    def _step(
        self, kind: StepKind, spec: dict[str, Any], inputs: dict[str, str], unsupported: str | None = None
    ) -> str:
        basis, files = self._bases.of(kind, spec), self._bases.files(kind, spec)
        defining = {name: value for name, value in spec.items() if name not in LABELS}
        body = {"step": kind, "spec": defining, "inputs": inputs, "unsupported": unsupported, "basis": covered(basis)}
        fingerprint = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        self.steps.setdefault(fingerprint, Step(kind, spec, dict(inputs), fingerprint, basis, files, unsupported))
        return fingerprint


def _budget(entry: BudgetEntry | None, model: str) -> dict[str, Any]:
    if entry is None:
        raise SuiteError(
            f"No budget for fine-tuning {model}. Set `budgets: {{finetune: {{steps: …}}}}` in the suite or for the "
            "model."
        )
    later = {"labels": entry.labels is not None, "processes": entry.processes > 1}
    # Keys that came later are left out where they say nothing: the fingerprint is that from before they came.
    return entry.model_dump(exclude={name for name, says in later.items() if not says})
