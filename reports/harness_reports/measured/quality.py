"""How good a candidate is: its evaluations in one metric, pooled over seeds, against its task's cheap baseline."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from harness.records import Record
from harness_reports.measured import intervals
from harness_reports.measured.lineage import Candidate, Chain


def right_share(metric: Mapping[str, Any], quality: float) -> float | None:
    """Return quality as a share of its ceiling; None for a metric without a ceiling, or one that counts errors.

    Args:
        metric: `ceiling` and `higher_is_better`, as a record's metric or a row of the accuracy table has them.
        quality: in the metric's unit.
    """
    ceiling = metric.get("ceiling")
    if not ceiling or not metric["higher_is_better"] or not math.isfinite(quality):
        return None
    return min(1.0, max(0.0, quality / float(ceiling)))


def metric_of(record: Record, name: str) -> Mapping[str, Any] | None:
    """Return an evaluation's metric of this name, None where it was not graded by it."""
    return next((metric for metric in record.metrics if metric["name"] == name), None)


class Graded:
    """A candidate's evaluations in one metric, one for each seed."""

    def __init__(self, key: Candidate, chains: Sequence[Chain], name: str | None = None) -> None:
        self.key = key
        newest = max(chains, key=lambda chain: chain.leaf.started_at).leaf
        self.newest = newest
        self.name = name or str(newest.metrics[0]["name"])
        self.items = items(newest)
        self.leaves = [
            chain.leaf for chain in chains if items(chain.leaf) == self.items and metric_of(chain.leaf, self.name)
        ]
        self.metrics = [metric for leaf in self.leaves if (metric := metric_of(leaf, self.name))]
        """Of each evaluation: a metric that is no mean has its value here."""
        self.metric = next(metric for metric in newest.metrics if metric["name"] == self.name)
        self.baseline = newest.baseline
        self.values = [leaf.metric_value(own) for leaf, own in zip(self.leaves, self.metrics, strict=True)]
        self.value = sum(self.values) / len(self.values)

    @property
    def unit(self) -> str:
        """The metric's unit."""
        return str(self.metric["unit"])

    @property
    def right_share(self) -> float | None:
        """The value as a share of its ceiling; None without a ceiling, or for a metric that counts errors."""
        return right_share(self.metric, self.value)

    @property
    def is_mean(self) -> bool:
        """Whether the metric is the mean of a column."""
        return self.metric["column"] is not None

    @property
    def scores(self) -> np.ndarray:
        """Of a mean: seeds by items."""
        return np.array([leaf.scores[self.metric["column"]] for leaf in self.leaves], dtype=float)

    @property
    def replicates(self) -> np.ndarray:
        """Of a metric that is no mean: seeds by samples of items."""
        return np.array([metric["replicates"] for metric in self.metrics], dtype=float)

    def interval(self) -> intervals.Interval:
        """Return the metric's 95 % interval."""
        if self.is_mean:
            return intervals.mean_interval(self.scores)
        return intervals.replicates_interval(self.replicates)

    @property
    def method(self) -> str:
        """What `interval` takes its ends from, in words."""
        if not self.is_mean:
            return f"{self.replicates.shape[1]:,} values over resampled items, seeds resampled"
        if intervals.is_unanimous(self.scores):
            return "what Clopper and Pearson's exact bound leaves possible, as every score is the same"
        return f"{intervals.RESAMPLES:,} bootstrap means: seeds are resampled, then items, the same in each seed"

    def draws(self) -> np.ndarray:
        """Return values that the metric may have."""
        return intervals.mean_draws(self.scores) if self.is_mean else intervals.replicates_draws(self.replicates)

    def minus(self, other: Graded) -> intervals.Interval:
        """Return the interval of the difference, paired by item where both graded the same."""
        if self.is_mean:
            return intervals.difference_interval(self.scores, other.scores)
        return intervals.replicates_difference(self.replicates, other.replicates)

    @property
    def sign(self) -> int:
        """1 where more is better, else -1."""
        return 1 if self.metric["higher_is_better"] else -1


def items(record: Record) -> int:
    """Return how many items were graded."""
    return len(next(iter(record.scores.values())))


def best_baseline(own: Graded, everyone: Iterable[Graded]) -> Graded | None:
    """Return the task's cheap baseline on the same data, the best where it has several candidates."""
    place = (own.key.task, own.key.source, own.key.data, own.metric["name"])
    cheap = [
        other
        for other in everyone
        if other.key.model == own.baseline
        and (other.key.task, other.key.source, other.key.data, other.metric["name"]) == place
    ]
    return max(
        cheap, key=lambda other: own.sign * other.value if math.isfinite(other.value) else -math.inf, default=None
    )


def told_apart(own: Graded, baseline: Graded) -> str:
    """Return whether a candidate is better or worse than the baseline, as far as the difference's interval tells."""
    if own.key.model == baseline.key.model:
        return "is the baseline"
    low, high = sorted(own.sign * edge for edge in own.minus(baseline))
    return "better" if low > 0 else "worse" if high < 0 else "not told apart"
