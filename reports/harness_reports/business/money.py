"""The base case, every figure at its mean: net present value, returns, payback, break-even."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import accumulate
from typing import Any

import numpy as np

from harness_reports.business.business import TRAINING_ENERGY, TUNING, UPFRONT, Business, market_sums
from harness_reports.business.edited import DEMAND
from harness_reports.business.evidence import Evidence
from harness_reports.business.market import Market
from harness_reports.business.market_figures import figure, requests
from harness_reports.business.request import USD
from harness_reports.business.years import operating_cost
from harness_reports.economics.appraisal import discounted_payback, payback
from harness_reports.economics.cashflow import irr, mirr, npv
from harness_reports.figures.explained import Explained, derived
from harness_reports.prices.training_energy import INCLUDED

_FACTORS = np.geomspace(1e-4, 1e4, 401)
"""Factors at which a net present value is looked at first: 5 % apart."""
_REFINEMENTS = 6
"""Each divides a step by 32."""


def base_case(market: Market, business: Business) -> dict[str, Any]:
    """Return measures of the base case's cash flows, by column of the viability table; None if undefined."""
    flows, rate = business.flows_usd(), market.numbers["discount_rate"]
    rates = irr(flows)
    return {
        "discounted_requests": float(business.base_sums.requests[0]),
        "funding_usd": max(0.0, -min(accumulate(flows))), "npv_usd": npv(rate, flows),
        "irr": rates.single, "irr_unique": rates.unique, "mirr": mirr(flows, rate, rate),
        "payback_years": payback(flows).periods, "discounted_payback_years": discounted_payback(rate, flows).periods,
    }  # fmt: skip


def money_figures(
    market: Market, evidence: Evidence, business: Business, units: Mapping[str, Explained], npv_usd: float
) -> dict[str, Explained]:
    """Return the base case's upfront cost, profit of a steady-state year, and break-even volume and price.

    Args:
        market: the use case's figures.
        evidence: the candidate's measurements.
        business: the use case run with the candidate.
        units: unit economics from `request_figures`.
        npv_usd: the base case's net present value.
    """
    yearly = derived("yearly_usd", "USD per year", "requests_per_year * unit_margin_usd - operating_cost_usd",
                     requests(market), units["unit_margin_usd"], operating_cost(market))  # fmt: skip
    figures = (
        upfront_figure(market, evidence), yearly, _break_even_volume(market, business, npv_usd),
        _break_even_price(market, business, npv_usd),
    )  # fmt: skip
    return {each.name: each for each in figures}


def upfront_figure(market: Market, evidence: Evidence) -> Explained:
    """Return the upfront cost, from figures of the cost table."""
    costs = evidence.figures
    tuning = derived("tuning_usd", USD, TUNING, costs["finetune_usd"], costs["evaluate_usd"])
    parts = ("pretraining_uses", "development_multiplier", "upfront_cost_usd")
    return derived("upfront_usd", USD, UPFRONT, costs["pretrain_usd"], tuning,
                   *training_energy_figures(market, evidence), *(figure(market, name) for name in parts))  # fmt: skip


def training_energy_figures(market: Market, evidence: Evidence) -> tuple[Explained, Explained]:
    """Return the cost of the energy of a pretraining, and of a fine-tuning with its evaluation."""
    names, energy = ("pretrain_energy_usd", "tuning_energy_usd"), evidence.training_energy
    if energy is None:
        pretrain, tuning = (Explained(name, 0.0, USD, note=INCLUDED) for name in names)
        return pretrain, tuning
    joules = (energy.pretraining.mean("pretrain_j"), energy.tuning.mean("tuning_j"))
    prices = (evidence.figures["pue"], figure(market, "energy_usd_per_kwh"))
    pretrain, tuning = (derived(name, USD, TRAINING_ENERGY.format(each.name), each, *prices)
                        for name, each in zip(names, joules, strict=True))  # fmt: skip
    return pretrain, tuning


def _break_even_price(market: Market, business: Business, npv_usd: float) -> Explained:
    """Return the value of a request at which the net present value, linear in it, is 0."""
    value = figure(market, "value_per_request_usd", "unit_value_usd")
    total = Explained("npv_usd", npv_usd, USD, note="another figure of this row")
    per_usd = {**business.means, "value_per_request_usd": np.ones(1)}
    income = Explained("income_usd_per_usd", float(market_sums(per_usd, business.years).income_usd[0]), "",
                       note="discounted income of all years per USD earned by a first-year request")  # fmt: skip
    name, unit = "break_even_price_usd", "USD per request"
    if not income.value:
        return Explained(name, None, unit, note="none: there are no requests", inputs=(value, total, income))
    return derived(name, unit, "unit_value_usd - npv_usd / income_usd_per_usd", value, total, income)


def _break_even_volume(market: Market, business: Business, npv_usd: float) -> Explained:
    """Return the volume nearest to the use case's at which the net present value changes its sign."""
    start, scale = requests(market), break_even_scale(business)
    total = Explained("npv_usd", npv_usd, USD, note="another figure of this row")
    note = (
        "none: no volume makes it 0" if scale is None else
        "the volume nearest to requests_per_year at which the net present value changes its sign; machines come whole"
    )  # fmt: skip
    value = None if scale is None else scale * start.value
    return Explained("break_even_requests", value, "per year", note=note, inputs=(start, total))


def break_even_scale(business: Business) -> float | None:
    """Return the factor on demand, nearest to 1, at which the net present value of the base case changes its sign."""
    return nearest_change(partial(_pays_at_demand, business))


def _pays_at_demand(business: Business, factors: np.ndarray) -> np.ndarray:
    """Return whether the base case's net present value is positive with demand multiplied by factors.

    Batches, whose simulation takes long, are looked at only where their cost could decide.
    """
    if business.pays_energy:  # the way on fewer machines may need more of it
        return npv_at_demand(business, factors) > 0
    pays, may = (npv_at_demand(replace(business, supply=each), factors) > 0 for each in business.supply.between())
    unsure = pays != may
    if unsure.any():
        pays[unsure] = npv_at_demand(business, factors[unsure]) > 0
    return pays


def npv_at_demand(business: Business, factors: np.ndarray) -> np.ndarray:
    """Return the base case's net present value with demand multiplied by factors, shape (n,) to (n,)."""
    name, means = next(name for name in DEMAND if name in business.inputs), business.means
    return np.broadcast_to(business.npv_usd({**means, name: means[name] * factors}), factors.shape)


def nearest_change(pays: Callable[[np.ndarray], np.ndarray]) -> float | None:
    """Return the factor nearest to 1 at which a function of factors changes; None if it never does.

    It may have steps: then the factor just past the step is returned.

    Args:
        pays: true or false for each of ascending factors above 0, shape (n,) to (n,).
    """
    positive = pays(_FACTORS)
    changes = np.flatnonzero(positive[:-1] != positive[1:])
    if not changes.size:
        return None
    nearest = min(changes, key=lambda place: abs(np.log(_FACTORS[place : place + 2])).min())
    low, high = _FACTORS[nearest], _FACTORS[nearest + 1]
    for _ in range(_REFINEMENTS):
        between = np.linspace(low, high, 33)
        signs = pays(between)
        place = int(np.flatnonzero(signs[:-1] != signs[1:])[0])
        low, high = between[place], between[place + 1]
    return float(high if abs(np.log(high)) > abs(np.log(low)) else low)
