"""A candidate's figure over the reference's: the ratio with its 95 % interval and its test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from harness_reports.measured.intervals import RESAMPLES, interval_of
from harness_reports.measured.paired import Tested, bootstrapped

_CHUNK = 4_000_000
"""Drawn items held in memory at a time."""


class Ratio(NamedTuple):
    """A ratio; its interval and test are None where the spread of a side is not known."""

    value: float
    low: float | None = None
    high: float | None = None
    test: Tested | None = None


def ratio(value: float, draws: np.ndarray | None, test: Tested | None = None) -> Ratio:
    """Return a ratio with the interval of its draws.

    Args:
        value: the ratio.
        draws: of the ratio, None where they are not known.
        test: of no difference; by default twice the share of draws on the rarer side of 1.
    """
    if draws is None:
        return Ratio(value)
    low, high = interval_of(draws)
    if not math.isfinite(low + high):
        return Ratio(value)
    return Ratio(value, low, high, test or bootstrapped(draws - 1))


def of_apart(value: float, draws: np.ndarray | None, other: np.ndarray | None) -> Ratio:
    """Return the ratio of two figures that were measured apart.

    Draws of one kind begin with the same random numbers for every candidate, so those of the other side are shuffled:
    in the order in which they come a ratio would have hardly any spread.
    """
    if draws is None or other is None:
        return Ratio(value)
    shuffled = np.random.default_rng([9, other.size]).choice(other, draws.size)
    with np.errstate(divide="ignore", invalid="ignore"):
        return ratio(value, draws / shuffled)


def of_together(value: float, draws: np.ndarray, other: np.ndarray, test: Tested | None = None) -> Ratio:
    """Return the ratio of two figures whose draws are of the same resampled items."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return ratio(value, draws / other, test)


def sample_quantile(values: Sequence[float] | np.ndarray, share: float) -> float:
    """Return the smallest value that a share of all values does not exceed."""
    return float(np.quantile(np.asarray(values, dtype=float), share, method="inverted_cdf"))


def quantile_draws(values: Sequence[float] | np.ndarray, share: float) -> np.ndarray:
    """Return draws of `sample_quantile` over resampled values.

    The k-th of n resampled values has the rank of the k-th of n uniform numbers, which follows a beta distribution:
    exact, and as fast for a million values as for a hundred.
    """
    ascending = np.sort(np.asarray(values, dtype=float))
    count, k = ascending.size, _rank(ascending.size, share)
    ranks = np.random.default_rng([10, count]).beta(k, count - k + 1, RESAMPLES) * count
    return np.asarray(ascending[np.minimum(ranks.astype(int), count - 1)])


def paired_quantile_draws(values: np.ndarray, other: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Return draws of both sides' `sample_quantile` over the same resampled items."""
    count, k, random = values.size, _rank(values.size, share), np.random.default_rng([11, values.size])
    size = max(1, min(RESAMPLES, _CHUNK // count))
    parts = []
    for start in range(0, RESAMPLES, size):
        places = random.integers(0, count, (min(size, RESAMPLES - start), count))
        parts.append([np.partition(side[places], k - 1, axis=1)[:, k - 1] for side in (values, other)])
    ours, theirs = np.concatenate(parts, axis=1)
    return ours, theirs


def _rank(count: int, share: float) -> int:
    """Return which of so many ascending values `sample_quantile` is, from 1."""
    return max(1, math.ceil(count * share - 1e-9))
