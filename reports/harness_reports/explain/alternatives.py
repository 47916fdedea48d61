"""Where the figures of the alternatives table come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from harness_reports.business.alternatives import (
    HOURS_PER_MONTH,
    MONTHS,
    TOKENS,
    CallCost,
    call_cost,
    cheap_baseline,
    hosted_worth,
    nodes,
)
from harness_reports.business.market import Market
from harness_reports.business.worth import DRAWS
from harness_reports.explain.business import Case, unit_error, viability_figures
from harness_reports.explain.market import figure, known, requests, uncertain
from harness_reports.explain.years import PER_REQUEST, USD, drawn, flows_of, present_value
from harness_reports.figures.explained import Explained, named
from harness_reports.measured.quality_figures import quality_share

_RISK = ("npv_mean_usd", "npv_low_usd", "npv_p50_usd", "npv_high_usd", "probability_positive")
_MONEY = ("unit_serving_usd", "unit_error_usd", "upfront_usd", "npv_usd", *_RISK)
_NODES = (
    "first_break_even_requests_per_month", "nodes_at_break_even", "always_cheaper_above_requests_per_month",
)  # fmt: skip


class Instead(NamedTuple):
    """What stands behind one row."""

    case: Case
    row: Mapping[str, Any]


def alternatives_figures(own: Instead) -> dict[str, Explained]:
    """Return the figures of a row of the alternatives table by column."""
    row, candidates = own.row, own.case.candidates
    best = viability_figures(own.case.of(candidates.best))
    baseline = cheap_baseline(candidates)
    if row["alternative"] == "hosted":
        found = _hosted(own, best)
    elif row["alternative"] == "nothing":
        found = _nothing(row)
    elif row["alternative"] == "baseline" and baseline is not None:
        found = viability_figures(own.case.of(baseline))
    else:
        found = best
    undercut = {name: Explained(name, None, note="only calls of a hosted model are held to whole machines")
                for name in _NODES}  # fmt: skip
    monthly = Explained("requests_per_month", row["requests_per_month"], "per month", f"requests_per_year / {MONTHS}",
                        inputs=(requests(candidates.market),))  # fmt: skip
    shown = undercut | {name: each for name, each in found.items() if name in ("quality", *_MONEY, *_NODES)}
    return shown | {each.name: each for each in (monthly, _better(row, shown["npv_mean_usd"], best["npv_mean_usd"]))}


def _better(row: Mapping[str, Any], mean: Explained, than: Explained) -> Explained:
    name, value = "better_than_candidate", row["better_than_candidate"]
    if value is None:
        own = row["alternative"] == "candidate"
        return Explained(name, None, note="it is the candidate" if own else "one of the two has no known value")
    note = f"the share of {DRAWS:,} draws of the market in which it is worth more than the candidate"
    if row["alternative"] == "baseline":
        note += "; with the candidate's quality, where the two cannot be told apart in it"
    return Explained(name, value, note=note, inputs=(mean, named(than, "candidate_npv_mean_usd")))


def _nothing(row: Mapping[str, Any]) -> dict[str, Explained]:
    note = "nothing is done: it costs nothing and brings nothing"
    return {name: Explained(name, row[name], note=note) for name in ("quality", *_MONEY)}


# Hosted models ----------------------------------------------------------------------------------------------------


def _hosted(own: Instead, best: Mapping[str, Explained]) -> dict[str, Explained]:
    candidates, row = own.case.candidates, own.row
    market, chosen = candidates.market, own.case.of(candidates.best)
    price = call_cost(market, row["hosted_model"])
    business = hosted_worth(candidates, candidates.best, price).business
    assumed = figure(market, "hosted_quality", "quality") if "hosted_quality" in market.numbers else best["quality"]
    quality = replace(assumed, value=row["quality"])
    upfront = Explained("upfront_usd", row["upfront_usd"], USD, "upfront_cost_usd", note="nothing is trained",
                        inputs=(figure(market, "upfront_cost_usd"),))  # fmt: skip
    serving = _call(market, row, price)
    flows = flows_of(market, business, upfront, "api_price_decline_per_year")
    figures = (
        quality, serving, unit_error(market, row["unit_error_usd"], quality_share(chosen.graded, quality)), upfront,
        present_value(market, row["npv_usd"], flows),
        *drawn(row, uncertain(market, {"quality": quality}), _RISK), *_undercut(own, serving),
    )  # fmt: skip
    return {each.name: each for each in figures}


def _call(market: Market, row: Mapping[str, Any], price: CallCost) -> Explained:
    source = f"genai-prices for {row['hosted_model']} as of {row['price_as_of']}, {row['price_terms']}"
    rates = tuple(
        Explained(name, usd, "USD per token", note="of a call of the usual size", source=source, kind="price")
        for name, usd in zip(("usd_per_input_token", "usd_per_output_token"), price.usd_per_token, strict=True)
    )
    formula = f"usd_per_input_token * {TOKENS[0]} + usd_per_output_token * {TOKENS[1]}"
    return Explained("unit_serving_usd", row["unit_serving_usd"], PER_REQUEST, formula,
                     inputs=(*rates, *known(market, *TOKENS).values()))  # fmt: skip


def _undercut(own: Instead, serving: Explained) -> list[Explained]:
    """Return from which volume on whole machines of the candidate's kind cost no more than calls."""
    row, parts = own.row, (*_machines(own), named(serving, "usd_per_call"))
    first, count, always = _NODES
    if row[first] is None:
        note = "at no volume do whole machines cost less than calls"
        return [Explained(name, None, note=note, inputs=parts) for name in _NODES]
    needed = Explained(count, row[count], note="the fewest whole machines that at their full load cost no more than "
                       "calls", inputs=parts)  # fmt: skip
    note = "where the last machine that is dearer than calls when it is added has paid for itself; none where one is"
    note += " added at no gain for ever"
    return [
        needed,
        Explained(first, row[first], "per month",
                  "(nodes_at_break_even * node_usd_per_month + fixed_usd_per_month) / usd_per_call",
                  inputs=(replace(needed, inputs=(), note="a figure of its own in this row"), *parts)),
        Explained(always, row[always], "per month", note=note, inputs=parts),
    ]  # fmt: skip


def _machines(own: Instead) -> tuple[Explained, ...]:
    market, best = own.case.candidates.market, own.case.candidates.best
    chosen = viability_figures(own.case.of(best))
    found = nodes(market, best)
    hourly, serving = chosen["measuring_usd"], named(chosen["unit_serving_usd"], "candidate_serving_usd")
    hourly = named(hourly, "usd_per_hour")
    trained = (chosen["upfront_usd"], figure(market, "upfront_cost_usd"), figure(market, "years"))
    tuned = known(market, "retrainings_per_year")
    return (
        Explained("node_usd_per_month", found.usd_per_month, USD, f"usd_per_hour * {HOURS_PER_MONTH}",
                  note="every hour is paid", inputs=(hourly,)),
        Explained("node_requests_per_month", found.requests_per_month, "per month",
                  f"usd_per_hour / candidate_serving_usd * {HOURS_PER_MONTH}", inputs=(hourly, serving)),
        Explained("fixed_usd_per_month", found.fixed_usd_per_month, USD, note="trainings, which are upfront_usd less "
                  "upfront_cost_usd, over the months of its years; and a month's share of fine-tuning and evaluating "
                  "again", inputs=(*trained, *tuned.values())),
    )  # fmt: skip
