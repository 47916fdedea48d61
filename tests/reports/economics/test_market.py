"""Adoption, learning, prices, scores and options: laws and refusals."""

from __future__ import annotations

import itertools
import math

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
def test_adoption_never_goes_back(curve: Bass, one: float, two: float) -> None:
    """The share grows from 0 to 1."""
    early, late = sorted((one, two))

    assert adopted_share(curve, 0) == 0
    assert 0 <= adopted_share(curve, early) <= adopted_share(curve, late) <= 1
    assert adopted_share(curve, 1e6) == pytest.approx(1)


@settings(deadline=None)
@given(CURVES, st.floats(0, 60))
def test_no_rate_is_above_the_peaks(curve: Bass, time: float) -> None:
    """And at its time the rate is the peak's."""
    peak = adoption_peak(curve)

    assert peak is not None
    assert adoption_rate(curve, time) <= peak.rate * (1 + 1e-9)
    assert adoption_rate(curve, peak.time) == pytest.approx(peak.rate)


@given(CURVES, st.floats(0.1, 20))
def test_the_rate_is_the_slope_of_the_share(curve: Bass, time: float) -> None:
    """By differences."""
    step = 1e-5
    slope = (adopted_share(curve, time + step) - adopted_share(curve, time - step)) / (2 * step)

    assert adoption_rate(curve, time) == pytest.approx(curve.market * slope, rel=1e-3, abs=1e-6 * curve.market)


def test_where_nobody_is_first_nobody_follows() -> None:
    """Without innovators imitation has nothing to imitate."""
    curve = Bass(0.0, 0.4, 100)

    assert adopted_share(curve, 10) == adoption_rate(curve, 10) == 0
    assert adoption_peak(curve) is None
    assert adopters_by_period(curve, 3) == [0, 0, 0]


def test_where_imitation_is_weak_launch_is_the_peak() -> None:
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
    """Without noise, from Bass's own start as from a given one."""
    true = Bass(0.01, 0.5, 50_000)
    times = np.arange(1.0, 13.0)
    shares = [adopted_share(true, t) for t in np.arange(0.0, 13.0)]
    sales = {
        "rate": [adoption_rate(true, t) for t in times],
        "interval": [true.market * (b - a) for a, b in itertools.pairwise(shares)],
    }

    found = fit_bass(sales[form], times.tolist(), start, form)

    assert found.curve == pytest.approx(true, rel=1e-4)
    assert found.residual_se == pytest.approx(0, abs=1)
    assert found.peak_seen


def test_the_two_readings_of_sales_differ() -> None:
    """Video recorders: p is 6.6e-3 as a rate, 8.8e-3 over intervals."""
    times = list(range(1, 11))

    assert fit_bass(VCR, times).curve.innovation == pytest.approx(6.59e-3, rel=1e-3)
    assert fit_bass(VCR, times, form="interval").curve.innovation == pytest.approx(8.79e-3, rel=1e-3)


def test_before_the_peak_a_fit_says_that_it_is_a_guess() -> None:
    """The market cannot be known from growth alone."""
    assert not fit_bass(VCR[:6], list(range(1, 7))).peak_seen


@given(st.floats(0.5, 1), st.integers(1, 200))
def test_each_doubling_costs_the_progress_ratio(ratio: float, units: int) -> None:
    """Of the unit cost before."""
    once, twice = (learning_curve(10, ratio, n) for n in (units, 2 * units))

    assert twice.unit_cost == pytest.approx(once.unit_cost * ratio)
    assert once.cumulative_cost == pytest.approx(
        sum(learning_curve(10, ratio, n).unit_cost for n in range(1, units + 1))
    )


def test_a_hundredth_of_a_billion_units_is_summed() -> None:
    """In blocks, not in one array of all."""
    found = learning_curve(1.0, 0.8, 10**7)

    assert found.cumulative_cost == pytest.approx(found.unit_cost * 1e7 / (1 + found.exponent), rel=1e-3)


@given(st.floats(1, 100), st.floats(1, 100), st.floats(1, 100), st.floats(1, 100))
def test_an_elasticity_is_the_same_back_and_forth(p1: float, q1: float, p2: float, q2: float) -> None:
    """That is what the midpoints are for."""
    there, back = (
        competition.arc_elasticity(p1, q1, p2, q2),
        competition.arc_elasticity(p2, q2, p1, q1),
    )

    assert there == (None if p1 == p2 else pytest.approx(back))


@given(st.floats(0.01, 1000), st.floats(-20, -1.01))
def test_the_monopolists_price_earns_most(cost: float, elasticity: float) -> None:
    """Demand of constant elasticity: a little more and a little less both earn less."""
    markup = competition.monopoly_price(cost, elasticity)

    assert markup is not None
    assert (markup.price_usd - cost) / markup.price_usd == pytest.approx(markup.lerner_index)
    best = (markup.price_usd - cost) * markup.price_usd**elasticity
    for factor in (0.98, 1.02):
        price = markup.price_usd * factor
        assert (price - cost) * price**elasticity <= best * (1 + 1e-9)


@pytest.mark.parametrize("elasticity", [-1.0, -0.5, 0.0, 2.0])
def test_inelastic_demand_has_no_best_price(elasticity: float) -> None:
    """A higher one always earns more."""
    assert competition.monopoly_price(1.0, elasticity) is None


@given(st.floats(1, 1000), st.floats(1, 1000), st.floats(1, 30))
def test_growth_compounds_to_the_end(begin: float, end: float, years: float) -> None:
    """Year by year."""
    growth = competition.cagr(begin, end, years)

    assert growth is not None
    assert begin * (1 + growth) ** years == pytest.approx(end, rel=1e-3)


def test_growth_from_nothing_is_no_growth() -> None:
    """Nor is growth from a loss; to nothing is -100 %."""
    assert competition.cagr(0, 10, 2) is None
    assert competition.cagr(-5, 10, 2) is None
    assert competition.cagr(5, 0, 2) == -1


def test_what_can_be_won_is_a_share_of_what_can_be_served() -> None:
    """And never more."""
    total, serviceable, obtainable = competition.market_size(2e6, 120, 0.35, 0.04)

    assert total > serviceable > obtainable == pytest.approx(0.04 * serviceable)


def test_weights_are_shares_of_their_sum() -> None:
    """Scaled weights change nothing."""
    scores = {"a": {"x": 3, "y": 5}, "b": {"x": 4, "y": 2}}

    once = competition.factor_scores({"x": 2, "y": 1}, scores)
    assert competition.factor_scores({"x": 20, "y": 10}, scores) == pytest.approx(once)


def test_a_ranking_says_how_firm_it_is() -> None:
    """Who is better in everything always leads; equals share the lead; close ones take turns."""
    weights = {"x": 1, "y": 1}
    firm = competition.ranking_stability(weights, {"a": {"x": 3, "y": 3}, "b": {"x": 2, "y": 2}})
    equal = competition.ranking_stability(weights, {"a": {"x": 3, "y": 3}, "b": {"x": 3, "y": 3}})
    close = competition.ranking_stability(weights, {"a": {"x": 3, "y": 1}, "b": {"x": 1, "y": 3}})

    assert firm == {"a": 1.0, "b": 0.0}
    assert equal == {"a": 0.5, "b": 0.5}
    assert close == pytest.approx({"a": 0.5, "b": 0.5}, abs=0.03)


# Options ------------------------------------------------------------------------------------------------------

PRICES = st.floats(1, 1000)


@given(PRICES, PRICES, st.floats(-0.1, 0.2), st.floats(0, 1), st.floats(0, 10))
def test_a_call_less_a_put_is_the_forward(
    value: float, strike: float, rate: float, volatility: float, years: float
) -> None:
    """Put-call parity, without volatility or time too."""
    found = real_options.black_scholes(value, strike, rate, volatility, years)

    assert found.call_usd - found.put_usd == pytest.approx(value - strike * math.exp(-rate * years), abs=1e-8 * strike)
    assert min(found) >= -1e-9


def test_many_small_steps_are_the_continuous_case() -> None:
    """Cox, Ross and Rubinstein's tree at 1,000 steps."""
    up = math.exp(0.3 * math.sqrt(1 / 1000))
    tree = real_options.binomial(100, 110, 0.05, up=up, down=1 / up, steps=1000, step_years=1 / 1000, kind="call")

    assert tree.european_usd == pytest.approx(real_options.black_scholes(100, 110, 0.05, 0.3, 1).call_usd, rel=1e-3)


@settings(deadline=None)
@given(PRICES, PRICES, st.floats(0, 0.1), st.floats(1.2, 2), st.integers(1, 12), st.sampled_from(["call", "put"]))
def test_who_may_act_any_time_owns_no_less(
    value: float, strike: float, rate: float, up: float, steps: int, kind: real_options.Kind
) -> None:
    """American >= European; for a call on what pays nothing, equal; and it is worth at least using it now."""
    tree = real_options.binomial(value, strike, rate, up=up, down=1 / up, steps=steps, step_years=1, kind=kind)
    now = value - strike if kind == "call" else strike - value

    assert tree.american_usd >= tree.european_usd - 1e-9
    assert tree.american_usd >= now - 1e-9
    if kind == "call":
        assert tree.american_usd == pytest.approx(tree.european_usd, abs=1e-6)


@pytest.mark.parametrize(
    "senseless",
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
def test_what_makes_no_sense_is_refused(senseless: object) -> None:
    """With a sentence."""
    with pytest.raises(FactError, match=r"\.$|\. "):
        senseless()  # type: ignore[operator]
