"""Reads the user's questions that are answered freely."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.user_data.tables import gathered, require_in_all, require_own_columns
from harness_language._columns import texts_of
from harness_language._completed import Item, completed
from harness_language._optional import all_for_test, optional_texts, present_columns, report
from harness_language._settings import OPEN_QUESTIONS
from harness_language._table_files import Table
from harness_language._tables import loaded, wanted_of
from harness_language.open_answers import OpenAnswerData, OpenQuestion

ADVICE = "Give at least 3 different questions, or leave the reference answers out: then all are asked."


def read(source: str, settings: Mapping[str, Any]) -> OpenAnswerData:
    """Load questions from a file, a folder in the hub's format, or the hub.

    The source's splits are kept. Without any, questions with reference answers are divided 70/10/20; where none has
    one there is nothing to learn, and all are the test split.

    Args:
        source: a path or the name of a hub data set.
        settings: `input_column`, `reference_column`, `split_column`, and how the files are written.

    Raises:
        DataError: names the file, row or column that is wrong.
    """
    needed = {"input_column": settings["input_column"]}
    tables = loaded(source, settings, needed)
    columns = {**needed, **present_columns(tables, settings, OPEN_QUESTIONS, ("reference_column",))}
    require_own_columns(source, tables, columns)
    require_in_all(tables, wanted_of(columns))
    rows = gathered(tables, lambda part: _rows(part.name, part.table, columns))
    learnable = any(reference for items in rows.by_split.values() for _, reference in items)
    if learnable or len(rows.by_split) > 1:
        made = completed(source, rows, ADVICE, what="question")
    else:
        made = all_for_test(rows, "all, as there are no reference answers to learn from")
    data = OpenAnswerData({split: [OpenQuestion(*item) for item in items] for split, items in made.splits.items()})
    data.how_read = report(rows, made, columns)
    return data


def _rows(name: str, table: Table, columns: Mapping[str, str]) -> list[Item]:
    """Return a table's questions with their reference answers."""
    column = columns["input_column"]
    questions = texts_of(name, table, column, "input_column", column.split("+"))
    references = optional_texts(name, table, columns.get("reference_column"), "reference_column")
    return list(zip(questions, references, strict=True))
