"""What it costs to serve a use case's demand: whole machines, idle time paid, rented beside owned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from harness.errors import FactError
from harness.facts import UseCase
from harness.records import Record
from harness_reports.business.business import Business, market_sums, review_usd, tuning_usd
from harness_reports.business.capacity import Fleet, Point, curve, fleet
from harness_reports.business.evidence import Evidence, gather
from harness_reports.business.market import Market, read_market
from harness_reports.economics.distributions import Fixed
from harness_reports.measured.lineage import KEYS
from harness_reports.prices.price_figures import hourly
from harness_reports.prices.pricing import OWN, Pricing

SERVING = (
    "use_case", "title", *KEYS, "view", "requests_per_year", "peak_factor", "requests_per_s", "peak_per_s",
    "needed_latency_s", "scenario", "batch_size", "samples_per_s", "answer_s", "replicas", "replicas_erlang_c",
    "utilisation", "usd_per_hour", "usd_per_year", "idle_usd_per_year", "usd_per_1k_requests", "usd_per_correct_answer",
    "levelised_usd_per_1k", "energy_j_per_1k", "energy_kind", "co2e_g_per_1k", "note", "price_offer", "price_as_of",
    "price_source",
)  # fmt: skip
PEAK_FACTOR = 3.0
"""Assumed where a use case says nothing: the busiest hour has three times the requests of the mean one."""
HOURS_PER_YEAR = 8766
_SECONDS_PER_YEAR = HOURS_PER_YEAR * 3600
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
            if own.key.task in case.tasks:
                rows += plans(market, own, views)
    return pd.DataFrame(rows, columns=list(SERVING))


@dataclass(frozen=True)
class View:
    """Whose machines are priced."""

    name: str
    pricing: Pricing


def views_of(pricing: Pricing, owned: Pricing | None) -> list[View]:
    """Return the views that there are."""
    return [View(_RENTED, pricing), *([View(_OWNED, owned)] if owned else [])]


def plans(market: Market, own: Evidence, views: Sequence[View]) -> list[dict[str, Any]]:
    """Return the rows of one candidate in one market."""
    points = curve(own.measured.servings)
    mean = market.requests_per_year * (1 + market.numbers.get("retry_share", 0.0)) / _SECONDS_PER_YEAR
    factor = market.numbers.get("peak_factor", PEAK_FACTOR)
    found = fleet(points, mean, mean * factor, market.latency_s)
    row = {
        **dict.fromkeys(SERVING), "use_case": market.use_case.name, "title": market.use_case.title,
        **{name: own.accuracy[name] for name in KEYS}, "requests_per_year": market.requests_per_year,
        "peak_factor": factor, "requests_per_s": mean, "peak_per_s": mean * factor,
        "needed_latency_s": market.latency_s,
        **{name: own.cost[name] for name in ("energy_j_per_1k", "energy_kind", "co2e_g_per_1k")},
    }  # fmt: skip
    if found is None:
        return [row | {"view": views[0].name, "note": _unkept(points, market.latency_s)}]
    rows = [_priced(row | _cells(found), market, own, found, view) for view in views]
    known = {each["view"]: each for each in rows if each is not None}  # whose machines are all their own: one row
    return list(known.values())


def _unkept(points: Sequence[Point], limit_s: float | None) -> str:
    if not points:
        return "Serving was not measured."
    fastest = min(point.answer_s for point in points)
    return (
        f"No measured load answers in {limit_s:g} s: the fastest takes {fastest:.3g} s, a batch under way included. "
        "Measure smaller batches, or another runtime."
    )


def _cells(found: Fleet) -> dict[str, Any]:
    note = None
    if found.erlang_c is not None and found.erlang_c > found.replicas:
        note = f"A queue of single requests would need {found.erlang_c}: measure under a load like the real one."
    return {
        "scenario": found.point.scenario, "batch_size": found.point.batch_size,
        "samples_per_s": found.point.samples_per_s, "answer_s": found.point.answer_s, "replicas": found.replicas,
        "replicas_erlang_c": found.erlang_c, "utilisation": found.utilisation, "note": note,
    }  # fmt: skip


def _priced(row: dict[str, Any], market: Market, own: Evidence, found: Fleet, view: View) -> dict[str, Any] | None:
    record = own.measured.machine
    try:
        price = view.pricing.price(record)
    except FactError:
        if view.name == _OWNED:
            return None  # nobody knows what it costs to own; the rented view is there
        raise
    name = _OWNED if price.provider == OWN else view.name
    usd_per_hour = hourly(record, view.pricing).value
    yearly = usd_per_hour * found.replicas * HOURS_PER_YEAR
    each = yearly / market.requests_per_year if market.requests_per_year else None
    return row | {
        "view": name, "usd_per_hour": usd_per_hour, "usd_per_year": yearly,
        "idle_usd_per_year": yearly * max(0.0, 1 - found.utilisation),
        "usd_per_1k_requests": each and each * 1000, **_whole(market, own, each),
        "price_offer": price.offer, "price_as_of": price.as_of.isoformat(), "price_source": price.source,
    }  # fmt: skip


def _whole(market: Market, own: Evidence, serving_usd: float | None) -> dict[str, Any]:
    """Return what an answer costs with all that hangs on it, idle machines included."""
    business = own.business(market)
    if business is None or serving_usd is None:
        return {}
    retried = 1 + market.numbers.get("retry_share", 0.0)  # paid for by the machines already: not twice
    measured = {**business.measured, "serving_usd_per_request": Fixed(serving_usd / retried)}
    measured.pop("energy_j_per_request", None)
    paid = Business(business.market, measured, business.years, business.ceiling)
    drawn = paid.means
    answer = serving_usd + float((paid.error_usd(drawn) + review_usd(drawn))[0])
    return {
        "usd_per_correct_answer": own.per_right_answer_usd(market, answer),
        "levelised_usd_per_1k": _levelised(paid, drawn),
    }


def _levelised(business: Business, drawn: Mapping[str, np.ndarray]) -> float:
    """Return discounted cost over discounted requests, times 1,000: the quantity is discounted too."""
    sums = market_sums(drawn, business.years)
    spent = business.serving_usd(drawn) * sums.requests_at_cost + business.answer_usd(drawn) * sums.requests
    spent = spent + sums.upkeep_usd + sums.retrainings * tuning_usd(drawn) + business.upfront_usd(drawn)
    return float((spent / sums.requests)[0]) * 1000
