"""Net present value and what goes with it; every flow but the first lies at the end of its year."""

from __future__ import annotations

import math

import numpy_financial


def npv_usd(discount_rate: float, upfront_usd: float, yearly_usd: float, years: int) -> float:
    """Return what paying `upfront_usd` now and getting `yearly_usd` at the ends of years 1 … n is worth.

    `numpy_financial.npv` counts its first flow as t = 0, unlike a spreadsheet's NPV(), which discounts its first
    argument.
    """
    return float(numpy_financial.npv(discount_rate, [-upfront_usd, *[yearly_usd] * years]))


def capital_recovery_factor(discount_rate: float, years: int) -> float:
    """Return the yearly payment that is worth 1 today: i / (1 - (1+i)^-n), and 1/n without interest."""
    if discount_rate == 0:
        return 1 / years
    return discount_rate / -math.expm1(-years * math.log1p(discount_rate))  # exact for the smallest rates too


def break_even_requests(
    upfront_usd: float, fixed_usd_per_year: float, margin_usd: float, discount_rate: float, years: int
) -> float | None:
    """Return the requests per year at which the net present value is 0; None where a request earns nothing."""
    if margin_usd <= 0:
        return None
    return (upfront_usd * capital_recovery_factor(discount_rate, years) + fixed_usd_per_year) / margin_usd
