"""Adoption, learning curves, prices, scores and real options: properties and errors."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import FactError
from harness_reports.economics.textbook import competition, real_options
from harness_reports.economics.textbook.adoption import (
    Bass,
    Form,
    adopted_share,
    adopters_by_period,
    adoption_peak,
    adoption_rate,
    fit_bass,
    learning_curve,
)

CURVES = st.builds(Bass, st.floats(0.001, 0.2), st.floats(0, 0.8), st.floats(1, 1e6))
VCR = [840, 1470, 2110, 4000, 7590, 10950, 10530, 9470, 7790, 5890]


@given(CURVES, st.floats(0, 50), st.floats(0, 50))
def test_adoption_never_falls(curve: Bass, one: float, two: float) -> None:
    """From 0 to 1."""
    early, late = sorted((one, two))

    assert adopted_share(curve, 0) == 0
    assert 0 <= adopted_share(curve, early) <= adopted_share(curve, late) <= 1
    assert adopted_share(curve, 1e6) == pytest.approx(1)


@settings(deadline=None)
@given(CURVES, st.floats(0, 60))
def test_no_rate_is_above_the_peak(curve: Bass, time: float) -> None:
    """Which is the rate at the peak's time."""
    peak = adoption_peak(curve)

    assert peak is not None
    assert adoption_rate(curve, time) <= peak.rate * (1 + 1e-9)
    assert adoption_rate(curve, peak.time) == pytest.approx(peak.rate)


@given(CURVES, st.floats(0.1, 20))
def test_the_rate_is_the_slope_of_the_share(curve: Bass, time: float) -> None:
    """By central differences."""
    step = 1e-5
    slope = (adopted_share(curve, time + step) - adopted_share(curve, time - step)) / (2 * step)

    assert adoption_rate(curve, time) == pytest.approx(curve.market * slope, rel=1e-3, abs=1e-6 * curve.market)


def test_without_innovators_nobody_adopts() -> None:
    """P = 0."""
    curve = Bass(0.0, 0.4, 100)

    assert adopted_share(curve, 10) == adoption_rate(curve, 10) == 0
    assert adoption_peak(curve) is None
    assert adopters_by_period(curve, 3) == [0, 0, 0]


def test_with_weak_imitation_the_peak_is_at_launch() -> None:
    """Q <= p."""
    assert adoption_peak(Bass(0.1, 0.1, 100)) == (0.0, 10.0)


@given(CURVES, st.integers(0, 40))
def test_the_recursion_never_adopts_more_than_the_market(curve: Bass, periods: int) -> None:
    """With p + q below 1."""
    adopters = adopters_by_period(curve, periods)

    assert len(adopters) == periods
    assert sum(adopters) <= curve.market * (1 + 1e-9)


@pytest.mark.parametrize("form", ["rate", "interval"])
@pytest.mark.parametrize("start", [None, Bass(0.03, 0.38, 60_000)])
def test_a_fit_finds_the_curve_that_made_the_sales(form: Form, start: Bass | None) -> None:
    """Without noise, from the default start and from another."""
    true = Bass(0.01, 0.5, 50_000)
    times = np.arange(1.0, 13.0)
    shares = [adopted_share(true, t) for t in np.arange(0.0, 13.0)]
    sales = {
        "rate": [adoption_rate(true, t) for t in times],
        "interval": [true.market * (b - a) for a, b in itertools.pairwise(shares)],
    }

    fit = fit_bass(sales[form], times.tolist(), start, form)

    assert fit.curve == pytest.approx(true, rel=1e-4)
    assert fit.residual_se == pytest.approx(0, abs=1)
    assert fit.peak_seen


def test_rates_and_intervals_give_different_fits() -> None:
    """Video recorders: p is 6.6e-3 as a rate, 8.8e-3 over intervals."""
    times = list(range(1, 11))

    assert fit_bass(VCR, times).curve.innovation == pytest.approx(6.59e-3, rel=1e-3)
    assert fit_bass(VCR, times, form="interval").curve.innovation == pytest.approx(8.79e-3, rel=1e-3)


def test_a_fit_knows_whether_sales_have_peaked() -> None:
    """Six years of growth have not."""
    assert not fit_bass(VCR[:6], list(range(1, 7))).peak_seen


@given(st.floats(0.5, 1), st.integers(1, 200))
def test_each_doubling_multiplies_the_unit_cost_by_the_progress_ratio(ratio: float, units: int) -> None:
    """And the cumulative cost is the sum of unit costs."""
    once, twice = (learning_curve(10, ratio, n) for n in (units, 2 * units))

    assert twice.unit_cost == pytest.approx(once.unit_cost * ratio)
    assert once.cumulative_cost == pytest.approx(
        sum(learning_curve(10, ratio, n).unit_cost for n in range(1, units + 1))
    )


def test_ten_million_units_are_summed() -> None:
    """In blocks; against the integral."""
    cost = learning_curve(1.0, 0.8, 10**7)

    assert cost.cumulative_cost == pytest.approx(cost.unit_cost * 1e7 / (1 + cost.exponent), rel=1e-3)


@given(st.floats(1, 100), st.floats(1, 100), st.floats(1, 100), st.floats(1, 100))
def test_a_midpoint_elasticity_is_symmetric(p1: float, q1: float, p2: float, q2: float) -> None:
    """The same for a rise and a fall."""
    there, back = (
        competition.arc_elasticity(p1, q1, p2, q2),
        competition.arc_elasticity(p2, q2, p1, q1),
    )

    assert there == (None if p1 == p2 else pytest.approx(back))


@given(st.floats(0.01, 1000), st.floats(-20, -1.01))
def test_the_monopolists_price_earns_most(cost: float, elasticity: float) -> None:
    """At constant elasticity: 2 % more and 2 % less both earn less."""
    markup = competition.monopoly_price(cost, elasticity)

    assert markup is not None
    assert (markup.price_usd - cost) / markup.price_usd == pytest.approx(markup.lerner_index)
    best = (markup.price_usd - cost) * markup.price_usd**elasticity
    for factor in (0.98, 1.02):
        price = markup.price_usd * factor
        assert (price - cost) * price**elasticity <= best * (1 + 1e-9)


@pytest.mark.parametrize("elasticity", [-1.0, -0.5, 0.0, 2.0])
def test_inelastic_demand_has_no_best_price(elasticity: float) -> None:
    """None."""
    assert competition.monopoly_price(1.0, elasticity) is None


@given(st.floats(1, 1000), st.floats(1, 1000), st.floats(1, 30))
def test_growth_compounds_to_the_end(begin: float, end: float, years: float) -> None:
    """At the compound annual growth rate."""
    growth = competition.cagr(begin, end, years)

    assert growth is not None
    assert begin * (1 + growth) ** years == pytest.approx(end, rel=1e-3)


def test_growth_from_zero_or_a_loss_is_undefined() -> None:
    """Growth to 0 is -100 %."""
    assert competition.cagr(0, 10, 2) is None
    assert competition.cagr(-5, 10, 2) is None
    assert competition.cagr(5, 0, 2) == -1


def test_the_obtainable_market_is_a_share_of_the_serviceable_one() -> None:
    """TAM > SAM > SOM."""
    total, serviceable, obtainable = competition.market_size(2e6, 120, 0.35, 0.04)

    assert total > serviceable > obtainable == pytest.approx(0.04 * serviceable)


def test_weights_are_normalised() -> None:
    """Scaled weights give the same scores."""
    scores = {"a": {"x": 3, "y": 5}, "b": {"x": 4, "y": 2}}

    once = competition.factor_scores({"x": 2, "y": 1}, scores)
    assert competition.factor_scores({"x": 20, "y": 10}, scores) == pytest.approx(once)


def test_the_stability_of_a_ranking() -> None:
    """Better in every factor: always; equal: half; better in one of two: about half."""
    weights = {"x": 1, "y": 1}
    dominant = competition.ranking_stability(weights, {"a": {"x": 3, "y": 3}, "b": {"x": 2, "y": 2}})
    equal = competition.ranking_stability(weights, {"a": {"x": 3, "y": 3}, "b": {"x": 3, "y": 3}})
    close = competition.ranking_stability(weights, {"a": {"x": 3, "y": 1}, "b": {"x": 1, "y": 3}})

    assert dominant == {"a": 1.0, "b": 0.0}
    assert equal == {"a": 0.5, "b": 0.5}
    assert close == pytest.approx({"a": 0.5, "b": 0.5}, abs=0.03)


# Options ------------------------------------------------------------------------------------------------------

PRICES = st.floats(1, 1000)


@given(PRICES, PRICES, st.floats(-0.1, 0.2), st.floats(0, 1), st.floats(0, 10))
def test_a_call_less_a_put_is_the_forward(
    value: float, strike: float, rate: float, volatility: float, years: float
) -> None:
    """Put-call parity, without volatility or time too."""
    call, put = real_options.black_scholes(value, strike, rate, volatility, years)

    assert call - put == pytest.approx(value - strike * math.exp(-rate * years), abs=1e-8 * strike)
    assert min(call, put) >= -1e-9


def test_a_tree_of_many_steps_converges_to_black_scholes() -> None:
    """Cox, Ross and Rubinstein's tree at 1,000 steps."""
    up = math.exp(0.3 * math.sqrt(1 / 1000))
    tree = real_options.binomial(100, 110, 0.05, up=up, down=1 / up, steps=1000, step_years=1 / 1000, kind="call")

    assert tree.european_usd == pytest.approx(real_options.black_scholes(100, 110, 0.05, 0.3, 1).call_usd, rel=1e-3)


@settings(deadline=None)
@given(PRICES, PRICES, st.floats(0, 0.1), st.floats(1.2, 2), st.integers(1, 12), st.sampled_from(["call", "put"]))
def test_an_american_option_is_worth_at_least_a_european_one(
    value: float, strike: float, rate: float, up: float, steps: int, kind: real_options.Kind
) -> None:
    """And at least its exercise now; for a call without dividends both are equal."""
    tree = real_options.binomial(value, strike, rate, up=up, down=1 / up, steps=steps, step_years=1, kind=kind)
    now = value - strike if kind == "call" else strike - value

    assert tree.american_usd >= tree.european_usd - 1e-9
    assert tree.american_usd >= now - 1e-9
    if kind == "call":
        assert tree.american_usd == pytest.approx(tree.european_usd, abs=1e-6)


@pytest.mark.parametrize(
    "call",
    [
        lambda: adopted_share(Bass(-0.1, 0.3, 10), 1),
        lambda: adopted_share(Bass(0.1, 0.3, 0), 1),
        lambda: adopted_share(Bass(0.1, 0.3, 10), -1),
        lambda: adopters_by_period(Bass(0.1, 0.3, 10), -1),
        lambda: fit_bass([1, 2, 3], [1, 2, 3]),
        lambda: fit_bass([1, 2, 3, 4], [1, 2, 3, 4, 5]),
        lambda: learning_curve(1, 0, 3),
        lambda: learning_curve(1, 0.8, 0),
        lambda: competition.arc_elasticity(-1, 1, 1, 1),
        lambda: competition.monopoly_price(-1, -2),
        lambda: competition.market_size(1, 1, 1.1, 0.5),
        lambda: competition.cagr(1, 2, 0),
        lambda: competition.factor_scores({}, {"a": {}}),
        lambda: competition.factor_scores({"x": 1}, {"a": {}}),
        lambda: real_options.black_scholes(0, 1, 0.1, 0.2, 1),
        lambda: real_options.black_scholes(1, 1, 0.1, -0.2, 1),
        lambda: real_options.binomial(1, 1, 0.1, up=1.01, down=0.99, steps=3, step_years=1, kind="call"),
        lambda: real_options.binomial(1, 1, 0.1, up=0.9, down=0.9, steps=3, step_years=1, kind="put"),
    ],
)
def test_invalid_arguments_are_errors(call: Callable[[], object]) -> None:
    """With a message in sentences."""
    with pytest.raises(FactError, match=r"\.$|\. "):
        call()
