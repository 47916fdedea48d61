"""The best candidate of each use case, and the order in which use cases are shown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from harness_reports.business.verdict import VERDICTS


def preference(row: Mapping[str, Any]) -> tuple[int, bool, float]:
    """Return what rows are ordered by: the best verdict first, then the needs met, then the highest expected value.

    Of two that are not worth the money, the one that would do the job says more of the use case than a cheaper one that
    would not.
    """
    worth = row["npv_mean_usd"]
    known = worth is not None and not math.isnan(worth)
    return VERDICTS.index(row["verdict"]), row["needs_met"] == "no", -worth if known else math.inf


SHOWN = ("invest", "pilot", "not enough evidence", "do not invest")
"""The order in which somebody who decides wants to see use cases."""


def attention(row: Mapping[str, Any]) -> tuple[int, float]:
    """Return what use cases are ordered by, from their best candidates' rows."""
    return SHOWN.index(row["verdict"]), preference(row)[-1]
