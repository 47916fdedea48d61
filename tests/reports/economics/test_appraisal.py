"""Payback, cost per year and per unit, break-even, build or buy: properties, rounding and errors."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import FactError
from harness_reports.economics.appraisal import (
    break_even_volume,
    discounted_payback,
    levelised_cost_usd_per_1k,
    payback,
)
from harness_reports.economics.build_or_buy import build_or_buy, build_or_buy_draws
from harness_reports.economics.cashflow import npv
from harness_reports.economics.textbook.appraisal import (
    MACRS_5_YEARS,
    capital_recovery_factor,
    depreciation_tax_shield_usd,
    equivalent_annual_cost_usd,
    loan_payment_usd,
    npv_spreadsheet,
    profitability_index,
    real_rate,
    straight_line,
    wacc,
)

RATES = st.floats(-0.2, 0.6)
YEARS = st.integers(1, 30)
USD = st.floats(0, 1e7)


@pytest.mark.parametrize(
    ("flows", "periods", "dips"),
    [
        ([-1000, 400, 400, 400], 2.5, False),
        ([-1000, 250, 250, 500, 300], 3.0, False),
        ([-1000, 400], None, False),
        ([-1000, 1200, -500, 400], 1000 / 1200, True),
        ([0, 5], 0.0, False),
        ([10, -20, 30], 0.0, True),
        ([-1.0, *[0.1] * 10], 10.0, False),
        ([-100, 0, 100, 0], 2.0, False),
    ],
)
def test_payback(flows: list[float], periods: float | None, dips: bool) -> None:
    """Linear within a period; None if never; without rounding errors; with later losses."""
    result = payback(flows)

    assert result.periods == (None if periods is None else pytest.approx(periods))
    assert result.dips_below_zero_again is dips


def test_a_discounted_flow_that_pays_exactly_pays() -> None:
    """1100 / 1.1 is 999.9999999999999 in floats."""
    assert discounted_payback(0.1, [-1000, 1100]).periods == pytest.approx(1.0)


@settings(deadline=None)
@given(st.floats(0.0, 0.6), st.integers(1, 1000), st.lists(st.integers(0, 500), min_size=1, max_size=8))
def test_discounting_delays_the_payback(rate: float, invested: int, incomes: list[int]) -> None:
    """Or leaves none."""
    flows = [-invested, *incomes]
    plain, discounted = payback(flows), discounted_payback(rate, flows)
    if discounted.periods is not None:
        assert plain.periods is not None
        assert discounted.periods >= plain.periods - 1e-9


@settings(deadline=None)
@given(RATES, st.lists(st.integers(-500, 500), min_size=1, max_size=8), st.integers(1, 1000))
def test_the_index_is_one_plus_value_per_invested(rate: float, later: list[int], invested: int) -> None:
    """Its two definitions agree."""
    index = profitability_index(rate, [-invested, *later])

    assert index == pytest.approx(npv_spreadsheet(rate, later) / invested, abs=1e-6)


def test_nothing_invested_has_no_index() -> None:
    """None."""
    assert profitability_index(0.1, [0, 5]) is None
    assert profitability_index(0.1, [100, -50]) is None


@settings(deadline=None)
@given(RATES, YEARS)
def test_payments_of_the_recovery_factor_have_a_present_value_of_one(rate: float, years: int) -> None:
    """At the ends of the years."""
    factor = capital_recovery_factor(rate, years)

    assert npv_spreadsheet(rate, [factor] * years) == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize("rate", [0.0, 1e-18, 1e-12, -1e-12])
def test_tiny_interest_rates_are_exact(rate: float) -> None:
    """The formula is 0 / 0 at a rate of 0."""
    assert capital_recovery_factor(rate, 4) == pytest.approx(0.25, rel=1e-9)


@settings(deadline=None)
@given(RATES, YEARS, USD, USD)
def test_the_annual_cost_has_the_present_value_of_the_payments(
    rate: float, years: int, capex: float, opex: float
) -> None:
    """Capex and opex."""
    yearly = equivalent_annual_cost_usd(capex, years, opex, rate)

    assert npv_spreadsheet(rate, [yearly] * years) == pytest.approx(npv(rate, [capex, *[opex] * years]), rel=1e-6)


def test_salvage_lowers_the_annual_cost() -> None:
    """It is income at the end."""
    cost = equivalent_annual_cost_usd(1000, 5, 10, 0.1, salvage_usd=200)

    assert npv_spreadsheet(0.1, [cost] * 5) == pytest.approx(npv(0.1, [1000, 10, 10, 10, 10, 10 - 200]))


@settings(deadline=None)
@given(RATES, USD, st.lists(st.tuples(USD, st.floats(1, 1e9)), min_size=1, max_size=30))
def test_at_the_levelised_price_the_npv_is_zero(rate: float, capex: float, years: list[tuple[float, float]]) -> None:
    """Discounted income equals discounted cost, year by year."""
    costs, units = ([year[place] for year in years] for place in (0, 1))
    price = levelised_cost_usd_per_1k(capex, costs, units, rate) / 1000
    sold = npv_spreadsheet(rate, [price * count for count in units])

    assert sold == pytest.approx(npv(rate, [capex, *costs]), rel=1e-6, abs=1e-6)


def test_a_levelised_cost_of_growing_sales_worked_out_by_hand() -> None:
    """At 10 %: (100 + 11/1.1 + 12.1/1.21) / (1.1/1.1 + 2.42/1.21) = 120 / 3 = 40 USD each."""
    assert levelised_cost_usd_per_1k(100, [11, 12.1], [1.1, 2.42], 0.1) == pytest.approx(40_000)


def test_a_loan_without_interest_is_paid_in_equal_parts() -> None:
    """15,000 in 60 payments."""
    assert loan_payment_usd(15_000, 0.0, 12, 60) == pytest.approx(250)


@settings(deadline=None)
@given(st.floats(0.0, 0.4), st.integers(1, 120), st.floats(1, 1e6))
def test_the_payments_of_a_loan_have_its_present_value(annual: float, periods: int, principal: float) -> None:
    """At the loan's rate."""
    payment = loan_payment_usd(principal, annual, 12, periods)

    assert npv_spreadsheet(annual / 12, [payment] * periods) == pytest.approx(principal, rel=1e-6)


@given(st.floats(-0.5, 2), st.floats(-0.5, 2))
def test_growth_is_real_growth_times_inflation(nominal: float, inflation: float) -> None:
    """Fisher's equation."""
    assert (1 + real_rate(nominal, inflation)) * (1 + inflation) == pytest.approx(1 + nominal)


@given(st.floats(1, 1e6), st.floats(0, 1e6), st.floats(0.01, 0.3), st.floats(0.01, 0.3), st.floats(0, 1))
def test_the_cost_of_capital_is_between_those_of_equity_and_debt(
    equity: float, debt: float, of_equity: float, of_debt: float, tax: float
) -> None:
    """Debt after tax."""
    cost, after_tax = wacc(equity, debt, of_equity, of_debt, tax), of_debt * (1 - tax)

    assert min(of_equity, after_tax) - 1e-12 <= cost <= max(of_equity, after_tax) + 1e-12


def test_early_depreciation_is_worth_more() -> None:
    """Both schedules depreciate the whole asset; MACRS begins faster."""
    assert math.fsum(MACRS_5_YEARS) == pytest.approx(1)
    assert math.fsum(straight_line(5)) == pytest.approx(1)
    early = depreciation_tax_shield_usd(100, 0.25, 0.08, MACRS_5_YEARS)
    assert early > depreciation_tax_shield_usd(100, 0.25, 0.08, straight_line(5))
    assert depreciation_tax_shield_usd(100, 0.25, 0.0, MACRS_5_YEARS) == pytest.approx(25)


@pytest.mark.parametrize(
    ("fixed", "price", "cost", "units", "whole"),
    [(100, 0.3, 0.2, 1000, 1000), (0, 2, 1, 0, 0), (1, 3, 0, 1 / 3, 1), (30000, 0.7, 0.1, 50000, 50000)],
)
def test_rounding_adds_no_unit_to_a_break_even(
    fixed: float, price: float, cost: float, units: float, whole: int
) -> None:
    """.3 - .2 is .09999999999999998 in floats; 1,000 units are enough all the same."""
    volume = break_even_volume(fixed, price, cost)

    assert volume is not None
    assert volume.units == pytest.approx(units)
    assert volume.whole_units == whole


@pytest.mark.parametrize(("price", "cost"), [(1.0, 1.0), (1.0, 2.0)])
def test_without_a_positive_margin_no_volume_breaks_even(price: float, cost: float) -> None:
    """None."""
    assert break_even_volume(100, price, cost) is None


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 5000), st.integers(1, 50), st.integers(0, 20000), st.integers(1, 400))
def test_build_or_buy_against_every_volume(machine: int, capacity: int, fixed: int, cents: int) -> None:
    """Tried at every 250,000 tokens: owning is dearer below the first volume and cheaper above the last."""
    price = cents / 100
    first, _, always = build_or_buy(machine, capacity * 1e6, fixed, price)

    def own_usd(millions: float) -> float:
        return math.ceil(round(millions / capacity, 9)) * machine + fixed

    volumes = [step / 4 for step in range(1, 2000)]
    wins = [volume for volume in volumes if own_usd(volume) <= volume * price + 1e-9]
    if wins and wins[0] < volumes[-1]:
        assert first is not None
        assert first / 1e6 <= wins[0] + 1e-6
        assert wins[0] - first / 1e6 <= 0.25 + 1e-6
    if always is not None and first is not None:
        assert always >= first - 1e-6
        assert all(own_usd(volume) <= volume * price + 1e-6 for volume in volumes if volume > always / 1e6 + 1e-9)
        just_below = always / 1e6 - 1e-6
        assert just_below <= 0 or own_usd(just_below) > just_below * price - 1e-6


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.tuples(st.integers(0, 900), st.integers(0, 9000), st.integers(0, 400)), min_size=1, max_size=6),
    st.lists(st.integers(1, 60), min_size=1, max_size=8), st.integers(1, 60),
)  # fmt: skip
def test_many_draws_are_each_the_exact_one(draws: list[tuple[int, int, int]], steps: list[int], more: int) -> None:
    """All at once, with numbers that floats hold exactly; none is infinite."""
    firsts = np.cumsum(steps).astype(float)[:, None]
    machine, fixed, price = np.array(draws, dtype=float).T
    price = price / 64
    first, always = build_or_buy_draws(machine, np.array([float(more)]), fixed, price, firsts)

    for place in range(len(draws)):
        exact = build_or_buy(machine[place], more, fixed[place], price[place] * 1e6, firsts[:, 0].tolist())
        assert first[place] == pytest.approx(_or_infinite(exact.first_break_even_tokens), rel=1e-9)
        assert always[place] == pytest.approx(_or_infinite(exact.always_cheaper_above_tokens), rel=1e-9)


def _or_infinite(volume: float | None) -> float:
    return math.inf if volume is None else volume


def test_machines_that_cost_more_than_their_tokens_never_break_even() -> None:
    """Each full machine adds a loss; nor does any where the API costs nothing."""
    assert build_or_buy(1000, 1e6, 10, 999) == (None, None, None)
    assert build_or_buy(1000, 1e6, 10, 0) == (None, None, None)


def test_a_machine_that_costs_its_tokens_is_never_always_cheaper() -> None:
    """At full load it breaks even without fixed costs; the next machine, nearly idle, is a loss again."""
    assert build_or_buy(1000, 1e6, 0, 1000) == (1e6, 1, None)
    assert build_or_buy(1000, 1e6, 5, 1000) == (None, None, None)


@pytest.mark.parametrize(
    "call",
    [
        lambda: capital_recovery_factor(0.1, 0),
        lambda: capital_recovery_factor(-1.0, 3),
        lambda: equivalent_annual_cost_usd(math.nan, 3, 1, 0.1),
        lambda: levelised_cost_usd_per_1k(1, [1, 1], [0, 0], 0.1),
        lambda: levelised_cost_usd_per_1k(1, [1, 1], [1], 0.1),
        lambda: levelised_cost_usd_per_1k(1, [1, 1], [1, -1], 0.1),
        lambda: loan_payment_usd(100, 0.1, 12, 0),
        lambda: real_rate(0.1, -1.0),
        lambda: wacc(0, 0, 0.1, 0.1, 0.2),
        lambda: wacc(1, 1, 0.1, 0.1, 1.2),
        lambda: straight_line(0),
        lambda: depreciation_tax_shield_usd(100, 0.2, 0.1, [0.9, 0.9]),
        lambda: break_even_volume(-1, 2, 1),
        lambda: break_even_volume(1, math.nan, 1),
        lambda: build_or_buy(1, 0, 1, 1),
        lambda: payback([]),
        lambda: discounted_payback(-1, [1]),
    ],
)
def test_invalid_arguments_are_errors(call: Callable[[], object]) -> None:
    """With a message in sentences."""
    with pytest.raises(FactError, match=r"\. |\.$"):
        call()
