"""Whether people graded a random sample: by the judge's grades of it and of the others."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness_reports.measured.people_sample import LEVEL, not_random


def _columns(random: np.random.Generator, picked: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a judge's grades of 600 answers and people's of 100; good ones are drawn `picked` times as often."""
    judge = random.integers(1, 6, 600).astype(float)
    weights = np.where(judge >= 4, picked, 1.0)
    people = np.full(600, np.nan)
    people[random.choice(600, 100, replace=False, p=weights / weights.sum())] = 3.0
    return judge, people


def test_random_samples_are_hardly_ever_named_and_picked_ones_nearly_always() -> None:
    """Of 200 of each: about 1 in 100, and where good answers are drawn four times as often at least 95 in 100."""
    random = np.random.default_rng(0)
    named = [sum(not_random(*_columns(random, picked)) is not None for _ in range(200)) for picked in (1.0, 4.0)]

    assert named[0] <= 200 * 3 * LEVEL
    assert named[1] >= 190


def test_the_means_and_the_p_value_are_those_of_the_test() -> None:
    """Answers without a grade of the judge count on neither side."""
    judge, people = np.array([5.0, 5, 4, 5, 5, 4, np.nan, *[1.0] * 9, np.nan]), np.array([*[4.0] * 7, *[np.nan] * 10])
    reason = not_random(judge, people)

    assert reason is not None
    values = dict(reason.values)
    assert values["theirs"] == pytest.approx(28 / 6)
    assert values["others"] == 1.0
    assert values["p"] == stats.mannwhitneyu([5, 5, 4, 5, 5, 4], [1] * 9).pvalue
    assert "is 4.67, of the others 1 (p = 0.000" in reason.sentence("en")


@pytest.mark.parametrize("people", [np.full(4, np.nan), np.ones(4), np.array([1.0, 1.0, np.nan, np.nan])])
def test_where_there_is_nothing_to_compare_nothing_is_named(people: np.ndarray) -> None:
    """Nobody graded, all were graded, or the judge gave all the same."""
    assert not_random(np.full(4, 3.0), people) is None
