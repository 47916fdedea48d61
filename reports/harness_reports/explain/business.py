"""Where the figures of the viability table come from: unit economics, and what the years make of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from harness_reports.business.business import Business, market_sums
from harness_reports.business.market import Market
from harness_reports.business.viability import Candidates, Judged
from harness_reports.explain.market import figure, known, requests, uncertain
from harness_reports.explain.years import DRAWN, PER_REQUEST, USD, drawn, flows_of, present_value, upkeep
from harness_reports.figures.explained import Explained, named
from harness_reports.measured import readings as leaf
from harness_reports.measured.quality import Graded
from harness_reports.measured.quality_figures import quality_figures, quality_share
from harness_reports.measured.serving_figures import latency_percentile
from harness_reports.prices.cost_figures import cost_figures
from harness_reports.prices.pricing import Pricing

_OF_FLOWS: Mapping[str, str] = {
    "funding_usd": "the deepest that the running sum of the flows falls, in USD",
    "irr": "the rate at which the flows are worth 0; none where there is no such rate, or more than one",
    "mirr": "what is earned, reinvested to the end, over what is paid, both at the discount rate, per year",
    "payback_years": "when the running sum of the flows reaches 0, linear within a year",
    "discounted_payback_years": "when the running sum of the discounted flows reaches 0, linear within a year",
}


class Known(NamedTuple):
    """What stands behind one row."""

    judged: Judged
    market: Market
    pricing: Pricing

    @property
    def row(self) -> Mapping[str, Any]:
        """Its cells."""
        return self.judged.row

    @property
    def graded(self) -> Graded:
        """Its evaluations."""
        return self.judged.evidence.graded

    def cost(self) -> dict[str, Explained]:
        """Return the figures of its row of the cost table."""
        return cost_figures(self.judged.evidence.measured, self.pricing)


class Case(NamedTuple):
    """A use case with its candidates, and their prices."""

    candidates: Candidates
    pricing: Pricing

    def of(self, judged: Judged) -> Known:
        """Return what stands behind one of them."""
        return Known(judged, self.candidates.market, self.pricing)

    @property
    def known(self) -> tuple[Known, ...]:
        """What stands behind each of them."""
        return tuple(map(self.of, self.candidates.judged))


def viability_figures(own: Known) -> dict[str, Explained]:
    """Return the figures of a row of the viability table by column."""
    cost = own.cost()
    quality = quality_figures(own.graded, None)
    figures = [
        *(named(quality[name], called) for name, called in
          (("value", "quality"), ("low", "quality_low"), ("high", "quality_high"))),
        figure(own.market, "quality", "needed_quality"), figure(own.market, "latency_s", "needed_latency_s"),
        latency_percentile("latency_p99_s", own.judged.evidence.measured.fastest.get("SingleStream")),
        requests(own.market), named(cost["usd_per_hour"], "measuring_usd"),
    ]  # fmt: skip
    units = unit_figures(own, cost)
    money = _money(own, cost, units) if own.judged.business else _unknown()
    return {each.name: each for each in (*figures, *units.values(), *money)}


def _unknown() -> list[Explained]:
    note = "something that it takes was not measured: the verdict says what"
    names = ("upfront_usd", "yearly_usd", "npv_usd", "break_even_requests", "break_even_price_usd", *_OF_FLOWS, *DRAWN)
    return [Explained(name, None, USD, note=note) for name in names]


# A request ----------------------------------------------------------------------------------------------------


def unit_figures(own: Known, cost: Mapping[str, Explained]) -> dict[str, Explained]:
    """Return what a request brings and costs in the first year."""
    market = own.market
    column = own.judged.evidence.priced_as(market)
    value, point = figure(market, "value_per_request_usd", "unit_value_usd"), cost[column]
    serving = Explained("unit_serving_usd", own.row["unit_serving_usd"], PER_REQUEST, f"{column} / 1000",
                        note=f"served as {own.row['served_as']}", inputs=(point,))  # fmt: skip
    if own.judged.business is None:
        note = "something that it takes was not measured"
        rest = ("unit_error_usd", "unit_review_usd", "unit_cost_usd", "unit_margin_usd", "usd_per_correct_answer")
        found = [value, serving, *(Explained(name, None, PER_REQUEST, note=note) for name in rest)]
    else:
        share = quality_share(own.graded)
        error, review = unit_error(market, own.row["unit_error_usd"], share), _review(own)
        unit = _unit_cost(own, serving, error, review)
        margin = Explained("unit_margin_usd", own.row["unit_margin_usd"], PER_REQUEST,
                           "unit_value_usd - unit_cost_usd", inputs=(value, unit))  # fmt: skip
        found = [value, serving, error, review, unit, margin, _per_right(own, unit, share)]
    return {each.name: each for each in found}


def unit_error(market: Market, value: float, share: Explained) -> Explained:
    """Return what the wrong answers cost, for a request."""
    name = "unit_error_usd"
    if "cost_per_error_usd" not in market.numbers or not value:
        return Explained(name, value, PER_REQUEST, note="a wrong answer has no price here, or none is left")
    seen = known(market, "review_share")
    formula = "(1 - right_share) * cost_per_error_usd" + (" * (1 - review_share)" if seen else "")
    return Explained(name, value, PER_REQUEST, formula,
                     inputs=(share, figure(market, "cost_per_error_usd"), *seen.values()))  # fmt: skip


def _review(own: Known) -> Explained:
    name, value = "unit_review_usd", own.row["unit_review_usd"]
    parts = known(own.market, "review_share", "review_usd")
    if not parts:
        return Explained(name, value, PER_REQUEST, note="nobody checks answers in this use case")
    return Explained(name, value, PER_REQUEST, "review_share * review_usd", inputs=(*parts.values(),))


def _unit_cost(own: Known, serving: Explained, error: Explained, review: Explained) -> Explained:
    retried, energy = known(own.market, "retry_share"), _energy(own)
    served = "unit_serving_usd + energy_usd_per_request" if energy else "unit_serving_usd"
    formula = f"({served}) * (1 + retry_share)" if retried else served
    return Explained("unit_cost_usd", own.row["unit_cost_usd"], PER_REQUEST,
                     f"{formula} + unit_error_usd + unit_review_usd",
                     inputs=(serving, *energy, *retried.values(), error, review))  # fmt: skip


def _energy(own: Known) -> list[Explained]:
    """Return what a request's energy costs, where it is paid beside the machine and was read."""
    read = "energy_j_per_request" in own.judged.business.measured if own.judged.business else False
    price = known(own.market, "energy_usd_per_kwh")
    if not read or not price:
        return []
    energy = joules(own)
    value = energy.value * own.market.numbers["energy_usd_per_kwh"] / 3.6e6
    return [Explained("energy_usd_per_request", value, USD, "energy_j_per_request * energy_usd_per_kwh / 3600000",
                      inputs=(energy, *price.values()))]  # fmt: skip


def joules(own: Known) -> Explained:
    """Return the energy of a request, where it was read."""
    business = own.judged.business
    assert business is not None  # noqa: S101 - the caller has looked
    records = own.judged.evidence.windows(own.judged.evidence.scenario(own.market))
    return Explained("energy_j_per_request", business.measured["energy_j_per_request"].mean, "J",
                     note="mean over records of energy_j / samples",
                     inputs=(*leaf.readings(records, "energy_j"), *leaf.readings(records, "samples")))  # fmt: skip


def _per_right(own: Known, unit: Explained, share: Explained) -> Explained:
    name, value = "usd_per_correct_answer", own.row["usd_per_correct_answer"]
    if value is None or not share.value:
        return Explained(name, None, USD, note="the metric tells no share of right answers", inputs=(unit, share))
    return Explained(name, value, "USD per right answer", "unit_cost_usd / right_in_the_end",
                     inputs=(unit, right_in_the_end(own.market, share)))  # fmt: skip


def right_in_the_end(market: Market, share: Explained) -> Explained:
    """Return the share of answers that are right at once, or put right by who checks."""
    seen = known(market, "review_share")
    checked = market.numbers.get("review_share", 0.0)
    formula = "right_share + (1 - right_share) * review_share" if seen else "right_share"
    return Explained("right_in_the_end", share.value + (1 - share.value) * checked, formula=formula,
                     inputs=(share, *seen.values()))  # fmt: skip


# The years ----------------------------------------------------------------------------------------------------


def _money(own: Known, cost: Mapping[str, Explained], units: Mapping[str, Explained]) -> list[Explained]:
    business = own.judged.business
    assert business is not None  # noqa: S101 - the caller has looked
    upfront = _upfront(own, cost)
    flows = flows_of(own.market, business, upfront)
    worth = present_value(own.market, own.row["npv_usd"], flows)
    parts = (requests(own.market), units["unit_margin_usd"], upkeep(own.market, business))
    yearly = Explained("yearly_usd", own.row["yearly_usd"], "USD per year",
                       "requests_per_year * unit_margin_usd - upkeep_usd", inputs=parts)  # fmt: skip
    measured = {name: cost[name] for name in (own.judged.evidence.priced_as(own.market),)}
    measured["quality"] = quality_share(own.graded).inputs[0]
    return [
        upfront, yearly, worth, *_break_even(own, business, worth),
        *(Explained(name, own.row[name], note=f"{said}: {_numbers(flows)}", inputs=flows)
          for name, said in _OF_FLOWS.items()),
        *drawn(own.row, uncertain(own.market, measured)),
    ]  # fmt: skip


def _numbers(flows: tuple[Explained, ...]) -> str:
    return ", ".join(f"{flow.value:,.0f}" for flow in flows)


def _upfront(own: Known, cost: Mapping[str, Explained]) -> Explained:
    shared = known(own.market, "pretraining_uses")
    pretrain = "pretrain_usd / pretraining_uses" if shared else "pretrain_usd"
    parts = known(own.market, "development_multiplier", "upfront_cost_usd")
    return Explained(
        "upfront_usd", own.row["upfront_usd"], USD,
        f"({pretrain} + finetune_usd + evaluate_usd) * development_multiplier + upfront_cost_usd",
        inputs=(*(cost[name] for name in ("pretrain_usd", "finetune_usd", "evaluate_usd")), *shared.values(),
                *parts.values()),
    )  # fmt: skip


def _break_even(own: Known, business: Business, worth: Explained) -> list[Explained]:
    drawn = business.means
    sums = market_sums(drawn, business.years)
    margin = sums.income_usd - business.serving_usd(drawn) * sums.requests_at_cost
    margin = margin - business.answer_usd(drawn) * sums.requests
    worth = replace(worth, inputs=(), formula="", note="a figure of its own in this row")
    parts = (
        ("break_even_requests", "requests_per_year", requests(own.market), "earned_usd", float(margin[0]),
         "value less serving and answers, discounted over all years"),
        ("break_even_price_usd", "unit_value_usd", figure(own.market, "value_per_request_usd", "unit_value_usd"),
         "income_usd", float(sums.income_usd[0]), "value of all requests, discounted over all years"),
    )  # fmt: skip
    return [
        Explained(name, own.row[name], formula=f"{of} * (1 - npv_usd / {part})" if own.row[name] is not None else "",
                  note="" if own.row[name] is not None else "no number does it: requests earn nothing",
                  inputs=(start, worth, Explained(part, value, USD, note=said)))
        for name, of, start, part, value, said in parts
    ]  # fmt: skip
