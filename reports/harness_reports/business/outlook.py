"""The verdict on one candidate in the draws of a market, before it is compared with the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from harness_reports.business.business import Business
from harness_reports.business.evidence import Evidence
from harness_reports.business.gaps import caveats, gaps
from harness_reports.business.market import NO_THIRD_PARTY, Market
from harness_reports.business.npv_distribution import MarketDraws, NpvDistribution, npv_distribution
from harness_reports.business.verdict import Decision, Money, VerdictInputs, decide, needs_met
from harness_reports.measured.latency import LatencyObjective
from harness_reports.reasons import Reasons


@dataclass(frozen=True, eq=False)
class Outlook:
    """One candidate in one market."""

    drawn: MarketDraws
    evidence: Evidence
    business: Business | None
    """None if a measurement that it needs is missing."""

    @property
    def market(self) -> Market:
        """The market."""
        return self.drawn.market

    @cached_property
    def npv(self) -> NpvDistribution | None:
        """The distribution of the net present value."""
        if self.business is None:
            return None
        return npv_distribution(self.business, self.drawn, self.evidence.accuracy)

    @cached_property
    def objective(self) -> LatencyObjective | None:
        """Whether the latency objective is met."""
        return self.evidence.objective(self.market)

    @cached_property
    def money(self) -> Money | None:
        """The financial inputs of the gates."""
        if self.business is None or self.npv is None:
            return None
        return Money(
            margin_usd=self.business.margin_usd(), outcome=self.npv.outcome, loss_limit=self.market.loss_limit,
            drivers=self.npv.drivers(), probability_of_success=self.npv.probability_of_success,
        )  # fmt: skip

    @property
    def _by_third_party(self) -> bool:
        return self.evidence.buying == "calls"

    @property
    def _unmeasured_needs(self) -> tuple[str, ...]:
        """Needs that nothing here measures; of calls also whether their provider processes data under contract."""
        others = ("privacy",) if self._by_third_party and 0 < self.market.privacy < NO_THIRD_PARTY else ()
        return tuple(sorted({*self.market.unmeasured_needs, *others}))

    @cached_property
    def inputs(self) -> VerdictInputs:
        """The inputs of the gates."""
        market = self.market
        return VerdictInputs(
            Reasons(gaps(self.evidence, market, self.objective)), self.evidence.accuracy, market.quality,
            self.objective, market.latency_s, self.money, self._unmeasured_needs,
            Reasons(caveats(self.evidence, market)),
            self._by_third_party and market.privacy >= NO_THIRD_PARTY, self.evidence.not_validated,
        )  # fmt: skip

    @cached_property
    def decision(self) -> Decision:
        """The verdict and its reasons."""
        return decide(self.inputs)

    def compared(self) -> dict[str, Any]:
        """Return the cells that a comparison with the cheap baseline, and with all others, takes."""
        return compared_cells(self.evidence.accuracy, self.evidence.cost["usd_per_1k_inferences"], self.inputs,
                              self.decision, self.business, self.npv)  # fmt: skip


def compared_cells(
    accuracy: Mapping[str, Any], usd_per_1k: float | None, inputs: VerdictInputs, decision: Decision,
    business: Business | None, npv: NpvDistribution | None,
) -> dict[str, Any]:  # fmt: skip
    """Return the cells that `against_the_baseline` and `preference` take, of a candidate or a cascade."""
    names = ("task", "source", "model", "baseline", "against_baseline", "value", "higher_is_better")
    money = {} if business is None or npv is None else {
        "npv_mean_usd": npv.outcome.mean_usd, "unit_error_usd": float(business.error_usd(business.means)[0]),
        "discounted_requests": float(business.base_sums.requests[0]),
    }  # fmt: skip
    return {
        **{name: accuracy[name] for name in names}, "usd_per_1k_inferences": usd_per_1k, "npv_mean_usd": None,
        "unit_error_usd": None, "discounted_requests": None, **money, "needs_met": needs_met(inputs),
        "verdict": decision.verdict, "probability_wrong": decision.probability_wrong, "reasons": decision.reasons,
    }  # fmt: skip
