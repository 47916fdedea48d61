"""A cascade of two candidates, from the answers of both that records hold.

The cheap one answers an item where its confidence is at least a threshold; other items are passed on to the expensive
one, whose answer counts. At the threshold 0 no item is passed on, above 1 every item is. The threshold is chosen on the
validation split, and what it gives is read on the test split.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np

from harness.errors import FactError
from harness.records import Record
from harness.sampling import places
from harness_reports.figures.explained import Explained, named
from harness_reports.measured.lineage import Chain, label
from harness_reports.measured.quality import Quality, metric_of
from harness_reports.measured.results import Measured
from harness_reports.reasons import Reason

TOLERANCE = 0.01
"""Share of the metric's ceiling, or of the expensive one's value on validation where it has none, that it may lose."""
Split = Literal["validation", "test"]


class Curve(NamedTuple):
    """What thresholds give on a split; arrays of one length, thresholds ascending."""

    threshold: np.ndarray
    share: np.ndarray
    """Of the items, passed on to the expensive one."""
    value: np.ndarray
    """The metric's."""


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers of both to the items of a split that both were graded on; every array has the shape (seeds, items).

    Seeds are pairs: where one of the two has a single seed, it stands beside each of the other's; else the first of one
    stands beside the first of the other, and so on, as far as both have any.
    """

    confidence: np.ndarray
    """Of the cheap one, 0 to 1."""
    cheap: np.ndarray
    """Its scores."""
    expensive: np.ndarray
    """Scores of the other one."""

    def passed(self, threshold: float) -> np.ndarray:
        """Return whether each item is passed on."""
        return np.asarray(self.confidence < threshold)

    def scores(self, threshold: float) -> np.ndarray:
        """Return the scores of the cascade."""
        return np.where(self.passed(threshold), self.expensive, self.cheap)

    def curve(self) -> Curve:
        """Return what every threshold from 0 to 1 gives that gives something else than the one below it."""
        thresholds = np.unique(np.concatenate([[0.0], np.unique(self.confidence)[1:], [1.0]]))
        share, value = (self.passed_sum(column, thresholds) for column in (np.ones(1), self.expensive - self.cheap))
        return Curve(thresholds, share, self.cheap.mean() + value)

    def passed_sum(self, column: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
        """Return the sum of a column over the items passed on at each threshold, over the number of all items."""
        order = np.argsort(self.confidence, axis=None)
        summed = np.cumsum(np.broadcast_to(column, self.confidence.shape).ravel()[order])
        below = np.searchsorted(self.confidence.ravel()[order], thresholds, side="left")
        return np.asarray(np.concatenate([[0.0], summed])[below] / self.confidence.size)


@dataclass(frozen=True, eq=False)
class Pair:
    """Two candidates graded by the same metric on the same data."""

    cheap: Measured
    expensive: Measured
    metric: str | None = None
    """In place of the deciding one."""

    @cached_property
    def qualities(self) -> tuple[Quality, Quality]:
        """Those of the cheap and of the expensive one."""
        both = [
            part.quality if self.metric is None else part.quality_in(self.metric)
            for part in (self.cheap, self.expensive)
        ]
        assert both[0] is not None and both[1] is not None  # noqa: S101, PT018 - pairs are made of graded candidates
        return both[0], both[1]

    @property
    def names(self) -> tuple[str, str]:
        """Their names, with runtimes."""
        return name_of(self.cheap), name_of(self.expensive)

    @property
    def model(self) -> str:
        """The name of the cascade: both models, with what tells them apart where they are the same model."""
        both = (self.cheap, self.expensive)
        exact = [f"{name_of(part)}/{part.key.hardware}/{part.key.precision}" for part in both]
        told = ([_label(part) for part in both], self.names, exact)
        return " → ".join(next((names for names in told if names[0] != names[1]), exact))

    @property
    def sign(self) -> int:
        """1 where more is better, else -1."""
        return self.qualities[1].sign

    def gap(self, splits: Sequence[Split] = ("validation", "test")) -> Reason | None:
        """Return why there is no cascade, and what to do; None if there is one."""
        cheap, expensive = self.qualities
        if not (cheap.is_mean and expensive.is_mean):
            return Reason("cascade of no mean", {"metric": cheap.name})
        for name, quality in zip(self.names, self.qualities, strict=True):
            if "validation" in splits and not all(leaf.spec.get("validation") for leaf in quality.leaves):
                return Reason("cascade without validation", {"model": name})
        if not all(_confidence(leaf, "test") for leaf in cheap.leaves):
            return Reason("cascade without confidence", {"model": self.names[0]})
        if any(self._answers(split) is None for split in splits):
            return Reason("cascade without common items", {"cheap": self.names[0], "expensive": self.names[1]})
        return None

    @cached_property
    def _splits(self) -> dict[Split, Answers | None]:
        return {}

    def answers(self, split: Split) -> Answers:
        """Return the answers to a split; there are some where `gap` is None."""
        answers = self._answers(split)
        assert answers is not None  # noqa: S101 - callers ask for the gap first
        return answers

    def _answers(self, split: Split) -> Answers | None:
        if split not in self._splits:
            self._splits[split] = self._read(split)
        return self._splits[split]

    @cached_property
    def leaves(self) -> list[tuple[Record, Record]]:
        """The evaluations of both, paired by seed as in `Answers`."""
        ours, theirs = (list(quality.leaves) for quality in self.qualities)
        count = max(len(ours), len(theirs)) if 1 in (len(ours), len(theirs)) else min(len(ours), len(theirs))
        return [(ours[place % len(ours)], theirs[place % len(theirs)]) for place in range(count)]

    def _read(self, split: Split) -> Answers | None:
        made = [self._of_seeds(ours, theirs, split) for ours, theirs in self.leaves]
        whole = [each for each in made if each is not None]
        if len(whole) < len(made) or len({each.shape for each in whole}) != 1:
            return None
        confidence, cheap, expensive = np.array(whole).swapaxes(0, 1)
        return Answers(confidence, cheap, expensive)

    def _of_seeds(self, ours: Record, theirs: Record, split: Split) -> np.ndarray | None:
        """Return confidence and both scores of the common items; None where something is missing."""
        cheap, expensive = self.qualities
        columns = [_confidence(ours, split), _column(ours, cheap, split), _column(theirs, expensive, split)]
        if not all(columns):
            return None
        rows = common(ours, theirs, split, (len(columns[1]), len(columns[2])))
        if rows is None:
            return None
        of_ours, of_theirs = rows
        return np.array([np.array(columns[0])[of_ours], np.array(columns[1])[of_ours], np.array(columns[2])[of_theirs]])

    def rows(self, split: Split) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of the common items among those of the cheap and of the expensive one."""
        ours, theirs = self.leaves[0]
        cheap, expensive = self.qualities
        counts = (len(_column(ours, cheap, split)), len(_column(theirs, expensive, split)))
        rows = common(ours, theirs, split, counts)
        assert rows is not None  # noqa: S101 - callers ask for the gap first
        return rows

    def quality(self, threshold: float) -> Joined:
        """Return the quality of the cascade on the test split."""
        return Joined(self, threshold)

    def tolerance(self) -> float | None:
        """Return how much worse than the expensive one a cascade may be on validation, in the metric's unit.

        None where the metric has no ceiling and there are no answers to validation.
        """
        ceiling, answers = self.qualities[1].metric.get("ceiling"), self._answers("validation")
        whole = ceiling or (None if answers is None else float(answers.expensive.mean()))
        return None if whole is None else TOLERANCE * abs(whole)

    def cheapest(self) -> float | None:
        """Return the least threshold whose loss on validation is within the tolerance, None if there is none.

        The fewer items are passed on, the cheaper: so it is the cheapest that keeps the expensive one's quality. It is
        taken where no use case says what an error costs; without that, quality and cost have no common unit.
        """
        answers = self.answers("validation")
        curve = answers.curve()
        loss = self.sign * (answers.expensive.mean() - curve.value)
        kept = np.flatnonzero(loss <= (self.tolerance() or 0.0) + 1e-12)
        return float(curve.threshold[kept[0]]) if kept.size else None


class Joined(Quality):
    """The quality of a cascade: scores of the cheap one's answers where they count, else of the expensive one's."""

    def __init__(self, pair: Pair, threshold: float) -> None:
        cheap, expensive = pair.qualities
        part = min(pair.qualities, key=lambda quality: quality.items)  # a sample is what both were graded on
        column = part.metric["column"]
        leaves = [leaf if part is cheap else other for leaf, other in pair.leaves]
        chains = [
            Chain(replace(leaf, scores={column: list(scores)}, metrics=[dict(part.metric)]), None, None, None)
            for leaf, scores in zip(leaves, pair.answers("test").scores(threshold), strict=True)
        ]
        super().__init__(expensive.key._replace(model=pair.model), chains, part.name)
        self._parts = (named(cheap.figure, "cheap_value"), named(expensive.figure, "expensive_value"))
        self._threshold = threshold

    @cached_property
    def figure(self) -> Explained:
        """The mean of its scores."""
        note = (
            f"the mean score of {self.items:,} test items: of the cheap one's answers with a confidence of at least "
            f"{self._threshold:.4g}, of the expensive one's to the others"
        )
        return Explained("value", float(self.scores.mean()), self.unit, note=note, inputs=self._parts)


def name_of(measured: Measured) -> str:
    """Return a candidate's name with its runtime, as `harness compare` takes it."""
    return f"{_label(measured)}@{measured.key.runtime}"


def _label(measured: Measured) -> str:
    return label({**measured.columns, "stale": None})


def can_be_first(measured: Measured, splits: Sequence[Split] = ("validation", "test")) -> bool:
    """Return whether a candidate's records hold how confident it is, on the splits that a cascade needs."""
    leaves = measured.quality.leaves if measured.quality else []
    # The spec says whether validation was kept; answers, which are long, are read only then.
    kept = "validation" not in splits or all(leaf.spec.get("validation") for leaf in leaves)
    return kept and all(_confidence(leaf, "test") for leaf in leaves)


def _confidence(record: Record, split: Split) -> list[float]:
    column = record.answers.get(split, {}).get("confidence") or []
    return [0.0 if value is None else float(value) for value in column]


def _column(record: Record, quality: Quality, split: Split) -> list[float]:
    """Return the scores of a split: a record keeps those of validation beside its answers."""
    metric = metric_of(record, quality.name)
    if metric is None or metric["column"] is None:
        return []
    kept: Mapping[str, Sequence[Any]] = record.scores if split == "test" else record.answers.get(split, {})
    return list(kept.get(metric["column"]) or [])


def common(ours: Record, theirs: Record, split: Split, counts: tuple[int, int]) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the rows of the items that both were graded on; None where they differ in more than a sample."""
    totals = [_total(record, split, count) for record, count in zip((ours, theirs), counts, strict=True)]
    if counts[0] == counts[1]:
        return np.arange(counts[0]), np.arange(counts[0])
    if totals[0] != totals[1]:
        return None
    wanted = set(places(totals[0], min(counts)))
    first, second = (
        np.array([row for row, place in enumerate(places(totals[0], count)) if place in wanted]) for count in counts
    )
    return first, second


def _total(record: Record, split: Split, count: int) -> int:
    return int((record.used.get("sample") or {}).get(split, {}).get("of", count))


def checked_threshold(threshold: float) -> float:
    """Return a threshold.

    Raises:
        FactError: it is no confidence.
    """
    if not (math.isfinite(threshold) and 0 <= threshold <= 1):
        raise FactError(
            f"The threshold is {threshold:g}. Give a confidence from 0 (the cheap one answers everything) to 1 (it "
            "answers only what it is sure of)."
        )
    return threshold
