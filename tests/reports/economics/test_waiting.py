"""Waiting: against closed forms, and against simulations that share no code with what they check."""

from __future__ import annotations

import heapq
import math
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from harness_reports.economics.queueing import erlang_c
from harness_reports.economics.textbook.queueing import mg1, mm1_time_in_system_s
from harness_reports.economics.waiting import Service, answer_s

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
SLOW = pytest.mark.slow


def single(times_s: np.ndarray) -> Service:
    """Return a machine that takes one request at a time."""
    return Service((1,), (times_s,))


def rate(service: Service, machines: int, load: float) -> float:
    """Return the arrivals per second at a load."""
    return load * machines * service.sizes[-1] / float(service.seconds[-1].mean())


def requests(load: float, scale: int) -> int:
    """Return how many requests a seed needs, as a queue remembers its past for longer at high loads."""
    return max(1000, round(scale / (1 - load) ** 2))


def simulated_singles(times_s: np.ndarray, machines: int, arrivals_per_s: float, seeds: int, kept: int) -> np.ndarray:
    """Return answer times of machines that take one request at a time; all seeds go on together."""
    random, warm_up = np.random.default_rng(2026), 2000
    free, seed = np.zeros((seeds, machines)), np.arange(seeds)
    now, answers = np.zeros(seeds), []
    for _ in range(warm_up + kept):
        now = now + random.exponential(1 / arrivals_per_s, seeds)
        machine = free.argmin(axis=1)
        done = np.maximum(now, free[seed, machine]) + random.choice(times_s, seeds)
        free[seed, machine] = done
        answers.append(done - now)
    return np.array(answers[warm_up:])


def simulated_one(times_s: np.ndarray, arrivals_per_s: float, seeds: int, kept: int) -> np.ndarray:
    """Return answer times of one machine by Lindley's recursion: a wait is a sum above its lowest value."""
    random, warm_up = np.random.default_rng(2026), 2000
    service = random.choice(times_s, (seeds, warm_up + kept))
    between = random.exponential(1 / arrivals_per_s, service.shape)
    total = np.cumsum(service[:, :-1] - between[:, 1:], axis=1)
    wait = total - np.minimum(np.minimum.accumulate(total, axis=1), 0)
    return (wait + service[:, 1:])[:, warm_up:]


def simulated_batches(service: Service, machines: int, arrivals_per_s: float, seed: int, kept: int) -> list[float]:
    """Return answer times of a queue of batches, event by event."""
    random, warm_up = np.random.default_rng(seed), 1000
    arrivals = random.exponential(1 / arrivals_per_s, warm_up + kept).cumsum().tolist()
    chances = random.random(warm_up + kept).tolist()
    sorted_s = [np.sort(times) for times in service.seconds]
    free, answers, request = [0.0] * machines, [], 0
    while request < len(arrivals):
        start = max(arrivals[request], heapq.heappop(free))
        size = 1
        while size < service.sizes[-1] and request + size < len(arrivals) and arrivals[request + size] <= start:
            size += 1
        ranked = [times[int(chances[request] * times.size)] for times in sorted_s]
        done = start + float(np.interp(size, service.sizes, ranked))
        heapq.heappush(free, done)
        answers += [done - arrival for arrival in arrivals[request : request + size]]
        request += size
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
    shares = norm.cdf(np.linspace(-5, 5, 501))
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
    answers = simulated_singles(service.seconds[0], machines, arrivals, 20, requests(load, 400))

    assert abs(error(answers, service, arrivals, machines)) <= 0.1


@pytest.mark.slow
@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("machines", [1, 2, 3, 5, 10, 20, 50])
@pytest.mark.parametrize("name", TIMES)
def test_single_requests_are_answered_as_1000_seeds_are(name: str, machines: int, load: float) -> None:
    """M/M/c, M/D/c and M/G/c within 10 %; what is seen is 4 % at most."""
    service = single(TIMES[name])
    arrivals = rate(service, machines, load)
    answers = simulated_singles(service.seconds[0], machines, arrivals, 1000, 3000)

    assert abs(error(answers, service, arrivals, machines)) <= 0.1


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("machines", [1, 3])
@pytest.mark.parametrize("name", BATCHES)
def test_batches_are_answered_as_simulated(name: str, machines: int, load: float) -> None:
    """20 seeds: within 10 %."""
    service = BATCHES[name]
    arrivals = rate(service, machines, load)
    answers = [simulated_batches(service, machines, arrivals, seed, requests(load, 300)) for seed in range(20)]

    assert abs(error(answers, service, arrivals, machines)) <= 0.1


@pytest.mark.slow
@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("machines", [1, 2, 5, 20])
@pytest.mark.parametrize("name", BATCHES)
def test_batches_are_answered_as_1000_seeds_are(name: str, machines: int, load: float) -> None:
    """Within 10 %."""
    service = BATCHES[name]
    arrivals = rate(service, machines, load)
    answers = [simulated_batches(service, machines, arrivals, seed, 1000) for seed in range(1000)]

    assert abs(error(answers, service, arrivals, machines)) <= 0.1
