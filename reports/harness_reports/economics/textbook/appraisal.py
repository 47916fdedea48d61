"""Net present value of spreadsheets, annuities, depreciation and the cost of capital."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.errors import FactError
from harness_reports.economics.appraisal import ROUNDING
from harness_reports.economics.cashflow import npv
from harness_reports.economics.checks import above, at_least, finite, rate, whole, within

MACRS_5_YEARS = (0.2, 0.32, 0.192, 0.1152, 0.1152, 0.0576)
"""Depreciation of five-year property over its SIX tax years (IRS Publication 946, table A-1, half-year convention)."""


def npv_spreadsheet(discount_rate: float, cash_flows: Sequence[float]) -> float:
    """Return a spreadsheet's NPV(), whose first flow is at the END of the first period.

    Raises:
        FactError: as `npv`.
    """
    return npv(discount_rate, cash_flows) / (1 + discount_rate)


def profitability_index(discount_rate: float, cash_flows: Sequence[float]) -> float | None:
    """Return the present value of the flows after t = 0 over the investment at t = 0: 1 + NPV / investment.

    None if nothing is invested at t = 0.

    Raises:
        FactError: no flows, a flow that is not finite, or a rate of -100 % or less.
    """
    value = npv(discount_rate, cash_flows)
    return 1 - value / cash_flows[0] if cash_flows[0] < 0 else None


def capital_recovery_factor(interest_rate: float, periods: float) -> float:
    """Return the payment at each period's end with a present value of 1: i / (1 - (1+i)^-n); 1/n without interest.

    Raises:
        FactError: a rate of -100 % or less, or no periods.
    """
    interest_rate, periods = rate("interest_rate", interest_rate), above("periods", periods)
    if interest_rate == 0:
        return 1 / periods
    return interest_rate / -math.expm1(-periods * math.log1p(interest_rate))  # exact at tiny rates too


def equivalent_annual_cost_usd(
    capex_usd: float, life_years: float, opex_usd_per_year: float, discount_rate: float, salvage_usd: float = 0.0
) -> float:
    """Return the equivalent annual cost, (capex - salvage / (1+r)^n) · CRF + opex, which compares unequal lives.

    Raises:
        FactError: a rate of -100 % or less, no life, or an amount that is not finite.
    """
    factor = capital_recovery_factor(discount_rate, life_years)
    salvage = finite("salvage_usd", salvage_usd) * math.pow(1 + discount_rate, -life_years)
    return (finite("capex_usd", capex_usd) - salvage) * factor + finite("opex_usd_per_year", opex_usd_per_year)


def loan_payment_usd(principal_usd: float, annual_rate: float, periods_per_year: int, periods: int) -> float:
    """Return the payment at each period's end that repays a loan; the period's rate is annual rate / periods a year.

    Unlike `numpy_financial.pmt` it is exact at tiny rates.

    Raises:
        FactError: a period's rate of -100 % or less, or no periods.
    """
    per_period = rate("annual_rate / periods_per_year", annual_rate / whole("periods_per_year", periods_per_year))
    return finite("principal_usd", principal_usd) * capital_recovery_factor(per_period, whole("periods", periods))


def real_rate(nominal_rate: float, inflation: float) -> float:
    """Return Fisher's real rate: (1 + nominal) / (1 + inflation) - 1.

    Raises:
        FactError: a rate of -100 % or less.
    """
    return (1 + rate("nominal_rate", nominal_rate)) / (1 + rate("inflation", inflation)) - 1


def wacc(equity_usd: float, debt_usd: float, cost_of_equity: float, cost_of_debt: float, tax_rate: float) -> float:
    """Return the weighted average cost of capital: E/V · re + D/V · rd · (1 - tax).

    Raises:
        FactError: negative or no capital, a tax rate outside 0 to 1, or a cost that is not finite.
    """
    equity, debt = at_least("equity_usd", equity_usd), at_least("debt_usd", debt_usd)
    capital = above("equity_usd + debt_usd", equity + debt)
    after_tax = finite("cost_of_debt", cost_of_debt) * (1 - within("tax_rate", tax_rate))
    return equity / capital * finite("cost_of_equity", cost_of_equity) + debt / capital * after_tax


def straight_line(years: int) -> tuple[float, ...]:
    """Return the share depreciated in each year.

    Raises:
        FactError: not a whole number of years.
    """
    return (1 / whole("years", years),) * years


def depreciation_tax_shield_usd(
    cost_usd: float, tax_rate: float, discount_rate: float, schedule: Sequence[float]
) -> float:
    """Return the present value of the tax that depreciation saves, at the ends of the years.

    Args:
        cost_usd: cost of the asset.
        tax_rate: share of profit.
        discount_rate: per year.
        schedule: share depreciated in each year, `MACRS_5_YEARS` or `straight_line(5)`.

    Raises:
        FactError: a share outside 0 to 1, or shares that add up to more than 1.
    """
    shares = [within("schedule", share) for share in schedule]
    if math.fsum(shares) > 1 + ROUNDING:
        raise FactError(
            f"The schedule depreciates {math.fsum(shares):.4g} of the asset. Give shares that add up to 1 at most."
        )
    return finite("cost_usd", cost_usd) * within("tax_rate", tax_rate) * npv_spreadsheet(discount_rate, shares)
