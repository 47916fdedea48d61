"""What a record says of a run: worked by hand."""

from __future__ import annotations

from typing import Any

import pytest

from harness.measure.runs import Run
from harness.measure.validity import CLIENT, SATURATED, UNANSWERED
from harness.seams import Served

ANSWERED = Served(10.1, (10.4, 10.8), input_tokens=12, cached_tokens=4, output_tokens=2)
FAILED = Served(10.6, (10.9,), attempts=3, failure="cut off")


def made(served: Any = (ANSWERED, FAILED), **changes: Any) -> Run:
    """Return a run of two requests that were due at 10.0 and 10.5, over a wire."""
    given = {
        "scenario": "Server", "rate_per_s": 2.0, "in_flight": None, "served": served, "scheduled": [10.0, 10.5],
        "ended": 11.0, "cpu_s": 0.2, "late_s": [0.1, 0.1], "wire": True, "log": {"result_valid": False}, "readings": {},
        "repeats": False,
    }  # fmt: skip
    return Run(**given | changes)


def steady(count: int, **changes: Any) -> Run:
    """Return a run of a request each second that takes half of one."""
    times = [float(n) for n in range(count)]
    served = [Served(time, (time + 0.4, time + 0.5)) for time in times]
    given = {"served": served, "scheduled": times, "ended": count - 0.5, "late_s": [0.0], "cpu_s": 0.0}
    return made(**given | changes)


def test_columns_begin_with_the_first_request() -> None:
    """Times are in seconds from it; what is not known is None."""
    assert made().columns() == {
        "scheduled_s": [0.0, 0.5],
        "sent_s": [pytest.approx(0.1), pytest.approx(0.6)],
        "chunks_s": [[pytest.approx(0.4), pytest.approx(0.8)], [pytest.approx(0.9)]],
        "streamed": [True, True],
        "input_tokens": [12, None],
        "cached_tokens": [4, None],
        "output_tokens": [2, None],
        "attempts": [1, 3],
        "failure": [None, "cut off"],
        "batch": [None, None],
        "unseen_tokens": [0, 0],
    }


def test_a_latency_begins_with_the_schedule_or_the_sending() -> None:
    """The failed request has none."""
    assert made().latency_s == [pytest.approx(0.8)]
    assert made(scheduled=None).latency_s == [pytest.approx(0.7)]
    assert made().wall_s == pytest.approx(1.0)
    assert made(scheduled=None).wall_s == pytest.approx(0.9)


def test_a_run_is_described() -> None:
    """With LoadGen's own verdict beside ours."""
    assert made(rate_per_s=2.5).described() == {
        "name": "Server 2.5/s",
        "scenario": "Server",
        "rate_per_s": 2.5,
        "in_flight": None,
        "wall_s": pytest.approx(1.0),
        "client_cpu_s": 0.2,
        "client_late_s": {"median": 0.1, "p99": 0.1, "largest": 0.1},
        "saturated": False,
        "valid": False,
        "why_not": "1 of 2 requests failed: 1 cut off",
        "inputs_repeat": False,
        "load_generator": {"result_valid": False},
    }
    assert made(late_s=[]).described()["client_late_s"] is None


@pytest.mark.parametrize(("failed", "counts"), [(1, True), (2, False)])
def test_one_of_a_hundred_may_fail(failed: int, counts: bool) -> None:
    """Two of a hundred may not."""
    run = steady(100)
    served = [one._replace(failure="timed out") if n < failed else one for n, one in enumerate(run.served)]

    assert (steady(100, served=served).why_not is None) == counts


@pytest.mark.parametrize(
    ("changes", "why_not"),
    [
        ({"cpu_s": 90.0}, CLIENT),
        ({"cpu_s": 89.0}, None),
        ({"cpu_s": 99.0, "wire": False}, None),  # there it is the model that works
        ({"late_s": [0.0, 0.09]}, CLIENT),  # 0.045 s on average of 0.4 s
        ({"late_s": [0.0, 0.07]}, None),
        ({"log": {"errors": ["Ending early: Too many outstanding queries."]}}, SATURATED),
    ],
)
def test_the_client_may_be_the_limit(changes: dict[str, Any], why_not: str | None) -> None:
    """By its processor, or by how late it sent; of a model in this process it is not asked."""
    assert steady(100, ended=100.0, **changes).why_not == why_not


def test_a_backlog_that_grows_is_saturation() -> None:
    """Two requests a second where one is answered; the same in a closed loop is none, as is a backlog of a start."""
    served = [Served(n / 2, (n + 1.0,)) for n in range(60)]
    times = [one.sent for one in served]
    slow_start = [Served(float(n), (max(20.0, n + 0.5),)) for n in range(60)]
    left = [*steady(98).served, Served(98.0, failure=UNANSWERED), Served(99.0, failure=UNANSWERED)]

    assert made(served, scheduled=times, ended=61.0, late_s=[]).why_not == SATURATED
    assert not made(served, scheduled=None, ended=61.0, late_s=[]).saturated
    assert not made(slow_start, scheduled=[one.sent for one in slow_start], ended=61.0).saturated
    assert steady(100, served=left).why_not == SATURATED


def test_of_nothing_that_was_answered_there_is_no_speed() -> None:
    """No latency, and no verdict of a backlog."""
    none = made([FAILED, FAILED])

    assert none.latency_s == []
    assert not none.saturated
    assert none.why_not == "2 of 2 requests failed: 2 cut off"
