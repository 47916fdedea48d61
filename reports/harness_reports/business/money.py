"""What a use case is worth with every figure at its mean: what is paid first, a year, and where it breaks even."""

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
    """Return what the flows come to, by column of the viability table; None where there is no such number."""
    flows, rate = business.flows_usd(), market.numbers["discount_rate"]
    rates = irr(flows)
    return {
        "discounted_requests": float(market_sums(business.means, business.years).requests[0]),
        "funding_usd": max(0.0, -min(accumulate(flows))), "npv_usd": npv(rate, flows),
        "irr": rates.single, "irr_unique": rates.unique, "mirr": mirr(flows, rate, rate),
        "payback_years": payback(flows).periods, "discounted_payback_years": discounted_payback(rate, flows).periods,
    }  # fmt: skip


def money_figures(
    market: Market, own: Evidence, business: Business, units: Mapping[str, Explained], npv_usd: float
) -> dict[str, Explained]:
    """Return what is paid first, what a year earns, and the volume and price at which the base case is worth 0.

    Args:
        market: the use case's figures.
        own: the candidate's measurements.
        business: the use case run with it.
        units: its unit economics, as `request_figures` gives them.
        npv_usd: the base case's net present value.
    """
    yearly = derived("yearly_usd", "USD per year", "requests_per_year * unit_margin_usd - operating_cost_usd",
                     requests(market), units["unit_margin_usd"], operating_cost(market))  # fmt: skip
    found = (upfront_figure(market, own.figures), yearly, *_break_even(market, business, npv_usd))
    return {each.name: each for each in found}


def upfront_figure(market: Market, trained: Mapping[str, Explained]) -> Explained:
    """Return what is paid before the first request, from what trainings cost by column of the cost table."""
    tuning = derived("tuning_usd", USD, TUNING, trained["finetune_usd"], trained["evaluate_usd"])
    parts = ("pretraining_uses", "development_multiplier", "upfront_cost_usd")
    return derived("upfront_usd", USD, UPFRONT, trained["pretrain_usd"], tuning,
                   *(figure(market, name) for name in parts))  # fmt: skip


def _break_even(market: Market, business: Business, npv_usd: float) -> list[Explained]:
    """Return the volume and the price at which the base case is worth 0: it is linear in both."""
    drawn = business.means
    sums = market_sums(drawn, business.years)
    earned = sums.income_usd - business.serving_usd(drawn) * sums.requests_at_cost
    earned = earned - business.answer_usd(drawn) * sums.requests
    worth = Explained("npv_usd", npv_usd, USD, note="a figure of its own in this row")
    volume = Explained("earned_usd", float(earned[0]), USD, note="value less serving and answers, discounted over all "
                       "years")  # fmt: skip
    price = Explained("income_usd", float(sums.income_usd[0]), USD, note="value of all requests, discounted over all "
                      "years")  # fmt: skip
    value = figure(market, "value_per_request_usd", "unit_value_usd")
    return [
        _zero("break_even_requests", "per year", requests(market), worth, volume),
        _zero("break_even_price_usd", "USD per request", value, worth, price),
    ]


def _zero(name: str, unit: str, start: Explained, worth: Explained, part: Explained) -> Explained:
    """Return the start scaled so that the part of the value that is proportional to it takes the worth to 0."""
    if not part.value > 0:
        return Explained(name, None, unit, note="no number does it: requests earn nothing",
                         inputs=(start, worth, part))  # fmt: skip
    return derived(name, unit, f"{start.name} * (1 - npv_usd / {part.name})", start, worth, part)
