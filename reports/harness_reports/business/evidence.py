"""The measurements of each candidate, priced, as distributions for the net present value."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.records import Record
from harness_reports.business.business import Business
from harness_reports.business.market import Market
from harness_reports.economics.distributions import Distribution, Empirical, Fixed
from harness_reports.figures.explained import Explained
from harness_reports.measured.judgement import MINIMUM_ITEMS, MINIMUM_WINDOW_S, window_s
from harness_reports.measured.latency import LatencyObjective, latency_objective, percentile
from harness_reports.measured.lineage import Candidate
from harness_reports.measured.quality import Quality
from harness_reports.measured.results import Measured, Results
from harness_reports.measured.tables import accuracy_rows
from harness_reports.prices.cost import cost_row
from harness_reports.prices.cost_figures import cost_figures
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import Reason

PRICED_AS = {"Offline": "usd_per_1k_inferences", "SingleStream": "usd_per_1k_single_stream"}
"""Scenario → cost column."""


@dataclass(frozen=True)
class Evidence:
    """The measurements of one candidate, priced."""

    measured: Measured
    accuracy: dict[str, Any]
    """Its row of the accuracy table."""
    cost: dict[str, Any]
    """Its row of the cost table."""
    figures: Mapping[str, Explained]
    """Figures of the cost table, by column."""

    @property
    def key(self) -> Candidate:
        """The candidate."""
        return self.measured.key

    @property
    def quality(self) -> Quality:
        """Its evaluations in the task's first metric."""
        assert self.measured.quality is not None  # noqa: S101 - `gather` takes evaluated candidates only
        return self.measured.quality

    def windows(self, scenario: str) -> list[Record]:
        """Return the records of the serving that is priced; empty if there is none."""
        serving = self.measured.fastest.get(scenario)
        return serving.leaves if serving else []

    def scenario(self, market: Market) -> str:
        """Return the scenario that a use case is served and priced in: SingleStream if it needs a latency."""
        return "Offline" if market.latency_s is None else "SingleStream"

    def priced_as(self, market: Market) -> str:
        """Return the cost column of the use case's scenario."""
        return PRICED_AS[self.scenario(market)]

    def business(self, market: Market) -> Business | None:
        """Return the use case run with this candidate; None if a measurement that it needs is missing."""
        measured = self._inputs(self.scenario(market))
        ceiling = self._ceiling()
        # Without a cost per error no share of errors is needed, so a metric without a ceiling will do.
        prices_errors = market.numbers["cost_per_error_usd"] > 0
        if measured is None or (prices_errors and ceiling is None):
            return None
        return Business(market.inputs, measured, market.years, ceiling if prices_errors else None)

    def _inputs(self, scenario: str) -> dict[str, Distribution] | None:
        cost, serving = self.cost, self.cost[PRICED_AS[scenario]]
        trained = [cost[name] for name in ("pretrain_usd", "finetune_usd", "evaluate_usd")]
        if serving is None or None in trained or not math.isfinite(self.accuracy["value"]):
            return None
        draws = cost[f"{PRICED_AS[scenario]}_draws"]  # per 1,000 requests
        pretrain, finetune, evaluate = (Fixed(usd) for usd in trained)
        return {
            "quality": _drawn(self.accuracy["draws"], self.accuracy["value"]),
            "serving_usd_per_request": _drawn(None if draws is None else draws / 1000, serving / 1000),
            **self._energy(scenario),
            "pretrain_usd": pretrain, "finetune_usd": finetune, "evaluate_usd": evaluate,
        }  # fmt: skip

    def _energy(self, scenario: str) -> dict[str, Distribution]:
        """Return the energy of a request over the records; empty if a record has none."""
        readings = [(leaf.value("energy_j"), leaf.value("samples")) for leaf in self.windows(scenario)]
        per_request = [joules / samples for joules, samples in readings if joules is not None and samples]
        if not per_request or len(per_request) < len(readings):
            return {}
        return {"energy_j_per_request": _drawn(np.array(per_request), float(np.mean(per_request)))}

    def _ceiling(self) -> float | None:
        """Return the quality at which every answer is right; None for metrics without a ceiling, and of errors."""
        ceiling = self.accuracy["ceiling"]
        return float(ceiling) if ceiling and self.accuracy["higher_is_better"] else None

    def latency_p99_s(self) -> float | None:
        """Return the 99th percentile latency of single requests; None if too few were served."""
        return percentile(self._latencies(), 0.99)

    def objective(self, market: Market) -> LatencyObjective | None:
        """Return whether the latency objective is met; None if there is none, or no latency was measured."""
        latencies = self._latencies()
        return latency_objective(latencies, market.latency_s) if latencies and market.latency_s is not None else None

    def _latencies(self) -> list[float]:
        serving = self.measured.fastest.get("SingleStream")
        return serving.latencies_s() if serving else []

    def gaps(self, market: Market, objective: LatencyObjective | None) -> Iterator[Reason]:
        """Yield what is missing for a verdict."""
        accuracy, cost, scenario = self.accuracy, self.cost, self.scenario(market)
        if not math.isfinite(accuracy["value"]):
            yield Reason("quality not finite")
        if accuracy["items"] < MINIMUM_ITEMS:
            yield Reason("few items", {"items": accuracy["items"], "needed": MINIMUM_ITEMS})
        windows = self.windows(scenario)
        if cost[PRICED_AS[scenario]] is None:
            yield Reason("serving not measured", {"scenario": scenario})
        elif any((window_s(record) or 0.0) < MINIMUM_WINDOW_S for record in windows):
            yield Reason("short window", {"scenario": scenario, "seconds": MINIMUM_WINDOW_S})
        if market.numbers["cost_per_error_usd"] and self._ceiling() is None:
            yield Reason("no ceiling", {"metric": accuracy["metric"]})
        if cost["train_usd"] is None:
            yield Reason("training missing")
        elif cost["evaluate_usd"] is None:
            yield Reason("evaluation seconds missing")
        if objective is not None and objective.met == "unknown":
            yield Reason("few queries", {"needed": objective.needed})


def _drawn(draws: np.ndarray | None, value: float) -> Distribution:
    """Return the distribution of bootstrap draws around a value; the value alone if there are none or all are equal."""
    if draws is None or not np.ptp(draws):
        return Fixed(value)
    return Empirical(draws, value)


def gather(records: Sequence[Record], pricing: Pricing) -> list[Evidence]:
    """Return the evidence of every evaluated candidate.

    Raises:
        FactError: a record's hardware has no price.
    """
    results = Results.of(records)
    rows = accuracy_rows(results)
    priced = [(candidate, cost_figures(candidate, pricing)) for candidate in results.evaluated]
    return [
        Evidence(candidate, rows[candidate.key], cost_row(candidate, figures, pricing), figures)
        for candidate, figures in priced
    ]
