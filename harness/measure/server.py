"""LoadGen's scenarios with several requests in flight: Server, and MultiStream over a wire.

In Server requests arrive by a Poisson clock, whether earlier ones are answered or not, and a latency begins when its
request was scheduled. LoadGen tells that time in its trace, by a clock of its own. The difference of the clocks is the
smallest difference at any issue: LoadGen cannot issue before it says so.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from harness.measure.draw import Draw
from harness.measure.loadgen_log import Issued
from harness.measure.loadgen_run import nothing, run_loadgen, settings_of
from harness.measure.runs import Driven, Run, System, Terms, Wire, run

NO_LIMIT_S = 1e6
"""What LoadGen is told where nothing is stated: it has no run without limits."""
MOST_IN_FLIGHT = 1000
"""Requests in flight over a wire that end a run without a limit of latency: a process has 1024 files, sockets too."""
FEWEST_IN_FLIGHT = 32
"""With a limit it ends at the requests in flight where all take as long as that allows (`SLOW`), but not below."""
SLOW = 100
"""Times the limit that the requests take which may be slower. With 99 of 100 in time twice as many are in flight as
where all just keep the limit, with 90 of 100 eleven times as many."""


class _Traffic:
    """What LoadGen issues on its way to the system, and back. Nothing here raises: it would end the process."""

    def __init__(self, system: System, draw: Draw, *, streamed: bool) -> None:
        self._system, self._draw, self._streamed = system, draw, streamed
        self._complete, self._first = _callbacks()
        self._begun: set[int] = set()
        self.issued: list[float] = []
        self.ended = 0.0
        self.failure: BaseException | None = None

    def issue(self, ids: list[int], indexes: list[int]) -> None:  # noqa: ARG002 - the draw says which input
        """Send the samples of a query."""
        self.issued.append(time.perf_counter())
        for one in ids:
            try:
                self._system.send(self._draw.next(), partial(self._begin, one), partial(self._done, one))
            except BaseException as error:  # noqa: BLE001 - raised again after the test
                self.failure = self.failure or error
                self._done(one)

    def _begin(self, one: int) -> None:
        if self._streamed and one not in self._begun:
            self._begun.add(one)
            self._first(one)

    def _done(self, one: int) -> None:
        self.ended = time.perf_counter()
        self._begin(one)  # where nothing came: LoadGen knows no answer without a first token
        self._complete(one)

    def driven(self, log: dict[str, Any], trace: list[Issued] | None) -> Driven:
        """Return what LoadGen says of the run."""
        if self.failure is not None:
            raise self.failure
        if trace is None:
            return Driven(self.ended, log)
        apart = min(ours - theirs.issued for ours, theirs in zip(self.issued, trace, strict=True))
        return Driven(self.ended, log, [one.scheduled + apart for one in trace])


def _callbacks() -> tuple[Callable[[int], None], Callable[[int], None]]:
    """Return what tells LoadGen that a sample is complete, and that its first token has come.

    LoadGen wants a number of tokens; answers are read after the run. With 2 its time per token is that of all tokens
    after the first, and nothing is taken from it.
    """
    import mlperf_loadgen

    response, complete = mlperf_loadgen.QuerySampleResponse, mlperf_loadgen.QuerySamplesComplete
    first = mlperf_loadgen.FirstTokenComplete
    return lambda one: complete([response(one, 0, 0, 2)]), lambda one: first([response(one, 0, 0)])


def at_rate(system: System, draw: Draw, terms: Terms, rate_per_s: float) -> Run:
    """Serve requests that arrive at a rate, at least for `seconds` and as many as `queries`."""
    settings = settings_of("Server", terms.seconds, terms.seed)
    settings.server_target_qps, settings.min_query_count = rate_per_s, terms.queries
    settings.server_target_latency_percentile = terms.percentile / 100
    settings.server_target_latency_ns = _ns(terms.limits.get("latency_s"))
    settings.use_token_latencies = terms.streamed
    settings.ttft_latency, settings.tpot_latency = _ns(terms.limits.get("first_token_s")), _ns(None)
    settings.server_max_async_queries = _most_in_flight(system, terms, rate_per_s)
    arrivals_s = max(terms.seconds, terms.queries / rate_per_s)
    return run(
        system, draw, terms,
        _drive(system, draw, terms, settings, partial(system.last, arrivals_s), trace=[]),
        "Server", rate_per_s=rate_per_s,
    )  # fmt: skip


def multi_stream(system: System, draw: Draw, terms: Terms, samples: int) -> Run:
    """Send queries of several samples, each when the last one is answered."""
    settings = settings_of("MultiStream", terms.seconds, terms.seed)
    settings.multi_stream_samples_per_query, settings.min_query_count = samples, terms.queries
    drive = _drive(system, draw, terms, settings, nothing, trace=None)
    return run(system, draw, terms, drive, "MultiStream", in_flight=samples)


def _drive(
    system: System, draw: Draw, terms: Terms, settings: Any, flush: Callable[[], None], trace: list[Issued] | None
) -> Callable[[], Driven]:
    traffic = _Traffic(system, draw, streamed=terms.streamed and trace is not None)

    def drive() -> Driven:
        return traffic.driven(run_loadgen(traffic.issue, flush, settings, len(draw), trace), trace)

    return drive


def _most_in_flight(system: System, terms: Terms, rate_per_s: float) -> int:
    """Return how many requests in flight end a run; 0: any number."""
    latency_s = terms.limits.get("latency_s")
    if latency_s is None:
        return MOST_IN_FLIGHT if isinstance(system, Wire) else 0
    just_kept, slow = rate_per_s * latency_s, SLOW * (100 - terms.percentile) / 100
    most = max(2.0, 1 + slow) * just_kept
    if isinstance(system, Wire):  # not for the slow ones alone more than a process has files
        most = min(most, max(MOST_IN_FLIGHT, 2 * just_kept))
    return max(FEWEST_IN_FLIGHT, math.ceil(most))


def _ns(seconds: float | None) -> int:
    return int((NO_LIMIT_S if seconds is None else seconds) * 1e9)
