"""Resolves the names of a suite: what plugins bring, sizes, settings, names of data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from harness.errors import HarnessError, PluginError, SuiteError, unknown
from harness.hooks import answer_of
from harness.measure.loadgen import SCENARIOS
from harness.names import default_name
from harness.plugins import Plugins
from harness.seams import Model, Task
from harness.settings import filled
from harness.suite import ModelEntry, Source, Suite, TaskEntry


def resolved(suite: Suite, source: Source, plugins: Plugins) -> Suite:
    """Return the suite with sizes and settings filled in and every name checked."""
    for kind in ("hardware", "runtimes"):
        for index, name in enumerate(getattr(suite, kind)):
            _find(plugins, source, kind, name, (kind, index))
    for index, scenario in enumerate(suite.scenarios):
        if scenario not in SCENARIOS:
            raise source.error(("scenarios", index), unknown("scenario", scenario, SCENARIOS))
    models = tuple(_model(plugins, source, entry, ("models", i)) for i, entry in enumerate(suite.models))
    tasks = tuple(_task(plugins, source, entry, ("tasks", i)) for i, entry in enumerate(suite.tasks))
    _check_names(tasks, source)
    for name in suite.hardware:
        if reason := answer_of(plugins.hardware[name], "unavailable"):
            raise SuiteError(f"Hardware {name!r} cannot be used here: {reason}")
    rules = {key: tuple(_rule(plugins, rule) for rule in getattr(suite, key)) for key in ("include", "exclude")}
    return suite.model_copy(update={"models": models, "tasks": tasks, **rules})


def _rule(plugins: Plugins, rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule with the current names of its tasks."""
    named = rule.get("task", [])
    names = [plugins.current_task(str(name)) for name in (named if isinstance(named, list) else [named])]
    return {**rule, "task": names} if "task" in rule else dict(rule)


def _find(plugins: Plugins, source: Source, kind: str, name: str, path: tuple[str | int, ...]) -> Any:
    try:
        return plugins.find(kind, name)
    except PluginError as error:
        raise source.error(path, str(error)) from None


def _model(plugins: Plugins, source: Source, entry: ModelEntry, path: tuple[str | int, ...]) -> ModelEntry:
    model: Model = _find(plugins, source, "models", entry.name, path)
    size = entry.size or model.sizes[0]
    try:
        if size not in model.sizes:
            raise SuiteError(unknown(f"size of {model.name}", size, model.sizes))
        settings = filled(entry.settings, model.settings)
        tasks = tuple(plugins.find("tasks", name).name for name in entry.tasks)
    except HarnessError as error:
        raise source.error(path, str(error)) from None
    name = _find(plugins, source, "models", model.name, path).name  # a reference may also say how to reach the model
    return entry.model_copy(update={"name": name, "size": size, "settings": settings, "tasks": tasks})


def _task(plugins: Plugins, source: Source, entry: TaskEntry, path: tuple[str | int, ...]) -> TaskEntry:
    task: Task = _find(plugins, source, "tasks", entry.name, path)
    if entry.data is not None and not task.takes_data:
        raise source.error(path, f"Task {task.name!r} takes no data of your own.")
    try:
        settings = filled(entry.settings, task.settings)
    except HarnessError as error:
        raise source.error(path, str(error)) from None
    implied = plugins.implied_data_name(entry.name)
    if entry.data is None and implied:
        raise source.error(
            path,
            f"{entry.name!r} is {task.name!r} on data of your own. Name some: --task {task.name} --data "
            f"{implied}.csv --data-name {implied}, or --data stanfordnlp/sst2 from the hub.",
        )
    named = entry.model_copy(update={"data_name": entry.data_name or implied or None})
    changes = {"name": task.name, "settings": settings, "data_name": _data_name(task, named, source, path)}
    return entry.model_copy(update=changes)


def _check_names(tasks: Sequence[TaskEntry], source: Source) -> None:
    """Raise if a task has the same data under two names: a step is measured once, under one of them."""
    named: dict[str, str | None] = {}
    for index, entry in enumerate(tasks):
        same = json.dumps([entry.name, entry.data, entry.settings], sort_keys=True, default=str)
        first = named.setdefault(same, entry.data_name)
        if first != entry.data_name:
            raise source.error(
                ("tasks", index),
                f"The data {entry.data!r} of {entry.name!r} are called {first!r} and {entry.data_name!r}. Give them "
                "one name: `data_name`.",
            )


def _data_name(task: Task, entry: TaskEntry, source: Source, path: tuple[str | int, ...]) -> str | None:
    """Return the name of the user's data, None if the task has none."""
    if entry.data is None:
        return None
    name = entry.data_name or default_name(entry.data)
    if name == task.data_name:
        raise source.error(
            path, f"The data that come with {task.name!r} are called {name!r}. Give yours another name: --data-name."
        )
    return name
