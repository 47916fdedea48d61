"""What each judge's grades are worth: agreement with people, and what sways it that should not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from harness.records import Record
from harness_reports.measured.agreement import Agreement, alpha, kappa
from harness_reports.measured.graded import PEOPLE_NEEDED
from harness_reports.measured.graded_answers import acceptable
from harness_reports.measured.grades import USUAL_ORDER, Graded, Judge, People, judges_of, people_of
from harness_reports.measured.intervals import RESAMPLES, Interval, interval_of, mean_interval
from harness_reports.measured.open_answers import ANSWERING
from harness_reports.measured.people_sample import not_random
from harness_reports.measured.prediction_powered import corrected
from harness_reports.reasons import Reason, Reasons

_LEAST = 3
"""Answers below which no correlation is computed."""


@dataclass(frozen=True, eq=False)
class Held:
    """A judge held to people's grades by the same rubric, and to its own where the scale is listed the other way."""

    judge: Judge
    people: People
    swapped: Judge | None

    @cached_property
    def answers(self) -> list[Graded]:
        """The answers that it graded."""
        return [answer for answer, grade in self.judge.grades.items() if grade is not None]

    @cached_property
    def grades(self) -> np.ndarray:
        """Its grades of `answers`."""
        return np.array([self.judge.grades[answer] for answer in self.answers], dtype=float)

    @cached_property
    def by_people(self) -> np.ndarray:
        """The grades of `answers` that decide for people, NaN where there is none."""
        grades = [self.people.grade((question, answer)) for question, _, answer in self.answers]
        return np.array([np.nan if grade is None else grade for grade in grades], dtype=float)

    @cached_property
    def people_means(self) -> np.ndarray:
        """The mean of people's grades of `answers`, NaN where there is none."""
        means = [self.people.mean_grade((question, answer)) for question, _, answer in self.answers]
        return np.array([np.nan if mean is None else mean for mean in means], dtype=float)

    @property
    def both(self) -> np.ndarray:
        """Whether people graded an answer too."""
        return np.asarray(~np.isnan(self.by_people))

    @property
    def lengths(self) -> np.ndarray:
        """Characters of each answer."""
        return np.array([len(answer) for _, _, answer in self.answers], dtype=float)

    @cached_property
    def kappa(self) -> Agreement:
        """With people."""
        return kappa(self.grades, self.by_people, self.judge.rubric.scale)

    @cached_property
    def weighted_kappa(self) -> Agreement:
        """With people, large disagreements counting more."""
        return kappa(self.grades, self.by_people, self.judge.rubric.scale, weighted=True)

    @cached_property
    def alpha(self) -> Agreement:
        """Of people among themselves, whatever the judge graded: no judge can be expected to agree better with them."""
        return alpha(self.people.by_grader(list(self.people.grades)), self.judge.rubric.scale)

    @cached_property
    def other_way(self) -> np.ndarray:
        """Grades with the scale listed the other way less these, of the answers that have both."""
        other = {} if self.swapped is None else self.swapped.grades
        pairs = [(other.get(answer), self.judge.grades[answer]) for answer in self.answers]
        return np.array([swapped - grade for swapped, grade in pairs if swapped is not None and grade is not None])

    def cells(self) -> dict[str, Any]:
        """Return the cells of the judges table that need no price."""
        rubric = self.judge.rubric
        return {
            "task": ANSWERING, "model": self.judge.model, "size": self.judge.size, "rubric": rubric.name,
            "good_from": rubric.good_from, "answers": len(self.judge.grades), "without_grade":
            len(self.judge.grades) - len(self.answers), "people_graded": int(self.both.sum()),
            "graders": len(self.people.graders), **_cells("kappa", self.kappa),
            **_cells("weighted_kappa", self.weighted_kappa), **_cells("alpha", self.alpha),
            "alpha_answers": self.alpha.items, **self._means(), **self._order(),
            **_correlated("length_correlation", self.grades, self.lengths),
            **_correlated("length_bias", (self.grades - self.people_means)[self.both], self.lengths[self.both]),
            "settings": json.dumps(dict(self.judge.settings), sort_keys=True), "rubric_as_of": rubric.as_of,
            "rubric_source": rubric.source, "note": Reasons(dict.fromkeys(self._notes())) or None,
        }  # fmt: skip

    def _means(self) -> dict[str, Any]:
        """Return the share of answers that count as right, by the judge, by people, and of the judge corrected."""
        judge, people = (acceptable(side, self.judge.rubric) for side in (self.grades, self.by_people))
        means = {
            "judge_share": _mean(judge), "people_share": _mean(people[self.both]), "judge_grade": _mean(self.grades),
            "people_grade": _mean(self.people_means[self.both]), **_ends("corrected_share", None, None),
        }  # fmt: skip
        if self.both.all() and self.both.any():
            return {**means, **_ends("corrected_share", _mean(people), mean_interval(people[None]))}
        if self.both.sum() < PEOPLE_NEEDED:
            return means
        result = corrected(people, judge)
        return {**means, **_ends("corrected_share", result.value, result.interval)}

    def _order(self) -> dict[str, Any]:
        """Return how many grades change, and by how much, if the scale is listed the other way."""
        changes = self.other_way
        if not changes.size:
            return {"order_answers": 0, **_ends("order_changed", None, None), **_ends("order_difference", None, None)}
        changed = (changes != 0).astype(float)
        rows = np.random.default_rng([12, changes.size]).integers(0, changes.size, (RESAMPLES, changes.size))
        return {
            "order_answers": changes.size, **_ends("order_changed", _mean(changed), mean_interval(changed[None])),
            **_ends("order_difference", _mean(changes), interval_of(changes[rows].mean(axis=1))),
        }  # fmt: skip

    def _notes(self) -> Iterator[Reason]:
        both = int(self.both.sum())
        if self.people.grades:
            yield from filter(None, [self.kappa.why_not, self.alpha.why_not])
        if both < PEOPLE_NEEDED and both < len(self.answers):
            yield Reason("people few", {"people": both, "needed": min(PEOPLE_NEEDED, len(self.answers))})
        elif reason := not_random(self.grades, self.by_people):
            yield reason
        if tied := sum(self.people.is_tied((question, answer)) for question, _, answer in self.answers):
            yield Reason("graders tied", {"count": tied})
        if not self.other_way.size:
            yield Reason("order not checked")


def held(records: Sequence[Record]) -> list[Held]:
    """Return the judges of records, each once for a rubric.

    Raises:
        StoreError: a grade is outside its rubric's scale.
    """
    judges, people = judges_of(records), people_of(records)
    by_order: dict[tuple[str, ...], dict[str, Judge]] = {}
    for judge in judges:
        settings = json.dumps(dict(judge.settings), sort_keys=True, default=str)
        by_order.setdefault((judge.model, judge.size, settings, judge.rubric.text), {})[judge.order] = judge
    pairs = [sorted(orders.values(), key=lambda judge: judge.order != USUAL_ORDER) for orders in by_order.values()]
    return [
        Held(first, people.get(first.rubric.text, People(first.rubric)), others[0] if others else None)
        for first, *others in pairs
    ]


def _cells(name: str, agreement: Agreement) -> dict[str, float | None]:
    return _ends(name, agreement.value, agreement.interval)


def _ends(name: str, value: float | None, interval: Interval | None) -> dict[str, float | None]:
    low, high = (None, None) if interval is None else interval
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if values.size else None


def _correlated(name: str, ones: np.ndarray, others: np.ndarray) -> dict[str, float | None]:
    """Return Spearman's correlation with its 95 % interval over resampled answers; None where a side is constant."""
    if ones.size < _LEAST or not np.ptp(ones) or not np.ptp(others):
        return _ends(name, None, None)
    rows = np.random.default_rng([13, ones.size]).integers(0, ones.size, (RESAMPLES // 4, ones.size))
    draws = _spearman(ones[rows], others[rows])
    return _ends(name, float(_spearman(ones[None], others[None])[0]), interval_of(draws[~np.isnan(draws)]))


def _spearman(ones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return Spearman's correlation of each row, NaN where one side is constant."""
    from scipy.stats import rankdata

    left, right = (rankdata(side, axis=1) for side in (ones, others))
    left, right = left - left.mean(axis=1, keepdims=True), right - right.mean(axis=1, keepdims=True)
    scale = np.sqrt((left**2).sum(axis=1) * (right**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(scale > 0, (left * right).sum(axis=1) / scale, np.nan))
