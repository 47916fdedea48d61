"""Reads LoadGen's detailed log, one JSON object a line behind a mark, and its trace of samples."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

_MARK = ":::MLLOG "
_NS = 1e-9
_SAMPLE = re.compile(
    r'"name":"Sample".*"ph":"b".*"ts":(-?[\d.]+),"args":\{"sample_seq":(\d+).*"issue_start_ns":(-?\d+),'
)


class Issued(NamedTuple):
    """A sample's times in seconds by LoadGen's clock."""

    scheduled: float
    issued: float


def read_trace(path: Path) -> list[Issued]:
    """Return the times of all samples in the order of issue. LoadGen's logs tell scheduled times nowhere else."""
    samples = [match for line in path.read_text(encoding="utf-8").splitlines() if (match := _SAMPLE.search(line))]
    samples.sort(key=lambda match: int(match[2]))
    times = [(float(match[1]) * 1e-6, int(match[3]) * _NS) for match in samples]
    return [Issued(scheduled, scheduled + later) for scheduled, later in times]


def read_log(path: Path) -> dict[str, Any]:
    """Return LoadGen's verdict and figures.

    Returns:
        `result_valid` and its parts, `invalid_reason`, `early_stopping` (sentences), `errors`, and LoadGen's own
        figures in SI units: `reported_samples_per_second` in Offline, `reported_p90_latency_s` (the early-stopping
        estimate) and `measured_p90_latency_s` in SingleStream, `completed_samples_per_second`, `p99_latency_s` and
        `p99_first_token_s` in Server. None where LoadGen gives none.

    Raises:
        ValueError: LoadGen gave no verdict.
    """
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    entries = [json.loads(line.removeprefix(_MARK), strict=False) for line in lines if line.startswith(_MARK)]
    last = {entry["key"]: entry["value"] for entry in entries}
    if "result_validity" not in last:
        raise ValueError("LoadGen ended without a verdict: its log has no `result_validity`. Run the step again.")
    errors = [str(entry["value"]) for entry in entries if entry["metadata"]["is_error"]]
    return {"loadgen_version": last["loadgen_version"], **_verdict(last), **_figures(last), "errors": errors}


def _verdict(last: dict[str, Any]) -> dict[str, Any]:
    return {
        "result_valid": last["result_validity"] == "VALID",
        "min_duration_met": bool(last["result_min_duration_met"]),
        "min_queries_met": bool(last["result_min_queries_met"]),
        "early_stopping_met": bool(last["early_stopping_met"]),
        "invalid_reason": str(last.get("result_invalid_reason") or "").strip() or None,
        "early_stopping": _sentences(str(last.get("early_stopping_result") or "")),
    }


def _sentences(text: str) -> list[str]:
    """Split `* one * two`, where a line break of LoadGen's may stand inside a sentence."""
    parts = (" ".join(part.split()) for part in text.split("* "))
    return [part for part in parts if part]


def _figures(last: dict[str, Any]) -> dict[str, Any]:
    return {
        "reported_samples_per_second": last.get("result_samples_per_second"),
        "reported_p90_latency_s": _seconds(last.get("early_stopping_latency_ss") or None),
        "measured_p90_latency_s": _seconds(last.get("result_90.00_percentile_latency_ns"))
        if "early_stopping_latency_ss" in last
        else None,
        "completed_samples_per_second": last.get("result_completed_samples_per_sec"),
        "p99_latency_s": _seconds(last.get("result_99.00_percentile_latency_ns")),
        "p99_first_token_s": _seconds(last.get("result_first_token_99.00_percentile_latency_ns")),
        "samples_planned": last.get("generated_query_count", 0) * last.get("generated_samples_per_query", 0),
    }


def _seconds(nanoseconds: float | None) -> float | None:
    return None if nanoseconds is None else nanoseconds * _NS
