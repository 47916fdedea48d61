"""The accuracy and the throughput table: one row for each candidate, measured values only, no prices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from harness.records import Record
from harness_reports.figures.explained import values
from harness_reports.measured.judgement import judge
from harness_reports.measured.lineage import KEYS, Candidate
from harness_reports.measured.quality import Quality, best_baseline
from harness_reports.measured.quality_figures import quality_figures
from harness_reports.measured.readings import energy_kind
from harness_reports.measured.results import Measured, Results, Serving
from harness_reports.measured.serving_figures import served_figures
from harness_reports.reasons import Reason, Reasons, as_text

ACCURACY = (
    *KEYS, "metric", "unit", "value", "low", "high", "seeds", "items", "random_baseline", "ceiling", "higher_is_better",
    "baseline", "baseline_value", "against_baseline", "judgement",
)  # fmt: skip
EVERY = "all"
"""In place of a metric's name: every metric."""
THROUGHPUT = (
    *KEYS, "scenario", "batch_size", "seeds", "samples_per_s", "low", "high", "samples", "wall_s", "overhead_s",
    "latency_p50_s", "latency_p90_s", "latency_p99_s", "first_token_p50_s", "first_token_p90_s", "output_tokens_per_s",
    "load_s", "first_query_s", "threads", "peak_memory_bytes", "peak_device_memory_bytes", "cpu_s", "energy_j",
    "energy_kind", "largest_difference", "judgement",
)  # fmt: skip


def accuracy(records: Sequence[Record], metric: str | None = None) -> pd.DataFrame:
    """Return one row for each evaluated candidate in the task's deciding metric, in another one, or in every one.

    `value` is the mean over seeds and items. `low` and `high` are its 95 % interval by bootstrap: seeds are resampled,
    then items, the same items in each seed. Seeds that graded different numbers of items cannot be pooled by item: only
    those with as many as the newest count. `against_baseline` says by the paired difference by item whether a candidate
    is significantly better or worse than the task's baseline on the same data, None where that was not measured; of
    several candidates of the baseline the best counts. Where it is not significantly better than the random baseline,
    candidates are compared with that too: `better than guessing` is better than both, `no better than guessing` is not
    significantly better than the random baseline.

    Args:
        records: of any step and outcome.
        metric: the name of a metric, candidates without it give no row; `all` for every metric; else the deciding one.

    Raises:
        StoreError: no evaluation has a metric of this name.
    """
    results = Results.of(records)
    rows = every_accuracy_row(results) if metric == EVERY else accuracy_rows(results, metric).values()
    return pd.DataFrame(map(as_text, rows), columns=list(ACCURACY))


def every_accuracy_row(results: Results) -> list[dict[str, Any]]:
    """Return the rows of the accuracy table in every metric: candidate by candidate, within it metric by metric."""
    by_metric = [accuracy_rows(results, name) for name in results.metric_names]
    return [rows[key] for key in results.candidates for rows in by_metric if key in rows]


def accuracy_rows(results: Results, metric: str | None = None) -> dict[Candidate, dict[str, Any]]:
    """Return the rows of the accuracy table by candidate; missing cells are None.

    Beside the table's columns `draws`: draws of the metric.
    """
    return {
        key: _accuracy_row(results.candidates[key], quality, baseline)
        for key, (quality, baseline) in beside_baselines(results, metric).items()
    }


def _accuracy_row(candidate: Measured, quality: Quality, baseline: Quality | None) -> dict[str, Any]:
    def made() -> dict[str, Any]:
        return {**candidate.columns, **_described(quality), **values(quality_figures(quality, baseline))}

    return dict(candidate.once("accuracy", quality.name, made))


def beside_baselines(results: Results, metric: str | None = None) -> dict[Candidate, tuple[Quality, Quality | None]]:
    """Return every candidate's quality in a metric, with that of its task's baseline."""
    qualities = results.qualities(metric)
    return {key: (quality, best_baseline(quality, qualities.values())) for key, quality in qualities.items()}


def _described(quality: Quality) -> dict[str, Any]:
    metric = quality.metric
    return {
        "metric": metric["name"], "unit": metric["unit"], "seeds": len(quality.leaves), "items": quality.items,
        "higher_is_better": metric["higher_is_better"], "baseline": quality.baseline,
        "judgement": judgement(quality.leaves), "draws": quality.draws(),
    }  # fmt: skip


def throughput(records: Sequence[Record]) -> pd.DataFrame:
    """Return one row for each candidate, scenario and batch size that was served, but under load: see `load_table`.

    Windows of several seeds are added up; latencies are pooled. `samples_per_s` is samples over the seconds of all
    windows. Percentiles are those of `latency.percentile`, for SingleStream only, None where the queries are too few.
    Columns of tokens are None where the model does not stream. `overhead_s` are the load generator's seconds within
    `wall_s`; `threads` is None where seeds differ in it. `largest_difference` is between outputs of the export and of
    the trained model.
    """
    return pd.DataFrame([as_text(row.cells) for row in throughput_rows(Results.of(records))], columns=list(THROUGHPUT))


class ThroughputRow(NamedTuple):
    """A row of the throughput table and the serving that it is of."""

    cells: dict[str, Any]
    serving: Serving


def throughput_rows(results: Results) -> list[ThroughputRow]:
    """Return the rows of the throughput table; missing cells are None."""
    return [
        ThroughputRow({**candidate.columns, **_served(serving)}, serving)
        for candidate in results.candidates.values()
        for serving in candidate.servings
        if not serving.under_load
    ]


def _served(serving: Serving) -> dict[str, Any]:
    figures = served_figures(serving)
    threads = {leaf.environment.get("threads") for leaf in serving.leaves}
    return {
        "scenario": serving.scenario, "batch_size": serving.batch_size, "seeds": len(serving.leaves),
        "threads": threads.pop() if len(threads) == 1 else None,
        **values(figures), "energy_kind": energy_kind(figures["energy_j"]), "judgement": judgement(serving.leaves),
    }  # fmt: skip


def judgement(leaves: Sequence[Record]) -> Reasons:
    """Return what is wrong with these records' numbers and what to do next, or `numbers sound`."""
    reasons = dict.fromkeys(reason for leaf in leaves for reason in judge(leaf))
    return Reasons(reasons or (Reason("numbers sound"),))
