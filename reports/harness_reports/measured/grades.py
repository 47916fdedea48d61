"""The grades of open answers in records: those of judges, which are models, and those of people.

A judge's records are evaluations of the task `answer-grading`; several of one judge belong together, as a later one
grades only answers that have no grade yet. People's grades are records of the step `grade`. Both hold the rubric.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median_low
from typing import Any, NamedTuple

import numpy as np

from harness.errors import StoreError
from harness.json_text import load
from harness.records import Record
from harness_reports.measured.open_answers import ANSWERING, GRADING, STEP

USUAL_ORDER = "worst-first"
"""How a scale is listed unless somebody swaps it to see whether that changes grades."""

_KEYS = ("name", "as_of", "source", "question", "scale", "good_from")
"""Of a rubric."""

Answer = tuple[str, str]
"""What was asked and what was answered."""
Graded = tuple[str, str, str]
"""What a judge reads: what was asked, a right answer or an empty text, what was answered."""


class Rubric(NamedTuple):
    """What grades mean."""

    text: str
    """All of it, as records hold it: grades by another text are another rubric's."""
    name: str
    as_of: str
    source: str
    scale: tuple[int, ...]
    """Lowest first."""
    good_from: int
    """The lowest grade of an answer that counts as right."""

    @classmethod
    def read(cls, text: str) -> Rubric:
        """Return the rubric in a record.

        Raises:
            StoreError: it has no scale, or a key that is not known here and may change what grades mean.
        """
        try:
            given = load(text)
            _check_keys(given)
            scale = tuple(sorted(map(int, given["scale"])))
            return cls(text, given["name"], given["as_of"], given["source"], scale, int(given["good_from"]))
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(
                f"The store holds grades by a rubric without a scale, or one that cannot be read: {text[:200]!r}. Give "
                "the rubric a scale of whole numbers, each with what it means, and grade again."
            ) from error


def _check_keys(rubric: Mapping[str, Any]) -> None:
    if unknown := sorted(set(rubric) - set(_KEYS)):
        raise StoreError(
            f"The store holds grades by the rubric {rubric.get('name')!r} with the key {unknown[0]!r}, which this "
            "version of the harness does not know: grades may mean something else. Read the store with the version "
            "that wrote it, or a newer one: pip install --upgrade viability-harness"
        )


@dataclass(eq=False)
class Judge:
    """A model that grades by a rubric, the scale listed to it in one order."""

    model: str
    size: str
    settings: Mapping[str, Any]
    rubric: Rubric
    order: str
    records: list[Record] = field(default_factory=list)
    """Oldest first."""
    grades: dict[Graded, int | None] = field(default_factory=dict)
    """None where it gave no grade."""
    read: dict[str, frozenset[Graded]] = field(default_factory=dict)
    """What each of its records is about, by fingerprint."""

    @property
    def name(self) -> str:
        """It in words."""
        return self.model if self.size == "default" else f"{self.model} {self.size}"

    def add(self, record: Record) -> None:
        """Take the grades of a record that is newer than all so far.

        Raises:
            StoreError: a grade is outside the rubric's scale.
        """
        columns = (record.items["test"][name] for name in ("input", "reference", "answer"))
        read = list(zip(*columns, strict=True))
        for graded, grade in zip(read, record.answers["test"]["output"], strict=True):
            _check(grade, self.rubric, f"the judge {self.model!r}", graded[2])
            self.grades[graded] = grade
        self.records.append(record)
        self.read[record.fingerprint] = frozenset(read)


@dataclass(eq=False)
class People:
    """People who grade by a rubric."""

    rubric: Rubric
    grades: dict[Answer, dict[str, int]] = field(default_factory=dict)
    """By grader."""

    @property
    def graders(self) -> list[str]:
        """Who they are."""
        return sorted({grader for by_grader in self.grades.values() for grader in by_grader})

    def add(self, record: Record) -> None:
        """Take the grades of a record that is newer than all so far.

        Raises:
            StoreError: a grade is outside the rubric's scale.
        """
        asked_of = list(zip(record.items["test"]["input"], record.items["test"]["answer"], strict=True))
        for grader, grades in record.answers["test"].items():
            for answer, grade in zip(asked_of, grades, strict=True):
                if grade is not None:
                    _check(grade, self.rubric, f"the grader {grader!r}", answer[1])
                    self.grades.setdefault(answer, {})[grader] = grade

    def grade(self, answer: Answer) -> int | None:
        """Return the grade by which an answer is right or wrong; None where nobody graded it.

        Of several people it is the lower median, which is right where more than half of them find the answer right:
        the majority. Of a tie it is wrong.
        """
        by_grader = self.grades.get(answer)
        return median_low(by_grader.values()) if by_grader else None

    def mean_grade(self, answer: Answer) -> float | None:
        """Return the mean of the grades of an answer, each grader counting once; None where nobody graded it."""
        by_grader = self.grades.get(answer)
        return fmean(by_grader.values()) if by_grader else None

    def is_tied(self, answer: Answer) -> bool:
        """Return whether as many people find an answer right as wrong."""
        right = [grade >= self.rubric.good_from for grade in self.grades.get(answer, {}).values()]
        return bool(right) and 2 * sum(right) == len(right)

    def by_grader(self, answers: Sequence[Answer]) -> np.ndarray:
        """Return the grades of each grader and answer, NaN where there is none, shape (graders, answers)."""
        rows = [[self.grades.get(answer, {}).get(grader, np.nan) for answer in answers] for grader in self.graders]
        return np.array(rows, dtype=float).reshape(len(self.graders), len(answers))


def _check(grade: Any, rubric: Rubric, who: str, answer: str) -> None:
    if grade is not None and (isinstance(grade, bool) or grade not in rubric.scale):
        raise StoreError(
            f"{grade!r}, the grade of {who} for the answer {answer[:60]!r}, is no grade of the rubric {rubric.name!r}, "
            f"which has {', '.join(map(str, rubric.scale))}. Import grades of that scale into another store."
        )


def is_open(record: Record) -> bool:
    """Return whether a record holds open answers, which have no quality until somebody grades them."""
    evaluated = record.step == "evaluate" and record.outcome == "ok" and record.spec.get("task") == ANSWERING
    return evaluated and "test" in record.answers and "test" in record.items


def judges_of(records: Iterable[Record]) -> list[Judge]:
    """Return the judges of records, those of one model, settings, rubric and order together; oldest first."""
    judges: dict[tuple[Any, ...], Judge] = {}
    for record in _oldest_first(records, "evaluate"):
        spec = record.spec
        settings, order = spec.get("settings", {}), spec["task_settings"].get("order", USUAL_ORDER)
        key = (spec["model"], spec["size"], json.dumps(settings, sort_keys=True, default=str), _text(record), order)
        if key not in judges:
            judges[key] = Judge(spec["model"], spec["size"], settings, Rubric.read(_text(record)), order)
        judges[key].add(record)
    return list(judges.values())


def people_of(records: Iterable[Record]) -> dict[str, People]:
    """Return people's grades by the text of their rubric."""
    people: dict[str, People] = {}
    for record in _oldest_first(records, STEP):
        text = _text(record)
        people.setdefault(text, People(Rubric.read(text))).add(record)
    return people


def _oldest_first(records: Iterable[Record], step: str) -> list[Record]:
    """Return the finished records of a step that hold grades by a rubric."""
    graded = [one for one in records if one.step == step and one.outcome == "ok" and one.spec.get("task") == GRADING]
    newest = {one.fingerprint: one for one in graded if _text(one)}
    return sorted(newest.values(), key=lambda one: (one.started_at, one.id))


def _text(record: Record) -> str:
    return str(record.spec.get("task_settings", {}).get("rubric") or "")
