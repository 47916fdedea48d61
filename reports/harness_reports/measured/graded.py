"""The quality of open answers, by the grades of a judge and of people.

A record of open answers says only how many were answered. `with_grades` adds what the grades in other records say:

- `acceptable`, the deciding metric, is the share of answers of a grade that counts as right; what is no answer is
  wrong. `grade` is the mean grade of the others.
- One judge grades all candidates of a task's data: the one that graded all answers of the most candidates; of several
  one by whose rubric people graded too, then one whose scale is listed in the usual order, then the newest. One that
  gives no grade to most answers counts only where there is no other. A candidate of which it graded only a part is not
  graded.
- Where people graded every answer, or every one that the judge did, theirs are taken. Where they graded at least
  `PEOPLE_NEEDED` of a candidate's, the judge's mean is corrected by them (`prediction_powered`). Else it is the judge's
  own: judged, not validated.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from harness.records import Record
from harness_reports.measured.graded_answers import Answers, acceptable, numbers
from harness_reports.measured.graded_record import ACCEPTABLE, GRADE, By, GradedBy, GradedRecord, graded_by
from harness_reports.measured.grades import (
    USUAL_ORDER,
    Judge,
    People,
    Rubric,
    is_open,
    judges_of,
    people_of,
)
from harness_reports.measured.prediction_powered import REPLICATES, corrected, resampled

PEOPLE_NEEDED = 50
"""Answers of a candidate that people have to grade before the judge's mean is corrected: from here on intervals cover
95 % or more, whether a judge is off by 10 points or hardly errs; with fewer the normal approximation is rough."""
LEAST_GRADED = 0.5
"""Share of a candidate's answers to which a judge has to give a grade: those with one are no sample of the others."""
_METRICS = (ACCEPTABLE, GRADE)


def with_grades(records: Sequence[Record]) -> Sequence[Record]:
    """Return records in which open answers are `GradedRecord`s: with the quality that the grades of others give them.

    Those that are so already are left as they are, so that a part of the records may be taken without their judge.

    Args:
        records: of any step and outcome.

    Raises:
        StoreError: a grade is outside its rubric's scale, or a rubric cannot be read.
    """
    newest = {record.fingerprint: record for record in records if is_open(record)}
    answering = [record for record in newest.values() if graded_by(record) is None]
    if not answering:
        return records
    judges, people = judges_of(records), people_of(records)
    groups: dict[tuple[Any, ...], list[Record]] = defaultdict(list)
    for record in answering:
        groups[record.spec.get("source"), record.data_digest].append(record)
    gradings = [each for group in groups.values() for each in _gradings(group, judges, people)]
    all_graded: Counter[str] = sum((each.counts for each in gradings), Counter())
    made = {id(each.record): each.made(all_graded) for each in gradings}
    return [made.get(id(record), record) for record in records]


def _gradings(group: Sequence[Record], judges: Sequence[Judge], people: Mapping[str, People]) -> list[_Grading]:
    """Return the gradings of the records of one task's data."""
    answers = [Answers(record) for record in group]
    judge, rubric = _chosen(answers, judges, people)
    theirs = None if rubric is None else people.get(rubric.text)
    gradings = [_Grading(each, rubric, judge, theirs) for each in answers]
    graded = [each for each in gradings if each.by is not None]
    as_column = {name: all(each.column(name) is not None for each in graded) for name in _METRICS}
    return [replace(each, as_column=as_column) for each in gradings]


def _chosen(
    answers: Sequence[Answers], judges: Sequence[Judge], people: Mapping[str, People]
) -> tuple[Judge | None, Rubric | None]:
    """Return the judge of the records of one task's data; where there is none, the rubric by which people graded."""

    def rank(judge: Judge) -> tuple[bool, int, bool, bool, str]:
        whole = sum(each.judged(judge) == len(each.distinct) for each in answers)
        gave = bool(np.mean([grade is not None for grade in judge.grades.values()]) >= LEAST_GRADED)
        checked = judge.rubric.text in people  # by its rubric people graded too, so that it can be held against them
        return gave, whole, checked, judge.order == USUAL_ORDER, judge.records[-1].started_at

    given = [judge for judge in judges if any(each.judged(judge) for each in answers)]
    if given:
        judge = max(given, key=rank)
        return judge, judge.rubric
    graded = {text: sum(_complete(each, theirs) for each in answers) for text, theirs in people.items()}
    most = max(graded, key=graded.__getitem__, default=None)
    return None, None if most is None or not graded[most] else people[most].rubric


def _complete(answers: Answers, people: People | None) -> bool:
    """Return whether people graded every answer."""
    return bool(answers.answered.any()) and not np.isnan(answers.by_people(people)[answers.answered]).any()


@dataclass(frozen=True, eq=False)
class _Grading:
    """The answers of one record with their grades."""

    answers: Answers
    rubric: Rubric | None
    """None where nothing was graded."""
    judge: Judge | None
    people: People | None
    as_column: Mapping[str, bool] | None = None
    """Metric → whether every record that it is compared with has a score for each item."""

    @property
    def record(self) -> Record:
        """The record."""
        return self.answers.record

    @cached_property
    def judged(self) -> np.ndarray:
        """The judge's grades, NaN where there is none, shape (items,)."""
        grades = {} if self.judge is None else self.judge.grades
        return numbers(grades.get(each) for each in self.answers.read)

    @cached_property
    def by_people(self) -> np.ndarray:
        """The grades that decide for people, NaN where there is none, shape (items,)."""
        return self.answers.by_people(self.people)

    @cached_property
    def people_means(self) -> np.ndarray:
        """The mean of people's grades, NaN where there is none, shape (items,)."""
        return self.answers.people_means(self.people)

    @cached_property
    def both(self) -> int:
        """How many answers people and the judge graded."""
        return int((~np.isnan(self.judged) & ~np.isnan(self.by_people) & self.answers.answered).sum())

    @cached_property
    def by(self) -> By | None:
        """Whose grades decide; None where not all answers were graded."""
        if self.rubric is None:
            return None
        if _complete(self.answers, self.people):
            return "people"
        if self.judge is None or self.answers.judged(self.judge) < len(self.answers.distinct):
            return None
        gave = ~np.isnan(self.judged[self.answers.answered])
        if gave.size and gave.mean() < LEAST_GRADED:
            return None  # it was asked, and gave hardly any grade
        if self.both < PEOPLE_NEEDED:
            return "judge"
        alone = ~np.isnan(self.judged) & np.isnan(self.by_people) & self.answers.answered
        return "corrected" if alone.any() else "people"  # all that the judge graded: there is nothing to correct

    def sides(self, metric: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the scores of people and of the judge in a metric, NaN where there is none, shape (answers,)."""
        answered, judge = self.answers.answered, self.judged[self.answers.answered]
        if metric == GRADE:
            return self.people_means[answered], judge
        people, judge = (acceptable(side, self.rubric) for side in (self.by_people[answered], judge))
        return people, judge

    def scores(self, metric: str) -> np.ndarray:
        """Return the score of each item by whose grades decide, NaN where it has none, shape (items,)."""
        scores = np.full(self.answers.answered.size, 0.0 if metric == ACCEPTABLE else np.nan)
        scores[self.answers.answered] = self.sides(metric)[0 if self.by == "people" else 1]
        return scores

    def column(self, metric: str) -> list[float] | None:
        """Return a score for each item; None where one has none, or the mean is corrected."""
        scores = self.scores(metric)
        return None if self.by == "corrected" or np.isnan(scores).any() else scores.tolist()

    def made(self, all_graded: Mapping[str, int]) -> GradedRecord:
        """Return the record with its quality.

        Args:
            all_graded: fingerprint of a judge's record → how many answers of all records it graded.
        """
        fields = {field.name: getattr(self.record, field.name) for field in dataclasses.fields(Record)}
        return GradedRecord(**{**fields, **(self._quality if self.by else self._nothing)}, graded=self._by(all_graded))

    @property
    def _nothing(self) -> dict[str, Any]:
        """The fields of a record that hold quality, where there is none: how many were answered is another metric."""
        unknown = {"column": None, "value": np.nan, "replicates": [np.nan] * REPLICATES, "how": "not graded"}
        return {"metrics": [{**_described(ACCEPTABLE), **unknown}, *self.record.metrics]}

    @property
    def _quality(self) -> dict[str, Any]:
        """The fields of a record that hold quality."""
        columns = {name: column for name in _METRICS if (column := self.column(name)) is not None}
        ours = [self._metric(name) for name in _METRICS if not np.isnan(self.scores(name)).all()]
        means = [None if np.isnan(mean) else float(mean) for mean in self.people_means]
        grades = {
            "judge_grade": _plain(self.judged),
            "people_grade": _plain(self.by_people),
            "people_mean_grade": means,
        }
        return {
            "metrics": [*ours, *self.record.metrics], "scores": {**self.record.scores, **columns},
            "answers": {**self.record.answers, "test": {**self.record.answers["test"], **grades}},
        }  # fmt: skip

    @cached_property
    def counts(self) -> Counter[str]:
        """Fingerprint of each of the judge's records → how many of these answers it graded."""
        read = {} if self.judge is None or self.by is None else self.judge.read
        return Counter({name: count for name, graded in read.items() if (count := len(graded & self.answers.distinct))})

    def _by(self, all_graded: Mapping[str, int]) -> GradedBy:
        answered = self.answers.answered
        decides = self.by_people if self.by == "people" else self.judged
        records = () if self.judge is None else self.judge.records
        return GradedBy(
            by=self.by, judge=None if self.judge is None else self.judge.name,
            rubric=None if self.rubric is None else self.rubric.name,
            good_from=None if self.rubric is None else self.rubric.good_from,
            answers=int(answered.sum()), judged=self._given,
            people=int((~np.isnan(self.by_people[answered])).sum()),
            both=self.both,
            without_grade=int(np.isnan(decides[answered]).sum()),
            bills=tuple((record, self.counts[record.fingerprint] / all_graded[record.fingerprint])
                        for record in records if record.fingerprint in self.counts),
        )  # fmt: skip

    @property
    def _given(self) -> int:
        """How many answers the judge was given; the same answer twice counts twice."""
        given = {} if self.judge is None else self.judge.grades
        return sum(each in given for each in self.answers.read if each[2])

    def _metric(self, name: str) -> dict[str, Any]:
        about = {**_described(name), "by": self.by}
        if self.as_column and self.as_column[name]:
            return {**about, "column": name}
        value, replicates = self._beyond_means(name)
        return {**about, "column": None, "value": value, "replicates": replicates, "how": self._how}

    @property
    def _how(self) -> str:
        if self.by == "corrected":
            return (
                f"the judge's mean, plus the mean of people's grade less the judge's over the {self.both:,} answers "
                "that both graded: prediction-powered inference"
            )
        return f"the mean of the grades of the {self.by}, over items that have one"

    def _beyond_means(self, name: str) -> tuple[float, list[float]]:
        """Return the mean over all items, and over resampled ones."""
        if self.by != "corrected":
            return resampled(self.scores(name))
        mean, answered = corrected(*self.sides(name), self._ends(name)), self.answers.answered
        if name == GRADE or answered.all():
            return mean.value, mean.replicates
        share = float(answered.mean())  # the others are wrong: no grade is needed to know that
        drawn = np.random.default_rng([11, answered.size]).binomial(answered.size, share, REPLICATES) / answered.size
        return share * mean.value, (drawn * mean.replicates).tolist()

    def _ends(self, name: str) -> tuple[float, float]:
        """Return the lowest and the highest score that an item can have."""
        scale = (0, 1) if name == ACCEPTABLE or self.rubric is None else self.rubric.scale
        return float(scale[0]), float(scale[-1])


def _described(metric: str) -> dict[str, Any]:
    """Return a metric as records hold it, without its values."""
    share = metric == ACCEPTABLE
    return {
        "name": metric, "unit": "share" if share else "points", "higher_is_better": True,
        "ceiling": 1.0 if share else None, "random_baseline": None,
    }  # fmt: skip


def _plain(grades: np.ndarray) -> list[int | None]:
    return [None if np.isnan(grade) else int(grade) for grade in grades]
