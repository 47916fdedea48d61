"""What a net present value is made of: every year's flow, and what is drawn of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from harness_reports.business.business import Business, Year, upkeep_usd, years_of
from harness_reports.business.market import Market
from harness_reports.business.worth import DRAWS
from harness_reports.explain.market import figure, known, requests
from harness_reports.figures.explained import Explained, named

USD, PER_REQUEST = "USD", "USD per request"
DRAWN: Mapping[str, str] = {
    "npv_mean_usd": "their mean",
    "npv_low_usd": "their 5th percentile",
    "npv_p50_usd": "their median",
    "npv_high_usd": "their 95th percentile",
    "cvar05_usd": "the mean of the worst 5 % of them",
    "probability_positive": "the share of them above 0",
    "evpi_usd": "the mean gain of who would know each draw before deciding, over the best decision without",
    "evsi_usd": "the expected gain of another hour of measuring, by pre-posterior analysis of quality and serving cost",
    "probability_wrong": "the share of them in which the verdict turns out wrong, needs included",
}


def drawn(row: Mapping[str, Any], inputs: tuple[Explained, ...], names: Iterable[str] = DRAWN) -> list[Explained]:
    """Return figures of a row that are read off the drawn net present values."""
    return [
        Explained(name, row[name], USD if name.endswith("_usd") else "", inputs=inputs,
                  note=f"{DRAWS:,} net present values, every uncertain figure drawn: {DRAWN[name]}")
        for name in names
    ]  # fmt: skip


def upkeep(market: Market, business: Business) -> Explained:
    """Return what a year costs whatever is served."""
    parts = known(market, "fixed_cost_per_year_usd", "staff", "staff_usd_per_year")
    formula = "fixed_cost_per_year_usd" + (" + staff * staff_usd_per_year" if "staff" in parts else "")
    return Explained("upkeep_usd", float(upkeep_usd(business.means)[0]), "USD per year", formula,
                     inputs=(*parts.values(),))  # fmt: skip


def flows_of(
    market: Market, business: Business, upfront: Explained, decline: str = "hardware_decline_per_year"
) -> tuple[Explained, ...]:
    """Return the flow of every year, the first at t = 0; `decline` is the figure by which serving gets cheaper."""
    paid = business.flows_usd()
    tuning = known(market, "retrainings_per_year")
    retrained = (
        named(tuning["retrainings_per_year"], "retrainings")
        if tuning
        else Explained("retrainings", 0.0, note="none are foreseen")
    )
    later = [
        Explained(
            "flow_usd", flow, USD,
            "requests * (value_usd - serving_usd * machines - answer_usd) - upkeep_usd - retrainings * tuning_usd "
            "* machines",
            note=f"year {number}",
            inputs=(*_year(market, business, year, decline), upkeep(market, business), retrained),
        )
        for number, (flow, year) in enumerate(zip(paid[1:], years_of(business.means, business.years), strict=True), 1)
    ]  # fmt: skip
    return (Explained("flow_usd", paid[0], USD, "-upfront_usd", note="year 0", inputs=(upfront,)), *later)


def _year(market: Market, business: Business, year: Year, decline: str) -> tuple[Explained, ...]:
    """Return what a year's flow is worked out of; each opens in a figure of its own."""
    drawn = business.means
    declines = known(market, "value_decline_per_year"), known(market, decline)
    adoption = known(market, "adoption_innovation", "adoption_imitation")
    tuned = float(drawn["finetune_usd"][0] + drawn["evaluate_usd"][0])
    return (
        Explained("requests", float(year.requests[0]), "per year", note="requests_per_year, times the mean share of "
                  "the year that has adopted (Bass)" if adoption else "requests_per_year",
                  inputs=(requests(market), *adoption.values())),
        Explained("value_usd", float(year.value_usd[0]), PER_REQUEST, note="unit_value_usd, less its yearly decline",
                  inputs=(*declines[0].values(),)),
        Explained("machines", float(year.cheaper[0]), note="price of machines, or of calls, as a share of the first "
                  "year's", inputs=(*declines[1].values(),)),
        Explained("serving_usd", float(business.serving_usd(drawn)[0]), PER_REQUEST,
                  note="unit_serving_usd with energy and retries, as in unit_cost_usd"),
        Explained("answer_usd", float(business.answer_usd(drawn)[0]), PER_REQUEST,
                  note="unit_error_usd and unit_review_usd"),
        Explained("tuning_usd", tuned, USD, note="finetune_usd and evaluate_usd, as in upfront_usd" if tuned else
                  "nothing is fine-tuned"),
    )  # fmt: skip


def present_value(market: Market, value: float, flows: tuple[Explained, ...]) -> Explained:
    """Return the net present value of flows."""
    rate = figure(market, "discount_rate")
    present = tuple(
        Explained("present_usd", flow.value / (1 + rate.value) ** year, USD,
                  f"flow_usd / (1 + discount_rate) ** {year}", inputs=(flow, rate))
        for year, flow in enumerate(flows)
    )  # fmt: skip
    return Explained("npv_usd", value, USD, "sum(present_usd)", note="every figure at its mean", inputs=present)
