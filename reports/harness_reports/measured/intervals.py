"""Intervals of means, differences and other metrics: resampled over trainings (seeds) and items."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from harness_reports.economics.distributions import quantiles

RESAMPLES = 2000
CONFIDENCE = 0.95
_CHUNK = 4_000_000
"""Drawn items held in memory at a time."""
_KEPT = 2_000_000
"""Drawn items up to which a draw is kept for other scores of the same shape."""
_BLOCK = 80
"""Draws whose items are picked at a time: they fit into a processor's cache."""
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
    random = np.random.default_rng([stream, *shape])  # each use has its own stream: 0, 1 and 6 here, 2 to 5 elsewhere
    kinds, counts = _kinds(matrix)
    if kinds.shape[1] <= _FEW:
        return _counted(kinds, counts, random)
    if RESAMPLES * shape[1] <= _KEPT:
        return _means(matrix, *_drawn_for_means(stream, shape))
    return np.concatenate([_means(matrix, *_draw_for_means(random, shape, count)) for count in _chunks(shape[1])])


def _kinds(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the different columns, in order, and how often each occurs."""
    if len(matrix) == 1:  # without `axis` it is faster
        values, counts = np.unique(matrix[0], return_counts=True)
        return values[None], counts
    return np.unique(matrix, axis=1, return_counts=True)


def _counted(kinds: np.ndarray, counts: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return resampled means where items are of few kinds (right or wrong in each replicate): draw counts of kinds."""
    items = counts.sum()
    shares = random.multinomial(items, counts / items, size=RESAMPLES) / items
    means = shares @ kinds.T
    return np.asarray((_weights(random, len(kinds), RESAMPLES) * means).sum(axis=1))


def _chunks(items: int) -> list[int]:
    size = max(1, min(RESAMPLES, _CHUNK // max(1, items)))
    return [min(size, RESAMPLES - start) for start in range(0, RESAMPLES, size)]


_Weights = np.ndarray | None
"""Of replicates in each draw, draws x replicates; None of one replicate."""


@lru_cache(maxsize=1)
def _drawn_for_means(stream: int, shape: tuple[int, int]) -> tuple[np.ndarray, _Weights]:
    return _draw_for_means(np.random.default_rng([stream, *shape]), shape, RESAMPLES)


def _draw_for_means(random: np.random.Generator, shape: tuple[int, int], count: int) -> tuple[np.ndarray, _Weights]:
    """Return the places of the drawn items, draws x items, and the weights of the replicates."""
    replicates, items = shape
    indexes = random.integers(0, items, (count, items))
    return _places(indexes, replicates == 1), _weights_of(random, replicates, count)


def _weights_of(random: np.random.Generator, replicates: int, count: int) -> _Weights:
    return None if replicates == 1 else _weights(random, replicates, count)


def _means(matrix: np.ndarray, places: np.ndarray, weights: _Weights) -> np.ndarray:
    return _picked(places, lambda block: _weighted(weights, matrix, block))


def _places(indexes: np.ndarray, one_row: bool) -> np.ndarray:
    """Return where the drawn items are in the values of a block of draws; of a single replicate all share one row."""
    if not one_row:
        count, items = indexes.shape
        indexes += (np.arange(count) % _BLOCK * items)[:, None]
    return indexes


def _picked(places: np.ndarray, rows: Callable[[slice], np.ndarray]) -> np.ndarray:
    """Return the mean of drawn items in each draw.

    Args:
        places: of the items, draws x items: see `_places`.
        rows: draws → the value of each item in each of them, or in all: one row.
    """
    blocks = [slice(start, start + _BLOCK) for start in range(0, len(places), _BLOCK)]
    return np.concatenate([rows(block).take(places[block]).mean(axis=1) for block in blocks])


def _weighted(weights: _Weights, matrix: np.ndarray, block: slice) -> np.ndarray:
    """Return the mean of each item over replicates in some draws; one row for all of them where there is one."""
    return matrix if weights is None else np.asarray(weights[block] @ matrix)


def _replicate_means(matrix: np.ndarray, random: np.random.Generator, count: int) -> np.ndarray:
    replicates = matrix.shape[0]
    if replicates == 1:
        return np.broadcast_to(matrix, (count, matrix.shape[1]))
    return np.asarray(_weights(random, replicates, count) @ matrix)


@lru_cache(maxsize=512)
def _resampled_difference(scores: bytes, other: bytes, shapes: tuple[tuple[int, int], tuple[int, int]]) -> np.ndarray:
    left, right = np.frombuffer(scores).reshape(shapes[0]), np.frombuffer(other).reshape(shapes[1])
    items = shapes[0][1]
    random = np.random.default_rng([2, items])
    kinds, counts = _kinds(np.concatenate([left, right]))
    if kinds.shape[1] <= _FEW:
        return _counted_difference(kinds, counts, random, len(left))
    if RESAMPLES * items <= _KEPT:
        return _differences(left, right, *_drawn_for_differences(items, len(left), len(right)))
    draws = (_draw_for_differences(random, items, len(left), len(right), count) for count in _chunks(items))
    return np.concatenate([_differences(left, right, *each) for each in draws])


_Draw = tuple[np.ndarray, _Weights, _Weights]
"""The places of the drawn items, draws x items, and the weights of the replicates on both sides."""


@lru_cache(maxsize=1)
def _drawn_for_differences(items: int, left: int, right: int) -> _Draw:
    return _draw_for_differences(np.random.default_rng([2, items]), items, left, right, RESAMPLES)


def _draw_for_differences(random: np.random.Generator, items: int, left: int, right: int, count: int) -> _Draw:
    ours, theirs = (_weights_of(random, replicates, count) for replicates in (left, right))
    return _places(random.integers(0, items, (count, items)), left == right == 1), ours, theirs


def _differences(
    left: np.ndarray, right: np.ndarray, places: np.ndarray, ours: _Weights, theirs: _Weights
) -> np.ndarray:
    return _picked(places, lambda block: _weighted(ours, left, block) - _weighted(theirs, right, block))


def _counted_difference(
    kinds: np.ndarray, counts: np.ndarray, random: np.random.Generator, replicates: int
) -> np.ndarray:
    items = counts.sum()
    means = random.multinomial(items, counts / items, size=RESAMPLES) / items @ kinds.T
    left, right = ((_weights(random, side.shape[1], RESAMPLES) * side).sum(axis=1)
                   for side in np.split(means, [replicates], axis=1))  # fmt: skip
    return np.asarray(left - right)


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
