"""The order of candidates within a use case, and of use cases."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from harness_reports.business.verdict import VERDICTS


def preference(row: Mapping[str, Any]) -> tuple[int, bool, float]:
    """Return the sort key of candidates: best verdict, then needs met, then highest expected net present value.

    Needs come before value: of two candidates that are not worth investing in, the one that meets the needs tells more
    about the use case.
    """
    npv_usd = row["npv_mean_usd"]
    missing = npv_usd is None or math.isnan(npv_usd)
    return VERDICTS.index(row["verdict"]), row["needs_met"] == "no", math.inf if missing else -npv_usd


SHOWN = ("invest", "pilot", "not enough evidence", "do not invest")
"""Verdicts in the order in which use cases are shown."""


def attention(row: Mapping[str, Any]) -> tuple[int, float]:
    """Return the sort key of use cases, from the row of their best candidate."""
    return SHOWN.index(row["verdict"]), preference(row)[-1]
