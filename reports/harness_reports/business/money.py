"""The base case, every figure at its mean: net present value, returns, payback, break-even."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from harness_reports.business.business import TUNING, UPFRONT, Business, market_sums
from harness_reports.business.evidence import Evidence
from harness_reports.business.market import Market
from harness_reports.business.market_figures import figure, requests
from harness_reports.business.request import USD
from harness_reports.business.years import operating_cost
from harness_reports.economics.appraisal import discounted_payback, payback
from harness_reports.economics.cashflow import irr, mirr, npv
from harness_reports.figures.explained import Explained, derived


def base_case(market: Market, business: Business) -> dict[str, Any]:
    """Return measures of the base case's cash flows, by column of the viability table; None if undefined."""
    flows, rate = business.flows_usd(), market.numbers["discount_rate"]
    rates = irr(flows)
    return {
        "discounted_requests": float(market_sums(business.means, business.years).requests[0]),
        "funding_usd": max(0.0, -min(accumulate(flows))), "npv_usd": npv(rate, flows),
        "irr": rates.single, "irr_unique": rates.unique, "mirr": mirr(flows, rate, rate),
        "payback_years": payback(flows).periods, "discounted_payback_years": discounted_payback(rate, flows).periods,
    }  # fmt: skip


def money_figures(
    market: Market, evidence: Evidence, business: Business, units: Mapping[str, Explained], npv_usd: float
) -> dict[str, Explained]:
    """Return the base case's upfront cost, profit of a steady-state year, and break-even volume and price.

    Args:
        market: the use case's figures.
        evidence: the candidate's measurements.
        business: the use case run with the candidate.
        units: unit economics from `request_figures`.
        npv_usd: the base case's net present value.
    """
    yearly = derived("yearly_usd", "USD per year", "requests_per_year * unit_margin_usd - operating_cost_usd",
                     requests(market), units["unit_margin_usd"], operating_cost(market))  # fmt: skip
    figures = (upfront_figure(market, evidence.figures), yearly, *_break_even(market, business, npv_usd))
    return {each.name: each for each in figures}


def upfront_figure(market: Market, costs: Mapping[str, Explained]) -> Explained:
    """Return the upfront cost, from figures of the cost table."""
    tuning = derived("tuning_usd", USD, TUNING, costs["finetune_usd"], costs["evaluate_usd"])
    parts = ("pretraining_uses", "development_multiplier", "upfront_cost_usd")
    return derived("upfront_usd", USD, UPFRONT, costs["pretrain_usd"], tuning,
                   *(figure(market, name) for name in parts))  # fmt: skip


def _break_even(market: Market, business: Business, npv_usd: float) -> list[Explained]:
    """Return the volume and the price at which the net present value is 0; it is linear in both."""
    drawn = business.means
    sums = market_sums(drawn, business.years)
    margin = sums.income_usd - business.serving_usd(drawn) * sums.requests_at_cost
    margin = margin - business.answer_usd(drawn) * sums.requests
    total = Explained("npv_usd", npv_usd, USD, note="another figure of this row")
    volume = Explained("earned_usd", float(margin[0]), USD, note="value less serving, errors and review of all "
                       "requests, discounted")  # fmt: skip
    price = Explained("income_usd", float(sums.income_usd[0]), USD, note="value of all requests, discounted")
    value = figure(market, "value_per_request_usd", "unit_value_usd")
    return [
        _zero("break_even_requests", "per year", requests(market), total, volume),
        _zero("break_even_price_usd", "USD per request", value, total, price),
    ]


def _zero(name: str, unit: str, start: Explained, total: Explained, part: Explained) -> Explained:
    """Return the start scaled until its proportional part of the net present value makes the whole 0."""
    if not part.value > 0:
        return Explained(name, None, unit, note="none: requests have no positive margin",
                         inputs=(start, total, part))  # fmt: skip
    return derived(name, unit, f"{start.name} * (1 - npv_usd / {part.name})", start, total, part)
