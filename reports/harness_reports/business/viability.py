"""The viability of a use case with each candidate: needs, unit economics, net present value, verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from harness.facts import UseCase
from harness.records import Record
from harness_reports.business.business import Business
from harness_reports.business.choice import headline, preference
from harness_reports.business.evidence import Evidence, gather
from harness_reports.business.flip import flip
from harness_reports.business.information import Information, information
from harness_reports.business.market import Market, check_overrides, read_market
from harness_reports.business.money import base_case, money_figures
from harness_reports.business.npv_distribution import DRAWS, MarketDraws, draw_market, outcome_cells
from harness_reports.business.outlook import Outlook
from harness_reports.business.request import request_figures
from harness_reports.business.verdict import TOP, Money, against_the_baseline, is_baseline_of, needs_met
from harness_reports.figures.explained import values
from harness_reports.measured.latency import LatencyObjective
from harness_reports.measured.lineage import KEYS
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import Reason, as_text

__all__ = ["VIABILITY", "CandidateVerdict", "Candidates", "judge", "viability"]

_MONEY = (
    "served_as", "buying", "replicas", "utilisation", "usd_per_year", "energy_usd_per_year", "energy_kind",
    "unit_value_usd", "unit_serving_usd", "unit_energy_usd", "unit_error_usd", "unit_review_usd", "unit_cost_usd",
    "unit_margin_usd", "usd_per_correct_answer", "requests_per_year", "break_even_requests", "break_even_price_usd",
    "upfront_usd", "funding_usd", "yearly_usd",
    "npv_usd", "irr", "irr_unique", "mirr", "payback_years", "discounted_payback_years",
)  # fmt: skip
_RISK = (
    "npv_mean_usd", "npv_low_usd", "npv_p50_usd", "npv_high_usd", "cvar05_usd", "probability_positive", "drivers",
    "evpi_usd", "evsi_usd", "measuring_usd", "next_measurement",
)  # fmt: skip
_DECIDED = ("verdict", "probability_wrong", "reasons")
VIABILITY = (
    "use_case", "title", *KEYS, "metric", "unit", "quality", "quality_low", "quality_high", "needed_quality",
    "latency_p99_s", "needed_latency_s", "latency_limit", "needs_met", *_MONEY, *_RISK, "baseline", "against_baseline",
    "verdict", "probability_wrong", "flip", "reasons", "figures", "price_offer", "price_as_of", "price_stale",
    "price_source",
)  # fmt: skip


def viability(
    records: Sequence[Record],
    pricing: Pricing,
    use_cases: Mapping[str, UseCase] | Iterable[UseCase],
    overrides: Mapping[str, float] | None = None,
    draws: int = DRAWS,
) -> pd.DataFrame:
    """Return one row for each use case and candidate that was evaluated on its tasks and data.

    The base case takes every figure at its mean. Unit economics are those of a steady-state year at the first year's
    prices, retries included. A request earns `unit_value_usd`; it costs serving, energy that the machine's price does
    not include, human review (`unit_review_usd`) and the expected cost of errors: (1 - quality / ceiling) ·
    (1 - share reviewed) · cost per error. `usd_per_correct_answer` is the cost of a request over the share of answers
    that are right before or after review. `usd_per_year` is the cost of the `replicas` that the busiest hour needs, the
    same as in `serving`, with the same ways of `buying`. `upfront_usd`, at t = 0, is `upfront_cost_usd` plus
    pretraining over `pretraining_uses`, fine-tuning and evaluation, times `development_multiplier`. `yearly_usd` is the
    profit of a steady-state year at the first year's prices; `funding_usd` is the largest cumulative deficit.
    `break_even_requests` (per steady-state year) and `break_even_price_usd` (per request) make the net present value 0;
    None if no number does. `irr` is None if there is none or more than one; `irr_unique` says which.

    The distribution draws every uncertain figure and measurement: `npv_low_usd`, `npv_p50_usd` and `npv_high_usd` are
    its 5th, 50th and 95th percentile, `cvar05_usd` the mean of the worst 5 %. `drivers` names the three inputs that
    explain most of the variance, with their shares. `evpi_usd` is the value of perfect information. `next_measurement`
    is what to measure before deciding (more graded items, more seeds, longer serving), if that is worth its cost, and
    what cannot be measured; `evsi_usd` is the value of the measurement with the best net value, `measuring_usd` its
    cost. `needs_met` is `maybe` if the interval of the quality holds the needed value. `probability_wrong` is the
    probability that the verdict is wrong, None where the cheap baseline decides; `flip` is what would change it. A
    model behind a URL is judged by the price of its calls, which its tokens have (`buying` is `calls`): serving costs
    demand times that price, which declines by `api_price_decline_per_year`; its latency is that from sending to the end
    of an answer. Without a price the reason says why there is none.

    Args:
        records: the measurements.
        pricing: the prices.
        use_cases: use cases; those whose tasks were not measured give no row.
        overrides: figure → the reader's value, for every use case (`requests_per_year`, …).
        draws: number of draws; the seed is fixed.

    Raises:
        FactError: a figure is missing or breaks its rule, or hardware has no price.
    """
    judged = judge_all(records, pricing, use_cases, overrides, draws)
    return pd.DataFrame([as_text(row) for candidates in judged for row in candidates.rows], columns=list(VIABILITY))


@dataclass(frozen=True, eq=False)
class CandidateVerdict:
    """One candidate with its verdict."""

    outlook: Outlook
    decided: Mapping[str, Any]
    """Its cells that say which candidate is best, with the verdict that the comparison with the baseline left."""
    baselines: Sequence[Evidence]
    """The cheap baselines that it was compared with."""

    @property
    def evidence(self) -> Evidence:
        """Its measurements, priced."""
        return self.outlook.evidence

    @property
    def business(self) -> Business | None:
        """The use case run with it; None if a measurement that it needs is missing."""
        return self.outlook.business

    @cached_property
    def cells(self) -> dict[str, Any]:
        """Its row of the viability table without what would flip the verdict, which takes longer than all else."""
        return {**_row(self.outlook), **{name: self.decided[name] for name in _DECIDED}}

    @cached_property
    def row(self) -> dict[str, Any]:
        """Its row of the viability table."""
        return {**self.cells, "flip": flip(self.outlook, self.baselines, self.decided["verdict"])}


@dataclass(frozen=True, eq=False)
class Candidates:
    """All candidates of a use case."""

    market: Market
    drawn: MarketDraws
    judged: tuple[CandidateVerdict, ...]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Their rows of the viability table."""
        return [each.row for each in self.judged]

    @cached_property
    def ranked(self) -> list[CandidateVerdict]:
        """They, the best first, by `preference`."""
        return sorted(self.judged, key=lambda each: preference(each.decided))

    @property
    def best(self) -> CandidateVerdict:
        """The first of them."""
        return self.ranked[0]

    @property
    def headline(self) -> Reason | None:
        """What a reader should see first, if there is any."""
        return headline([each.decided for each in self.judged])


def judge_all(
    records: Sequence[Record],
    pricing: Pricing,
    use_cases: Mapping[str, UseCase] | Iterable[UseCase],
    overrides: Mapping[str, float] | None = None,
    draws: int = DRAWS,
) -> Iterator[Candidates]:
    """Yield the candidates of each use case whose tasks were measured, judged as in `viability`."""
    evidence = gather(records, pricing)
    cases = list(use_cases.values() if isinstance(use_cases, Mapping) else use_cases)
    check_overrides(cases, overrides or {})
    for case in cases:
        covered = [each for each in evidence if case.covers(each.key.task, each.key.data)]
        if covered:
            yield judge(read_market(case, overrides or {}), covered, draws)


def judge(market: Market, evidence: Sequence[Evidence], draws: int = DRAWS) -> Candidates:
    """Return the candidates of one use case, all in the same draws of its market."""
    drawn = draw_market(market, draws)
    outlooks = [Outlook(drawn, each, each.business(market)) for each in evidence]
    rows = against_the_baseline([each.compared() for each in outlooks])
    cheap = [each for each, row in zip(outlooks, rows, strict=True) if row["model"] == row["baseline"]]
    return Candidates(market, drawn, tuple(
        CandidateVerdict(outlook, row, [each.evidence for each in cheap if each is not outlook
                                        and is_baseline_of(each.evidence.accuracy, row)])
        for outlook, row in zip(outlooks, rows, strict=True)
    ))  # fmt: skip


def _row(outlook: Outlook) -> dict[str, Any]:
    evidence, business, market = outlook.evidence, outlook.business, outlook.market
    capacity, money, decision = evidence.capacity(market), outlook.money, outlook.decision
    cells: dict[str, Any] = dict.fromkeys((*_MONEY, *_RISK))
    units = request_figures(market, evidence, business)
    if business is not None:
        cells |= base_case(market, business)
        cells |= values(money_figures(market, evidence, business, units, cells["npv_usd"]))
    if money is not None:
        cells |= _risk(money)
    if outlook.npv is not None:
        cells |= _information(information(outlook.npv, evidence))
    if decision.verdict == "not enough evidence":  # its reasons say what to measure
        cells["next_measurement"] = None
    cells |= values(units) | {
        "served_as": capacity and capacity.serving.scenario, "buying": evidence.buying,
        "energy_kind": evidence.energy_kind(market), "requests_per_year": market.requests_per_year,
    }  # fmt: skip
    return {
        "use_case": market.use_case.name, "title": market.use_case.title, **_quality(market, evidence),
        **_latency(market, evidence, outlook.objective), "needs_met": needs_met(outlook.inputs), **cells,
        "verdict": decision.verdict, "probability_wrong": decision.probability_wrong, "flip": None,
        "reasons": decision.reasons, "figures": market.provenance,
        **{name: evidence.cost[name] for name in ("price_offer", "price_as_of", "price_stale", "price_source")},
    }  # fmt: skip


def _quality(market: Market, evidence: Evidence) -> dict[str, Any]:
    row = evidence.accuracy
    return {
        **{name: row[name] for name in (*KEYS, "source", "metric", "unit", "baseline", "against_baseline")},
        "quality": row["value"], "quality_low": row["low"], "quality_high": row["high"],
        "needed_quality": market.quality,
    }  # fmt: skip


def _latency(market: Market, evidence: Evidence, objective: LatencyObjective | None) -> dict[str, Any]:
    return {
        "latency_p99_s": evidence.latency_p99_s(market), "needed_latency_s": market.latency_s,
        "latency_limit": objective.met if objective else None,
    }  # fmt: skip


def _risk(money: Money) -> dict[str, Any]:
    return {
        **outcome_cells(money.outcome), "cvar05_usd": money.outcome.cvar05_usd, "drivers": _drivers(money),
    }  # fmt: skip


def _information(learning: Information) -> dict[str, Any]:
    """Return the cells of the value of information; the figure of the cost as `measuring`."""
    return {
        "evpi_usd": learning.evpi_usd, "evsi_usd": learning.evsi_usd, "measuring": learning.cost,
        "measuring_usd": learning.cost and learning.cost.value, "next_measurement": learning.next_measurement,
    }  # fmt: skip


def _drivers(money: Money) -> Reason | None:
    shares = tuple((driver.name, driver.share) for driver in money.drivers[:TOP])
    return Reason("drivers", {"drivers": shares}) if shares else None
