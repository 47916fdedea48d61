"""Internal rates at any real times: all roots, and nothing else."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness import FactError
from harness_reports.economics.roots import internal_rates, sign_changes


@given(st.lists(st.integers(-5, 5), max_size=10))
def test_sign_changes_are_fewer_than_flows(flows: list[int]) -> None:
    """The same in reverse, and with all signs changed."""
    changes = sign_changes(flows)

    assert 0 <= changes <= max(len(flows) - 1, 0)
    assert changes == sign_changes(flows[::-1]) == sign_changes([-flow for flow in flows])


@settings(deadline=None)
@given(st.floats(-0.9, 9.0), st.floats(0.01, 50.0), st.integers(1, 1000))
def test_two_flows_have_the_rate_between_them(rate: float, years: float, paid: int) -> None:
    """At any distance in time."""
    assume(1e-6 < (1 + rate) ** years < 1e6)

    assert internal_rates([0.0, years], [-paid, paid * (1 + rate) ** years]) == pytest.approx(
        [rate], rel=1e-6, abs=1e-6
    )


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.integers(1, 40), st.integers(-1000, 1000)), min_size=2, max_size=8))
def test_the_npv_is_zero_at_every_internal_rate(paid: list[tuple[int, int]]) -> None:
    """At half years; there are no more rates than sign changes."""
    dated = dict(paid)
    times = [half / 2 for half in sorted(dated)]
    flows = [float(dated[half]) for half in sorted(dated)]

    rates = internal_rates(times, flows)

    assert len(rates) <= sign_changes(flows)
    for rate in rates:
        logs = np.array([-time * math.log1p(rate) for time in times])
        parts = np.array(flows) * np.exp(logs - logs.max())
        assert abs(parts.sum()) <= 1e-7 * np.abs(parts).sum()


@settings(deadline=None)
@given(st.lists(st.integers(-100, 100), min_size=2, max_size=7), st.floats(0.1, 100), st.floats(0, 30))
def test_scale_and_delay_do_not_change_a_rate(flows: list[int], scale: float, later: float) -> None:
    """All flows larger, or all of them later."""
    times = [float(t) for t in range(len(flows))]
    moved = internal_rates([t + later for t in times], [scale * flow for flow in flows])

    assert moved == pytest.approx(internal_rates(times, flows), rel=1e-5, abs=1e-5)


@pytest.mark.parametrize(
    ("roots", "multiplicity"), [([0.1], 2), ([0.1], 3), ([0.1, 0.5], 1), ([0.05, 0.2, 0.8, 2.0], 1)]
)
def test_multiple_roots_are_returned_once(roots: list[float], multiplicity: int) -> None:
    """A double root touches 0, a triple one crosses it."""
    flows = np.array([1.0])
    for root in roots * multiplicity:
        flows = np.convolve(flows, [1.0, -(1 + root)])

    rates = internal_rates([float(t) for t in range(flows.size)], flows.tolist())

    assert rates == pytest.approx(sorted(roots), abs=1e-4)


@pytest.mark.parametrize("flows", [[], [0.0, 0.0], [5.0], [-1.0, -1.0], [0.0, 3.0, 0.0]])
def test_without_a_sign_change_there_is_no_rate(flows: list[float]) -> None:
    """Zeros do not count."""
    assert internal_rates([float(t) for t in range(len(flows))], flows) == []


@pytest.mark.parametrize("flows", [[-1.0, 126.0], [-126.0, 1.0]])
def test_a_rate_beyond_any_float_is_an_error(flows: list[float]) -> None:
    """A gain of 126 times in a day has no yearly rate; the message says what to do."""
    with pytest.raises(FactError, match="farther apart"):
        internal_rates([0.0, 1 / 365], flows)


def test_extreme_rates() -> None:
    """Almost -100 %, and a million."""
    assert internal_rates([0.0, 1.0], [-1e6, 1.0]) == pytest.approx([-0.999999])
    assert internal_rates([0.0, 1.0], [-1.0, 1e6]) == pytest.approx([999_999])
