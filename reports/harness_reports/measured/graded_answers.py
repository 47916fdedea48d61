"""The answers of one record beside the grades of people and of a judge, as columns of numbers."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np

from harness.records import Record
from harness_reports.measured.grades import Graded, Judge, People, Rubric


class Answers:
    """The answers of one record, as a judge reads them."""

    def __init__(self, record: Record) -> None:
        items = record.items["test"]
        outputs = [output or "" for output in record.answers["test"]["output"]]
        self.record = record
        self.read: list[Graded] = list(zip(items["input"], items["reference"], outputs, strict=True))
        self.answered = np.array([bool(output) for output in outputs])

    @cached_property
    def distinct(self) -> frozenset[Graded]:
        """Those that are answers."""
        return frozenset(each for each in self.read if each[2])

    def judged(self, judge: Judge | None) -> int:
        """Return how many of `distinct` a judge was given."""
        return 0 if judge is None else sum(each in judge.grades for each in self.distinct)

    def by_people(self, people: People | None) -> np.ndarray:
        """Return the grade of each item that decides for people, NaN where there is none, shape (items,)."""
        if people is None:
            return np.full(len(self.read), np.nan)
        return numbers(people.grade((question, answer)) for question, _, answer in self.read)

    def people_means(self, people: People | None) -> np.ndarray:
        """Return the mean of people's grades of each item, NaN where there is none, shape (items,)."""
        if people is None:
            return np.full(len(self.read), np.nan)
        return numbers(people.mean_grade((question, answer)) for question, _, answer in self.read)


def acceptable(grades: np.ndarray, rubric: Rubric | None) -> np.ndarray:
    """Return 1 for each grade that counts as right, 0 for each other one, NaN where there is none."""
    good = np.inf if rubric is None else rubric.good_from
    return np.where(np.isnan(grades), np.nan, (grades >= good).astype(float))


def numbers(grades: Iterable[float | None]) -> np.ndarray:
    """Return numbers, NaN for each that is None."""
    return np.array([np.nan if grade is None else grade for grade in grades], dtype=float)
