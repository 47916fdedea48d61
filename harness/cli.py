"""The command line. Commands import what they need inside, so that `harness --help` stays fast."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from importlib.metadata import version
from inspect import getdoc
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from harness.choice import Choice, narrowed, readers_named, settings_of
from harness.errors import FAILED, DataError, SuiteError, unknown
from harness.installed import DISTRIBUTION
from harness.plugins import Plugins, load_plugins

if TYPE_CHECKING:
    from harness.plan import Plan
    from harness.seams import Data

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
    app.callback()(_of_program)
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
    message = re.sub("Input should be a valid number, .*", "Give a number, without a suffix or unit.", message)
    message = re.sub("Input should be a valid integer, .*", "Give a whole number, without a suffix or unit.", message)
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


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"harness {version(DISTRIBUTION)}")
        raise typer.Exit


def _of_program(
    *,
    _: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_say_version, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take the options of the program itself."""


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
        float | None, typer.Option(help="The most that all calls of priced models may cost, in USD.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Evaluate and serve anew what is measured already; earlier records stay.")
    ] = False,
    plugin: PluginFiles = None,
    store: StoreOption = None,
    artifacts: Annotated[
        str | None,
        typer.Option(help="Folder or URL (s3://…) for what steps write; else HARNESS_ARTIFACTS or the store's folder."),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="Do N steps at a time; one that measures has the machine for itself."),
    ] = 1,
    on: Annotated[
        str | None,
        typer.Option(
            metavar="ray[:ADDRESS]", help="Do the steps on a Ray cluster, which reaches --store and --artifacts."
        ),
    ] = None,
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
    if on is not None:
        from harness.nodes import Nodes, check_cluster

        check_cluster(on, store)
        plugins.elsewhere = nodes = Nodes(on.partition(":")[2] or None, files)
        context.call_on_close(nodes.close)
    whole, source = read_suite(suite)
    wanted = narrowed(whole, source, choice, plugins)
    if not dry_run and is_new(store):  # every step is due: import while planning
        warm_up(wanted, plugins)

    from harness.plan import make_plan
    from harness.run_command import RunCommand

    def replan() -> tuple[Plan, Plugins]:
        anew = load_plugins(files, silent=True)
        anew.elsewhere = plugins.elsewhere
        return make_plan(narrowed(whole, source, choice, anew), source, anew), anew

    with readers_named(wanted, choice, plugins):
        plan = make_plan(wanted, source, plugins)
        _warn_of_failures(plugins)
        command = RunCommand(Console(highlight=False), plugins, store, again, artifacts, jobs, on)
        if dry_run:
            command.show(plan)
            return
        raise typer.Exit(command.run(plan, files, replan))


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
    loaded: Data = answer_of(task, "data", source, filled(settings_of(texts, task.settings), task.settings))
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
    findings = check_target(target, plugins, screen.show, settings_of(setting or (), {}))
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
