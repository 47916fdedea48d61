"""Real options: the value of the right to expand or to abandon a project."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from scipy import special

from harness.errors import FactError
from harness_reports.economics.checks import above, at_least, finite, whole

Kind = Literal["call", "put"]
"""A call is the option to expand, a put the option to abandon."""


class European(NamedTuple):
    """Options with exercise at expiry only."""

    call_usd: float
    put_usd: float


def black_scholes(value_usd: float, strike_usd: float, rate: float, volatility: float, years: float) -> European:
    """Return the values by Black and Scholes; without volatility or time, the discounted certain payoff.

    Args:
        value_usd: present value of the project.
        strike_usd: cost of expanding, or proceeds of abandoning.
        rate: riskless rate per year, compounded continuously.
        volatility: of the value, per square root of a year.
        years: time to expiry.

    Raises:
        FactError: no value or strike, a negative volatility or time, or a rate that is not finite.
    """
    value, strike = above("value_usd", value_usd), above("strike_usd", strike_usd)
    spread = at_least("volatility", volatility) * math.sqrt(at_least("years", years))
    due = strike * math.exp(-finite("rate", rate) * years)
    if spread == 0:  # the formula divides by it
        return European(max(value - due, 0.0), max(due - value, 0.0))
    upper = math.log(value / due) / spread + spread / 2
    lower = upper - spread
    call = value * special.ndtr(upper) - due * special.ndtr(lower)
    return European(float(call), float(due * special.ndtr(-lower) - value * special.ndtr(-upper)))


class Tree(NamedTuple):
    """An option on a binomial tree."""

    american_usd: float
    """With exercise at any step."""
    european_usd: float
    """With exercise at expiry only."""


def binomial(
    value_usd: float,
    strike_usd: float,
    rate: float,
    *,
    up: float,
    down: float,
    steps: int,
    step_years: float,
    kind: Kind,
) -> Tree:
    """Return the values on a recombining tree, p = (e^(r·dt) - d) / (u - d) (Cox, Ross and Rubinstein).

    Args:
        value_usd: as in `black_scholes`.
        strike_usd: as in `black_scholes`.
        rate: as in `black_scholes`.
        up: factor of an up step.
        down: factor of a down step.
        steps: number of steps.
        step_years: length of a step.
        kind: `call` or `put`.

    Raises:
        FactError: a number that is not positive, or a tree with an arbitrage.
    """
    value, strike = above("value_usd", value_usd), above("strike_usd", strike_usd)
    above("up - down", above("up", up) - above("down", down))
    growth = math.exp(finite("rate", rate) * above("step_years", step_years))
    probability = (growth - down) / (up - down)
    if not 0 <= probability <= 1:
        raise FactError(f"A step's riskless growth, {growth:.4g}, is not between down, {down:g}, and up, {up:g}.")
    sign = {"call": 1, "put": -1}[kind]
    american = european = np.maximum(sign * (_values(value, up, down, whole("steps", steps)) - strike), 0)
    for step in range(steps - 1, -1, -1):
        european = (probability * european[1:] + (1 - probability) * european[:-1]) / growth
        held = (probability * american[1:] + (1 - probability) * american[:-1]) / growth
        american = np.maximum(held, sign * (_values(value, up, down, step) - strike))
    return Tree(float(american[0]), float(european[0]))


def _values(value: float, up: float, down: float, step: int) -> np.ndarray:
    ups = np.arange(step + 1)
    return np.asarray(value * up**ups * down ** (step - ups))
