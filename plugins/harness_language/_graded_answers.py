"""Reads the user's answers that are to be graded, with the right grades where they are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness import DataError
from harness.user_data.splits import Completed
from harness.user_data.tables import Gathered, gathered, require_in_all, require_own_columns
from harness_language._columns import check_texts, require_column
from harness_language._completed import Item, completed
from harness_language._optional import all_for_test, optional_texts, present_columns, report
from harness_language._rubric import EXAMPLE, Rubric, opened
from harness_language._settings import ANSWERS
from harness_language._table_files import Table
from harness_language._tables import loaded, wanted_of
from harness_language.graded_answers import GradedAnswer, GradingData

ADVICE = "Give at least 3 different graded answers, or leave the grades out: then all are graded by the judge."
NEEDED, OPTIONAL = ("input_column", "answer_column"), ("reference_column", "grade_column")


def read(source: str, settings: Mapping[str, Any]) -> GradingData:
    """Load answers from a file, a folder in the hub's format, or the hub.

    Answers without a grade belong to the test split: a judge grades them. Those with one are divided 70/10/20, or as
    the source divides them.

    Args:
        source: a path or the name of a hub data set.
        settings: `rubric`, `order`, the columns, `split_column`, and how the files are written.

    Raises:
        DataError: names the file, row or column that is wrong, a grade outside the scale, or what the rubric lacks.
    """
    if not settings["rubric"]:
        raise DataError(
            f"{source} needs a rubric. Write one into a file and name it with the task's setting rubric "
            f"(--task-setting rubric=rubric.yaml):\n{EXAMPLE}"
        )
    rubric = opened(settings["rubric"])
    needed = {name: settings[name] for name in NEEDED}
    tables = loaded(source, settings, needed)
    columns = {**needed, **present_columns(tables, settings, ANSWERS, OPTIONAL)}
    require_own_columns(source, tables, columns)
    require_in_all(tables, wanted_of(columns))
    rows = gathered(tables, lambda part: _rows(part.name, part.table, columns, rubric))
    made = _divided(source, rows)
    splits = {split: [answer for _, answer in items] for split, items in made.splits.items()}
    data = GradingData(rubric, splits, settings["order"])
    data.how_read = report(rows, made, columns)
    return data


def _rows(name: str, table: Table, columns: Mapping[str, str], rubric: Rubric) -> list[Item]:
    """Return a table's answers, each with what a judge reads."""
    wanted = [columns[setting] for setting in NEEDED]
    for setting in NEEDED:
        require_column(name, table, columns[setting], setting, wanted)
        check_texts(name, columns[setting], table[columns[setting]], setting)
    references = optional_texts(name, table, columns.get("reference_column"), "reference_column")
    grades = _grades(name, table, columns.get("grade_column"), rubric)
    texts = (table[columns[setting]] for setting in NEEDED)
    answers = [
        GradedAnswer(question, reference, answer, grade)
        for question, answer, reference, grade in zip(*texts, references, grades, strict=True)
    ]
    return [(one.text, one) for one in answers]


def _grades(name: str, table: Table, column: str | None, rubric: Rubric) -> Sequence[int | None]:
    """Return the grades of a table, None where a cell is empty."""
    if column is None:
        return [None] * len(table)
    return [
        grade_of(f"{name}, row {number}: column {column!r}", cell, rubric)
        for number, cell in enumerate(table[column], start=1)
    ]


def grade_of(where: str, cell: Any, rubric: Rubric) -> int | None:
    """Return the grade in a cell, None where it is empty.

    Raises:
        DataError: it is no grade of the scale.
    """
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None
    try:
        grade = int(cell) if not isinstance(cell, bool) and int(cell) == float(cell) else None
    except (TypeError, ValueError, OverflowError):
        grade = None
    if grade not in rubric.scale:
        raise DataError(
            f"{where} holds {cell!r:.60}, which is no grade of the rubric {rubric.name!r}. Give one of "
            f"{', '.join(map(str, rubric.scale))}, or leave the cell empty."
        )
    return grade


def _divided(source: str, rows: Gathered[Item]) -> Completed[Item]:
    """Return train, validation and test; what has no grade is in test."""
    whole = len(rows.by_split) == 1
    if not any(answer.grade is not None for items in rows.by_split.values() for _, answer in items):
        if whole:
            return all_for_test(rows, "all, as there are no grades to learn from")
        raise DataError(f"{source} has several splits and no grades. Add a column with them, or leave the splits out.")
    if not whole:
        for split in ("train", "validation"):
            if any(answer.grade is None for _, answer in rows.by_split.get(split, ())):
                raise DataError(f"{source}: a row of the {split} split has no grade. Fill it in, or move it to test.")
        return completed(source, rows, ADVICE, what="answer")
    ((name, items),) = rows.by_split.items()
    graded = [item for item in items if item[1].grade is not None]
    made = completed(source, rows._replace(by_split={name: graded}), ADVICE, what="answer")
    learnt = {text for split in ("train", "validation") for text, _ in made.splits[split]}
    made.splits["test"] += [(text, one) for text, one in items if one.grade is None and text not in learnt]
    return made
