"""`harness grades`: keeps the grades that people gave to the answers of a store. Functions import heavy modules."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness_reports.cli.options import PluginOption, StoreOption


def grades(
    file: Annotated[
        Path, typer.Argument(help="A CSV file with the columns input, answer, grader and grade; a grade may be empty.")
    ],
    *,
    rubric: Annotated[str, typer.Option(help="The rubric by which people graded, a YAML file.")],
    task: Annotated[str, typer.Option(help="Whose answers were graded.")] = "open-answers",
    plugin: PluginOption = None,
    store: StoreOption = None,
) -> None:
    """Keep the grades that people gave to answers in a store: judges are held against them.

    `harness export predictions --task open-answers` writes the answers. Grade a random sample of them: figures that
    are corrected by these grades hold for answers that could as well have been drawn.
    """
    from harness.plugins import load_plugins
    from harness.store import open_store
    from harness_reports.cli.judging import rubric_of, task_of
    from harness_reports.measured.human_grades import read_grades, record_of
    from harness_reports.measured.open_answers import given_answers
    from harness_reports.measured.store import read_store

    plugins = load_plugins(plugin or ())
    by = rubric_of(rubric, plugins)
    records = read_store(store, plugins)
    answers = given_answers(records, task_of(task, records, plugins))
    made = record_of(read_grades(file, by, answers), by, file)
    opened = open_store(store, create=True)
    try:
        new = opened.add(made)
    finally:
        opened.close()
    given = sum(grade is not None for column in made.answers["test"].values() for grade in column)
    graders = ", ".join(made.answers["test"])
    counted = f"{given} grades of {len(made.items['test']['input'])} answers by {graders}"
    typer.echo(f"{counted} are kept." if new else f"{counted} are in the store already; nothing to do.")
