"""Whether a use case is worth the money with a candidate: needs, margin, net present value, and a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from harness.facts import UseCase
from harness.records import Record
from harness_reports.business.business import Business
from harness_reports.business.choice import preference
from harness_reports.business.evidence import Evidence, gather
from harness_reports.business.market import Market, read_market
from harness_reports.business.money import base_case, money_figures
from harness_reports.business.request import request_figures
from harness_reports.business.verdict import (
    TOP,
    Money,
    VerdictInputs,
    against_the_baseline,
    decide,
    flip_reason,
    needs_met,
)
from harness_reports.business.worth import (
    DRAWS,
    MarketDraws,
    NpvDistribution,
    draw_market,
    npv_distribution,
    outcome_cells,
)
from harness_reports.figures.explained import values
from harness_reports.measured.latency import LatencyObjective
from harness_reports.measured.lineage import KEYS
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import Reason, Reasons, as_text

__all__ = ["VIABILITY", "CandidateVerdict", "Candidates", "judge", "viability"]

_MONEY = (
    "served_as", "unit_value_usd", "unit_serving_usd", "unit_error_usd", "unit_review_usd", "unit_cost_usd",
    "unit_margin_usd", "usd_per_correct_answer", "requests_per_year", "break_even_requests", "break_even_price_usd",
    "upfront_usd", "funding_usd", "yearly_usd",
    "npv_usd", "irr", "irr_unique", "mirr", "payback_years", "discounted_payback_years",
)  # fmt: skip
_RISK = (
    "npv_mean_usd", "npv_low_usd", "npv_p50_usd", "npv_high_usd", "cvar05_usd", "probability_positive", "drivers",
    "evpi_usd", "evsi_usd", "measuring_usd",
)  # fmt: skip
VIABILITY = (
    "use_case", "title", *KEYS, "metric", "unit", "quality", "quality_low", "quality_high", "needed_quality",
    "latency_p99_s", "needed_latency_s", "latency_limit", "needs_met", *_MONEY, *_RISK, "baseline", "against_baseline",
    "verdict", "probability_wrong", "flip", "reasons", "figures", "price_offer", "price_as_of", "price_source",
)  # fmt: skip


def viability(
    records: Sequence[Record],
    pricing: Pricing,
    use_cases: Mapping[str, UseCase] | Iterable[UseCase],
    overrides: Mapping[str, float] | None = None,
    draws: int = DRAWS,
) -> pd.DataFrame:
    """Return one row for each use case and candidate that was evaluated on one of its tasks and its data.

    The base case takes every figure at its mean. A request earns `unit_value_usd` and costs its serving and, where a
    wrong answer has a price, the expected cost of errors: (1 - quality share) · cost per error, where the share is the
    metric's value over its ceiling; of the share that people check (`unit_review_usd`) none is left. These are the
    first year's, retries included. `usd_per_correct_answer` is all of it over the share of answers that are right, or
    put right. A use case that needs a latency pays for one request
    at a time, as its latency was measured; others pay for the cheapest Offline batch. `upfront_usd`, at t = 0, is
    `upfront_cost_usd` plus pretraining over `pretraining_uses`, fine-tuning and evaluation, all times
    `development_multiplier`. `yearly_usd` is a year once everybody has adopted, at the first year's prices;
    `funding_usd` is the deepest the balance falls. `break_even_requests` (per year, all have adopted) and
    `break_even_price_usd` (per request) are where the net present value is 0; None where no number does it. `irr` is
    None where there is none or more than one; `irr_unique` says which.

    The distribution draws every uncertain figure and what was measured: `npv_low_usd`, `npv_p50_usd` and
    `npv_high_usd` are its 5th, 50th and 95th percentile, `cvar05_usd` the mean of the worst 5 %. `drivers` names the
    three inputs it hangs on most, with the share of the variance each explains. `evpi_usd` is what knowing everything
    before deciding is worth, `evsi_usd` what another hour of measuring is, `measuring_usd` what that hour costs.
    `needs_met` is `maybe` where one end of the interval of the quality is good enough and the other is not.
    `probability_wrong` is the chance that the verdict turns out wrong, `flip` what would make it another.

    Args:
        records: what was measured.
        pricing: the prices.
        use_cases: needs and markets; those whose tasks were not measured give no row.
        overrides: figure → value that the reader puts in its place, for every use case (`requests_per_year`, …).
        draws: of the distribution; always the same for the same figures.

    Raises:
        FactError: a figure that the calculation needs is missing or makes no sense, or hardware has no price.
    """
    found = judge_all(records, pricing, use_cases, overrides, draws)
    return pd.DataFrame([as_text(row) for candidates in found for row in candidates.rows], columns=list(VIABILITY))


class CandidateVerdict(NamedTuple):
    """One candidate, judged."""

    row: dict[str, Any]
    """Its row of the viability table."""
    evidence: Evidence
    business: Business | None
    """None where something was not measured."""


class Candidates(NamedTuple):
    """All candidates of a use case."""

    market: Market
    drawn: MarketDraws
    judged: tuple[CandidateVerdict, ...]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Their rows of the viability table."""
        return [each.row for each in self.judged]

    @property
    def best(self) -> CandidateVerdict:
        """The one with the best verdict; of those, the one that misses no need and has the highest expected value."""
        return min(self.judged, key=lambda each: preference(each.row))


def judge_all(
    records: Sequence[Record],
    pricing: Pricing,
    use_cases: Mapping[str, UseCase] | Iterable[UseCase],
    overrides: Mapping[str, float] | None = None,
    draws: int = DRAWS,
) -> Iterator[Candidates]:
    """Yield the candidates of each use case whose tasks were measured, as `viability` judges them."""
    measured = gather(records, pricing)
    for case in use_cases.values() if isinstance(use_cases, Mapping) else use_cases:
        own = [each for each in measured if case.covers(each.key.task, each.key.data)]
        if own:
            yield judge(read_market(case, overrides or {}), own, draws)


def judge(market: Market, measured: Sequence[Evidence], draws: int = DRAWS) -> Candidates:
    """Return the candidates of one use case, all in the same drawn market."""
    drawn = draw_market(market, draws)
    businesses = [each.business(market) for each in measured]
    rows = [_row(drawn, each, business) for each, business in zip(measured, businesses, strict=True)]
    judged = map(CandidateVerdict, against_the_baseline(rows), measured, businesses)
    return Candidates(market, drawn, tuple(judged))


def _row(drawn: MarketDraws, measured: Evidence, business: Business | None) -> dict[str, Any]:
    market = drawn.market
    limit = measured.limit(market)
    gaps = Reasons(measured.gaps(market, limit))
    cells: dict[str, Any] = dict.fromkeys((*_MONEY, *_RISK))
    money = worth = None
    units = request_figures(market, measured, business)
    if business is not None:
        worth = npv_distribution(business, drawn, measured.accuracy, measured.hours(market))
        cells |= base_case(market, business)
        cells |= values(money_figures(market, measured, business, units, cells["npv_usd"]))
        money = _money(worth, units["unit_margin_usd"].value, measured)
        cells |= _risk(money)
    cells |= values(units) | {"served_as": measured.scenario(market), "requests_per_year": market.requests_per_year}
    inputs = VerdictInputs(
        gaps, measured.accuracy, market.quality, limit, market.latency_s, money, market.unmeasured_needs
    )
    decision = decide(inputs)
    flip = worth.flip(decision.threshold.loss) if worth and decision.threshold else None
    return {
        "use_case": market.use_case.name, "title": market.use_case.title, **_quality(market, measured),
        **_latency(market, measured, limit), "needs_met": needs_met(inputs), **cells, "verdict": decision.verdict,
        "probability_wrong": decision.probability_wrong, "flip": flip_reason(decision.verdict, flip),
        "reasons": decision.reasons, "figures": market.provenance,
        **{name: measured.cost[name] for name in ("price_offer", "price_as_of", "price_source")},
    }  # fmt: skip


def _quality(market: Market, measured: Evidence) -> dict[str, Any]:
    row = measured.accuracy
    return {
        **{name: row[name] for name in (*KEYS, "source", "metric", "unit", "baseline", "against_baseline")},
        "quality": row["value"], "quality_low": row["low"], "quality_high": row["high"],
        "needed_quality": market.quality,
    }  # fmt: skip


def _latency(market: Market, measured: Evidence, limit: LatencyObjective | None) -> dict[str, Any]:
    return {
        "latency_p99_s": measured.latency_p99_s(), "needed_latency_s": market.latency_s,
        "latency_limit": limit.met if limit else None,
    }  # fmt: skip


def _money(worth: NpvDistribution, margin_usd: float, measured: Evidence) -> Money:
    return Money(
        margin_usd=margin_usd, outcome=worth.outcome, loss_limit=worth.market.market.loss_limit,
        drivers=worth.drivers(), information=worth.information(), measuring_usd=measured.cost["usd_per_hour"],
        probability_of_success=worth.probability_of_success,
    )  # fmt: skip


def _risk(money: Money) -> dict[str, Any]:
    found = money.outcome
    return {
        **outcome_cells(found), "cvar05_usd": found.cvar05_usd, "drivers": _drivers(money),
        "evpi_usd": money.information.evpi_usd, "evsi_usd": money.information.evsi_usd,
        "measuring_usd": money.measuring_usd,
    }  # fmt: skip


def _drivers(money: Money) -> Reason | None:
    shares = tuple((driver.name, driver.share) for driver in money.drivers[:TOP])
    return Reason("drivers", {"drivers": shares}) if shares else None
