"""Payback period, break-even volume and levelised cost of an investment."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from typing import NamedTuple

from harness.errors import FactError
from harness_reports.economics.cashflow import npv
from harness_reports.economics.checks import as_written, at_least, finite, rate, series

ROUNDING = 1e-12
"""A balance below this share of all flows is 0."""


class Payback(NamedTuple):
    """The payback period of an investment."""

    periods: float | None
    """When the cumulative flows first reach 0, linear within a period; None if never."""
    dips_below_zero_again: bool
    """Whether they are negative again later."""


def payback(cash_flows: Sequence[float]) -> Payback:
    """Return the payback period.

    Raises:
        FactError: no flows, or a flow that is not finite.
    """
    flows = series("cash_flows", cash_flows)
    # Ten flows of .1 add up to .9999999999999999 in floats.
    tolerance = ROUNDING * math.fsum(abs(flow) for flow in flows)
    balances = [0.0 if abs(balance) <= tolerance else balance for balance in accumulate(flows)]
    first = next((period for period, balance in enumerate(balances) if balance >= 0), None)
    if first is None:
        return Payback(None, dips_below_zero_again=False)
    periods = float(first and first - 1 - balances[first - 1] / flows[first])
    return Payback(min(periods, float(first)), any(balance < 0 for balance in balances[first:]))


def discounted_payback(discount_rate: float, cash_flows: Sequence[float]) -> Payback:
    """Return the payback period of the discounted flows.

    Raises:
        FactError: as `payback`, or a rate of -100 % or less.
    """
    growth = 1 + rate("discount_rate", discount_rate)
    return payback([flow / growth**period for period, flow in enumerate(series("cash_flows", cash_flows))])


def levelised_cost_usd_per_1k(
    upfront_usd: float, costs_usd: Sequence[float], units: Sequence[float], discount_rate: float
) -> float:
    """Return the price of 1,000 units at which the net present value is 0: discounted cost over discounted QUANTITY.

    Args:
        upfront_usd: paid at t = 0.
        costs_usd: of each year, paid at its end.
        units: of each year, sold at its end.
        discount_rate: per year.

    Raises:
        FactError: not one cost for each year's units, an amount that is not finite, a rate of -100 % or less, or no
            units.
    """
    if len(costs_usd) != len(units):
        raise FactError(
            f"There are {len(costs_usd)} yearly costs and {len(units)} yearly units. Give one for each year."
        )
    sold = npv(discount_rate, [0.0, *(at_least("units", count) for count in units)])
    if not sold > 0:
        raise FactError("No units are sold, so they have no cost each. Give a number above 0 for a year.")
    return npv(discount_rate, [finite("upfront_usd", upfront_usd), *costs_usd]) / sold * 1000


class BreakEven(NamedTuple):
    """The volume that earns back a fixed cost."""

    units: float
    whole_units: int
    """`units` rounded up."""


def break_even_volume(fixed_usd: float, price_usd: float, variable_cost_usd: float) -> BreakEven | None:
    """Return fixed / (price - variable cost); None without a positive unit margin.

    The division is exact in the decimals as written, so float rounding adds no unit.

    Raises:
        FactError: a negative fixed cost, or an amount that is not finite.
    """
    at_least("fixed_usd", fixed_usd)
    finite("price_usd", price_usd)
    finite("variable_cost_usd", variable_cost_usd)
    margin = as_written(price_usd) - as_written(variable_cost_usd)
    if margin <= 0:
        return None
    units: Fraction = as_written(fixed_usd) / margin
    return BreakEven(float(units), math.ceil(units))
