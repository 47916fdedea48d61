"""Rates of no value at any real times: none is missing, none is made up."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness import FactError
from harness_reports.economics.roots import internal_rates, sign_changes


@given(st.lists(st.integers(-5, 5), max_size=10))
def test_signs_change_no_more_often_than_flows_follow_one_another(flows: list[int]) -> None:
    """And as often backwards, and with all signs turned."""
    changes = sign_changes(flows)

    assert 0 <= changes <= max(len(flows) - 1, 0)
    assert changes == sign_changes(flows[::-1]) == sign_changes([-flow for flow in flows])


@settings(deadline=None)
@given(st.floats(-0.9, 9.0), st.floats(0.01, 50.0), st.integers(1, 1000))
def test_two_flows_have_the_rate_between_them(rate: float, years: float, paid: int) -> None:
    """At any distance of time."""
    assume(1e-6 < (1 + rate) ** years < 1e6)

    assert internal_rates([0.0, years], [-paid, paid * (1 + rate) ** years]) == pytest.approx(
        [rate], rel=1e-6, abs=1e-6
    )


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.integers(1, 40), st.integers(-1000, 1000)), min_size=2, max_size=8))
def test_the_value_is_zero_at_every_rate_of_no_value(paid: list[tuple[int, int]]) -> None:
    """At times that are no whole years; and no more rates than changes of sign."""
    dated = dict(paid)
    times = [half / 2 for half in sorted(dated)]
    flows = [float(dated[half]) for half in sorted(dated)]

    found = internal_rates(times, flows)

    assert len(found) <= sign_changes(flows)
    for rate in found:
        logs = np.array([-time * math.log1p(rate) for time in times])
        parts = np.array(flows) * np.exp(logs - logs.max())
        assert abs(parts.sum()) <= 1e-7 * np.abs(parts).sum()


@settings(deadline=None)
@given(st.lists(st.integers(-100, 100), min_size=2, max_size=7), st.floats(0.1, 100), st.floats(0, 30))
def test_neither_currency_nor_calendar_moves_a_rate(flows: list[int], scale: float, later: float) -> None:
    """All flows larger, or all of them later."""
    times = [float(t) for t in range(len(flows))]
    here = internal_rates(times, flows)
    there = internal_rates([t + later for t in times], [scale * flow for flow in flows])

    assert there == pytest.approx(here, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize(
    ("roots", "multiplicity"), [([0.1], 2), ([0.1], 3), ([0.1, 0.5], 1), ([0.05, 0.2, 0.8, 2.0], 1)]
)
def test_roots_that_touch_or_cross_are_each_told_once(roots: list[float], multiplicity: int) -> None:
    """A double root touches, a triple one crosses."""
    flows = np.array([1.0])
    for root in roots * multiplicity:
        flows = np.convolve(flows, [1.0, -(1 + root)])

    found = internal_rates([float(t) for t in range(flows.size)], flows.tolist())

    assert found == pytest.approx(sorted(roots), abs=1e-4)


@pytest.mark.parametrize("flows", [[], [0.0, 0.0], [5.0], [-1.0, -1.0], [0.0, 3.0, 0.0]])
def test_without_a_change_of_sign_there_is_no_rate(flows: list[float]) -> None:
    """Nothing is searched."""
    assert internal_rates([float(t) for t in range(len(flows))], flows) == []


@pytest.mark.parametrize("flows", [[-1.0, 126.0], [-126.0, 1.0]])
def test_a_rate_beyond_any_number_is_refused(flows: list[float]) -> None:
    """A gain of 126 times in a day is no yearly rate; the sentence says what to do."""
    with pytest.raises(FactError, match="farther apart"):
        internal_rates([0.0, 1 / 365], flows)


def test_a_loss_of_all_but_a_trifle_has_its_rate() -> None:
    """A rate of almost -100 %, and one of a million."""
    assert internal_rates([0.0, 1.0], [-1e6, 1.0]) == pytest.approx([-0.999999])
    assert internal_rates([0.0, 1.0], [-1.0, 1e6]) == pytest.approx([999_999])
