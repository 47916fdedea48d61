"""A use case run with one candidate over its years: what is measured and what is assumed, in one calculation.

Year by year: requests = demand · share adopted; a request brings its value, which competition wears away, and costs its
serving, retries included, which gets cheaper with hardware, the people who check answers, and the expected cost of the
wrong ones they do not see. Staff, fixed costs and retraining
are paid each year, development and training before the first. Every flow but the first lies at the end of its year.
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
"""Input → drawn numbers; one number where the input is certain."""
MEASURED = ("quality", "serving_usd_per_request", "energy_j_per_request", "pretrain_usd", "finetune_usd",
            "evaluate_usd")  # fmt: skip
"""Inputs that the benchmark measured, priced where they are money."""
ENERGY = "energy_j_per_request * energy_usd_per_kwh / 3600000"
SERVING = "(unit_serving_usd + energy_usd_per_request) * (1 + retry_share)"
ERROR = "(1 - right_share) * (1 - review_share) * cost_per_error_usd"
REVIEW = "review_share * review_usd"
TUNING = "finetune_usd + evaluate_usd"
UPFRONT = "(pretrain_usd / pretraining_uses + tuning_usd) * development_multiplier + upfront_cost_usd"
OPERATING_COST = "fixed_cost_per_year_usd + staff * staff_usd_per_year"
FLOW = (
    "requests * (value_usd - serving_usd * machines - answer_usd) - operating_cost_usd "
    "- retrainings_per_year * tuning_usd * machines"
)
"""Of a year; `machines` is what machines cost, as a share of the first year's price."""


class Year(NamedTuple):
    """What one year holds, undiscounted, for each draw."""

    requests: np.ndarray
    value_usd: np.ndarray
    """Of a request."""
    machines: np.ndarray
    """What machines cost, as a share of the first year's price."""


class Sums(NamedTuple):
    """The market's part of a net present value: discounted sums over the years, the same for every candidate."""

    income_usd: np.ndarray
    requests: np.ndarray
    requests_at_cost: np.ndarray
    """Each at its year's price of machines."""
    operating_cost_usd: np.ndarray
    """Fixed costs and staff."""
    retrainings: np.ndarray
    """Each at its year's price of machines."""


def years_of(drawn: Drawn, years: int) -> Iterator[Year]:
    """Yield the years."""
    names = ("requests_per_year",) if "requests_per_year" in drawn else BOTTOM_UP
    requests = reduce(mul, (drawn[name] for name in names))
    value, cheaper = drawn["value_per_request_usd"], np.ones(1)
    wears, cheapens = 1 - drawn["value_decline_per_year"], 1 - drawn["hardware_decline_per_year"]
    for share in _adopted(drawn, years):
        yield Year(requests * share, value, cheaper)
        value, cheaper = value * wears, cheaper * cheapens


def _adopted(drawn: Drawn, years: int) -> Iterator[np.ndarray]:
    if "adoption_innovation" not in drawn:
        return iter([np.ones(1)] * years)
    return shares_by_year(drawn["adoption_innovation"], drawn["adoption_imitation"], years)


def market_sums(drawn: Drawn, years: int) -> Sums:
    """Return the discounted sums of a market."""
    discount = 1 / (1 + drawn["discount_rate"])
    operating_cost, retrainings = operating_cost_usd(drawn), drawn["retrainings_per_year"]
    factor, totals = np.ones(1), [np.zeros(1)] * 5
    for year in years_of(drawn, years):
        factor = factor * discount
        requests = year.requests * factor
        parts = (requests * year.value_usd, requests, requests * year.machines, operating_cost * factor,
                 retrainings * year.machines * factor)  # fmt: skip
        totals = [total + part for total, part in zip(totals, parts, strict=True)]
    return Sums(*totals)


def operating_cost_usd(drawn: Drawn) -> np.ndarray:
    """Return what a year costs whatever is served."""
    return np.asarray(evaluate(OPERATING_COST, drawn))


@dataclass(frozen=True)
class Business:
    """A market and a candidate."""

    market: Mapping[str, Distribution]
    measured: Mapping[str, Distribution]
    """By the names in `MEASURED`."""
    years: int
    ceiling: float | None
    """Of the quality, where a share of it is right; None: nothing is known of errors, and they have no price."""

    @property
    def inputs(self) -> dict[str, Distribution]:
        """Every input by name."""
        return {**self.market, **self.measured}

    @property
    def means(self) -> dict[str, np.ndarray]:
        """Every input at its mean."""
        return {name: np.full(1, given.mean) for name, given in self.inputs.items()}

    @property
    def pays_energy(self) -> bool:
        """Whether energy is paid beside the machine, and was read."""
        return "energy_j_per_request" in self.measured and self.market["energy_usd_per_kwh"].mean > 0

    def upfront_usd(self, drawn: Drawn) -> np.ndarray:
        """Return what is paid before the first request: development, and trainings as often as they were tried."""
        return np.asarray(evaluate(UPFRONT, {**drawn, "tuning_usd": tuning_usd(drawn)}))

    def serving_usd(self, drawn: Drawn) -> np.ndarray:
        """Return what serving a request costs in the first year, asked again as often as it is."""
        energy = evaluate(ENERGY, drawn) if self.pays_energy else 0.0
        once = {"unit_serving_usd": drawn["serving_usd_per_request"], "energy_usd_per_request": energy}
        return np.asarray(evaluate(SERVING, {**drawn, **once}))

    def error_usd(self, drawn: Drawn) -> np.ndarray:
        """Return the expected cost of a wrong answer that nobody puts right."""
        if self.ceiling is None:
            return np.zeros(1)
        right = evaluate(RIGHT_SHARE, {**drawn, "ceiling": self.ceiling})
        return np.asarray(evaluate(ERROR, {**drawn, "right_share": right}))

    def answer_usd(self, drawn: Drawn) -> np.ndarray:
        """Return what an answer costs once it is given: the people who check, and the errors that pass."""
        return np.asarray(self.error_usd(drawn) + review_usd(drawn))

    def npv_usd(self, figures: Drawn) -> np.ndarray:
        """Return the net present values of drawn figures, one for each."""
        return self.npv_of(figures, market_sums(figures, self.years))

    def npv_of(self, drawn: Drawn, sums: Sums) -> np.ndarray:
        """Return the net present values where the market's sums are known: for many candidates in one market."""
        earned = sums.income_usd - self.serving_usd(drawn) * sums.requests_at_cost
        earned = earned - self.answer_usd(drawn) * sums.requests
        spent = sums.operating_cost_usd + sums.retrainings * tuning_usd(drawn) + self.upfront_usd(drawn)
        return np.asarray(earned - spent)

    def flows_usd(self) -> list[float]:
        """Return the flows at the means of all inputs, the first at t = 0."""
        drawn = self.means
        known = {
            **drawn, "serving_usd": self.serving_usd(drawn), "answer_usd": self.answer_usd(drawn),
            "operating_cost_usd": operating_cost_usd(drawn), "tuning_usd": tuning_usd(drawn),
        }  # fmt: skip
        later = [evaluate(FLOW, {**known, **year._asdict()}) for year in years_of(drawn, self.years)]
        return [float(flow[0]) for flow in (-self.upfront_usd(drawn), *later)]


def review_usd(drawn: Drawn) -> np.ndarray:
    """Return what people who check answers cost, for a request."""
    return np.asarray(evaluate(REVIEW, drawn))


def tuning_usd(drawn: Drawn) -> np.ndarray:
    """Return what one fine-tuning with its evaluation costs."""
    return np.asarray(evaluate(TUNING, drawn))
