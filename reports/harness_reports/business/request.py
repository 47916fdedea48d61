"""Unit economics: value, costs and margin of a request in a steady-state year at the first year's prices."""

from __future__ import annotations

from collections.abc import Mapping

from harness_reports.business.business import ERROR, REVIEW, Business
from harness_reports.business.evidence import Evidence
from harness_reports.business.market import Market
from harness_reports.business.market_figures import figure, requests
from harness_reports.business.supply_figures import YEARLY, supply_figures
from harness_reports.figures.explained import Explained, derived
from harness_reports.measured.quality_figures import quality_share

USD, PER_REQUEST = "USD", "USD per request"
UNIT_COST = "unit_serving_usd + unit_energy_usd + unit_error_usd + unit_review_usd"
_UNKNOWN = "a measurement that it needs is missing"
_OF_MACHINES: Mapping[str, str] = {"replicas": "", "utilisation": "", YEARLY: USD, "energy_usd_per_year": USD}


def request_figures(market: Market, evidence: Evidence, business: Business | None) -> dict[str, Explained]:
    """Return the unit economics of a candidate and the cost of its machines, by column of the viability table."""
    value = figure(market, "value_per_request_usd", "unit_value_usd")
    if business is None:
        rest = ("unit_serving_usd", "unit_energy_usd", "unit_error_usd", "unit_review_usd", "unit_cost_usd",
                "unit_margin_usd", "usd_per_correct_answer")  # fmt: skip
        unknown = {name: Explained(name, None, unit, note=_UNKNOWN) for name, unit in _OF_MACHINES.items()}
        return (
            {value.name: value} | unknown | {name: Explained(name, None, PER_REQUEST, note=_UNKNOWN) for name in rest}
        )
    served = supply_figures(market, business, evidence.figures, requests(market))
    share = quality_share(evidence.quality)
    error, review = error_figure(market, share), review_figure(market)
    serving = per_request("unit_serving_usd", served[YEARLY], served["requests_per_year"])
    energy = per_request("unit_energy_usd", served["energy_usd_per_year"], served["requests_per_year"])
    unit = derived("unit_cost_usd", PER_REQUEST, UNIT_COST, serving, energy, error, review)
    margin = derived("unit_margin_usd", PER_REQUEST, "unit_value_usd - unit_cost_usd", value, unit)
    right = per_right_answer(market, unit, share, "unit_cost_usd")
    machines = (served.get(name, Explained(name, None, note="no whole machines are paid")) for name in _OF_MACHINES)
    return {
        each.name: each for each in (value, *machines, serving, energy, error, review, unit, margin, right)
    }  # fmt: skip


def per_request(name: str, yearly: Explained, volume: Explained) -> Explained:
    """Return a yearly cost per request; None without demand."""
    if not volume.value:
        return Explained(name, None, PER_REQUEST, note="there is no demand", inputs=(yearly, volume))
    return derived(name, PER_REQUEST, f"{yearly.name} / {volume.name}", yearly, volume)


def error_figure(market: Market, share: Explained) -> Explained:
    """Return the expected cost of errors per request."""
    if not market.numbers["cost_per_error_usd"]:
        return Explained("unit_error_usd", 0.0, PER_REQUEST, note="the use case has no cost per error")
    parts = (share, figure(market, "review_share"), figure(market, "cost_per_error_usd"))
    return derived("unit_error_usd", PER_REQUEST, ERROR, *parts)


def review_figure(market: Market) -> Explained:
    """Return the cost of human review per request."""
    parts = (figure(market, "review_share"), figure(market, "review_usd"))
    return derived("unit_review_usd", PER_REQUEST, REVIEW, *parts)


def per_right_answer(market: Market, cost: Explained, share: Explained, formula: str, *more: Explained) -> Explained:
    """Return the cost per right answer: cost per request over the share of answers right before or after review.

    Args:
        market: the use case's figures.
        cost: first input of the formula.
        share: share of answers that are right before review.
        formula: cost per request.
        more: further inputs of the formula.
    """
    name, unit = "usd_per_correct_answer", "USD per right answer"
    right = derived("right_in_the_end", "", "right_share + (1 - right_share) * review_share", share,
                    figure(market, "review_share"))  # fmt: skip
    if cost.value is None or not right.value:
        note = "the metric gives no share of right answers, or a measurement is missing"
        return Explained(name, None, unit, note=note, inputs=(cost, share))
    return derived(name, unit, f"({formula}) / right_in_the_end", cost, *more, right)
