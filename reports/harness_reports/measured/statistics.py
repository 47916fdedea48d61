"""Statistics of raw values: intervals, percentiles with the counts they need, a judgement of the numbers.

Percentiles follow the early-stopping rule of MLPerf's LoadGen (mlcommons/inference, loadgen/early_stopping.cc and
results.cc): with n latencies, t of them may exceed the reported value if BinomialCDF(t; n, 1 - p) <= 1 - 0.99.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from scipy import stats

from harness.records import Record
from harness_reports.economics.distributions import quantiles

RESAMPLES = 2000
CONFIDENCE = 0.95
PERCENTILE_CONFIDENCE = 0.99
MINIMUM_WINDOW_S = 1.0
MAXIMUM_SPREAD = 0.10
"""Standard deviation over mean, as pyperf's `check` warns."""
MINIMUM_ITEMS = 30
"""Fewer items than this carry no interval worth the name."""
_CHUNK = 4_000_000
_FEW = 64
"""Kinds of items up to which counting them is faster than drawing items, and gives the same distribution."""


class Interval(NamedTuple):
    """A 95 % interval."""

    low: float
    high: float


Scores = Sequence[Sequence[float]] | np.ndarray
"""Replicates (seeds) x items: one score each."""

Replicates = Sequence[Sequence[float]] | np.ndarray
"""Seeds x samples of items: the metric's value on each."""


def mean_interval(scores: Scores) -> Interval:
    """Return the interval of a mean over replicates and items.

    Both are resampled with replacement: replicates first, then items, the same items in every replicate, because an
    item that is hard for one training is hard for the next. With one replicate the spread between trainings is not in
    the interval. Where every score is the same 0 or 1 the bootstrap sees no spread at all, and Clopper and Pearson's
    exact bound is given.
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
    """Return values that the mean may have, as likely as they are: what `mean_interval` takes its ends from."""
    matrix = np.asarray(scores, dtype=float)
    if np.isnan(matrix).any():
        return np.array([math.nan])
    if is_unanimous(matrix):
        return _unanimous(float(matrix.flat[0]), matrix.shape[1])
    return _bootstrap(matrix)


def _unanimous(score: float, items: int) -> np.ndarray:
    """Return quantiles of the beta distribution whose end is Clopper and Pearson's."""
    missed = 1 - np.linspace(0, 1, RESAMPLES + 1) ** (1 / items)
    return 1 - missed if score else missed


def difference_interval(scores: Scores, other: Scores) -> Interval:
    """Return the interval of mean(scores) - mean(other), paired by item where both graded as many items.

    The pairing takes the items' difficulty out of the difference; replicates are resampled on each side on their own.
    """
    one, two = np.asarray(scores, dtype=float), np.asarray(other, dtype=float)
    if one.shape[1] != two.shape[1]:
        return interval_of(_bootstrap(one) - _bootstrap(two, stream=1))
    return interval_of(_paired(one, two))


def replicates_interval(replicates: Replicates) -> Interval:
    """Return the interval of a metric that is no mean from its values over resampled items; trainings are resampled."""
    return interval_of(replicates_draws(replicates))


def replicates_draws(replicates: Replicates) -> np.ndarray:
    """Return values that the metric may have: what `replicates_interval` takes its ends from."""
    return _trainings(replicates, stream=0)


def replicates_difference(replicates: Replicates, other: Replicates) -> Interval:
    """Return the interval of a difference; both sides resampled the same items, so it is paired by item."""
    return interval_of(_trainings(replicates, stream=0) - _trainings(other, stream=1))


def _trainings(replicates: Replicates, stream: int) -> np.ndarray:
    matrix = np.asarray(replicates, dtype=float)
    seeds, draws = matrix.shape
    picked = np.random.default_rng([4, stream]).multinomial(seeds, [1 / seeds] * seeds, size=draws)
    return np.asarray((picked / seeds * matrix.T).sum(axis=1))


def _bootstrap(matrix: np.ndarray, stream: int = 0) -> np.ndarray:
    return _resampled(np.ascontiguousarray(matrix).tobytes(), matrix.shape, stream)


@lru_cache(maxsize=512)
def _resampled(content: bytes, shape: tuple[int, int], stream: int) -> np.ndarray:
    """Return resampled means; remembered, so that a moved price slider does not resample what it does not touch."""
    matrix = np.frombuffer(content).reshape(shape)
    random = np.random.default_rng([stream, *shape])
    kinds, counts = _kinds(matrix)
    if kinds.shape[1] <= _FEW:
        return _counted(kinds, counts, random)
    return np.concatenate([_means(matrix, random, count) for count in _chunks(shape[1])])


def _kinds(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the different columns, in order, and how often each occurs."""
    if len(matrix) == 1:  # faster, and the same
        values, counts = np.unique(matrix[0], return_counts=True)
        return values[None], counts
    return np.unique(matrix, axis=1, return_counts=True)


def _counted(kinds: np.ndarray, counts: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Resample items that are of few kinds (right or wrong in each replicate) by how many of each kind are drawn."""
    items = counts.sum()
    drawn = random.multinomial(items, counts / items, size=RESAMPLES) / items
    means = drawn @ kinds.T
    replicates = len(kinds)
    weights = random.multinomial(replicates, [1 / replicates] * replicates, size=RESAMPLES) / replicates
    return np.asarray((weights * means).sum(axis=1))


def _chunks(items: int) -> list[int]:
    size = max(1, min(RESAMPLES, _CHUNK // max(1, items)))
    return [min(size, RESAMPLES - start) for start in range(0, RESAMPLES, size)]


def _means(matrix: np.ndarray, random: np.random.Generator, count: int) -> np.ndarray:
    picked = random.integers(0, matrix.shape[1], (count, matrix.shape[1]))
    rows = _replicate_means(matrix, random, count)
    return np.asarray(np.take_along_axis(rows, picked, axis=1).mean(axis=1))


def _replicate_means(matrix: np.ndarray, random: np.random.Generator, count: int) -> np.ndarray:
    replicates = matrix.shape[0]
    if replicates == 1:
        return np.broadcast_to(matrix, (count, matrix.shape[1]))
    return np.asarray(random.multinomial(replicates, [1 / replicates] * replicates, size=count) / replicates @ matrix)


def _paired(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    shapes = (one.shape, two.shape)
    return _resampled_difference(np.ascontiguousarray(one).tobytes(), np.ascontiguousarray(two).tobytes(), shapes)


@lru_cache(maxsize=512)
def _resampled_difference(one: bytes, two: bytes, shapes: tuple[tuple[int, int], tuple[int, int]]) -> np.ndarray:
    left, right = np.frombuffer(one).reshape(shapes[0]), np.frombuffer(two).reshape(shapes[1])
    items = shapes[0][1]
    random = np.random.default_rng([2, items])
    kinds, counts = _kinds(np.concatenate([left, right]))
    if kinds.shape[1] <= _FEW:
        return _counted_difference(kinds, counts, random, len(left))
    parts = []
    for count in _chunks(items):
        rows = _replicate_means(left, random, count) - _replicate_means(right, random, count)
        picked = random.integers(0, items, (count, items))
        parts.append(np.take_along_axis(rows, picked, axis=1).mean(axis=1))
    return np.concatenate(parts)


def _counted_difference(
    kinds: np.ndarray, counts: np.ndarray, random: np.random.Generator, replicates: int
) -> np.ndarray:
    items = counts.sum()
    means = random.multinomial(items, counts / items, size=RESAMPLES) / items @ kinds.T
    sides = np.split(means, [replicates], axis=1)
    weights = [random.multinomial(side.shape[1], [1 / side.shape[1]] * side.shape[1], RESAMPLES) / side.shape[1]
               for side in sides]  # fmt: skip
    left, right = ((weight * side).sum(axis=1) for weight, side in zip(weights, sides, strict=True))
    return np.asarray(left - right)


def interval_of(values: np.ndarray) -> Interval:
    """Return the middle 95 % of drawn values."""
    tail = (1 - CONFIDENCE) / 2
    low, high = quantiles(values, (tail, 1 - tail))
    return Interval(float(low), float(high))


# Percentiles ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def allowed_slow(count: int, percentile: float) -> int | None:
    """Return the largest t >= 1 that the rule allows among `count` latencies, None where there is none."""
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


@lru_cache(maxsize=4096)
def minimum_count(share: float, slow: int = 1) -> int:
    """Return how many latencies are needed where `slow` of them may exceed the reported value."""
    alpha = 1 - PERCENTILE_CONFIDENCE
    low, high = slow, max(16, 2 * slow)
    while stats.binom.cdf(slow, high, 1 - share) > alpha:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if stats.binom.cdf(slow, middle, 1 - share) > alpha else (low, middle)
    return high


class Promise(NamedTuple):
    """Whether a latency limit is kept."""

    kept: Literal["kept", "broken", "not told"]
    slow: int
    """How many latencies were over the limit."""
    needed: int
    """How many latencies would show that it is kept, if no further one is over the limit."""


def promise(latency_s: Sequence[float], limit_s: float, share: float = 0.99) -> Promise:
    """Return whether at least `share` of the latencies stay within `limit_s`, with 99 % confidence either way.

    Kept is LoadGen's rule for the Server scenario; broken is the same test from the other side.
    """
    count, slow = len(latency_s), sum(value > limit_s for value in latency_s)
    alpha = 1 - PERCENTILE_CONFIDENCE
    needed = minimum_count(share, slow)
    if count >= needed:
        return Promise("kept", slow, needed)
    too_many = slow > 0 and stats.binom.sf(slow - 1, count, 1 - share) <= alpha
    return Promise("broken" if too_many else "not told", slow, needed)


# Rates ------------------------------------------------------------------------------------------------------


def rate(records: Sequence[Record], counted: str = "samples") -> float | None:
    """Return samples per second over the measured windows of several records, None where one lacks a reading."""
    samples, seconds = [r.value(counted) for r in records], [r.value("wall_s") for r in records]
    if None in samples or None in seconds or not sum(seconds):  # type: ignore[arg-type]
        return None
    return float(sum(samples) / sum(seconds))  # type: ignore[arg-type]


def rate_interval(records: Sequence[Record]) -> Interval | None:
    """Return the interval of `rate` by resampling records, then the durations within each; None without durations.

    A single record says nothing of what another process or another day would give: its interval holds only the spread
    within its window.
    """
    draws = rate_draws(records)
    return None if draws is None else interval_of(draws)


def rate_draws(records: Sequence[Record]) -> np.ndarray | None:
    """Return rates that the records allow: what `rate_interval` takes its ends from."""
    value = rate(records)
    series = [_durations(record) for record in records]
    if value is None or any(len(durations) < 2 for durations in series):  # noqa: PLR2004 - one duration has no spread
        return None
    random = np.random.default_rng([3, len(records)])
    means = np.array([_resampled_durations(durations, random) for durations in series])
    weights = np.array([r.value("wall_s") for r in records], dtype=float)
    relative = means / np.array([d.mean() for d in series])[:, None]
    speeds = np.array([r.value("samples") for r in records], dtype=float) / weights
    picked = random.integers(0, len(records), (RESAMPLES, len(records)))
    drawn = random.integers(0, means.shape[1], picked.shape)
    seconds = relative[picked, drawn] / speeds[picked]
    return np.asarray(1 / seconds.mean(axis=1))


def _resampled_durations(durations: np.ndarray, random: np.random.Generator, draws: int = 200) -> np.ndarray:
    """Return resampled means; of many durations the mean is normal, and drawing it directly is as good and fast."""
    if durations.size >= 200:  # noqa: PLR2004 - see above
        return random.normal(durations.mean(), durations.std(ddof=1) / math.sqrt(durations.size), draws)
    picked = random.integers(0, durations.size, (draws, durations.size))
    return np.asarray(durations[picked].mean(axis=1))


def _durations(record: Record) -> np.ndarray:
    """Return how long each batch (or query) of a serving took, empty where the series is not that.

    Queries served one after the other fill the window, so durations that add up to much more or less than it are
    something else.
    """
    durations = np.array(record.series.get("latency_s", []), dtype=float)
    wall_s = record.value("wall_s")
    if durations.size == 0 or not wall_s or not 0.5 <= durations.sum() / wall_s <= 1.1:  # noqa: PLR2004 - see above
        return np.array([])
    return durations


# Judgement --------------------------------------------------------------------------------------------------


def judge(record: Record) -> list[str]:
    """Return what is wrong with a record's numbers and what to do next; empty where nothing is."""
    if record.step == "serve":
        checks = (_short, _invalid, _noisy, _drifted, _busy, _unsupported)
        return [reason for check in checks if (reason := check(record))]
    if record.step == "evaluate":
        return [reason for reason in (_few_items(record), _broken_scores(record)) if reason]
    return []


def window_s(record: Record) -> float | None:
    """Return how long a serving was observed: the load generator's clock where it was read, else the predictor's.

    A predictor of a few microseconds waits for the load generator most of the time; it was watched no shorter for that.
    """
    read = [record.value("wall_s"), (record.used.get("load_generator") or {}).get("elapsed_s")]
    return max((seconds for seconds in read if seconds is not None), default=None)


def _short(record: Record) -> str | None:
    seconds = window_s(record)
    if seconds is None:
        return "window not measured: run it again"
    return f"window under 1 s ({seconds:.2g} s): serve for longer" if seconds < MINIMUM_WINDOW_S else None


def _invalid(record: Record) -> str | None:
    log = record.used.get("load_generator") or {}
    if log.get("result_valid") is not False:
        return None
    return f"not valid by the load generator's rules: {log.get('invalid_reason') or 'serve for longer'}"


def _noisy(record: Record) -> str | None:
    """Compare tenths of an Offline window: single batches differ because their inputs do, long stretches should not."""
    durations = _durations(record)
    if record.asked.get("scenario") != "Offline" or durations.size < 2:  # noqa: PLR2004 - one duration has no spread
        return None
    tenths = np.array([part.mean() for part in np.array_split(durations, min(10, durations.size))])
    spread = tenths.std(ddof=1) / tenths.mean()
    if spread <= MAXIMUM_SPREAD:
        return None
    return f"spread over 10 % ({spread:.0%} between parts of the window): serve for longer on a quieter machine"


def _drifted(record: Record) -> str | None:
    durations = _durations(record)
    half = durations.size // 2
    if half < 5:  # noqa: PLR2004 - medians of fewer say nothing
        return None
    change = float(np.median(durations[half:]) / np.median(durations[:half]) - 1)
    if abs(change) <= MAXIMUM_SPREAD:
        return None
    return f"drifted by {change:+.0%} between the halves of the window: warm up longer or let the machine rest"


def _busy(record: Record) -> str | None:
    """Tell of a machine with other work: twice its cores is more than an earlier step of a suite leaves behind."""
    load, cores = record.environment.get("load_average_1m"), record.environment.get("usable_cores")
    if load is None or not cores or load <= 2 * cores:
        return None
    return f"busy machine (load average {load:.1f} on {cores} cores): let other work end first"


def _unsupported(record: Record) -> str | None:
    count = len(record.series.get("latency_s", []))
    needed = minimum_count(0.99)
    if record.asked.get("scenario") != "SingleStream" or count >= needed:
        return None
    return f"p99 needs {needed} queries, {count} were served: serve more queries"


def _few_items(record: Record) -> str | None:
    items = len(next(iter(record.scores.values()), []))
    return f"only {items} items: evaluate on at least {MINIMUM_ITEMS}" if items < MINIMUM_ITEMS else None


def _broken_scores(record: Record) -> str | None:
    broken = sum(int((~np.isfinite(np.array(column, dtype=float))).sum()) for column in record.scores.values())
    return f"{broken} scores are not finite: look at the model's outputs" if broken else None
