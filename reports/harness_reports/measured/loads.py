"""Which runs of load count, and the highest request rate that a machine or an endpoint bears within a latency limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from harness.measure.validity import CLIENT, CLIENT_BUSY, MOST_FAILED, UNANSWERED
from harness.records import Record
from harness_reports.measured.latency import LatencyObjective
from harness_reports.measured.results import Measured
from harness_reports.measured.runs import Load, Run, loads_of
from harness_reports.reasons import Reason


def faults(load: Load) -> list[Reason]:
    """Return why a load is not valid; empty where it is."""
    return list(dict.fromkeys([*_failed(load), *(fault for run in load.runs for fault in _faults(run))]))


def _failed(load: Load) -> Iterator[Reason]:
    failures = load.failures
    del failures[UNANSWERED]
    if failures.total() > MOST_FAILED * load.requests:
        named = failures.most_common()
        counts = {"failed": failures.total(), "count": load.requests}
        yield Reason("load failed", {**counts, "failures": named, "most": MOST_FAILED})


def _faults(run: Run) -> Iterator[Reason]:
    why_not, busy = run.about.get("why_not"), client_share(run)
    if why_not == CLIENT or (busy is not None and busy >= CLIENT_BUSY):
        yield Reason("client too slow")
    elif run.saturated or run.about.get("saturated") or UNANSWERED in run.failures:
        yield Reason("load saturated")
    elif run.about.get("valid") is False and sum(run.failures.values()) <= MOST_FAILED * run.answered.size:
        yield Reason("load not valid", {"why": why_not or "-"})


def client_share(run: Run) -> float | None:
    """Return the CPU seconds of the client per second of a run; None of a model in its own process."""
    cpu_s, wall_s = run.about.get("client_cpu_s"), run.about.get("wall_s")
    return None if in_process(run) or cpu_s is None or not wall_s else cpu_s / wall_s


def in_process(run: Run) -> bool:
    """Return whether the model answered in the process that sent: requests are in its batches."""
    return any(batch is not None for batch in run.columns.get("batch", ()))


class RateUnder(NamedTuple):
    """The highest measured rate within a latency limit."""

    per_s: float | None
    """Answers per second of one machine, or of the endpoint as it was; None where none was measured."""
    load: Load | None
    """The load at which it was measured."""
    why_not: Reason | None
    """Why there is none."""


def rate_under(measured: Measured | Record, limit_s: float | None, share: float = 0.99) -> RateUnder:
    """Return the highest measured request rate that is valid and keeps a limit of the end-to-end latency.

    A limit is kept where at least a share of requests, failed ones included, was answered in time, with a confidence of
    99 %.

    Args:
        measured: a candidate, or a record of a serving.
        limit_s: seconds from the start of a request to the end of its answer; None: any.
        share: of requests that have to keep it.
    """
    if limit_s is None:
        return _highest(measured, lambda _: None, Reason("load too short"))
    over = Reason("load over limit", {"limit_s": limit_s, "share": share})
    return _highest(measured, lambda load: load.objective(limit_s, share), over)


def rate_as_stated(measured: Measured) -> RateUnder:
    """Return the highest measured request rate that is valid and keeps the limits of its suite, where that states any.

    A load whose limits cannot be checked keeps none.
    """
    unchecked = LatencyObjective("missed", 0, 0)
    return _highest(
        measured, lambda load: load.kept() or unchecked if load.limits else None, Reason("load over stated limits")
    )


def _highest(
    measured: Measured | Record, objective: Callable[[Load], LatencyObjective | None], over: Reason
) -> RateUnder:
    """Return the highest valid rate whose objective is met, or that has none; `over` where all are missed.

    With an objective arrivals by a clock decide, where there are any: a closed loop sends no request while one waits.
    """
    if isinstance(measured, Record):
        loads = loads_of([measured])
    else:
        loads = [load for serving in measured.servings for load in serving.loads]
    if not loads:
        return RateUnder(None, None, Reason("load not measured"))
    judged = [(load, objective(load)) for load in loads]
    if any(each is not None for _, each in judged):
        judged = [(load, each) for load, each in judged if load.open_loop] or judged
    valid = [(load, each) for load, each in judged if load.requests_per_s and not faults(load)]
    if not valid:
        whys = [why for load, _ in judged for why in faults(load)]
        return RateUnder(None, None, whys[0] if whys else Reason("load too short"))
    kept = [load for load, each in valid if each is None or each.met == "met"]
    if kept:
        best = max(kept, key=lambda load: load.requests_per_s or 0.0)
        return RateUnder(best.requests_per_s, best, None)
    open_ones = [each for _, each in valid if each is not None and each.met == "unknown"]
    if open_ones:
        return RateUnder(None, None, Reason("load too few", {"needed": min(each.needed for each in open_ones)}))
    return RateUnder(None, None, over)
