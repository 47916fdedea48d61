"""Whole machines of a candidate's kind, paid all month, and the volumes from which they cost no more than calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from harness_reports.business.business import Business, tuning_usd
from harness_reports.business.capacity import EXACT, Capacity, most_per_s
from harness_reports.business.market_figures import figure
from harness_reports.business.npv_distribution import npv_distribution
from harness_reports.business.request import PER_REQUEST, USD
from harness_reports.business.supply import HOURS_PER_YEAR, Drawn
from harness_reports.business.supply_figures import idle_power
from harness_reports.business.viability import Candidates
from harness_reports.economics.build_or_buy import build_or_buy, build_or_buy_draws
from harness_reports.economics.training import SECONDS_PER_HOUR
from harness_reports.figures.explained import Explained, derived, named
from harness_reports.figures.formula import evaluate

MONTHS = 12
FIRST, COUNT, ALWAYS = BREAK_EVENS = (
    "first_break_even_requests_per_month", "machines_at_break_even", "always_cheaper_above_requests_per_month",
)  # fmt: skip
"""Columns that compare whole machines with calls."""
ENDS = ("first_break_even_low", "first_break_even_high")
"""The 5th and 95th percentile of the first of them."""
CHANCES = ("break_even_probability", "machines_cheaper_probability")
COMPARED = (*BREAK_EVENS, *ENDS, *CHANCES)
_HOURS_PER_MONTH = HOURS_PER_YEAR / MONTHS
_MILLION = 1_000_000
_IDLE, _ADDED = "idle_energy_usd_per_month", "energy_usd_per_request"
_IDLE_USD = f"idle_watts * {_HOURS_PER_MONTH} / 1000 * pue * energy_usd_per_kwh"
_ADDED_USD = (
    "(1 + retry_share) * (energy_j_per_request - idle_watts / samples_per_s) * pue * energy_usd_per_kwh / 3600000"
)
_FIXED_USD = (
    f"(upfront_usd - upfront_cost_usd) / (years * {MONTHS}) + (tuning_usd + tuning_energy_usd) * retrainings_per_year "
    f"/ {MONTHS}"
)


class OwnMachines(NamedTuple):
    """Whole machines, paid all month; each number by draw, shape (draws,), or (1,) where it is certain."""

    usd_per_month: np.ndarray
    """Per machine."""
    requests_per_month: np.ndarray
    """Capacity of 1, 2, … machines at the use case's peak factor, shape (machines, draws); each further one adds the
    mean of the last."""
    fixed_usd_per_month: np.ndarray
    """Development, training and retraining, spread over the months."""
    usd_per_request: np.ndarray
    """Energy of a request, above that of an idle machine, where the machine's price excludes energy."""

    @property
    def per_machine(self) -> np.ndarray:
        """Capacity of each further machine."""
        return np.asarray(self.requests_per_month[-1] / len(self.requests_per_month))

    def usd(self, requests: np.ndarray) -> np.ndarray:
        """Return the cost of a month at volumes of requests, shape (volumes, draws)."""
        volumes = np.asarray(requests, dtype=float)[:, None]
        few = 1 + sum((volumes > bound).astype(int) for bound in self.requests_per_month[:-1])
        count = np.where(volumes <= self.requests_per_month[-1], few, np.ceil(volumes / self.per_machine))
        return np.asarray(count * self.usd_per_month + self.fixed_usd_per_month + volumes * self.usd_per_request)


def on_machines(candidates: Candidates) -> bool:
    """Return whether the best candidate runs on machines that hosted models can be compared with."""
    return candidates.best.evidence.capacity(candidates.market) is not None


def own_machines(candidates: Candidates, best: Mapping[str, Explained]) -> OwnMachines:
    """Return the machines of the base case.

    Args:
        candidates: all candidates of the use case; the machines are of the best one's kind.
        best: figures of its row of the viability table.
    """
    usd, fixed, energy = (np.full(1, part.value) for part in _machine_figures(candidates, best))
    # The fixed cost is a difference of floats: it may be just below 0.
    return OwnMachines(usd, _capacities(candidates)[:, None], np.maximum(0.0, fixed), energy)


def drawn_machines(candidates: Candidates, draws: int | None = None) -> OwnMachines:
    """Return the machines in each draw of the market and of the best candidate's measurements; `draws`: the first."""
    best, market, capacity = candidates.best, candidates.market, _capacity(candidates)
    business = best.business
    assert business is not None  # noqa: S101 - hosted models are compared with measured candidates only
    every = npv_distribution(business, candidates.drawn, best.evidence.accuracy).drawn
    drawn = {name: values[:draws] for name, values in every.items()}
    speed = drawn["samples_per_s"] / capacity.samples_per_s
    borne = _capacities(candidates)[:, None] * (1 + market.numbers["retry_share"]) / (1 + drawn["retry_share"]) * speed
    idle, added = _energy_usd(candidates, drawn)
    hourly = best.evidence.figures["usd_per_hour"].value
    fixed = np.maximum(0.0, _fixed_usd(business, drawn))
    return OwnMachines(hourly * _HOURS_PER_MONTH + idle, borne, fixed, added)


def _fixed_usd(business: Business, drawn: Drawn) -> np.ndarray:
    parts = {
        "upfront_usd": business.upfront_usd(drawn), "years": business.years, "tuning_usd": tuning_usd(drawn),
        "tuning_energy_usd": business.training_energy_usd("tuning_j", drawn),
    }  # fmt: skip
    return np.asarray(evaluate(_FIXED_USD, {**drawn, **parts}))


def _energy_usd(candidates: Candidates, drawn: Drawn) -> tuple[np.ndarray, np.ndarray]:
    """Return the energy of an idle machine, per month, and what a request adds to it; 0 where the price includes it."""
    evidence = candidates.best.evidence
    idle = idle_power(evidence.measured.machine).value
    if not evidence.pays_energy:
        return np.zeros(1), np.zeros(1)
    parts = {**drawn, "idle_watts": idle, "pue": evidence.figures["pue"].value}
    return np.asarray(evaluate(_IDLE_USD, parts)), np.asarray(evaluate(_ADDED_USD, parts))


def _capacities(candidates: Candidates) -> np.ndarray:
    """Return the requests of a month that 1, 2, … machines bear in the busiest hour, each in its better way."""
    market = candidates.market
    ways = candidates.best.evidence.ways(market.latency_s)
    peaks = market.numbers["peak_factor"] * (1 + market.numbers["retry_share"])
    per_s = np.array([most_per_s(ways, count + 1) for count in range(EXACT)])
    return per_s * SECONDS_PER_HOUR * _HOURS_PER_MONTH / peaks


def _capacity(candidates: Candidates) -> Capacity:
    capacity = candidates.best.evidence.capacity(candidates.market)
    assert capacity is not None  # noqa: S101 - hosted models are compared with measured candidates only
    return capacity


def _energy_figures(candidates: Candidates) -> tuple[Explained, Explained]:
    """Return the energy of an idle machine, per month, and what a request adds to it, as figures."""
    market, evidence = candidates.market, candidates.best.evidence
    if not evidence.pays_energy:
        note = "included in the machine's price"
        return Explained(_IDLE, 0.0, USD, note=note), Explained(_ADDED, 0.0, PER_REQUEST, note=note)
    capacity, idle = _capacity(candidates), idle_power(evidence.measured.machine)
    price = (evidence.figures["pue"], figure(market, "energy_usd_per_kwh"))
    return (
        derived(_IDLE, USD, _IDLE_USD, idle, *price),
        derived(_ADDED, PER_REQUEST, _ADDED_USD, figure(market, "retry_share"), capacity.energy.figure, idle,
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
        derived("fixed_usd_per_month", USD, _FIXED_USD, upfront, *tuning, *parts,
                note="trainings, spread over the months"),
        added,
    )  # fmt: skip


def break_evens(
    candidates: Candidates, best: Mapping[str, Explained], serving: Explained, usd_per_request: np.ndarray
) -> list[Explained]:
    """Return the volumes from which whole machines of the candidate's kind cost no more than calls.

    Args:
        candidates: of the use case.
        best: figures of the best one's row of the viability table.
        serving: cost of the calls of a request, retries included.
        usd_per_request: the same in each draw.
    """
    if not on_machines(candidates):
        note = "the candidate is paid by the call itself: there is no machine to compare with"
        return [Explained(name, None, note=note) for name in COMPARED]
    machines, call = own_machines(candidates, best), named(serving, "usd_per_request")
    volumes = build_or_buy(
        float(machines.usd_per_month[0]),
        float(machines.per_machine[0]),
        float(machines.fixed_usd_per_month[0]),
        max(0.0, call.value - float(machines.usd_per_request[0])) * _MILLION,
        machines.requests_per_month[:, 0].tolist(),
    )  # a request in place of a token
    capacity = Explained("machine_requests_per_month", float(machines.requests_per_month[0, 0]), "per month",
                         note="what one machine bears in the busiest hour, over peak_factor and retries")  # fmt: skip
    parts = (*_machine_figures(candidates, best), capacity, call)
    drawn = _drawn_figures(candidates, usd_per_request, parts)
    if volumes.first_break_even_tokens is None:
        note = "no volume: whole machines always cost more than calls"
        return [*(Explained(name, None, note=note, inputs=parts) for name in BREAK_EVENS), *drawn]
    number = Explained(COUNT, volumes.machines_at_break_even, note="the fewest whole machines that cost no more than "
                       "calls at full load", inputs=parts)  # fmt: skip
    note = "above it no further machine makes owning cost more than calls; none if each further one does for a while"
    return [
        number,
        Explained(FIRST, volumes.first_break_even_tokens, "per month",
                  f"({COUNT} * machine_usd_per_month + fixed_usd_per_month) / (usd_per_request - {_ADDED})",
                  inputs=(replace(number, inputs=(), note="another figure of this row"), *parts)),
        Explained(ALWAYS, volumes.always_cheaper_above_tokens, "per month", note=note, inputs=parts),
        *drawn,
    ]  # fmt: skip


def _drawn_figures(
    candidates: Candidates, usd_per_request: np.ndarray, parts: tuple[Explained, ...]
) -> list[Explained]:
    """Return the interval of the first break-even, and how likely there is one, and machines are cheaper today."""
    machines, market = drawn_machines(candidates), candidates.market
    first, _ = build_or_buy_draws(
        machines.usd_per_month, machines.per_machine, machines.fixed_usd_per_month,
        np.maximum(0.0, usd_per_request - machines.usd_per_request), machines.requests_per_month,
    )  # fmt: skip
    exists = float(np.isfinite(first).mean())
    note = (
        "{} percentile over the draws of both sides: measured speed, trainings, retries, energy, price of a call; none "
        "where so many draws have no such volume"
    )
    ends = [
        Explained(name, end, "per month", note=note.format(percentile), inputs=parts)
        for name, end, percentile in zip(ENDS, _ends(first), ("5th", "95th"), strict=True)
    ]
    volume = np.full(1, market.requests_per_year / MONTHS)
    cheaper = float((machines.usd(volume)[0] <= usd_per_request * volume).mean())
    return [
        *ends,
        Explained(CHANCES[0], exists, note="the share of draws in which there is a break-even at any volume",
                  inputs=parts),
        Explained(CHANCES[1], cheaper, note="the share of draws in which machines cost no more than calls at "
                  "requests_per_month", inputs=parts),
    ]  # fmt: skip


def _ends(first: np.ndarray) -> list[float | None]:
    """Return the 5th and the 95th percentile of volumes of which some are infinite; None for an infinite one."""
    ends = np.quantile(first, (0.05, 0.95), method="inverted_cdf")
    return [float(end) if np.isfinite(end) else None for end in ends]
