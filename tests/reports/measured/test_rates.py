"""Rates of servings and their intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def test_draws_lie_around_the_rate(bench: Any) -> None:
    """200 and 1,800 samples in a second each are 1,000 a second: so is the mean of the draws, and their middle."""
    slow, quick = bench.batches([0.05] * 20), bench.batches([1 / 180] * 180)
    draws = rate_draws([slow, quick])

    assert draws is not None
    assert rate([slow, quick]).value == pytest.approx(1000)
    assert draws.mean() == pytest.approx(1000, rel=0.03)
    assert np.median(draws) == pytest.approx(1000, rel=0.03)


@given(windows=st.lists(st.tuples(st.integers(2, 50), st.floats(0.5, 20)), min_size=1, max_size=5))
def test_draws_hold_the_rate(bench: Any, windows: list[tuple[int, float]]) -> None:
    """Whatever the windows: the interval of the draws holds the rate, and no draw lies outside the records' rates."""
    records = [bench.batches([wall_s / batches] * batches) for batches, wall_s in windows]
    draws = rate_draws(records)
    speeds = [10 * batches / wall_s for batches, wall_s in windows]
    value = rate(records).value

    assert draws is not None
    assert value is not None
    assert min(draws.min(), value) >= min(speeds) * (1 - 1e-9)
    assert max(draws.max(), value) <= max(speeds) * (1 + 1e-9)
    assert draws.min() - 1e-9 <= value <= draws.max() + 1e-9


def test_series_that_does_not_fill_the_window_gives_no_interval(bench: Any) -> None:
    """A sum of ten times the window means waiting times, not durations."""
    assert rate_draws([bench.batches([1.0] * 10, wall_s=1.0)]) is None
