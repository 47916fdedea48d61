"""Rates of servings and their intervals."""

from __future__ import annotations

from typing import Any

import pytest

from harness import Record
from harness_reports.measured.intervals import Interval, interval_of
from harness_reports.measured.rates import rate_draws
from harness_reports.measured.readings import rate


def interval(records: list[Record]) -> Interval:
    """Return the 95 % interval of the rate of records."""
    draws = rate_draws(records)
    assert draws is not None
    return interval_of(draws)


def test_rate_adds_up_windows(bench: Any) -> None:
    """100 samples in 10 s and 100 in 40 s are 200 in 50 s: 4 per second, not the mean of 10 and 2.5."""
    assert rate([bench.batches([1.0] * 10), bench.batches([4.0] * 10)]).value == pytest.approx(4.0)


def test_rate_of_a_record_without_a_window_is_not_known(bench: Any) -> None:
    """It is None, not 0."""
    lacking = bench.record("serve", bench.spec(scenario="Offline", batch_size=1), {}, {"samples": 5.0})

    assert rate([lacking]).value is None
    assert rate_draws([lacking]) is None


def test_a_window_of_no_seconds_has_no_rate(bench: Any) -> None:
    """There is no division by 0."""
    assert rate([bench.batches([0.0])]).value is None


def test_rate_interval_holds_the_spread_of_batches(bench: Any) -> None:
    """Alternating 0.9 and 1.1 s: a standard error of 1 % of the mean, an interval of ±2 % of 10 per second."""
    low, high = interval([bench.batches([0.9, 1.1] * 50)])

    assert low == pytest.approx(9.8, abs=0.1)
    assert high == pytest.approx(10.2, abs=0.1)


def test_rate_interval_holds_the_spread_between_records(bench: Any) -> None:
    """Two steady processes at 10 and 8 per second: an interval from 8 to 10."""
    low, high = interval([bench.batches([1.0] * 20), bench.batches([1.25] * 20)])

    assert low == pytest.approx(8.0, abs=0.01)
    assert high == pytest.approx(10.0, abs=0.01)


def test_series_that_does_not_fill_the_window_gives_no_interval(bench: Any) -> None:
    """A sum of ten times the window means waiting times, not durations."""
    assert rate_draws([bench.batches([1.0] * 10, wall_s=1.0)]) is None
