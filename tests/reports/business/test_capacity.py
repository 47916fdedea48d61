"""Machines for a load, from measured points."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_reports.business.capacity import PLANNED_LOAD, Point, curve, fleet
from harness_reports.economics.queueing import servers_needed
from harness_reports.measured.results import Results

SINGLE = Point("SingleStream", 1, 50.0, 0.02)
BATCH = Point("Offline", 32, 1000.0, 0.1)


def test_the_fastest_batch_that_meets_the_objective_is_chosen() -> None:
    """Two batches of 0.1 s fit into 0.25 s: 1,400 a second need two machines at 70 % of 1,000."""
    machines = fleet([SINGLE, BATCH], 500.0, 1400.0, 0.25)

    assert machines is not None
    assert (machines.point, machines.replicas) == (BATCH, 2)
    assert machines.utilisation == pytest.approx(0.25)


def test_a_strict_objective_takes_single_requests() -> None:
    """Only single requests are answered in 0.05 s; Erlang C is the bound."""
    machines = fleet([SINGLE, BATCH], 10.0, 100.0, 0.05)

    assert machines is not None
    assert machines.point is SINGLE
    assert machines.replicas == 3  # 100 / (50 · 0.7)
    assert machines.erlang_c == servers_needed(100.0, 50.0, 0.03, 0.99).servers


def test_without_an_objective_machines_run_at_full_load() -> None:
    """There is no queue to check."""
    machines = fleet([SINGLE, BATCH], 900.0, 1000.0, None)

    assert machines is not None
    assert (machines.replicas, machines.erlang_c) == (1, None)


def test_an_objective_that_no_point_meets() -> None:
    """None, rather than machines beyond the measured points."""
    assert fleet([SINGLE, BATCH], 1.0, 1.0, 0.03) is None
    assert fleet([], 1.0, 1.0, None) is None


@given(peak=st.floats(0.001, 1e6), more=st.floats(1.0, 10.0), limit=st.one_of(st.none(), st.floats(0.05, 2.0)))
def test_more_load_never_needs_fewer_machines(peak: float, more: float, limit: float | None) -> None:
    """And the load is at most the planned share of their throughput."""
    little, much = (fleet([SINGLE, BATCH], load / 3, load, limit) for load in (peak, peak * more))

    assert little is not None
    assert much is not None
    assert much.replicas >= little.replicas
    planned = 1.0 if limit is None else PLANNED_LOAD
    assert peak <= little.replicas * little.point.samples_per_s * planned * (1 + 1e-9)


def test_the_curve_of_a_case(bench: Any) -> None:
    """Points come by batch size; of few batches the slowest counts."""
    (candidate,) = Results(bench.case(rate=100.0, window_s=10.0)).candidates.values()

    points = curve(candidate.servings)

    assert [(point.scenario, point.batch_size) for point in points] == [("SingleStream", 1), ("Offline", 10)]
    assert points[1] == Point("Offline", 10, 100.0, pytest.approx(0.1))
    assert points[1].answer_s == pytest.approx(0.2)
