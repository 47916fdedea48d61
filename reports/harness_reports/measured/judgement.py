"""What is wrong with a record's numbers, and what to do about it."""

from __future__ import annotations

import numpy as np

from harness.records import Record
from harness_reports.measured.latency import minimum_count
from harness_reports.measured.rates import durations

MINIMUM_WINDOW_S = 1.0
MAXIMUM_SPREAD = 0.10
"""Standard deviation over mean, as pyperf's `check` warns."""
MINIMUM_ITEMS = 30
"""Fewer items than this carry no interval worth the name."""


def judge(record: Record) -> list[str]:
    """Return what is wrong with a record's numbers and what to do next; empty where nothing is."""
    if record.step == "serve":
        checks = (_short, _invalid, _noisy, _drifted, _busy, _unsupported)
        return [reason for check in checks if (reason := check(record))]
    if record.step == "evaluate":
        return [reason for reason in (_few_items(record), _broken_scores(record)) if reason]
    return []


def window_s(record: Record) -> float | None:
    """Return how long a serving was observed: the load generator's clock where it was read, else the predictor's.

    A predictor of a few microseconds waits for the load generator most of the time; it was watched no shorter for that.
    """
    read = [record.value("wall_s"), (record.used.get("load_generator") or {}).get("elapsed_s")]
    return max((seconds for seconds in read if seconds is not None), default=None)


def _short(record: Record) -> str | None:
    seconds = window_s(record)
    if seconds is None:
        return "window not measured: run it again"
    return f"window under 1 s ({seconds:.2g} s): serve for longer" if seconds < MINIMUM_WINDOW_S else None


def _invalid(record: Record) -> str | None:
    log = record.used.get("load_generator") or {}
    if log.get("result_valid") is not False:
        return None
    return f"not valid by the load generator's rules: {log.get('invalid_reason') or 'serve for longer'}"


def _noisy(record: Record) -> str | None:
    """Compare tenths of an Offline window: single batches differ because their inputs do, long stretches should not."""
    batch_s = durations(record)
    if record.asked.get("scenario") != "Offline" or batch_s.size < 2:  # noqa: PLR2004 - one duration has no spread
        return None
    tenths = np.array([part.mean() for part in np.array_split(batch_s, min(10, batch_s.size))])
    spread = tenths.std(ddof=1) / tenths.mean()
    if spread <= MAXIMUM_SPREAD:
        return None
    return f"spread over 10 % ({spread:.0%} between parts of the window): serve for longer on a quieter machine"


def _drifted(record: Record) -> str | None:
    batch_s = durations(record)
    half = batch_s.size // 2
    if half < 5:  # noqa: PLR2004 - medians of fewer say nothing
        return None
    change = float(np.median(batch_s[half:]) / np.median(batch_s[:half]) - 1)
    if abs(change) <= MAXIMUM_SPREAD:
        return None
    return f"drifted by {change:+.0%} between the halves of the window: warm up longer or let the machine rest"


def _busy(record: Record) -> str | None:
    """Tell of a machine with other work: twice its cores is more than an earlier step of a suite leaves behind."""
    load, cores = record.environment.get("load_average_1m"), record.environment.get("usable_cores")
    if load is None or not cores or load <= 2 * cores:
        return None
    return f"busy machine (load average {load:.1f} on {cores} cores): let other work end first"


def _unsupported(record: Record) -> str | None:
    count = len(record.series.get("latency_s", []))
    needed = minimum_count(0.99)
    if record.asked.get("scenario") != "SingleStream" or count >= needed:
        return None
    return f"p99 needs {needed} queries, {count} were served: serve more queries"


def _few_items(record: Record) -> str | None:
    items = len(next(iter(record.scores.values()), []))
    return f"only {items} items: evaluate on at least {MINIMUM_ITEMS}" if items < MINIMUM_ITEMS else None


def _broken_scores(record: Record) -> str | None:
    broken = sum(int((~np.isfinite(np.array(column, dtype=float))).sum()) for column in record.scores.values())
    return f"{broken} scores are not finite: look at the model's outputs" if broken else None
