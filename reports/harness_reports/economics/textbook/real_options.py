"""Real options: what the right to expand or to abandon is worth. Only with a volatility that can be defended."""

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
    """Options that can be used on their last day only."""

    call_usd: float
    put_usd: float


def black_scholes(value_usd: float, strike_usd: float, rate: float, volatility: float, years: float) -> European:
    """Return the values by Black and Scholes; without volatility or time, what is certain, discounted.

    Args:
        value_usd: what the project is worth today.
        strike_usd: what it costs to expand, or what abandoning brings.
        rate: riskless, per year, compounded continuously.
        volatility: of the value, per square root of a year.
        years: until the last day.

    Raises:
        FactError: no value or strike, a negative volatility or time, or a rate that is no number.
    """
    value, strike = above("value_usd", value_usd), above("strike_usd", strike_usd)
    spread = at_least("volatility", volatility) * math.sqrt(at_least("years", years))
    due = strike * math.exp(-finite("rate", rate) * years)
    if spread == 0:
        return European(max(value - due, 0.0), max(due - value, 0.0))
    upper = math.log(value / due) / spread + spread / 2
    lower = upper - spread
    call = value * special.ndtr(upper) - due * special.ndtr(lower)
    return European(float(call), float(due * special.ndtr(-lower) - value * special.ndtr(-upper)))


class Tree(NamedTuple):
    """An option on a binomial tree."""

    american_usd: float
    """It can be used at any step: never worth less."""
    european_usd: float
    """It can be used at the end only."""


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
    """Return the values on a recombining tree, p = (e^(r·dt) - d) / (u - d).

    Args:
        value_usd: what the project is worth today.
        strike_usd: what it costs to expand, or what abandoning brings.
        rate: riskless, per year, compounded continuously.
        up: factor of a good step.
        down: factor of a bad step.
        steps: of the tree.
        step_years: length of a step.
        kind: `call` or `put`.

    Raises:
        FactError: a number that is not positive, or a tree on which money could be made without risk.
    """
    value, strike = above("value_usd", value_usd), above("strike_usd", strike_usd)
    above("up - down", above("up", up) - above("down", down))
    growth = math.exp(finite("rate", rate) * above("step_years", step_years))
    chance = (growth - down) / (up - down)
    if not 0 <= chance <= 1:
        raise FactError(f"A step's riskless growth, {growth:.4g}, is not between down, {down:g}, and up, {up:g}.")
    sign = {"call": 1, "put": -1}[kind]
    american = european = np.maximum(sign * (_values(value, up, down, whole("steps", steps)) - strike), 0)
    for step in range(steps - 1, -1, -1):
        european = (chance * european[1:] + (1 - chance) * european[:-1]) / growth
        held = (chance * american[1:] + (1 - chance) * american[:-1]) / growth
        american = np.maximum(held, sign * (_values(value, up, down, step) - strike))
    return Tree(float(american[0]), float(european[0]))


def _values(value: float, up: float, down: float, step: int) -> np.ndarray:
    ups = np.arange(step + 1)
    return np.asarray(value * up**ups * down ** (step - ups))
