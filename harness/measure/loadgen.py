"""Load generation through MLPerf's LoadGen, module `mlperf_loadgen`.

LoadGen decides how many queries there are, in which order, and whether the run counts. It calls back in the thread that
starts the test, so thread-local states and thread pools of a framework are those of the caller. The measured loops are
`Work.offline` and `Work.stream`: clock and synchronisation are in view there. Meters, clock and counts cover one
window, from the first query to the last answer; LoadGen's preparations and its log are outside.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from harness.errors import DataError, SuiteError, unknown
from harness.measure.loadgen_run import run_loadgen, settings_of
from harness.measure.outputs import check_outputs
from harness.measure.warmup import MOST_CALLS, WarmUp, warm_up
from harness.seams import Predict, Reading

SCENARIOS = ("Offline", "SingleStream", "MultiStream")
"""Those in which the next query follows the answer to the last one."""
ATTEMPTS = 3
"""A run that turned out too short is made again with the speed it showed."""
OVERHEAD_CALL_S, OVERHEAD_SAMPLE_S = 3e-6, 2e-6
"""About what LoadGen and the check of outputs take themselves: no query comes faster, however fast the predictor is."""
SHRINK = 0.8
"""A run that is made again is planned this much longer than the speed it showed asks for."""
HEADROOM = 1.1
"""LoadGen's for Offline: it plans this much longer than the least duration."""
Window = Callable[[], AbstractContextManager[Mapping[str, Reading]]]


@dataclass(frozen=True)
class Load:
    """What load generation measured: raw values."""

    wall_s: float
    """Seconds from the first query to the last answer, device included: the window of the meters and the counts."""
    overhead_s: float
    """Part of `wall_s` in which the predictor did not work: LoadGen between queries, the check of outputs."""
    samples: int
    queries: int
    """Calls of the predictor. Each takes a batch; in SingleStream a sample."""
    latency_s: list[float]
    """In order, one per call: from issue to completion of a query, or of a batch in Offline."""
    log: dict[str, Any]
    """LoadGen's verdict and figures, the plan it was given, and how the warm-up went."""
    warmup_batches: int
    sent: list[float] = field(default_factory=list)
    """When each query was issued, by `time.perf_counter()`; none in Offline, which issues all at once."""
    readings: dict[str, Reading] = field(default_factory=dict)
    """What the meters of `window` read over the measured run alone."""


@contextmanager
def no_meters() -> Iterator[dict[str, Reading]]:
    """Open a window that reads nothing."""
    yield {}


def generate_load(
    scenario: str, predict: Predict, inputs: Sequence[Any], *, batch_size: int, seconds: float, min_queries: int,
    synchronise: Callable[[], None], seed: int = 0, window: Window = no_meters, warm_up_calls: int = MOST_CALLS,
) -> Load:  # fmt: skip
    """Serve a predictor until `seconds` have passed and `min_queries` are answered, warm-up excluded.

    Args:
        scenario: `Offline` (all samples at once, in batches), `SingleStream` (one sample after the other) or
            `MultiStream` (one batch after the other).
        predict: What is measured.
        inputs: Real inputs; LoadGen draws from them with replacement.
        batch_size: Samples in a call of `predict`; 1 in SingleStream.
        seconds: Least duration of the measured run.
        min_queries: Least number of queries; of samples in Offline, as MLPerf counts there.
        synchronise: Waits for the device.
        seed: Of the order in which inputs are drawn.
        window: Opens meters; called at the first query, and again when the run is made again.
        warm_up_calls: The most calls to warm up with.

    Raises:
        SuiteError: the scenario is unknown, or the batch size or a limit makes no sense.
        DataError: there are no inputs.
        ValueError: `predict` returned fewer or more outputs than it was given inputs, or a non-finite one.
        Exception: whatever `predict` raises.
    """
    _refuse_nonsense(scenario, inputs, batch_size, seconds, min_queries)
    work = Work(predict, inputs, batch_size, synchronise, window)
    warm = warm_up(predict, inputs, batch_size, synchronise, limit_s=seconds, most_calls=warm_up_calls)
    call_s = warm.call_s
    least_s = OVERHEAD_CALL_S + OVERHEAD_SAMPLE_S * batch_size
    for _ in range(ATTEMPTS):
        plan = _Plan(scenario, batch_size, seconds, min_queries, max(call_s, least_s), seed)
        log = _run(work, plan)
        if log["min_duration_met"]:
            break
        call_s = SHRINK * statistics.fmean(work.latency_s)
    return _load(work, {**plan.described(), **log, **_of_warm_up(warm)}, warm)


def _refuse_nonsense(scenario: str, inputs: Sequence[Any], batch_size: int, seconds: float, min_queries: int) -> None:
    if scenario not in SCENARIOS:
        raise SuiteError(unknown("scenario", scenario, SCENARIOS))
    if batch_size < 1 or (scenario == "SingleStream" and batch_size != 1):
        raise SuiteError(
            f"{scenario} cannot be served in batches of {batch_size}. SingleStream takes 1, others at least 1."
        )
    refuse_nothing(inputs, seconds, min_queries)


def refuse_nothing(inputs: Sequence[Any], seconds: float, min_queries: int) -> None:
    """Refuse a load that would measure nothing.

    Raises:
        SuiteError: a limit makes no sense.
        DataError: there are no inputs.
    """
    if not (math.isfinite(seconds) and seconds > 0) or min_queries < 1:
        raise SuiteError(
            f"Load generation for {seconds} s and {min_queries} queries measures nothing. Give positive limits."
        )
    if not len(inputs):
        raise DataError(
            "Load generation has no inputs to send: the task's `queries()` is empty. Give the task test data."
        )


def _completion() -> Callable[[list[int]], None]:
    """Return the function that tells LoadGen of answered samples; bound once, it is on the hot path."""
    import mlperf_loadgen

    response, complete = mlperf_loadgen.QuerySampleResponse, mlperf_loadgen.QuerySamplesComplete
    return lambda ids: complete([response(one, 0, 0) for one in ids])


class Work:
    """The system under test: what LoadGen calls, and what came of it."""

    def __init__(
        self, predict: Predict, inputs: Sequence[Any], batch_size: int, synchronise: Callable[[], None], window: Window
    ) -> None:
        self.predict = predict
        self.inputs = inputs
        self.batch_size = batch_size
        self.synchronise = synchronise
        self._window = window
        self._complete = _completion()
        self.begin()

    def begin(self) -> None:
        """Forget an earlier run."""
        self.latency_s: list[float] = []
        self.sent: list[float] = []
        self.samples = 0
        self.wall_s = 0.0
        self.readings: Mapping[str, Reading] = {}
        self.failure: BaseException | None = None
        self._meters = ExitStack()
        self._began: float | None = None

    def offline(self, ids: list[int], indexes: list[int]) -> None:
        """Answer all samples in batches, in LoadGen's order."""
        predict, synchronise, clock, size = self.predict, self.synchronise, time.perf_counter, self.batch_size
        keep, ordered = self.latency_s.append, [self.inputs[index] for index in indexes]
        try:
            self._open()
            for start in range(0, len(ordered), size):
                began = clock()
                batch = ordered[start : start + size]
                outputs = predict(batch)
                synchronise()
                keep(clock() - began)
                check_outputs(outputs, len(batch))
                self.samples += len(batch)
        except BaseException as error:  # noqa: BLE001 - through LoadGen it would end the process; raised again after the test
            self.failure = error
        finally:
            self.close()
            self._complete(ids)

    def stream(self, ids: list[int], indexes: list[int]) -> None:
        """Answer one query: a sample in SingleStream, a batch in MultiStream."""
        if self.failure is not None:  # LoadGen sends what it has planned: let it come to its end
            self._complete(ids)
            return
        outputs: Sequence[Any] = ()
        batch = [self.inputs[index] for index in indexes]
        try:
            if self._began is None:
                self._open()
            began = time.perf_counter()
            outputs = self.predict(batch)
            self.synchronise()
            self.latency_s.append(time.perf_counter() - began)
            self.sent.append(began)
        except BaseException as error:  # noqa: BLE001 - as above
            self.failure = error
        self._complete(ids)
        if self.failure is None:
            self._check(outputs, len(batch))

    def _open(self) -> None:
        self.readings = self._meters.enter_context(self._window())
        self._began = time.perf_counter()

    def close(self) -> None:
        """Close the window, if it is open. LoadGen calls this after the last answer."""
        if self._began is None:
            return
        self.wall_s, self._began = time.perf_counter() - self._began, None
        try:
            self._meters.close()
        except BaseException as error:  # noqa: BLE001 - as above
            self.failure = self.failure or error

    def _check(self, outputs: Sequence[Any], count: int) -> None:
        """Check after completion, so that LoadGen's own latency has no part in it either."""
        try:
            check_outputs(outputs, count)
            self.samples += count
        except BaseException as error:  # noqa: BLE001 - as above
            self.failure = error


@dataclass(frozen=True)
class _Plan:
    """What LoadGen has to know beforehand."""

    scenario: str
    batch_size: int
    seconds: float
    min_queries: int
    call_s: float
    """Seconds a call of the predictor is expected to take."""
    seed: int

    def described(self) -> dict[str, Any]:
        """Return it as a record keeps it."""
        return {"expected_call_s" if name == "call_s" else name: value for name, value in vars(self).items()}

    def offline_samples(self) -> int:
        """Return a whole number of batches that lasts `seconds` with headroom and holds `min_queries` samples."""
        batches = max(self.min_queries / self.batch_size, self.seconds * HEADROOM / self.call_s)
        return math.ceil(batches) * self.batch_size

    def settings(self) -> Any:
        """Return LoadGen's settings."""
        settings = settings_of(self.scenario, self.seconds, self.seed)
        if self.scenario == "Offline":
            # LoadGen takes the larger of count and rate x duration x 1.1: a rate this low leaves it at whole batches.
            settings.min_query_count = self.offline_samples()
            settings.offline_expected_qps = (
                0.9 * settings.min_query_count / (settings.min_duration_ms / 1000 * HEADROOM)
            )
        else:
            settings.min_query_count = self.min_queries
            settings.multi_stream_samples_per_query = self.batch_size
            for name in ("single_stream_expected_latency_ns", "multi_stream_expected_latency_ns"):
                setattr(settings, name, max(1, int(self.call_s * 1e9)))
        return settings


def _run(work: Work, plan: _Plan) -> dict[str, Any]:
    """Run LoadGen once and return its log; raise what the predictor raised."""
    work.begin()
    issue = work.offline if plan.scenario == "Offline" else work.stream
    work.synchronise()
    log = run_loadgen(issue, work.close, plan.settings(), len(work.inputs))
    if work.failure is not None:
        raise work.failure
    return log


def _of_warm_up(warm: WarmUp) -> dict[str, Any]:
    return {"warm_up_s": warm.seconds, "warm_up_settled": warm.settled}


def _load(work: Work, log: dict[str, Any], warm: WarmUp) -> Load:
    return Load(
        wall_s=work.wall_s, overhead_s=work.wall_s - math.fsum(work.latency_s), samples=work.samples,
        queries=len(work.latency_s), latency_s=work.latency_s, log=log, warmup_batches=warm.batches,
        sent=work.sent, readings=dict(work.readings),
    )  # fmt: skip
