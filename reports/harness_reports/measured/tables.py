"""The accuracy and the throughput table: one row for each candidate, measured values only, no prices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from harness.records import Record
from harness_reports.measured import latency, rates
from harness_reports.measured.judgement import judge
from harness_reports.measured.lineage import KEYS, Candidate
from harness_reports.measured.quality import Graded, best_baseline, told_apart
from harness_reports.measured.results import Results, Serving

ACCURACY = (
    *KEYS, "metric", "unit", "value", "low", "high", "seeds", "items", "chance", "ceiling", "higher_is_better",
    "baseline", "baseline_value", "against_baseline", "judgement",
)  # fmt: skip
PERCENTILES: Mapping[str, tuple[str, float]] = {
    "latency_p50_s": ("latency_s", 0.5),
    "latency_p90_s": ("latency_s", 0.9),
    "latency_p99_s": ("latency_s", 0.99),
    "first_token_p50_s": ("first_token_s", 0.5),
    "first_token_p90_s": ("first_token_s", 0.9),
}
"""Column → the series it is a percentile of, and which."""
EVERY = "all"
"""Asks for every metric."""
THROUGHPUT = (
    *KEYS, "scenario", "batch_size", "seeds", "samples_per_s", "low", "high", "samples", "wall_s", "latency_p50_s",
    "latency_p90_s", "latency_p99_s", "first_token_p50_s", "first_token_p90_s", "output_tokens_per_s", "load_s",
    "first_query_s", "peak_memory_bytes", "peak_device_memory_bytes", "cpu_s", "energy_j", "energy_kind",
    "largest_difference", "judgement",
)  # fmt: skip


def accuracy(records: Sequence[Record], metric: str | None = None) -> pd.DataFrame:
    """Return one row for each evaluated candidate in the task's deciding metric, in another, or one for each metric.

    `value` is the mean over seeds and items. `low` and `high` are its 95 % interval by bootstrap: seeds are resampled,
    then items, the same items in each seed (scores are pooled by item, not thrown into one bag). Seeds that graded
    different numbers of items cannot be pooled by item: the newest decides which number counts. `against_baseline`
    tells from the paired difference by item whether a candidate differs from the task's cheap baseline on the same
    data, None where that was not measured; where the baseline has several candidates, the best of them is what counts.

    Args:
        records: what was measured.
        metric: the name of a metric, candidates without it give no row; `all` for every metric; else the deciding one.

    Raises:
        StoreError: no evaluation has a metric of this name.
    """
    results = Results.of(records)
    rows = every_accuracy_row(results) if metric == EVERY else accuracy_rows(results, metric).values()
    return pd.DataFrame(rows, columns=list(ACCURACY))


def every_accuracy_row(results: Results) -> list[dict[str, Any]]:
    """Return the rows of the accuracy table in every metric: candidate by candidate, within it metric by metric."""
    by_metric = [accuracy_rows(results, name) for name in results.metric_names]
    return [rows[key] for key in results.candidates for rows in by_metric if key in rows]


def accuracy_rows(results: Results, metric: str | None = None) -> dict[Candidate, dict[str, Any]]:
    """Return the rows of the accuracy table by candidate; missing cells are None.

    Beside the table's columns `draws`: values that the metric may have, as likely as they are.
    """
    found = results.graded(metric)
    return {
        key: {**results.candidates[key].columns, **_cells(own), **_against(own, found.values())}
        for key, own in found.items()
    }


def _cells(own: Graded) -> dict[str, Any]:
    low, high = own.interval()
    metric = own.metric
    return {
        "metric": metric["name"], "unit": metric["unit"], "value": own.value, "low": low, "high": high,
        "seeds": len(own.leaves), "items": own.items, "chance": metric.get("chance"),
        "ceiling": metric.get("ceiling"), "higher_is_better": metric["higher_is_better"],
        "judgement": judgement(own.leaves), "draws": own.draws(),
    }  # fmt: skip


def _against(own: Graded, everyone: Iterable[Graded]) -> dict[str, Any]:
    best = best_baseline(own, everyone)
    return {
        "baseline": own.baseline, "baseline_value": best and best.value,
        "against_baseline": best and told_apart(own, best),
    }  # fmt: skip


def throughput(records: Sequence[Record]) -> pd.DataFrame:
    """Return one row for each candidate, scenario and batch size that was served.

    Windows of several seeds are added up; latencies are pooled. `samples_per_s` is samples over the time of the whole
    window. Percentiles are those of `latency.percentile`, None where the count of queries does not support them,
    and for SingleStream only: Offline has no latency that anybody waits for. Where nothing is written token by token
    there is neither a first one nor tokens per second. `largest_difference` is the export's against the trained model.
    """
    return pd.DataFrame([row.cells for row in throughput_rows(Results.of(records))], columns=list(THROUGHPUT))


class Served(NamedTuple):
    """A row of the throughput table and the serving that it is of."""

    cells: dict[str, Any]
    serving: Serving


def throughput_rows(results: Results) -> list[Served]:
    """Return the rows of the throughput table; missing cells are None."""
    return [
        Served({**own.columns, **_served(serving)}, serving)
        for own in results.candidates.values()
        for serving in own.servings
    ]


def _served(serving: Serving) -> dict[str, Any]:
    leaves = serving.leaves
    interval = rates.rate_interval(leaves)
    differences = [chain.export.value("largest_difference") for chain in serving.chains if chain.export]
    return {
        "scenario": serving.scenario, "batch_size": serving.batch_size, "seeds": len(leaves),
        "samples_per_s": serving.samples_per_s,
        "low": interval.low if interval else None, "high": interval.high if interval else None,
        "samples": _total(leaves, "samples"), "wall_s": _total(leaves, "wall_s"), **_latencies(serving),
        "output_tokens_per_s": rates.rate(leaves, "output_tokens"),
        "load_s": _mean(leaves, "load_s"), "first_query_s": _mean(leaves, "first_query_s"),
        **{name: _peak(leaves, name) for name in ("peak_memory_bytes", "peak_device_memory_bytes")},
        "cpu_s": _total(leaves, "cpu_s"), "energy_j": _total(leaves, "energy_j"), "energy_kind": energy_kind(leaves),
        "largest_difference": max((d for d in differences if d is not None), default=None),
        "judgement": judgement(leaves),
    }  # fmt: skip


def _latencies(serving: Serving) -> dict[str, float | None]:
    pooled = {series: serving.latencies_s(series) for series, _ in PERCENTILES.values()}
    return {name: latency.percentile(pooled[series], share) for name, (series, share) in PERCENTILES.items()}


def energy_kind(leaves: Sequence[Record]) -> str | None:
    """Return whether energy was measured or estimated, the weaker where records differ, None where it was not read."""
    kinds = [leaf.readings["energy_j"].kind for leaf in leaves if "energy_j" in leaf.readings]
    order = ("declared", "estimated", "measured")
    return min(kinds, key=order.index) if len(kinds) == len(leaves) else None


def judgement(leaves: Sequence[Record]) -> str:
    """Return `ok`, or what is wrong with the numbers of these records and what to do next."""
    reasons = dict.fromkeys(reason for leaf in leaves for reason in judge(leaf))
    return "; ".join(reasons) or "ok"


def _values(leaves: Sequence[Record], name: str) -> list[float | None]:
    return [leaf.value(name) for leaf in leaves]


def _peak(leaves: Sequence[Record], name: str) -> float | None:
    return max((value for value in _values(leaves, name) if value is not None), default=None)


def _total(leaves: Sequence[Record], name: str) -> float | None:
    """Add up; what one record lacks makes the sum unknown, not smaller."""
    values = [value for value in _values(leaves, name) if value is not None]
    return sum(values) if len(values) == len(leaves) else None


def _mean(leaves: Sequence[Record], name: str) -> float | None:
    total = _total(leaves, name)
    return None if total is None else total / len(leaves)
