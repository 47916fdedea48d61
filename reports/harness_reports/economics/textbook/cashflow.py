"""The net present value as spreadsheets have it."""

from __future__ import annotations

from collections.abc import Sequence

from harness_reports.economics.cashflow import npv


def npv_spreadsheet(discount_rate: float, cash_flows: Sequence[float]) -> float:
    """Return what a spreadsheet's NPV() gives: its first flow lies at the END of the first period.

    Raises:
        FactError: as `npv`.
    """
    return npv(discount_rate, cash_flows) / (1 + discount_rate)
