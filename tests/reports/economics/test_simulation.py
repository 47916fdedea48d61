"""Simulation of a net present value: properties of every draw, and closed forms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import FactError
from harness_reports.economics.cashflow import npv
from harness_reports.economics.distributions import Distribution, Fixed, Lognormal, Normal, Pert, Triangular
from harness_reports.economics.simulation import draw, importance, outcome, rank_of_draws, tornado
from harness_reports.economics.textbook.losses import empirical_tail
from harness_reports.economics.textbook.simulation import Life, npv_draws, simulate, with_figure

FIGURES: dict[str, Distribution] = {
    "upfront_usd": Fixed(100_000),
    "units_per_year": Fixed(1e6),
    "value_per_unit_usd": Fixed(0.1),
    "cost_per_unit_usd": Fixed(0.02),
    "fixed_usd_per_year": Fixed(30_000),
    "discount_rate": Fixed(0.1),
}
UNCERTAIN: dict[str, Distribution] = {
    **FIGURES,
    "units_per_year": Lognormal.from_90_interval(3e5, 3e6),
    "value_per_unit_usd": Pert(0.02, 0.1, 0.2),
    "fixed_usd_per_year": Normal(30_000, 5_000),
    "value_decline": Triangular(0.0, 0.1, 0.3),
}
DRAWS = 20_000


def _life(figures: dict[str, Distribution] = FIGURES, years: int = 5, **changed: Distribution) -> Life:
    return Life(years=years, **{**figures, **changed})


@settings(deadline=None)
@given(
    st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1e5), st.integers(1, 12),
    st.floats(-0.2, 0.5), st.floats(-0.3, 0.5), st.floats(0, 0.5), st.floats(0, 0.5),
)  # fmt: skip
def test_a_certain_life_is_its_net_present_value(
    upfront: float,
    units: float,
    value: float,
    cost: float,
    fixed: float,
    years: int,
    rate: float,
    growth: float,
    value_decline: float,
    cost_decline: float,
) -> None:
    """Every draw is the net present value of the flows, year by year."""
    amounts = (upfront, units, value, cost, fixed)
    life = Life(*map(Fixed, amounts), years, *map(Fixed, (rate, growth, value_decline, cost_decline)))
    flows = [-upfront]
    for year in range(years):
        margin = value * (1 - value_decline) ** year - cost * (1 - cost_decline) ** year
        flows.append(units * (1 + growth) ** year * margin - fixed)

    size = sum(abs(flow) for flow in flows) + 1
    assert npv_draws(life, 3) == pytest.approx([npv(rate, flows)] * 3, rel=1e-6, abs=1e-6 * size)


@settings(deadline=None, max_examples=25)
@given(
    st.sampled_from(["upfront_usd", "units_per_year", "value_per_unit_usd", "cost_per_unit_usd"]),
    st.floats(1.0, 3.0),
    st.floats(1.01, 3.0),
    st.integers(0, 5),
)
def test_a_wider_input_widens_the_outcome(name: str, spread: float, wider: float, seed: int) -> None:
    """Around the same median."""
    middle = FIGURES[name].mean
    narrow, wide = (
        simulate(_life(**{name: Lognormal.from_90_interval(middle / s, middle * s)}), DRAWS, seed)
        for s in (spread, spread * wider)
    )

    assert wide.p95_usd - wide.p05_usd > narrow.p95_usd - narrow.p05_usd - 1e-6
    assert wide.cvar05_usd <= narrow.cvar05_usd + 1e-6
    assert wide.p50_usd == pytest.approx(narrow.p50_usd, rel=0.05, abs=0.05 * 1e5)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.floats(0.01, 0.3))
def test_the_outcome_is_in_order(seed: int, value: float) -> None:
    """CVaR <= p05 <= p50 <= p95."""
    result = simulate(_life(UNCERTAIN, value_per_unit_usd=Pert(0, value, 2 * value)), 2_000, seed)

    assert result.cvar05_usd <= result.p05_usd <= result.p50_usd <= result.p95_usd
    assert 0 <= result.probability_positive <= 1


@settings(deadline=None, max_examples=25)
@given(st.floats(0, 0.2), st.floats(0.001, 0.2))
def test_a_higher_value_raises_every_draw(value: float, more: float) -> None:
    """As the draws of the other inputs stay."""
    less, greater = (npv_draws(_life(UNCERTAIN, value_per_unit_usd=Fixed(v)), 2_000) for v in (value, value + more))

    assert (greater > less).all()


def test_the_same_seed_gives_the_same_draws() -> None:
    """Another seed gives the same mean within its standard error."""
    life = _life(UNCERTAIN)

    assert np.array_equal(npv_draws(life, DRAWS, 7), npv_draws(life, DRAWS, 7))
    one, two = simulate(life, DRAWS, 7), simulate(life, DRAWS, 8)
    assert one != two
    assert abs(one.mean_usd - two.mean_usd) < 5 * (one.standard_error_usd + two.standard_error_usd)


def test_more_draws_begin_with_the_same_ones() -> None:
    """In full blocks."""
    life = _life(UNCERTAIN)

    assert np.array_equal(npv_draws(life, 1 << 15)[: 1 << 14], npv_draws(life, 1 << 14))


def test_a_normal_input_gives_a_normal_outcome() -> None:
    """Mean, deviation and tail have closed forms if the upfront cost alone is uncertain."""
    life = _life(upfront_usd=Normal(100_000, 10_000))
    result, centre = simulate(life, 400_000), simulate(_life(), 1).mean_usd

    assert result.mean_usd == pytest.approx(centre, abs=4 * result.standard_error_usd)
    assert result.standard_error_usd == pytest.approx(10_000 / np.sqrt(400_000), rel=0.01)
    assert result.p95_usd - result.p05_usd == pytest.approx(2 * 1.6449 * 10_000, rel=0.01)
    assert result.cvar05_usd == pytest.approx(centre - 2.0627 * 10_000, rel=0.01)


@pytest.mark.parametrize("source", [Pert(0, 0.2, 1), Pert(0, 0, 1), Triangular(0, 0.3, 1), Triangular(0, 1, 1)])
def test_draws_have_the_distribution_of_the_input(source: Distribution) -> None:
    """The input is paid once, undiscounted, so draws of the outcome are its draws."""
    life = Life(source, Fixed(0), Fixed(0), Fixed(0), Fixed(0), 1, Fixed(0.0))
    shares = np.array([0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])

    drawn = -np.quantile(npv_draws(life, 400_000), 1 - shares)

    assert drawn == pytest.approx(source.quantile(shares), abs=3e-3)


def test_the_tornado_begins_with_the_widest_bar() -> None:
    """Certain inputs have none; a low cost raises the net present value."""
    bars = tornado(_life(UNCERTAIN))

    assert set(bars) == {"units_per_year", "value_per_unit_usd", "fixed_usd_per_year", "value_decline"}
    swings = [bar.swing_usd for bar in bars.values()]
    assert swings == sorted(swings, reverse=True)
    assert bars["fixed_usd_per_year"].low_usd > bars["fixed_usd_per_year"].high_usd
    assert bars["units_per_year"].low_usd < bars["units_per_year"].high_usd


def test_the_most_uncertain_input_explains_most() -> None:
    """The number of units, within a factor of ten; first-order shares add up to 1 at most."""
    sobol = importance(_life(UNCERTAIN))

    assert max(sobol.total, key=lambda name: sobol.total[name]) == "units_per_year"
    assert sum(sobol.first_order.values()) <= 1.03
    assert sobol.total["units_per_year"] >= sobol.first_order["units_per_year"]


@settings(deadline=None, max_examples=10)
@given(st.floats(3e5, 3e6))
def test_a_certain_figure_has_no_bar(units: float) -> None:
    """Set to a value, it has that mean."""
    certain = with_figure(_life(UNCERTAIN), "units_per_year", units)

    assert "units_per_year" not in tornado(certain)
    assert certain.inputs["units_per_year"].mean == units


@pytest.mark.parametrize(
    "call",
    [
        lambda: _life(years=0),
        lambda: simulate(_life(), 0),
        lambda: simulate(_life(discount_rate=Fixed(-1.0)), 10),
        lambda: simulate(_life(discount_rate=Normal(0.1, 5.0)), 1000),
        lambda: simulate(_life(value_decline=Fixed(1.0)), 10),
        lambda: tornado(_life(), 0.9, 0.1),
        lambda: importance(_life()),
        lambda: with_figure(_life(), "weather", 1.0),
        lambda: with_figure(_life(), "upfront_usd", float("nan")),
    ],
)
def test_invalid_arguments_are_errors(call: Callable[[], object]) -> None:
    """With a message in sentences."""
    with pytest.raises(FactError, match=r"\.$|\. "):
        call()


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300))
def test_the_worst_twentieth_is_the_conditional_value_at_risk(values: list[float]) -> None:
    """Of the loss, the value at the end of the tail split."""
    cvar_usd = outcome(np.array(values)).cvar05_usd

    assert cvar_usd == pytest.approx(-empirical_tail([-value for value in values], 0.95).cvar, rel=1e-9, abs=1e-6)


def test_draws_of_one_name_have_equal_ranks() -> None:
    """For any distribution, bounded or not."""
    order = rank_of_draws("a", 500, 3)
    for shape in (Pert(0, 1, 5), Lognormal.from_90_interval(1, 9), Normal(0, 1)):
        drawn = draw({"a": shape, "b": Fixed(2.0)}, 500, 3)

        assert (np.diff(drawn["a"][order]) >= 0).all()
        assert drawn["b"].tolist() == [2.0]
