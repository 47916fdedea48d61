"""Tests of a difference between two candidates over the same items, and how many items would show one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from harness_reports.measured.intervals import CONFIDENCE, Interval

POWER = 0.8
"""How often a difference of the smallest size that items can show is found."""
FLIPS = 10_000
_CHUNK = 4_000_000
"""Signs held in memory at a time."""
_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
_BOTH = _Z + NormalDist().inv_cdf(POWER)


class Tested(NamedTuple):
    """A two-sided test of no difference."""

    p: float
    method: str
    """`McNemar`, `sign flips` or `bootstrap`."""


def mcnemar(scores: np.ndarray, other: np.ndarray) -> Tested:
    """Return McNemar's exact test of two columns of 0 and 1.

    Items that both answer right, or both wrong, say nothing; of the others half would be won by chance (McNemar 1947).
    """
    from scipy import stats

    won, lost = int((scores > other).sum()), int((scores < other).sum())
    p = float(stats.binomtest(won, won + lost).pvalue) if won + lost else 1.0
    return Tested(p, "McNemar")


def sign_flips(differences: np.ndarray) -> Tested:
    """Return the permutation test of a mean of differences: without a difference each sign is as likely as the other.

    With so few items that all signs can be tried, it is exact.
    """
    from scipy import stats

    if not differences.any():
        return Tested(1.0, "sign flips")
    tested = stats.permutation_test(
        (differences[differences != 0],), np.sum, permutation_type="samples", vectorized=True, n_resamples=FLIPS,
        batch=max(1, _CHUNK // differences.size), rng=np.random.default_rng([7, differences.size]),
    )  # fmt: skip
    return Tested(float(tested.pvalue), "sign flips")


def bootstrapped(draws: np.ndarray) -> Tested:
    """Return the test by draws of a difference: twice the share of the draws on the rarer side of 0."""
    below, above = int((draws <= 0).sum()), int((draws >= 0).sum())
    return Tested(min(1.0, 2 * (min(below, above) + 1) / (draws.size + 1)), "bootstrap")


def holm(ps: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number: the chance of any false difference stays at the level (Holm 1979)."""
    corrected, least = [0.0] * len(ps), 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        least = corrected[place] = max(least, min(1.0, (len(ps) - rank) * ps[place]))
    return corrected


def detectable(error: float) -> float:
    """Return the smallest difference that would be found 8 times in 10.

    Args:
        error: standard error of the difference.
    """
    return _BOTH * error


def needed(error: float, items: int, difference: float) -> int | None:
    """Return how many items would show a difference 8 times in 10, None where no item differs so far.

    Args:
        error: standard error of the difference over `items`; it falls with the root of their number.
        items: how many there were.
        difference: to show, over 0.
    """
    return math.ceil(items * (detectable(error) / difference) ** 2) if error > 0 else None


def unpaired(scores: np.ndarray, other: np.ndarray) -> tuple[Interval, float]:
    """Return the interval and the p-value of a difference of means as of two groups of different items: Welch's.

    It is what tools print that do not pair: mostly wider, since it holds the items' own difficulty.
    """
    from scipy import stats

    difference = float(scores.mean() - other.mean())
    parts = [side.var(ddof=1) / side.size for side in (scores, other)]
    error = math.sqrt(sum(parts))
    if not error:
        return Interval(difference, difference), float(difference == 0)
    freedom = error**4 / sum(part**2 / (side.size - 1) for part, side in zip(parts, (scores, other), strict=True))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    return Interval(difference - half, difference + half), float(2 * stats.t.sf(abs(difference) / error, freedom))
