"""Intervals against hand-computed numbers, and properties that hold for any scores."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness_reports.measured import intervals


def test_interval_of_a_share_is_near_the_normal_approximation() -> None:
    """Of 400 items with 300 right the bootstrap gives about 0.75 ± 1.96 · sqrt(0.75 · 0.25 / 400) = 0.75 ± 0.0424."""
    low, high = intervals.mean_interval([[1.0] * 300 + [0.0] * 100])

    assert low == pytest.approx(0.75 - 0.0424, abs=0.006)
    assert high == pytest.approx(0.75 + 0.0424, abs=0.006)


def test_interval_is_the_same_each_time() -> None:
    """Random numbers are seeded, so that a table does not change when it is made again."""
    scores = [[1.0, 0.0, 1.0, 1.0, 0.0]]

    first = intervals.mean_interval(scores)
    intervals._resampled.cache_clear()

    assert intervals.mean_interval(scores) == first


@pytest.mark.parametrize(("score", "edge"), [(1.0, 0.025 ** (1 / 50)), (0.0, 1 - 0.025 ** (1 / 50))])
def test_unanimous_scores_get_the_exact_bound(score: float, edge: float) -> None:
    """50 of 50 right is no certainty: Clopper and Pearson's bound is 0.025^(1/50) = 0.929."""
    interval = intervals.mean_interval([[score] * 50])

    assert sorted(interval) == pytest.approx(sorted([score, edge]))
    assert stats.binomtest(50, 50).proportion_ci().low == pytest.approx(0.025 ** (1 / 50))


def test_replicates_that_differ_widen_the_interval() -> None:
    """Seeds at 0.6 and 0.9 give a wider interval than two seeds at 0.75."""
    items = 1000
    apart = [[1.0] * 600 + [0.0] * 400, [1.0] * 900 + [0.0] * 100]
    alike = [[1.0] * 750 + [0.0] * 250] * 2

    wide, narrow = (intervals.mean_interval(scores) for scores in (apart, alike))

    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)
    assert items == len(apart[0])


def test_pairing_takes_the_difficulty_of_items_out() -> None:
    """A model right wherever the other is, and on 10 of 100 more: only the paired interval excludes 0."""
    worse, better = [[1.0] * 50 + [0.0] * 50], [[1.0] * 60 + [0.0] * 40]

    paired = intervals.interval_of(intervals.difference_draws(better, worse))
    unpaired = intervals.interval_of(intervals.difference_draws(better, [[*worse[0], 0.0, 1.0]]))

    assert paired.low > 0
    assert unpaired.low < 0 < unpaired.high


def test_replicates_of_one_training_are_their_own_interval() -> None:
    """The ends are percentiles of the values on resampled items."""
    assert intervals.replicates_interval([list(range(1001))]) == pytest.approx((25.0, 975.0))


def test_trainings_that_differ_widen_the_interval_of_replicates() -> None:
    """Seeds at 1 and 5 give a wider interval than two seeds at 1."""
    near, far = [[1.0, 1.1] * 200] * 2, [[1.0, 1.1] * 200, [5.0, 5.1] * 200]

    narrow, wide = (intervals.replicates_interval(replicates) for replicates in (near, far))

    assert wide.high - wide.low > 10 * (narrow.high - narrow.low)


def test_replicates_are_paired_by_item() -> None:
    """A model better by 1 on every sample of items has the interval 1 to 1."""
    other = list(np.random.default_rng(0).normal(0, 10, 400))

    differences = intervals.replicates_difference_draws([[value + 1 for value in other]], [other])

    assert differences == pytest.approx(1.0)


def test_a_nan_score_makes_the_interval_nan() -> None:
    """It is not left out silently."""
    assert all(math.isnan(edge) for edge in intervals.mean_interval([[1.0, math.nan]]))


def test_chunks_of_many_items_keep_memory_small() -> None:
    """100,000 items are resampled in parts within the limit, and all resamples are drawn."""
    chunks = intervals._chunks(100_000)

    assert sum(chunks) == intervals.RESAMPLES
    assert max(chunks) * 100_000 <= intervals._CHUNK


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=2, max_size=40))
def test_interval_is_ordered_and_within_the_scores(scores: list[float]) -> None:
    """Except for exact bounds, which go beyond scores that are all 0 or 1."""
    low, high = intervals.mean_interval([scores])

    assert low <= high
    assert (min(scores) - 1e-9 <= low and high <= max(scores) + 1e-9) or set(scores) <= {0.0, 1.0}


@pytest.mark.parametrize(("seeds", "items"), [(1, 300), (3, 300), (5, 999), (2, 2500)])
def test_counted_items_have_the_means_of_the_drawn_ones(seeds: int, items: int) -> None:
    """Draws of means and differences, computed again item by item from the same streams; twice, as draws are kept."""
    random = np.random.default_rng(items)
    scores, others = random.random((seeds, items)), random.random((2, items))

    def weights(drawn: np.random.Generator, replicates: int) -> np.ndarray:
        if replicates == 1:
            return np.ones((intervals.RESAMPLES, 1))
        return drawn.multinomial(replicates, [1 / replicates] * replicates, size=intervals.RESAMPLES) / replicates

    def means(matrix: np.ndarray, weights: np.ndarray, stream: int) -> np.ndarray:
        drawn = np.random.default_rng([stream, items])
        return np.array([(share @ matrix)[drawn.integers(0, items, items)].mean() for share in weights])

    expected = means(scores, weights(np.random.default_rng([0, seeds, items]), seeds), stream=0)
    ours, theirs = np.random.default_rng([2, seeds, items, 0]), np.random.default_rng([2, 2, items, 1])
    differences = means(scores, weights(ours, seeds), stream=2) - means(others, weights(theirs, 2), stream=2)

    for _ in range(2):
        intervals._resampled.cache_clear()
        intervals._resampled_difference.cache_clear()
        assert intervals.mean_draws(scores) == pytest.approx(expected, rel=1e-12)
        assert intervals.difference_draws(scores, others) == pytest.approx(differences, abs=1e-12)


@pytest.mark.parametrize("items", [200, 1000, 1200, 40_000])
def test_draws_spread_as_the_binomial_distribution_does(items: int) -> None:
    """Whether items are counted one by one or by kind: of shares of 0.7 the spread is sqrt(0.7 * 0.3 / n)."""
    right = round(0.7 * items)

    draws = intervals.mean_draws([[1.0] * right + [0.0] * (items - right)])

    assert draws.std() == pytest.approx((0.7 * 0.3 / items) ** 0.5, rel=0.06)
    assert draws.mean() == pytest.approx(0.7, abs=4 * (0.7 * 0.3 / items / intervals.RESAMPLES) ** 0.5)
