"""What it costs to serve a use case's demand: whole machines, idle time paid, rented beside owned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pandas as pd

from harness.errors import FactError
from harness.facts import UseCase
from harness.records import Record
from harness_reports.business.business import Business, market_sums, tuning_usd
from harness_reports.business.capacity import PLANNED_LOAD, Fleet, Point, curve, fleet
from harness_reports.business.evidence import Evidence, gather
from harness_reports.business.market import Market, read_market
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
    """Return for each use case and candidate what its demand costs on whole machines, rented and owned.

    Demand is that of a year once everybody has adopted, retries included; the busiest hour has `peak_factor` times the
    mean one. `replicas` are read off the measured throughput-latency curve (`capacity.py`), at the fastest point that
    keeps the needed latency; `replicas_erlang_c` is the upper check. All hours of the year are paid: `utilisation` is
    the mean load over what the machines were measured to do, `idle_usd_per_year` what the rest of the time costs.
    `usd_per_correct_answer` has retries, checking and the cost of errors in it; `levelised_usd_per_1k` is the price of
    1,000 requests at which the use case is worth 0 over its life, trainings, staff and idle machines included.

    Args:
        records: what was measured.
        pricing: the prices of the rented view; of the only one, where these machines are the reader's own.
        use_cases: needs and markets; those whose tasks were not measured give no row.
        overrides: figure → value that the reader puts in its place.
        owned: the prices of the owned view; machines without one have no such row, and `note` says so.

    Raises:
        FactError: as `viability`.
    """
    cases = use_cases.values() if isinstance(use_cases, Mapping) else use_cases
    views = views_of(pricing, owned)
    rows: list[dict[str, Any]] = []
    evidence = gather(records, pricing)
    for case in cases:
        market = read_market(case, overrides or {})
        for own in evidence:
            if case.covers(own.key.task, own.key.data):
                rows += [as_text(plan.row) for plan in plans(market, own, views)]
    return pd.DataFrame(rows, columns=list(SERVING))


@dataclass(frozen=True)
class PriceView:
    """Whose machines are priced."""

    name: str
    pricing: Pricing


def views_of(pricing: Pricing, owned: Pricing | None) -> list[PriceView]:
    """Return the views that there are."""
    return [PriceView(_RENTED, pricing), *([PriceView(_OWNED, owned)] if owned else [])]


class ServingPlan(NamedTuple):
    """A row of the serving table, and its figures by column."""

    row: dict[str, Any]
    figures: dict[str, Explained]


def plans(market: Market, own: Evidence, views: Sequence[PriceView]) -> list[ServingPlan]:
    """Return the rows of one candidate in one market."""
    points = curve(own.measured.servings)
    demand = _demand(market)
    mean, peak = (demand[name].value for name in ("requests_per_s", "peak_per_s"))
    found = fleet(points, mean, peak, market.latency_s)
    shared = demand | {name: own.figures[name] for name in _ENERGY}
    row = {
        **dict.fromkeys(SERVING), "use_case": market.use_case.name, "title": market.use_case.title,
        **{name: own.accuracy[name] for name in KEYS}, "needed_latency_s": market.latency_s,
        "energy_kind": own.cost["energy_kind"], **values(shared),
    }  # fmt: skip
    shared["needed_latency_s"] = figure(market, "latency_s", "needed_latency_s")
    if found is None:
        note = _unkept(points, market.latency_s)
        unknown = {name: Explained(name, None, note=str(note)) for name in _PAID}
        return [ServingPlan(row | {"view": views[0].name, "note": note}, shared | unknown)]
    rows = [_priced(ServingPlan(row | _chosen(found), shared), market, own, found, view) for view in views]
    known = {each.row["view"]: each for each in rows if each is not None}  # all machines are their own: one row
    return list(known.values())


def _demand(market: Market) -> dict[str, Explained]:
    asked, factor = requests(market), figure(market, "peak_factor")
    mean = derived("requests_per_s", "1/s", f"requests_per_year * (1 + retry_share) / ({HOURS_PER_YEAR} * 3600)",
                   asked, figure(market, "retry_share"))  # fmt: skip
    peak = derived("peak_per_s", "1/s", "requests_per_s * peak_factor", mean, factor)
    return {each.name: each for each in (asked, factor, mean, peak)}


def _unkept(points: Sequence[Point], limit_s: float | None) -> Reason:
    if not points:
        return Reason("serving unknown")
    fastest = min(point.answer_s for point in points)
    return Reason("latency out of reach", {"limit_s": limit_s, "fastest_s": fastest})


def _chosen(found: Fleet) -> dict[str, Any]:
    note = None
    if found.erlang_c is not None and found.erlang_c > found.replicas:
        note = Reason("queue needs more", {"replicas": found.erlang_c})
    return {"scenario": found.point.scenario, "batch_size": found.point.batch_size, "note": note}


def _priced(plan: ServingPlan, market: Market, own: Evidence, found: Fleet, view: PriceView) -> ServingPlan | None:
    machine = own.measured.machine
    try:
        price = view.pricing.price(machine)
    except FactError:
        if view.name == _OWNED:
            return None  # nobody knows what it costs to own; the rented view is there
        raise
    machines = _machines(plan.figures, market, own, found)
    paid = machines | _paid(plan.figures, machines, hourly(machine, view.pricing))
    figures = paid | _whole(market, own, paid["usd_per_1k_requests"])
    row = plan.row | values(figures) | {
        "view": _OWNED if price.provider == OWN else view.name, "price_offer": price.offer,
        "price_as_of": price.as_of.isoformat(), "price_source": price.source,
    }  # fmt: skip
    return ServingPlan(row, plan.figures | figures)


def _machines(demand: Mapping[str, Explained], market: Market, own: Evidence, found: Fleet) -> dict[str, Explained]:
    """Return how many machines are needed, and how busy they are."""
    served = next(each for each in own.measured.servings
                  if (each.scenario, each.batch_size) == (found.point.scenario, found.point.batch_size))  # fmt: skip
    leaves, speed, peak = served.leaves, served.speed, demand["peak_per_s"]
    source = "; ".join(f"latency_s of {leaf.who(each)}" for each in leaves)
    load = "all" if market.latency_s is None else f"{PLANNED_LOAD:.0%}"
    replicas = Explained("replicas", found.replicas, note="the fewest whole machines that answer peak_per_s at "
                         f"{load} of samples_per_s each", inputs=(peak, speed))  # fmt: skip
    figures = (
        speed, replicas,
        Explained("answer_s", found.point.answer_s, "s", source=source, kind="measured",
                  note="two batches at their slow end: one under way, and its own"),
        Explained("replicas_erlang_c", found.erlang_c, note="the fewest servers of single requests with which 99 of "
                  "100 wait no longer than the limit leaves (M/M/c)", inputs=(peak,)),
        derived("utilisation", "", "requests_per_s / (replicas * samples_per_s)", demand["requests_per_s"], replicas,
                speed),
    )  # fmt: skip
    return {each.name: each for each in figures}


def _paid(demand: Mapping[str, Explained], machines: Mapping[str, Explained], hour: Explained) -> dict[str, Explained]:
    """Return what the machines cost."""
    yearly = derived("usd_per_year", "USD", f"usd_per_hour * replicas * {HOURS_PER_YEAR}", hour, machines["replicas"],
                     note="every hour is paid, idle or not")  # fmt: skip
    asked, name, unit = demand["requests_per_year"], "usd_per_1k_requests", "USD per 1,000 requests"
    each = (
        derived(name, unit, "usd_per_year / requests_per_year * 1000", yearly, asked)
        if asked.value
        else Explained(name, None, unit, note="nothing is asked", inputs=(yearly, asked))
    )
    idle = derived("idle_usd_per_year", "USD", "usd_per_year * (1 - utilisation)", yearly, machines["utilisation"])
    return {figure.name: figure for figure in (hour, yearly, idle, each)}


def _whole(market: Market, own: Evidence, each: Explained) -> dict[str, Explained]:
    """Return what an answer costs with all that hangs on it, idle machines included."""
    business, share = own.business(market), quality_share(own.quality)
    error, review = error_figure(market, share), review_figure(market)
    cost = each if business is not None else replace(each, value=None)
    answer = per_right_answer(market, cost, share, "usd_per_1k_requests / 1000 + unit_error_usd + unit_review_usd",
                              error, review)  # fmt: skip
    note = (
        "discounted cost over discounted requests, times 1,000: trainings and development, operating cost, retraining, "
        "these machines, and answers; at this price the use case is worth 0"
    )
    value = None if cost.value is None or business is None else _levelised(business, market, cost.value / 1000)
    levelised = Explained("levelised_usd_per_1k", value, "USD per 1,000 requests", note=note,
                          inputs=(each, error, review, figure(market, "discount_rate")))  # fmt: skip
    return {answer.name: answer, levelised.name: levelised}


def _levelised(business: Business, market: Market, serving_usd: float) -> float:
    """Return discounted cost over discounted requests, times 1,000: the quantity is discounted too."""
    retried = 1 + market.numbers["retry_share"]  # paid for by the machines already: not twice
    measured = {**business.measured, "serving_usd_per_request": Fixed(serving_usd / retried)}
    measured.pop("energy_j_per_request", None)
    paid = replace(business, measured=measured)
    drawn = paid.means
    sums = market_sums(drawn, paid.years)
    spent = paid.serving_usd(drawn) * sums.requests_at_cost + paid.answer_usd(drawn) * sums.requests
    spent = spent + sums.operating_cost_usd + sums.retrainings * tuning_usd(drawn) + paid.upfront_usd(drawn)
    return float((spent / sums.requests)[0]) * 1000
