"""How many machines a load needs: read off the points that were measured, never between or beyond them.

A point of the throughput-latency curve is a batch size: how many requests a second it answers, and how long a batch
takes at its slow end. A request that just missed a batch waits for it and for its own, so its answer takes two. Where
a latency is promised, machines are planned at 70 % of what a point was measured to do: beyond that waits grow without
measure. Erlang's formula for servers that take one request each is the upper check: batching servers break its
assumptions, so it never decides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from harness_reports.economics.queueing import servers_needed
from harness_reports.measured.latency import percentile
from harness_reports.measured.results import Serving

PLANNED_LOAD = 0.7
"""Share of a machine's measured rate that may be planned with where a latency is promised."""
SHARE_IN_TIME = 0.99
_BATCHES = 2


class Point(NamedTuple):
    """One measured way of serving on one machine."""

    scenario: str
    batch_size: int
    samples_per_s: float
    slow_batch_s: float
    """The 99th percentile of a batch's time; where too few were measured, the slowest."""

    @property
    def answer_s(self) -> float:
        """How long a request waits at most while the machine keeps up: for a batch under way, and its own."""
        return _BATCHES * self.slow_batch_s


class Fleet(NamedTuple):
    """Machines for a load."""

    point: Point
    replicas: int
    utilisation: float
    """Mean load over what all of them were measured to do."""
    erlang_c: int | None
    """What an M/M/c queue of single requests would need; None where no latency is promised or none can be kept."""


def curve(servings: Sequence[Serving]) -> list[Point]:
    """Return the points of a candidate's servings."""
    points = []
    for serving in servings:
        times = [float(seconds) for record in serving.leaves for seconds in record.series.get("latency_s", [])]
        if serving.samples_per_s and times:
            slow = percentile(times, SHARE_IN_TIME) or max(times)
            points.append(Point(serving.scenario, serving.batch_size, serving.samples_per_s, slow))
    return sorted(points, key=lambda point: (point.batch_size, point.scenario))


def fleet(points: Sequence[Point], mean_per_s: float, peak_per_s: float, limit_s: float | None) -> Fleet | None:
    """Return the fewest machines that answer the busiest hour within a limit; None where no measured point keeps it.

    Args:
        points: of one candidate's curve.
        mean_per_s: requests per second over a year.
        peak_per_s: in the busiest hour.
        limit_s: in which 99 of 100 requests have to be answered; None where nobody waits.
    """
    kept = [point for point in points if limit_s is None or point.answer_s <= limit_s]
    if not kept:
        return None
    best = max(kept, key=lambda point: point.samples_per_s)
    load = 1.0 if limit_s is None else PLANNED_LOAD
    replicas = max(1, math.ceil(peak_per_s / (best.samples_per_s * load)))
    return Fleet(best, replicas, mean_per_s / (replicas * best.samples_per_s), _check(points, peak_per_s, limit_s))


def _check(points: Sequence[Point], peak_per_s: float, limit_s: float | None) -> int | None:
    """Return Erlang's number of machines that take one request at a time."""
    single = [point for point in points if point.batch_size == 1]
    if limit_s is None or not single:
        return None
    best = max(single, key=lambda point: point.samples_per_s)
    left = limit_s - best.slow_batch_s
    return servers_needed(peak_per_s, best.samples_per_s, left, SHARE_IN_TIME).servers if left > 0 else None
