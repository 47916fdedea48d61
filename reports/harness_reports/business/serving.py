"""The cost of serving a use case's demand on whole machines, idle time included, rented and owned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from harness.errors import FactError
from harness.facts import UseCase
from harness.records import Record
from harness_reports.business.business import Business, market_sums, tuning_usd
from harness_reports.business.capacity import PLANNED_LOAD, Fleet, Point, curve, fleet
from harness_reports.business.evidence import Evidence, gather
from harness_reports.business.explained_row import ExplainedRow
from harness_reports.business.market import Market, check_overrides, read_market
from harness_reports.business.market_figures import figure, requests
from harness_reports.business.request import error_figure, per_right_answer, review_figure
from harness_reports.economics.distributions import Fixed
from harness_reports.figures.explained import Explained, derived, values
from harness_reports.measured import readings as leaf
from harness_reports.measured.lineage import KEYS
from harness_reports.measured.quality_figures import quality_share
from harness_reports.prices.price_figures import hourly
from harness_reports.prices.pricing import OWN, Pricing
from harness_reports.reasons import Reason, as_text

SERVING = (
    "use_case", "title", *KEYS, "view", "requests_per_year", "peak_factor", "requests_per_s", "peak_per_s",
    "needed_latency_s", "scenario", "batch_size", "samples_per_s", "answer_s", "replicas", "replicas_erlang_c",
    "utilisation", "usd_per_hour", "usd_per_year", "idle_usd_per_year", "usd_per_1k_requests", "usd_per_correct_answer",
    "levelised_usd_per_1k", "energy_j_per_1k", "energy_kind", "co2e_g_per_1k", "note", "price_offer", "price_as_of",
    "price_source",
)  # fmt: skip
HOURS_PER_YEAR = 8766
"""Of a mean year, leap years included."""
_ENERGY = ("energy_j_per_1k", "co2e_g_per_1k")
_PAID = (
    "samples_per_s", "answer_s", "replicas", "replicas_erlang_c", "utilisation", "usd_per_hour", "usd_per_year",
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
    `replicas` comes from the measured throughput-latency curve (`capacity.py`), at the fastest point that meets the
    latency objective; `replicas_erlang_c` is an upper bound. All hours of the year are paid: `utilisation` is the mean
    load over the measured throughput of the machines, `idle_usd_per_year` the cost of the idle time.
    `usd_per_correct_answer` includes retries, review and errors. `levelised_usd_per_1k` is the price of 1,000 requests
    at which the net present value is 0, with trainings, staff and idle machines.

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
    points = curve(candidate.measured.servings)
    demand = _demand(market)
    mean, peak = (demand[name].value for name in ("requests_per_s", "peak_per_s"))
    machines = fleet(points, mean, peak, market.latency_s)
    shared = demand | {name: candidate.figures[name] for name in _ENERGY}
    row = {
        **dict.fromkeys(SERVING), "use_case": market.use_case.name, "title": market.use_case.title,
        **{name: candidate.accuracy[name] for name in KEYS}, "needed_latency_s": market.latency_s,
        "energy_kind": candidate.cost["energy_kind"], **values(shared),
    }  # fmt: skip
    shared["needed_latency_s"] = figure(market, "latency_s", "needed_latency_s")
    if machines is None:
        note = _missed(points, market.latency_s)
        unknown = {name: Explained(name, None, note=str(note)) for name in _PAID}
        return [ExplainedRow(row | {"view": views[0].name, "note": note}, shared | unknown)]
    plan = ExplainedRow(row | _point_cells(machines), shared)
    priced = [_priced(plan, market, candidate, machines, view) for view in views]
    # If all prices are of owned machines, both views are the same: one row.
    return list({each.row["view"]: each for each in priced if each is not None}.values())


def _demand(market: Market) -> dict[str, Explained]:
    yearly, factor = requests(market), figure(market, "peak_factor")
    mean = derived("requests_per_s", "1/s", f"requests_per_year * (1 + retry_share) / ({HOURS_PER_YEAR} * 3600)",
                   yearly, figure(market, "retry_share"))  # fmt: skip
    peak = derived("peak_per_s", "1/s", "requests_per_s * peak_factor", mean, factor)
    return {each.name: each for each in (yearly, factor, mean, peak)}


def _missed(points: Sequence[Point], limit_s: float | None) -> Reason:
    if not points:
        return Reason("serving unknown")
    fastest = min(point.answer_s for point in points)
    return Reason("latency out of reach", {"limit_s": limit_s, "fastest_s": fastest})


def _point_cells(machines: Fleet) -> dict[str, Any]:
    note = None
    if machines.erlang_c is not None and machines.erlang_c > machines.replicas:
        note = Reason("queue needs more", {"replicas": machines.erlang_c})
    return {"scenario": machines.point.scenario, "batch_size": machines.point.batch_size, "note": note}


def _priced(
    plan: ExplainedRow, market: Market, candidate: Evidence, machines: Fleet, view: PriceView
) -> ExplainedRow | None:
    try:
        price = view.pricing.price(candidate.measured.machine)
    except FactError:
        if view.name == _OWNED:
            return None  # the cost of owning it is unknown; the rented view has a row
        raise
    sizing = _machines(plan.figures, market, candidate, machines)
    paid = sizing | _paid(plan.figures, sizing, hourly(candidate.measured.machine, view.pricing))
    figures = paid | _whole(market, candidate, paid["usd_per_1k_requests"])
    row = plan.row | values(figures) | {
        "view": _OWNED if price.provider == OWN else view.name, "price_offer": price.offer,
        "price_as_of": price.as_of.isoformat(), "price_source": price.source,
    }  # fmt: skip
    return ExplainedRow(row, plan.figures | figures)


def _machines(
    demand: Mapping[str, Explained], market: Market, candidate: Evidence, machines: Fleet
) -> dict[str, Explained]:
    """Return the number of machines and their utilisation."""
    point = machines.point
    served = next(each for each in candidate.measured.servings
                  if (each.scenario, each.batch_size) == (point.scenario, point.batch_size))  # fmt: skip
    speed, peak = served.speed, demand["peak_per_s"]
    source = "; ".join(f"latency_s of {leaf.who(each)}" for each in served.leaves)
    load = "100%" if market.latency_s is None else f"{PLANNED_LOAD:.0%}"
    replicas = Explained("replicas", machines.replicas, note="the fewest whole machines that answer peak_per_s at "
                         f"{load} of samples_per_s each", inputs=(peak, speed))  # fmt: skip
    figures = (
        speed, replicas,
        Explained("answer_s", point.answer_s, "s", source=source, kind="measured",
                  note="two batch times, 99th percentile: the batch under way and the request's own"),
        Explained("replicas_erlang_c", machines.erlang_c, note="the fewest servers of an M/M/c queue of single "
                  "requests in which 99 of 100 meet the limit", inputs=(peak,)),
        derived("utilisation", "", "requests_per_s / (replicas * samples_per_s)", demand["requests_per_s"], replicas,
                speed),
    )  # fmt: skip
    return {each.name: each for each in figures}


def _paid(demand: Mapping[str, Explained], machines: Mapping[str, Explained], hour: Explained) -> dict[str, Explained]:
    """Return the cost of the machines."""
    yearly = derived("usd_per_year", "USD", f"usd_per_hour * replicas * {HOURS_PER_YEAR}", hour, machines["replicas"],
                     note="every hour is paid, idle or not")  # fmt: skip
    volume, name, unit = demand["requests_per_year"], "usd_per_1k_requests", "USD per 1,000 requests"
    unit_cost = (
        derived(name, unit, "usd_per_year / requests_per_year * 1000", yearly, volume)
        if volume.value
        else Explained(name, None, unit, note="there is no demand", inputs=(yearly, volume))
    )
    idle = derived("idle_usd_per_year", "USD", "usd_per_year * (1 - utilisation)", yearly, machines["utilisation"])
    return {figure.name: figure for figure in (hour, yearly, idle, unit_cost)}


def _whole(market: Market, candidate: Evidence, unit_cost: Explained) -> dict[str, Explained]:
    """Return the cost per right answer and the levelised cost, idle machines included."""
    business, share = candidate.business(market), quality_share(candidate.quality)
    error, review = error_figure(market, share), review_figure(market)
    cost = unit_cost if business is not None else replace(unit_cost, value=None)
    answer = per_right_answer(market, cost, share, "usd_per_1k_requests / 1000 + unit_error_usd + unit_review_usd",
                              error, review)  # fmt: skip
    note = (
        "discounted cost over discounted requests, times 1,000: training, development, operating cost, retraining, "
        "these machines, errors and review; at this price the net present value is 0"
    )
    value = None if cost.value is None or business is None else _levelised(business, market, cost.value / 1000)
    levelised = Explained("levelised_usd_per_1k", value, "USD per 1,000 requests", note=note,
                          inputs=(unit_cost, error, review, figure(market, "discount_rate")))  # fmt: skip
    return {answer.name: answer, levelised.name: levelised}


def _levelised(business: Business, market: Market, serving_usd: float) -> float:
    """Return discounted cost over discounted requests, times 1,000."""
    # The machines are sized for retries, so their cost holds them: `Business.serving_usd` must not add them again.
    once = serving_usd / (1 + market.numbers["retry_share"])
    measured = {**business.measured, "serving_usd_per_request": Fixed(once)}
    measured.pop("energy_j_per_request", None)
    paid = replace(business, measured=measured)
    drawn = paid.means
    sums = market_sums(drawn, paid.years)
    cost = paid.serving_usd(drawn) * sums.requests_at_cost + paid.answer_usd(drawn) * sums.requests
    cost = cost + sums.operating_cost_usd + sums.retrainings * tuning_usd(drawn) + paid.upfront_usd(drawn)
    return float((cost / sums.requests)[0]) * 1000
