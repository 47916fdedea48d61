"""Percentiles and latency objectives against the load generator's counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness_reports.measured import latency


@pytest.mark.parametrize(
    ("share", "slow", "count"),
    [(0.5, 1, 11), (0.5, 10, 35), (0.9, 0, 44), (0.9, 1, 64), (0.9, 5, 127), (0.99, 0, 459), (0.99, 1, 662),
     (0.99, 2, 838), (0.99, 10, 2010), (0.999, 1, 6636)],
)  # fmt: skip
def test_minimum_counts_are_those_of_the_load_generator(share: float, slow: int, count: int) -> None:
    """As in MLPerf: 64 queries for p90 and 662 for p99 with one slow query allowed."""
    assert latency.minimum_count(share, slow) == count


@pytest.mark.parametrize(("share", "count"), [(0.5, 11), (0.9, 64), (0.99, 662)])
def test_percentile_needs_its_count(share: float, count: int) -> None:
    """With one query fewer it is None; with just enough it is the largest latency."""
    latencies = [float(n) for n in range(1, count + 1)]

    assert latency.percentile(latencies[:-1], share) is None
    assert latency.percentile(latencies, share) == count


def test_percentile_is_the_value_at_the_early_stopping_rank() -> None:
    """Of 1,000 latencies 2 may exceed the p99 (838 allow 2, 1,001 allow 3): the 2nd largest is reported."""
    allowed = latency.allowed_slow(1000, 0.99)

    assert allowed == 2
    assert latency.minimum_count(0.99, 3) == 1001
    assert latency.percentile([float(n) for n in range(1000)], 0.99) == 998.0


@settings(max_examples=30, deadline=None)
@given(st.integers(11, 3000), st.sampled_from([0.5, 0.9, 0.99]))
def test_reported_percentile_is_never_below_the_raw_one(count: int, share: float) -> None:
    """The early-stopping rule is conservative."""
    latencies = [float(n) for n in range(count)]
    reported = latency.percentile(latencies, share)

    assert reported is None or reported >= np.percentile(latencies, 100 * share, method="lower")


@pytest.mark.parametrize(
    ("fast", "slow", "met"),
    [
        (459, 0, "met"),
        (458, 0, "unknown"),
        (661, 1, "met"),
        (660, 1, "unknown"),
        (0, 2, "missed"),
        (50, 10, "missed"),
    ],
)
def test_latency_objective_is_met_missed_or_unknown(fast: int, slow: int, met: str) -> None:
    """459 fast of 459 queries show it met; 10 slow of 60 show it missed; between, it is unknown."""
    objective = latency.latency_objective([0.1] * fast + [9.0] * slow, limit_s=1.0)

    assert objective.met == met
    assert objective.slow == slow


def test_latency_objective_has_the_needed_queries() -> None:
    """With one slow query 662 in all."""
    assert latency.latency_objective([0.1] * 100 + [9.0], limit_s=1.0).needed == 662
