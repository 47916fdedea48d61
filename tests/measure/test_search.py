"""The search for a rate: on a queue that is simulated, its answer is the one that arithmetic gives."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.errors import SuiteError
from harness.measure.runs import Run
from harness.measure.search import CLOSE, HIGHEST_PER_S, Found, broken, fewest, highest, search
from harness.seams import Served


def queue(rate_per_s: float, count: int, service_s: float, **changes: Any) -> Run:
    """Return a run of Poisson arrivals at one server that takes a known time for each, by a clock of its own."""
    draw, clock, free = random.Random(7), 0.0, 0.0  # noqa: S311 - no secret
    scheduled, served = [], []
    for _ in range(count):
        clock += draw.expovariate(rate_per_s)
        free = max(free, clock) + service_s
        scheduled.append(clock)
        served.append(Served(clock, (free,), streamed=False))
    given = {
        "scenario": "Server", "rate_per_s": rate_per_s, "in_flight": None, "served": served, "scheduled": scheduled,
        "ended": free, "cpu_s": 0.0, "late_s": [], "wire": False, "log": {}, "readings": {}, "repeats": False,
    }  # fmt: skip
    return Run(**given | changes)


@given(first=st.floats(0.01, 100), times=st.floats(0.13, 90))
def test_the_found_rate_is_close_to_the_highest(first: float, times: float) -> None:
    """It keeps, and a tenth more does not."""
    limit, tried = first * times, []

    def keeps(rate: float) -> bool:
        tried.append(rate)
        return rate <= limit

    rate = highest(keeps, first)

    assert rate is not None
    assert rate <= limit < rate * (1 + CLOSE) * (1 + 1e-9)
    assert len(tried) <= 16


@pytest.mark.parametrize(("limit", "end"), [(0.1, None), (1e9, HIGHEST_PER_S)])
def test_a_search_ends(limit: float, end: float | None) -> None:
    """No rate keeps a limit that the answer itself breaks; nothing is sent faster than Python can."""
    tried = []
    rate = highest(lambda rate: tried.append(rate) or rate <= limit, 1.0)

    assert rate is None if end is None else rate is not None and end <= rate < 2 * end
    assert len(tried) == (4 if end is None else 15)


@pytest.mark.parametrize("limit_s", [0.02, 0.05])
def test_a_simulated_queue_gives_its_rate(limit_s: float) -> None:
    """At the found rate 90 of 100 are in time; at a fifth more too many are late, or it is saturated."""
    service_s, counts = 0.01, []

    def at(rate: float, count: int) -> Run:
        counts.append(count)
        return queue(rate, 4000, service_s)

    best = search(at, 1 / service_s, {"latency_s": limit_s}, 90.0, 10)
    assert best.run is not None
    rate = best.run.rate_per_s
    above = queue(1.2 * rate, 4000, service_s)

    assert 0.2 / service_s < rate < 1 / service_s
    assert broken(best.run, {"latency_s": limit_s}) <= 400
    assert above.saturated or broken(above, {"latency_s": limit_s}) > 300
    assert [one["kept"] for one in best.tried if one["rate_per_s"] == rate] == [True]
    assert set(counts) == {44}


def found_at(slow: list[int], queries: int) -> tuple[Found, list[int]]:
    """Search where a run at 1/s has so many slow requests, one number for each try, and one at 2/s is all slow."""
    counts: list[int] = []

    def at(rate: float, count: int) -> Run:
        counts.append(count)
        late = slow.pop(0) if rate == 1.0 else count if rate > 1 else 0
        served = [Served(float(n), (n + (3.0 if n < late else 0.5),), streamed=False) for n in range(count)]
        run = queue(rate, count, 0.0)
        return Run(**vars(run) | {"served": served, "scheduled": [one.sent for one in served]})

    return search(at, 1.0, {"latency_s": 1.0}, 99.0, queries), counts


def test_one_slow_request_asks_for_more_of_them() -> None:
    """459 requests support the percentile if none is slow: the run is made again with four times as many."""
    best, counts = found_at([1, 8], 10)

    assert counts[:2] == [459, 1836]
    assert [(one["requests"], one["broken"], one["kept"]) for one in best.tried[:2]] == [
        (459, 1, False),
        (1836, 8, True),
    ]
    assert best.run is not None
    assert best.run.rate_per_s == 1.0


def test_too_many_slow_requests_break_a_limit_at_once() -> None:
    """5 of 459 are more than one in a hundred; a second try with more of them decides likewise."""
    assert found_at([5], 10)[1][1] == 459
    again, counts = found_at([1, 12], 10)

    assert counts[:3] == [459, 1836, 459]
    assert again.run is not None
    assert again.run.rate_per_s < 1.0


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99, 0.999])
@pytest.mark.parametrize("slow", [0, 1, 7, 60])
def test_the_fewest_requests_are_those_of_the_binomial_distribution(share: float, slow: int) -> None:
    """One less would not be enough, by scipy."""
    count = fewest(share, slow)

    assert stats.binom.cdf(slow, count, 1 - share) <= 0.01 < stats.binom.cdf(slow, count - 1, 1 - share)


@pytest.mark.parametrize(
    ("limits", "late"),
    [({"latency_s": 2.0}, 1), ({"first_token_s": 0.5}, 2), ({"per_token_s": 0.3}, 2), ({"latency_s": None}, 1)],
)
def test_each_limit_is_of_each_request(limits: dict[str, float | None], late: int) -> None:
    """Three requests by hand: the second one is slow to begin and between tokens, and the third one failed."""
    served = [
        Served(0.0, (0.4, 0.6, 0.8), output_tokens=3),
        Served(1.0, (1.6, 2.2), output_tokens=2),
        Served(2.0, failure="http 500"),
    ]

    assert broken(queue(1.0, 1, 0.1, served=served, scheduled=[0.0, 1.0, 2.0]), limits) == late


@pytest.mark.parametrize(
    ("one", "limit", "why"),
    [
        (Served(0.0, (1.0,), streamed=False), "first_token_s", "answers come whole"),
        (Served(0.0, (1.0,), streamed=False, output_tokens=4), "per_token_s", "answers come whole"),
        (Served(0.0, (1.0, 2.0)), "per_token_s", "no tokens are counted"),
    ],
)
def test_a_limit_that_cannot_be_checked_is_refused(one: Served, limit: str, why: str) -> None:
    """It is neither kept nor broken."""
    with pytest.raises(SuiteError, match=f"The limit {limit} cannot be checked: {why}. Leave it out"):
        broken(queue(1.0, 1, 0.1, served=[one], scheduled=[0.0]), {limit: 1.0})
