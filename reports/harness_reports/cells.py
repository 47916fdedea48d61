"""One cell of a table: as people read it, and as a plain value."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

MISSING = "–"


def cell(value: Any) -> str:
    """Return a value as people read it: four significant digits, yes and no, a dash for what is missing."""
    if missing(value):
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float):
        return str(value)
    if abs(value) >= 1e12:  # noqa: PLR2004 - digits that nobody counts
        return f"{value:.4g}"
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else digits(value, 4)  # noqa: PLR2004 - four digits


def digits(value: float, count: int) -> str:
    """Return so many significant digits, down to millionths without an exponent: parts of a cent are prices here."""
    if not 1e-6 <= abs(value) < 1e-4:  # noqa: PLR2004 - above, Python writes none; below, nobody counts zeros
        return f"{value:.{count}g}"
    return np.format_float_positional(value, count, fractional=False, trim="-")


def usd(amount: float | None) -> str:
    """Return an amount of money: whole dollars from 100 USD on, three significant digits below, a dash if missing."""
    if amount is None or missing(amount):
        return MISSING
    sign = "-" if amount < 0 else ""
    size = abs(amount)
    return f"{sign}{size:,.0f} USD" if size >= 100 else f"{sign}{digits(size, 3)} USD"  # noqa: PLR2004 - cents no longer matter


def size(value: Any) -> str:
    """Return a count of bytes in megabytes."""
    return MISSING if missing(value) else f"{value / 1e6:,.0f} MB"


def missing(value: Any) -> bool:
    """Return whether a cell holds nothing."""
    return value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))


def plain(value: Any) -> Any:
    """Return a cell as a plain Python value, None where it is missing or not finite."""
    value = value.item() if hasattr(value, "item") else value
    return None if missing(value) or (isinstance(value, float) and math.isinf(value)) else value


def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table as row objects of plain values."""
    return [{str(name): plain(value) for name, value in row.items()} for row in frame.to_dict("records")]
