"""Waiting: against closed forms, and against simulations that share no code with what they check."""

from __future__ import annotations

import heapq
import itertools
import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import norm

from harness import FactError
from harness_reports.economics.batch_queue import simulated_answers_s
from harness_reports.economics.queueing import erlang_c
from harness_reports.economics.textbook.queueing import mg1, mm1_time_in_system_s, servers_needed
from harness_reports.economics.waiting import (
    MOST_LOAD,
    Service,
    _curve,
    _simulated,
    _times,
    answer_s,
    arrivals_within,
)

LOADS = (0.3, 0.6, 0.8, 0.9)
EVEN = (np.arange(5000) + 0.5) / 5000
TIMES = {
    "exponential": -np.log1p(-EVEN),
    "constant": np.ones(1),
    "two": np.array([1.0] * 9 + [10.0]),
    "lognormal": np.exp(norm.ppf(EVEN)),
}
BATCHES = {
    "pairs": Service((1, 2), (np.ones(1), np.full(1, 1.5))),
    "eights": Service((1, 4, 8), tuple(seconds * np.exp(norm.ppf(EVEN) / 4) for seconds in (1, 2, 3))),
    "padded": Service((16,), (np.exp(norm.ppf(EVEN) / 8) * np.where(np.arange(5000) % 10, 1.0, 2.0),)),
    "flat": Service((1, 32), (np.full(1, 1.0), np.full(1, 2.0))),
}


def single(times_s: np.ndarray) -> Service:
    """Return a machine that takes one request at a time."""
    return Service((1,), (times_s,))


def rate(service: Service, machines: int, load: float) -> float:
    """Return the arrivals per second at a load."""
    return load * machines * service.sizes[-1] / float(service.seconds[-1].mean())


def requests(load: float, scale: int) -> int:
    """Return how many requests a seed needs, as a queue remembers its past for longer at high loads."""
    return max(500, round(scale / (1 - load) ** 2))


def simulated_singles(times_s: np.ndarray, machines: int, arrivals_per_s: float, seeds: int, kept: int) -> np.ndarray:
    """Return answer times of machines that take one request at a time; all seeds go on together."""
    random, warm_up = np.random.default_rng(2026), 2000
    arrivals = random.exponential(1 / arrivals_per_s, (warm_up + kept, seeds)).cumsum(axis=0)
    services = random.choice(times_s, arrivals.shape)
    free, seed, done = np.zeros((seeds, machines)), np.arange(seeds), np.empty_like(arrivals)
    for request, (now, service) in enumerate(zip(arrivals, services, strict=True)):
        machine = free.argmin(axis=1)
        done[request] = free[seed, machine] = np.maximum(now, free[seed, machine]) + service
    return (done - arrivals)[warm_up:]


def simulated_one(times_s: np.ndarray, arrivals_per_s: float, seeds: int, kept: int) -> np.ndarray:
    """Return answer times of one machine by Lindley's recursion: a wait is a sum above its lowest value."""
    random, warm_up = np.random.default_rng(2026), 2000
    service = random.choice(times_s, (seeds, warm_up + kept))
    between = random.exponential(1 / arrivals_per_s, service.shape)
    total = np.cumsum(service[:, :-1] - between[:, 1:], axis=1)
    wait = total - np.minimum(np.minimum.accumulate(total, axis=1), 0)
    return (wait + service[:, 1:])[:, warm_up:]


def batch_s(sizes: tuple[int, ...], ordered_s: list[list[float]], size: int, chance: float) -> float:
    """Return the seconds of a batch, on a line between equally slow ones of the measured sizes."""
    upper = bisect_left(sizes, size)
    large_s, small_s = (ordered_s[place][int(chance * len(ordered_s[place]))] for place in (upper, max(0, upper - 1)))
    if not upper or size == sizes[upper]:
        return large_s
    return small_s + (large_s - small_s) * (size - sizes[upper - 1]) / (sizes[upper] - sizes[upper - 1])


def simulated_batches(service: Service, machines: int, arrivals_per_s: float, seed: int, kept: int) -> list[float]:
    """Return answer times of a queue of batches, event by event."""
    random = np.random.default_rng(seed)
    warm_up = requests(min(0.9, arrivals_per_s / service.most_per_s(machines)), 20) + 5 * machines * service.sizes[-1]
    arrivals = random.exponential(1 / arrivals_per_s, warm_up + kept).cumsum().tolist()
    chances = random.random(warm_up + kept).tolist()
    ordered_s = [np.sort(times).tolist() for times in service.seconds]
    free, answers = [0.0] * machines, list[float]()
    while len(answers) < len(arrivals):
        request = len(answers)
        start = max(arrivals[request], heapq.heappop(free))
        there = bisect_right(arrivals, start, request + 1, min(request + service.sizes[-1], len(arrivals)))
        done = start + batch_s(service.sizes, ordered_s, there - request, chances[request])
        heapq.heappush(free, done)
        answers += [done - arrival for arrival in arrivals[request:there]]
    return answers[warm_up:]


def error(answers: Any, service: Service, arrivals_per_s: float, machines: int) -> float:
    """Return by how much the 99th percentile differs from the simulated one, relative to it."""
    return answer_s(service, arrivals_per_s, machines) / float(np.quantile(answers, 0.99)) - 1


def mmc_answer_s(arrivals: float, machines: int, share: float = 0.99) -> float:
    """Return the exact quantile of M/M/c with a mean service of one second: exponential wait, and service."""
    waits, spare = erlang_c(arrivals, machines), machines - arrivals * (1 + 1e-9)  # a spare of 1 divides by 0

    def late(seconds: float) -> float:
        both = (math.exp(-spare * seconds) - math.exp(-seconds)) / (1 - spare)
        return math.exp(-seconds) + waits * both - (1 - share)

    return float(brentq(late, 0, 100 / min(1, spare)))


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("machines", [1, 2, 3, 5, 10, 20, 50])
def test_exponential_services_are_erlangs_queue(machines: int, load: float) -> None:
    """M/M/c is exact; the sample that stands for the exponential costs a quarter of a percent."""
    service = single(-np.log1p(-(np.arange(200_000) + 0.5) / 200_000))
    arrivals = rate(service, machines, load)

    assert answer_s(service, arrivals, machines) == pytest.approx(mmc_answer_s(load * machines, machines), rel=0.0025)


@pytest.mark.parametrize("load", LOADS)
def test_one_machine_has_the_textbooks_percentile(load: float) -> None:
    """M/M/1 answers in an exponential time."""
    assert mmc_answer_s(load, 1) == pytest.approx(mm1_time_in_system_s(load, 1, 0.99))


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("name", ["constant", "two", "lognormal"])
def test_the_mean_wait_is_pollaczeks_and_khinchines(name: str, load: float) -> None:
    """The mean of M/G/1 over even shares of requests."""
    times_s = TIMES[name]
    service, mean_s = single(times_s), float(times_s.mean())
    arrivals = rate(service, 1, load)
    shares = norm.cdf(np.linspace(-5, 5, 101))
    answers = [answer_s(service, arrivals, 1, share) for share in shares]
    squared_cv = float(times_s.var()) / mean_s**2

    assert float(np.trapezoid(answers, shares)) == pytest.approx(
        mg1(arrivals, mean_s, squared_cv).time_in_system_s, rel=0.01
    )


def test_machines_at_70_percent_answer_late() -> None:
    """M/D/1 at a load of .7: 1 - .3 e^.7 wait longer than a service, the 99th percentile is 7.4 services and more."""
    service = single(np.ones(1))
    within_two = 0.3 * math.exp(0.7)

    assert 1 - within_two == pytest.approx(0.396, abs=5e-4)
    assert answer_s(service, 0.7, 1, within_two) == pytest.approx(2, rel=1e-3)
    assert answer_s(service, 0.7, 1) == pytest.approx(7.485, abs=0.005)


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("name", TIMES)
def test_one_machine_answers_as_simulated(name: str, load: float) -> None:
    """20 seeds: M/M/1, M/D/1 and M/G/1 within 10 %."""
    service = single(TIMES[name])
    arrivals = rate(service, 1, load)
    answers = simulated_one(service.seconds[0], arrivals, 20, requests(load, 2000))

    assert abs(error(answers, service, arrivals, 1)) <= 0.1


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("machines", [3, 20])
@pytest.mark.parametrize("name", TIMES)
def test_machines_that_share_a_queue_answer_as_simulated(name: str, machines: int, load: float) -> None:
    """20 seeds: M/M/c, M/D/c and M/G/c within 10 %."""
    service = single(TIMES[name])
    arrivals = rate(service, machines, load)
    answers = simulated_singles(service.seconds[0], machines, arrivals, 20, requests(load, 300))

    assert abs(error(answers, service, arrivals, machines)) <= 0.1


@pytest.mark.slow
@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("machines", [1, 2, 3, 5, 10, 20, 50])
@pytest.mark.parametrize("name", TIMES)
def test_single_requests_are_answered_as_1000_seeds_are(name: str, machines: int, load: float) -> None:
    """M/M/c, M/D/c and M/G/c within 10 %; 4 % is the most that was seen."""
    service = single(TIMES[name])
    arrivals = rate(service, machines, load)
    answers = simulated_singles(service.seconds[0], machines, arrivals, 1000, 3000)

    assert abs(error(answers, service, arrivals, machines)) <= 0.1


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize(("machines", "seeds", "kept"), [
    (1, 20, 200), (3, 20, 200),
    *(pytest.param(machines, 1000, 20, marks=pytest.mark.slow) for machines in (1, 2, 5, 20)),
])  # fmt: skip
@pytest.mark.parametrize("name", BATCHES)
def test_batches_are_answered_as_simulated(name: str, machines: int, seeds: int, kept: int, load: float) -> None:
    """Within 10 %."""
    service = BATCHES[name]
    arrivals = rate(service, machines, load)
    answers = [simulated_batches(service, machines, arrivals, seed, requests(load, kept)) for seed in range(seeds)]

    assert abs(error(answers, service, arrivals, machines)) <= 0.1


def replicas(service: Service, arrivals_per_s: float, limit_s: float) -> int:
    """Return the fewest machines that answer in time."""
    return next(some for some in itertools.count(1) if arrivals_within(service, some, limit_s) >= arrivals_per_s)


def simulated_p99_s(service: Service, arrivals_per_s: float, machines: int, kept: int) -> tuple[float, float]:
    """Return the 95 % interval of the 99th percentile: Student's t over 20 seeds."""
    answers = [simulated_batches(service, machines, arrivals_per_s, seed, kept) for seed in range(20)]
    each = np.quantile(answers, 0.99, axis=1)
    half = 2.093 * float(each.std(ddof=1)) / math.sqrt(20)
    return float(each.mean()) - half, float(each.mean()) + half


def simulated_replicas(service: Service, arrivals_per_s: float, limit_s: float, kept: int) -> tuple[int, int]:
    """Return the fewest machines that may answer in time, and the fewest that surely do."""
    least = math.floor(arrivals_per_s / service.most_per_s(1)) + 1
    intervals = ((some, simulated_p99_s(service, arrivals_per_s, some, kept)) for some in itertools.count(least))
    doubtful = list(itertools.takewhile(lambda interval: interval[1][1] > limit_s, intervals))
    surely = doubtful[-1][0] + 1 if doubtful else least
    return next((some for some, (low, _) in doubtful if low <= limit_s), surely), surely


FLEETS = [
    (single(TIMES["two"]), 3.0, 15.0),
    (single(TIMES["lognormal"]), 2.0, 14.0),
    (BATCHES["eights"], 10.0, 6.0),
    (BATCHES["padded"], 50.0, 3.5),
    *(
        pytest.param(*fleet, marks=pytest.mark.slow)
        for fleet in (
            (single(TIMES["constant"]), 2.5, 2.0),
            (single(TIMES["exponential"]), 4.0, 6.0),
            (BATCHES["pairs"], 5.0, 2.5),
            (BATCHES["flat"], 60.0, 3.0),
        )
    ),
]


@pytest.mark.parametrize("kept", [3000, pytest.param(50_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("service", "arrivals", "limit_s"), FLEETS)
def test_as_many_machines_are_given_as_the_simulation_needs(
    service: Service, arrivals: float, limit_s: float, kept: int
) -> None:
    """Never fewer than its 95 % interval; at most one more, where a load of .9 or 10 % of the limit would be passed."""
    fewest, surely = simulated_replicas(service, arrivals, limit_s, kept)

    assert 1 < fewest <= replicas(service, arrivals, limit_s) <= surely + 1


@pytest.mark.parametrize("limit_s", [4.7, 4.8, 4.95, 6.0, 15.0])
@pytest.mark.parametrize("arrivals", [0.7, 2.0, 8.5])
def test_as_many_machines_are_given_as_erlang_asks_for(arrivals: float, limit_s: float) -> None:
    """The fewest of M/M/c at a load of .9 at most."""
    service = single(-np.log1p(-(np.arange(200_000) + 0.5) / 200_000))
    least = math.ceil(arrivals / MOST_LOAD)
    fewest = next(some for some in itertools.count(least) if mmc_answer_s(arrivals, some) <= limit_s)

    assert replicas(service, arrivals, limit_s) == fewest


def test_the_former_rule_gave_one_machine_of_three() -> None:
    """Constant services at a load of .7 with a limit of two services; Erlang C asks for three, too."""
    assert replicas(single(np.ones(1)), 0.7, 2.0) == servers_needed(0.7, 1.0, 1.0, 0.99).servers == 3


QUEUES = st.one_of(
    st.lists(st.floats(0.01, 100), min_size=1, max_size=50).map(lambda times: single(np.array(times))),
    st.sampled_from(list(BATCHES.values())),
)
MACHINES = st.integers(1, 12)
same_examples = settings(derandomize=True)
"""Laws of an approximation and a simulation: what they miss by is known for these, not for whatever may be drawn."""


@same_examples
@given(QUEUES, MACHINES, st.floats(0, 0.99), st.floats(0, 0.99))
def test_more_requests_wait_no_less(service: Service, machines: int, one: float, other: float) -> None:
    """At any load."""
    low, high = (rate(service, machines, load) for load in sorted((one, other)))

    assert answer_s(service, low, machines) <= answer_s(service, high, machines) * (1 + 1e-6)


@same_examples
@given(QUEUES, MACHINES, st.floats(0, 20), st.floats(0, 20))
def test_a_longer_limit_and_another_machine_take_no_fewer(
    service: Service, machines: int, one: float, other: float
) -> None:
    """Limits in units of the mean time of the largest batch."""
    short_s, long_s = (times * float(service.seconds[-1].mean()) for times in sorted((one, other)))
    taken = arrivals_within(service, machines, short_s)

    assert 0 <= taken <= arrivals_within(service, machines, long_s) * (1 + 1e-6)
    assert taken <= arrivals_within(service, machines + 1, short_s) * (1 + 1e-6)
    assert taken <= MOST_LOAD * service.most_per_s(machines) * (1 + 1e-9)


@same_examples
@given(QUEUES, MACHINES, st.floats(0, 20))
def test_what_is_taken_within_a_limit_is_answered_within_it(service: Service, machines: int, limit: float) -> None:
    """And a little more is not, below the highest load."""
    limit_s = limit * float(service.seconds[-1].mean())
    taken = arrivals_within(service, machines, limit_s)

    if taken:
        assert answer_s(service, taken, machines) <= limit_s * (1 + 1e-3)
    if taken < MOST_LOAD * service.most_per_s(machines) * (1 - 1e-9):
        assert answer_s(service, taken * 1.01 + 1e-6, machines) >= limit_s * (1 - 1e-3)


@pytest.mark.parametrize("service", [single(TIMES["lognormal"]), BATCHES["eights"]])
def test_a_higher_share_takes_longer(service: Service) -> None:
    """In a queue at any load, and without one."""
    for load in (0, *LOADS):
        answers = [answer_s(service, rate(service, 2, load), 2, share) for share in (0.5, 0.9, 0.99, 0.999)]

        assert answers == sorted(set(answers))


@pytest.mark.parametrize("service", [single(TIMES["two"]), BATCHES["eights"]])
def test_the_unit_of_time_does_not_matter(service: Service) -> None:
    """A millionth of the times is a millionth of the answer time and a million times the rate."""
    quick = Service(service.sizes, tuple(times / 1e6 for times in service.seconds))
    arrivals = rate(service, 3, 0.8)
    answer = answer_s(service, arrivals, 3)

    assert answer_s(quick, arrivals * 1e6, 3) == pytest.approx(answer / 1e6, rel=1e-6)
    assert arrivals_within(quick, 3, answer / 1e6) == pytest.approx(arrivals_within(service, 3, answer) * 1e6, rel=1e-6)


def test_without_requests_a_machine_answers_in_its_service_time() -> None:
    """A batch of one takes as long as the smallest that was measured."""
    assert answer_s(single(np.arange(1.0, 101.0)), 0.0, 1) == pytest.approx(99)
    assert answer_s(Service((4, 8), (np.full(3, 2.0), np.full(3, 3.0))), 0.0, 1) == pytest.approx(2)


@pytest.mark.parametrize("service", [single(np.ones(1)), BATCHES["flat"]])
def test_what_cannot_be_served_waits_for_ever(service: Service) -> None:
    """And a limit below the service time takes no requests."""
    assert answer_s(service, service.most_per_s(4), 4) == math.inf
    assert answer_s(service, service.most_per_s(4) * 0.999, 4) < math.inf
    assert arrivals_within(service, 4, 0.999) == 0
    assert arrivals_within(service, 4, 1e6) == pytest.approx(MOST_LOAD * service.most_per_s(4))


def test_a_queue_is_simulated_alike_each_time() -> None:
    """The seed is fixed, and nothing is kept between services."""
    first, again = (Service((1, 2), (np.full(2, 0.7), np.full(2, 1.1))) for _ in range(2))
    arrivals = rate(first, 2, 0.7)
    answer = answer_s(first, arrivals, 2)
    _curve.cache_clear()
    _simulated.cache_clear()

    assert answer_s(again, arrivals, 2) == answer


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Service((), ()), "sizes are"),
        (lambda: Service((2, 1), (np.ones(1), np.ones(1))), "sizes are"),
        (lambda: Service((0,), (np.ones(1),)), "sizes is 0"),
        (lambda: Service((1, 2), (np.ones(1),)), "seconds are of 1 sizes"),
        (lambda: Service((1,), (np.ones(0),)), "batches of 1"),
        (lambda: Service((1, 2), (np.ones(1), np.array([1.0, 0.0]))), "batches of 2"),
        (lambda: single(np.array([math.inf])), "infinite"),
        (lambda: answer_s(single(np.ones(1)), -1, 1), "arrivals_per_s"),
        (lambda: answer_s(single(np.ones(1)), 1, 0), "machines"),
        (lambda: answer_s(single(np.ones(1)), 1, 2, 1.0), "share"),
        (lambda: arrivals_within(single(np.ones(1)), 1.5, 1), "machines"),  # type: ignore[arg-type]
        (lambda: arrivals_within(single(np.ones(1)), 1, -1), "limit_s"),
        (lambda: arrivals_within(single(np.ones(1)), 1, 1, 0), "share"),
    ],
)
def test_bad_input_is_named(make: Callable[[], object], message: str) -> None:
    """What is wrong, and what to give."""
    with pytest.raises(FactError, match=message):
        make()


@pytest.mark.parametrize("machines", [1, 2, 5])
@pytest.mark.parametrize("name", BATCHES)
def test_a_few_loads_are_simulated_as_all_are(name: str, machines: int) -> None:
    """To the last bit: runs of a load have the same random numbers whichever other loads are simulated."""
    times_s, loads = _times(BATCHES[name].batches(0.99))
    every = simulated_answers_s(times_s, machines, loads[1:], 0.99)

    for some in ([0], [3, 4], [10, 15, 19]):
        assert simulated_answers_s(times_s, machines, loads[1:][some], 0.99).tolist() == every[some].tolist()


@pytest.mark.parametrize("machines", [1, 2, 3, 8])
@pytest.mark.parametrize("name", BATCHES)
def test_a_few_loads_give_the_same_limit_as_the_whole_curve(name: str, machines: int) -> None:
    """Which is simulated at every load: its answer time there is the limit, to the error of the simulation."""
    queue = BATCHES[name].batches(0.99)
    shortest, longest = queue.answer_s(0.0, machines), queue.answer_s(MOST_LOAD, machines)

    for limit_s in np.linspace(shortest, longest, 9)[1:-1]:
        assert queue.answer_s(queue.load_within(limit_s, machines), machines) == pytest.approx(limit_s, rel=0.02)


@pytest.mark.parametrize("machines", [1, 2, 8])
@pytest.mark.parametrize("name", BATCHES)
def test_answers_take_no_longer_than_their_bound(name: str, machines: int) -> None:
    """Which spares a simulation where the limit is above it."""
    queue = BATCHES[name].batches(0.99)

    assert queue.answer_s(MOST_LOAD, machines) <= queue.at_most_s(MOST_LOAD, machines)
    assert queue.load_within(queue.at_most_s(MOST_LOAD, machines), machines) == MOST_LOAD


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(
    st.integers(2, 64), st.floats(0.2, 1.5), st.floats(0, 1), st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.0]),
    st.sampled_from([1, 2, 4, 8]), st.integers(0, 99),
)  # fmt: skip
def test_no_batches_take_longer_than_their_bound(
    largest: int, base_s: float, each_s: float, spread: float, machines: int, seed: int
) -> None:
    """Times of any level, growth and spread, measured for one, some and the largest size."""
    random, sigma = np.random.default_rng(seed), math.sqrt(math.log1p(spread**2))
    sizes = tuple(sorted({1, int(random.integers(1, largest + 1)), largest}))
    times = tuple((base_s + each_s * size) * random.lognormal(0, sigma, 200) for size in sizes)
    queue = Service(sizes, times).batches(0.99)

    assert queue.answer_s(MOST_LOAD, machines) <= queue.at_most_s(MOST_LOAD, machines)
