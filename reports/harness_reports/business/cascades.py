"""The best cascade of a use case's candidates: its threshold, its net present value in the same draws, its verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from harness_reports.business.business import Business
from harness_reports.business.cascade_business import SECOND, SHARE, CascadeBusiness
from harness_reports.business.evidence import Evidence, drawn_around
from harness_reports.business.market import Market
from harness_reports.business.npv_distribution import NpvDistribution, npv_distribution
from harness_reports.business.outlook import compared_cells
from harness_reports.business.verdict import Decision, Money, VerdictInputs, against_the_baseline, decide
from harness_reports.business.viability import Candidates, CandidateVerdict
from harness_reports.economics.distributions import Fixed
from harness_reports.figures.explained import Explained, values
from harness_reports.measured.cascade import Curve
from harness_reports.measured.latency import LatencyObjective, latency_objective
from harness_reports.measured.lineage import Candidate
from harness_reports.measured.quality import Quality, best_baseline
from harness_reports.measured.quality_figures import quality_figures
from harness_reports.measured.single_latency import chained_s
from harness_reports.prices.cascade import At, Cascade, Part, cascades, one_for_each, paid_already
from harness_reports.reasons import Reason, Reasons


class _Choice(NamedTuple):
    """A cascade at a threshold, by what it gives on the validation split."""

    meets_need: bool
    npv_usd: float
    threshold: float
    cascade: Cascade
    parts: tuple[CandidateVerdict, CandidateVerdict]


def best_cascade(candidates: Candidates) -> CascadeVerdict | None:
    """Return the cascade with the highest net present value on the validation split; None where none can be chosen.

    Thresholds that pass on some of the items and not all count, and of these those that reach the needed quality on
    validation, if any does. The highest net present value wins, every figure at its mean: it weighs what an error costs
    against what the expensive one costs, whole machines included. Before each expensive one stands the cheap one with
    the least cost of a request and its errors, which is faster to compute. Where a third party may see no request, its
    models count only if no cascade is left without them.

    Test items have no part in the choice of the threshold, nor of the pair among those that the frontier of cost and
    test quality leaves.
    """
    priced = {each.evidence.key: each for each in candidates.judged if each.business is not None}
    unseen = {key: each for key, each in priced.items() if not each.outlook.inputs.exposed}
    choice = _best(candidates.market, unseen)
    if choice is None and len(unseen) < len(priced):
        choice = _best(candidates.market, priced)
    return None if choice is None else CascadeVerdict(candidates, choice.cascade.at(choice.threshold), choice.parts)


def _best(market: Market, priced: Mapping[Candidate, CandidateVerdict]) -> _Choice | None:
    """Return the best cascade of candidates, None where there is none."""
    parts = [Part(each.evidence.measured, each.evidence.pricing, each.evidence.cost) for each in priced.values()]
    possible = [each for each in cascades(parts) if each.pair.gap(("validation",)) is None]
    choices = [
        choice
        for cascade in one_for_each(possible, lambda each: _worth(market, each, priced[each.cheap.measured.key]))
        if cascade.pair.gap() is None and (choice := _choice(market, cascade, priced)) is not None
    ]
    return max(choices, key=lambda each: each[:2], default=None)


def _inner(cascade: Cascade) -> Curve:
    """Return the thresholds that pass on some of the items of validation, and not all."""
    curve = cascade.pair.answers("validation").curve()
    inner = (curve.share > 0) & (curve.share < 1)
    return Curve(*(column[inner] for column in curve))


def _meets(market: Market, cascade: Cascade, value: np.ndarray) -> np.ndarray:
    needed, sign = market.quality, cascade.pair.sign
    return np.full(value.shape, True) if needed is None else np.asarray(sign * value >= sign * needed)


def _worth(market: Market, cascade: Cascade, cheap: CandidateVerdict) -> tuple[bool, float]:
    """Return whether a threshold reaches the needed quality, and the least cost of a request and its errors."""
    curve, usd, business = _inner(cascade), cascade.cheap.usd_per_1k, cheap.business
    assert usd is not None and business is not None  # noqa: S101, PT018 - both are priced
    if not curve.share.size:
        return False, -np.inf
    served = usd / 1000 + curve.share * cascade.passed_usd("validation", curve.threshold)
    errors = business.error_usd({**business.means, "quality": curve.value})
    worth = -served * (1 + market.numbers["retry_share"]) - errors
    meets = _meets(market, cascade, curve.value)
    return bool(meets.any()), float(worth[meets].max() if meets.any() else worth.max())


def _choice(market: Market, cascade: Cascade, priced: Mapping[Candidate, CandidateVerdict]) -> _Choice | None:
    """Return the best threshold of a cascade, None where it has none."""
    first = priced[cascade.cheap.measured.key]
    both = (first, _after(first, priced[cascade.expensive.measured.key]))
    (cheap, expensive), curve = _alone(market, both), _inner(cascade)
    if not curve.share.size or cheap is None or expensive is None:
        return None
    business = CascadeBusiness.of(cheap, expensive, Fixed(0.0), Fixed(0.0))
    drawn = {**business.means, "quality": curve.value, SHARE: curve.share}
    if cascade.expensive.bill is not None:
        drawn[f"{SECOND}usd_per_call"] = cascade.passed_usd("validation", curve.threshold)
    npv_usd = np.broadcast_to(business.npv_usd(drawn), curve.value.shape)
    meets = _meets(market, cascade, curve.value)
    best = max(range(len(meets)), key=lambda place: (bool(meets[place]), float(npv_usd[place])))
    return _Choice(bool(meets[best]), float(npv_usd[best]), float(curve.threshold[best]), cascade, both)


def _after(first: CandidateVerdict, second: CandidateVerdict) -> CandidateVerdict:
    """Return the second candidate of a cascade, without what was paid already for the trainings of the first."""
    evidence = second.evidence
    trained = paid_already(first.evidence.measured, evidence.measured, evidence.figures)
    once = replace(evidence, figures={**evidence.figures, **trained}, cost={**evidence.cost, **values(trained)},
                   paid=frozenset(trained))  # fmt: skip
    return replace(second, outlook=replace(second.outlook, evidence=once)) if trained else second


def _alone(market: Market, parts: tuple[CandidateVerdict, CandidateVerdict]) -> tuple[Business | None, Business | None]:
    """Return the use case run with each part alone, within its part of the latency limit."""
    cheap, expensive = zip(parts, markets_of(market, parts), strict=True)
    return cheap[0].evidence.business(cheap[1]), expensive[0].evidence.business(expensive[1])


def markets_of(market: Market, parts: Sequence[CandidateVerdict]) -> tuple[Market, Market]:
    """Return the market for each part: a latency limit is shared out by how long each takes, as both answer in turn.

    Each then keeps its part of the limit for 99 of 100 of its own requests; a request that is passed on has two chances
    to be late.
    """
    limit_s = market.latency_s
    took = [part.evidence.latencies_s(market) for part in parts]
    if limit_s is None or not all(took):
        return market, market
    slow, slower = (float(np.quantile(seconds, 0.99)) for seconds in took)
    if not np.isfinite(slow + slower) or min(slow, slower) <= 0:
        return market, market
    first_s = limit_s * slow / (slow + slower)
    first, second = ({**market.numbers, "latency_s": part_s} for part_s in (first_s, limit_s - first_s))
    return replace(market, numbers=first), replace(market, numbers=second)


@dataclass(frozen=True, eq=False)
class CascadeVerdict:
    """A cascade in a use case."""

    candidates: Candidates
    at: At
    parts: tuple[CandidateVerdict, CandidateVerdict]

    @property
    def market(self) -> Market:
        """The use case's figures."""
        return self.candidates.market

    @property
    def evidence(self) -> tuple[Evidence, Evidence]:
        """The measurements of the cheap and of the expensive one, priced."""
        return self.parts[0].evidence, self.parts[1].evidence

    @cached_property
    def business(self) -> CascadeBusiness:
        """The use case run with it, as measured on the test split."""
        at, calls = self.at, self.at.cascade.expensive.bill is not None
        cheap, expensive = _alone(self.market, self.parts)
        assert cheap is not None and expensive is not None  # noqa: S101, PT018 - a choice has both
        return CascadeBusiness.of(
            cheap, expensive, drawn_around(at.quality.draws(), at.quality.value),
            drawn_around(at.share_draws, at.share), drawn_around(at.passed_usd_draws, at.passed_usd) if calls else None,
        )  # fmt: skip

    @cached_property
    def npv(self) -> NpvDistribution:
        """Its net present value in the draws of the market that all candidates share."""
        return npv_distribution(self.business, self.candidates.drawn, self.accuracy)

    @cached_property
    def base_npv_usd(self) -> float:
        """The net present value, every figure at its mean."""
        return float(self.business.npv_usd(self.business.means)[0])

    @cached_property
    def baseline(self) -> Quality | None:
        """The quality of the task's cheap baseline."""
        return best_baseline(self.at.quality, [each.evidence.quality for each in self.candidates.judged])

    @cached_property
    def graded(self) -> dict[str, Explained]:
        """The figures of its quality, as the accuracy table has them."""
        return quality_figures(self.at.quality, self.baseline)

    @cached_property
    def accuracy(self) -> dict[str, Any]:
        """What the gates take of a row of the accuracy table."""
        quality = self.at.quality
        return {
            **quality.key._asdict(), "baseline": quality.baseline, **values(self.graded), "metric": quality.name,
            "seeds": len(quality.leaves), "items": quality.items,
            "higher_is_better": quality.metric["higher_is_better"],
        }  # fmt: skip

    @cached_property
    def objective(self) -> LatencyObjective | None:
        """Whether the latency objective is met; None if there is none, or no latency was measured."""
        limit_s = self.market.latency_s
        cheap, expensive = (evidence.latencies_s(self.market) for evidence in self.evidence)
        if limit_s is None or not cheap or not expensive:
            return None
        return latency_objective(chained_s(cheap, expensive, self.at.share), limit_s)

    @cached_property
    def _inputs(self) -> VerdictInputs:
        both = [part.outlook.inputs for part in self.parts]
        gaps = [gap for inputs in both for gap in inputs.gaps if gap.code != "few queries"]
        if self.objective is not None and self.objective.met == "unknown":
            gaps.append(Reason("few queries", {"needed": self.objective.needed}))
        unmeasured = sorted({need for inputs in both for need in inputs.unmeasured_needs})
        money = Money(
            self.business.margin_usd(), self.npv.outcome, self.market.loss_limit, self.npv.drivers(),
            self.npv.probability_of_success,
        )  # fmt: skip
        return VerdictInputs(
            Reasons(dict.fromkeys(gaps)), self.accuracy, self.market.quality, self.objective, self.market.latency_s,
            money, tuple(unmeasured), Reasons(dict.fromkeys(why for inputs in both for why in inputs.caveats)),
            any(inputs.exposed for inputs in both),
        )  # fmt: skip

    @cached_property
    def decision(self) -> Decision:
        """The verdict of the gates alone."""
        return decide(self._inputs)

    @cached_property
    def judged(self) -> tuple[str, Reasons]:
        """The verdict and its reasons after the comparison with the task's cheap baseline."""
        row = compared_cells(self.accuracy, self.at.usd_per_1k, self._inputs, self.decision, self.business, self.npv)
        others = [dict(each.decided) for each in self.candidates.judged]
        compared = against_the_baseline([row, *others])[0]
        return compared["verdict"], compared["reasons"]
