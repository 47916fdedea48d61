"""Queues: properties, extremes and errors."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import FactError
from harness_reports.economics import queueing
from harness_reports.economics.textbook.queueing import (
    in_flight,
    mg1,
    mm1,
    mm1_time_in_system_s,
    servers_needed,
    service_level,
)

LOADS = st.floats(0, 60)
SERVERS = st.integers(1, 80)


@given(LOADS, SERVERS)
def test_more_servers_block_fewer_and_let_fewer_wait(load: float, servers: int) -> None:
    """Erlang B and C fall with every server."""
    assert queueing.erlang_b(load, servers + 1) <= queueing.erlang_b(load, servers)
    assert queueing.erlang_c(load, servers + 1) <= queueing.erlang_c(load, servers)


@given(LOADS, SERVERS)
def test_more_wait_than_are_blocked(load: float, servers: int) -> None:
    """Erlang C is at least Erlang B."""
    assert 0 <= queueing.erlang_b(load, servers) <= queueing.erlang_c(load, servers) <= 1


@given(st.floats(0.01, 10), st.integers(1, 20))
def test_the_recursion_is_the_textbooks_sum(load: float, servers: int) -> None:
    """A^n/n! over its partial sums."""
    terms = [load**k / math.factorial(k) for k in range(servers + 1)]

    assert queueing.erlang_b(load, servers) == pytest.approx(terms[-1] / sum(terms))


def test_a_thousand_servers_overflow_nothing() -> None:
    """Factorials overflow at 171."""
    assert 0 < queueing.erlang_c(5000, 5050) < 1


def test_no_load_and_no_servers() -> None:
    """No request waits; all requests are blocked."""
    assert queueing.erlang_b(0, 3) == queueing.erlang_c(0, 3) == 0
    assert queueing.erlang_b(2, 0) == 1


def test_an_overloaded_queue_has_no_mean_wait() -> None:
    """And answers none within the target."""
    assert service_level(1.0, 10.0, 10, 20.0) == (1.0, 0.0, None, 1.0)


@settings(deadline=None)
@given(st.floats(0.1, 200), st.floats(0.5, 20), st.floats(0, 2), st.floats(0.5, 0.999))
def test_the_fleet_is_the_smallest_that_meets_the_objective(
    arrivals: float, speed: float, wait: float, share: float
) -> None:
    """One server fewer misses it."""
    fleet = servers_needed(arrivals, speed, wait, share)
    level = service_level(arrivals, 1 / speed, fleet.servers, wait)

    assert level.service_level == pytest.approx(fleet.service_level)
    assert fleet.service_level >= share
    if fleet.servers > 1:
        fewer = service_level(arrivals, 1 / speed, fleet.servers - 1, wait)
        assert fewer.service_level < share + 1e-12


def test_without_requests_one_server_is_enough() -> None:
    """Never 0."""
    assert servers_needed(0, 1, 1, 0.9) == (1, 0, 1)


@given(st.floats(0, 0.99), st.floats(0.01, 100))
def test_one_server_is_a_group_of_one(load: float, speed: float) -> None:
    """M/M/1 agrees with M/M/c at c = 1, and with Little's law."""
    arrivals = load * speed
    queue, level = mm1(arrivals, speed), service_level(arrivals, 1 / speed, 1, 0)

    assert queue.wait_s == pytest.approx(level.mean_wait_s)
    assert queue.time_in_system_s is not None
    assert queue.in_system == pytest.approx(in_flight(arrivals, queue.time_in_system_s))


@given(st.floats(0.01, 0.99), st.floats(0, 10))
def test_waits_grow_with_the_spread_of_service(load: float, spread: float) -> None:
    """At constant service times they are half those at exponential ones."""
    constant, exponential = mg1(load, 1, 0).wait_s, mg1(load, 1, 1).wait_s
    wait = mg1(load, 1, spread).wait_s

    assert constant is not None
    assert wait is not None
    assert exponential == pytest.approx(2 * constant)
    assert wait >= constant


@pytest.mark.parametrize("arrivals", [1.0, 2.0])
def test_one_overloaded_server_has_no_steady_state(arrivals: float) -> None:
    """Only its load is known."""
    assert mm1(arrivals, 1.0) == (arrivals, None, None, None, None)
    assert mm1_time_in_system_s(arrivals, 1.0, 0.95) is None


@given(st.integers(1, 500))
def test_a_load_of_one_has_no_steady_state(speed: int) -> None:
    """However speed · (1 / speed) is rounded."""
    assert mm1(speed, speed).wait_s is None
    assert mg1(speed, 1 / speed, 0.5).wait_s is None
    assert service_level(speed * 14 / 180, 180 / speed, 14, 20.0)[1:3] == (0.0, None)


def test_the_median_time_in_an_mm1_system() -> None:
    """Ln 2 over the spare service rate."""
    assert mm1_time_in_system_s(1, 3, 0.5) == pytest.approx(math.log(2) / 2)


@pytest.mark.parametrize(
    "call",
    [
        lambda: queueing.erlang_b(-1, 2),
        lambda: queueing.erlang_b(1, 2.5),  # type: ignore[arg-type]
        lambda: queueing.erlang_c(math.nan, 2),
        lambda: service_level(1, 0, 2, 1),
        lambda: servers_needed(1, 1, 1, 1.0),
        lambda: servers_needed(1, 0, 1, 0.9),
        lambda: mg1(1, 0.5, -1),
        lambda: mm1_time_in_system_s(1, 2, 1),
        lambda: in_flight(-1, 1),
    ],
)
def test_invalid_arguments_are_errors(call: Callable[[], object]) -> None:
    """The message says what to give."""
    with pytest.raises(FactError, match=r"Give "):
        call()
