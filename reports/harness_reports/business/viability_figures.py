"""The figures of the viability table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness_reports.business.business import Business
from harness_reports.business.evidence import Evidence
from harness_reports.business.market import Market
from harness_reports.business.market_figures import drawn_figures, figure, requests
from harness_reports.business.money import money_figures
from harness_reports.business.request import USD, request_figures
from harness_reports.business.supply_figures import idle_power, service_figures
from harness_reports.business.viability import CandidateVerdict
from harness_reports.business.years import SAMPLED, flow_figures, present_value, sampled
from harness_reports.figures.explained import Explained, named
from harness_reports.measured.quality_figures import quality_figures, quality_share
from harness_reports.measured.serving_figures import latency_percentile

_OF_FLOWS: Mapping[str, str] = {
    "funding_usd": "the largest deficit of the cumulative flows, in USD",
    "irr": "the rate at which the net present value is 0; none if there is no such rate, or more than one",
    "mirr": "the modified internal rate of return, financed and reinvested at the discount rate, per year",
    "payback_years": "when the cumulative flows reach 0, linear within a year",
    "discounted_payback_years": "when the cumulative discounted flows reach 0, linear within a year",
}
_MONEY = (
    "upfront_usd", "yearly_usd", "npv_usd", "break_even_requests", "break_even_price_usd", *_OF_FLOWS, *SAMPLED,
    "measuring_usd",
)  # fmt: skip


def viability_figures(market: Market, judged: CandidateVerdict) -> dict[str, Explained]:
    """Return the figures of a row of the viability table, by column."""
    evidence = judged.evidence
    quality = quality_figures(evidence.quality, None)
    figures = [
        *(named(quality[name], called) for name, called in
          (("value", "quality"), ("low", "quality_low"), ("high", "quality_high"))),
        figure(market, "quality", "needed_quality"), figure(market, "latency_s", "needed_latency_s"),
        _latency(market, evidence),
        requests(market),
    ]  # fmt: skip
    units = request_figures(market, evidence, judged.business)
    if judged.business is None:
        note = "a measurement that it needs is missing: see the reasons of the verdict"
        money = [Explained(name, None, USD, note=note) for name in _MONEY]
    else:
        money = _money(market, judged, judged.business, units)
    return {each.name: each for each in (*figures, *units.values(), *money)}


def _money(
    market: Market, judged: CandidateVerdict, business: Business, units: Mapping[str, Explained]
) -> list[Explained]:
    evidence, row = judged.evidence, judged.cells
    money = money_figures(market, evidence, business, units, row["npv_usd"])
    flows = flow_figures(market, business, evidence.figures, money["upfront_usd"])
    numbers = ", ".join(f"{flow.value:,.0f}" for flow in flows)
    return [
        *money.values(), present_value(market, row["npv_usd"], flows),
        *(Explained(name, row[name], note=f"{meaning}: {numbers}", inputs=flows)
          for name, meaning in _OF_FLOWS.items()),
        *sampled(row, (*drawn_figures(market), *_measured(market, evidence))),
        row["measuring"] or Explained("measuring_usd", None, USD, note="nothing more can be measured"),
    ]  # fmt: skip


def _latency(market: Market, evidence: Evidence) -> Explained:
    """Return the 99th percentile of the latency of single requests, or of calls."""
    name = "latency_p99_s"
    if (calls := evidence.call_latency(market)) is not None:
        return calls.figure(name)
    return latency_percentile(name, evidence.measured.fastest.get("SingleStream"))


def _measured(market: Market, evidence: Evidence) -> Iterator[Explained]:
    """Yield the measured and priced figures that the draws of a net present value rest on."""
    capacity, costs, energy = evidence.capacity(market), evidence.figures, evidence.training_energy
    yield quality_share(evidence.quality).inputs[0]
    if capacity is None:
        yield from (costs[name] for name in ("usd_per_call", "evaluate_usd"))
        return
    yield from (capacity.speed, *service_figures(capacity))
    yield from (costs[name] for name in ("usd_per_hour", "pretrain_usd", "finetune_usd", "evaluate_usd"))
    if evidence.buying == "elastic":
        yield costs["utilisation"]
    if evidence.pays_energy:
        yield from (capacity.energy.figure, idle_power(evidence.measured.machine))
    if energy is not None:
        yield from (energy.pretraining.mean("pretrain_j"), energy.tuning.mean("tuning_j"))
    if evidence.pays_energy or energy is not None:
        yield costs["pue"]
