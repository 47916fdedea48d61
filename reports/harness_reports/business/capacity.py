"""How many machines a load needs, from measured points of the throughput-latency curve alone.

A point is a batch size with its throughput and the 99th percentile of its batch time. A request that just missed a
batch waits for that batch and its own: two batch times. With a latency objective, machines are planned at 70 % of the
measured throughput, as queues grow steeply above. Erlang C is an upper bound beside it: it assumes servers that take
one request each, so it does not decide for batches.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from harness_reports.economics.queueing import servers_needed
from harness_reports.measured.latency import percentile
from harness_reports.measured.results import Serving

PLANNED_LOAD = 0.7
"""Share of a machine's measured throughput that is planned with, given a latency objective."""
SHARE_IN_TIME = 0.99
_BATCHES = 2
"""The batch under way when a request arrives, and its own."""


class Point(NamedTuple):
    """One batch size served on one machine, as measured."""

    scenario: str
    batch_size: int
    samples_per_s: float
    slow_batch_s: float
    """The 99th percentile of batch times; the slowest if too few were measured."""

    @property
    def answer_s(self) -> float:
        """The longest wait of a request while the machine keeps up."""
        return _BATCHES * self.slow_batch_s


class Fleet(NamedTuple):
    """Machines for a load."""

    point: Point
    replicas: int
    utilisation: float
    """Mean load over the measured throughput of all machines."""
    erlang_c: int | None
    """Servers of an M/M/c queue of single requests; None without a latency objective, or if none meets it."""


def curve(servings: Sequence[Serving]) -> list[Point]:
    """Return the throughput-latency curve of a candidate, by batch size."""
    points = []
    for serving in servings:
        times = [float(seconds) for record in serving.leaves for seconds in record.series.get("latency_s", [])]
        if serving.samples_per_s and times:
            slow = percentile(times, SHARE_IN_TIME) or max(times)
            points.append(Point(serving.scenario, serving.batch_size, serving.samples_per_s, slow))
    return sorted(points, key=lambda point: (point.batch_size, point.scenario))


def fleet(points: Sequence[Point], mean_per_s: float, peak_per_s: float, limit_s: float | None) -> Fleet | None:
    """Return the fewest machines that meet the latency objective in the busiest hour; None if no point meets it.

    Args:
        points: one candidate's curve.
        mean_per_s: requests per second, mean over a year.
        peak_per_s: requests per second in the busiest hour.
        limit_s: seconds in which 99 of 100 requests have to be answered; None without a latency objective.
    """
    fast = [point for point in points if limit_s is None or point.answer_s <= limit_s]
    if not fast:
        return None
    best = max(fast, key=lambda point: point.samples_per_s)
    load = 1.0 if limit_s is None else PLANNED_LOAD
    replicas = max(1, math.ceil(peak_per_s / (best.samples_per_s * load)))
    return Fleet(best, replicas, mean_per_s / (replicas * best.samples_per_s), _erlang_c(points, peak_per_s, limit_s))


def _erlang_c(points: Sequence[Point], peak_per_s: float, limit_s: float | None) -> int | None:
    """Return the servers of an M/M/c queue, one request at a time."""
    single = [point for point in points if point.batch_size == 1]
    if limit_s is None or not single:
        return None
    best = max(single, key=lambda point: point.samples_per_s)
    wait_s = limit_s - best.slow_batch_s
    return servers_needed(peak_per_s, best.samples_per_s, wait_s, SHARE_IN_TIME).servers if wait_s > 0 else None
