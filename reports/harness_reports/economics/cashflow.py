"""Net present value and internal rate of return of cash flows.

Flows are one period apart, the first at t = 0; rates are per period (.1 is 10 %). Payments are negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy_financial

from harness.errors import FactError
from harness_reports.economics.checks import rate, series
from harness_reports.economics.roots import internal_rates, sign_changes

DAYS_PER_YEAR = 365
"""XNPV's and XIRR's year, leap years included."""


def npv(discount_rate: float, cash_flows: Sequence[float]) -> float:
    """Return the net present value: the sum of flow_t / (1 + r)^t, t from 0.

    Raises:
        FactError: no flows, a flow that is not finite, or a rate of -100 % or less.
    """
    discount_rate, flows = rate("discount_rate", discount_rate), series("cash_flows", cash_flows)
    with np.errstate(over="ignore"):  # a divisor that overflows leaves 0
        return float(numpy_financial.npv(discount_rate, flows))


class InternalRates(NamedTuple):
    """Every internal rate of return of cash flows."""

    rates: tuple[float, ...]
    """Ascending; may be empty."""
    sign_changes: int
    """Upper bound of the number of rates by Descartes' rule; zeros are skipped."""

    @property
    def unique(self) -> bool:
        """Whether there is exactly one."""
        return len(self.rates) == 1

    @property
    def single(self) -> float | None:
        """The internal rate of return; None if there is none or more than one: use the net present value."""
        return self.rates[0] if self.unique else None


def irr(cash_flows: Sequence[float]) -> InternalRates:
    """Return every internal rate of return.

    Flows that begin with income (a loan) have a positive net present value below the rate, not above it. The rate does
    not rank projects of different size: use the net present value.

    Raises:
        FactError: no flows, a flow that is not finite, or a rate beyond the range of floats.
    """
    flows = series("cash_flows", cash_flows)
    return InternalRates(tuple(internal_rates(range(len(flows)), flows)), sign_changes(flows))


def mirr(cash_flows: Sequence[float], finance_rate: float, reinvest_rate: float) -> float | None:
    """Return the modified internal rate of return; None without payments or without income.

    (future value of income at the reinvestment rate / present value of payments at the finance rate)^(1/n) - 1.

    Raises:
        FactError: no flows, a flow that is not finite, or a rate of -100 % or less.
    """
    flows = series("cash_flows", cash_flows)
    rates = rate("finance_rate", finance_rate), rate("reinvest_rate", reinvest_rate)
    if not min(flows) < 0 < max(flows):
        return None
    return float(numpy_financial.mirr(flows, *rates))


def xnpv(discount_rate: float, cash_flows: Sequence[float], dates: Sequence[date]) -> float:
    """Return the net present value on the first date, at a yearly rate: actual days over 365.

    Raises:
        FactError: as `npv`, not one date for each flow, or a date before the first.
    """
    discount_rate, flows = rate("discount_rate", discount_rate), series("cash_flows", cash_flows)
    years = np.array(_years(flows, dates))
    with np.errstate(over="ignore"):
        return float((np.array(flows) / (1 + discount_rate) ** years).sum())


def xirr(cash_flows: Sequence[float], dates: Sequence[date]) -> InternalRates:
    """Return every yearly rate at which `xnpv` is 0.

    Raises:
        FactError: as `irr`, not one date for each flow, or a date before the first.
    """
    flows = series("cash_flows", cash_flows)
    total: dict[float, float] = {}  # by year: the roots need distinct times
    for year, flow in sorted(zip(_years(flows, dates), flows, strict=True)):
        total[year] = total.get(year, 0.0) + flow
    return InternalRates(tuple(internal_rates([*total], [*total.values()])), sign_changes([*total.values()]))


def _years(flows: Sequence[float], dates: Sequence[date]) -> list[float]:
    if len(dates) != len(flows):
        raise FactError(f"There are {len(flows)} cash flows and {len(dates)} dates. Give each flow its date.")
    if early := [day for day in dates if day < dates[0]]:
        raise FactError(f"{early[0]} lies before the first date, {dates[0]}. Begin with the earliest flow.")
    return [(day - dates[0]).days / DAYS_PER_YEAR for day in dates]
