"""Payback period and break-even volume of an investment."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from typing import NamedTuple

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
