"""Whether a use case is worth the money with a candidate: needs, margin, net present value, and a verdict."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from harness.facts import UseCase
from harness.records import Record
from harness_reports.cost import cost_rows
from harness_reports.finance import break_even_requests, npv_usd
from harness_reports.lineage import KEYS, Candidate
from harness_reports.market import Market, read_market
from harness_reports.pricing import Pricing
from harness_reports.statistics import MINIMUM_ITEMS, MINIMUM_WINDOW_S, Promise, percentile, promise, window_s
from harness_reports.tables import accuracy_rows, pooled_latencies, served
from harness_reports.verdict import Facts, against_the_baseline, decide

VIABILITY = (
    "use_case", "title", *KEYS, "metric", "unit", "quality", "quality_low", "quality_high", "needed_quality",
    "latency_p99_s", "needed_latency_s", "latency_limit", "served_as", "unit_value_usd", "unit_serving_usd",
    "unit_error_usd", "unit_cost_usd", "unit_margin_usd", "requests_per_year", "break_even_requests", "upfront_usd",
    "yearly_usd", "npv_usd", "npv_low_usd", "npv_high_usd", "baseline", "against_baseline", "verdict", "reasons",
    "figures", "price_offer", "price_as_of", "price_source",
)  # fmt: skip


PRICED_AS = {
    "Offline": ("usd_per_1k_inferences", "usd_per_1k_low", "usd_per_1k_high"),
    "SingleStream": ("usd_per_1k_single_stream", "usd_per_1k_single_stream_low", "usd_per_1k_single_stream_high"),
}
"""Scenario → the cost columns of a use case served that way: point, low, high."""


def viability(
    records: Sequence[Record],
    pricing: Pricing,
    use_cases: Mapping[str, UseCase] | Iterable[UseCase],
    overrides: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Return one row for each use case and candidate that was evaluated on one of its tasks.

    A request earns `unit_value_usd` and costs its serving and, where a wrong answer has a price, the expected cost of
    errors: (1 - quality share) · cost per error, where the share is the metric's value over its ceiling. A use case
    that needs a latency pays for one request at a time, as its latency was measured; others pay for the cheapest
    Offline batch. Upfront is the training times `development_multiplier` (failed runs and trials) plus
    `upfront_cost_usd`, paid at t = 0; each year earns requests · margin - fixed cost at its end. `npv_low_usd` and
    `npv_high_usd` take the ends of the 95 % intervals of quality and serving cost together, the pessimist's and the
    optimist's corner. `break_even_requests` is per year: there the net present value is 0; None where a request earns
    nothing.

    Args:
        records: what was measured.
        pricing: the prices.
        use_cases: needs and markets; those whose tasks were not measured give no row.
        overrides: figure → value that the reader puts in its place, for every use case (`requests_per_year`, …).

    Raises:
        FactError: a figure that the calculation needs is missing or makes no sense, or hardware has no price.
    """
    cases = list(use_cases.values() if isinstance(use_cases, Mapping) else use_cases)
    measured = _measured(records, pricing)
    rows: list[dict[str, Any]] = []
    for case in cases:
        own = [each for each in measured if each.key.task in case.tasks]
        market = read_market(case, overrides or {}) if own else None
        rows += against_the_baseline([_row(market, each) for each in own]) if market else []
    return pd.DataFrame(rows, columns=list(VIABILITY))


@dataclass(frozen=True)
class _Measured:
    key: Candidate
    accuracy: dict[str, Any]
    cost: dict[str, Any]
    windows: dict[str, list[Record]]
    """Scenario → the records that are priced."""


def _measured(records: Sequence[Record], pricing: Pricing) -> list[_Measured]:
    costs = cost_rows(records, pricing)
    windows: dict[Candidate, dict[str, list[Record]]] = {}
    for key, scenario, batch_size, group in served(records):
        if scenario != "Offline" or batch_size == costs[key]["batch_size"]:
            windows.setdefault(key, {})[scenario] = [chain.leaf for chain in group]
    return [_Measured(key, row, costs[key], windows.get(key, {})) for key, row in accuracy_rows(records).items()]


def _row(market: Market, measured: _Measured) -> dict[str, Any]:
    business = _business(market, measured)
    limit = _limit(market, measured)
    facts = Facts(
        gaps=tuple(_gaps(measured, business, limit)), accuracy=measured.accuracy,
        needed_quality=market.quality, latency=limit, latency_limit_s=market.latency_s,
        margin_usd=business.point.margin_usd, npv_usd=business.npv_usd(business.point),
        npv_low_usd=business.npv_usd(business.pessimist), npv_high_usd=business.npv_usd(business.optimist),
        unmeasured_needs=market.unmeasured_needs,
    )  # fmt: skip
    verdict, reasons = decide(facts)
    return {
        "use_case": market.use_case.name, "title": market.use_case.title, **_quality(market, measured),
        **_latency(market, measured, limit), **_money(business), "npv_usd": facts.npv_usd,
        "npv_low_usd": facts.npv_low_usd, "npv_high_usd": facts.npv_high_usd, "verdict": verdict,
        "reasons": " ".join(reasons), "figures": market.provenance,
        **{name: measured.cost[name] for name in ("price_offer", "price_as_of", "price_source")},
    }  # fmt: skip


def _quality(market: Market, measured: _Measured) -> dict[str, Any]:
    row = measured.accuracy
    return {
        **{name: row[name] for name in (*KEYS, "metric", "unit", "baseline", "against_baseline")},
        "quality": row["value"], "quality_low": row["low"], "quality_high": row["high"],
        "needed_quality": market.quality,
    }  # fmt: skip


def _latency(market: Market, measured: _Measured, limit: Promise | None) -> dict[str, Any]:
    return {
        "latency_p99_s": percentile(pooled_latencies(measured.windows.get("SingleStream", [])), 0.99),
        "needed_latency_s": market.latency_s, "latency_limit": limit.kept if limit else None,
    }  # fmt: skip


def _limit(market: Market, measured: _Measured) -> Promise | None:
    latencies = pooled_latencies(measured.windows.get("SingleStream", []))
    return promise(latencies, market.latency_s) if latencies and market.latency_s is not None else None


# Money --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Unit:
    """What one request brings and takes; None is not known."""

    value_usd: float
    serving_usd: float | None
    error_usd: float | None

    @property
    def cost_usd(self) -> float | None:
        return None if self.serving_usd is None or self.error_usd is None else self.serving_usd + self.error_usd

    @property
    def margin_usd(self) -> float | None:
        return None if self.cost_usd is None else self.value_usd - self.cost_usd


@dataclass(frozen=True)
class _Business:
    """A use case run with one candidate: at its point values and at the two ends of their intervals."""

    market: Market
    scenario: str
    """How requests are served, and priced."""
    upfront_usd: float | None
    point: _Unit
    pessimist: _Unit
    optimist: _Unit

    def npv_usd(self, unit: _Unit) -> float | None:
        """Return the net present value at a unit's margin, None where something is not known."""
        if self.upfront_usd is None or unit.margin_usd is None:
            return None
        yearly = self.market.yearly_usd(unit.margin_usd)
        return npv_usd(self.market.discount_rate, self.upfront_usd, yearly, self.market.years)

    @property
    def break_even_requests(self) -> float | None:
        """Requests per year at which the net present value is 0."""
        market, margin = self.market, self.point.margin_usd
        if self.upfront_usd is None or margin is None:
            return None
        return break_even_requests(
            self.upfront_usd, market.fixed_cost_per_year_usd, margin, market.discount_rate, market.years
        )


def _business(market: Market, measured: _Measured) -> _Business:
    accuracy, cost = measured.accuracy, measured.cost
    scenario = "Offline" if market.latency_s is None else "SingleStream"
    point, low, high = (cost[name] for name in PRICED_AS[scenario])
    good, bad = ("high", "low") if accuracy["higher_is_better"] else ("low", "high")
    return _Business(
        market,
        scenario,
        market.upfront_usd(cost["train_usd"]),
        point=_unit(market, accuracy, accuracy["value"], point),
        # where no interval of the serving cost was measured, its point stands for both ends
        pessimist=_unit(market, accuracy, accuracy[bad], point if high is None else high),
        optimist=_unit(market, accuracy, accuracy[good], point if low is None else low),
    )


def _unit(market: Market, accuracy: Mapping[str, Any], quality: float, usd_per_1k: float | None) -> _Unit:
    serving = None if usd_per_1k is None else usd_per_1k / 1000
    return _Unit(market.value_per_request_usd, serving, _error_usd(market, accuracy, quality))


def _error_usd(market: Market, accuracy: Mapping[str, Any], quality: float) -> float | None:
    """Return the expected cost of errors, 0 where they have no price, None where their share is not known."""
    if market.cost_per_error_usd is None:
        return 0.0
    share = quality_share(accuracy, quality)
    return None if share is None else (1 - share) * market.cost_per_error_usd


def quality_share(accuracy: Mapping[str, Any], quality: float) -> float | None:
    """Return quality as a share of its ceiling; None for a metric without a ceiling, or one that counts errors."""
    ceiling = accuracy["ceiling"]
    if not ceiling or not accuracy["higher_is_better"] or not math.isfinite(quality):
        return None
    return min(1.0, max(0.0, quality / float(ceiling)))


def _money(business: _Business) -> dict[str, Any]:
    unit, market = business.point, business.market
    return {
        "served_as": business.scenario, "unit_value_usd": unit.value_usd, "unit_serving_usd": unit.serving_usd,
        "unit_error_usd": unit.error_usd, "unit_cost_usd": unit.cost_usd, "unit_margin_usd": unit.margin_usd,
        "requests_per_year": market.requests_per_year, "break_even_requests": business.break_even_requests,
        "upfront_usd": business.upfront_usd,
        "yearly_usd": None if unit.margin_usd is None else market.yearly_usd(unit.margin_usd),
    }  # fmt: skip


# Evidence -----------------------------------------------------------------------------------------------------


def _gaps(measured: _Measured, business: _Business, limit: Promise | None) -> Iterable[str]:
    """Say what is missing before anything can be judged."""
    accuracy = measured.accuracy
    if not math.isfinite(accuracy["value"]):
        yield "The quality is not a number: some scores are not finite."
    if accuracy["items"] < MINIMUM_ITEMS:
        yield f"Only {accuracy['items']} items were graded; at least {MINIMUM_ITEMS} are needed."
    windows = measured.windows.get(business.scenario, [])
    if business.point.serving_usd is None:
        yield f"Serving was not measured in the scenario {business.scenario}."
    elif any((window_s(record) or 0.0) < MINIMUM_WINDOW_S for record in windows):
        yield f"The measured window of {business.scenario} is under {MINIMUM_WINDOW_S:g} s: serve for longer."
    if business.point.error_usd is None and math.isfinite(accuracy["value"]):
        yield f"Errors have a price, but {accuracy['metric']} has no ceiling to take a share of."
    if business.upfront_usd is None:
        yield "The record of a training is missing, so its cost is not known."
    if limit is not None and limit.kept == "not told":
        yield f"Too few queries to tell whether the latency limit is kept: serve at least {limit.needed}."
