"""How much load machines bear, from measured servings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.records import Reading
from harness_reports.business.capacity import EXACT, Capacity, capacities, cheapest, most_per_s
from harness_reports.economics import waiting
from harness_reports.economics.batch_queue import simulated_answers_s
from harness_reports.economics.textbook.queueing import servers_needed
from harness_reports.economics.waiting import MOST_LOAD, Service, answer_s
from harness_reports.measured.results import Measured, Results


def measured(bench: Any, **changes: Any) -> Measured:
    """Return the only candidate: batches of 10 in 0.1 s, single requests in 0.02 s."""
    (candidate,) = Results.of(bench.case(**changes)).evaluated
    return candidate


def number(capacity: Capacity, peak_per_s: float) -> int:
    """Return the machines that a peak needs."""
    return int(capacity.machines(np.array([peak_per_s]))[0])


def test_without_a_limit_throughput_decides(bench: Any) -> None:
    """The peak over the fastest batches; at a machine's limit no further one, without demand one."""
    (capacity,) = capacities(measured(bench, rate=100.0), None)

    assert (capacity.serving.scenario, capacity.serving.batch_size) == ("Offline", 10)
    assert [number(capacity, peak) for peak in (0.0, 1.0, 100.0, 100.1, 950.0, 1_000_000.0)] == [1, 1, 1, 2, 10, 10_000]
    assert capacity.answer_s(50.0, 1) is None


def test_a_limit_counts_the_wait(bench: Any) -> None:
    """Single requests of 0.02 s: 99 of 100 in time, with one machine at 0.5 s and, at 0.03 s, at a lower load."""
    patient, hasty = (capacities(measured(bench, rate=20.0), limit)[0] for limit in (0.5, 0.03))

    assert patient.serving.scenario == "SingleStream"
    assert patient.bound(1) == pytest.approx(MOST_LOAD * 50, rel=1e-3)
    assert 0 < hasty.bound(1) < 0.5 * 50
    at_bound = answer_s(Service((1,), (np.full(700, 0.02),)), hasty.bound(1), 1)
    assert at_bound == pytest.approx(0.03, rel=0.01)
    assert hasty.answer_s(hasty.bound(1), 1) == at_bound


def test_machines_bear_no_more_than_their_measured_throughput(bench: Any) -> None:
    """Requests of 0.02 s, of which a machine answered 20 per second: the rest of its time passes between them."""
    *others, single = bench.case()
    slower = replace(single, readings={**single.readings, "wall_s": Reading(35.0, "s")})
    (candidate,) = Results.of([*others, slower]).evaluated
    capacity = capacities(candidate, 0.5)[0]

    assert capacity.samples_per_s == 20.0
    assert [capacity.bound(count) for count in (1, 3, 80)] == pytest.approx([18, 54, 1440])
    assert number(capacity, 18.5) == 2


def test_a_limit_that_no_machines_meet_does_not_count(bench: Any) -> None:
    """The cost is then that of throughput alone."""
    (alone,) = capacities(measured(bench), 0.01)

    assert (alone.serving.scenario, alone.limit_s, number(alone, 101.0)) == ("SingleStream", None, 3)


def test_a_limit_needs_measured_single_requests(bench: Any) -> None:
    """How long one takes is not known from batches."""
    batches = measured(bench, latency_s=None)

    assert capacities(batches, 0.5) == []
    assert len(capacities(batches, None)) == 1


def test_batches_serve_where_they_need_fewer_machines(bench: Any) -> None:
    """A small load keeps single requests; a large one takes batches, if these answer in time."""
    ways = capacities(measured(bench, rate=1000.0, window_s=20.0), 0.5)
    peaks = np.array([10.0, 800.0, 40.0, 100_000.0, 46.0])
    place, machines = cheapest(ways, peaks, Capacity.machines)

    assert [way.serving.scenario for way in ways] == ["SingleStream", "Offline"]
    assert [way.serving.scenario for way in capacities(measured(bench, rate=10.0), 0.5)] == ["SingleStream"]
    assert place.tolist() == [0, 1, 0, 1, 1]
    for peak, way, count in zip(peaks, place, machines, strict=True):
        assert count == min(number(each, peak) for each in ways)
        assert cheapest(ways, np.array([peak]), Capacity.machines) == (way, count)


def test_batches_are_simulated_only_where_they_could_take_less(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for a load that one machine bears singly, nor if their throughput alone would not save a machine."""
    simulated: list[int] = []

    def noted(times_s: np.ndarray, machines: int, loads: np.ndarray, share: float) -> np.ndarray:
        simulated.append(machines)
        return simulated_answers_s(times_s, machines, loads, share)

    monkeypatch.setattr(waiting, "simulated_answers_s", noted)
    ways = capacities(measured(bench, rate=60.7, window_s=20.0), 0.5)

    assert cheapest(ways, np.array([44.0, 75.0]), Capacity.machines)[1].tolist() == [1, 2]
    assert simulated == []
    cheapest(ways, np.array([44.0, 54.0]), Capacity.machines)
    assert set(simulated) == {1}


def test_the_most_of_any_way(bench: Any) -> None:
    """By single requests or in batches, whichever is more."""
    ways = capacities(measured(bench, rate=1000.0, window_s=20.0), 0.5)

    for machines in (1, 2, EXACT):
        assert most_per_s(ways, machines) == ways[1].bound(machines) > ways[0].bound(machines)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.0, 5000.0), min_size=2, max_size=20), st.sampled_from([None, 0.03, 0.05, 0.5]))
def test_more_load_never_needs_fewer_machines(bench: Any, peaks: list[float], limit_s: float | None) -> None:
    """And each number of machines bears the load that it is given for."""
    capacity = capacities(measured(bench), limit_s)[0]
    machines = np.broadcast_to(capacity.machines(np.array(sorted(peaks))), len(peaks))

    assert (np.diff(machines) >= 0).all()
    assert machines.min() >= 1
    for peak, count in zip(sorted(peaks), machines.astype(int), strict=True):
        assert capacity.bound(count) >= peak * (1 - 1e-6)
        assert count == 1 or capacity.bound(count - 1) < peak


def test_the_queue_of_exponential_times_needs_as_many_as_erlang_says(bench: Any) -> None:
    """M/M/c: three machines where Erlang C asks for three, not one."""
    random = np.random.default_rng(1)
    latency_s = np.quantile(random.exponential(0.02, 200_000), (np.arange(2000) + 0.5) / 2000)
    capacity = capacities(measured(bench, latency_s=tuple(latency_s), rate=0.1), 0.12)[0]
    for peak in (35.0, 60.0, 90.0, 120.0):
        # The limit is on wait and service; Erlang's is on the wait: one with the same sum is at most as strict.
        least = servers_needed(peak, 50.0, 0.12, 0.99).servers
        most = servers_needed(peak, 50.0, 0.12 - 0.0921, 0.99).servers
        assert least <= number(capacity, peak) <= most
    assert number(capacity, 60.0) == 3


def test_many_machines_bear_eighths_of_eight(bench: Any) -> None:
    """Each further machine is taken to add no more than that."""
    capacity = capacities(measured(bench), 0.03)[0]

    assert capacity.per_machine() == capacity.bound(EXACT) / EXACT
    assert capacity.bound(80) == pytest.approx(10 * capacity.bound(EXACT))
    assert capacity.bound(EXACT) > EXACT * capacity.bound(1)
