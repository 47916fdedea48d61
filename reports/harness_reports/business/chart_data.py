"""The data of a use case's charts: net present value by year, by volume and by input; own machines against calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from harness_reports.business.business import MEASURED, Business
from harness_reports.business.market import Market
from harness_reports.business.money import npv_at_demand
from harness_reports.business.npv_distribution import npv_distribution
from harness_reports.business.own_machines import OwnMachines
from harness_reports.business.viability import Candidates, CandidateVerdict
from harness_reports.economics.simulation import tornado

FAN = ("year", "p05_usd", "p50_usd", "p95_usd", "mean_usd")
VOLUMES = ("requests_per_year", "npv_usd")
SWINGS = ("input", "kind", "input_p10", "input_p90", "npv_at_p10_usd", "npv_at_p90_usd", "npv_at_medians_usd")
STEPS = (
    "requests_per_month", "own_usd", "own_low_usd", "own_high_usd", "api_usd", "api_low_usd", "api_high_usd",
)  # fmt: skip
_SHARES = (0.05, 0.5, 0.95)
_ENDS = (0.05, 0.95)


def fan(candidates: Candidates, judged: CandidateVerdict) -> pd.DataFrame:
    """Return percentiles of the net present value for each year, as if the business ended there.

    Year 0 is the upfront cost; the last year's percentiles are those of the viability table. Empty if a measurement
    that the calculation needs is missing.
    """
    business = judged.business
    if business is None:
        return pd.DataFrame(columns=list(FAN))
    drawn = npv_distribution(business, candidates.drawn, judged.evidence.accuracy).drawn
    values = [-business.upfront_usd(drawn)]
    values += [replace(business, years=year).npv_usd(drawn) for year in range(1, business.years + 1)]
    rows = [(year, *np.quantile(each, _SHARES), each.mean()) for year, each in enumerate(values)]
    return pd.DataFrame(rows, columns=list(FAN))


def swings(business: Business) -> pd.DataFrame:
    """Return the tornado: each uncertain input at its 10th and 90th percentile, all others at their median.

    The widest swing comes first, as in the table `sensitivity`. The bars meet at `npv_at_medians_usd`.
    """
    rows = []
    medians = {name: distribution.quantile(np.array([0.5])) for name, distribution in business.inputs.items()}
    middle = float(business.npv_usd(medians)[0])
    for name, bar in tornado(business).items():
        low, high = business.inputs[name].quantile(np.array([0.1, 0.9]))
        kind = "measured" if name in MEASURED else "assumed"
        rows.append((name, kind, float(low), float(high), bar.low_usd, bar.high_usd, middle))
    return pd.DataFrame(rows, columns=list(SWINGS))


def npv_by_volume(market: Market, business: Business, volumes: Sequence[float] | np.ndarray) -> pd.DataFrame:
    """Return the base case's net present value at other volumes (requests in a steady-state year)."""
    factors = np.asarray(volumes, dtype=float) / market.requests_per_year
    return pd.DataFrame(dict(zip(VOLUMES, (volumes, npv_at_demand(business, factors)), strict=True)))


class Sides(NamedTuple):
    """Whole machines and calls: in the base case, and in each draw."""

    machines: OwnMachines
    drawn: OwnMachines
    usd_per_request: float
    drawn_usd_per_request: np.ndarray
    """Shape (draws,) or (1,)."""


def own_against_calls(sides: Sides, volumes: Sequence[float] | np.ndarray) -> pd.DataFrame:
    """Return the cost per month at volumes of requests: whole machines, in steps, and calls of a hosted model.

    `..._low_usd` and `..._high_usd` are the 5th and 95th percentile over the draws.
    """
    requests = np.asarray(volumes, dtype=float)
    machines = np.quantile(sides.drawn.usd(requests), _ENDS, axis=1)
    calls = np.outer(np.quantile(sides.drawn_usd_per_request, _ENDS), requests)
    columns = (requests, sides.machines.usd(requests)[:, 0], *machines, requests * sides.usd_per_request, *calls)
    return pd.DataFrame(dict(zip(STEPS, columns, strict=True)))
