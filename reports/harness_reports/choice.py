"""The best candidate of each use case."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from harness_reports.verdict import VERDICTS


def preference(row: Mapping[str, Any]) -> tuple[int, float]:
    """Return what rows are ordered by: the best verdict first, then the highest expected net present value."""
    worth = row["npv_mean_usd"]
    known = worth is not None and not math.isnan(worth)
    return VERDICTS.index(row["verdict"]), -worth if known else math.inf
