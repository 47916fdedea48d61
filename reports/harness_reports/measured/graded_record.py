"""A record of open answers with the grades that other records hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from harness.records import Record

ACCEPTABLE, GRADE = "acceptable", "grade"

By = Literal["people", "corrected", "judge"]
"""Whose grades decide."""
Grader = Literal["people", "judge"]
"""Who graded a single answer."""


class GradedBy(NamedTuple):
    """Who graded the answers of a record."""

    by: By | None
    """None where not all of them were graded: then the quality is not a number."""
    judge: str | None
    rubric: str | None
    good_from: int | None
    """The lowest grade of an answer that counts as right; None without a rubric."""
    answers: int
    """Items that were answered."""
    judged: int
    """Answers that the judge was given."""
    people: int
    """Answers that people graded."""
    both: int
    """Answers that people and the judge graded."""
    without_grade: int
    """Answers to which whoever decides gave no grade."""
    bills: tuple[tuple[Record, float], ...]
    """Each record of the judge, with the part of it that is of these answers."""


@dataclass(frozen=True, kw_only=True)
class GradedRecord(Record):
    """An evaluation with the grades that other records hold. Made when records are read, never stored."""

    graded: GradedBy


def graded_by(record: Record) -> GradedBy | None:
    """Return who graded the answers of a record; None of all but open answers."""
    return record.graded if isinstance(record, GradedRecord) else None


class ItemGrade(NamedTuple):
    """The grade of one item, and whose it is; of an item without answer all are None."""

    grade: int | None
    """By which it is right or wrong."""
    mean: float | None
    """Of several people."""
    by: Grader | None


def item_grades(record: Record) -> list[ItemGrade] | None:
    """Return the grade of each item of open answers; None of all other records, and where nothing was graded.

    It is people's where they graded it, else the judge's; the judge's of all where its grades decide alone.
    """
    graded, columns = graded_by(record), record.answers.get("test", {})
    if graded is None or graded.by is None:
        return None
    names = ("output", "judge_grade", "people_grade", "people_mean_grade")
    rows = zip(*(columns[name] for name in names), strict=True)
    return [_item_grade(graded.by, *row) for row in rows]


def _item_grade(
    decides: By, output: str | None, judge: int | None, people: int | None, mean: float | None
) -> ItemGrade:
    if output and people is not None and decides != "judge":
        return ItemGrade(people, mean, "people")
    return ItemGrade(judge, judge, "judge") if output and judge is not None else ItemGrade(None, None, None)


def item_scores(record: Record, metric: str) -> list[float | None] | None:
    """Return the score of each item in a metric of grades, whether or not its mean is corrected.

    What is no answer is not acceptable, as the rubric's lowest right grade decides; an item without a grade has None.
    """
    grades, graded = item_grades(record), graded_by(record)
    if grades is None or graded is None or graded.good_from is None or metric not in (ACCEPTABLE, GRADE):
        return None
    if metric == GRADE:
        return [each.mean for each in grades]
    outputs = record.answers["test"]["output"]
    return [_right(each.grade, output, graded.good_from) for each, output in zip(grades, outputs, strict=True)]


def _right(grade: int | None, output: str | None, good_from: int) -> float | None:
    if not output:
        return 0.0
    return None if grade is None else float(grade >= good_from)
