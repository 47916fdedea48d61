"""The cases of a suite: which models do which tasks, where, and what they need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple

from harness.errors import SuiteError
from harness.hooks import answer_of, answer_on_data
from harness.installed import refuse
from harness.plugins import Plugins
from harness.seams import Hardware, Model
from harness.suite import ModelEntry, Suite, TaskEntry

MOST_CASES = 50_000
"""Of a suite, that is 100,000 evaluations and servings: a plan of so many takes a minute and 0.6 GB."""


class Case(NamedTuple):
    """One cell of a suite."""

    model: ModelEntry
    start: str
    task: TaskEntry
    hardware: str
    runtime: str
    precision: str
    batch_size: int
    scenario: str
    seed: int

    def matches(self, rule: Mapping[str, Any]) -> bool:
        """Return whether a rule of `include` or `exclude` selects it."""
        axes = {**self._asdict(), "model": self.model.name, "size": self.model.size, "task": self.task.name}
        return all(axes[key] in value if isinstance(value, list) else axes[key] == value for key, value in rule.items())


def cases(suite: Suite, plugins: Plugins) -> Iterator[Case]:
    """Yield the cases of a suite, each once."""
    seen = set()
    kinds = {repr(entry): _kind(entry, plugins) for entry in suite.tasks}
    for values in product(*_axes(suite).values()):
        case = Case(*values)
        model, kind = plugins.models[case.model.name], kinds[repr(case.task)]
        case = case._replace(start=_start(model, case, suite, kind))
        if not _does(case.model, case.task, kind, model) or not _selected(case, suite):
            continue
        case = _where_it_runs(case, suite, plugins)
        if repr(case) in seen:
            continue
        seen.add(repr(case))
        yield case


def _axes(suite: Suite) -> dict[str, tuple[Any, ...]]:
    """Return the lists whose product a suite is, in the order of a case's fields."""
    names = "models starts tasks hardware runtimes precisions batch_sizes scenarios seeds"
    return {name: getattr(suite, name) for name in names.split()}


def require_bounded(suite: Suite) -> None:
    """Raise if a suite has more cases than can be planned, before any of them is made.

    Raises:
        SuiteError: says how many it has, and how to divide it.
    """
    counts = {name: len(values) for name, values in _axes(suite).items()}
    if (total := prod(counts.values())) <= MOST_CASES:
        return
    factors = " × ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items() if count > 1)
    longest = max(counts, key=lambda name: counts[name])
    raise SuiteError(
        f"Suite {suite.name!r} has {total:,} cases, with those that it excludes: {factors}. At most {MOST_CASES:,} are "
        f"planned at once. Divide it, for example its {longest}, into several suites, and run them into one store: "
        "steps that they share are done once."
    )


def abilities(suite: Suite, plugins: Plugins) -> str:
    """Return what kinds of task the suite's models do, where its tasks are of other kinds."""
    kinds = {_kind(entry, plugins) for entry in suite.tasks}
    models = {entry.name: plugins.models[entry.name] for entry in suite.models}
    if any(kinds & set(model.kinds) for model in models.values()):
        return ""
    can = "; ".join(f"{name} ({model.summary}) does {', '.join(model.kinds)}" for name, model in models.items())
    return f" The tasks are of the kind {', '.join(sorted(kinds))}. {can}."


def undone(suite: Suite, plugins: Plugins) -> list[str]:
    """Return the tasks that no model of the suite does.

    Raises:
        SuiteError: one of them has data of the user's: they would never be looked at.
    """
    names = []
    for task in suite.tasks:
        kind = _kind(task, plugins)
        if any(_does(entry, task, kind, plugins.models[entry.name]) for entry in suite.models):
            continue
        if task.data is not None:
            able = ", ".join(name for name, model in plugins.models.items() if kind in model.kinds)
            raise SuiteError(
                f"No model of the suite does {task.name}, so its data {task.data!r} would not be looked at. Leave the "
                f"task out, or add a model that does it{f': {able}' if able else ''}."
            )
        names.append(task.name)
    return names


def _does(entry: ModelEntry, task: TaskEntry, kind: str, model: Model) -> bool:
    return kind in model.kinds and (not entry.tasks or task.name in entry.tasks)


def _kind(entry: TaskEntry, plugins: Plugins) -> str:
    return str(answer_on_data(plugins.tasks[entry.name], "kind_of", entry.data))


def require_installed(cases: Sequence[Case], plugins: Plugins) -> None:
    """Raise if the suite needs what is not installed: leaving cases out silently would mislead.

    Raises:
        PluginError: names the missing libraries and their extras.
    """
    spec: dict[tuple[str, str, bool], None] = {}
    for case in cases:
        spec["models", case.model.name, False] = None
        spec["tasks", case.task.name, case.task.data is not None] = None
        spec["hardware", case.hardware, False] = None
        form = plugins.runtimes[case.runtime].format
        if form is None or form in answer_of(plugins.models[case.model.name], "formats_of", case.start):
            spec["runtimes", case.runtime, False] = None
    parts = [plugins.missing(kind, name, with_data=with_data) for kind, name, with_data in spec]
    instead = "With --model, --task and --runtime a suite does without them. "
    refuse([part for part in parts if part is not None], instead)


def unsupported(case: Case, plugins: Plugins) -> str | None:
    """Return why a case's model cannot be evaluated and served as the case says, None if it can."""
    model, runtime, hardware = (
        plugins.models[case.model.name],
        plugins.runtimes[case.runtime],
        plugins.hardware[case.hardware],
    )
    device = hardware.device_type
    if runtime.format is not None and runtime.format not in answer_of(model, "formats_of", case.start):
        return f"{model.name} is not exported to {runtime.format}"
    if not _uses(model, hardware):
        return f"{model.name} does not compute on {hardware.device} devices"
    if device not in runtime.devices:
        return f"{runtime.name} does not run on {hardware.device} devices"
    if reason := plugins.no_runtime(runtime.name, case.hardware):
        return reason
    if case.precision not in runtime.precisions or case.precision not in hardware.precisions:
        return f"{runtime.name} on {case.hardware} does not compute in {case.precision}"
    return None


def _where_it_runs(case: Case, suite: Suite, plugins: Plugins) -> Case:
    """Return the case on hardware that its model computes on.

    Where no runtime of the suite runs there, the first that does takes its place, with a precision of its own.
    """
    name = _computes_on(plugins.models[case.model.name], case.hardware, suite, plugins)
    hardware = plugins.hardware[name]
    fitting = [one for one, runtime in plugins.runtimes.items() if hardware.device_type in runtime.devices]
    if name == case.hardware or not fitting or set(fitting) & set(suite.runtimes):
        return case._replace(hardware=name)
    precisions = plugins.runtimes[fitting[0]].precisions
    return case._replace(hardware=name, runtime=fitting[0], precision=precisions[0])


def _computes_on(model: Model, name: str, suite: Suite, plugins: Plugins) -> str:
    """Return the hardware that a model is measured on in place of one whose device it does not use.

    It is the first that can be used here, of the suite or else of the plugins; without any the named one, where the
    model is unsupported.
    """
    if _uses(model, plugins.hardware[name]):
        return name
    others = (other for other in (*suite.hardware, *plugins.hardware) if _uses(model, plugins.hardware[other]))
    return next((other for other in others if plugins.no_hardware(other) is None), name)


def _uses(model: Model, hardware: Hardware) -> bool:
    return model.devices is None or hardware.device_type in model.devices


def _start(model: Model, case: Case, suite: Suite, kind: str) -> str:
    """Return the start of a case, another one where the model does not have it for a kind of task."""
    starts: tuple[str, ...] = answer_of(model, "starts_on", kind)
    if case.start not in starts or (case.start == "pretrained" and not _pretrains(model, case.model, suite)):
        return starts[-1]
    return case.start


def _pretrains(model: Model, entry: ModelEntry, suite: Suite) -> bool:
    budget = entry.budgets.pretrain or suite.budgets.pretrain
    return model.brings_weights or (model.pretraining is not None and budget is not None)


def _selected(case: Case, suite: Suite) -> bool:
    included = not suite.include or any(case.matches(rule) for rule in suite.include)
    return included and not any(case.matches(rule) for rule in suite.exclude)
