"""The closed loop: so many requests are in flight, no more and no fewer, until both minimums are reached."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest

from harness.measure.batcher import Batcher
from harness.measure.closed_loop import in_flight
from harness.measure.draw import Draw
from harness.measure.loadgen import no_meters
from harness.measure.runs import Run, Terms, Wire
from harness.measure.validity import CLIENT


def loop(system: Any, requests: int, **changes: Any) -> Run:
    """Run a short loop over 1000 inputs."""
    terms = Terms(**{"seconds": 0.1, "queries": 30, "seed": 0, "window": no_meters, **changes})
    return in_flight(system, Draw(range(1000), 0), terms, requests)


@pytest.mark.parametrize("requests", [1, 5])
def test_so_many_are_in_flight(threads: Any, requests: int) -> None:
    """At each sending after the first ones exactly one was answered before; each input is sent once."""
    remote = threads(16, 0.002)
    done = loop(Wire(remote), requests)
    sent = sorted(one.sent for one in done.served)
    ended = sorted(one.chunks[-1] for one in done.served)

    assert remote.most == requests
    assert len(done.served) >= 30
    assert done.wall_s >= 0.1
    assert len(set(remote.sent)) == len(remote.sent) == len(done.served)
    assert all(later >= sooner for sooner, later in zip(ended, sent[requests:], strict=False))
    assert (done.name, done.scheduled, done.why_not) == (f"ClosedLoop {requests}", None, None)
    assert done.columns()["scheduled_s"] == [None] * len(sent)


def test_both_minimums_are_reached(threads: Any) -> None:
    """The larger one ends it, and nothing is sent after that."""
    many = loop(Wire(threads(4, 0.001)), 4, seconds=0.001, queries=50)
    long = loop(Wire(threads(4, 0.001)), 4, seconds=0.2, queries=1)

    assert len(many.served) == 50
    assert long.wall_s >= 0.2 * 0.99  # from the first request, a little after the clock began
    assert max(one.sent for one in long.served) - min(one.sent for one in long.served) <= 0.2 + 0.1


def test_in_this_process_all_that_are_in_flight_are_one_batch() -> None:
    """But for the first, which begins before the others are there, and the last, in whose midst the time is up."""
    done = loop(Batcher(lambda inputs: time.sleep(0.001) or inputs, 4, 0.0), 4)

    assert {one.batch for one in done.served[8:-4]} == {4}
    assert {one.failure for one in done.served} == {None}


def test_failures_are_counted_and_do_not_end_it(threads: Any) -> None:
    """The next request goes out all the same."""
    done = loop(Wire(threads(4, 0.001, fails_every=3)), 2, seconds=0.01)

    assert done.why_not == "10 of 30 requests failed: 10 http 500"


def test_a_late_client_is_the_limit(threads: Any) -> None:
    """By what it says of itself: on average as late as an answer takes to begin."""
    assert loop(Wire(threads(4, 0.002, late_s=[0.0, 0.01])), 2).why_not == CLIENT
    assert loop(Wire(threads(4, 0.002, late_s=[0.0, 1e-6])), 2).why_not is None


@pytest.mark.parametrize("good_calls", [0, 3])
def test_what_the_predictor_raises_comes_out(good_calls: int) -> None:
    """At once, not when the time is up."""
    calls, broken = iter(range(10**9)), KeyError("the very one")

    def predict(inputs: Sequence[Any]) -> Sequence[Any]:
        if next(calls) >= good_calls:
            raise broken
        return inputs

    with pytest.raises(KeyError) as raised:
        loop(Batcher(predict, 2, 0.0), 2, seconds=600)

    assert raised.value is broken


def test_what_a_system_raises_when_it_sends_comes_out(threads: Any) -> None:
    """In the first sending as in one that follows an answer."""
    for good in (0, 3):
        remote = threads(2, 0.001)
        send, sent = remote.send, iter(range(10**9))

        def refuse(*request: Any, send: Any = send, sent: Any = sent, good: int = good) -> None:
            if next(sent) >= good:
                raise OSError("no file is left")
            send(*request)

        remote.send = refuse
        with pytest.raises(OSError, match="no file is left"):
            loop(Wire(remote), 2, seconds=600)
