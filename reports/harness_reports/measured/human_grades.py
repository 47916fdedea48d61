"""Grades that people gave to answers: read from a file, checked against a rubric and a store, kept as a record."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from harness.encodings import read_text
from harness.errors import DataError
from harness.records import Record
from harness_reports.measured.open_answers import GRADING, STEP, Given

COLUMNS = ("input", "answer", "grader", "grade")
_FORM = f"Give a CSV file with the columns {', '.join(COLUMNS)}, a row for each grade."


class HumanGrade(NamedTuple):
    """What one person gave to one answer."""

    input: str
    answer: str
    grader: str
    grade: int | None
    """None where this person did not grade it."""


def read_grades(file: Path, rubric: str, answers: Sequence[Given]) -> list[HumanGrade]:
    """Return the grades in a CSV file, under the texts of the store.

    White space around a text, the form of line ends and an apostrophe before it do not matter: spreadsheets and exports
    change them. A grade holds for all answers in the store that differ in no more. Where `answer` is empty it is read
    from `output`, in which exports have the answers of every model.

    Args:
        file: with the columns `COLUMNS`; others are not read.
        rubric: as canonical JSON.
        answers: those of the store.

    Raises:
        DataError: names the row that is wrong: a grade outside the scale, an answer that the store lacks, two grades
            of one person for one answer.
    """
    scale, by_words = list(map(int, json.loads(rubric)["scale"])), _by_words(answers)
    read: dict[tuple[str, str, str], HumanGrade] = {}
    for where, row in _rows(file):
        grader = row["grader"].strip()
        if not grader:
            raise DataError(f"{where}: the grader is empty. Name the person, by initials if you like.")
        answer = row["answer"] or row.get("output") or ""
        if not (alike := by_words.get((_words(row["input"]), _words(answer)))):
            raise DataError(
                f"{where}: no model in the store gave the answer {answer!r:.60} to {row['input']!r:.60}. Copy "
                "both as `harness export predictions` writes them, or delete the row."
            )
        grade = _grade(where, row["grade"], sorted(scale))
        for one in alike:
            graded = HumanGrade(one.input, one.answer, grader, grade)
            if (earlier := read.setdefault(graded[:3], graded)) is not graded:
                raise DataError(
                    f"{where}: {grader} graded this answer before, with {earlier.grade}. Keep one of the rows; white "
                    "space around a text makes no other one."
                )
    if all(one.grade is None for one in read.values()):
        raise DataError(f"{file} holds no grades. {_FORM}")
    return list(read.values())


def _by_words(answers: Iterable[Given]) -> dict[tuple[str, str], list[Given]]:
    by_words: dict[tuple[str, str], list[Given]] = {}
    for one in answers:
        by_words.setdefault((_words(one.input), _words(one.answer)), []).append(one)
    return by_words


def _words(text: str) -> str:
    """Return what texts are compared by, without the apostrophe that exports put before what looks like a formula."""
    return "\n".join(text.strip().splitlines()).removeprefix("'")


def _rows(file: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the rows of a CSV file, each with its place for messages."""
    if not file.is_file():
        raise DataError(f"There is no file {file}. Check the path; it is relative to the current folder.")
    if file.suffix.lower() != ".csv":
        raise DataError(f"{file} is no CSV file by its name. {_FORM}")
    reader = csv.DictReader(io.StringIO(read_text(file), newline=""), restkey="", restval=None, strict=True)
    try:
        names = reader.fieldnames or []
    except csv.Error as error:
        raise DataError(f"{file}, line 1: this is not CSV: {error}. {_FORM}") from None
    for name in COLUMNS:
        if names.count(name) != 1:
            held = f"several columns {name!r}" if name in names else f"no column {name!r}"
            raise DataError(f"{file} has {held}; its columns are {', '.join(map(repr, names)) or 'none'}. {_FORM}")
    try:
        for number, row in enumerate(reader, start=1):
            where = f"{file}, row {number}"
            if any(row[name] is None for name in COLUMNS) or "" in row:
                raise DataError(f"{where} has not as many cells as the first line. Put texts with commas in quotes.")
            yield where, row
    except csv.Error as error:
        raise DataError(f"{file}, line {reader.line_num}: this is not CSV: {error}. {_FORM}") from None


def _grade(where: str, cell: str, scale: Sequence[int]) -> int | None:
    """Return the grade in a cell, None where it is empty."""
    if not cell.strip():
        return None
    try:
        value = float(cell)
    except ValueError:
        value = float("nan")
    if value not in scale:
        raise DataError(
            f"{where}: the grade is {cell.strip()!r:.40}, and the rubric's scale is {', '.join(map(str, scale))}. "
            "Correct it, or leave the cell empty."
        )
    return int(value)


def record_of(grades: Sequence[HumanGrade], rubric: str, file: Path) -> Record:
    """Return grades as a record: a column for each grader, with a grade or None for each answer.

    The same grades by the same rubric have the same fingerprint.

    Args:
        grades: of one file.
        rubric: as canonical JSON.
        file: what they were read from; its name stands in the record.
    """
    answers = sorted({(one.input, one.answer) for one in grades})
    graders = sorted({one.grader for one in grades})
    given = {(one.input, one.answer, one.grader): one.grade for one in grades}
    spec = {"task": GRADING, "task_settings": {"rubric": rubric}, "source": None, "data": file.name}
    content = json.dumps([STEP, spec["task"], rubric, sorted(map(str, grades))])
    return Record(
        id=str(uuid.uuid4()),
        fingerprint=hashlib.sha256(content.encode()).hexdigest(),
        step=STEP,
        spec=spec,
        inputs={},
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        outcome="ok",
        items={"test": {"input": [question for question, _ in answers], "answer": [answer for _, answer in answers]}},
        answers={"test": {grader: [given.get((*answer, grader)) for answer in answers] for grader in graders}},
    )
