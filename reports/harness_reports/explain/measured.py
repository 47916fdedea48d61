"""Where the figures of the accuracy and the throughput table come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.records import Record
from harness_reports.figures.explained import Explained, Kind, named
from harness_reports.measured import intervals, latency
from harness_reports.measured import readings as leaf
from harness_reports.measured.quality import Graded, right_share
from harness_reports.measured.results import Serving
from harness_reports.measured.tables import PERCENTILES

_GRADED: Kind = "measured"


def quality_figures(own: Graded, row: Mapping[str, Any], baseline: Graded | None) -> dict[str, Explained]:
    """Return the figures of a row of the accuracy table by column."""
    value = _value("value", own)
    low, high = own.interval()
    figures = [
        value,
        Explained("low", low, own.unit, note=f"2.5th percentile of {own.method}", inputs=(value,)),
        Explained("high", high, own.unit, note=f"97.5th percentile of {own.method}", inputs=(value,)),
        _declared("chance", own),
        _declared("ceiling", own),
        *_baseline(own, row, baseline, value),
    ]
    return {figure.name: figure for figure in figures}


def _value(name: str, own: Graded) -> Explained:
    each = tuple(_seed(own, *pair) for pair in zip(own.leaves, own.metrics, own.values, strict=True))
    if len(each) == 1:
        return named(each[0], name)
    return Explained(name, own.value, own.unit, "mean(seed_value)", inputs=each)


def quality_share(own: Graded, quality: Explained | None = None) -> Explained:
    """Return the share of answers that are right, at the quality that was measured or at another."""
    value, ceiling = quality or _value("quality", own), _declared("ceiling", own)
    share = right_share(own.metric, value.value)
    if share is None:
        note = f"{own.name} has no ceiling to be a share of, or it counts errors"
        return Explained("right_share", None, note=note, inputs=(value, ceiling))
    if 0 < share < 1:
        return Explained("right_share", share, formula="quality / ceiling", inputs=(value, ceiling))
    return Explained("right_share", share, note="quality over its ceiling, from 0 to 1", inputs=(value, ceiling))


def _seed(own: Graded, record: Record, metric: Mapping[str, Any], value: float) -> Explained:
    if not own.is_mean:
        note = f"{own.name}, computed by the task over {own.items:,} items: it is no mean of scores"
        return Explained("seed_value", value, own.unit, note=note, source=leaf.who(record), kind=_GRADED)
    column = record.scores[metric["column"]]
    said = f"column {metric['column']!r} of {leaf.who(record)}"
    parts = (
        Explained("score_sum", sum(column), own.unit, source=said, kind=_GRADED),
        Explained("items", len(column), source=said, kind=_GRADED),
    )
    return Explained("seed_value", value, own.unit, "score_sum / items", inputs=parts)


def _declared(name: str, own: Graded) -> Explained:
    value = own.metric.get(name)
    if value is None:
        return Explained(name, None, own.unit, note=f"the task names no {name} for {own.name}")
    return Explained(name, value, own.unit, source=f"the task's data, as kept in {leaf.who(own.leaves[-1])}",
                     kind="declared")  # fmt: skip


def _baseline(own: Graded, row: Mapping[str, Any], baseline: Graded | None, value: Explained) -> list[Explained]:
    if baseline is None:
        note = f"the baseline {own.baseline!r} was not graded on the same data"
        return [Explained(name, None, note=note) for name in ("baseline_value", "against_baseline")]
    cheap = _value("baseline_value", baseline)
    note = "is the baseline" if own.key.model == baseline.key.model else (
        f"the difference's 95 % interval, paired by item: {_interval(own, baseline)}"
    )  # fmt: skip
    return [cheap, Explained("against_baseline", row["against_baseline"], note=note, inputs=(value, cheap))]


def _interval(own: Graded, baseline: Graded) -> str:
    low, high = own.minus(baseline)
    return f"{low:.4g} to {high:.4g} {own.unit}".rstrip()


# Throughput -------------------------------------------------------------------------------------------------


def served_figures(serving: Serving, row: Mapping[str, Any]) -> dict[str, Explained]:
    """Return the figures of a row of the throughput table by column."""
    leaves = serving.leaves
    speed = leaf.rate(leaves)
    figures = [
        speed,
        *(_end(name, row[name], share, speed) for name, share in (("low", "2.5"), ("high", "97.5"))),
        *(_combined("sum", name, leaves, row) for name in ("samples", "wall_s", "cpu_s", "energy_j")),
        *(_combined("mean", name, leaves, row) for name in ("load_s", "first_query_s")),
        *(_combined("max", name, leaves, row) for name in ("peak_memory_bytes", "peak_device_memory_bytes")),
        *(latency_percentile(name, serving, row[name]) for name in PERCENTILES),
        _tokens(leaves, row["output_tokens_per_s"]),
        _combined("max", "largest_difference", [chain.export for chain in serving.chains if chain.export], row),
    ]
    return {figure.name: figure for figure in figures}


def _end(name: str, value: float | None, share: str, speed: Explained) -> Explained:
    note = (
        f"{share}th percentile of {intervals.RESAMPLES:,} rates: records are resampled, then the durations within each"
        if value is not None
        else "the window does not hold how long each of at least two batches took, so its spread is not known"
    )
    return Explained(name, value, "1/s", note=note, inputs=(speed,))


def _combined(how: str, name: str, records: Sequence[Record], row: Mapping[str, Any]) -> Explained:
    """Return a reading of one record, or what several of them give together."""
    if row[name] is None:
        return Explained(name, None, note="not read", inputs=leaf.readings(records, name))
    known = tuple(own for own in leaf.readings(records, name) if own.value is not None)
    if len(known) == 1:
        return known[0]
    return Explained(name, row[name], known[0].unit, f"{how}({name})", inputs=known)


def _tokens(leaves: Sequence[Record], value: float | None) -> Explained:
    if value is None:
        note = "nothing was written token by token, or nobody counted"
        return Explained("output_tokens_per_s", None, note=note, inputs=leaf.readings(leaves, "output_tokens"))
    return leaf.rate(leaves, "output_tokens")


def latency_percentile(name: str, serving: Serving | None, value: float | None) -> Explained:
    """Return a percentile of the latencies of single requests."""
    series, share = PERCENTILES[name]
    latencies = serving.latencies_s(series) if serving else []
    slow = latency.allowed_slow(len(latencies), share)
    if slow is None:
        needed = latency.minimum_count(share)
        note = f"needs {needed} queries served one at a time, there are {len(latencies)}"
        return Explained(name, None, "s", note=note)
    note = (
        f"number {slow} of {len(latencies):,} latencies, the slowest first: with 99 % confidence no more than "
        f"{1 - share:.0%} of requests are slower (MLPerf's early-stopping rule)"
    )
    source = "; ".join(f"{series} of {leaf.who(record)}" for record in (serving.leaves if serving else ()))
    return Explained(name, value, "s", note=note, source=source, kind="measured")
