"""Runs of requests that arrive one by one: what is under load, what came of it, and whether it counts."""

from __future__ import annotations

import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from harness.measure.batcher import Batcher
from harness.measure.draw import Draw
from harness.measure.loadgen import Window
from harness.measure.validity import (
    CLIENT,
    CLIENT_BUSY,
    CLIENT_LATE,
    MOST_FAILED,
    SATURATED,
    UNANSWERED,
    backlog_grows,
)
from harness.seams import Concurrent, Reading, Served

ENDED_EARLY = "Ending early"
"""What LoadGen says where it stops since too many requests are in flight."""


class Wire:
    """A `Concurrent` under load: it answers by itself, and the caller's thread waits."""

    failure = None

    def __init__(self, concurrent: Concurrent) -> None:
        """Keep it."""
        self.send, self.served, self.late_s = concurrent.send, concurrent.served, concurrent.late_s
        self._closed = threading.Event()

    def answer(self) -> None:
        """Wait for `close`."""
        self._closed.wait()
        self._closed.clear()

    def last(self, within_s: float) -> None:
        """Do nothing: what was sent is answered, or fails, within the time-out of its own."""

    def close(self) -> None:
        """Let `answer` end."""
        self._closed.set()


System = Batcher | Wire


@dataclass(frozen=True)
class Terms:
    """What holds for all runs of a load."""

    seconds: float
    queries: int
    seed: int
    window: Window
    """Opens the meters of one run."""
    limits: Mapping[str, float | None] = field(default_factory=dict)
    """`first_token_s`, `per_token_s` and `latency_s`, as far as they are stated."""
    percentile: float = 99.0
    streamed: bool = False
    """Whether answers come in pieces."""


@dataclass(frozen=True)
class Run:
    """One run: its requests in the order of sending, times by `time.perf_counter()`."""

    scenario: str
    rate_per_s: float | None
    """Of arrivals, None in a closed loop."""
    in_flight: int | None
    """Requests in a closed loop, None with arrivals."""
    served: Sequence[Served]
    scheduled: Sequence[float] | None
    ended: float
    """When the last request was answered or failed."""
    cpu_s: float
    """CPU seconds of this process."""
    late_s: Sequence[float]
    """How late requests were sent after their schedule; in a closed loop what the client says of itself."""
    wire: bool
    """Whether answers come from elsewhere: this process is then only the client."""
    log: Mapping[str, Any]
    readings: Mapping[str, Reading]
    repeats: bool
    """Whether an input was sent before, in this run or an earlier one."""

    @property
    def name(self) -> str:
        """Its name in a record."""
        level = str(self.in_flight) if self.rate_per_s is None else f"{self.rate_per_s:g}/s"
        return f"{self.scenario} {level}"

    @property
    def starts(self) -> list[float]:
        """When each request began: where arrivals follow a clock, by the clock."""
        return [one.sent for one in self.served] if self.scheduled is None else list(self.scheduled)

    @property
    def wall_s(self) -> float:
        """Seconds from the first request to the last answer."""
        return self.ended - min(self.starts)

    @cached_property
    def answered(self) -> list[tuple[float, Served]]:
        """The requests that were answered, each with its start."""
        pairs = zip(self.starts, self.served, strict=True)
        return [(start, one) for start, one in pairs if one.failure is None and one.chunks]

    @property
    def latency_s(self) -> list[float]:
        """Of the answered requests, from their start to the end of the answer."""
        return [one.chunks[-1] - start for start, one in self.answered]

    @cached_property
    def saturated(self) -> bool:
        """Whether requests came faster than they were answered: many were left, or the backlog grew."""
        left = any(one.failure == UNANSWERED for one in self.served)
        early = any(ENDED_EARLY in error for error in self.log.get("errors", ()))
        if left or early or self.scheduled is None:
            return left or early
        return backlog_grows([start for start, _ in self.answered], [one.chunks[-1] for _, one in self.answered])

    @cached_property
    def why_not(self) -> str | None:
        """Why the run does not count, None where it does."""
        failures = Counter(one.failure for one in self.served if one.failure not in {None, UNANSWERED})
        if failures.total() > MOST_FAILED * len(self.served):
            named = ", ".join(f"{count} {name}" for name, count in failures.most_common())
            return f"{failures.total()} of {len(self.served)} requests failed: {named}"
        if self.wire and (self.cpu_s >= CLIENT_BUSY * self.wall_s or self._late()):
            return CLIENT
        return SATURATED if self.saturated else None

    def _late(self) -> bool:
        first_s = [one.chunks[0] - start for start, one in self.answered]
        return bool(self.late_s and first_s) and statistics.fmean(self.late_s) > CLIENT_LATE * statistics.fmean(first_s)

    def columns(self) -> dict[str, list[Any]]:
        """Return what a record keeps of the requests; times in seconds from the run's beginning."""
        zero = min(self.starts)
        rows = {name: list(column) for name, column in zip(Served._fields, zip(*self.served, strict=True), strict=True)}
        sent, chunks = rows.pop("sent"), rows.pop("chunks")
        return {
            "scheduled_s": [None] * len(sent) if self.scheduled is None else [one - zero for one in self.scheduled],
            "sent_s": [one - zero for one in sent],
            "chunks_s": [[time - zero for time in times] for times in chunks],
            **rows,
        }

    def described(self) -> dict[str, Any]:
        """Return what a record says of the run."""
        late, at = sorted(self.late_s), {"median": 0.5, "p99": 0.99, "largest": 1.0}
        late_s = {name: late[round(share * (len(late) - 1))] for name, share in at.items()} if late else None
        return {
            "name": self.name, "scenario": self.scenario, "rate_per_s": self.rate_per_s, "in_flight": self.in_flight,
            "wall_s": self.wall_s, "client_cpu_s": self.cpu_s,
            "client_late_s": late_s,
            "saturated": self.saturated, "valid": self.why_not is None, "why_not": self.why_not,
            "inputs_repeat": self.repeats, "load_generator": dict(self.log),
        }  # fmt: skip


class Driven(NamedTuple):
    """What a load generator says of a run."""

    ended: float
    log: Mapping[str, Any]
    scheduled: Sequence[float] | None = None


def run(
    system: System, draw: Draw, terms: Terms, drive: Callable[[], Driven], scenario: str, *,
    rate_per_s: float | None = None, in_flight: int | None = None,
) -> Run:  # fmt: skip
    """Drive a system from a helper thread while it answers in this one, where the predictor was made.

    Raises:
        Exception: whatever the predictor, the meters or the load generator raise.
    """
    with terms.window() as readings:
        cpu_s = time.process_time()
        with ThreadPoolExecutor(1, "load") as pool:
            driving = pool.submit(drive)
            driving.add_done_callback(lambda _: system.close())
            system.answer()
        cpu_s = time.process_time() - cpu_s
    served = system.served()
    driven = driving.result()
    late_s = list(system.late_s()) if isinstance(system, Wire) else []
    if driven.scheduled is not None:
        late_s = [one.sent - due for one, due in zip(served, driven.scheduled, strict=True)]
    return Run(
        scenario, rate_per_s, in_flight, served, driven.scheduled, driven.ended, cpu_s, late_s,
        isinstance(system, Wire), driven.log, dict(readings), draw.repeats,
    )  # fmt: skip
