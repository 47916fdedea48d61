"""Cells of tables: as text for people, and as plain values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

MISSING = "–"


def cell(value: Any) -> str:
    """Return a value as text: four significant digits, yes or no, a dash for a missing value."""
    if missing(value):
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float):
        return str(value)
    if abs(value) >= 1e12:  # noqa: PLR2004 - too many digits to read
        return f"{value:.4g}"
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else digits(value, 4)  # noqa: PLR2004 - four digits


def digits(value: float, count: int) -> str:
    """Return a number with `count` significant digits, down to 1e-6 without an exponent: prices are parts of a cent."""
    if not 1e-6 <= abs(value) < 1e-4:  # noqa: PLR2004 - from 1e-4 on `g` writes no exponent; below 1e-6 zeros are too many
        return f"{value:.{count}g}"
    return np.format_float_positional(value, count, fractional=False, trim="-")


def usd(amount: float | None) -> str:
    """Return an amount of money: whole dollars from 100 USD on, three significant digits below, a dash if missing."""
    if amount is None or missing(amount):
        return MISSING
    sign = "-" if amount < 0 else ""
    size = abs(amount)
    return f"{sign}{size:,.0f} USD" if size >= 100 else f"{sign}{digits(size, 3)} USD"  # noqa: PLR2004 - cents no longer matter


def share(value: Any) -> str:
    """Return a share in whole percent, or a dash if it is missing; rounding never makes it 0 or 100 %."""
    if missing(value):
        return MISSING
    if 0 < value < 0.01 or 0.99 < value < 1:  # noqa: PLR2004 - less than one percent from certainty
        return "< 1 %" if value < 0.5 else "> 99 %"  # noqa: PLR2004 - which end
    return f"{100 * value:,.0f} %"


def size(value: Any) -> str:
    """Return a count of bytes in megabytes."""
    return MISSING if missing(value) else f"{value / 1e6:,.0f} MB"


def missing(value: Any) -> bool:
    """Return whether a cell is None, NA or NaN."""
    return value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))


def plain(value: Any) -> Any:
    """Return a cell as a plain Python value, None where it is missing or not finite."""
    value = value.item() if hasattr(value, "item") else value
    return None if missing(value) or (isinstance(value, float) and math.isinf(value)) else value


def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table as row objects of plain values."""
    return [{str(name): plain(value) for name, value in row.items()} for row in frame.to_dict("records")]
