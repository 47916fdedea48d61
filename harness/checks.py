"""Lets tasks and models check the data of a plan before anything is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from harness import plain
from harness.errors import Unsupported
from harness.hooks import answer_of, answer_on_data, called
from harness.plan import Plan, Step
from harness.plugins import Plugins
from harness.reading import HowRead
from harness.sampling import in_words, sampled
from harness.seams import Data, Model
from harness.settings import all_settings


class CheckedData(NamedTuple):
    """The data of the pending steps."""

    read: list[tuple[Step, HowRead]]
    """How data of the user's were read, each with a step on them."""
    loaded: dict[str, Data]
    """Data that were loaded and that a model or a budget will look at, by `_data_key`; later checks add theirs."""


def check_data(plan: Plan, plugins: Plugins) -> CheckedData:
    """Let every task with pending steps check its data, before anything is written.

    Raises:
        DataError: names the file, the place in it and the remedy.
    """
    wanted = {_data_key(step) for step in [*_looked_at(plan, plugins), *filter(_counts_labels, plan.pending)]}
    seen: set[str] = set()
    checked = CheckedData([], {})
    for step in plan.pending:
        if (key := _data_key(step)) not in seen:
            seen.add(key)
            data = _of_task(step, plugins, "check")
            if data is None:
                continue
            plain.instance(data, Data, f"check() of {step.spec['task']!r}")
            if data.how_read is not None:
                checked.read.append((step, plain.instance(data.how_read, HowRead, "Data.how_read")))
            if key in wanted:
                checked.loaded[key] = data
    return checked


def check_labels(plan: Plan, plugins: Plugins, loaded: dict[str, Data]) -> Plan:
    """Return the plan with the pending steps marked as unsupported whose budget asks for labels that are not there.

    Args:
        plan: what is to be done.
        plugins: what is installed.
        loaded: data that `check_data` has loaded; others are added if a budget asks for labels.
    """
    return _marked(plan, lambda step: _without_labels(step, plugins, loaded))


def check_samples(plan: Plan, plugins: Plugins, loaded: dict[str, Data]) -> tuple[Plan, list[str]]:
    """Return the plan with the evaluations marked as unsupported whose data cannot be sampled, and what is sampled.

    Args:
        plan: what is to be done.
        plugins: what is installed.
        loaded: data that earlier checks have loaded; others are added where a sample is asked for.
    """
    notes: dict[str, None] = {}

    def why(step: Step) -> str | None:
        if "max_items" not in step.spec or step.unsupported:
            return None
        try:
            _, sample = called(sampled, data_of(step, plugins, loaded), "test", step.spec)
        except Unsupported as error:
            return plain.message(error)
        if sample is not None:
            notes[f"{step.spec['task']} ({step.spec['data']}): {in_words(sample)}."] = None
        return None

    return _marked(plan, why), list(notes)


def _marked(plan: Plan, why_not: Callable[[Step], str | None]) -> Plan:
    """Return the plan with the pending steps marked as unsupported that cannot be done, or that build on such."""
    reasons: dict[str, str] = {}
    for step in plan.pending:
        if why := step.unsupported or why_not(step) or _builds_on(step, reasons):
            reasons[step.fingerprint] = why
    steps = tuple(replace(step, unsupported=reasons.get(step.fingerprint)) for step in plan.steps)
    return replace(plan, steps=steps)


def _without_labels(step: Step, plugins: Plugins, loaded: dict[str, Data]) -> str | None:
    """Return why a fine-tuning cannot have the labels of its budget, None if it can."""
    if not _counts_labels(step):
        return None
    try:
        called(data_of(step, plugins, loaded).with_labels, step.spec["budget"]["labels"])
    except Unsupported as error:
        return plain.message(error)
    return None


def _counts_labels(step: Step) -> bool:
    return bool(step.spec.get("budget", {}).get("labels"))


def _builds_on(step: Step, reasons: Mapping[str, str]) -> str | None:
    roles = (role for role, fingerprint in step.inputs.items() if fingerprint in reasons)
    return next((f"what it builds on ({role}) is unsupported" for role in roles), None)


def check_models(plan: Plan, plugins: Plugins, loaded: dict[str, Data]) -> list[str]:
    """Let every model with pending steps check that it can take up its data, before anything is written.

    Args:
        plan: what is to be done.
        plugins: what is installed.
        loaded: data that earlier checks have loaded; others are added if a model looks at them.

    Returns:
        what the models say, each sentence once.

    Raises:
        HarnessError: a model cannot be measured on its data; names the remedy.
    """
    notes: dict[str, None] = {}
    for step in _looked_at(plan, plugins):
        data, spec = data_of(step, plugins, loaded), step.spec
        notes |= dict.fromkeys(
            answer_of(plugins.models[spec["model"]], "check", data, all_settings(spec), spec["start"])
        )
    return list(notes)


def _looked_at(plan: Plan, plugins: Plugins) -> list[Step]:
    """Return the pending steps whose model checks the data."""
    return [
        step
        for step in plan.pending
        if not step.unsupported
        and step.kind != "pretrain"
        and type(plugins.models[step.spec["model"]]).check is not Model.check
    ]


def data_of(step: Step, plugins: Plugins, loaded: dict[str, Data]) -> Data:
    """Return a step's data, loaded once for all checks."""
    if (key := _data_key(step)) not in loaded:
        loaded[key] = _of_task(step, plugins, "data")
    return loaded[key]


def _data_key(step: Step) -> str:
    return json.dumps([step.spec[key] for key in ("task", "source", "task_settings")], sort_keys=True)


def _of_task(step: Step, plugins: Plugins, method: str) -> Any:
    spec = step.spec
    return answer_on_data(plugins.tasks[spec["task"]], method, spec["source"], spec["task_settings"])
