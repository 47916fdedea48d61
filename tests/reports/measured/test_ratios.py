"""Ratios of two sides, against scipy's bootstrap and over simulated experiments."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from harness_reports.measured import intervals, ratios
from harness_reports.measured.intervals import interval_of, paired_draws
from harness_reports.measured.single_latency import Timed, alike

ROUNDS = 1000


def test_a_ratio_has_the_interval_of_its_draws_and_a_test() -> None:
    """Of 2,000 draws 40 are at 1 or below: p is twice 41 of 2,001."""
    draws = np.linspace(0.96, 1.96 + 1e-9, 2000)
    below = int((draws <= 1).sum())
    made = ratios.ratio(1.5, draws)

    assert made.value == 1.5
    assert (made.low, made.high) == pytest.approx(tuple(np.quantile(draws, (0.025, 0.975))))
    assert made.test is not None
    assert made.test == (2 * (below + 1) / 2001, "bootstrap")


@pytest.mark.parametrize("draws", [None, np.array([1.0, math.inf, 2.0]), np.array([math.nan, 1.0])])
def test_without_finite_draws_there_is_a_value_alone(draws: Any) -> None:
    """No end of an interval is made up."""
    assert ratios.ratio(1.5, draws) == ratios.Ratio(1.5, None, None, None)


def test_sides_measured_apart_are_not_drawn_alike() -> None:
    """Draws that begin with the same random numbers would cancel: the interval is that of independent sides."""
    random = np.random.default_rng(0)
    same = random.normal(0, 0.05, 2000)
    made = ratios.of_apart(1.0, np.exp(same), np.exp(same))

    assert made.low == pytest.approx(math.exp(-1.96 * 0.05 * math.sqrt(2)), abs=0.01)
    assert made.high == pytest.approx(math.exp(1.96 * 0.05 * math.sqrt(2)), abs=0.015)
    assert ratios.of_apart(2.0, None, np.exp(same)) == ratios.Ratio(2.0)


@pytest.mark.parametrize("share", [0.5, 0.99])
@pytest.mark.parametrize("count", [11, 100, 701])
def test_a_quantile_is_numpys(share: float, count: int) -> None:
    """The smallest value that so large a share does not exceed."""
    values = np.random.default_rng(count).lognormal(0, 1, count)
    chosen = ratios.sample_quantile(values, share)

    assert (values <= chosen).mean() >= share - 1e-12
    assert (values < chosen).mean() < share


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_draws_of_a_quantile_are_those_of_a_plain_bootstrap(share: float) -> None:
    """By the beta distribution of a rank, and by resampling every value."""
    random = np.random.default_rng(3)
    values = random.lognormal(-4, 0.4, 700)
    plain = np.quantile(random.choice(values, (20_000, 700)), share, axis=1, method="inverted_cdf")
    fast = ratios.quantile_draws(values, share)
    checked = stats.bootstrap((values,), lambda v, axis: np.quantile(v, share, axis=axis, method="inverted_cdf"),
                              method="percentile", n_resamples=4000, rng=random)  # fmt: skip

    assert stats.ks_2samp(fast, plain, method="asymp").statistic < 0.04
    spread = plain.std()
    assert interval_of(fast) == pytest.approx(tuple(checked.confidence_interval), abs=0.35 * spread)
    assert set(fast) <= set(values)


def test_paired_draws_are_those_of_scipys_paired_bootstrap() -> None:
    """A ratio of means and one of medians over the same items."""
    random = np.random.default_rng(4)
    hard = random.lognormal(0, 0.8, 300)
    ours, theirs = hard * random.lognormal(0.2, 0.2, 300), hard * random.lognormal(0, 0.2, 300)

    def means(one: np.ndarray, other: np.ndarray, axis: int = -1) -> np.ndarray:
        return np.asarray(one.mean(axis=axis) / other.mean(axis=axis))

    def medians(one: np.ndarray, other: np.ndarray, axis: int = -1) -> np.ndarray:
        parts = (np.quantile(side, 0.5, axis=axis, method="inverted_cdf") for side in (one, other))
        return np.asarray(np.divide(*parts))

    drawn = {
        means: paired_draws(ours[None], theirs[None]), medians: ratios.paired_quantile_draws(ours, theirs, 0.5),
    }  # fmt: skip
    for statistic, (one, other) in drawn.items():
        checked = stats.bootstrap((ours, theirs), statistic, paired=True, vectorized=True, method="percentile",
                                  n_resamples=4000, rng=random).confidence_interval  # fmt: skip
        assert interval_of(one / other) == pytest.approx(tuple(checked), rel=0.02)
    apart = interval_of(paired_draws(ours[None], theirs[None])[0] / intervals.mean_draws(theirs[None]))
    paired = interval_of(np.divide(*drawn[means]))
    assert paired.high - paired.low < 0.5 * (apart.high - apart.low)


def _costs(random: np.random.Generator, gain: float) -> ratios.Ratio:
    hard = random.lognormal(0, 0.7, 100)
    sides = [(hard * random.lognormal(more, 0.3, 100))[None] for more in (gain, 0.0)]
    return ratios.of_together(1.0, *paired_draws(*sides))


def _medians(random: np.random.Generator, gain: float) -> ratios.Ratio:
    return _quantiles(random, gain, 0.5)


def _tails(random: np.random.Generator, gain: float) -> ratios.Ratio:
    return _quantiles(random, gain, 0.99)


def _quantiles(random: np.random.Generator, gain: float, share: float) -> ratios.Ratio:
    sides = [random.lognormal(more - 3, 0.4, 1000) for more in (gain, 0.0)]
    return ratios.of_apart(1.0, *(ratios.quantile_draws(side, share) for side in sides))


@pytest.mark.parametrize(("make", "least"), [(_costs, 0.93), (_medians, 0.93), (_tails, 0.93)])
def test_intervals_cover_and_alike_sides_are_not_told_apart(
    make: Callable[[np.random.Generator, float], ratios.Ratio], least: float
) -> None:
    """Over 1,000 experiments, half of them with a true ratio of e^0.1, half with 1."""
    random, covered, flagged = np.random.default_rng(5), 0, 0
    for number in range(ROUNDS):
        gain = 0.1 * (number % 2)
        made = make(random, gain)
        assert made.low is not None
        assert made.high is not None
        assert made.test is not None
        covered += made.low <= math.exp(gain) <= made.high
        flagged += not gain and made.test.p < 0.05

    assert covered / ROUNDS >= least
    assert flagged / (ROUNDS / 2) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / (ROUNDS / 2))


def test_sides_are_compared_as_both_were_timed() -> None:
    """Single requests with single requests, calls with calls; else the first of each."""
    single, calls = Timed(np.ones(3)), Timed(np.ones(3), 16)

    assert alike([single, calls], [calls]) == (calls, calls)
    assert alike([single, calls], [single]) == (single, single)
    assert alike([single], [calls]) == (single, calls)
    assert alike([], [calls]) == (None, calls)
