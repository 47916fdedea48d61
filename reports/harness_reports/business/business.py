"""The cash flows of a use case run with one candidate, from measured and assumed inputs.

Each year: requests = demand · share that has adopted. A request earns its value, which declines with competition. It
costs serving with retries, which declines with hardware prices, human review, and the expected cost of errors that
review does not catch. Operating cost and retraining are paid at the end of each year, development and training at
t = 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import mul
from typing import NamedTuple

import numpy as np

from harness_reports.business.figure_rules import BOTTOM_UP
from harness_reports.economics.adoption import shares_by_year
from harness_reports.economics.distributions import Distribution
from harness_reports.figures.formula import evaluate
from harness_reports.measured.quality_figures import RIGHT_SHARE

Drawn = Mapping[str, np.ndarray]
"""Input → draws, shape (draws,), or (1,) if the input is certain."""
MEASURED = ("quality", "serving_usd_per_request", "energy_j_per_request", "pretrain_usd", "finetune_usd",
            "evaluate_usd")  # fmt: skip
"""Inputs that were measured, in USD after pricing."""
# Formulas in the form of `figures.formula`; `harness explain` shows them. Per request, a kWh being 3,600,000 J:
ENERGY = "energy_j_per_request * energy_usd_per_kwh / 3600000"
SERVING = "(unit_serving_usd + energy_usd_per_request) * (1 + retry_share)"
ERROR = "(1 - right_share) * (1 - review_share) * cost_per_error_usd"
REVIEW = "review_share * review_usd"
# Per training, before the first request, and per year:
TUNING = "finetune_usd + evaluate_usd"
UPFRONT = "(pretrain_usd / pretraining_uses + tuning_usd) * development_multiplier + upfront_cost_usd"
OPERATING_COST = "fixed_cost_per_year_usd + staff * staff_usd_per_year"
FLOW = (
    "requests * (value_usd - serving_usd * machines - answer_usd) - operating_cost_usd "
    "- retrainings_per_year * tuning_usd * machines"
)
"""Cash flow of a year; `machines` is the price of machines as a share of the first year's."""


class Year(NamedTuple):
    """One year, undiscounted, by draw."""

    requests: np.ndarray
    value_usd: np.ndarray
    """Per request."""
    machines: np.ndarray
    """Price of machines as a share of the first year's."""


class Sums(NamedTuple):
    """The market's part of a net present value: discounted sums over the years, the same for every candidate."""

    income_usd: np.ndarray
    requests: np.ndarray
    requests_at_cost: np.ndarray
    """Weighted with the price of machines in their year, as a share of the first year's."""
    operating_cost_usd: np.ndarray
    """Fixed costs and staff."""
    retrainings: np.ndarray
    """Weighted as `requests_at_cost`."""


def years_of(drawn: Drawn, years: int) -> Iterator[Year]:
    """Yield each year's requests, value and price of machines, by draw."""
    names = ("requests_per_year",) if "requests_per_year" in drawn else BOTTOM_UP
    requests = reduce(mul, (drawn[name] for name in names))
    value, machines = drawn["value_per_request_usd"], np.ones(1)
    for share in _adopted_shares(drawn, years):
        yield Year(requests * share, value, machines)
        value = value * (1 - drawn["value_decline_per_year"])
        machines = machines * (1 - drawn["hardware_decline_per_year"])


def _adopted_shares(drawn: Drawn, years: int) -> Iterator[np.ndarray]:
    if "adoption_innovation" not in drawn:
        return iter([np.ones(1)] * years)
    return shares_by_year(drawn["adoption_innovation"], drawn["adoption_imitation"], years)


def market_sums(drawn: Drawn, years: int) -> Sums:
    """Return the discounted sums of a market."""
    discount = 1 / (1 + drawn["discount_rate"])
    operating_cost, retrainings = operating_cost_usd(drawn), drawn["retrainings_per_year"]
    factor, totals = np.ones(1), [np.zeros(1)] * len(Sums._fields)
    for year in years_of(drawn, years):
        factor = factor * discount
        requests = year.requests * factor
        parts = (requests * year.value_usd, requests, requests * year.machines, operating_cost * factor,
                 retrainings * year.machines * factor)  # fmt: skip
        totals = [total + part for total, part in zip(totals, parts, strict=True)]
    return Sums(*totals)


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

    @property
    def inputs(self) -> dict[str, Distribution]:
        """Every input by name."""
        return {**self.market, **self.measured}

    @property
    def means(self) -> dict[str, np.ndarray]:
        """Every input at its mean."""
        return {name: np.full(1, distribution.mean) for name, distribution in self.inputs.items()}

    @property
    def pays_energy(self) -> bool:
        """Whether energy was measured and is paid separately from the machine."""
        return "energy_j_per_request" in self.measured and self.market["energy_usd_per_kwh"].mean > 0

    def upfront_usd(self, drawn: Drawn) -> np.ndarray:
        """Return the upfront cost: development, and training with its failed attempts."""
        return np.asarray(evaluate(UPFRONT, {**drawn, "tuning_usd": tuning_usd(drawn)}))

    def serving_usd(self, drawn: Drawn) -> np.ndarray:
        """Return the cost of serving a request in the first year, retries included."""
        energy = evaluate(ENERGY, drawn) if self.pays_energy else 0.0
        once = {"unit_serving_usd": drawn["serving_usd_per_request"], "energy_usd_per_request": energy}
        return np.asarray(evaluate(SERVING, {**drawn, **once}))

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
        return self.npv_of(figures, market_sums(figures, self.years))

    def npv_of(self, drawn: Drawn, sums: Sums) -> np.ndarray:
        """Return the net present value of each draw, given the market's sums, which candidates share."""
        earned = sums.income_usd - self.serving_usd(drawn) * sums.requests_at_cost
        earned = earned - self.answer_usd(drawn) * sums.requests
        spent = sums.operating_cost_usd + sums.retrainings * tuning_usd(drawn) + self.upfront_usd(drawn)
        return np.asarray(earned - spent)

    def flows_usd(self) -> list[float]:
        """Return the base case's cash flow of each year, the first at t = 0: every input at its mean."""
        drawn = self.means
        constants = {
            **drawn, "serving_usd": self.serving_usd(drawn), "answer_usd": self.answer_usd(drawn),
            "operating_cost_usd": operating_cost_usd(drawn), "tuning_usd": tuning_usd(drawn),
        }  # fmt: skip
        later = [evaluate(FLOW, {**constants, **year._asdict()}) for year in years_of(drawn, self.years)]
        return [float(flow[0]) for flow in (-self.upfront_usd(drawn), *later)]


def review_usd(drawn: Drawn) -> np.ndarray:
    """Return the cost of human review per request."""
    return np.asarray(evaluate(REVIEW, drawn))


def tuning_usd(drawn: Drawn) -> np.ndarray:
    """Return the cost of one fine-tuning and its evaluation."""
    return np.asarray(evaluate(TUNING, drawn))
