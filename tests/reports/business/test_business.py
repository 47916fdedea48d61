"""Cash flows of a business: by hand, and properties of every draw."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import FactError
from harness_reports.business.business import Business, market_sums
from harness_reports.business.market import ASSUMED
from harness_reports.business.supply import Calls
from harness_reports.economics.adoption import shares_by_year
from harness_reports.economics.cashflow import npv
from harness_reports.economics.distributions import Distribution, Empirical, Fixed, Lognormal, Pert
from harness_reports.economics.simulation import importance, tornado
from harness_reports.economics.textbook.adoption import Bass, adopted_share
from harness_reports.economics.textbook.simulation import npv_draws, simulate

MARKET: dict[str, float] = {
    **ASSUMED,
    "buyers": 10_000.0, "serviceable_share": 0.5, "obtainable_share": 0.1, "requests_per_buyer_per_year": 2_000.0,
    "adoption_innovation": 0.05, "adoption_imitation": 0.4, "value_per_request_usd": 0.1,
    "value_decline_per_year": 0.1, "cost_per_error_usd": 0.2, "fixed_cost_per_year_usd": 5_000.0, "staff": 0.1,
    "staff_usd_per_year": 100_000.0, "upfront_cost_usd": 20_000.0, "development_multiplier": 4.0,
    "pretraining_uses": 2.0, "retrainings_per_year": 3.0, "api_price_decline_per_year": 0.2, "energy_usd_per_kwh": 0.3,
    "discount_rate": 0.1,
}  # fmt: skip
MEASURED = {
    "quality": 0.9, "usd_per_call": 0.001, "energy_j_per_request": 36.0, "pretrain_usd": 100.0,
    "finetune_usd": 40.0, "evaluate_usd": 10.0,
}  # fmt: skip


def business(years: int = 4, ceiling: float | None = 1.0, **changed: float | Distribution) -> Business:
    """Return a business with some figures changed."""
    figures = {name: changed.get(name, value) for name, value in {**MARKET, **MEASURED}.items()}
    inputs = {name: Fixed(value) if isinstance(value, int | float) else value for name, value in figures.items()}
    market, measured = ({name: inputs[name] for name in names} for names in (MARKET, MEASURED))
    return Business(market, measured, years, ceiling, Calls())


def test_flows_worked_out_by_hand() -> None:
    """Four attempts, a pretraining for two uses, a million requests at full adoption, declining prices."""
    flows = business().flows_usd()
    tuning = 40 + 10
    expected = [-(20_000 + 4 * (100 / 2 + tuning))]
    for year in range(4):
        times = np.linspace(year, year + 1, 2001)
        share = np.trapezoid([adopted_share(Bass(0.05, 0.4, 1.0), float(t)) for t in times], times)
        serving = 0.001 * 0.8**year + 36 * 0.3 / 3.6e6
        margin = 0.1 * 0.9**year - serving - 0.1 * 0.2
        expected.append(1_000_000 * share * margin - 5_000 - 10_000 - 3 * tuning * 0.8**year)

    assert flows == pytest.approx(expected, rel=1e-6)


@settings(deadline=None, max_examples=60)
@given(
    years=st.integers(1, 12), rate=st.floats(0, 0.5), value=st.floats(0, 1), fall=st.floats(0, 0.9),
    cheaper=st.floats(0, 0.9), quality=st.floats(0, 1), innovation=st.floats(0.001, 0.9), imitation=st.floats(0, 1.5),
)  # fmt: skip
def test_without_uncertainty_every_draw_is_the_base_case(
    years: int, rate: float, value: float, fall: float, cheaper: float, quality: float, innovation: float,
    imitation: float,
) -> None:  # fmt: skip
    """The discounted sums, the flows and the simulation agree."""
    made = business(
        years, discount_rate=rate, value_per_request_usd=value, value_decline_per_year=fall, quality=quality,
        api_price_decline_per_year=cheaper, adoption_innovation=innovation, adoption_imitation=imitation,
    )  # fmt: skip
    expected = npv(rate, made.flows_usd())
    drawn = npv_draws(made, 5)

    assert drawn == pytest.approx([expected] * 5, rel=1e-9, abs=1e-6)
    assert simulate(made, 50).p05_usd == pytest.approx(expected, rel=1e-9, abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(st.floats(0.001, 1), st.floats(0, 2), st.integers(1, 15))
def test_shares_by_year_are_the_integral_of_the_curve(innovation: float, imitation: float, years: int) -> None:
    """By Simpson's rule; they rise and stay within 0 and 1."""
    shares = [float(share[0]) for share in shares_by_year(np.array([innovation]), np.array([imitation]), years)]
    curve = Bass(innovation, imitation, 1.0)
    for year, share in enumerate(shares):
        times = np.linspace(year, year + 1, 201)
        values = np.array([adopted_share(curve, float(t)) for t in times])
        weights = np.array([1, *[4, 2] * 99, 4, 1]) / 600

        assert share == pytest.approx(float(values @ weights), abs=1e-5)
    assert all(0 <= share <= 1 for share in shares)
    assert shares == sorted(shares)


@settings(deadline=None, max_examples=60)
@given(low=st.floats(0.001, 1), more=st.floats(1.0, 5.0), rate=st.floats(0, 0.4), higher=st.floats(0, 0.4))
def test_npv_rises_with_the_price_and_falls_with_the_rate(low: float, more: float, rate: float, higher: float) -> None:
    """A higher price never lowers it; a higher rate never raises that of an investment with later income."""
    cheap, expensive = (business(value_per_request_usd=value, discount_rate=rate) for value in (low, low * more))
    values = [float(npv_draws(made, 1)[0]) for made in (cheap, expensive)]

    assert values[0] <= values[1] + 1e-6
    flows = expensive.flows_usd()
    if min(flows[1:]) >= 0:
        assert npv(rate + higher, flows) <= npv(rate, flows) + 1e-6


def test_demand_goes_before_its_bottom_up_figures() -> None:
    """Without `requests_per_year` demand is the product of the four."""
    whole = {name: value for name, value in business().market.items() if not name.startswith(("buyers", "obtain"))}
    given_ = Business({**whole, "requests_per_year": Fixed(1e6)}, business().measured, 4, 1.0, Calls())

    assert given_.flows_usd() == pytest.approx(business().flows_usd())


def test_without_adoption_everybody_is_there_from_the_start() -> None:
    """Adoption is 1 in every year."""
    market = {name: source for name, source in business().market.items() if not name.startswith("adoption")}
    first, *_ = Business(market, business().measured, 1, 1.0, Calls()).flows_usd()[1:]

    assert first == pytest.approx(1_000_000 * (0.1 - 0.001 - 36 * 0.3 / 3.6e6 - 0.02) - 15_000 - 150)


def test_errors_without_a_share_cost_nothing() -> None:
    """Where nothing is known of errors they are not priced; the caller sees to it that they have no price then."""
    assert business(ceiling=None).flows_usd() == pytest.approx(business(cost_per_error_usd=0.0).flows_usd())


def test_tornado_and_sobol_go_over_measured_and_assumed_inputs_together() -> None:
    """The widest input comes first, whichever kind it is."""
    made = business(
        usd_per_call=Empirical(np.linspace(0.0009, 0.0011, 99)), value_per_request_usd=Pert(0.05, 0.1, 0.2),
        buyers=Lognormal.from_90_interval(5_000, 20_000),
    )  # fmt: skip
    bars, sobol = tornado(made), importance(made, 256)

    assert list(bars)[-1] == "usd_per_call"
    assert set(bars) == set(sobol.total) == {"usd_per_call", "value_per_request_usd", "buyers"}
    assert sobol.total["usd_per_call"] < 0.01
    assert math.isclose(sum(sobol.first_order.values()), 1, abs_tol=0.2)


def test_sums_of_a_market_serve_every_candidate() -> None:
    """A net present value from shared sums equals the one calculated alone."""
    made = business(value_per_request_usd=Pert(0.05, 0.1, 0.2))
    drawn = {name: source.quantile(np.array([0.3, 0.7])) for name, source in made.inputs.items()}

    assert made.npv_of(drawn, market_sums(drawn, 4, made.supply.decline)) == pytest.approx(made.npv_usd(drawn))


def test_observed_value_is_the_mean_of_what_was_resampled() -> None:
    """The base case takes the measured value, not the mean of its bootstrap draws."""
    assert Empirical(np.array([3.0, 1.0])).mean == 2.0
    assert Empirical(np.array([3.0, 1.0]), 1.9).mean == 1.9
    assert Empirical(np.array([3.0, 1.0])).quantile(np.array([0.0, 0.5, 1.0])).tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("values", [[], [math.nan], [1.0, math.inf]])
def test_an_empirical_distribution_needs_finite_values(values: list[float]) -> None:
    """None, NaN and infinity are errors."""
    with pytest.raises(FactError, match="needs finite values"):
        Empirical(np.array(values))
