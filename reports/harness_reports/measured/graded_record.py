"""A record of open answers with the grades that other records hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from harness.records import Record

By = Literal["people", "corrected", "judge"]
"""Whose grades decide."""


class GradedBy(NamedTuple):
    """Who graded the answers of a record."""

    by: By | None
    """None where not all of them were graded: then the quality is not a number."""
    judge: str | None
    rubric: str | None
    answers: int
    """Items that were answered."""
    judged: int
    """Answers that the judge was given."""
    people: int
    """Answers that people graded."""
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
