"""From a suite to steps: cases, the steps they share, and a fingerprint for each step."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any, Literal, NamedTuple

from harness import plain
from harness.basis import Bases, Basis, covered
from harness.errors import HarnessError, PluginError, SuiteError, unknown
from harness.hooks import answer_of
from harness.installed import refuse
from harness.measure.loadgen import SCENARIOS
from harness.names import LABELS, default_name
from harness.plugins import Plugins
from harness.reading import HowRead
from harness.seams import Data, Hardware, Model, Setting, Task
from harness.suite import BudgetEntry, ModelEntry, Source, Suite, TaskEntry
from harness.yaml_text import quotes_wanted

AS_IS = "as-is"
"""The start of a model that no step trains."""
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
        return f"{self.kind} {' '.join(part for part in parts if part)} (seed {spec['seed']})"


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

    @property
    def moved(self) -> dict[str, str]:
        """Model → hardware beside the suite's that it is measured on, as it does not compute on the suite's."""
        specs = [step.spec for step in self.steps]
        return {spec["model"]: spec["hardware"] for spec in specs if spec["hardware"] not in self.suite.hardware}

    @property
    def pending(self) -> list[Step]:
        """Steps still to be done."""
        return [step for step in self.steps if step.fingerprint not in self.done]

    def against(self, finished: Mapping[str, str]) -> Plan:
        """Return the plan with the finished steps of a store marked as done."""
        steps = {step.fingerprint for step in self.steps}
        return replace(self, done={step: outcome for step, outcome in finished.items() if step in steps})


class _Case(NamedTuple):
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
        axes = {**self._asdict(), "model": self.model.name, "size": self.model.size, "task": self.task.name}
        return all(axes[key] in value if isinstance(value, list) else axes[key] == value for key, value in rule.items())


def make_plan(suite: Suite, source: Source, plugins: Plugins) -> Plan:
    """Return the steps of a suite, each after the steps it needs.

    Raises:
        SuiteError: a name or setting is unknown, data cannot be used, or there is nothing to do.
    """
    suite = _resolved(suite, source, plugins)
    planner = _Planner(suite, plugins)
    cases = list(_cases(suite, plugins))
    if not cases:
        raise SuiteError(
            f"Suite {source.label!r} asks for nothing: no model can do any of its tasks, or all cases are excluded."
            f"{_abilities(suite, plugins)}"
        )
    _require_installed(cases, plugins)
    wanted = 0
    for case in cases:
        wanted += planner.add(case)
    return Plan(suite, len(cases), tuple(planner.steps.values()), wanted - len(planner.steps))


def _abilities(suite: Suite, plugins: Plugins) -> str:
    """Return what kinds of task the suite's models do, where its tasks are of other kinds."""
    kinds = {answer_of(plugins.tasks[entry.name], "kind_of", entry.data) for entry in suite.tasks}
    models = {entry.name: plugins.models[entry.name] for entry in suite.models}
    if any(kinds & set(model.kinds) for model in models.values()):
        return ""
    can = "; ".join(f"{name} ({model.summary}) does {', '.join(model.kinds)}" for name, model in models.items())
    return f" The tasks are of the kind {', '.join(sorted(kinds))}. {can}."


def _cases(suite: Suite, plugins: Plugins) -> Iterator[_Case]:
    axes = (
        suite.models,
        suite.starts,
        suite.tasks,
        suite.hardware,
        suite.runtimes,
        suite.precisions,
        suite.batch_sizes,
        suite.scenarios,
        suite.seeds,
    )
    seen = set()
    kinds = {repr(entry): answer_of(plugins.tasks[entry.name], "kind_of", entry.data) for entry in suite.tasks}
    for values in product(*axes):
        case = _Case(*values)
        model, kind = plugins.models[case.model.name], kinds[repr(case.task)]
        case = case._replace(start=_start(model, case, suite))
        meant = not case.model.tasks or case.task.name in case.model.tasks
        if kind not in model.kinds or not meant or not _selected(case, suite):
            continue
        case = case._replace(hardware=_computes_on(model, case.hardware, suite, plugins))
        if repr(case) in seen:
            continue
        seen.add(repr(case))
        yield case


def _computes_on(model: Model, name: str, suite: Suite, plugins: Plugins) -> str:
    """Return the hardware that a model is measured on in place of one whose device it does not use.

    It is the first that can be used here, of the suite or else of the plugins; without any the named one, where the
    model is unsupported.
    """
    if _uses(model, plugins.hardware[name]):
        return name
    others = (other for other in (*suite.hardware, *plugins.hardware) if _uses(model, plugins.hardware[other]))
    return next((other for other in others if answer_of(plugins.hardware[other], "unavailable") is None), name)


def _uses(model: Model, hardware: Hardware) -> bool:
    return model.devices is None or _kind(hardware) in model.devices


def _kind(hardware: Hardware) -> str:
    return hardware.device.partition(":")[0]


def _require_installed(cases: Sequence[_Case], plugins: Plugins) -> None:
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
        if form is None or form in plugins.models[case.model.name].formats:  # else the case is unsupported
            spec["runtimes", case.runtime, False] = None
    parts = [plugins.missing(kind, name, with_data=with_data) for kind, name, with_data in spec]
    instead = "With --model, --task and --runtime a suite does without them. "
    refuse([part for part in parts if part is not None], instead)


def _start(model: Model, case: _Case, suite: Suite) -> str:
    """Return the start of a case, another one where the model does not have it."""
    missing = case.start not in model.starts
    if missing or (case.start == "pretrained" and not _pretrains(model, case.model, suite)):
        return model.starts[-1]
    return case.start


def _pretrains(model: Model, entry: ModelEntry, suite: Suite) -> bool:
    budget = entry.budgets.pretrain or suite.budgets.pretrain
    return model.brings_weights or (model.pretraining is not None and budget is not None)


def _selected(case: _Case, suite: Suite) -> bool:
    included = not suite.include or any(case.matches(rule) for rule in suite.include)
    return included and not any(case.matches(rule) for rule in suite.exclude)


class _Planner:
    """Collects the steps of cases; equal steps have one fingerprint and are kept once."""

    def __init__(self, suite: Suite, plugins: Plugins) -> None:
        self._suite = suite
        self._plugins = plugins
        self._bases = Bases(plugins)
        self.steps: dict[str, Step] = {}

    def add(self, case: _Case) -> int:
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
        why = self._unsupported(case, model)
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
        self._step("evaluate", graded, inputs, why)
        batch = case.batch_size if case.scenario == "Offline" else 1
        load = {**served, "batch_size": batch, "scenario": case.scenario, "load": self._suite.serve.model_dump()}
        self._step("serve", load, inputs, why)
        return count

    def _trained(self, case: _Case, spec: dict[str, Any], model: Model, task: Task) -> tuple[dict[str, str], int]:
        """Add the steps that train, and return what later ones read of them and their number."""
        inputs: dict[str, str] = {}
        if case.start == "pretrained" and not model.brings_weights:
            inputs["pretrained"] = self._pretrain(case, spec, task)
        tuned = {
            **spec,
            "start": case.start,
            "budget": _budget(case.model.budgets.finetune or self._suite.budgets.finetune),
        }
        return {"trained": self._step("finetune", {**tuned, "seed": case.seed}, inputs)}, 1 + len(inputs)

    def _spec(self, case: _Case, model: Model, task: Task) -> dict[str, Any]:
        return {
            "model": model.name,
            "size": case.model.size,
            "settings": dict(case.model.settings),
            "task": task.name,
            "source": case.task.data,
            "data": task.data_name if case.task.data is None else case.task.data_name,
            "task_settings": dict(case.task.settings),
            "hardware": case.hardware,
            "precision": case.precision,
        }

    def _pretrain(self, case: _Case, spec: dict[str, Any], task: Task) -> str:
        """Add a pretraining, with the suite's first seed: all seeds of a fine-tuning share it."""
        pretraining = {**spec, "start": "scratch", "seed": self._suite.seeds[0]}
        if task.pretrains_on is not None and case.task.data is None:
            other = self._plugins.find("tasks", task.pretrains_on)
            pretraining |= {"task": other.name, "source": None, "data": other.data_name}
            pretraining |= {"task_settings": filled({}, other.settings)}
        pretraining["budget"] = _budget(case.model.budgets.pretrain or self._suite.budgets.pretrain)
        return self._step("pretrain", pretraining, {})

    def _unsupported(self, case: _Case, model: Model) -> str | None:
        runtime, hardware = self._plugins.runtimes[case.runtime], self._plugins.hardware[case.hardware]
        if runtime.format is not None and runtime.format not in model.formats:
            return f"{model.name} is not exported to {runtime.format}"
        if not _uses(model, hardware):
            return f"{model.name} does not compute on {hardware.device} devices"
        if _kind(hardware) not in runtime.devices:
            return f"{runtime.name} does not run on {hardware.device} devices"
        if reason := answer_of(runtime, "unavailable", _kind(hardware)):
            return str(reason)
        if case.precision not in runtime.precisions or case.precision not in hardware.precisions:
            return f"{runtime.name} on {case.hardware} does not compute in {case.precision}"
        return None

    def _step(
        self, kind: StepKind, spec: dict[str, Any], inputs: dict[str, str], unsupported: str | None = None
    ) -> str:
        basis, files = self._bases.of(kind, spec), self._bases.files(kind, spec)
        defining = {name: value for name, value in spec.items() if name not in LABELS}
        body = {"step": kind, "spec": defining, "inputs": inputs, "unsupported": unsupported, "basis": covered(basis)}
        fingerprint = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        self.steps.setdefault(fingerprint, Step(kind, spec, dict(inputs), fingerprint, basis, files, unsupported))
        return fingerprint


def _budget(entry: BudgetEntry | None) -> dict[str, Any]:
    if entry is None:
        raise SuiteError(
            "No budget for fine-tuning. Set `budgets: {finetune: {steps: …}}` in the suite or for the model."
        )
    # Without a limit `labels` is left out: the fingerprint is that from before there was such a limit.
    return entry.model_dump(exclude=None if entry.labels else {"labels"})


# Names and settings --------------------------------------------------------------------------------------------------


def _resolved(suite: Suite, source: Source, plugins: Plugins) -> Suite:
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
    return entry.model_copy(update={"size": size, "settings": settings, "tasks": tasks})


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


def filled(given: Mapping[str, Any], declared: Mapping[str, Setting]) -> dict[str, Any]:
    """Return all settings, defaults filled in.

    Raises:
        SuiteError: a setting is unknown, of another type, or not among its choices.
        PluginError: a setting that a record cannot hold, such as NaN.
    """
    filled = {name: setting.default for name, setting in declared.items()}
    for name, value in given.items():
        if name not in declared:
            raise SuiteError(unknown("setting", name, declared))
        filled[name] = _of_type(name, value, declared[name])
    for name, value in filled.items():
        plain.nested(value, f"setting {name}")
    return {name: plain.python(value) for name, value in filled.items()}


def _of_type(name: str, value: Any, setting: Setting) -> Any:
    """Return a value of a setting; a whole number such as 1e3 is an int where the setting has one."""
    default = setting.default
    if type(default) is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    texts = isinstance(default, str) or (setting.choices and all(isinstance(one, str) for one in setting.choices))
    if texts and (remedy := quotes_wanted(value)):
        raise SuiteError(f"{name} is {value!r}. {remedy}")
    if setting.choices and value not in setting.choices:
        raise SuiteError(unknown(f"value of {name}", str(value), map(str, setting.choices)))
    if default is not None and not _same_type(value, default):
        raise SuiteError(f"{name} is {value!r}: give {_wanted(default)}.")
    return value


def _same_type(value: Any, default: Any) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    number = isinstance(default, float) and isinstance(value, int)
    return number or isinstance(value, type(default)) or (isinstance(default, tuple) and isinstance(value, list))


def _wanted(default: Any) -> str:
    """Return what a setting takes, as a suite writes it."""
    if isinstance(default, bool):
        return "true or false"
    noun = {int: "an int", float: "a float", str: "a text", tuple: "a list"}.get(type(default), type(default).__name__)
    return f"{noun}, like {repr(default) if isinstance(default, float) else json.dumps(default)}"


class CheckedData(NamedTuple):
    """The data of the pending steps."""

    read: list[tuple[Step, HowRead]]
    """How data of the user's were read, each with a step on them."""
    loaded: dict[str, Data]
    """Data that were loaded and that a model will look at, by `_data_key`."""


def check_data(plan: Plan, plugins: Plugins) -> CheckedData:
    """Let every task with pending steps check its data, before anything is written.

    Raises:
        DataError: names the file, the place in it and the remedy.
    """
    wanted = {_data_key(step) for step in _looked_at(plan, plugins)}
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


def check_models(plan: Plan, plugins: Plugins, loaded: Mapping[str, Data]) -> list[str]:
    """Let every model with pending steps check that it can take up its data, before anything is written.

    Args:
        plan: what is to be done.
        plugins: what is installed.
        loaded: data that `check_data` has loaded; others are loaded if a model looks at them.

    Returns:
        what the models say, each sentence once.

    Raises:
        HarnessError: a model cannot be measured on its data; names the remedy.
    """
    notes: dict[str, None] = {}
    by_key = dict(loaded)
    for step in _looked_at(plan, plugins):
        if (key := _data_key(step)) not in by_key:
            by_key[key] = _of_task(step, plugins, "data")
        spec = step.spec
        notes |= dict.fromkeys(
            answer_of(plugins.models[spec["model"]], "check", by_key[key], spec["settings"], spec["start"])
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


def _data_key(step: Step) -> str:
    return json.dumps([step.spec[key] for key in ("task", "source", "task_settings")], sort_keys=True)


def _of_task(step: Step, plugins: Plugins, method: str) -> Any:
    spec = step.spec
    return answer_of(plugins.tasks[spec["task"]], method, spec["source"], spec["task_settings"])
