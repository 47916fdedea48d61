"""The cash flows of a use case run with one candidate, from measured and assumed inputs.

Each year: requests = demand · share that has adopted. A request earns its value, which declines with competition. It
costs human review, and the expected cost of errors that review does not catch. Serving is paid for the year
(`supply.py`), at prices that decline; energy, where the price of the machine does not include it, at one that does not.
Operating cost and retraining are paid at the end of each year, development and training at t = 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import mul
from typing import NamedTuple

import numpy as np

from harness_reports.business.figure_rules import BOTTOM_UP
from harness_reports.business.supply import MACHINES_DECLINE, Drawn, Supply
from harness_reports.economics.adoption import shares_by_year
from harness_reports.economics.distributions import Distribution
from harness_reports.figures.formula import evaluate
from harness_reports.measured.quality_figures import RIGHT_SHARE

MEASURED = (
    "quality", "samples_per_s", "usd_per_call", "energy_j_per_request", "pretrain_j", "tuning_j", "pretrain_usd",
    "finetune_usd", "evaluate_usd",
)  # fmt: skip
"""Inputs that were measured, in USD after pricing; energies only where they are paid apart from machines."""
# Formulas in the form of `figures.formula`; `harness explain` shows them. Of a year, a kWh being 3,600,000 J:
ENERGY = (
    "(requests_per_year * (1 + retry_share) * energy_j_per_request + idle_hours * 3600 * idle_watts) "
    "* pue * energy_usd_per_kwh / 3600000"
)
# Per request:
ERROR = "(1 - right_share) * (1 - review_share) * cost_per_error_usd"
REVIEW = "review_share * review_usd"
# Per training, before the first request, and per year:
TUNING = "finetune_usd + evaluate_usd"
TRAINING_ENERGY = "{} * pue * energy_usd_per_kwh / 3600000"
"""Of a pretraining, or of a fine-tuning and its evaluation: its joules."""
UPFRONT = (
    "((pretrain_usd + pretrain_energy_usd) / pretraining_uses + tuning_usd + tuning_energy_usd) "
    "* development_multiplier + upfront_cost_usd"
)
OPERATING_COST = "fixed_cost_per_year_usd + staff * staff_usd_per_year"
FLOW = (
    "requests * (value_usd - answer_usd) - serving_usd_per_year * price_index - energy_usd_per_year "
    "- operating_cost_usd - retrainings_per_year * (tuning_usd * price_index + tuning_energy_usd)"
)
"""Cash flow of a year; `price_index` is the price of machines, or of calls, as a share of the first year's."""


class Year(NamedTuple):
    """One year, undiscounted, by draw."""

    requests: np.ndarray
    value_usd: np.ndarray
    """Per request."""
    price_index: np.ndarray
    """Price of machines, or of calls, as a share of the first year's."""


class Sums(NamedTuple):
    """The market's part of a net present value: discounted sums over the years.

    They are the same for every candidate whose price of serving declines alike.
    """

    income_usd: np.ndarray
    requests: np.ndarray
    operating_cost_usd: np.ndarray
    """Fixed costs and staff."""
    retrainings: np.ndarray
    """Weighted with the price index of their year."""
    retrainings_alone: np.ndarray
    """Not weighted: the price of energy does not decline."""
    years: tuple[tuple[Year, np.ndarray], ...]
    """Each year with its discount factor."""

    def times(self, factor: float) -> Sums:
        """Return the sums with the requests of every year multiplied by a factor."""
        requests = {id(year.requests): year.requests * factor for year, _ in self.years}  # alike years stay one array
        years = tuple((year._replace(requests=requests[id(year.requests)]), discount) for year, discount in self.years)
        return self._replace(income_usd=self.income_usd * factor, requests=self.requests * factor, years=years)


def demand(drawn: Drawn) -> np.ndarray:
    """Return the requests of a steady-state year."""
    names = ("requests_per_year",) if "requests_per_year" in drawn else BOTTOM_UP
    return reduce(mul, (drawn[name] for name in names))


def years_of(drawn: Drawn, years: int, decline: str = MACHINES_DECLINE) -> Iterator[Year]:
    """Yield each year's requests, value and price of serving, by draw; `decline` is the figure of how that declines."""
    requests = demand(drawn)
    value, price = drawn["value_per_request_usd"], np.ones(1)
    for adopted in _adopted(drawn, requests, years):
        yield Year(adopted, value, price)
        value = value * (1 - drawn["value_decline_per_year"])
        price = price * (1 - drawn[decline])


def _adopted(drawn: Drawn, requests: np.ndarray, years: int) -> Iterator[np.ndarray]:
    """Yield each year's requests; the same array where nothing changes, so that it is served once."""
    if "adoption_innovation" not in drawn:
        return iter([requests] * years)
    shares = shares_by_year(drawn["adoption_innovation"], drawn["adoption_imitation"], years)
    return (requests * share for share in shares)


def market_sums(drawn: Drawn, years: int, decline: str = MACHINES_DECLINE) -> Sums:
    """Return the discounted sums of a market; `decline` is that of the price of serving."""
    discount = 1 / (1 + drawn["discount_rate"])
    operating_cost, retrainings = operating_cost_usd(drawn), drawn["retrainings_per_year"]
    factor, totals, passed = np.ones(1), [np.zeros(1)] * 5, list[tuple[Year, np.ndarray]]()
    for year in years_of(drawn, years, decline):
        factor = factor * discount
        requests = year.requests * factor
        retrained = retrainings * factor
        parts = (
            requests * year.value_usd, requests, operating_cost * factor, retrained * year.price_index, retrained,
        )  # fmt: skip
        totals = [total + part for total, part in zip(totals, parts, strict=True)]
        passed.append((year, factor))
    income, sold, operating, indexed, alone = totals
    return Sums(income, sold, operating, indexed, alone, tuple(passed))


def operating_cost_usd(drawn: Drawn) -> np.ndarray:
    """Return the cost of a year that does not depend on requests: fixed costs and staff."""
    return np.asarray(evaluate(OPERATING_COST, drawn))


@dataclass(frozen=True)
class Business:
    """A market and a candidate."""

    market: Mapping[str, Distribution]
    measured: Mapping[str, Distribution]
    """By the names in `MEASURED`."""
    years: int
    ceiling: float | None
    """The quality at which every answer is right; None: errors are unknown and have no price."""
    supply: Supply
    """How requests are served."""
    idle_watts: float | None = None
    """Power of an idle machine; None where it is not known, and is then left out of the energy."""
    pue: float = 1.0
    """Power usage effectiveness of the building."""

    @property
    def inputs(self) -> dict[str, Distribution]:
        """Every input by name."""
        return {**self.market, **self.measured}

    @cached_property
    def means(self) -> dict[str, np.ndarray]:
        """Every input at its mean."""
        return {name: np.full(1, distribution.mean) for name, distribution in self.inputs.items()}

    @cached_property
    def base_sums(self) -> Sums:
        """The market's sums with every input at its mean."""
        return market_sums(self.means, self.years, self.supply.decline)

    def margin_usd(self) -> float | None:
        """Return what a request of a steady-state year earns in the base case; None without demand."""
        drawn = self.means
        requests = demand(drawn)
        if not requests[0]:
            return None
        usd, energy = self.year_of_serving(requests, drawn)
        return float((drawn["value_per_request_usd"] - (usd + energy) / requests - self.answer_usd(drawn))[0])

    @property
    def pays_energy(self) -> bool:
        """Whether energy is known and is paid separately from the machine."""
        return "energy_j_per_request" in self.measured

    def upfront_usd(self, drawn: Drawn) -> np.ndarray:
        """Return the upfront cost: development, and training with its failed attempts."""
        parts = {
            "tuning_usd": tuning_usd(drawn), "pretrain_energy_usd": self.training_energy_usd("pretrain_j", drawn),
            "tuning_energy_usd": self.training_energy_usd("tuning_j", drawn),
        }  # fmt: skip
        return np.asarray(evaluate(UPFRONT, {**drawn, **parts}))

    def training_energy_usd(self, name: str, drawn: Drawn) -> np.ndarray:
        """Return the cost of an energy of training; 0 where the prices of its machines include it."""
        if name not in drawn:
            return np.zeros(1)
        return np.asarray(evaluate(TRAINING_ENERGY.format(name), {**drawn, "pue": self.pue}))

    def year_of_serving(self, requests: np.ndarray, drawn: Drawn) -> tuple[np.ndarray, np.ndarray]:
        """Return the cost of serving a year's requests at the first year's prices, and of its energy."""
        served = self.supply.year(requests, drawn)
        if not self.pays_energy:
            return served.usd, np.zeros(1)
        machine = {
            "requests_per_year": requests, "idle_hours": served.idle_hours, "idle_watts": self.idle_watts or 0.0,
            "pue": self.pue, "energy_j_per_request": drawn["energy_j_per_request"] * served.energy_ratio,
        }  # fmt: skip
        return served.usd, np.asarray(evaluate(ENERGY, {**drawn, **machine}))

    def serving_usd(self, drawn: Drawn, sums: Sums) -> np.ndarray:
        """Return the discounted cost of serving all years, energy included."""
        total, requests, usd, energy = np.zeros(1), None, np.zeros(1), np.zeros(1)
        for year, discount in sums.years:
            if year.requests is not requests:
                requests = year.requests
                usd, energy = self.year_of_serving(requests, drawn)
            total = total + (usd * year.price_index + energy) * discount
        return total

    def error_usd(self, drawn: Drawn) -> np.ndarray:
        """Return the expected cost of errors per request, after review."""
        if self.ceiling is None:
            return np.zeros(1)
        right = evaluate(RIGHT_SHARE, {**drawn, "ceiling": self.ceiling})
        return np.asarray(evaluate(ERROR, {**drawn, "right_share": right}))

    def answer_usd(self, drawn: Drawn) -> np.ndarray:
        """Return the cost per request of review and of the errors that pass it."""
        return np.asarray(self.error_usd(drawn) + review_usd(drawn))

    def npv_usd(self, figures: Drawn) -> np.ndarray:
        """Return the net present value of each draw."""
        return self.npv_of(figures, market_sums(figures, self.years, self.supply.decline))

    def npv_of(self, drawn: Drawn, sums: Sums) -> np.ndarray:
        """Return the net present value of each draw, given the market's sums, which candidates share."""
        earned = sums.income_usd - self.serving_usd(drawn, sums) - self.answer_usd(drawn) * sums.requests
        spent = sums.operating_cost_usd + sums.retrainings * tuning_usd(drawn) + self.upfront_usd(drawn)
        return np.asarray(earned - (spent + sums.retrainings_alone * self.training_energy_usd("tuning_j", drawn)))

    def flows_usd(self) -> list[float]:
        """Return the base case's cash flow of each year, the first at t = 0: every input at its mean."""
        drawn = self.means
        constants = {
            **drawn, "answer_usd": self.answer_usd(drawn), "operating_cost_usd": operating_cost_usd(drawn),
            "tuning_usd": tuning_usd(drawn), "tuning_energy_usd": self.training_energy_usd("tuning_j", drawn),
        }  # fmt: skip
        later = []
        for year in years_of(drawn, self.years, self.supply.decline):
            usd, energy = self.year_of_serving(year.requests, drawn)
            served = {"serving_usd_per_year": usd, "energy_usd_per_year": energy}
            later.append(evaluate(FLOW, {**constants, **served, **year._asdict()}))
        return [float(flow[0]) for flow in (-self.upfront_usd(drawn), *later)]


def review_usd(drawn: Drawn) -> np.ndarray:
    """Return the cost of human review per request."""
    return np.asarray(evaluate(REVIEW, drawn))


def tuning_usd(drawn: Drawn) -> np.ndarray:
    """Return the cost of one fine-tuning and its evaluation."""
    return np.asarray(evaluate(TUNING, drawn))
