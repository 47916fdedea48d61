"""A mean of people's grades with the help of a judge who graded more: prediction-powered inference.

People grade some items, the judge all of them: the mean is the judge's over all items, plus the mean of people's grade
less the judge's where both graded. Its interval is valid whatever the judge's bias, as long as the items that people
graded are a random sample (Angelopoulos et al. 2023). Computed by ppi-python.
"""

from __future__ import annotations

import math
import warnings
import zlib
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any

import numpy as np

from harness.installed import DISTRIBUTION, require
from harness_reports.measured.intervals import CONFIDENCE, Interval, is_unanimous, mean_draws, mean_interval

REPLICATES = 400
"""As many as a task's own metrics have: see `harness.grading`."""
EXTRA = "judging"
_NORMAL = 1.959964
"""Standard errors from the middle to an end of a 95 % interval."""
_TOGETHER = 40
"""Replicates in one call: more would take much memory."""


@dataclass(frozen=True, eq=False)
class Corrected:
    """A mean of people's grades, with a judge's help. Three columns of grades, one for each item."""

    people: np.ndarray
    judge: np.ndarray
    """Of the items that people graded."""
    others: np.ndarray
    """The judge's, of all others."""
    ends: tuple[float, float] = (0.0, 1.0)
    """The lowest and the highest that a grade can be: 0 and 1 where the columns say what is right."""

    @property
    def _weight(self) -> float:
        """How much the judge counts in ppi-python, so that its mean is that over all items, not over the others alone.

        The weight that would make the interval the narrowest is not taken: chosen by the same few grades, it makes
        intervals too narrow (with 50 of 600 graded they cover 91 %, not 95 %).
        """
        return self.others.size / (self.people.size + self.others.size)

    @cached_property
    def value(self) -> float:
        """The mean over all items."""
        columns = (self.people, self.judge, self.others)
        return float(np.squeeze(_library().ppi_mean_pointestimate(*columns, lam=self._weight)))

    @property
    def _unanimous(self) -> bool:
        """Whether all are the same 0 or 1, so that nothing shows a spread: then people's count alone."""
        every = np.concatenate([self.people, self.judge, self.others])
        return self.ends == (0.0, 1.0) and is_unanimous(every)

    @property
    def _unseen(self) -> float:
        """The standard error of disagreements that nobody saw.

        A judge that agrees with people on all of 50 answers may still err on 1 in 20 of the others. As in Bonett and
        Price's interval (2012) of a paired difference of shares, people and judge count as having disagreed once more
        in either direction: as far as they ever did, or by the whole scale where they never did.
        """
        low, high = self.ends
        apart = float(np.abs(self.people - self.judge).max()) or high - low
        return apart * math.sqrt(2) / (self.people.size + 2)

    @cached_property
    def interval(self) -> Interval:
        """Its 95 % interval, by the normal approximation; exact where all grades are the same 0 or 1."""
        if self._unanimous:
            return mean_interval(self.people[None])
        columns = (self.people, self.judge, self.others)
        low, high = _library().ppi_mean_ci(*columns, alpha=1 - CONFIDENCE, lam=self._weight)
        half = math.hypot(float(high[0] - low[0]) / 2, _NORMAL * self._unseen)
        least, most = np.clip([self.value - half, self.value + half], *self.ends)
        return Interval(float(least), float(most))

    @property
    def replicates(self) -> list[float]:
        """The value on resampled items, those with people's grades and the others each among themselves.

        Disagreements that nobody saw are drawn besides. Where all grades are the same 0 or 1, quantiles of the
        distribution that the exact interval is of; the nearest ones are what was observed, so that the interval begins
        there.
        """
        if self._unanimous:
            places = (np.arange(REPLICATES) + 0.5) / REPLICATES
            drawn = np.quantile(mean_draws(self.people[None]), places)
            near = np.abs(drawn - self.people[0])
            drawn = np.where(near <= np.quantile(near, 1 - CONFIDENCE), self.people[0], drawn)
            return list(map(float, np.random.default_rng([8, self.people.size]).permutation(drawn)))
        columns = [column.tobytes() for column in (self.people, self.judge, self.others)]
        # Of their own for each candidate: in a difference of two they do not cancel, unless both gave the same answers.
        random = np.random.default_rng([9, zlib.crc32(b"".join(columns))])
        drawn = np.array(_replicates(self._weight, *columns)) + random.normal(0, self._unseen, REPLICATES)
        return list(map(float, np.clip(drawn, *self.ends)))


def corrected(people: np.ndarray, judge: np.ndarray, ends: tuple[float, float] = (0.0, 1.0)) -> Corrected:
    """Return the mean of people's grades over all items.

    Args:
        people: their grade of each item, NaN where they gave none, shape (items,).
        judge: the judge's, of the same items; an item without it is left out.
        ends: the lowest and the highest that a grade can be; 0 and 1 for wrong and right.

    Raises:
        ValueError: people graded no item that the judge graded, or every one.
    """
    graded = ~np.isnan(judge)
    both, alone = graded & ~np.isnan(people), graded & np.isnan(people)
    if not both.any() or not alone.any():
        raise ValueError(f"People graded {both.sum()} of {graded.sum()} items: some are needed, and not all.")
    return Corrected(people[both], judge[both], judge[alone], ends)


@lru_cache(maxsize=512)
def _replicates(weight: float, *columns: bytes) -> tuple[float, ...]:
    """Return the value on resampled items; cached, as a page reads the same records again and again."""
    people, judge, others = (np.frombuffer(column) for column in columns)
    random = np.random.default_rng([8, people.size, others.size])
    values: list[float] = []
    for _ in range(0, REPLICATES, _TOGETHER):
        rows = random.integers(0, people.size, (people.size, _TOGETHER))
        further = random.integers(0, others.size, (others.size, _TOGETHER))
        drawn = _library().ppi_mean_pointestimate(people[rows], judge[rows], others[further], lam=weight)
        values += drawn.tolist()
    return tuple(values)


def resampled(scores: np.ndarray) -> tuple[float, list[float]]:
    """Return a mean of the items that have a score, and that of samples of all items, the same for every candidate."""
    value = float(np.nanmean(scores))
    samples = scores[_rows(scores.size)]
    counts = (~np.isnan(samples)).sum(axis=1)
    sums = np.nansum(samples, axis=1)
    return value, np.where(counts, sums / np.maximum(counts, 1), value).tolist()


@lru_cache(maxsize=4)
def _rows(items: int) -> np.ndarray:
    return np.random.default_rng(items).integers(0, items, (REPLICATES, items))


@cache
def _library() -> Any:
    """Return ppi-python. Importing it takes seconds and turns off all warnings, which is undone here.

    Raises:
        PluginError: it is not installed.
    """
    require("Correcting a judge by people's grades", ["ppi_py", "numba", "statsmodels"], DISTRIBUTION, EXTRA)
    with warnings.catch_warnings(action="ignore"):
        import ppi_py
    return ppi_py
