"""What a cascade costs: a cheap candidate that answers where it is confident, an expensive one for the other items."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from harness_reports.figures.explained import Explained, derived, values
from harness_reports.measured.cascade import Joined, Pair, Split, can_be_first
from harness_reports.measured.intervals import RESAMPLES, joint_draws, mean_draws
from harness_reports.measured.lineage import Candidate
from harness_reports.measured.results import Measured
from harness_reports.prices.cost import cost_row
from harness_reports.prices.cost_figures import cost_figures
from harness_reports.prices.dominance import not_dominated
from harness_reports.prices.pricing import Pricing
from harness_reports.prices.training_energy import PAID_ALREADY
from harness_reports.prices.usage import Bill, pays_calls

_USD = "usd_per_1k_inferences"


@dataclass(frozen=True, eq=False)
class Part:
    """A candidate with its costs."""

    measured: Measured
    pricing: Pricing
    cost: Mapping[str, Any]
    """Its row of the cost table, with draws."""
    trained: Mapping[str, Explained] = field(default_factory=dict)
    """Figures of its trainings in place of its own."""

    @classmethod
    def of(cls, measured: Measured, pricing: Pricing) -> Part:
        """Return a candidate with its costs.

        Raises:
            FactError: its hardware has no price.
        """
        return cls(measured, pricing, cost_row(measured, cost_figures(measured, pricing), pricing))

    @cached_property
    def figures(self) -> dict[str, Explained]:
        """Its figures of the cost table."""
        return {**cost_figures(self.measured, self.pricing), **self.trained}

    def after(self, first: Part) -> Part:
        """Return it as the second of a cascade: trainings that are the first one's too are paid once."""
        trained = paid_already(first.measured, self.measured, self.figures)
        return replace(self, cost={**self.cost, **values(trained)}, trained=trained) if trained else self

    @cached_property
    def bill(self) -> Bill | None:
        """Its calls, None where machines are paid."""
        paid = pays_calls(self.measured.machine, self.pricing)
        return Bill(self.measured, self.pricing.as_of) if paid else None

    @property
    def usd_per_1k(self) -> float | None:
        """The cost of 1,000 inferences."""
        usd: float | None = self.cost[_USD]
        return usd

    @property
    def draws(self) -> np.ndarray | None:
        """Draws of that cost, None where its spread is not known."""
        drawn: np.ndarray | None = self.cost[f"{_USD}_draws"]
        return drawn


def paid_already(first: Measured, second: Measured, figures: Mapping[str, Explained]) -> dict[str, Explained]:
    """Return the figures of the second one's trainings where some are the first one's too; empty where none are.

    A model in two runtimes or number formats is trained once; two fine-tunings may share a pretraining.
    """
    of_both = zip(_trainings(first).items(), _trainings(second).values(), strict=True)
    shared = {
        name: Explained(name, 0.0, "USD", note=PAID_ALREADY)
        for (name, ours), theirs in of_both if theirs and theirs <= ours
    }  # fmt: skip
    if not shared:
        return {}
    parts = [shared.get(name, figures[name]) for name in ("pretrain_usd", "finetune_usd")]
    return {**shared, "train_usd": derived("train_usd", "USD", "pretrain_usd + finetune_usd", *parts)}


def _trainings(measured: Measured) -> dict[str, set[str]]:
    """Return the fingerprints of a candidate's trainings by what they cost."""
    finetunings = [chain.finetune for chain in measured.chains]
    stages = {"pretrain_usd": measured.pretrainings, "finetune_usd": finetunings}
    return {name: {record.fingerprint for record in records if record} for name, records in stages.items()}


@dataclass(frozen=True, eq=False)
class Cascade:
    """Two candidates with their costs: a request costs the cheap one, and the expensive one where it is passed on."""

    pair: Pair
    cheap: Part
    expensive: Part

    def passed_usd(self, split: Split, thresholds: np.ndarray) -> np.ndarray:
        """Return what the expensive one costs for an item that is passed on, in USD, by threshold.

        On machines an item costs what any other does. Calls are priced by their own tokens: items that the cheap one is
        not sure of may be longer. Where none is passed on, it is the mean of all.
        """
        usd, paid = self.expensive.usd_per_1k, self.paid(split)
        assert usd is not None  # noqa: S101 - pairs are made of priced candidates
        if paid is None:
            return np.full(len(thresholds), usd / 1000)
        answers, counted = self.pair.answers(split), ~np.isnan(paid)
        total = answers.passed_sum(np.where(counted, paid, 0.0), thresholds)
        count = answers.passed_sum(counted.astype(float), thresholds)
        mean = np.divide(total, count, out=np.zeros(len(thresholds)), where=count > 0)
        return np.where(count > 0, mean * float(self.expensive.pricing.multiplier), usd / 1000)

    def paid(self, split: Split) -> np.ndarray | None:
        """Return the list price of the expensive one's call for each common item, shape (seeds, items).

        NaN where its tokens are not known; None for machines, and where no usage of the split was kept.
        """
        bill = self.expensive.bill
        if bill is None:
            return None
        _, rows = self.pair.rows(split)
        paid = [bill.usd_of(theirs, split) for _, theirs in self.pair.leaves]
        if any(each.size <= rows.max() for each in paid):
            return None
        return np.array([each[rows] for each in paid])

    def at(self, threshold: float) -> At:
        """Return what a threshold gives on the test split."""
        return At(self, threshold)


@dataclass(frozen=True, eq=False)
class At:
    """A cascade at a threshold, on the test split."""

    cascade: Cascade
    threshold: float

    @cached_property
    def passed(self) -> np.ndarray:
        """Whether each item is passed on, as numbers, shape (seeds, items)."""
        return np.asarray(self.cascade.pair.answers("test").passed(self.threshold), dtype=float)

    @property
    def share(self) -> float:
        """The share of the items that is passed on."""
        return float(self.passed.mean())

    @cached_property
    def share_draws(self) -> np.ndarray:
        """Draws of that share: pairs of seeds are resampled, then items; at the threshold 0 it is 0."""
        return mean_draws(self.passed) if self.threshold > 0 else np.zeros(RESAMPLES)

    @cached_property
    def quality(self) -> Joined:
        """The quality."""
        return self.cascade.pair.quality(self.threshold)

    @cached_property
    def passed_usd(self) -> float:
        """What the expensive one costs for an item that is passed on, in USD."""
        return float(self.cascade.passed_usd("test", np.array([self.threshold]))[0])

    @property
    def usd_per_1k(self) -> float | None:
        """The cost of 1,000 requests."""
        cheap = self.cascade.cheap.usd_per_1k
        return None if cheap is None else cheap + self.share * self.passed_usd * 1000

    @cached_property
    def passed_usd_draws(self) -> np.ndarray | None:
        """Draws of `passed_usd`; None where the spread of a machine's rate is not known."""
        paid, drawn = self.cascade.paid("test"), self.cascade.expensive.draws
        if paid is None or not self.share:
            return None if drawn is None else drawn / 1000
        counted = self.passed * ~np.isnan(paid)
        total, count = joint_draws(self.passed * np.nan_to_num(paid), counted)
        factor = float(self.cascade.expensive.pricing.multiplier)
        usd = np.divide(total * factor, count, out=np.full(total.size, self.passed_usd), where=count > 0)
        return np.asarray(usd)

    @cached_property
    def usd_draws(self) -> np.ndarray | None:
        """Draws of the cost of 1,000 requests; None where the spread of a part is not known."""
        cheap, passed = self.cascade.cheap.draws, self.passed_usd_draws
        if cheap is None or passed is None:
            return None
        # The three were measured apart, with generators that may have had the same seed.
        random = np.random.default_rng([10, RESAMPLES])
        first, share, usd = (
            random.permutation(np.resize(each, RESAMPLES)) for each in (cheap, self.share_draws, passed)
        )
        return np.asarray(first + share * usd * 1000)


class _Place(NamedTuple):
    part: Part
    cost: float
    value: float
    """Higher is better."""


def cascades(parts: Sequence[Part], metric: str | None = None, threshold: float | None = None) -> list[Cascade]:
    """Return the cascades that are worth a look, of each task's data.

    The expensive one is on the frontier of cost and quality; the cheap one is on that of the candidates that say how
    confident they are, and is cheaper and worse. A candidate off the frontier can be replaced by one that is as good
    for less. Where none can be first, the two ends of the frontier stand for all, and the gap of their pair says why.

    Args:
        parts: candidates with their costs.
        metric: in place of the deciding one.
        threshold: that the reader gives; None: it is to be chosen on validation.
    """
    splits: tuple[Split, ...] = ("validation", "test") if threshold is None else ("test",)
    groups: dict[tuple[str | None, ...], list[_Place]] = {}
    for part in parts:
        quality = part.measured.quality if metric is None else part.measured.quality_in(metric)
        if quality is None or part.usd_per_1k is None or not math.isfinite(quality.value):
            continue
        groups.setdefault(quality.place, []).append(_Place(part, part.usd_per_1k, quality.sign * quality.value))
    return [
        Cascade(Pair(cheap.measured, expensive.measured, metric), cheap, expensive.after(cheap))
        for group in groups.values()
        for cheap, expensive in _pairs(group, splits)
    ]


def _pairs(group: Sequence[_Place], splits: Sequence[Split]) -> Iterator[tuple[Part, Part]]:
    front = _frontier(group)
    first = _frontier([place for place in group if can_be_first(place.part.measured, splits)])
    if not first and len(front) > 1:
        yield front[0].part, front[-1].part
    for cheap in first:
        for expensive in front:
            if expensive.cost > cheap.cost and expensive.value > cheap.value:
                yield cheap.part, expensive.part


def one_for_each(made: Sequence[Cascade], worth: Callable[[Cascade], Any]) -> list[Cascade]:
    """Return for each expensive candidate the cascade that is worth the most; of equals the one with the cheapest."""
    groups: dict[Candidate, list[Cascade]] = {}
    for cascade in made:
        groups.setdefault(cascade.expensive.measured.key, []).append(cascade)
    return [max(group, key=worth) if len(group) > 1 else group[0] for group in groups.values()]


def _frontier(group: Sequence[_Place]) -> list[_Place]:
    """Return the places that no other one beats, the cheapest first."""
    flags = not_dominated([(place.cost, place.value) for place in group])
    return sorted((place for place, free in zip(group, flags, strict=True) if free), key=lambda place: place.cost)
