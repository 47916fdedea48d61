"""Intervals of samples per second: draws of the rates of several records."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.records import Record
from harness_reports.figures.explained import Explained
from harness_reports.measured.intervals import RESAMPLES, interval_of
from harness_reports.measured.readings import rate


def rate_draws(records: Sequence[Record]) -> np.ndarray | None:
    """Return draws of the rate: records are resampled, then the durations within each; None without durations.

    Draws of a single record hold only the spread within its window, not that between processes or days.
    """
    windows = [durations(record) for record in records]
    if rate(records).value is None or any(batch_s.size < 2 for batch_s in windows):  # noqa: PLR2004 - one duration has no spread
        return None
    random = np.random.default_rng([3, len(records)])
    means = np.array([_resampled_durations(batch_s, random) for batch_s in windows])  # records x draws
    # Durations give the relative spread; the level is samples over the whole window, which also holds pauses.
    relative = means / np.array([batch_s.mean() for batch_s in windows])[:, None]
    samples, wall_s = (np.array([record.value(name) for record in records], dtype=float)
                       for name in ("samples", "wall_s"))  # fmt: skip
    record_indexes = random.integers(0, len(records), (RESAMPLES, len(records)))
    mean_indexes = random.integers(0, means.shape[1], record_indexes.shape)
    seconds = wall_s[record_indexes] * relative[record_indexes, mean_indexes]
    # As the rate itself: all samples over all seconds. A mean of rates, or of seconds per sample, is another figure.
    return np.asarray(samples[record_indexes].sum(axis=1) / seconds.sum(axis=1))


def rate_ends(names: Sequence[str], point: Explained, draws: np.ndarray | None, draws_of: str) -> list[Explained]:
    """Return the ends of the 95 % interval of a figure that depends on a rate.

    Args:
        names: of the two ends.
        point: the figure.
        draws: of the figure, None where those of the rate are not known.
        draws_of: what the draws are, in words.
    """
    if draws is None:
        note = "the window does not hold how long each of at least two batches took, so its spread is not known"
        return [Explained(name, None, point.unit, note=note, inputs=(point,)) for name in names]
    note = f"percentile of {draws_of}: records are resampled, then the durations of batches within each"
    return [
        Explained(name, end, point.unit, note=f"{share}th {note}", inputs=(point,))
        for name, end, share in zip(names, interval_of(draws), ("2.5", "97.5"), strict=True)
    ]


def _resampled_durations(durations: np.ndarray, random: np.random.Generator, draws: int = 200) -> np.ndarray:
    """Return resampled means; from 200 durations on the mean is close to normal, and is drawn directly: faster."""
    if durations.size >= 200:  # noqa: PLR2004 - see above
        return random.normal(durations.mean(), durations.std(ddof=1) / math.sqrt(durations.size), draws)
    indexes = random.integers(0, durations.size, (draws, durations.size))
    return np.asarray(durations[indexes].mean(axis=1))


def durations(record: Record) -> np.ndarray:
    """Return the seconds of each batch (or query) of a serving, empty where they are not known.

    Queries served one after the other fill the window, overhead aside. A series that adds up to much more or less is
    something else, such as latencies of concurrent requests; so are those of a load.
    """
    if record.used.get("runs"):
        return np.array([])
    batch_s = np.array(record.series.get("latency_s", []), dtype=float)
    wall_s, overhead_s = record.value("wall_s"), record.value("overhead_s") or 0.0
    if batch_s.size == 0 or not wall_s or not 0.5 <= (batch_s.sum() + overhead_s) / wall_s <= 1.1:  # noqa: PLR2004 - see above
        return np.array([])
    return batch_s
