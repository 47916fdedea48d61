"""Tests of differences over the same items."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness_reports.measured import paired

ROUNDS = 1000


@pytest.mark.parametrize(
    ("won", "lost", "p"), [(0, 0, 1.0), (5, 5, 1.0), (1, 9, 0.021484375), (0, 6, 0.03125), (12, 3, 0.03515625)]
)
def test_mcnemar_is_the_one_computed_by_hand(won: int, lost: int, p: float) -> None:
    """Twice the binomial tail of discordant items, at most 1."""
    scores = np.array([1.0] * won + [0.0] * lost + [1.0, 0.0] * 20)
    other = np.array([0.0] * won + [1.0] * lost + [1.0, 0.0] * 20)

    assert paired.mcnemar(scores, other).p == pytest.approx(p)


def test_sign_flips_of_few_items_are_exact() -> None:
    """Of 2^3 signs of (1, 2, 4) only two sums are as far from 0 as 7; six are as far as 1 + 2 - 4."""
    assert paired.sign_flips(np.array([1.0, 2.0, 4.0])).p == 2 / 8
    assert paired.sign_flips(np.array([1.0, 2.0, -4.0])).p == 1.0
    assert paired.sign_flips(np.array([1.0, -2.0, 4.0])).p == 6 / 8
    assert paired.sign_flips(np.zeros(5)).p == 1.0


def test_sign_flips_of_many_items_are_nearly_normal() -> None:
    """To the error of so many draws; ties, which say nothing, change nothing."""
    differences = np.random.default_rng(0).normal(0.15, 1.0, 200)
    z = differences.sum() / np.sqrt((differences**2).sum())
    wanted = 2 * NormalDist().cdf(-abs(z))

    assert paired.sign_flips(differences).p == pytest.approx(wanted, abs=0.01)
    assert paired.sign_flips(np.concatenate([differences, np.zeros(50)])).p == pytest.approx(wanted, abs=0.01)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holms_correction(ps: list[float]) -> None:
    """It keeps the order, is never below the p-value, and the smallest is Bonferroni's."""
    corrected = paired.holm(ps)

    order = sorted(range(len(ps)), key=ps.__getitem__)
    assert all(one <= other for one, other in zip(ps, corrected, strict=True))
    assert [corrected[place] for place in order] == sorted(corrected)
    assert min(corrected) == min(1.0, len(ps) * min(ps))


def test_holms_correction_by_hand() -> None:
    """The example of Holm's step-down: 4 × 0.01, 3 × 0.013, 2 × 0.03, 1 × 0.2, none below the one before."""
    assert paired.holm([0.03, 0.01, 0.2, 0.013]) == pytest.approx([0.06, 0.04, 0.2, 0.04])
    assert paired.holm([]) == []


def test_what_items_can_show_is_shown_eight_times_in_ten() -> None:
    """By simulation: a difference of the smallest size is significant in 80 % of experiments."""
    random, items, deviation = np.random.default_rng(1), 400, 0.6
    error = deviation / items**0.5
    differences = random.normal(paired.detectable(error), deviation, (4000, items))
    z = differences.mean(axis=1) / (differences.std(axis=1, ddof=1) / items**0.5)

    assert np.mean(z > NormalDist().inv_cdf(0.975)) == pytest.approx(0.8, abs=0.02)
    assert paired.needed(error, items, paired.detectable(error)) == items
    assert paired.needed(error, items, paired.detectable(error) / 2) == pytest.approx(4 * items, abs=1)
    assert paired.needed(0.0, items, 0.01) is None


def _experiments(gain: float, items: int = 200) -> Any:
    """Yield right and wrong answers of two candidates to the same items, of which some are hard for both."""
    random = np.random.default_rng([3, items, int(1000 * gain)])
    for _ in range(ROUNDS):
        difficulty = random.beta(2, 1, items)
        yield tuple((random.random(items) < np.clip(difficulty + more, 0, 1)).astype(float) for more in (gain, 0.0))


def test_alike_candidates_are_rarely_called_different() -> None:
    """At most in as many of 1,000 experiments as the level says, within three standard errors."""
    flagged = {
        "McNemar": np.mean([paired.mcnemar(*pair).p < 0.05 for pair in _experiments(0.0)]),
        "sign flips": np.mean([paired.sign_flips(a - b).p < 0.05 for a, b in list(_experiments(0.0))[:100]]),
    }

    assert flagged["McNemar"] <= 0.05 + 3 * (0.05 * 0.95 / ROUNDS) ** 0.5
    assert flagged["sign flips"] <= 0.05 + 3 * (0.05 * 0.95 / 100) ** 0.5


def test_pairing_takes_the_items_difficulty_out() -> None:
    """Candidates whose answers hang together: the paired test finds the difference more often."""
    random = np.random.default_rng(5)
    hits = np.zeros(2)
    for _ in range(300):
        hard = random.random(200)
        one, other = ((hard + random.normal(0, 0.05, 200) < limit).astype(float) for limit in (0.75, 0.70))
        hits += paired.mcnemar(one, other).p < 0.05, paired.unpaired(one, other)[1] < 0.05

    assert hits[0] > 2 * hits[1]


def test_the_unpaired_test_is_scipys() -> None:
    """With groups of other sizes and spreads."""
    random = np.random.default_rng(6)
    one, other = random.normal(0.1, 1, 50), random.normal(0, 2, 40)
    interval, p = paired.unpaired(one, other)
    welch = stats.ttest_ind(one, other, equal_var=False)

    assert p == pytest.approx(welch.pvalue)
    assert tuple(interval) == pytest.approx(tuple(welch.confidence_interval()))


def test_the_unpaired_test_by_hand() -> None:
    """Means .75 and .25 of four each: an error of .3536 with 6 degrees of freedom."""
    interval, p = paired.unpaired(np.array([1.0, 1.0, 1.0, 0.0]), np.array([0.0, 0.0, 0.0, 1.0]))

    assert tuple(interval) == pytest.approx((0.5 - 2.4469 * 0.35355, 0.5 + 2.4469 * 0.35355), abs=1e-4)
    assert p == pytest.approx(0.2070, abs=1e-4)
    assert paired.unpaired(np.ones(9), np.ones(9)) == ((0.0, 0.0), 1.0)
    assert paired.unpaired(np.ones(9), np.zeros(9)) == ((1.0, 1.0), 0.0)


def test_draws_on_both_sides_of_nothing_show_nothing() -> None:
    """Twice the rarer side."""
    assert paired.bootstrapped(np.array([1.0] * 500 + [-1.0] * 500)).p == 1.0
    assert paired.bootstrapped(np.array([1.0] * 1990 + [-1.0] * 10)).p == pytest.approx(22 / 2001)
    assert paired.bootstrapped(np.zeros(100)).p == 1.0
