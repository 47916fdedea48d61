"""Resolves the names of a suite: what plugins bring, sizes, settings, names of data."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, get_args

from harness.errors import HarnessError, PluginError, SuiteError, unknown
from harness.measure.load import SCENARIOS
from harness.names import default_name
from harness.plugins import Plugins
from harness.seams import Hardware, Model, Runtime, Task
from harness.seams.model import START
from harness.settings import filled
from harness.suite import ModelEntry, Source, Suite, TaskEntry

T = TypeVar("T", ModelEntry, TaskEntry)
NO_RATE = (
    "Server needs arrival rates, or limits to search the highest rate that keeps them. Set `serve: {rates: [1, 2, 4]}` "
    "in requests per second, or `serve: {limits: {latency_s: 1}}`."
)


def resolved(suite: Suite, source: Source, plugins: Plugins) -> Suite:
    """Return the suite with sizes and settings filled in and every name checked.

    Raises:
        SuiteError: has a line for each fault.
    """
    faults: list[str] = []
    _check_axes(suite, source, plugins, faults)
    models = _entries(suite.models, lambda entry: _model(plugins, entry), faults)
    tasks = _entries(suite.tasks, lambda entry: _task(plugins, entry), faults)
    rules = {key: _rules(key, suite, source, plugins, faults) for key in ("include", "exclude")}
    with _noted(faults):
        _check_names(tasks)
    if faults:
        raise SuiteError("\n".join(dict.fromkeys(faults)))
    return suite.model_copy(update={"models": models, "tasks": tasks, **rules})


@contextmanager
def _noted(faults: list[str]) -> Iterator[None]:
    """Add an error to the faults."""
    try:
        yield
    except HarnessError as error:
        faults.append(str(error))


def _entries(entries: Sequence[T], resolve: Callable[[T], T], faults: list[str]) -> tuple[T, ...]:
    done = []
    for entry in entries:
        with _noted(faults):
            done.append(resolve(entry))
    return tuple(done)


def _check_axes(suite: Suite, source: Source, plugins: Plugins, faults: list[str]) -> None:
    """Note the unknown names of hardware, runtimes, precisions and scenarios, and hardware that cannot be used."""
    choices = {"scenarios": SCENARIOS, "precisions": _precisions(plugins)}
    for kind in ("hardware", "runtimes", *choices):
        for index, name in enumerate(getattr(suite, kind)):
            with _noted(faults):
                if kind not in choices:
                    _find(plugins, source, kind, name, index)
                elif name not in choices[kind]:
                    raise source.error((kind, index), unknown(kind.removesuffix("s"), name, choices[kind]))
                elif name == "Server" and not suite.serve.rates and not any(suite.serve.limits.model_dump().values()):
                    raise source.error((kind, index), NO_RATE)


def _precisions(plugins: Plugins) -> set[str]:
    parts: list[Hardware | Runtime] = [*plugins.runtimes.values(), *plugins.hardware.values()]
    return {one for part in parts for one in part.precisions}


def _find(plugins: Plugins, source: Source, kind: str, name: str, index: int) -> None:
    """Find hardware or a runtime.

    Raises:
        SuiteError: it is unknown, or hardware that cannot be used here.
    """
    try:
        plugins.find(kind, name)
    except PluginError as error:
        raise source.error((kind, index), str(error)) from None
    if kind == "hardware" and (reason := plugins.no_hardware(name)):
        raise SuiteError(f"Hardware {name!r} cannot be used here: {reason}")


def _rules(key: str, suite: Suite, source: Source, plugins: Plugins, faults: list[str]) -> tuple[dict[str, Any], ...]:
    """Return the rules of a key with the current names of their tasks; note unknown names: they choose nothing."""
    rules = []
    for index, rule in enumerate(getattr(suite, key)):
        named = {axis: value if isinstance(value, list) else [value] for axis, value in rule.items()}
        if "task" in named:
            named["task"] = [plugins.current_task(str(name)) for name in named["task"]]
        rules.append(named)
        faults += [str(source.error((key, index), sentence)) for sentence in _unknown(named, plugins)]
    return tuple(rules)


def _unknown(rule: dict[str, list[Any]], plugins: Plugins) -> Iterator[str]:
    """Yield a sentence for each name in a rule that nothing has."""
    choices = {
        "model": plugins.models, "size": {size for model in plugins.models.values() for size in model.sizes},
        "start": get_args(START), "task": plugins.tasks, "hardware": plugins.hardware, "runtime": plugins.runtimes,
        "precision": _precisions(plugins), "scenario": SCENARIOS,
    }  # fmt: skip
    for axis, names in rule.items():
        for name in map(str, names):
            reference = axis == "model" and name.partition(":")[0] in plugins.model_schemes
            if axis in choices and name not in choices[axis] and not reference:
                yield unknown(axis, name, choices[axis])


def _model(plugins: Plugins, entry: ModelEntry) -> ModelEntry:
    try:
        model: Model = plugins.find("models", entry.name)
        size = entry.size or model.sizes[0]
        if size not in model.sizes:
            raise SuiteError(unknown(f"size of {model.name}", size, model.sizes))
        settings = filled(entry.settings, model.settings)
        tasks = tuple(plugins.find("tasks", name).name for name in entry.tasks)
        name = plugins.find("models", model.name).name  # a reference may also say how to reach the model
    except HarnessError as error:
        raise entry.error(str(error)) from None
    return entry.model_copy(update={"name": name, "size": size, "settings": settings, "tasks": tasks})


def _task(plugins: Plugins, entry: TaskEntry) -> TaskEntry:
    try:
        task: Task = plugins.find("tasks", entry.name)
        if entry.data is not None and not task.takes_data:
            raise SuiteError(f"Task {task.name!r} takes no data of your own.")
        settings = filled(entry.settings, task.settings)
        data_name = _data_name(task, entry, plugins.implied_data_name(entry.name))
    except HarnessError as error:
        raise entry.error(str(error)) from None
    return entry.model_copy(update={"name": task.name, "settings": settings, "data_name": data_name})


def _check_names(tasks: Sequence[TaskEntry]) -> None:
    """Raise if a task has the same data under two names: a step is measured once, under one of them."""
    named: dict[str, str | None] = {}
    for entry in tasks:
        same = json.dumps([entry.name, entry.data, entry.settings], sort_keys=True, default=str)
        first = named.setdefault(same, entry.data_name)
        if first != entry.data_name:
            raise entry.error(
                f"The data {entry.data!r} of {entry.name!r} are called {first!r} and {entry.data_name!r}. Give them "
                "one name: `data_name`."
            )


def _data_name(task: Task, entry: TaskEntry, implied: str) -> str | None:
    """Return the name of the user's data, None if the task has none.

    Args:
        task: what the entry names.
        entry: of the suite or the command line.
        implied: the name of the data that a former name of the task stood for, empty if none.
    """
    if entry.data is None and implied:
        raise SuiteError(
            f"{entry.name!r} is {task.name!r} on data of your own. Name some: --task {task.name} --data "
            f"{implied}.csv --data-name {implied}, or --data stanfordnlp/sst2 from the hub."
        )
    if entry.data is None:
        return None
    name = entry.data_name or implied or default_name(entry.data)
    if name == task.data_name:
        raise SuiteError(
            f"The data that come with {task.name!r} are called {name!r}. Give yours another name: --data-name."
        )
    return name
