"""Unit economics: value, costs and margin of a request in the first year."""

from __future__ import annotations

from harness_reports.business.business import ENERGY, ERROR, REVIEW, SERVING, Business
from harness_reports.business.evidence import Evidence
from harness_reports.business.market import Market
from harness_reports.business.market_figures import figure
from harness_reports.figures.explained import Explained, derived
from harness_reports.measured import readings as leaf
from harness_reports.measured.quality_figures import quality_share

USD, PER_REQUEST = "USD", "USD per request"
_UNKNOWN = "a measurement that it needs is missing"


def request_figures(market: Market, evidence: Evidence, business: Business | None) -> dict[str, Explained]:
    """Return the unit economics of a candidate, by column of the viability table."""
    value = figure(market, "value_per_request_usd", "unit_value_usd")
    price = evidence.figures[evidence.priced_as(market)]
    serving = derived("unit_serving_usd", PER_REQUEST, f"{price.name} / 1000", price,
                      note=f"served as {evidence.scenario(market)}")  # fmt: skip
    figures = [value, serving]
    if business is None:
        rest = ("unit_error_usd", "unit_review_usd", "unit_cost_usd", "unit_margin_usd", "usd_per_correct_answer")
        figures += [Explained(name, None, PER_REQUEST, note=_UNKNOWN) for name in rest]
    else:
        share = quality_share(evidence.quality)
        error, review = error_figure(market, share), review_figure(market)
        served = derived("serving_usd", PER_REQUEST, SERVING, serving, _energy(market, evidence, business),
                         figure(market, "retry_share"))  # fmt: skip
        unit = derived("unit_cost_usd", PER_REQUEST, "serving_usd + unit_error_usd + unit_review_usd", served, error,
                       review)  # fmt: skip
        margin = derived("unit_margin_usd", PER_REQUEST, "unit_value_usd - unit_cost_usd", value, unit)
        figures += [error, review, unit, margin, per_right_answer(market, unit, share, "unit_cost_usd")]
    return {each.name: each for each in figures}


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


def _energy(market: Market, evidence: Evidence, business: Business) -> Explained:
    name = "energy_usd_per_request"
    if not business.pays_energy:
        return Explained(name, 0.0, PER_REQUEST, note="included in the machine's price, or not measured")
    return derived(name, PER_REQUEST, ENERGY, joules(market, evidence, business), figure(market, "energy_usd_per_kwh"))


def joules(market: Market, evidence: Evidence, business: Business) -> Explained:
    """Return the measured energy of a request."""
    records = evidence.windows(evidence.scenario(market))
    return Explained("energy_j_per_request", business.measured["energy_j_per_request"].mean, "J",
                     note="mean over records of energy_j / samples",
                     inputs=(*leaf.readings(records, "energy_j"), *leaf.readings(records, "samples")))  # fmt: skip


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
