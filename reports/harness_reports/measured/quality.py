"""A candidate's quality: its evaluations in one metric, pooled over seeds, and its task's baseline."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from harness.records import Record
from harness.sampling import places
from harness_reports.figures.explained import Explained, derived, named
from harness_reports.measured import intervals
from harness_reports.measured.lineage import Candidate, Chain
from harness_reports.measured.readings import who


def metric_of(record: Record, name: str) -> Mapping[str, Any] | None:
    """Return an evaluation's metric of this name, None where it was not graded by it."""
    return next((metric for metric in record.metrics if metric["name"] == name), None)


class Quality:
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
        """The metric as recorded by each evaluation; one that is no mean has its value here."""
        self.metric = next(metric for metric in newest.metrics if metric["name"] == self.name)
        self.baseline = newest.baseline

    @cached_property
    def figure(self) -> Explained:
        """The metric's value, of several seeds their mean."""
        seeds = [self._of_seed(record, metric) for record, metric in zip(self.leaves, self.metrics, strict=True)]
        return named(seeds[0], "value") if len(seeds) == 1 else derived("value", self.unit, "mean(seed_value)", *seeds)

    def _of_seed(self, record: Record, metric: Mapping[str, Any]) -> Explained:
        if metric["column"] is None:
            how = metric.get("how") or "it is no mean of scores"
            note = f"{self.name}, computed over {self.items:,} items: {how}"
            return Explained("seed_value", record.metric_value(metric), self.unit, note=note, source=who(record),
                             kind="measured")  # fmt: skip
        column = record.scores[metric["column"]]
        source = f"column {metric['column']!r} of {who(record)}"
        total = Explained("score_sum", sum(column), self.unit, source=source, kind="measured")
        items = Explained("items", len(column), source=source, kind="measured")
        return derived("seed_value", self.unit, "score_sum / items", total, items)

    @property
    def value(self) -> float:
        """The value of `figure`."""
        return float(self.figure.value)

    @cached_property
    def only_guesses(self) -> bool:
        """Whether it is not significantly better than the random baseline, where the task declares one.

        The worse end of the 95 % interval decides, not the value: that of a baseline which guesses is above the random
        baseline half of the time.
        """
        level = self.metric.get("random_baseline")
        return level is not None and self.sign * self.worse_end <= self.sign * level

    @property
    def worse_end(self) -> float:
        """The end of the 95 % interval at which quality is lower."""
        return self.interval()[0 if self.sign > 0 else 1]

    @property
    def of_seeds(self) -> list[float]:
        """The metric's value in each seed."""
        return [leaf.metric_value(metric) for leaf, metric in zip(self.leaves, self.metrics, strict=True)]

    @property
    def unit(self) -> str:
        """The metric's unit."""
        return str(self.metric["unit"])

    @property
    def is_mean(self) -> bool:
        """Whether the metric is the mean of a column, in every evaluation: one that nobody graded has none."""
        return all(metric["column"] is not None for metric in self.metrics)

    @property
    def by_judge_alone(self) -> bool:
        """Whether it rests on a judge's grades, without people's."""
        return any(metric.get("by") == "judge" for metric in self.metrics)

    @cached_property
    def is_share(self) -> bool:
        """Whether the metric is a share of items: every score is 0 or 1."""
        return self.is_mean and bool(np.isin(self.scores, (0.0, 1.0)).all())

    @cached_property
    def scores(self) -> np.ndarray:
        """Of a mean: seeds by items."""
        return np.array([leaf.scores[self.metric["column"]] for leaf in self.leaves], dtype=float)

    @cached_property
    def replicates(self) -> np.ndarray:
        """Of a metric that is no mean: seeds by samples of items; NaN of an evaluation that has a column instead."""
        every = [metric.get("replicates") or [] for metric in self.metrics]
        unknown = [math.nan] * max(map(len, every))
        return np.array([each or unknown for each in every], dtype=float)

    def interval(self) -> intervals.Interval:
        """Return the metric's 95 % interval."""
        if self.is_mean:
            return intervals.mean_interval(self.scores)
        return intervals.replicates_interval(self.replicates)

    @property
    def method(self) -> str:
        """How `interval` is computed, in words."""
        if not self.is_mean:
            return f"{self.replicates.shape[1]:,} values over resampled items, seeds resampled"
        if intervals.is_unanimous(self.scores):
            return "what Clopper and Pearson's exact bound leaves possible, as every score is the same"
        return f"{intervals.RESAMPLES:,} bootstrap means: seeds are resampled, then items, the same in each seed"

    def draws(self) -> np.ndarray:
        """Return draws of the metric."""
        return intervals.mean_draws(self.scores) if self.is_mean else intervals.replicates_draws(self.replicates)

    def minus(self, other: Quality) -> intervals.Interval:
        """Return the interval of the difference, paired by item where both graded the same.

        Where one graded a sample of what the other did, it is that on the sample.
        """
        return intervals.interval_of(self.difference_draws(other))

    def difference_draws(self, other: Quality) -> np.ndarray:
        """Return draws of the difference, whose percentiles are the ends of `minus`; NaN where one is not known."""
        if self.is_mean != other.is_mean:
            return np.array([math.nan])
        if self.is_mean:
            return intervals.difference_draws(*self.beside(other))
        return intervals.replicates_difference_draws(self.replicates, other.replicates)

    def beside(self, other: Quality) -> tuple[np.ndarray, np.ndarray]:
        """Return the scores of both, seeds by items: of the items that both graded, where they graded the same data."""
        ours, theirs = self.shared_rows(other)
        return self.scores[:, ours], other.scores[:, theirs]

    def shared_rows(self, other: Quality) -> tuple[list[int], list[int]]:
        """Return the rows of the items that both graded, in each; all of them where they graded different data."""
        few = min(self.items, other.items) if self.total == other.total else None
        return self._rows(few), other._rows(few)

    @property
    def total(self) -> int:
        """The items of the split, of which a sample may have been graded."""
        return int((self.newest.used.get("sample") or {}).get("test", {}).get("of", self.items))

    @property
    def places(self) -> list[int]:
        """The place in the split of each graded item."""
        return places(self.total, self.items)

    def _rows(self, count: int | None) -> list[int]:
        """Return the rows of a sample of so many items of the split; None: all."""
        if count in (None, self.items):
            return list(range(self.items))
        wanted = set(places(self.total, count))
        return [row for row, place in enumerate(self.places) if place in wanted]

    @property
    def place(self) -> tuple[str | None, ...]:
        """What must be the same before two qualities are compared: task, data and metric."""
        return self.key.task, self.key.source, self.key.digest, self.name

    @property
    def sign(self) -> int:
        """1 where more is better, else -1."""
        return 1 if self.metric["higher_is_better"] else -1


def items(record: Record) -> int:
    """Return how many items were graded."""
    return len(next(iter(record.scores.values())))


def best_baseline(quality: Quality, others: Iterable[Quality]) -> Quality | None:
    """Return the task's baseline on the same data, the best of its candidates, None where there is none."""
    baselines = [other for other in others if other.key.model == quality.baseline and other.place == quality.place]
    rank = {other: quality.sign * other.value if math.isfinite(other.value) else -math.inf for other in baselines}
    return max(baselines, key=rank.__getitem__, default=None)
