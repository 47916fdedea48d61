"""What a use case earns over its years; every flow but the first lies at the end of its year."""

from __future__ import annotations

from harness_reports.economics.appraisal import break_even_volume, capital_recovery_factor
from harness_reports.economics.cashflow import npv

__all__ = ["break_even_requests", "capital_recovery_factor", "npv_usd"]


def npv_usd(discount_rate: float, upfront_usd: float, yearly_usd: float, years: int) -> float:
    """Return what paying `upfront_usd` now and getting `yearly_usd` at the ends of years 1 … n is worth.

    Raises:
        FactError: a discount rate of -100 % or less, or an amount that is no number.
    """
    return npv(discount_rate, [-upfront_usd, *[yearly_usd] * years])


def break_even_requests(
    upfront_usd: float, fixed_usd_per_year: float, margin_usd: float, discount_rate: float, years: int
) -> float | None:
    """Return the requests per year at which the net present value is 0; None where a request earns nothing.

    Raises:
        FactError: a negative amount upfront or per year, or a discount rate of -100 % or less.
    """
    yearly = upfront_usd * capital_recovery_factor(discount_rate, years) + fixed_usd_per_year
    found = break_even_volume(yearly, margin_usd, 0.0)
    return found.units if found else None
