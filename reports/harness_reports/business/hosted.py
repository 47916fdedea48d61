"""Hosted models paid by the call: cost of a call, net present value with it, and break-even with own machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import NamedTuple

import numpy as np

from harness.errors import FactError
from harness_reports.business.business import Business
from harness_reports.business.capacity import EXACT, Capacity, most_per_s
from harness_reports.business.market import Market
from harness_reports.business.market_figures import drawn_figures, figure
from harness_reports.business.npv_distribution import NpvDistribution, npv_distribution, outcome_cells
from harness_reports.business.request import PER_REQUEST, USD, error_figure
from harness_reports.business.supply import HOURS_PER_YEAR, Calls
from harness_reports.business.supply_figures import idle_power
from harness_reports.business.viability import Candidates, CandidateVerdict
from harness_reports.business.years import flow_figures, present_value, sampled
from harness_reports.economics.api_prices import CallPrice, call_price, price_source
from harness_reports.economics.build_or_buy import build_or_buy
from harness_reports.economics.cashflow import npv
from harness_reports.economics.distributions import Distribution, Empirical, Fixed
from harness_reports.economics.simulation import draw
from harness_reports.economics.training import SECONDS_PER_HOUR
from harness_reports.figures.explained import Explained, derived, named
from harness_reports.measured.quality_figures import quality_share

RISK = ("npv_mean_usd", "npv_low_usd", "npv_p50_usd", "npv_high_usd", "probability_positive")
BREAK_EVENS = (
    "first_break_even_requests_per_month", "machines_at_break_even", "always_cheaper_above_requests_per_month",
)  # fmt: skip
"""Columns that compare whole machines with calls."""
TOKENS = ("input_tokens_per_request", "output_tokens_per_request")
MONTHS = 12
_HOURS_PER_MONTH = HOURS_PER_YEAR / MONTHS
_MILLION = 1_000_000
_IDLE, _ADDED = "idle_energy_usd_per_month", "energy_usd_per_request"
_TOKEN_DRAWS = 4096
"""Draws of the numbers of tokens, whose costs are the values of an empirical distribution."""


class CallCost(NamedTuple):
    """The cost of a call."""

    usd: Distribution
    usd_per_token: tuple[float, float]
    """Of input and output, in a call of mean size."""
    as_of: date | None
    """The day since which it holds; None if that is not known."""
    terms: str


def call_cost(market: Market, name: str, day: date) -> CallCost:
    """Return the cost of a call on a day, a distribution over its number of tokens.

    Raises:
        FactError: the name is no `provider/model`, token figures are missing, or the model has no known price.
    """
    provider, _, model = name.partition("/")
    use_case = f"Use case {market.use_case.name!r}"
    if not model:
        raise FactError(f"{use_case}: the hosted model {name!r} has no provider. Write `provider/model`.")
    if TOKENS[0] not in market.use_case.market:
        raise FactError(f"{use_case} names hosted models, but no {TOKENS[0]}. Add it, and {TOKENS[1]}.")
    at = datetime.combine(day, time(12), UTC)  # noon: some prices depend on the hour
    means = [round(market.inputs[name].mean) for name in TOKENS]
    cached = round(means[0] * market.numbers["cached_input_share"])
    usage = {"input_tokens": means[0], "cache_read_tokens": cached, "output_tokens": means[1]}
    call = call_price(provider, model, usage, at, batch_if_possible=market.latency_s is None)
    parts = zip((call.input_usd, call.output_usd), means, strict=True)
    # Prices have tiers: tokens are priced at the mean size, then the cost is linear in their number.
    rates = tuple(float(usd / tokens) if tokens else 0.0 for usd, tokens in parts)
    drawn = draw({name: market.inputs[name] for name in TOKENS}, _TOKEN_DRAWS)
    values = sum(rate * drawn[name] for rate, name in zip(rates, TOKENS, strict=True))
    mean = sum(rate * market.inputs[name].mean for rate, name in zip(rates, TOKENS, strict=True))
    usd = Empirical(np.asarray(values), mean) if np.size(values) > 1 else Fixed(mean)
    return CallCost(usd, (rates[0], rates[1]), call.as_of, _terms(call, cached))


def _terms(call: CallPrice, cached: int) -> str:
    return ", ".join(["batch" if call.batch else "standard", *(["cached input"] if cached else [])])


def hosted_npv(candidates: Candidates, best: CandidateVerdict, price: CallCost) -> NpvDistribution | None:
    """Return the net present value with calls of a hosted model, in the draws of a measured candidate's market.

    None where the use case gives no `hosted_quality`: what the model would do on these items was not measured.
    """
    market, business = candidates.market, best.business
    assert business is not None  # noqa: S101 - hosted models are compared with measured candidates only
    if "hosted_quality" not in market.inputs:
        return None
    measured: dict[str, Distribution] = {
        "quality": market.inputs["hosted_quality"], "usd_per_call": price.usd, "pretrain_usd": Fixed(0.0),
        "finetune_usd": Fixed(0.0), "evaluate_usd": Fixed(0.0),
    }  # fmt: skip
    hosted = Business(market.inputs, measured, business.years, business.ceiling, Calls())
    return npv_distribution(hosted, candidates.drawn, best.evidence.accuracy)


def hosted_figures(
    candidates: Candidates, best: Mapping[str, Explained], price: CallCost, hosted: NpvDistribution | None, model: str
) -> dict[str, Explained]:
    """Return the figures of a hosted model's row of the alternatives table, by column.

    Args:
        candidates: all candidates of the use case.
        best: figures of the best candidate's row of the viability table.
        price: cost of a call.
        hosted: net present value of the use case with these calls; None without a quality.
        model: `provider/model`.
    """
    market = candidates.market
    call = _call(market, price, model)
    serving = derived("unit_serving_usd", PER_REQUEST, "usd_per_call * (1 + retry_share)", call,
                      figure(market, "retry_share"))  # fmt: skip
    upfront = derived("upfront_usd", USD, "upfront_cost_usd", figure(market, "upfront_cost_usd"),
                      note="nothing is trained")  # fmt: skip
    figures = (
        serving, upfront, *_break_evens(candidates, best, serving),
        *(_unmeasured() if hosted is None else _measured_by_the_reader(candidates, hosted, call, upfront)),
    )  # fmt: skip
    return {each.name: each for each in figures}


def _unmeasured() -> Iterator[Explained]:
    note = "the quality of this model was not measured: give `hosted_quality` in the use case if you know it"
    for name in ("quality", "unit_error_usd", "npv_usd", *RISK):
        yield Explained(name, None, USD if name.endswith("_usd") else "", note=note)


def _measured_by_the_reader(
    candidates: Candidates, hosted: NpvDistribution, call: Explained, upfront: Explained
) -> Iterator[Explained]:
    """Yield the figures that need a quality, with the one that the use case gives."""
    market, business = candidates.market, hosted.business
    quality = figure(market, "hosted_quality", "quality")
    flows = flow_figures(market, business, {call.name: call}, upfront)
    value = npv(market.numbers["discount_rate"], business.flows_usd())
    yield quality
    yield error_figure(market, quality_share(candidates.best.evidence.quality, quality))
    yield present_value(market, value, flows)
    rest = (quality, call, figure(market, "api_price_decline_per_year"))
    yield from sampled(outcome_cells(hosted.outcome), (*drawn_figures(market), *rest), RISK)


def _call(market: Market, price: CallCost, model: str) -> Explained:
    since = f"since {price.as_of}" if price.as_of else "day unknown"
    source = f"{price_source()} for {model}, {since}, {price.terms}"
    rates = tuple(
        Explained(name, usd, "USD per token", note="in a call of mean size", source=source, kind="price")
        for name, usd in zip(("usd_per_input_token", "usd_per_output_token"), price.usd_per_token, strict=True)
    )
    formula = f"usd_per_input_token * {TOKENS[0]} + usd_per_output_token * {TOKENS[1]}"
    return derived("usd_per_call", "USD per call", formula, *rates, *(figure(market, name) for name in TOKENS))


class OwnMachines(NamedTuple):
    """Whole machines of a candidate's kind, paid all month."""

    usd_per_month: float
    """Per machine."""
    requests_per_month: tuple[float, ...]
    """Capacity of 1, 2, … machines at the use case's peak factor; each further one adds the mean of the last."""
    fixed_usd_per_month: float
    """Development, training and retraining, spread over the months."""
    usd_per_request: float = 0.0
    """Energy of a request, above that of an idle machine, where the machine's price excludes energy."""

    @property
    def per_machine(self) -> float:
        """Capacity of each further machine."""
        return self.requests_per_month[-1] / len(self.requests_per_month)

    def usd(self, requests: np.ndarray) -> np.ndarray:
        """Return the cost of a month at volumes of requests."""
        few = np.searchsorted(self.requests_per_month, requests) + 1
        count = np.where(requests <= self.requests_per_month[-1], few, np.ceil(requests / self.per_machine))
        return np.asarray(count * self.usd_per_month + self.fixed_usd_per_month + requests * self.usd_per_request)


def on_machines(candidates: Candidates) -> bool:
    """Return whether the best candidate runs on machines that hosted models can be compared with."""
    return candidates.best.evidence.capacity(candidates.market) is not None


def own_machines(candidates: Candidates, best: Mapping[str, Explained]) -> OwnMachines:
    """Return the machines that hosted models are compared with.

    Args:
        candidates: all candidates of the use case; the machines are of the best one's kind.
        best: figures of its row of the viability table.
    """
    usd, fixed, energy = (part.value for part in _machine_figures(candidates, best))
    # The fixed cost is a difference of floats: it may be just below 0.
    return OwnMachines(usd, _capacities(candidates), max(0.0, fixed), energy)


def _capacities(candidates: Candidates) -> tuple[float, ...]:
    """Return the requests of a month that 1, 2, … machines bear in the busiest hour, each in its better way."""
    market = candidates.market
    ways = candidates.best.evidence.ways(market.latency_s)
    peaks = market.numbers["peak_factor"] * (1 + market.numbers["retry_share"])
    return tuple(most_per_s(ways, count + 1) * SECONDS_PER_HOUR * _HOURS_PER_MONTH / peaks for count in range(EXACT))


def _capacity(candidates: Candidates) -> Capacity:
    capacity = candidates.best.evidence.capacity(candidates.market)
    assert capacity is not None  # noqa: S101 - hosted models are compared with measured candidates only
    return capacity


def _energy_figures(candidates: Candidates) -> tuple[Explained, Explained]:
    """Return the energy of an idle machine, per month, and what a request adds to it; 0 where the price includes it."""
    market, evidence = candidates.market, candidates.best.evidence
    if not evidence.pays_energy:
        note = "included in the machine's price"
        return Explained(_IDLE, 0.0, USD, note=note), Explained(_ADDED, 0.0, PER_REQUEST, note=note)
    capacity, idle = _capacity(candidates), idle_power(evidence.measured.machine)
    price = (evidence.figures["pue"], figure(market, "energy_usd_per_kwh"))
    return (
        derived(_IDLE, USD, f"idle_watts * {_HOURS_PER_MONTH} / 1000 * pue * energy_usd_per_kwh", idle, *price),
        derived(_ADDED, PER_REQUEST, "(1 + retry_share) * (energy_j_per_request - idle_watts / samples_per_s) * pue "
                "* energy_usd_per_kwh / 3600000", figure(market, "retry_share"), capacity.energy.figure, idle,
                capacity.speed, *price, note="above that of an idle machine"),
    )  # fmt: skip


def _machine_figures(candidates: Candidates, best: Mapping[str, Explained]) -> tuple[Explained, Explained, Explained]:
    """Return the cost of a machine and the fixed cost, per month, and the energy of a request, as figures."""
    idle, added = _energy_figures(candidates)
    market, evidence, upfront = candidates.market, candidates.best.evidence, best["upfront_usd"]
    tuning = [part for part in upfront.inputs if part.name in ("tuning_usd", "tuning_energy_usd")]
    parts = (figure(market, name) for name in ("upfront_cost_usd", "years", "retrainings_per_year"))
    return (
        derived("machine_usd_per_month", USD, f"usd_per_hour * {_HOURS_PER_MONTH} + {_IDLE}",
                evidence.figures["usd_per_hour"], idle, note="every hour is paid"),
        derived("fixed_usd_per_month", USD, f"(upfront_usd - upfront_cost_usd) / (years * {MONTHS}) "
                f"+ (tuning_usd + tuning_energy_usd) * retrainings_per_year / {MONTHS}", upfront, *tuning, *parts,
                note="trainings, spread over the months"),
        added,
    )  # fmt: skip


def _break_evens(candidates: Candidates, best: Mapping[str, Explained], serving: Explained) -> list[Explained]:
    """Return the volumes from which whole machines of the candidate's kind cost no more than calls."""
    if not on_machines(candidates):
        note = "the candidate is paid by the call itself: there is no machine to compare with"
        return [Explained(name, None, note=note) for name in BREAK_EVENS]
    machines, call = own_machines(candidates, best), named(serving, "usd_per_request")
    volumes = build_or_buy(
        machines.usd_per_month,
        machines.per_machine,
        machines.fixed_usd_per_month,
        max(0.0, call.value - machines.usd_per_request) * _MILLION,
        machines.requests_per_month,
    )  # a request in place of a token
    capacity = Explained("machine_requests_per_month", machines.requests_per_month[0], "per month",
                         note="what one machine bears in the busiest hour, over peak_factor and retries")  # fmt: skip
    parts = (*_machine_figures(candidates, best), capacity, call)
    first, count, always = BREAK_EVENS
    if volumes.first_break_even_tokens is None:
        note = "no volume: whole machines always cost more than calls"
        return [Explained(name, None, note=note, inputs=parts) for name in BREAK_EVENS]
    number = Explained(count, volumes.machines_at_break_even, note="the fewest whole machines that cost no more than "
                       "calls at full load", inputs=parts)  # fmt: skip
    note = "above it no further machine makes owning cost more than calls; none if each further one does for a while"
    return [
        number,
        Explained(first, volumes.first_break_even_tokens, "per month",
                  "(machines_at_break_even * machine_usd_per_month + fixed_usd_per_month) "
                  f"/ (usd_per_request - {_ADDED})",
                  inputs=(replace(number, inputs=(), note="another figure of this row"), *parts)),
        Explained(always, volumes.always_cheaper_above_tokens, "per month", note=note, inputs=parts),
    ]  # fmt: skip
