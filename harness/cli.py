"""The command line. Commands import what they need inside, so that `harness --help` stays fast."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from inspect import getdoc
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer
from typer.core import TyperCommand

from harness.errors import INTERRUPTED, DataError, HarnessError, SuiteError, unknown
from harness.plugins import Plugins, load_plugins
from harness.seams.model import START

if TYPE_CHECKING:
    from harness.plan import Plan, Step
    from harness.records import Record
    from harness.run import Replan
    from harness.seams import Data, Setting
    from harness.suite import ModelEntry, Source, Suite, TaskEntry

FAILED = 1

PluginFiles = Annotated[
    list[str] | None,
    typer.Option("--plugin", help="A Python file with a plugin, or a use case's YAML file; repeatable."),
]
StoreOption = Annotated[
    str | None, typer.Option("--store", help="Folder or database URL; else HARNESS_STORE or harness-results.")
]


def make_app(plugins: Plugins, wanted: Sequence[str]) -> typer.Typer:
    """Return the command line with the core's commands and the plugins'.

    Args:
        plugins: they add commands.
        wanted: the command that will run, if any; the others only appear in the help.
    """
    app = typer.Typer(
        name="harness",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        help="Measure models, price what was measured, and see whether a use case is worth the money.",
    )
    app.command("run")(run)
    app.command("data")(show_data)
    app.command("plugins")(list_plugins)
    app.command("check")(check)
    app.command("new")(new)
    plugins.add_commands(app)
    _strip_parameters(app, wanted)
    for command in app.registered_commands:
        command.cls = _Command
    return app


class _Command(TyperCommand):
    """A command whose errors of options read like those of the harness."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the command line."""
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            error.message = _of_option(error.message)
            raise


def _of_option(message: str) -> str:
    """Return typer's message about a value without pydantic's prefix, and with the nearest choice."""
    message = message.removeprefix("Value error, ")
    message = re.sub("Input should be a valid (number|integer), .*", r"Give a \1, without a suffix or unit.", message)
    if (choice := re.fullmatch("'(.*)' is not one of '(.*)'\\.", message)) is None:
        return message
    near = get_close_matches(choice[1], choice[2].split("', '"), n=1, cutoff=0.5)
    return f"{message} Did you mean {near[0]!r}?" if near else message


def _strip_parameters(app: typer.Typer, wanted: Sequence[str]) -> None:
    """Strip the parameters of commands that will not run: building them takes most of the time of `--help`."""
    for command in app.registered_commands:
        if command.callback is not None and command.name not in wanted:
            command.help = command.help or getdoc(command.callback)
            command.callback = _stand_in


def _stand_in() -> None:
    """Stand in for a command that will not run."""


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


def run(
    context: typer.Context,
    suite: Annotated[
        str, typer.Argument(help="The name of a suite that comes with the harness, or a YAML file.")
    ] = "quick",
    model: Annotated[
        list[str] | None, typer.Option(help="Only this model (or one the suite does not name); repeatable.")
    ] = None,
    task: Annotated[
        list[str] | None, typer.Option(help="Only this task (or one the suite does not name); repeatable.")
    ] = None,
    hardware: Annotated[
        list[str] | None, typer.Option(help="On this hardware instead of the suite's; repeatable.")
    ] = None,
    runtime: Annotated[
        list[str] | None, typer.Option(help="In this runtime instead of the suite's; repeatable.")
    ] = None,
    start: Annotated[
        list[str] | None, typer.Option(help="From this start instead of the suite's (as-is: no training); repeatable.")
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE for the models named by --model; repeatable.")
    ] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run code that comes with a checkpoint. Read it first.")
    ] = False,
    data: Annotated[
        str | None, typer.Option(help="Your data for the tasks that take data: a file, a folder or a hub data set.")
    ] = None,
    data_name: Annotated[
        str | None, typer.Option(help="What tables and use cases call your data; else after their file, folder or id.")
    ] = None,
    task_setting: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE for the tasks, such as text_column=review; repeatable.")
    ] = None,
    max_items: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Evaluate on at most N items of a split: of more, on a seeded sample."),
    ] = None,
    spend_usd: Annotated[
        float | None, typer.Option(min=0, help="The most that all calls of priced models may cost, in USD.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Evaluate and serve anew what is measured already; earlier records stay.")
    ] = False,
    plugin: PluginFiles = None,
    store: StoreOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and do nothing.")] = False,
) -> None:
    """Run a suite; what is already measured is not measured again."""
    from rich.console import Console

    from harness.execute.local import warm_up
    from harness.place import is_new
    from harness.suite import read_suite

    files = tuple(plugin or ())
    plugins: Plugins = context.obj
    plugins.load_files(files)
    choice = Choice(
        models=tuple(model or ()),
        tasks=tuple(task or ()),
        hardware=tuple(hardware or ()),
        runtimes=tuple(runtime or ()),
        starts=tuple(start or ()),
        data=data,
        data_name=data_name,
        task_settings=tuple(task_setting or ()),
        settings=(*(setting or ()), *(("trust_remote_code=true",) if trust_remote_code else ())),
        max_items=max_items,
        spend_usd=spend_usd,
    )
    whole, source = read_suite(suite)
    wanted = _narrowed(whole, source, choice, plugins)
    if not dry_run and is_new(store):  # every step is due: import while planning
        warm_up(wanted, plugins)

    from harness.plan import make_plan

    def replan() -> tuple[Plan, Plugins]:
        plugins = load_plugins(files, silent=True)
        return make_plan(_narrowed(whole, source, choice, plugins), source, plugins), plugins

    console = Console(highlight=False)
    with _readers_named(wanted, choice, plugins):
        plan = make_plan(wanted, source, plugins)
        _warn_of_failures(plugins)
        if dry_run:
            _print_plan(console, plan, plugins, store, again=again)
            return
        raise typer.Exit(_run(console, plan, plugins, store, files, replan, again=again))


@contextmanager
def _readers_named(suite: Suite, choice: Choice, plugins: Plugins) -> Iterator[None]:
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


def _narrowed(suite: Suite, source: Source, choice: Choice, plugins: Plugins) -> Suite:
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
        changes["budgets"] = suite.budgets.model_copy(update={"spend_usd": choice.spend_usd})
    changes["tasks"] = _with_data(changes.get("tasks", suite.tasks), source, choice, plugins)
    narrowed = suite.model_copy(update=changes)
    if choice.data is None or choice.tasks:
        return narrowed
    done = tuple(entry for entry in narrowed.tasks if _may_be_done(entry, narrowed, plugins))
    return narrowed.model_copy(update={"tasks": done or narrowed.tasks})


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
        given = _settings(texts, declared)
        filled(given, declared)
    except HarnessError as error:
        raise SuiteError(f"{option}: {error}") from None
    return given


def _settings(texts: Sequence[str], declared: Mapping[str, Setting]) -> dict[str, Any]:
    """Return settings: texts, such as a column called `2024`, as they are written, others as in YAML."""
    from harness.suite import read_value

    verbatim = {name for name, setting in declared.items() if isinstance(setting.default, str)}
    return {name: value if name in verbatim else read_value(value) for name, value in map(_pair, texts)}


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise SuiteError(f"{text!r} is not a setting: write NAME=VALUE.")
    return name, value


def _run(
    console: Any,
    plan: Plan,
    plugins: Plugins,
    location: str | None,
    files: tuple[str, ...],
    replan: Replan,
    *,
    again: bool = False,
) -> int:
    from harness.run import run_plan
    from harness.screen import open_screen, say
    from harness.store import open_store, peek

    plan = plan.against(peek(location), again=again)
    _name_data(console, plan, plugins, location)
    if not plan.pending:
        say(console, f"Suite {plan.suite.name!r}: all {len(plan.steps)} steps are measured already; nothing to do.")
        return _code(console, plan.done.values())
    plan, notes = _check(console, plan, plugins)
    store = open_store(location, create=True)
    store.artifacts.sweep()
    say(console, f"Suite {plan.suite.name!r}: {plan.cases} cases, {len(plan.steps)} steps, {plan.due}.")
    _say_left_out(console, plan)
    _say_moved(console, plan)
    _say_notes(console, notes)
    try:
        with open_screen(console, plan) as screen:
            summary = run_plan(plan, plugins, store, screen, files, replan)
    except KeyboardInterrupt:
        goes_on = "begins again" if again else "goes on where this one stopped"
        say(console, f"Stopped. Finished steps are kept; the same command {goes_on}.")
        return INTERRUPTED
    finally:
        store.close()
    say(console, f"Done: {summary}. Store: {store.label}")
    return _code(console, [*plan.done.values(), *summary.outcomes]) if summary.complete else FAILED


def _code(console: Any, outcomes: Iterable[str]) -> int:
    """Return the exit code of a run without failures: a run that could measure nothing is none to build on."""
    from harness.screen import say

    if set(outcomes) != {"unsupported"}:
        return 0
    say(console, "Nothing is measured: every step is unsupported. `harness run … --dry-run` says why.")
    return FAILED


def _check(console: Any, plan: Plan, plugins: Plugins) -> tuple[Plan, list[str]]:
    """Check data and models of the pending steps, and say how the user's data are read.

    Returns:
        The plan, in which the steps are marked that the data cannot do, and what models say.
    """
    from harness.checks import check_data, check_labels, check_models, check_samples
    from harness.screen import say
    from harness.spending import lines, quotes, require_cap

    checked = check_data(plan, plugins)
    for step, how in checked.read:
        say(console, f"{step.spec['data']} ({step.spec['source']}) as {step.spec['task']}:")
        for line in how.lines():
            say(console, f"  {line}")
    plan = check_labels(plan, plugins, checked.loaded)
    plan, notes = check_samples(plan, plugins, checked.loaded)
    quoted = quotes(plan, plugins, checked.loaded)
    for line in lines(quoted, plan.suite.budgets.spend_usd):
        say(console, line)
    require_cap(quoted, plan)
    return plan, notes + check_models(plan, plugins, checked.loaded)


def _say_notes(console: Any, notes: Sequence[str]) -> None:
    from harness.screen import say

    for note in notes:
        say(console, f"note: {note}")


def _say_left_out(console: Any, plan: Plan) -> None:
    from harness.screen import say

    if plan.undone:
        say(console, f"note: no model of the suite does {', '.join(plan.undone)}: nothing is measured there.")


def _say_moved(console: Any, plan: Plan) -> None:
    from harness.screen import say

    of_suite = ", ".join(plan.suite.hardware)
    for model, hardware in plan.moved.items():
        say(console, f"{model} does not compute on {of_suite}: it is measured and priced on {hardware}.")


def _name_data(console: Any, plan: Plan, plugins: Plugins, location: str | None) -> None:
    """Rename the plan's data in all records, also in those of models that this run leaves out.

    Otherwise a use case would see only some of the candidates, perhaps without the baseline.
    """
    from harness.records import FINAL
    from harness.screen import say
    from harness.store import open_store, peek_records

    names = {_data(step): step.spec["data"] for step in plan.steps if step.spec["source"] is not None}
    records = plugins.under_current_names(peek_records(location)) if names else []
    renamed = {
        record.fingerprint: names[_data(record)]
        for record in records
        if record.outcome in FINAL and names.get(_data(record)) not in (None, record.spec["data"])
    }
    if not renamed:
        return
    store = open_store(location)
    try:
        if store.name_data(renamed):
            called = ", ".join(dict.fromkeys(renamed.values()))
            say(console, f"The data of what is measured already are now called {called}.")
    finally:
        store.close()


def _data(measured: Step | Record) -> str:
    """Return a key for the data of a step or record; from another folder, the same path may lead to other data."""
    spec = measured.spec
    parts = (spec["task"], spec.get("source"), spec.get("task_settings"), measured.basis.get("data"))
    return json.dumps(parts, sort_keys=True)


def _print_plan(console: Any, plan: Plan, plugins: Plugins, location: str | None, *, again: bool) -> None:
    from harness.estimate import estimate_s
    from harness.screen import say
    from harness.store import peek, peek_records

    plan, records = plan.against(peek(location), again=again), plugins.under_current_names(peek_records(location))
    plan, notes = _check(console, plan, plugins)
    seconds, unknown = estimate_s(plan.pending, records)
    for step in plan.steps:
        say(console, f"{step.title}: {_state(step, plan, records)}")
    say(console, f"{plan.cases} cases, {len(plan.steps)} steps ({plan.shared} shared), {plan.due}.")
    _say_left_out(console, plan)
    _say_moved(console, plan)
    _say_notes(console, notes)
    if plan.pending:
        estimate = f"{seconds:.0f} s" if seconds or not unknown else "not known"
        rest = f"; {unknown} steps have no earlier record to estimate from" if unknown else ""
        say(console, f"Estimated time: {estimate}{rest}.")


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


def show_data(
    context: typer.Context,
    task: Annotated[str, typer.Argument(help="The task that reads them: `harness plugins` lists the tasks.")],
    data: Annotated[
        str | None, typer.Option(help="Your data: a file, a folder or a hub data set; else those of the task.")
    ] = None,
    task_setting: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE for the task, such as text_column=review; repeatable.")
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help="text, json, or csv: every row with its split.", metavar="FORMAT")
    ] = "text",
    plugin: PluginFiles = None,
) -> None:
    """Show how a task reads data: files, columns, splits, classes, what is left out. Runs nothing."""
    from harness import data_report
    from harness.errors import DataError, unknown

    forms = {"text": data_report.as_text, "json": data_report.as_json, "csv": data_report.as_csv}
    if form not in forms:
        raise SuiteError(unknown("format", form, forms))
    plugins: Plugins = context.obj
    plugins.load_files(plugin or ())
    written = forms[form](_data_of(task, data, task_setting or (), plugins))
    if written is None:
        raise DataError(f"The data of {task} have no rows that could be written.")
    typer.echo(written, nl=form != "csv")


def _data_of(name: str, source: str | None, texts: Sequence[str], plugins: Plugins) -> Data:
    """Return the data of a task, or those of a source."""
    from harness.hooks import answer_of
    from harness.installed import refuse
    from harness.settings import filled

    task = plugins.find("tasks", name)
    if source is not None and not task.takes_data:
        raise SuiteError(f"Task {task.name!r} takes no data of your own.")
    missing = plugins.missing("tasks", task.name, with_data=source is not None)
    refuse([] if missing is None else [missing], "")
    loaded: Data = answer_of(task, "data", source, filled(_settings(texts, task.settings), task.settings))
    return loaded


def check(
    context: typer.Context,
    target: Annotated[
        str, typer.Argument(help="A plugin's file, a plugin, or the name of a model, task, hardware, runtime, …")
    ],
    setting: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE for a model, where it is not its default; repeatable.")
    ] = None,
    plugin: PluginFiles = None,
) -> None:
    """Check what a plugin brings, and say how to fix each failure."""
    from rich.console import Console

    from harness.screen import FindingsScreen
    from harness.testing import check as check_target

    plugins: Plugins = context.obj
    plugins.load_files(plugin or ())
    screen = FindingsScreen(Console(highlight=False))
    findings = check_target(target, plugins, screen.show, _settings(setting or (), {}))
    typer.echo(findings.summary())
    raise typer.Exit(0 if findings.ok else FAILED)


def new(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help="The template: `harness plugins` lists them.")],
    name: Annotated[str, typer.Argument(help="The name of the new plugin.")],
    package: Annotated[bool, typer.Option("--package", help="An installable project instead of one file.")] = False,
) -> None:
    """Write a plugin to start from: a model, a task, hardware, a runtime, a use case."""
    from pathlib import Path

    from harness.scaffold import next_commands, scaffold

    plugins: Plugins = context.obj
    template = plugins.find("templates", what)
    for file in scaffold(template, name, plugins, Path(), package=package):
        typer.echo(f"wrote {file}")
    typer.echo("next:")
    for command in next_commands(template, name, package=package):
        typer.echo(f"  {command}")


def list_plugins(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    plugin: PluginFiles = None,
) -> None:
    """List plugins: what each brings, version, import time, failures."""
    from harness.listing import listing

    plugins: Plugins = context.obj
    plugins.load_files(plugin or ())
    typer.echo(listing(plugins, as_json=json))


def _warn_of_failures(plugins: Plugins) -> None:
    for failure in plugins.failures:
        typer.echo(
            f"warning: plugin {failure.plugin!r} ({failure.distribution}) failed to load: {failure.reason}", err=True
        )
