"""Requests that arrive by a clock: when they are due, what waits and what is said of them."""

from __future__ import annotations

import math
import statistics
import threading
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from harness.measure.batcher import Batcher
from harness.measure.draw import Draw
from harness.measure.loadgen import no_meters
from harness.measure.runs import Run, Terms, Wire
from harness.measure.server import at_rate, multi_stream
from harness.measure.validity import CLIENT, SATURATED, UNANSWERED

SLEEP_S = 0.004


def sleeper(inputs: Sequence[Any]) -> list[float]:
    """Take a known time for a call."""
    time.sleep(SLEEP_S)
    return [float(one) for one in inputs]


def terms(**changes: Any) -> Terms:
    """Return short terms."""
    return Terms(**{"seconds": 0.4, "queries": 40, "seed": 3, "window": no_meters, **changes})


def serve(rate: float, predict: Any = sleeper, largest: int = 1, inputs: int = 500, **changes: Any) -> Run:
    """Serve a predictor in this process at a rate."""
    return at_rate(Batcher(predict, largest, 0.002), Draw(range(inputs), 0), terms(**changes), rate)


def test_arrivals_are_poisson_by_the_seed() -> None:
    """The schedule is the seed's; the mean gap is that of the rate, and the gaps vary as exponential ones do."""
    one, same, other = (serve(2000.0, list, 64, queries=600, seconds=0.01, seed=seed) for seed in (1, 1, 2))
    gaps = [later - sooner for sooner, later in pairwise(one.starts)]

    assert [gap * 1e6 for gap in gaps] == pytest.approx([(b - a) * 1e6 for a, b in pairwise(same.starts)], abs=0.01)
    assert gaps[:9] != pytest.approx([b - a for a, b in pairwise(other.starts)][:9], rel=0.01)
    assert len(gaps) >= 599
    assert statistics.fmean(gaps) == pytest.approx(1 / 2000, rel=5 / math.sqrt(len(gaps)))
    assert statistics.stdev(gaps) == pytest.approx(1 / 2000, rel=0.3)
    assert min(one.late_s) >= 0


def test_each_input_is_sent_once_and_each_request_is_answered() -> None:
    """No input repeats while there are others; as many rows as requests, in the order of their schedule."""
    seen: list[Any] = []
    done = serve(400.0, lambda inputs: seen.extend(inputs) or inputs, 4)

    assert len(seen) == len(set(seen)) == len(done.served) == done.log["samples_planned"] >= 40
    assert not done.repeats
    assert sorted(done.starts) == done.starts
    assert {one.failure for one in done.served} == {None}
    assert serve(400.0, list, 4, inputs=10).repeats


def test_a_latency_is_that_of_a_queue() -> None:
    """No answer ends before the queue of one server, simulated with the times that the answers took, lets it."""
    took: list[float] = []

    def predict(inputs: Sequence[Any]) -> Sequence[Any]:
        began = time.perf_counter()
        time.sleep(SLEEP_S)
        took.append(time.perf_counter() - began)
        return inputs

    done = serve(0.8 / SLEEP_S, predict, seconds=0.6)
    free, least = 0.0, []
    for due, service_s in zip(done.starts, took, strict=True):
        free = max(free, due) + service_s
        least.append(free - due)

    assert all(ours >= simulated - 1e-4 for ours, simulated in zip(done.latency_s, least, strict=True))
    assert done.scheduled is not None
    assert done.wall_s >= len(took) * SLEEP_S


def test_latencies_begin_when_requests_are_scheduled() -> None:
    """As LoadGen's own do, by its own clock: its largest one is no shorter than ours, by the time of a call back."""
    done = serve(0.9 / SLEEP_S, queries=200)
    largest = sorted(done.latency_s)[int(0.99 * len(done.latency_s))]

    assert largest <= done.log["p99_latency_s"] + 1e-4


def test_load_ends_though_requests_come_faster_than_answers() -> None:
    """Forty times what can be answered: arrivals end by their schedule, and what is left after as long is named."""
    done = serve(10_000.0, queries=4000, inputs=10_000)
    failures = [one.failure for one in done.served]

    assert done.saturated
    assert done.why_not == SATURATED
    assert len(done.served) >= 4000
    assert 0 < failures.count(UNANSWERED) < len(failures)
    assert failures.index(UNANSWERED) == len(done.latency_s)
    assert not serve(0.3 / SLEEP_S).saturated


@pytest.mark.parametrize("good_calls", [0, 5])
def test_what_the_predictor_raises_comes_out(good_calls: int) -> None:
    """The very error, in the caller's thread, and another run works."""
    calls, broken = iter(range(10**9)), KeyError("the very one")

    def predict(inputs: Sequence[Any]) -> Sequence[Any]:
        if next(calls) >= good_calls:
            raise broken
        return inputs

    with pytest.raises(KeyError) as raised:
        serve(200.0, predict)

    assert raised.value is broken
    assert next(calls) == good_calls + 1
    assert serve(200.0).served


def test_the_predictor_is_called_in_the_callers_thread() -> None:
    """LoadGen runs in another one."""
    seen: set[int] = set()
    serve(200.0, lambda inputs: seen.add(threading.get_ident()) or inputs)

    assert seen == {threading.get_ident()}


def test_over_a_wire_the_first_token_is_told_to_loadgen(threads: Any) -> None:
    """Its verdict then is of first tokens, and ours of both; requests are many at a time."""
    remote = threads(64, 0.05)
    done = at_rate(Wire(remote), Draw(range(200), 0), terms(streamed=True, limits={"latency_s": 5.0}), 200.0)

    assert not done.saturated
    assert {one.failure for one in done.served} == {None}
    assert 0.05 <= done.log["p99_first_token_s"] < done.log["p99_latency_s"]
    assert min(done.latency_s) >= 0.1
    assert remote.most > 1
    assert [one.input_tokens for one in done.served] == list(range(1, len(done.served) + 1))
    assert done.late_s == [one.sent - due for one, due in zip(done.served, done.starts, strict=True)]


def test_failed_requests_are_no_speed_and_are_named(threads: Any) -> None:
    """One in five fails at once: its latency is none, and the run does not count."""
    done = at_rate(Wire(threads(16, 0.005, fails_every=5)), Draw(range(9), 0), terms(streamed=True), 200.0)
    failed = len(done.served) // 5

    assert done.why_not == f"{failed} of {len(done.served)} requests failed: {failed} http 500"
    assert len(done.latency_s) == len(done.served) - failed
    assert min(done.latency_s) >= 0.01
    assert done.columns()["chunks_s"][4] == []


@pytest.mark.parametrize(("percentile", "bound"), [(99.0, 50), (99.9, 50), (90.0, 275)])
def test_too_many_in_flight_end_a_run_over_a_wire(threads: Any, percentile: float, bound: int) -> None:
    """With a limit of latency that is what the limit allows at most: nothing more is sent that would be paid for."""
    remote = threads(1, 0.005)
    limited = terms(queries=5000, limits={"latency_s": 0.05}, percentile=percentile)
    done = at_rate(Wire(remote), Draw(range(9), 0), limited, 500.0)

    assert done.saturated
    assert done.why_not == SATURATED
    assert bound <= len(done.served) == len(remote.sent) < bound + 450


@pytest.mark.parametrize(("percentile", "ends_early"), [(99.0, True), (50.0, False)])
def test_requests_that_may_be_slow_do_not_end_a_run(threads: Any, percentile: float, ends_early: bool) -> None:
    """80 are in flight where 10 would keep the limit: too many for 99 of 100, and half of them may take any time."""
    limited = terms(limits={"latency_s": 0.05}, percentile=percentile)
    done = at_rate(Wire(threads(200, 0.2)), Draw(range(500), 0), limited, 200.0)

    assert done.saturated == ends_early
    assert (len(done.served) >= 40 and done.log["min_queries_met"]) != ends_early


def test_a_client_that_is_late_is_the_limit(threads: Any) -> None:
    """A client that sends in turn what should go out together: requests wait in it for most of their latency."""
    remote = threads(16, 0.005)
    send = remote.send

    def slow(*request: Any) -> None:
        time.sleep(0.02)
        send(*request)

    remote.send = slow
    done = at_rate(Wire(remote), Draw(range(200), 0), terms(), 200.0)

    assert done.why_not == CLIENT


def test_multi_stream_over_a_wire_sends_queries_of_several_requests(threads: Any) -> None:
    """The next query goes out when all of the last one are answered."""
    remote = threads(8, 0.002)
    done = multi_stream(Wire(remote), Draw(range(50), 0), terms(seconds=0.05, queries=6), 3)
    sent = [one.sent for one in done.served]
    ended = [max(one.chunks[-1] for one in done.served[start : start + 3]) for start in range(0, len(sent), 3)]

    assert done.name == "MultiStream 3"
    assert len(sent) % 3 == 0
    assert len(sent) >= 18
    assert remote.most == 3
    assert done.scheduled is None
    assert all(later >= sooner for sooner, later in zip(ended, sent[3::3], strict=False))


def test_what_a_system_raises_when_it_sends_comes_out(threads: Any) -> None:
    """Through LoadGen it would end the process."""
    remote = threads(2, 0.001)

    def refuse(*_: Any) -> None:
        raise OSError("no file is left")

    remote.send = refuse
    with pytest.raises(OSError, match="no file is left"):
        at_rate(Wire(remote), Draw(range(5), 0), terms(seconds=0.05, queries=5), 100.0)
