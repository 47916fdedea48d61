"""The cost of serving a use case's demand on whole machines, idle time included, rented and owned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from harness.errors import FactError
from harness.facts import UseCase
from harness.records import Record
from harness_reports.business.business import Business, years_of
from harness_reports.business.capacity import Capacity, unserved
from harness_reports.business.evidence import Evidence, gather
from harness_reports.business.explained_row import ExplainedRow
from harness_reports.business.market import Market, check_overrides, read_market
from harness_reports.business.market_figures import figure, requests
from harness_reports.business.request import error_figure, per_right_answer, review_figure
from harness_reports.business.supply import Machines
from harness_reports.business.supply_figures import YEARLY, answer_figure, demand_figures, supply_figures
from harness_reports.economics.appraisal import levelised_cost_usd_per_1k
from harness_reports.economics.distributions import Fixed
from harness_reports.figures.explained import Explained, derived, values
from harness_reports.measured.lineage import KEYS
from harness_reports.measured.quality_figures import quality_share
from harness_reports.prices.cost_figures import named_note
from harness_reports.prices.pricing import OWN, Pricing
from harness_reports.prices.usage import Bill
from harness_reports.reasons import Reason, Reasons, as_text

SERVING = (
    "use_case", "title", *KEYS, "view", "buying", "requests_per_year", "peak_factor", "requests_per_s", "peak_per_s",
    "needed_latency_s", "scenario", "batch_size", "samples_per_s", "answer_s", "replicas", "utilisation",
    "usd_per_hour", "usd_per_year", "idle_usd_per_year", "energy_usd_per_year", "usd_per_1k_requests",
    "usd_per_correct_answer", "levelised_usd_per_1k", "energy_j_per_1k", "energy_kind", "co2e_g_per_1k", "note",
    "price_offer", "price_as_of", "price_stale", "price_source",
)  # fmt: skip
_ENERGY = ("energy_j_per_1k", "co2e_g_per_1k")
_PAID = (
    "samples_per_s", "answer_s", "replicas", "utilisation", "usd_per_hour", "usd_per_year", "energy_usd_per_year",
    "idle_usd_per_year", "usd_per_1k_requests", "usd_per_correct_answer", "levelised_usd_per_1k",
)  # fmt: skip
_RENTED, _OWNED = "rented", "owned"


def serving(
    records: Sequence[Record],
    pricing: Pricing,
    use_cases: Mapping[str, UseCase] | Iterable[UseCase],
    overrides: Mapping[str, float] | None = None,
    owned: Pricing | None = None,
) -> pd.DataFrame:
    """Return the cost of each use case's demand with each candidate on whole machines, rented and owned.

    Demand is that of a steady-state year, retries included; the busiest hour has `peak_factor` times the mean hour's.
    `replicas` is the number of machines that bear the busiest hour (`capacity.py`); with a latency objective 99 of 100
    requests are answered in time, waiting included, and `answer_s` is that percentile: at the highest rate that was
    measured under load within the limit, else computed from single requests and batches; `note` says which. `buying`
    says how machines are paid: `machines` whole and every hour, `shared` by the part that is needed, `elastic` per
    second of use.
    `utilisation` is the mean load over the measured throughput of the machines, `idle_usd_per_year` the cost of the
    idle time. Viability and alternatives have the same costs. `usd_per_correct_answer` includes retries, review and
    errors. `levelised_usd_per_1k` is the price of 1,000 requests, the same in all years, at which the net present value
    is 0, with trainings, staff, energy and idle machines. A model whose calls are paid by the token has one row,
    `buying` being `calls`: whoever serves it has the machines, so there are none to count.

    Args:
        records: the measurements.
        pricing: prices of the rented view; of the only view if all these machines are owned.
        use_cases: use cases; those whose tasks were not measured give no row.
        overrides: figure → the reader's value.
        owned: prices of the owned view; a machine without one has no such row.

    Raises:
        FactError: as `viability`.
    """
    cases = list(use_cases.values() if isinstance(use_cases, Mapping) else use_cases)
    check_overrides(cases, overrides or {})
    views = views_of(pricing, owned)
    rows: list[dict[str, Any]] = []
    evidence = gather(records, pricing)
    for case in cases:
        market = read_market(case, overrides or {})
        for candidate in evidence:
            if case.covers(candidate.key.task, candidate.key.data):
                rows += [as_text(plan.row) for plan in plans(market, candidate, views)]
    return pd.DataFrame(rows, columns=list(SERVING))


@dataclass(frozen=True)
class PriceView:
    """Prices of rented or of owned machines."""

    name: str
    pricing: Pricing


def views_of(pricing: Pricing, owned: Pricing | None) -> list[PriceView]:
    """Return the rented view, and the owned one if there are prices for it."""
    return [PriceView(_RENTED, pricing), *([PriceView(_OWNED, owned)] if owned else [])]


def plans(market: Market, candidate: Evidence, views: Sequence[PriceView]) -> list[ExplainedRow]:
    """Return the rows of one candidate in one market."""
    rows = [_plan(market, candidate, view) for view in views]
    # If all prices are of owned machines, both views are the same: one row.
    return list({each.row["view"]: each for each in rows if each is not None}.values())


def _plan(market: Market, candidate: Evidence, view: PriceView) -> ExplainedRow | None:
    try:
        priced = candidate.priced(view.pricing)
    except FactError:
        if view.name == _OWNED:
            return None  # the cost of owning it is unknown; the rented view has a row
        raise
    if priced.bill is not None:
        return _of_calls(market, priced, priced.bill) if view.name == _RENTED else None
    capacity, business = priced.capacity(market), priced.business(market)
    figures = _figures(market, priced, business)
    price = view.pricing.price(candidate.measured.machine)
    row = {
        **dict.fromkeys(SERVING), "use_case": market.use_case.name, "title": market.use_case.title,
        **{name: candidate.accuracy[name] for name in KEYS}, "needed_latency_s": market.latency_s,
        "energy_kind": candidate.cost["energy_kind"], **values(figures), "buying": priced.buying,
        "scenario": capacity and capacity.serving.scenario, "batch_size": capacity and capacity.serving.batch_size,
        "note": _note(market, capacity, priced), "view": _OWNED if price.provider == OWN else view.name,
        "price_offer": price.offer, "price_as_of": price.as_of.isoformat(),
        "price_stale": view.pricing.stale(price), "price_source": price.source,
    }  # fmt: skip
    return ExplainedRow(row, figures)


def _of_calls(market: Market, candidate: Evidence, bill: Bill) -> ExplainedRow:
    """Return the row of a served model: its calls are paid, and whoever serves it has the machines."""
    figures = _figures(market, candidate, candidate.business(market))
    row = {
        **dict.fromkeys(SERVING), "use_case": market.use_case.name, "title": market.use_case.title,
        **{name: candidate.accuracy[name] for name in KEYS}, "needed_latency_s": market.latency_s, **values(figures),
        "note": bill.gap or Reasons([Reason("paid by the call"), *bill.caveats]), "view": _RENTED,
        "buying": candidate.buying,
        **{name: candidate.cost[name] for name in ("price_offer", "price_as_of", "price_stale", "price_source")},
    }  # fmt: skip
    return ExplainedRow(row, figures)


def _note(market: Market, capacity: Capacity | None, candidate: Evidence) -> Reasons | None:
    reasons = (_unserved(market, capacity, candidate), named_note(candidate.measured, candidate.pricing))
    return Reasons(reason for reason in reasons if reason) or None


def _unserved(market: Market, capacity: Capacity | None, candidate: Evidence) -> Reason | None:
    if capacity is None:
        return unserved(candidate.measured, market.latency_s) or Reason("serving unknown")
    if market.latency_s is not None and capacity.limit_s is None:
        return Reason("latency out of reach", {"limit_s": market.latency_s})
    return capacity.basis


def _figures(market: Market, candidate: Evidence, business: Business | None) -> dict[str, Explained]:
    """Return the figures of a row, by column."""
    shared = {name: candidate.figures[name] for name in _ENERGY}
    shared["needed_latency_s"] = figure(market, "latency_s", "needed_latency_s")
    if business is None:
        unknown = {name: Explained(name, None, note="a measurement that it needs is missing") for name in _PAID}
        return shared | demand_figures(market, requests(market)) | unknown
    served = supply_figures(market, business, candidate.figures, requests(market))
    if isinstance(business.supply, Machines):
        served["answer_s"] = answer_figure(business.supply, served["peak_per_s"], served["replicas"])
    figures = shared | served | _unit_costs(market, candidate, business, served)
    absent = {name: Explained(name, None, note="no whole machines are paid") for name in _PAID if name not in figures}
    return {name: figure for name, figure in (figures | absent).items() if name in SERVING}


def _unit_costs(
    market: Market, candidate: Evidence, business: Business, served: Mapping[str, Explained]
) -> dict[str, Explained]:
    """Return the cost per request, per right answer, and levelised over the years, idle time included."""
    yearly, energy, volume = served[YEARLY], served["energy_usd_per_year"], served["requests_per_year"]
    used = served.get("utilisation")
    idle = [] if used is None else [
        derived("idle_usd_per_year", "USD", f"{YEARLY} * (1 - utilisation)", yearly, used)
    ]  # fmt: skip
    name, unit = "usd_per_1k_requests", "USD per 1,000 requests"
    unit_cost = (
        derived(name, unit, f"({YEARLY} + energy_usd_per_year) / requests_per_year * 1000", yearly, energy, volume)
        if volume.value
        else Explained(name, None, unit, note="there is no demand", inputs=(yearly, volume))
    )
    share = quality_share(candidate.quality)
    error, review = error_figure(market, share), review_figure(market)
    right = "usd_per_1k_requests / 1000 + unit_error_usd + unit_review_usd"
    answer = per_right_answer(market, unit_cost, share, right, error, review)
    levelised = Explained(
        "levelised_usd_per_1k", levelised_usd(business) if volume.value else None, unit,
        inputs=(unit_cost, error, review, figure(market, "discount_rate")), note="discounted cost over discounted "
        "requests, times 1,000: training, development, operating cost, retraining, machines, energy, errors and "
        "review, year by year; at this price in every year the net present value is 0",
    )  # fmt: skip
    return {each.name: each for each in (*idle, unit_cost, answer, levelised)}


def levelised_usd(business: Business) -> float:
    """Return the price of 1,000 requests, the same in all years, at which the base case's net present value is 0."""
    free = replace(business, market={**business.market, "value_per_request_usd": Fixed(0.0)})
    rate = business.market["discount_rate"].mean
    costs = [-flow for flow in free.flows_usd()]
    units = [float(year.requests[0]) for year in years_of(business.means, business.years)]
    return levelised_cost_usd_per_1k(costs[0], costs[1:], units, rate)
