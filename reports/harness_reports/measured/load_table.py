"""The load table: one row for each rate of arrivals, or number of requests in flight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from harness.records import Record
from harness_reports.figures.explained import values
from harness_reports.measured.judgement import judge_load, judge_whole
from harness_reports.measured.lineage import KEYS
from harness_reports.measured.load_figures import load_figures
from harness_reports.measured.loads import faults
from harness_reports.measured.results import Results, Serving
from harness_reports.measured.runs import Load
from harness_reports.reasons import Reason, Reasons, as_text

LOAD = (
    *KEYS, "scenario", "batch_size", "run", "rate_per_s", "in_flight", "seeds", "requests", "answers_per_s", "low",
    "high", "output_tokens_per_s", "output_tokens_low", "output_tokens_high", "user_tokens_per_s",
    "first_token_median_s", "first_token_p90_s", "first_token_p99_s", "per_token_median_s", "per_token_p90_s",
    "per_token_p99_s", "gap_median_s", "gap_p90_s", "gap_p99_s", "latency_median_s", "latency_p90_s", "latency_p99_s",
    "first_token_limit_s", "per_token_limit_s", "latency_limit_s", "goodput_per_s", "goodput_low", "goodput_high",
    "limits_kept", "highest", "failed_share", "cached_share", "client_cpu_share", "valid", "judgement",
)  # fmt: skip


def load(records: Sequence[Record]) -> pd.DataFrame:
    """Return one row for each run of load: an arrival rate (Server), or a number of requests in flight (ClosedLoop).

    Runs of several seeds are pooled. Times are of requests that were answered: `first_token` from the start of the
    request to the first content, `per_token` of each further streamed token (TPOT), `gap` between chunks with content
    (ITL), `latency` from the start to the end. A request starts when it was scheduled, in a closed loop when it was
    sent. `median` is that of the requests, `p90` and `p99` are those of `latency.percentile`; None where they are too
    few. `answers_per_s` and `output_tokens_per_s` are of the steady part, `user_tokens_per_s` of one median answer;
    `low` and `high` are ends of 95 % intervals. `goodput_per_s` counts answers that kept every limit of the suite;
    `limits_kept` says whether the suite's percentile of requests, failed ones included, kept them; `highest` marks the
    highest rate of its scenario that is valid and kept them. `valid` is False where over 1 % failed, the backlog grew,
    or the client was the limit; such a run is drawn, but is no speed of any other table.
    """
    return pd.DataFrame([as_text(row.cells) for row in load_rows(Results.of(records))], columns=list(LOAD))


class LoadRow(NamedTuple):
    """A row of the load table and what it is of."""

    cells: dict[str, Any]
    load: Load


def load_rows(results: Results) -> list[LoadRow]:
    """Return the rows of the load table, of each serving by rate or number in flight; missing cells are None."""
    return [
        LoadRow({**candidate.columns, **cells}, each)
        for candidate in results.candidates.values()
        for serving in candidate.servings
        for each, cells in _rows(serving)
    ]


def _rows(serving: Serving) -> list[tuple[Load, dict[str, Any]]]:
    loads = sorted(serving.loads, key=lambda each: each.about.get("rate_per_s") or each.about.get("in_flight") or 0)
    rows = [(each, _cells(serving, each)) for each in loads]
    met = [cells for _, cells in rows if cells["valid"] and cells["limits_kept"] == "met"]
    best = max(met, key=lambda cells: cells["answers_per_s"] or 0.0, default=None)
    for _, cells in rows:
        cells["highest"] = None if cells["limits_kept"] is None else cells is best
    return rows


def _cells(serving: Serving, each: Load) -> dict[str, Any]:
    kept, whole = each.kept(), [reason for leaf in serving.leaves for reason in judge_whole(leaf)]
    reasons = dict.fromkeys([*judge_load(each), *whole])
    return {
        "scenario": serving.scenario, "batch_size": serving.batch_size, "run": each.name, "seeds": len(each.runs),
        **{name: each.about.get(name) for name in ("rate_per_s", "in_flight")}, **values(load_figures(each)),
        "limits_kept": kept and kept.met, "valid": not faults(each),
        "judgement": Reasons(reasons or (Reason("numbers sound"),)),
    }  # fmt: skip
