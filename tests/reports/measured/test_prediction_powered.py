"""Prediction-powered inference: valid intervals whatever the judge's bias."""

from __future__ import annotations

import math
import sys
import warnings

import numpy as np
import pytest
from scipy.stats import beta

from harness import PluginError
from harness_reports.measured import prediction_powered
from harness_reports.measured.intervals import interval_of, mean_interval
from harness_reports.measured.prediction_powered import REPLICATES, corrected

ITEMS, GRADED, RIGHT, BIAS = 600, 100, 0.6, 0.1
EXPERIMENTS = 1_000


def _graded(random: np.random.Generator, graded: int = GRADED) -> tuple[np.ndarray, np.ndarray]:
    """Return people's grades of some items and the judge's of all: it takes a quarter of the wrong ones as right."""
    right = random.random(ITEMS) < RIGHT
    judge = right | (random.random(ITEMS) < BIAS / (1 - RIGHT))
    people = np.full(ITEMS, np.nan)
    seen = random.permutation(ITEMS)[:graded]
    people[seen] = right[seen]
    return people, judge.astype(float)


def test_intervals_cover_the_truth_where_a_judge_is_biased_by_ten_points() -> None:
    """Of 1,000 experiments at least 93 % cover it; of the judge's own intervals hardly any."""
    random = np.random.default_rng(0)
    ours, naive, widths, alone = 0, 0, [], []
    for _ in range(EXPERIMENTS):
        people, judge = _graded(random)
        low, high = corrected(people, judge).interval
        ours += low <= RIGHT <= high
        first, last = mean_interval(judge[None])
        naive += first <= RIGHT <= last
        widths.append(high - low)
        of_people = people[~np.isnan(people)]
        alone.append(2 * 1.96 * of_people.std() / np.sqrt(GRADED))
    print(f"covered: {ours / EXPERIMENTS:.1%} corrected, {naive / EXPERIMENTS:.1%} by the judge alone")  # noqa: T201
    print(f"mean width: {np.mean(widths):.3f} corrected, {np.mean(alone):.3f} of people's grades alone")  # noqa: T201

    assert ours >= 0.93 * EXPERIMENTS
    assert naive < 0.2 * EXPERIMENTS
    assert np.mean(widths) < 0.85 * np.mean(alone)


def test_replicates_cover_the_truth_too() -> None:
    """Tables take their ends from replicates: of 150 experiments, more than chance would miss at 93 %."""
    random = np.random.default_rng(1)
    covered = 0
    for _ in range(150):
        low, high = interval_of(np.array(corrected(*_graded(random)).replicates))
        covered += low <= RIGHT <= high

    assert covered >= 135


@pytest.mark.parametrize("graded", [50, 100, 400])
def test_replicates_agree_with_the_interval(graded: int) -> None:
    """Their mean is the value, and their spread the analytic one, to what 400 draws can tell."""
    result = corrected(*_graded(np.random.default_rng(graded), graded))
    draws, (low, high) = np.array(result.replicates), result.interval

    assert len(draws) == REPLICATES
    assert draws.mean() == pytest.approx(result.value, abs=0.01)
    assert draws.std() == pytest.approx((high - low) / (2 * 1.959964), rel=0.15)


def test_the_estimate_by_hand() -> None:
    """The judge's mean over all items, plus the mean of people's grade less the judge's where both graded."""
    people = np.array([1.0, 0, 1, 0, np.nan, np.nan, np.nan, np.nan])
    judge = np.array([1.0, 1, 1, 0, 1, 1, 0, 1])
    result = corrected(people, judge)
    weight = 4 / 8  # what makes the judge's mean that over all eight
    seen = (weight**2 * np.var([1, 1, 0, 1]) + np.var(people[:4] - weight * judge[:4])) / 4
    error = math.sqrt(seen + 2 / (4 + 2) ** 2)  # and a disagreement in either direction that nobody saw
    middle = 6 / 8 - 1 / 4

    assert result.value == pytest.approx(6 / 8 + (0 - 1 + 0 + 0) / 4)
    assert result.interval == pytest.approx((max(0, middle - 1.959964 * error), min(1, middle + 1.959964 * error)))


def test_a_judge_that_says_always_the_same_adds_nothing() -> None:
    """The mean of people's grades, with its own interval, but for disagreements that nobody saw."""
    people = np.array([1.0, 0.0] * 20 + [np.nan] * 60)
    result = corrected(people, np.ones(100))
    error = math.hypot(0.5 / 40**0.5, math.sqrt(2) / 42)

    assert result.value == pytest.approx(0.5)
    assert result.interval == pytest.approx((0.5 - 1.96 * error, 0.5 + 1.96 * error), abs=1e-4)
    assert np.std(result.replicates) == pytest.approx(error, rel=0.15)


def test_items_without_a_grade_of_the_judge_are_left_out() -> None:
    """As if they were not there."""
    people, judge = _graded(np.random.default_rng(3))
    more = corrected(np.append(people, [1.0, np.nan]), np.append(judge, [np.nan, np.nan]))

    assert more.value == corrected(people, judge).value


@pytest.mark.parametrize("people", [np.full(4, np.nan), np.ones(4)])
def test_none_or_all_graded_by_people_is_no_correction(people: np.ndarray) -> None:
    """The caller has to tell: without people there is nothing to correct by, with all of them nothing to correct."""
    with pytest.raises(ValueError, match=r"of 4 items: some are needed, and not all"):
        corrected(people, np.array([1.0, 0, 1, 0]))


def test_warnings_stay_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library turns all of them off when it is imported; nobody else's are."""
    before = list(warnings.filters)
    prediction_powered._library.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "ppi_py"]:
        monkeypatch.delitem(sys.modules, name)
    prediction_powered._library()

    assert warnings.filters == before


def test_without_the_library_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra that brings it."""
    prediction_powered._library.cache_clear()
    monkeypatch.setitem(sys.modules, "ppi_py", None)
    monkeypatch.setattr("harness.installed.find_spec", lambda name: None)
    with pytest.raises(PluginError, match=r"ppi_py.*viability-harness\[judging\]"):
        _ = corrected(*_graded(np.random.default_rng(5))).value


@pytest.mark.parametrize("grade", [0.0, 1.0])
def test_grades_that_are_all_the_same_prove_no_certainty(grade: float) -> None:
    """Where nobody saw a right answer among 60, up to 6 % may be right: the interval is that of people's 60 alone."""
    people = np.where(np.arange(200) < 60, grade, np.nan)
    result = corrected(people, np.full(200, grade))
    points = corrected(people, np.full(200, grade), (0.0, 4.0))
    exact = beta.ppf(0.975, 1, 60)

    assert result.value == pytest.approx(grade)
    assert abs(result.interval[int(1 - grade)] - grade) == pytest.approx(exact, rel=0.01)
    assert abs(interval_of(np.array(result.replicates))[int(1 - grade)] - grade) == pytest.approx(exact, rel=0.02)
    assert interval_of(np.array(result.replicates))[int(grade)] == grade
    assert len(result.replicates) == REPLICATES
    half = 1.959964 * 4 * math.sqrt(2) / 62  # as if one more person had gone from one end of the scale to the other
    assert tuple(points.interval) == pytest.approx((max(0, grade - half), grade + half))
    assert interval_of(np.array(points.replicates)) == pytest.approx(tuple(points.interval), abs=0.03)


@pytest.mark.parametrize(
    ("items", "graded", "right", "errs"),
    [(5_000, 50, 0.6, 0.02), (5_000, 50, 0.6, 0.05), (5_000, 100, 0.9, 0.02), (600, 50, 0.97, 0.03)],
)
def test_intervals_cover_the_truth_where_a_judge_rarely_errs(
    items: int, graded: int, right: float, errs: float
) -> None:
    """People often see none of its errors: what they saw has no spread then, and ppi-python's own interval is narrow.

    The judge takes some of the wrong answers as right: a share `errs` of all.
    """
    random = np.random.default_rng(6)
    ours = alone = agreed = 0
    for _ in range(400):
        truth = random.random(items) < right
        judge = (truth | (random.random(items) < errs / (1 - right))).astype(float)
        people = np.where(np.arange(items) < graded, truth, np.nan)
        result = corrected(people, judge)
        low, high = result.interval
        ours += low <= right <= high
        agreed += bool((result.people == result.judge).all())
        first, last = prediction_powered._library().ppi_mean_ci(
            result.people, result.judge, result.others, alpha=0.05, lam=(items - graded) / items
        )
        alone += bool(first[0] <= right <= last[0])
    print(f"covered: {ours / 4:.1f} %, {alone / 4:.1f} % by ppi-python; no error seen in {agreed / 4:.1f} %")  # noqa: T201

    assert agreed >= 20
    assert ours >= 0.93 * 400
    assert alone < 0.93 * 400


def test_grades_in_points_cover_the_truth_where_a_judge_rarely_errs() -> None:
    """On a scale from 1 to 5 it takes 1 of 20 answers of the lowest grade for one of the highest."""
    random = np.random.default_rng(7)
    covered = agreed = 0
    for _ in range(400):
        truth = random.choice([1.0, 3.0, 5.0], 3_000, p=[0.4, 0.2, 0.4])
        judge = np.where((truth == 1) & (random.random(3_000) < 0.05), 5.0, truth)
        people = np.where(np.arange(3_000) < 50, truth, np.nan)
        result = corrected(people, judge, (1.0, 5.0))
        low, high = result.interval
        covered += low <= 3.0 <= high
        agreed += bool((result.people == result.judge).all())

    assert agreed >= 100
    assert covered >= 0.93 * 400
