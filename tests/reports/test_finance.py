"""Finance against published values and laws."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness_reports.finance import break_even_requests, capital_recovery_factor, npv_usd

RATES = st.floats(0.0, 0.5)
YEARS = st.integers(1, 15)


@pytest.mark.parametrize(
    ("rate", "upfront", "yearly", "years", "expected"),
    [(0.12, 5000, 1500, 5, 407.16430351750637), (0.0, 100, 30, 3, -10.0), (0.1, 0, 110, 1, 100.0)],
)
def test_net_present_value(rate: float, upfront: float, yearly: float, years: int, expected: float) -> None:
    """-5000 + 1500 · (1 - 1.12^-5) / 0.12 = 407.16; without interest the plain sum; t = 0 is not discounted."""
    assert npv_usd(rate, upfront, yearly, years) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("rate", "years", "expected"), [(0.05, 3, 0.3672085646312448), (0.1, 4, 0.31547080370609765), (0.0, 4, 0.25)]
)
def test_capital_recovery_factor(rate: float, years: int, expected: float) -> None:
    """Textbook values; 1/n without interest."""
    assert capital_recovery_factor(rate, years) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("price", "variable", "fixed", "units"), [(0.02, 0.0035, 120_000, 7272727.27), (12, 7.5, 50_000, 11111.11)]
)
def test_break_even_is_fixed_cost_over_margin(price: float, variable: float, fixed: float, units: float) -> None:
    """Without anything upfront it is the textbook's F / (p - v)."""
    assert break_even_requests(0.0, fixed, price - variable, 0.1, 3) == pytest.approx(units, rel=1e-6)


@pytest.mark.parametrize("margin", [0.0, -0.01])
def test_nothing_breaks_even_without_a_margin(margin: float) -> None:
    """No volume makes up for a request that earns nothing."""
    assert break_even_requests(100.0, 10.0, margin, 0.1, 3) is None


@settings(deadline=None)
@given(RATES, YEARS, st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0.001, 10))
def test_at_break_even_the_net_present_value_is_zero(
    rate: float, years: int, upfront: float, fixed: float, margin: float
) -> None:
    """What break-even means, for any figures."""
    requests = break_even_requests(upfront, fixed, margin, rate, years)

    assert requests is not None
    assert npv_usd(rate, upfront, requests * margin - fixed, years) == pytest.approx(
        0.0, abs=1e-6 * (1 + upfront + fixed)
    )


@settings(deadline=None)
@given(RATES, YEARS, st.floats(0, 1e6), st.floats(-1e5, 1e5), st.floats(1, 1e5))
def test_more_a_year_is_worth_more(rate: float, years: int, upfront: float, yearly: float, more: float) -> None:
    """The net present value grows with the yearly flow."""
    assert npv_usd(rate, upfront, yearly + more, years) > npv_usd(rate, upfront, yearly, years)
