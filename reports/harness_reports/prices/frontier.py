"""Cost against quality: which candidates are not dominated, and which not even by a mixture of two others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from harness.records import Record
from harness_reports.measured.lineage import KEYS
from harness_reports.measured.results import Results
from harness_reports.measured.tables import accuracy_rows
from harness_reports.prices.cascade import Part
from harness_reports.prices.cascade_table import points_of
from harness_reports.prices.cost import cost_rows
from harness_reports.prices.dominance import not_dominated, on_hull
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import as_text

FRONTIER = (
    *KEYS, "metric", "unit", "value", "low", "high", "random_baseline", "ceiling", "higher_is_better", "baseline",
    "baseline_value", "against_baseline", "seeds", "items", "usd_per_1k_inferences", "usd_per_1k_low",
    "usd_per_1k_high", "train_usd", "batch_size", "on_frontier", "on_hull", "price_offer", "price_provider",
    "price_region", "price_as_of", "price_stale", "price_source", "judgement",
)  # fmt: skip


def frontier(records: Sequence[Record], pricing: Pricing, metric: str | None = None) -> pd.DataFrame:
    """Return one row for each evaluated candidate with the cost of 1,000 inferences.

    `on_frontier`: no other candidate on the task's data is as good for less, or better for as much. `on_hull`: nor
    does a mixture of two others reach its quality at its cost (Kapoor and others 2024, arXiv:2407.01502). Candidates
    without a measured cost or quality are on neither. Cascades of two candidates (`cascade`, at the threshold that is
    chosen on validation) have a row, with the runtime `cascade`, where nothing is as good for less.

    Args:
        records: of any step and outcome.
        pricing: the prices.
        metric: of quality, candidates without it give no row; else the task's deciding one.

    Raises:
        FactError: a record's hardware has no price.
        StoreError: no evaluation has the metric.
    """
    return pd.DataFrame(map(as_text, frontier_rows(Results.of(records), pricing, metric)), columns=list(FRONTIER))


def frontier_rows(results: Results, pricing: Pricing, metric: str | None = None) -> list[dict[str, Any]]:
    """Return the rows of `frontier`, with all cells of the accuracy and the cost table."""
    costs = cost_rows(results, pricing)
    rows = [{**costs[key], **row} for key, row in accuracy_rows(results, metric).items()]
    parts = [Part(candidate, pricing, costs[candidate.key]) for candidate in results.evaluated]
    cascades = points_of(parts, results.qualities(metric), metric)
    _mark([*rows, *cascades])
    return [*rows, *(row for row in cascades if row["on_frontier"])]


def _mark(rows: list[dict[str, Any]]) -> None:
    """Mark frontier and hull within each task, source and metric."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        row.update(on_frontier=False, on_hull=False)
        if _known(row["usd_per_1k_inferences"]) and _known(row["value"]):
            groups.setdefault((row["task"], row["source"], row["metric"]), []).append(row)
    for group in groups.values():
        points = [
            (row["usd_per_1k_inferences"], row["value"] if row["higher_is_better"] else -row["value"]) for row in group
        ]
        for row, undominated, extreme in zip(group, not_dominated(points), on_hull(points), strict=True):
            row.update(on_frontier=undominated, on_hull=extreme)


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
