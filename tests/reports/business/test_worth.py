"""Chances, information and turning points: laws, and what is known in closed form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import Figure, UseCase
from harness.facts import Spread
from harness_reports.business.evidence import gather
from harness_reports.business.market import read_market
from harness_reports.business.viability import viability
from harness_reports.business.worth import NpvDistribution, draw_market, npv_distribution
from harness_reports.prices.pricing import Pricing

GOOD = (1,) * 92 + (0,) * 8
MakeUseCase = Callable[..., UseCase]


def uncertain(case: UseCase, **spreads: tuple[Any, ...]) -> UseCase:
    """Return a use case with distributions in the place of figures."""
    made = dict(case.market)
    for name, (shape, *numbers) in spreads.items():
        spread = Spread(shape, tuple(numbers))
        made[name] = Figure(spread.mean, "unit", date(2026, 11, 1), "somebody's guess", spread=spread)
    return replace(case, market=made)


@pytest.fixture
def wide(make_use_case: MakeUseCase) -> UseCase:
    """Return a use case that may win or lose."""
    return uncertain(
        make_use_case(), requests_per_year=("lognormal", 1e5, 1e6), value_per_request_usd=("pert", 0.02, 0.08, 0.2)
    )


def worth_of(
    records: list[Any], pricing: Pricing, case: UseCase, draws: int = 20_000, **overrides: float
) -> NpvDistribution:
    """Return the worth of the only candidate."""
    (one,) = gather(records, pricing)
    market = read_market(case, overrides)
    business = one.business(market)
    assert business is not None
    return npv_distribution(business, draw_market(market, draws), one.accuracy, one.hours(market))


def row_of(records: list[Any], pricing: Pricing, case: UseCase, **overrides: float) -> dict[str, Any]:
    """Return the only row of the table."""
    (row,) = viability(records, pricing, [case], overrides).to_dict("records")
    return dict(row)


@settings(max_examples=25, deadline=None)
@given(value=st.floats(0.001, 0.5), upfront=st.floats(0, 5e5))
def test_chances_and_percentiles_agree(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase, value: float, upfront: float
) -> None:
    """P(NPV > 0) is a chance; where the 5th percentile is above 0 it is at least .95, and so from the other end."""
    case = uncertain(make_use_case(), requests_per_year=("lognormal", 1e5, 1e6))
    row = row_of(bench.case(scores=GOOD), pricing, case, value_per_request_usd=value, upfront_cost_usd=upfront)

    assert 0 <= row["probability_positive"] <= 1
    assert row["cvar05_usd"] <= row["npv_low_usd"] <= row["npv_p50_usd"] <= row["npv_high_usd"]
    assert row["npv_low_usd"] <= 0 or row["probability_positive"] >= 0.949
    assert row["npv_high_usd"] >= 0 or row["probability_positive"] <= 0.051
    assert (row["npv_p50_usd"] > 0) == (row["probability_positive"] > 0.5) or abs(
        row["probability_positive"] - 0.5
    ) < 0.01
    assert 0 <= row["probability_wrong"] <= 1
    assert 0 <= row["evsi_usd"] <= row["evpi_usd"]


def test_without_uncertainty_the_distribution_is_the_base_case(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """Errors that have no price make quality irrelevant: all percentiles are the one value, and nothing is to learn."""
    row = row_of(bench.case(scores=GOOD), pricing, make_use_case(cost_per_error_usd=None, needs={}))

    assert row["npv_low_usd"] == row["npv_high_usd"] == pytest.approx(row["npv_usd"])
    assert (row["probability_positive"], row["evpi_usd"], row["probability_wrong"]) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize("share", [0.5, 0.8, 0.92])
def test_fewer_graded_items_widen_the_interval(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase, share: float
) -> None:
    """A tenth of the items: the interval of the net present value is about three times as wide."""
    widths = []
    for items in (1000, 100):
        right = round(share * items)
        row = row_of(bench.case(scores=(1,) * right + (0,) * (items - right)), pricing, make_use_case())
        widths.append(row["npv_high_usd"] - row["npv_low_usd"])

    assert 2.2 < widths[1] / widths[0] < 4.5


@settings(max_examples=20, deadline=None)
@given(times=st.decimals("0.1", "50", places=2))
def test_repricing_is_exact(bench: Any, pricing: Pricing, make_use_case: MakeUseCase, times: Decimal) -> None:
    """At another price every amount that is machines' is times as much, and the rest is what it was."""
    records, case = bench.case(scores=GOOD), make_use_case()
    one = row_of(records, pricing, case)
    other = row_of(records, replace(pricing, multiplier=times), case)
    annuity = sum(1.1**-year for year in (1, 2, 3))
    machines = 1e6 * one["unit_serving_usd"] * annuity + (one["upfront_usd"] - 20_000)

    assert other["unit_serving_usd"] == pytest.approx(one["unit_serving_usd"] * float(times), rel=1e-12)
    assert one["npv_usd"] - other["npv_usd"] == pytest.approx(machines * (float(times) - 1), rel=1e-6, abs=1e-6)
    assert other["unit_error_usd"] == one["unit_error_usd"]


@pytest.mark.parametrize("name", ["value_per_request_usd", "requests_per_year"])
@pytest.mark.parametrize("share", [0.1, 0.3])
def test_the_flip_is_where_the_chance_of_a_loss_is_the_limit(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase, name: str, share: float
) -> None:
    """Put in the figure's place, the value makes the chance what was asked; where the rest stays uncertain."""
    other = {"value_per_request_usd": "requests_per_year", "requests_per_year": "value_per_request_usd"}[name]
    numbers = {"requests_per_year": ("lognormal", 1e5, 1e6), "value_per_request_usd": ("pert", 0.05, 0.08, 0.2)}
    case = uncertain(make_use_case(), **{other: numbers[other]})
    records = bench.case(scores=GOOD)
    found = getattr(worth_of(records, pricing, case).flip(share), name)
    loss = 1 - worth_of(records, pricing, case, **{name: found}).outcome.probability_positive

    assert loss == pytest.approx(share, abs=0.002)


def test_the_flip_of_the_mean_is_where_it_is_worth_nothing(bench: Any, pricing: Pricing, wide: UseCase) -> None:
    """The serving cost as well: there the expected value is 0."""
    records = bench.case(scores=GOOD)
    worth = worth_of(records, pricing, wide)
    found = worth.flip(None)
    cost = found.serving_usd_per_request
    assert cost is not None
    dearer = cost / worth.business.inputs["serving_usd_per_request"].mean
    spent = worth.business.serving_usd(worth.drawn) * worth.market.sums.requests_at_cost

    assert float((worth.npv_usd - (dearer - 1) * spent).mean()) == pytest.approx(0, abs=1e-3)


def test_what_cannot_be_mended_has_no_flip(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """Errors cost more than a request brings: no volume helps, a price does."""
    case = make_use_case(cost_per_error_usd=5.0)
    found = worth_of(bench.case(scores=GOOD), pricing, case).flip(None)

    assert found.requests_per_year is None
    assert found.serving_usd_per_request is None
    assert found.value_per_request_usd is not None
    assert found.value_per_request_usd > 0.1


def test_drivers_are_sobols_first_order_indices(bench: Any, pricing: Pricing, wide: UseCase) -> None:
    """Estimated from the draws they are those of SALib, and their 10th and 90th percentile lie on either side."""
    from harness_reports.economics.simulation import importance

    worth = worth_of(bench.case(scores=GOOD), pricing, wide, draws=50_000)
    exact = importance(worth.business, 2048).first_order
    found = {driver.name: driver for driver in worth.drivers()}

    assert set(found) == set(exact)
    for name, driver in found.items():
        assert driver.share == pytest.approx(exact[name], abs=0.06)
    assert found["value_per_request_usd"].low_usd < worth.outcome.mean_usd < found["value_per_request_usd"].high_usd
    assert list(found)[-1] == "quality"


def test_information_is_worth_most_where_the_decision_is_open(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """Far from the needed quality nothing is to learn; at it, grading more items is worth money."""
    records = bench.case(scores=(1,) * 80 + (0,) * 20)
    values = {}
    for needed in (0.4, 0.8):
        case = make_use_case(needs={"quality": needed, "latency_s": 0.5}, requests_per_year=500_000.0)
        learning = worth_of(records, pricing, case).information()
        assert learning.evsi_usd is not None
        assert 0 <= learning.evsi_usd <= learning.evpi_usd
        values[needed] = learning.evsi_usd

    assert values[0.4] == pytest.approx(0, abs=10)
    assert values[0.8] > 1000


def test_an_hour_is_worth_less_where_hours_were_measured(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """The same interval from a long measurement: another hour adds little."""
    case = make_use_case(needs={"quality": 0.8, "latency_s": 0.5})
    worth = worth_of(bench.case(scores=(1,) * 80 + (0,) * 20), pricing, case)
    hours = [(0.01, 0.01), (1.0, 1.0), (100.0, 100.0)]
    found = [replace(worth, hours=each).information().evsi_usd for each in hours]

    assert found[0] is not None
    assert found == sorted((value for value in found if value is not None), reverse=True)
    assert replace(worth, hours=None).information().evsi_usd is None


def test_sample_information_agrees_with_the_simulation_of_studies(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """Pre-posterior analysis by quadrature is what drawing studies and beliefs after them gives."""
    case = make_use_case(needs={"quality": 0.8, "latency_s": 0.5})
    worth = replace(worth_of(bench.case(scores=(1,) * 80 + (0,) * 20), pricing, case), hours=(0.5, 1e9))
    quality = worth.drawn["quality"]
    random = np.random.default_rng(0)
    per_quality = worth.business.npv_usd({**worth.drawn, "quality": np.array([0.9])}) - worth.business.npv_usd(
        {**worth.drawn, "quality": np.array([0.8])}
    )
    half = quality.std() * np.sqrt(0.5)
    centres = quality.mean() + half * random.standard_normal(4000)
    beliefs = centres[:, None] + half * random.standard_normal(2000)[None, :]
    value = worth.npv_usd.mean() + float(per_quality.mean()) / 0.1 * (beliefs - quality.mean())
    upfront = float(worth.business.upfront_usd(worth.drawn).mean())
    payoff = np.where(beliefs >= 0.8, value, -upfront).mean(axis=1)

    expected = np.maximum(payoff, 0).mean() - max(0.0, payoff.mean())
    assert worth.information().evsi_usd == pytest.approx(float(expected), rel=0.1)


def test_all_candidates_meet_the_same_market(bench: Any, pricing: Pricing, wide: UseCase) -> None:
    """Two candidates of equal quality and cost have equal distributions, draw by draw."""
    records = [*bench.case(scores=GOOD), *bench.case(scores=GOOD, settings={"lr": 0.01})]
    frame = viability(records, pricing, [wide])

    assert len(frame) == 2
    assert frame["npv_low_usd"].nunique() == 1
    assert frame["probability_positive"].nunique() == 1


def test_a_driver_that_turns_the_verdict_makes_it_a_pilot() -> None:
    """A loss is unlikely, but lies at the 10th percentile of one input: the sentence names it."""
    from harness_reports.business.verdict import Money, VerdictInputs, decide
    from harness_reports.business.worth import Driver, ValueOfInformation
    from harness_reports.economics.simulation import outcome
    from harness_reports.reasons import Reasons

    row = {"low": 0.9, "high": 0.95, "value": 0.92, "metric": "accuracy", "higher_is_better": True, "seeds": 3}
    found = outcome(np.concatenate([np.full(95, 1000.0), np.full(5, -10.0)]))
    drivers = [Driver("requests_per_year", 0.8, -5.0, 2000.0), Driver("quality", 0.1, 900.0, 1000.0)]
    money = Money(0.1, found, 0.1, drivers, ValueOfInformation(10.0, 5.0), 1.0, 0.95)
    inputs = VerdictInputs(Reasons(), row, 0.8, None, None, money)

    turned, steady = decide(inputs), decide(replace(inputs, money=replace(money, drivers=drivers[1:])))
    assert (turned.verdict, steady.verdict) == ("pilot", "invest")
    assert "It depends on requests_per_year: at its 10th percentile the expected net present value is -5 USD" in str(
        turned.reasons[0]
    )
    assert "Another hour of measuring is worth 5 USD and costs 1 USD: measure first." in str(turned.reasons)
    assert turned.probability_wrong == pytest.approx(0.05)


@pytest.mark.parametrize("limit", [0.0001, 0.5])
def test_the_investor_says_which_loss_is_accepted(bench: Any, pricing: Pricing, wide: UseCase, limit: float) -> None:
    """The same distribution is a pilot for the careful; `flip` says what would make it an investment."""
    case = uncertain(wide, requests_per_year=("lognormal", 3e5, 1e6), value_per_request_usd=("pert", 0.05, 0.08, 0.2))
    row = row_of(bench.case(scores=GOOD), pricing, case, loss_limit=limit)

    assert row["verdict"] == ("invest" if limit == 0.5 else "pilot")
    assert row["flip"].startswith("It becomes a pilot if" if limit == 0.5 else "It becomes an investment if")
    assert row["probability_wrong"] == pytest.approx(1 - row["probability_positive"], abs=0.02)


def test_what_flips_a_verdict_is_written_out() -> None:
    """A number of requests that nobody has to decode."""
    from harness_reports.business.verdict import flip_reason
    from harness_reports.business.worth import FlipPoints

    assert str(flip_reason("pilot", FlipPoints(0.25, 2_154_936_112.0, None))) == (
        "It becomes an investment if the value of a request is 0.25 USD, or demand is 2,155,000,000 requests a year."
    )
    assert flip_reason("invest", FlipPoints(None, None, None)) is None
