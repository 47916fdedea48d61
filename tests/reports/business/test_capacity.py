"""Machines for a load, read off what was measured."""

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


def test_a_batch_that_keeps_the_limit_is_taken() -> None:
    """Two batches of 0.1 s fit into 0.25 s: 1,400 a second need two machines at 70 % of 1,000."""
    found = fleet([SINGLE, BATCH], 500.0, 1400.0, 0.25)

    assert found is not None
    assert (found.point, found.replicas) == (BATCH, 2)
    assert found.utilisation == pytest.approx(0.25)


def test_a_strict_limit_takes_single_requests() -> None:
    """In 0.05 s only single requests are answered; Erlang's formula for them is the check beside it."""
    found = fleet([SINGLE, BATCH], 10.0, 100.0, 0.05)

    assert found is not None
    assert found.point is SINGLE
    assert found.replicas == 3  # 100 / (50 · 0.7)
    assert found.erlang_c == servers_needed(100.0, 50.0, 0.03, 0.99).servers


def test_who_can_wait_fills_the_machines() -> None:
    """Without a limit all of a machine is planned with, and there is no queue to check."""
    found = fleet([SINGLE, BATCH], 900.0, 1000.0, None)

    assert found is not None
    assert (found.replicas, found.erlang_c) == (1, None)


def test_a_limit_that_nothing_keeps() -> None:
    """There is no answer rather than one beyond the measured points."""
    assert fleet([SINGLE, BATCH], 1.0, 1.0, 0.03) is None
    assert fleet([], 1.0, 1.0, None) is None


@given(peak=st.floats(0.001, 1e6), more=st.floats(1.0, 10.0), limit=st.one_of(st.none(), st.floats(0.05, 2.0)))
def test_more_load_never_needs_fewer_machines(peak: float, more: float, limit: float | None) -> None:
    """And what is planned is enough: the load is at most the share that may be planned with."""
    little, much = (fleet([SINGLE, BATCH], load / 3, load, limit) for load in (peak, peak * more))

    assert little is not None
    assert much is not None
    assert much.replicas >= little.replicas
    planned = 1.0 if limit is None else PLANNED_LOAD
    assert peak <= little.replicas * little.point.samples_per_s * planned * (1 + 1e-9)


def test_the_curve_of_a_case(bench: Any) -> None:
    """Offline batches and single requests are its points, by batch size; the slow end is the slowest of few batches."""
    (own,) = Results(bench.case(rate=100.0, window_s=10.0)).candidates.values()

    points = curve(own.servings)

    assert [(point.scenario, point.batch_size) for point in points] == [("SingleStream", 1), ("Offline", 10)]
    assert points[1] == Point("Offline", 10, 100.0, pytest.approx(0.1))
    assert points[1].answer_s == pytest.approx(0.2)
