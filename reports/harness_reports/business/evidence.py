"""The measurements of each candidate, priced, as distributions for the net present value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np

from harness.records import Record
from harness_reports.business.business import Business
from harness_reports.business.call_latency import CallLatency, call_latency
from harness_reports.business.capacity import Capacity, capacities
from harness_reports.business.market import Market
from harness_reports.business.supply import HOURS_PER_YEAR, Calls, Elastic, Machines, Supply
from harness_reports.economics.distributions import Distribution, Empirical, Fixed
from harness_reports.economics.training import SECONDS_PER_HOUR
from harness_reports.figures.explained import Explained, Kind, derived
from harness_reports.measured.judgement import not_graded, not_validated
from harness_reports.measured.latency import LatencyObjective, latency_objective, percentile
from harness_reports.measured.lineage import Candidate
from harness_reports.measured.quality import Quality
from harness_reports.measured.results import Measured, Results
from harness_reports.measured.tables import accuracy_rows
from harness_reports.prices.cost import cost_row
from harness_reports.prices.cost_figures import cost_figures
from harness_reports.prices.pricing import Buying, Pricing
from harness_reports.prices.request_energy import idle_watts
from harness_reports.prices.training_energy import TrainingEnergy, training_energy
from harness_reports.prices.usage import Bill, pays_calls
from harness_reports.reasons import Reason

_PROPORTIONAL = (
    "usd_per_hour", "usd_per_1k_inferences", "pretrain_usd", "finetune_usd", "train_usd", "evaluate_usd",
)  # fmt: skip
"""Cells of the cost table that are proportional to prices, as far as a business takes them."""


@dataclass(frozen=True)
class Evidence:
    """The measurements of one candidate, priced."""

    measured: Measured
    accuracy: dict[str, Any]
    """Its row of the accuracy table."""
    cost: dict[str, Any]
    """Its row of the cost table."""
    figures: Mapping[str, Explained]
    """Figures of the cost table, by column, and `usd_per_call` of calls that are paid by the token."""
    pricing: Pricing
    paid: frozenset[str] = frozenset()
    """Figures of trainings that are paid already, with their energy, as by the first of a cascade."""
    _capacities: dict[float | None, list[Capacity]] = field(default_factory=dict, repr=False)
    """By latency limit: waiting is computed once, whatever the prices."""
    _latencies: dict[float | None, CallLatency] = field(default_factory=dict, repr=False)
    """Of calls, by latency limit."""
    _bills: dict[date, Bill] = field(default_factory=dict, repr=False)
    """By day: tokens are priced once, whatever the multiplier."""

    @classmethod
    def of(cls, measured: Measured, accuracy: dict[str, Any], pricing: Pricing) -> Self:
        """Return the evidence of an evaluated candidate.

        Args:
            measured: the candidate.
            accuracy: its row of the accuracy table.
            pricing: the prices.

        Raises:
            FactError: a record's hardware has no price.
        """
        figures, cost = _priced(measured, pricing)
        return cls(measured, accuracy, cost, figures, pricing)

    def priced(self, pricing: Pricing) -> Evidence:
        """Return the evidence at other prices.

        Raises:
            FactError: a record's hardware has no price.
        """
        figures, cost = _priced(self.measured, pricing)
        return replace(self, cost=cost, figures=figures, pricing=pricing)

    def at_prices(self, factor: float) -> Evidence:
        """Return the evidence with every price multiplied; the figures stay those of the price book."""
        cost = {name: usd if usd is None else usd * factor for name, usd in self.cost.items() if name in _PROPORTIONAL}
        pricing = replace(self.pricing, multiplier=self.pricing.multiplier * Decimal(str(factor)))
        return replace(self, cost={**self.cost, **cost}, pricing=pricing)

    @property
    def key(self) -> Candidate:
        """The candidate."""
        return self.measured.key

    @property
    def quality(self) -> Quality:
        """Its evaluations in the task's first metric."""
        assert self.measured.quality is not None  # noqa: S101 - `gather` takes evaluated candidates only
        return self.measured.quality

    @property
    def not_graded(self) -> Reason | None:
        """That its answers have no quality, as not all were graded; None where they have."""
        return next((reason for leaf in self.quality.leaves if (reason := not_graded(leaf))), None)

    @property
    def not_validated(self) -> Reason | None:
        """That a judge alone graded answers; None where it did not."""
        return next((reason for leaf in self.quality.leaves if (reason := not_validated(leaf))), None)

    @property
    def quality_is(self) -> str:
        """Where its quality comes from, as tables say it."""
        if self.not_graded is not None:
            return "not measured"
        return "measured" if self.not_validated is None else "judged, not validated"

    def scenario(self, market: Market) -> str:
        """Return the scenario that a use case needs to be measured in: SingleStream if it has a latency limit."""
        return "Offline" if market.latency_s is None else "SingleStream"

    def capacity(self, market: Market) -> Capacity | None:
        """Return how machines serve the use case's demand; None if that was not measured, or calls are paid.

        A latency limit that no way meets does not count: needs are judged apart from costs.
        """
        supply = self.supply(market)
        return supply.usual if isinstance(supply, Machines | Elastic) else None

    def ways(self, limit_s: float | None) -> list[Capacity]:
        """Return the ways in which the candidate may be served within a latency limit; empty if none was measured."""
        if limit_s not in self._capacities:
            self._capacities[limit_s] = capacities(self.measured, limit_s)
        return self._capacities[limit_s]

    def supply(self, market: Market) -> Supply | None:
        """Return the machines that serve, in the way that is cheaper at each demand, or that calls are paid.

        None if no serving was measured, or calls have no price.
        """
        if self.bill is not None:
            return None if self.bill.gap else Calls()
        ways, hour = self.ways(market.latency_s), self.cost["usd_per_hour"]
        if not ways:
            return None
        peak = peak_per_s(market)
        if self.buying == "elastic":
            return Elastic(ways, peak, hour, self.pricing.utilisation)
        return Machines(ways, peak, hour, whole=self.buying == "machines")

    def business(self, market: Market) -> Business | None:
        """Return the use case run with this candidate; None if a measurement that it needs is missing."""
        supply, ceiling = self.supply(market), self.ceiling()
        measured = self._inputs(market)
        # Without a cost per error no share of errors is needed, so a metric without a ceiling will do.
        prices_errors = market.numbers["cost_per_error_usd"] > 0
        if supply is None or measured is None or (prices_errors and ceiling is None):
            return None
        return Business(
            market.inputs, measured, market.years, ceiling if prices_errors else None, supply,
            idle_watts(self.measured.machine).value, self.pricing.pue,
        )  # fmt: skip

    @cached_property
    def bill(self) -> Bill | None:
        """The calls of a served model, which are paid by the token; None for a model on a machine."""
        if not pays_calls(self.measured.machine, self.pricing):
            return None
        return self._bills.setdefault(self.pricing.as_of, Bill(self.measured, self.pricing.as_of))

    @property
    def buying(self) -> Buying | Literal["calls"]:
        """How its machines are bought; `calls` where these are paid in their place."""
        return "calls" if self.bill is not None else self.pricing.buying_of(self.measured.machine)

    @property
    def pays_energy(self) -> bool:
        """Whether energy is paid apart from the machine."""
        return self.bill is None and self.pricing.price(self.measured.machine).energy == "excluded"

    @cached_property
    def training_energy(self) -> TrainingEnergy | None:
        """The energy of its trainings that is paid apart from machines; None if all prices include it."""
        return training_energy(self.measured, self.pricing, self.paid) if self.bill is None else None

    def _inputs(self, market: Market) -> dict[str, Distribution] | None:
        """Return the measured inputs of a business; None if one is missing."""
        capacity = self.capacity(market)
        if self.bill is not None and not self.bill.gap:
            return self._inputs_of_calls(self.bill)
        return None if capacity is None else self._inputs_of_machines(capacity)

    def _inputs_of_calls(self, bill: Bill) -> dict[str, Distribution] | None:
        usd = self.cost["usd_per_1k_inferences"]
        if None in (usd, self.cost["evaluate_usd"]) or not math.isfinite(self.accuracy["value"]):
            return None
        return {
            "quality": drawn_around(self.accuracy["draws"], self.accuracy["value"]),
            "usd_per_call": drawn_around(bill.draws * float(self.pricing.multiplier), usd / 1000),
            "pretrain_usd": Fixed(0.0), "finetune_usd": Fixed(0.0), "evaluate_usd": Fixed(self.cost["evaluate_usd"]),
        }  # fmt: skip

    def _inputs_of_machines(self, capacity: Capacity) -> dict[str, Distribution] | None:
        trained = [self.cost[name] for name in ("pretrain_usd", "finetune_usd", "evaluate_usd")]
        energy = capacity.energy.distribution if self.pays_energy else None
        joules = self._training_joules()
        unknown = None in trained or (self.pays_energy and energy is None) or None in joules.values()
        if unknown or not math.isfinite(self.accuracy["value"]):
            return None
        pretrain, finetune, evaluate = (Fixed(usd) for usd in trained)
        return {
            "quality": drawn_around(self.accuracy["draws"], self.accuracy["value"]),
            "samples_per_s": drawn_around(capacity.rate_draws, capacity.samples_per_s),
            **({} if energy is None else {"energy_j_per_request": energy}),
            **{name: each for name, each in joules.items() if each is not None},
            "pretrain_usd": pretrain, "finetune_usd": finetune, "evaluate_usd": evaluate,
        }  # fmt: skip

    def _training_joules(self) -> dict[str, Distribution | None]:
        energy = self.training_energy
        if energy is None:
            return {}
        return {"pretrain_j": energy.pretraining.distribution, "tuning_j": energy.tuning.distribution}

    def ceiling(self) -> float | None:
        """Return the quality at which every answer is right; None for metrics without a ceiling, and of errors."""
        ceiling = self.accuracy["ceiling"]
        return float(ceiling) if ceiling and self.accuracy["higher_is_better"] else None

    def latency_p99_s(self, market: Market) -> float | None:
        """Return the 99th percentile latency of single requests, of calls, or under load; None if they are too few."""
        if (calls := self.call_latency(market)) is not None:
            return calls.p99_s
        return percentile(self.latencies_s(market), 0.99)

    def call_latency(self, market: Market) -> CallLatency | None:
        """Return the latencies of calls, or under load; None for machines on which no load decides."""
        capacity = self.capacity(market)
        if self.bill is None and (capacity is None or capacity.load is None):
            return None
        if market.latency_s not in self._latencies:
            self._latencies[market.latency_s] = call_latency(self.measured, market.latency_s)
        return self._latencies[market.latency_s]

    def objective(self, market: Market) -> LatencyObjective | None:
        """Return whether the latency objective is met; None if there is none, or no latency was measured."""
        latencies = self.latencies_s(market)
        return latency_objective(latencies, market.latency_s) if latencies and market.latency_s is not None else None

    def latencies_s(self, market: Market) -> Sequence[float]:
        """Return the latencies of single requests, of calls, or under load; empty if none was measured."""
        if (calls := self.call_latency(market)) is not None:
            return calls.seconds
        serving = self.measured.fastest.get("SingleStream")
        return serving.latencies_s() if serving else []

    def energy_kind(self, market: Market) -> Kind | None:
        """Return whether the energy that is charged was measured or estimated; None if none is."""
        capacity = self.capacity(market)
        return capacity.energy.band.kind if capacity and self.pays_energy else None


def _priced(measured: Measured, pricing: Pricing) -> tuple[dict[str, Explained], dict[str, Any]]:
    """Return a candidate's figures and its row of the cost table; of calls the price of one is another figure."""
    figures = cost_figures(measured, pricing)
    per_call = derived("usd_per_call", "USD per call", "usd_per_1k_inferences / 1000", figures["usd_per_1k_inferences"])
    return {**figures, per_call.name: per_call}, cost_row(measured, figures, pricing)


def peak_per_s(market: Market) -> float:
    """Return the requests per second of the busiest hour, retries included."""
    yearly = market.requests_per_year * (1 + market.numbers["retry_share"])
    return yearly * market.numbers["peak_factor"] / (HOURS_PER_YEAR * SECONDS_PER_HOUR)


def drawn_around(draws: np.ndarray | None, value: float) -> Distribution:
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
    return [Evidence.of(candidate, rows[candidate.key], pricing) for candidate in results.evaluated]
