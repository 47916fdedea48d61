"""Percentiles of latencies and the counts they need; latency objectives.

Percentiles follow the early-stopping rule of MLPerf's LoadGen (mlcommons/inference, loadgen/early_stopping.cc and
results.cc): with n latencies, t of them may exceed the reported value if BinomialCDF(t; n, 1 - p) <= 1 - 0.99.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np

PERCENTILE_CONFIDENCE = 0.99


@lru_cache(maxsize=4096)
def allowed_slow(count: int, percentile: float) -> int | None:
    """Return the largest t >= 1 that the rule allows among `count` latencies, None where there is none."""
    from scipy import stats

    alpha = 1 - PERCENTILE_CONFIDENCE
    slow = np.arange(1, count + 1)
    allowed = slow[stats.binom.cdf(slow, count, 1 - percentile) <= alpha]
    return int(allowed[-1]) if allowed.size else None


def percentile(latency_s: Sequence[float], share: float) -> float | None:
    """Return the t-th largest latency, t as the rule allows; None where the count does not support the percentile.

    The least counts are 11 for 0.5, 64 for 0.9 and 662 for 0.99.
    """
    slow = allowed_slow(len(latency_s), share)
    return None if slow is None else float(sorted(latency_s)[len(latency_s) - slow])


def median_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Return the 95 % interval of a median between two of the values, whatever their distribution; None below 11."""
    from scipy import stats

    count = len(values)
    if count < minimum_count(0.5):
        return None
    rank, ascending = int(stats.binom.ppf(0.025, count, 0.5)), sorted(values)
    return float(ascending[rank - 1]), float(ascending[count - rank])


@lru_cache(maxsize=4096)
def minimum_count(share: float, slow: int = 1) -> int:
    """Return how many latencies are needed where `slow` of them may exceed the reported value."""
    from scipy import stats

    alpha = 1 - PERCENTILE_CONFIDENCE
    low, high = slow, max(16, 2 * slow)  # bisection between a count that is too small and one that is enough
    while stats.binom.cdf(slow, high, 1 - share) > alpha:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if stats.binom.cdf(slow, middle, 1 - share) > alpha else (low, middle)
    return high


class LatencyObjective(NamedTuple):
    """Whether a latency limit is met."""

    met: Literal["met", "missed", "unknown"]
    slow: int
    """How many latencies were over the limit."""
    needed: int
    """How many latencies would show that it is met, if no further one is over the limit."""


def latency_objective(latency_s: Sequence[float], limit_s: float, share: float = 0.99) -> LatencyObjective:
    """Return whether at least `share` of latencies are within `limit_s`, with 99 % confidence for met and for missed.

    Met is LoadGen's rule for the Server scenario; missed is the opposite one-sided test.
    """
    from scipy import stats

    count, slow = len(latency_s), sum(value > limit_s for value in latency_s)
    alpha = 1 - PERCENTILE_CONFIDENCE
    needed = minimum_count(share, slow)
    if count >= needed:
        return LatencyObjective("met", slow, needed)
    too_many = slow > 0 and stats.binom.sf(slow - 1, count, 1 - share) <= alpha
    return LatencyObjective("missed" if too_many else "unknown", slow, needed)
