"""Market size, growth, prices, and weighted scores of alternatives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from harness.errors import FactError
from harness_reports.economics.checks import above, at_least, finite, whole, within


class MarketSize(NamedTuple):
    """The size of a market, bottom-up, in USD a year."""

    total_usd: float
    """TAM: all buyers."""
    serviceable_usd: float
    """SAM: buyers that the product can serve."""
    obtainable_usd: float
    """SOM: buyers that it can win, a share of the serviceable market."""


def market_size(buyers: float, usd_per_buyer: float, serviceable_share: float, obtainable_share: float) -> MarketSize:
    """Return TAM, SAM and SOM.

    Raises:
        FactError: a negative number, or a share outside 0 to 1.
    """
    total = at_least("buyers", buyers) * at_least("usd_per_buyer", usd_per_buyer)
    serviceable = total * within("serviceable_share", serviceable_share)
    return MarketSize(total, serviceable, serviceable * within("obtainable_share", obtainable_share))


def cagr(begin: float, end: float, years: float) -> float | None:
    """Return the compound annual growth rate; None if `begin` is not positive or `end` is negative.

    Raises:
        FactError: no years, or a value that is not finite.
    """
    first, last = finite("begin", begin), finite("end", end)
    span = above("years", years)
    return None if first <= 0 or last < 0 else (last / first) ** (1 / span) - 1


def arc_elasticity(price: float, quantity: float, new_price: float, new_quantity: float) -> float | None:
    """Return the midpoint elasticity with its sign, negative for demand; None if the price did not change.

    Raises:
        FactError: a negative number.
    """
    p1, p2 = at_least("price", price), at_least("new_price", new_price)
    q1, q2 = at_least("quantity", quantity), at_least("new_quantity", new_quantity)
    if p1 == p2 or q1 + q2 == 0:
        return None
    return (q2 - q1) / (q1 + q2) / ((p2 - p1) / (p1 + p2))


class Markup(NamedTuple):
    """The profit-maximising price of a monopolist."""

    price_usd: float
    lerner_index: float
    """(price - marginal cost) / price."""


def monopoly_price(marginal_cost_usd: float, elasticity: float) -> Markup | None:
    """Return Lerner's price: (p - c) / p = -1 / e. None for e >= -1, where a higher price always earns more.

    Raises:
        FactError: a negative cost, or an elasticity that is not finite.
    """
    cost = at_least("marginal_cost_usd", marginal_cost_usd)
    if finite("elasticity", elasticity) >= -1:
        return None
    return Markup(cost / (1 + 1 / elasticity), -1 / elasticity)


def factor_scores(weights: Mapping[str, float], scores: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return each alternative's weighted score, with normalised weights.

    Raises:
        FactError: no weight, a negative one, or an alternative without a score for a factor.
    """
    total = above("sum of weights", sum(at_least(f"weight of {name}", value) for name, value in weights.items()))
    for name, row in scores.items():
        if missing := sorted(set(weights) - set(row)):
            raise FactError(f"{name!r} has no score for {', '.join(missing)}. Missing is not 0: give one.")
    return {
        name: sum(value * finite(f"score of {name}", row[factor]) for factor, value in weights.items()) / total
        for name, row in scores.items()
    }


def ranking_stability(
    weights: Mapping[str, float], scores: Mapping[str, Mapping[str, float]], draws: int = 10_000, seed: int = 0
) -> dict[str, float]:
    """Return the share of draws in which each alternative leads, with weights from half to twice their values.

    Raises:
        FactError: as `factor_scores`, or not a whole number of draws.
    """
    names, factors = [*factor_scores(weights, scores)], [*weights]
    # Log-uniform, so that a half and a double are as likely.
    stretch = 2 ** np.random.default_rng(seed).uniform(-1, 1, (whole("draws", draws), len(factors)))
    table = np.array([[scores[name][factor] for factor in factors] for name in names], dtype=float)
    ranked = (stretch * [weights[factor] for factor in factors]) @ table.T
    leads = ranked >= ranked.max(axis=1, keepdims=True) - 1e-12  # ties share the lead
    shares = (leads / leads.sum(axis=1, keepdims=True)).mean(axis=0)
    return {name: float(share) for name, share in zip(names, shares, strict=True)}
