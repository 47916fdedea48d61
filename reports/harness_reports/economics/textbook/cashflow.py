"""The net present value in the convention of spreadsheets."""

from __future__ import annotations

from collections.abc import Sequence

from harness_reports.economics.cashflow import npv


def npv_spreadsheet(discount_rate: float, cash_flows: Sequence[float]) -> float:
    """Return a spreadsheet's NPV(), whose first flow is at the END of the first period.

    Raises:
        FactError: as `npv`.
    """
    return npv(discount_rate, cash_flows) / (1 + discount_rate)
