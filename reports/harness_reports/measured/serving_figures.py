"""The figures of the throughput table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.records import Record
from harness_reports import cells
from harness_reports.figures.explained import Explained
from harness_reports.measured import latency
from harness_reports.measured import readings as leaf
from harness_reports.measured.intervals import RESAMPLES
from harness_reports.measured.rates import rate_ends
from harness_reports.measured.results import Serving

PERCENTILES: Mapping[str, tuple[str, float]] = {
    "latency_p50_s": ("latency_s", 0.5),
    "latency_p90_s": ("latency_s", 0.9),
    "latency_p99_s": ("latency_s", 0.99),
    "first_token_p50_s": ("first_token_s", 0.5),
    "first_token_p90_s": ("first_token_s", 0.9),
}
"""Column → series and percentile, as a share."""
_COMBINED: Mapping[str, tuple[str, ...]] = {"sum": ("samples", "wall_s", "overhead_s", "cpu_s", "energy_j"),
                                            "mean": ("load_s", "first_query_s")}  # fmt: skip
_PEAKS = ("peak_memory_bytes", "peak_device_memory_bytes")


def served_figures(serving: Serving) -> dict[str, Explained]:
    """Return the figures of a row of the throughput table by column."""
    leaves = serving.leaves
    exports = [chain.export for chain in serving.chains if chain.export]
    figures = (
        serving.speed, *rate_ends(("low", "high"), serving.speed, serving.rate_draws, f"{RESAMPLES:,} rates"),
        *(leaf.combined(how, leaves, name) for how, names in _COMBINED.items() for name in names),
        *(_largest(leaves, name) for name in _PEAKS),
        *(latency_percentile(name, serving) for name in PERCENTILES),
        _tokens(leaves),
        _largest(exports, "largest_difference"),
    )  # fmt: skip
    return {figure.name: figure for figure in figures}


def _largest(records: Sequence[Record], name: str) -> Explained:
    """Return the largest reading; records that lack it are left out, unless all do."""
    return leaf.combined("max", [record for record in records if name in record.readings] or records, name)


def _tokens(leaves: Sequence[Record]) -> Explained:
    speed = leaf.rate(leaves, "output_tokens")
    counted = speed.value is not None
    return speed if counted else replace(speed, note="no output tokens were counted")


def latency_percentile(name: str, serving: Serving | None) -> Explained:
    """Return a percentile of the latencies of single requests in seconds, without a value where they are too few.

    Args:
        name: one of `PERCENTILES`.
        serving: one request at a time; others have no such latencies.
    """
    series, share = PERCENTILES[name]
    latencies = serving.latencies_s(series) if serving else []
    source = "; ".join(f"{series} of {leaf.who(record)}" for record in (serving.leaves if serving else ()))
    return percentile_figure(name, latencies, share, source, "queries served one at a time")


def percentile_figure(name: str, seconds: Sequence[float], share: float, source: str, what: str) -> Explained:
    """Return a percentile, without a value where there are too few.

    Args:
        name: of the figure.
        seconds: of single requests.
        share: the percentile, as a share.
        source: where they were read.
        what: they are, in the plural.
    """
    slow = latency.allowed_slow(len(seconds), share)
    if slow is None:
        needed = latency.minimum_count(share)
        return Explained(name, None, "s", note=f"needs {needed} {what}, there are {len(seconds)}")
    note = (
        f"number {slow} of {len(seconds):,} latencies, the slowest first: with 99 % confidence no more than "
        f"{cells.share(1 - share)} of requests are slower (MLPerf's early-stopping rule)"
    )
    return Explained(name, latency.percentile(seconds, share), "s", note=note, source=source, kind="measured")
