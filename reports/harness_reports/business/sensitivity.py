"""What a use case's value hangs on: tornado and Sobol's indices over measured and assumed inputs together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from harness.facts import UseCase
from harness.records import Record
from harness_reports.business.business import MEASURED, Business
from harness_reports.business.viability import CandidateVerdict, judge_all
from harness_reports.economics.simulation import importance, tornado
from harness_reports.measured.lineage import KEYS
from harness_reports.prices.pricing import Pricing

SENSITIVITY = (
    "use_case", *KEYS, "input", "kind", "input_p10", "input_p50", "input_p90", "npv_at_p10_usd", "npv_at_p90_usd",
    "swing_usd", "sobol_first_order", "sobol_total",
)  # fmt: skip
POINTS = 1024


def sensitivity(
    records: Sequence[Record],
    pricing: Pricing,
    use_cases: Mapping[str, UseCase] | Iterable[UseCase],
    overrides: Mapping[str, float] | None = None,
    points: int = POINTS,
) -> pd.DataFrame:
    """Return one row for each uncertain input of each use case with its best candidate, the widest swing first.

    `kind` is `measured` or `assumed`. The tornado has each input at its 10th and 90th percentile and all others at
    their median; Sobol's indices are the share of the net present value's variance that an input explains on its own,
    and together with others.

    Raises:
        FactError: as `viability`, or points that are no power of 2.
    """
    found = judge_all(records, pricing, use_cases, overrides)
    return pd.DataFrame([row for own in found for row in hangs_on(own.best, points)], columns=list(SENSITIVITY))


def hangs_on(judged: CandidateVerdict, points: int = POINTS) -> list[dict[str, Any]]:
    """Return the rows of one candidate; none where something that its value takes was not measured."""
    business = judged.business
    if business is None:
        return []
    bars = tornado(business)
    sobol = importance(business, points) if bars else None
    who = {name: judged.row[name] for name in ("use_case", *KEYS)}
    return [
        {
            **who, "input": name, "kind": "measured" if name in MEASURED else "assumed",
            **dict(zip(("input_p10", "input_p50", "input_p90"), _percentiles(business, name), strict=True)),
            "npv_at_p10_usd": bar.low_usd, "npv_at_p90_usd": bar.high_usd, "swing_usd": bar.swing_usd,
            "sobol_first_order": sobol.first_order[name] if sobol else None,
            "sobol_total": sobol.total[name] if sobol else None,
        }
        for name, bar in bars.items()
    ]  # fmt: skip


def _percentiles(business: Business, name: str) -> list[float]:
    return [float(value) for value in business.inputs[name].quantile(np.array([0.1, 0.5, 0.9]))]
