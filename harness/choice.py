"""What the command line changes in a suite."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from harness.errors import DataError, HarnessError, SuiteError, unknown
from harness.plugins import Plugins
from harness.seams.model import START

if TYPE_CHECKING:
    from harness.seams import Setting
    from harness.suite import ModelEntry, Source, Suite, TaskEntry


@dataclass(frozen=True)
class Choice:
    """What the command line changes in a suite."""

    models: tuple[str, ...]
    tasks: tuple[str, ...]
    hardware: tuple[str, ...]
    runtimes: tuple[str, ...]
    starts: tuple[str, ...]
    data: str | None
    data_name: str | None
    task_settings: tuple[str, ...]
    settings: tuple[str, ...]
    max_items: int | None = None
    spend_usd: float | None = None


@contextmanager
def readers_named(suite: Suite, choice: Choice, plugins: Plugins) -> Iterator[None]:
    """Add to an error of the command line's data which tasks read them, if every task of the suite got them."""
    try:
        yield
    except DataError as error:
        readers = [] if choice.data is None or choice.tasks else [e.name for e in suite.tasks if _reads(e, plugins)]
        if not readers:
            raise
        options = " or ".join(f"--task {name}" for name in readers)
        raise DataError(
            f"{error}\nAll tasks of the suite got {choice.data}. To measure where it is read: {options}."
        ) from error


def _reads(entry: TaskEntry, plugins: Plugins) -> bool:
    from harness.hooks import answer_of
    from harness.settings import filled

    task = plugins.find("tasks", entry.name)
    try:
        answer_of(task, "check", entry.data, filled(entry.settings, task.settings))
    except HarnessError:
        return False
    return True


def narrowed(suite: Suite, source: Source, choice: Choice, plugins: Plugins) -> Suite:
    """Return the suite with the command line's choices; entries of the suite keep their settings."""
    changes: dict[str, Any] = {}
    if choice.models:
        changes["models"] = _chosen_models(suite, choice, plugins)
    elif choice.settings:
        raise SuiteError("--setting and --trust-remote-code say how to build a model: name it with --model as well.")
    if choice.tasks:
        changes["tasks"] = _chosen_tasks(suite, choice, plugins)
    changes |= _axes(choice, plugins)
    if choice.max_items is not None:
        changes["evaluate"] = suite.evaluate.model_copy(update={"max_items": choice.max_items})
    if choice.spend_usd is not None:
        if not 0 < choice.spend_usd < math.inf:
            raise SuiteError("--spend-usd takes an amount above 0, in USD: --spend-usd 2.")
        changes["budgets"] = suite.budgets.model_copy(update={"spend_usd": choice.spend_usd})
    changes["tasks"] = _with_data(changes.get("tasks", suite.tasks), source, choice, plugins)
    chosen = suite.model_copy(update=changes)
    if choice.data is None or choice.tasks:
        return chosen
    done = tuple(entry for entry in chosen.tasks if _may_be_done(entry, chosen, plugins))
    return chosen.model_copy(update={"tasks": done or chosen.tasks})


def _axes(choice: Choice, plugins: Plugins) -> dict[str, tuple[str, ...]]:
    """Return the hardware, runtimes and starts that the command line names: unknown ones are not the suite's."""
    for axis in ("hardware", "runtimes"):
        for name in getattr(choice, axis):
            plugins.find(axis, name)
    for name in choice.starts:
        if name not in get_args(START):
            raise SuiteError(unknown("start", name, get_args(START)))
    wanted = {axis: getattr(choice, axis) for axis in ("hardware", "runtimes", "starts")}
    return {axis: names for axis, names in wanted.items() if names}


def _may_be_done(task: TaskEntry, suite: Suite, plugins: Plugins) -> bool:
    """Return whether a model of the suite may do a task; a reference that is not looked up yet may do any."""
    kind = plugins.find("tasks", task.name).kind
    models = [plugins.models.get(entry.name) for entry in suite.models]
    return any(model is None or kind in model.kinds for model in models)


def _chosen_tasks(suite: Suite, choice: Choice, plugins: Plugins) -> tuple[TaskEntry, ...]:
    """Return the entries of the named tasks; a former name finds its task."""
    from harness.suite import TaskEntry

    chosen = []
    for name in choice.tasks:
        current = plugins.find("tasks", name).name
        entries = [entry for entry in suite.tasks if plugins.current_task(entry.name) == current]
        chosen += [entry.model_copy(update={"name": name}) for entry in entries] or [TaskEntry(name=name)]
    return tuple(chosen)


def _with_data(
    entries: tuple[TaskEntry, ...], source: Source, choice: Choice, plugins: Plugins
) -> tuple[TaskEntry, ...]:
    """Return the tasks that take the data of the command line; all if it gives none."""
    if choice.data is not None:
        takers = [entry for entry in entries if plugins.find("tasks", entry.name).takes_data]
        if not takers:
            raise SuiteError(f"No task of suite {source.label!r} takes data of your own. Name one with --task.")
        return tuple(_with_user_data(entry, choice, plugins) for entry in takers)
    if choice.task_settings:
        raise SuiteError("--task-setting says how to read your data: give --data as well.")
    if choice.data_name is not None:
        raise SuiteError("--data-name says what your data are called: give --data as well.")
    return entries


def _with_user_data(entry: TaskEntry, choice: Choice, plugins: Plugins) -> TaskEntry:
    """Return a task with the data of the command line."""
    from harness.names import RULE, is_data_name

    if choice.data_name is not None and not is_data_name(choice.data_name):
        raise SuiteError(f"--data-name {choice.data_name!r} cannot name data. {RULE}")
    declared = plugins.find("tasks", entry.name).settings
    given = _checked(f"--task-setting for {entry.name}", choice.task_settings, declared)
    settings = {**entry.settings, **given}
    return entry.model_copy(update={"data": choice.data, "data_name": choice.data_name, "settings": settings})


def _chosen_models(suite: Suite, choice: Choice, plugins: Plugins) -> tuple[ModelEntry, ...]:
    """Return the entries of the named models with the given settings."""
    from harness.suite import ModelEntry

    given = {
        name: _checked(f"--setting for {name}", choice.settings, plugins.find("models", name).settings)
        for name in choice.models
    }
    return tuple(
        entry.model_copy(update={"settings": {**entry.settings, **given[entry.name]}})
        for entry in _chosen(suite.models, choice.models, ModelEntry)
    )


def _chosen(entries: tuple[Any, ...], names: tuple[str, ...], entry_type: Any) -> tuple[Any, ...]:
    return tuple(
        chosen for name in names for chosen in [e for e in entries if e.name == name] or [entry_type(name=name)]
    )


def _checked(option: str, texts: Sequence[str], declared: Mapping[str, Setting]) -> dict[str, Any]:
    """Return the settings of an option; a fault names it, and not the line of a suite that holds the others."""
    from harness.settings import filled

    try:
        given = settings_of(texts, declared)
        filled(given, declared)
    except HarnessError as error:
        raise SuiteError(f"{option}: {error}") from None
    return given


def settings_of(texts: Sequence[str], declared: Mapping[str, Setting]) -> dict[str, Any]:
    """Return settings: texts, such as a column called `2024`, as they are written, others as in YAML."""
    from harness.suite import read_value

    verbatim = {name for name, setting in declared.items() if isinstance(setting.default, str)}
    return {name: value if name in verbatim else read_value(value) for name, value in map(_pair, texts)}


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise SuiteError(f"{text!r} is not a setting: write NAME=VALUE.")
    return name, value
