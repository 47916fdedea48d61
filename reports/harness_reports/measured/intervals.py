"""Intervals of means, differences and other metrics: resampled over trainings (seeds) and items."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from harness_reports.economics.distributions import quantiles

RESAMPLES = 2000
CONFIDENCE = 0.95
_CHUNK = 4_000_000
"""Drawn items held in memory at a time."""
_KEPT = 2_000_000
"""Drawn items up to which a draw is kept for other scores of as many items."""
_BLOCK = 20
"""Draws that are multiplied at a time, of which `RESAMPLES` is a multiple: small products start no threads."""
_FEW = 64
"""Different columns up to which a multinomial draw of their counts is used: faster than drawing items, and the same
distribution."""


class Interval(NamedTuple):
    """A 95 % interval."""

    low: float
    high: float


Scores = Sequence[Sequence[float]] | np.ndarray
"""Replicates (seeds) x items: one score each."""

Replicates = Sequence[Sequence[float]] | np.ndarray
"""Seeds x samples of items: the metric's value on each."""


def mean_interval(scores: Scores) -> Interval:
    """Return the 95 % interval of a mean over replicates and items, NaN where a score is NaN.

    Replicates are resampled with replacement, then items, the same items in every replicate: an item that is hard for
    one training is hard for the next. With one replicate the spread between trainings is not in the interval. Where
    every score is the same 0 or 1, resampling shows no spread, and the interval is Clopper and Pearson's exact bound.
    """
    matrix, draws = np.asarray(scores, dtype=float), mean_draws(scores)
    if is_unanimous(matrix):
        low, high = interval_of(draws)  # one-sided: it ends at what was observed
        return Interval(low, 1.0) if matrix.flat[0] else Interval(0.0, high)
    return Interval(math.nan, math.nan) if np.isnan(draws).any() else interval_of(draws)


def is_unanimous(matrix: np.ndarray) -> bool:
    """Return whether every score is the same 0 or 1, so that resampling shows no spread."""
    return bool(matrix.min() == matrix.max() and matrix.flat[0] in (0.0, 1.0))


def mean_draws(scores: Scores) -> np.ndarray:
    """Return draws of the mean, whose percentiles are the ends of `mean_interval`."""
    matrix = np.asarray(scores, dtype=float)
    if np.isnan(matrix).any():
        return np.array([math.nan])
    if is_unanimous(matrix):
        return _unanimous(float(matrix.flat[0]), matrix.shape[1])
    return _bootstrap(matrix)


def _unanimous(score: float, items: int) -> np.ndarray:
    """Return quantiles of the beta distribution that Clopper and Pearson's bound is a percentile of."""
    missed = 1 - np.linspace(0, 1, RESAMPLES + 1) ** (1 / items)
    return 1 - missed if score else missed


def difference_draws(scores: Scores, other: Scores) -> np.ndarray:
    """Return draws of mean(scores) - mean(other), paired by item where both have as many items.

    Pairing takes the items' difficulty out of the difference; replicates are resampled independently on each side.
    """
    left, right = np.asarray(scores, dtype=float), np.asarray(other, dtype=float)
    if left.shape[1] != right.shape[1]:
        return np.asarray(_bootstrap(left) - _bootstrap(right, stream=1))
    shapes = (left.shape, right.shape)
    return _resampled_difference(np.ascontiguousarray(left).tobytes(), np.ascontiguousarray(right).tobytes(), shapes)


def paired_draws(scores: Scores, other: Scores) -> tuple[np.ndarray, np.ndarray]:
    """Return draws of both means over the same resampled items: for their ratio; seeds are resampled on each side."""
    sides = [np.asarray(side, dtype=float) for side in (scores, other)]
    items = sides[0].shape[1]
    random = np.random.default_rng([8, items])
    parts = []
    for count in _chunks(items):
        rows = [_replicate_means(side, random, count) for side in sides]
        indexes = random.integers(0, items, (count, items))
        parts.append([np.take_along_axis(each, indexes, axis=1).mean(axis=1) for each in rows])
    ours, theirs = np.concatenate(parts, axis=1)
    return ours, theirs


def replicates_interval(replicates: Replicates) -> Interval:
    """Return the interval of a metric that is no mean, from its values on resampled items; seeds are resampled here."""
    return interval_of(replicates_draws(replicates))


def replicates_draws(replicates: Replicates) -> np.ndarray:
    """Return draws of the metric, whose percentiles are the ends of `replicates_interval`."""
    return _trainings(replicates, stream=0)


def replicates_difference_draws(replicates: Replicates, other: Replicates) -> np.ndarray:
    """Return draws of a difference, paired by item: both sides hold the metric on the same resampled items."""
    return np.asarray(_trainings(replicates, stream=0) - _trainings(other, stream=1))


def _trainings(replicates: Replicates, stream: int) -> np.ndarray:
    matrix = np.asarray(replicates, dtype=float)
    weights = _weights(np.random.default_rng([4, stream]), *matrix.shape)
    return np.asarray((weights * matrix.T).sum(axis=1))


def _weights(random: np.random.Generator, replicates: int, draws: int) -> np.ndarray:
    """Return draws x replicates: the share of each replicate among as many drawn with replacement."""
    return np.asarray(random.multinomial(replicates, [1 / replicates] * replicates, size=draws) / replicates)


def joint_draws(*scores: Scores) -> np.ndarray:
    """Return draws of the means of several figures of the same seeds and items, all resampled alike: for their ratios.

    Returns:
        Shape (figures, draws).
    """
    stacked = np.ascontiguousarray(np.array(scores, dtype=float))
    return _resampled_together(stacked.tobytes(), stacked.shape)


@lru_cache(maxsize=128)
def _resampled_together(content: bytes, shape: tuple[int, int, int]) -> np.ndarray:
    figures, replicates, items = shape
    stacked = np.frombuffer(content).reshape(shape)
    random = np.random.default_rng([6, replicates, items])
    parts = []
    for count in _chunks(items):
        weights = _weights(random, replicates, count)
        indexes = random.integers(0, items, (count, items))
        rows = [np.take_along_axis(weights @ stacked[number], indexes, axis=1) for number in range(figures)]
        parts.append(np.array([each.mean(axis=1) for each in rows]))
    return np.concatenate(parts, axis=1)


def _bootstrap(matrix: np.ndarray, stream: int = 0) -> np.ndarray:
    return _resampled(np.ascontiguousarray(matrix).tobytes(), matrix.shape, stream)


@lru_cache(maxsize=512)
def _resampled(content: bytes, shape: tuple[int, int], stream: int) -> np.ndarray:
    """Return resampled means; cached, so that a moved price slider does not resample them."""
    matrix = np.frombuffer(content).reshape(shape)
    return _over_replicates(_resampled_items(matrix, stream), (stream, *shape))  # 2 to 6 are streams of other uses


@lru_cache(maxsize=512)
def _resampled_difference(scores: bytes, other: bytes, shapes: tuple[tuple[int, int], tuple[int, int]]) -> np.ndarray:
    left, right = np.frombuffer(scores).reshape(shapes[0]), np.frombuffer(other).reshape(shapes[1])
    means = _resampled_items(np.concatenate([left, right]), stream=2)
    ours, theirs = np.split(means, [len(left)], axis=1)
    return np.asarray(_over_replicates(ours, (2, *shapes[0], 0)) - _over_replicates(theirs, (2, *shapes[1], 1)))


def _over_replicates(means: np.ndarray, stream: tuple[int, ...]) -> np.ndarray:
    """Return the mean of resampled replicates in each draw; `means` is draws x replicates."""
    replicates = means.shape[1]
    return means[:, 0] if replicates == 1 else np.asarray((_kept_weights(stream, replicates) * means).sum(axis=1))


@lru_cache(maxsize=8)
def _kept_weights(stream: tuple[int, ...], replicates: int) -> np.ndarray:
    return _weights(np.random.default_rng(stream), replicates, RESAMPLES)


def _resampled_items(rows: np.ndarray, stream: int) -> np.ndarray:
    """Return draws x rows: the mean of each row over items drawn with replacement, the same items for every row."""
    items = rows.shape[1]
    if RESAMPLES * items <= _KEPT:
        return _means(_kept_counts(stream, items), rows)
    random = np.random.default_rng([stream, items])
    kinds, counts = _kinds(rows)
    if kinds.shape[1] <= _FEW:
        return np.asarray(random.multinomial(items, counts / items, size=RESAMPLES) / items @ kinds.T)
    return np.concatenate([_means(_counts(random, items, draws), rows) for draws in _chunks(items)])


def _means(counts: np.ndarray, rows: np.ndarray) -> np.ndarray:
    draws, items = counts.shape
    return np.asarray((counts.reshape(-1, _BLOCK, items) @ rows.T).reshape(draws, len(rows)) / items)


@lru_cache(maxsize=2)
def _kept_counts(stream: int, items: int) -> np.ndarray:
    return _counts(np.random.default_rng([stream, items]), items, RESAMPLES)


def _counts(random: np.random.Generator, items: int, draws: int) -> np.ndarray:
    """Return draws x items: how often each item is among as many drawn with replacement."""
    places = random.integers(0, items, (draws, items))
    places += np.arange(draws)[:, None] * items
    return np.bincount(places.ravel(), minlength=draws * items).reshape(draws, items).astype(float)


def _kinds(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the different columns, in order, and how often each occurs."""
    if len(rows) == 1:  # without `axis` it is faster
        values, counts = np.unique(rows[0], return_counts=True)
        return values[None], counts
    return np.unique(rows, axis=1, return_counts=True)


def _chunks(items: int) -> list[int]:
    size = max(_BLOCK, min(RESAMPLES, _CHUNK // max(1, items) // _BLOCK * _BLOCK))
    return [min(size, RESAMPLES - start) for start in range(0, RESAMPLES, size)]


def _replicate_means(matrix: np.ndarray, random: np.random.Generator, count: int) -> np.ndarray:
    replicates = matrix.shape[0]
    if replicates == 1:
        return np.broadcast_to(matrix, (count, matrix.shape[1]))
    return np.asarray(_weights(random, replicates, count) @ matrix)


def between_share(values: Sequence[float], draws: np.ndarray) -> float:
    """Return the share of the variance of a mean's draws that lies between the means of its groups.

    Args:
        values: the value of each group, such as each seed.
        draws: of the mean over groups, which are resampled.
    """
    variance = float(np.var(draws))
    return min(1.0, float(np.var(values)) / len(values) / variance) if variance else 0.0


def interval_of(values: np.ndarray) -> Interval:
    """Return the ends of the middle 95 % of draws."""
    tail = (1 - CONFIDENCE) / 2
    low, high = quantiles(values, (tail, 1 - tail))
    return Interval(float(low), float(high))
