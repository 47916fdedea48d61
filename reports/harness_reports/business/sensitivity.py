"""Sensitivity of the net present value to measured and assumed inputs: tornado and Sobol indices."""

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
from harness_reports.reasons import as_text

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

    `kind` is `measured` or `assumed`. The tornado sets each input to its 10th and 90th percentile and all others to
    their median. `sobol_first_order` is the share of the net present value's variance that an input explains alone,
    `sobol_total` the share that it explains with its interactions.

    Raises:
        FactError: as `viability`, or `points` is not a power of 2.
    """
    judged = judge_all(records, pricing, use_cases, overrides)
    rows = [as_text(row) for candidates in judged for row in sensitivity_rows(candidates.best, points)]
    return pd.DataFrame(rows, columns=list(SENSITIVITY))


def sensitivity_rows(judged: CandidateVerdict, points: int = POINTS) -> list[dict[str, Any]]:
    """Return the rows of one candidate; empty if a measurement that its net present value needs is missing."""
    business = judged.business
    if business is None:
        return []
    bars = tornado(business)
    sobol = importance(business, points) if bars else None
    names = {name: judged.cells[name] for name in ("use_case", *KEYS)}
    return [
        {
            **names, "input": name, "kind": "measured" if name in MEASURED else "assumed",
            **dict(zip(("input_p10", "input_p50", "input_p90"), _percentiles(business, name), strict=True)),
            "npv_at_p10_usd": bar.low_usd, "npv_at_p90_usd": bar.high_usd, "swing_usd": bar.swing_usd,
            "sobol_first_order": sobol.first_order[name] if sobol else None,
            "sobol_total": sobol.total[name] if sobol else None,
        }
        for name, bar in bars.items()
    ]  # fmt: skip


def _percentiles(business: Business, name: str) -> list[float]:
    return [float(value) for value in business.inputs[name].quantile(np.array([0.1, 0.5, 0.9]))]
