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
from harness_reports.prices.cost import cost_rows
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import as_text

FRONTIER = (
    *KEYS, "metric", "unit", "value", "low", "high", "random_baseline", "ceiling", "higher_is_better", "baseline",
    "baseline_value", "against_baseline", "seeds", "items", "usd_per_1k_inferences", "usd_per_1k_low",
    "usd_per_1k_high", "train_usd", "batch_size", "on_frontier", "on_hull", "price_offer", "price_provider",
    "price_region", "price_as_of", "price_stale", "price_source", "judgement",
)  # fmt: skip
Point = tuple[float, float]
"""Cost and quality; higher quality is better."""


def frontier(records: Sequence[Record], pricing: Pricing, metric: str | None = None) -> pd.DataFrame:
    """Return one row for each evaluated candidate with the cost of 1,000 inferences.

    `on_frontier`: no other candidate on the task's data is as good for less, or better for as much. `on_hull`: nor
    does a mixture of two others reach its quality at its cost (Kapoor and others 2024, arXiv:2407.01502). Candidates
    without a measured cost or quality are on neither.

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
    return _marked([{**costs[key], **row} for key, row in accuracy_rows(results, metric).items()])


def _marked(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
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
    return rows


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def not_dominated(points: Sequence[Point]) -> list[bool]:
    """Return for each point whether no different point costs no more and is no worse; equal points do not dominate."""
    return [
        not any(cost <= point[0] and quality >= point[1] and (cost, quality) != point for cost, quality in points)
        for point in map(tuple, points)
    ]


def on_hull(points: Sequence[Point]) -> list[bool]:
    """Return for each point whether it is on the frontier's upper convex hull, by Andrew's monotone chain."""
    candidates = sorted({tuple(p) for p, free in zip(points, not_dominated(points), strict=True) if free})
    hull: list[tuple[float, ...]] = []
    for point in candidates:
        while len(hull) > 1 and _beaten(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    return [tuple(point) in hull for point in points]


def _beaten(left: tuple[float, ...], middle: tuple[float, ...], right: tuple[float, ...]) -> bool:
    """Return whether `middle` lies below the line from `left` to `right` by more than rounding."""
    one, two = (middle[1] - left[1]) * (right[0] - left[0]), (right[1] - left[1]) * (middle[0] - left[0])
    return one < two and not math.isclose(one, two, rel_tol=1e-9)
