"""`harness judge`: lets a model grade the answers of others. Functions import heavy modules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from harness_reports.cli.options import PluginOption, StoreOption

if TYPE_CHECKING:
    from harness.plan import Plan
    from harness.plugins import Plugins


def judge(
    *,
    model: Annotated[
        str, typer.Option(help="The judge: openai:NAME@URL, hf:FOLDER, or another that answers without training.")
    ],
    rubric: Annotated[str, typer.Option(help="A YAML file: name, as_of, source, question, scale, good_from.")],
    task: Annotated[str, typer.Option(help="Whose answers are graded.")] = "open-answers",
    data_name: Annotated[str | None, typer.Option(help="Only the answers to the data of this name.")] = None,
    setting: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE for the judge, such as max_tokens=8; repeatable.")
    ] = None,
    hardware: Annotated[str, typer.Option(help="Where a judge runs that runs here.")] = "cpu",
    check_order: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Grade N of the answers a second time, with the scale listed the other way round."
        ),
    ] = None,
    spend_usd: Annotated[float | None, typer.Option(help="The most that all calls may cost, in USD.")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Grade anew what this judge has graded already; earlier records stay.")
    ] = False,
    plugin: PluginOption = None,
    store: StoreOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print calls, tokens and price, and do nothing.")] = False,
) -> None:
    """Let a model grade the answers in a store by a rubric; what it has graded already is not asked again.

    Such grades are not validated before people have graded some of the same answers: `harness grades`.
    """
    from rich.console import Console

    from harness.plugins import load_plugins
    from harness.run_command import RunCommand
    from harness.store import open_store
    from harness_reports.cli import judging
    from harness_reports.measured.open_answers import given_answers
    from harness_reports.measured.store import read_store

    files = tuple(plugin or ())
    plugins = load_plugins(files)
    settings = judging.settings_of_judge(model, setting or (), plugins)
    asking = judging.Asking(model, settings, judging.rubric_of(rubric, plugins), hardware, judging.amount(spend_usd))
    records = read_store(store, plugins)
    answers = given_answers(records, judging.task_of(task, records, plugins), data_name)
    parts: judging.Parts = {judging.LISTED: answers}
    if check_order is not None:
        parts = {**parts, judging.SWAPPED: judging.sample(answers, check_order)}
    if not again:
        parts, without = judging.not_asked(asking, parts, records, plugins)
        if not parts:
            typer.echo(f"{model} was asked to grade all {len(answers)} answers already; nothing to do.")
        if without:
            typer.echo(
                f"What it said of {without} of them before is no grade. Read it with harness export predictions --task "
                f"answer-grading; --again asks it to grade all {len(answers)} anew."
            )
    if not parts:
        return
    opened = open_store(store)
    opened.close()
    with judging.written(parts, opened.artifacts.root, dry_run=dry_run) as made:

        def replan() -> tuple[Plan, Plugins]:
            anew = load_plugins(files, silent=True)
            return asking.plan(made, anew), anew

        command, plan = RunCommand(Console(highlight=False), plugins, store, again), asking.plan(made, plugins)
        if dry_run:
            command.show(plan)
            return
        code = command.run(plan, files, replan)
    raise typer.Exit(code)
