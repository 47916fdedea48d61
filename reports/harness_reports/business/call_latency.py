"""How long the calls of a served model take: under load, one after the other, or in its evaluation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness_reports import cells
from harness_reports.figures.explained import Explained
from harness_reports.measured import latency
from harness_reports.measured.loads import rate_as_stated, rate_under
from harness_reports.measured.readings import who
from harness_reports.measured.results import Measured

P99 = 0.99


@dataclass(frozen=True)
class CallLatency:
    """Seconds from the sending of requests, in open loop from their scheduled time, to the end of their answers."""

    seconds: Sequence[float]
    source: str
    in_flight: int | None = None
    """Requests in flight at most in an evaluation; None where requests were served."""
    per_s: float | None = None
    """Answers per second, where requests were served under load."""

    @property
    def p99_s(self) -> float | None:
        """The 99th percentile; None where they are too few, or that many requests failed."""
        seconds = latency.percentile(self.seconds, P99)
        return seconds if seconds is not None and math.isfinite(seconds) else None

    def figure(self, name: str) -> Explained:
        """Return the 99th percentile as a figure; without a value where they are too few."""
        slow, count = latency.allowed_slow(len(self.seconds), P99), len(self.seconds)
        if slow is None:
            note = f"needs {latency.minimum_count(P99)} answers with a time, there are {count}"
            return Explained(name, None, "s", note=note)
        if self.p99_s is None:
            return Explained(name, None, "s", note="none: more than 1 % of requests failed", source=self.source)
        note = (
            f"number {slow} of {count:,} end-to-end times, the slowest first: with 99 % confidence no more than "
            f"{cells.share(1 - P99)} of requests are slower (MLPerf's early-stopping rule)"
        )
        return Explained(name, self.p99_s, "s", note=note, source=self.source, kind="measured")


def call_latency(measured: Measured, limit_s: float | None) -> CallLatency:
    """Return the latencies of a candidate's calls.

    They are those under load, at the highest valid rate that keeps the limit, without one those of the suite, else at
    the highest one; where there is no load, those of requests served one at a time; else those of the evaluation.
    Requests that failed never end.
    """
    kept = rate_as_stated(measured) if limit_s is None else rate_under(measured, limit_s, P99)
    load = kept.load or rate_under(measured, None).load
    if load is not None:
        source = "; ".join(f"{load.name} of {who(run.record)}" for run in load.runs)
        return CallLatency(load.waits_s, source, per_s=load.requests_per_s)
    single = measured.fastest.get("SingleStream")
    if single is not None and single.latencies_s():
        source = "; ".join(f"latency_s of {who(leaf)}" for leaf in single.leaves)
        return CallLatency(single.latencies_s(), source)
    leaves = measured.quality.leaves if measured.quality else []
    columns: list[Sequence[Any]] = [leaf.usage.get("test", {}).get("latency_s", []) for leaf in leaves]
    seconds = [float(value) for column in columns for value in column if value is not None]
    in_flight = max((int(leaf.spec.get("batch_size") or 1) for leaf in leaves), default=None)
    return CallLatency(seconds, "; ".join(f"usage latency_s of {who(leaf)}" for leaf in leaves), in_flight)
