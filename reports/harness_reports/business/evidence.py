"""The measurements of each candidate, priced, as distributions for the net present value."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np

from harness.records import Record
from harness_reports.business.business import Business
from harness_reports.business.capacity import Capacity, capacities
from harness_reports.business.market import Market
from harness_reports.business.supply import HOURS_PER_YEAR, Elastic, Machines
from harness_reports.economics.distributions import Distribution, Empirical, Fixed
from harness_reports.economics.training import SECONDS_PER_HOUR
from harness_reports.figures.explained import Explained, Kind
from harness_reports.measured.judgement import MINIMUM_ITEMS, MINIMUM_WINDOW_S, window_s
from harness_reports.measured.latency import LatencyObjective, latency_objective, percentile
from harness_reports.measured.lineage import Candidate
from harness_reports.measured.quality import Quality
from harness_reports.measured.results import Measured, Results
from harness_reports.measured.tables import accuracy_rows
from harness_reports.prices.cost import cost_row
from harness_reports.prices.cost_figures import cost_figures
from harness_reports.prices.pricing import Buying, Pricing
from harness_reports.prices.request_energy import idle_caveat, idle_watts
from harness_reports.prices.training_energy import TrainingEnergy, training_energy
from harness_reports.prices.usage import Bill, is_served
from harness_reports.reasons import Reason

_PROPORTIONAL = ("usd_per_hour", "pretrain_usd", "finetune_usd", "train_usd", "evaluate_usd")
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
    """Figures of the cost table, by column."""
    pricing: Pricing
    _capacities: dict[float | None, list[Capacity]] = field(default_factory=dict, repr=False)
    """By latency limit: waiting is computed once, whatever the prices."""

    def priced(self, pricing: Pricing) -> Evidence:
        """Return the evidence at other prices.

        Raises:
            FactError: a record's hardware has no price.
        """
        figures = cost_figures(self.measured, pricing)
        return replace(self, cost=cost_row(self.measured, figures, pricing), figures=figures, pricing=pricing)

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

    def scenario(self, market: Market) -> str:
        """Return the scenario that a use case needs to be measured in: SingleStream if it has a latency limit."""
        return "Offline" if market.latency_s is None else "SingleStream"

    def capacity(self, market: Market) -> Capacity | None:
        """Return how the candidate serves the use case's demand; None if it was not measured.

        A latency limit that no way meets does not count: needs are judged apart from costs.
        """
        supply = self.supply(market)
        return None if supply is None else supply.usual

    def ways(self, limit_s: float | None) -> list[Capacity]:
        """Return the ways in which the candidate may be served within a latency limit; empty if none was measured."""
        if limit_s not in self._capacities:
            self._capacities[limit_s] = capacities(self.measured, limit_s)
        return self._capacities[limit_s]

    def supply(self, market: Market) -> Machines | Elastic | None:
        """Return the machines that serve, in the way that is cheaper at each demand; None if none was measured."""
        if self.bill is not None:
            return None
        ways, hour = self.ways(market.latency_s), self.cost["usd_per_hour"]
        if not ways:
            return None
        yearly = market.requests_per_year * (1 + market.numbers["retry_share"])
        peak_per_s = yearly * market.numbers["peak_factor"] / (HOURS_PER_YEAR * SECONDS_PER_HOUR)
        if self.buying == "elastic":
            return Elastic(ways, peak_per_s, hour, self.pricing.utilisation)
        return Machines(ways, peak_per_s, hour, whole=self.buying == "machines")

    def business(self, market: Market) -> Business | None:
        """Return the use case run with this candidate; None if a measurement that it needs is missing."""
        supply, ceiling = self.supply(market), self._ceiling()
        measured = None if supply is None else self._inputs(supply.usual)
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
        return Bill(self.measured, self.pricing.as_of) if is_served(self.measured.machine) else None

    @property
    def buying(self) -> Buying | None:
        """How its machines are bought; None where no machine is, but calls are."""
        return None if self.bill is not None else self.pricing.buying_of(self.measured.machine)

    @property
    def pays_energy(self) -> bool:
        """Whether energy is paid apart from the machine."""
        return self.bill is None and self.pricing.price(self.measured.machine).energy == "excluded"

    @cached_property
    def training_energy(self) -> TrainingEnergy | None:
        """The energy of its trainings that is paid apart from machines; None if all prices include it."""
        return training_energy(self.measured, self.pricing) if self.bill is None else None

    def _inputs(self, capacity: Capacity) -> dict[str, Distribution] | None:
        trained = [self.cost[name] for name in ("pretrain_usd", "finetune_usd", "evaluate_usd")]
        energy = capacity.energy.distribution if self.pays_energy else None
        joules = self._training_joules()
        unknown = None in trained or (self.pays_energy and energy is None) or None in joules.values()
        if unknown or not math.isfinite(self.accuracy["value"]):
            return None
        pretrain, finetune, evaluate = (Fixed(usd) for usd in trained)
        return {
            "quality": _drawn(self.accuracy["draws"], self.accuracy["value"]),
            "samples_per_s": _drawn(capacity.serving.rate_draws, capacity.samples_per_s),
            **({} if energy is None else {"energy_j_per_request": energy}),
            **{name: each for name, each in joules.items() if each is not None},
            "pretrain_usd": pretrain, "finetune_usd": finetune, "evaluate_usd": evaluate,
        }  # fmt: skip

    def _training_joules(self) -> dict[str, Distribution | None]:
        energy = self.training_energy
        if energy is None:
            return {}
        return {"pretrain_j": energy.pretraining.distribution, "tuning_j": energy.tuning.distribution}

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
        if self.bill is not None:
            yield from self.gaps_of_calls()
            return
        capacity = self.capacity(market)
        windows = capacity.serving.leaves if capacity else []
        if scenario not in self.measured.fastest:
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
        yield from self._energy_gaps(market, capacity)

    def gaps_of_calls(self) -> Iterator[Reason]:
        """Yield why a served model is not judged: its calls have no price, or what it bears is not known."""
        if self.bill is not None:
            yield self.bill.gap or Reason("calls under load", {"usd": self.cost["usd_per_1k_inferences"]})

    def _energy_gaps(self, market: Market, capacity: Capacity | None) -> Iterator[Reason]:
        served = capacity.energy if capacity and self.pays_energy else None
        if served:
            yield from filter(None, [served.gap])
        trained = None not in (self.cost["train_usd"], self.cost["evaluate_usd"])  # else that is the gap
        if self.training_energy and trained:
            yield from self.training_energy.gaps
        if served or self.training_energy:
            yield from filter(None, [_price_of_energy(market)])

    def energy_kind(self, market: Market) -> Kind | None:
        """Return whether the energy that is charged was measured or estimated; None if none is."""
        capacity = self.capacity(market)
        return capacity.energy.band.kind if capacity and self.pays_energy else None

    def caveats(self, market: Market) -> Iterator[Reason]:
        """Yield what is uncertain of the evidence, and is charged all the same."""
        capacity = self.capacity(market)
        if capacity and self.pays_energy:
            idle = idle_caveat(self.measured.machine) if self.buying != "elastic" else None
            yield from filter(None, (capacity.energy.caveat, idle))
        if self.training_energy:
            yield from self.training_energy.caveats


def _price_of_energy(market: Market) -> Reason | None:
    """Return that energy, which is paid, has no price; None if it has one."""
    name = "energy_usd_per_kwh"
    given = name in market.use_case.market or name in market.overrides
    return None if given else Reason("energy without a price")


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
        Evidence(candidate, rows[candidate.key], cost_row(candidate, figures, pricing), figures, pricing)
        for candidate, figures in priced
    ]
