"""Net present value and internal rates of return: properties, all roots, and errors."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from harness import FactError
from harness_reports.economics.cashflow import irr, mirr, npv, xirr, xnpv
from harness_reports.economics.textbook.appraisal import npv_spreadsheet

RATES = st.floats(-0.5, 1.0)
FLOWS = st.lists(st.integers(-1000, 1000).map(float), min_size=1, max_size=8)


@settings(deadline=None)
@given(RATES, FLOWS, FLOWS)
def test_values_add_up(rate: float, one: list[float], two: list[float]) -> None:
    """The net present value of two projects is the sum of theirs."""
    length = max(len(one), len(two))
    padded = [[*flows, *[0.0] * (length - len(flows))] for flows in (one, two)]
    both = [a + b for a, b in zip(*padded, strict=True)]

    assert npv(rate, both) == pytest.approx(npv(rate, one) + npv(rate, two), abs=1e-6 * 2**length)


@settings(deadline=None)
@given(RATES, FLOWS)
def test_a_spreadsheet_discounts_its_first_flow(rate: float, flows: list[float]) -> None:
    """With a 0 before the flows both conventions agree."""
    assert npv_spreadsheet(rate, flows) == pytest.approx(npv(rate, [0.0, *flows]), abs=1e-6)


def test_without_interest_the_value_is_the_sum() -> None:
    """At a rate of 0."""
    assert npv(0.0, [-100, 30, 30, 30]) == -10


def test_flows_of_a_thousand_periods_overflow_nothing() -> None:
    """Without a warning."""
    assert npv(1e3, [1.0, *[1.0] * 400]) == pytest.approx(1.001)


@settings(deadline=None, max_examples=200)
@given(FLOWS)
@example([-1000.0, 6000.0, -11000.0, 6000.0])
@example([-1.0, 3.0, -3.0, 1.0])
def test_at_every_internal_rate_the_value_is_zero(flows: list[float]) -> None:
    """And there are no more rates than sign changes."""
    result = irr(flows)

    assert len(result.rates) <= result.sign_changes
    assert list(result.rates) == sorted(set(result.rates))
    for rate in result.rates:
        sizes = [abs(flow) / (1 + rate) ** period for period, flow in enumerate(flows)]
        assert abs(npv(rate, flows)) <= 1e-8 * sum(sizes)


@settings(deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=3, unique=True))
def test_the_roots_of_a_product_are_found(tenths: list[int]) -> None:
    """Flows that are the product of (1 + r_i) - (1 + r) have the roots r_i."""
    roots = sorted(tenth / 10 for tenth in tenths)
    flows = np.array([-1.0])
    for rate in roots:
        flows = np.convolve(flows, [1.0, -(1 + rate)])

    result = irr(flows.tolist())

    assert result.rates == pytest.approx(roots, abs=1e-5)
    assert result.unique == (len(roots) == 1)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(-50, 50), min_size=2, max_size=6))
def test_no_crossing_of_a_grid_is_missed(flows: list[int]) -> None:
    """Where the value changes its sign between two rates, a root is between them."""
    grid = np.expm1(np.linspace(-2.0, 3.0, 801))
    values = np.array([npv(rate, flows) for rate in grid])
    roots = irr(flows).rates
    for place in np.flatnonzero(values[:-1] * values[1:] < 0):
        assert any(grid[place] <= rate <= grid[place + 1] for rate in roots)


def test_of_two_rates_there_is_no_single_one() -> None:
    """The oil pump's flows: 25 % and 400 %."""
    result = irr([-1600, 10000, -10000])

    assert result.rates == pytest.approx((0.25, 4.0))
    assert (result.unique, result.single) == (False, None)


def test_a_double_root_is_one_rate() -> None:
    """(1.1 - (1 + r))^2: the value is 0 at 10 % and positive on both sides."""
    assert irr([100, -220, 121]).rates == pytest.approx((0.1,))
    assert irr([-1.0, 3.0, -3.0, 1.0]).rates == pytest.approx((0.0,), abs=1e-4)


@pytest.mark.parametrize("flows", [[100, 200], [-100, -200], [-100, 0, 0], [0, 0], [1000, -3000, 2500], [5]])
def test_flows_without_a_rate(flows: list[float]) -> None:
    """Total loss, pure gain, and two sign changes without a root."""
    assert irr(flows).rates == ()
    assert irr(flows).single is None


def test_zeros_are_no_sign_change() -> None:
    """A year without a flow."""
    assert irr([0, -100, 0, 0, 110]).sign_changes == 1
    assert irr([0, -100, 0, 121]).rates == pytest.approx((0.1,))


def test_many_periods_have_a_rate() -> None:
    """360 monthly payments of a loan."""
    assert irr([-100_000, *[600] * 360]).single == pytest.approx(0.005008, abs=1e-5)


@pytest.mark.parametrize("size", [1e-9, 1e12])
def test_the_size_of_flows_does_not_change_the_rate(size: float) -> None:
    """Very small and very large ones."""
    assert irr([-size, 0.6 * size, 0.6 * size]).single == pytest.approx(0.130662386292)


def test_the_modified_rate_needs_both_sides() -> None:
    """None without payments or without income."""
    assert mirr([100, 200], 0.1, 0.1) is None
    assert mirr([-100, -200], 0.1, 0.1) is None
    assert mirr([-100, 110], 0.3, 0.7) == pytest.approx(0.1)


@settings(deadline=None)
@given(st.floats(-0.3, 0.5), st.lists(st.integers(0, 900).map(float), min_size=1, max_size=6))
def test_the_modified_rate_at_the_internal_rate_is_the_internal_rate(rate: float, incomes: list[float]) -> None:
    """If flows are financed and reinvested at it."""
    assume(sum(incomes) > 0)
    flows = [-npv_spreadsheet(rate, incomes), *incomes]

    assert mirr(flows, rate, rate) == pytest.approx(rate, abs=1e-6)


@settings(deadline=None)
@given(st.floats(-0.5, 1.0), FLOWS)
def test_dates_a_year_apart_are_periods(rate: float, flows: list[float]) -> None:
    """Every 365 days."""
    days = [date(2024, 1, 31) + timedelta(days=365 * period) for period in range(len(flows))]

    assert xnpv(rate, flows, days) == pytest.approx(npv(rate, flows), abs=1e-6)
    assert xirr(flows, days).rates == pytest.approx(irr(flows).rates, rel=1e-6, abs=1e-6)


def test_a_leap_year_is_longer() -> None:
    """366 days count as 366 / 365 years."""
    days = [date(2024, 1, 31), date(2025, 1, 31)]

    assert xirr([-100, 110], days).single == pytest.approx(1.1 ** (365 / 366) - 1)


def test_flows_of_one_day_are_one_flow() -> None:
    """In any order."""
    days = [date(2024, 1, 1), date(2025, 1, 1), date(2024, 1, 1)]
    once = xirr([-100, 110], days[:2])

    assert xirr([-60, 110, -40], days) == once


@pytest.mark.parametrize("rate", [-1.0, -2.0, math.nan, math.inf])
def test_a_rate_of_minus_100_percent_or_less_is_an_error(rate: float) -> None:
    """NaN and infinity too."""
    with pytest.raises(FactError, match="discount_rate"):
        npv(rate, [-1, 2])


@pytest.mark.parametrize("flows", [[], [math.nan], [1.0, math.inf]])
def test_empty_and_infinite_flows_are_errors(flows: list[float]) -> None:
    """The message names them."""
    for function in (irr, lambda f: npv(0.1, f), lambda f: mirr(f, 0.1, 0.1)):
        with pytest.raises(FactError, match="cash_flows"):
            function(flows)


def test_dates_that_do_not_fit_the_flows_are_errors() -> None:
    """One for each flow, none before the first."""
    with pytest.raises(FactError, match="2 cash flows and 1 dates"):
        xnpv(0.1, [-1, 2], [date(2024, 1, 1)])
    with pytest.raises(FactError, match="before the first"):
        xirr([-1, 2], [date(2024, 1, 1), date(2023, 1, 1)])
