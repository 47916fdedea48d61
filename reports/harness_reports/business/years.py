"""The figures of a net present value: the cash flow of each year, and statistics of its draws."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from harness_reports.business.business import FLOW, OPERATING_COST, Business, Year, tuning_usd, years_of
from harness_reports.business.market import Market
from harness_reports.business.market_figures import figure, requests
from harness_reports.business.npv_distribution import DRAWS
from harness_reports.business.request import PER_REQUEST, USD
from harness_reports.business.supply_figures import YEARLY, supply_figures
from harness_reports.figures.explained import Explained, derived, named

SAMPLED: Mapping[str, str] = {
    "npv_mean_usd": "their mean",
    "npv_low_usd": "their 5th percentile",
    "npv_p50_usd": "their median",
    "npv_high_usd": "their 95th percentile",
    "cvar05_usd": "the mean of the worst 5 % of them",
    "probability_positive": "the share of them above 0",
    "evpi_usd": "the expected value of perfect information: deciding with each draw known, against deciding once",
    "evsi_usd": "the expected value of the further measurement with the best net value, by pre-posterior analysis",
    "probability_wrong": "the share of them in which the verdict is wrong, needs included; none if the baseline wins",
}


def sampled(row: Mapping[str, Any], inputs: tuple[Explained, ...], names: Iterable[str] = SAMPLED) -> list[Explained]:
    """Return the figures of a row that are statistics of the drawn net present values."""
    return [
        Explained(name, row[name], USD if name.endswith("_usd") else "", inputs=inputs,
                  note=f"{DRAWS:,} draws of the net present value, from all uncertain figures: {SAMPLED[name]}")
        for name in names
    ]  # fmt: skip


def operating_cost(market: Market) -> Explained:
    """Return the fixed costs and staff of a year."""
    parts = ("fixed_cost_per_year_usd", "staff", "staff_usd_per_year")
    return derived("operating_cost_usd", "USD per year", OPERATING_COST, *(figure(market, name) for name in parts))


def flow_figures(
    market: Market,
    business: Business,
    priced: Mapping[str, Explained],
    upfront: Explained,
) -> tuple[Explained, ...]:
    """Return the flow of every year, the first at t = 0.

    Args:
        market: the use case's figures.
        business: the use case with one candidate, or hosted model.
        priced: as `supply_figures` takes it.
        upfront: the upfront cost.
    """
    always = (*_of_every_year(business), operating_cost(market), figure(market, "retrainings_per_year"))
    later = [
        derived("flow_usd", USD, FLOW, *_year(market, business, priced, (year, number)), *always,
                note=f"year {number + 1}")
        for number, year in enumerate(years_of(business.means, business.years, business.supply.decline))
    ]  # fmt: skip
    return (derived("flow_usd", USD, "-upfront_usd", upfront, note="year 0"), *later)


def _of_every_year(business: Business) -> tuple[Explained, ...]:
    """Return the inputs of every year's flow that are the same each year; other figures of the row explain them."""
    drawn = business.means
    return (
        Explained("answer_usd", float(business.answer_usd(drawn)[0]), PER_REQUEST,
                  note="unit_error_usd and unit_review_usd"),
        Explained("tuning_usd", float(tuning_usd(drawn)[0]), USD, note="finetune_usd and evaluate_usd, as in "
                  "upfront_usd"),
        Explained("tuning_energy_usd", float(business.training_energy_usd("tuning_j", drawn)[0]), USD,
                  note="as in upfront_usd"),
    )  # fmt: skip


def _year(
    market: Market, business: Business, priced: Mapping[str, Explained], when: tuple[Year, int]
) -> tuple[Explained, ...]:
    """Return the inputs of a year's flow that change; `when` is the year, and the years before it."""
    (year, before), decline = when, business.supply.decline
    adoption = [figure(market, name) for name in ("adoption_innovation", "adoption_imitation")
                if name in market.numbers]  # fmt: skip
    adopted = "requests_per_year, times the year's mean share of adopters (Bass)"
    value = named(figure(market, "value_per_request_usd"), "unit_value_usd")
    volume = Explained("requests", float(year.requests[0]), "per year", note=adopted if adoption else
                       "requests_per_year", inputs=(requests(market), *adoption))  # fmt: skip
    served = supply_figures(market, business, priced, volume)
    return (
        volume, named(served[YEARLY], "serving_usd_per_year"), served["energy_usd_per_year"],
        derived("value_usd", PER_REQUEST, f"unit_value_usd * (1 - value_decline_per_year) ** {before}", value,
                figure(market, "value_decline_per_year")),
        derived("price_index", "", f"(1 - {decline}) ** {before}", figure(market, decline),
                note="price of machines, or of calls, as a share of the first year's"),
    )  # fmt: skip


def present_value(market: Market, value: float, flows: tuple[Explained, ...]) -> Explained:
    """Return the net present value of flows."""
    rate = figure(market, "discount_rate")
    present = tuple(
        derived("present_usd", USD, f"flow_usd / (1 + discount_rate) ** {year}", flow, rate)
        for year, flow in enumerate(flows)
    )  # fmt: skip
    return Explained("npv_usd", value, USD, "sum(present_usd)", note="every figure at its mean", inputs=present)
