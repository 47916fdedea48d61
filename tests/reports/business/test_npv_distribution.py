"""Probabilities: properties, and closed forms."""

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
from harness_reports.business.npv_distribution import (
    Driver,
    NpvDistribution,
    draw_market,
    npv_distribution,
)
from harness_reports.business.verdict import Money, VerdictInputs, decide
from harness_reports.business.viability import viability
from harness_reports.economics.simulation import importance, outcome
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import Reasons

GOOD = (1,) * 92 + (0,) * 8
MakeUseCase = Callable[..., UseCase]


def uncertain(case: UseCase, **spreads: tuple[Any, ...]) -> UseCase:
    """Return a use case with distributions for some figures."""
    made = dict(case.market)
    for name, (shape, *numbers) in spreads.items():
        spread = Spread(shape, tuple(numbers))
        made[name] = Figure(spread.mean, "unit", date(2026, 11, 1), "somebody's guess", spread=spread)
    return replace(case, market=made)


@pytest.fixture
def wide(make_use_case: MakeUseCase) -> UseCase:
    """Return a use case whose net present value may be positive or negative."""
    return uncertain(
        make_use_case(), requests_per_year=("lognormal", 1e5, 1e6), value_per_request_usd=("pert", 0.02, 0.08, 0.2)
    )


def npv_of(
    records: list[Any], pricing: Pricing, case: UseCase, draws: int = 20_000, **overrides: float
) -> NpvDistribution:
    """Return the net present value of the only candidate."""
    (evidence,) = gather(records, pricing)
    market = read_market(case, overrides)
    business = evidence.business(market)
    assert business is not None
    return npv_distribution(business, draw_market(market, draws), evidence.accuracy)


def row_of(records: list[Any], pricing: Pricing, case: UseCase, **overrides: float) -> dict[str, Any]:
    """Return the only row of the table."""
    (row,) = viability(records, pricing, [case], overrides).to_dict("records")
    return dict(row)


@settings(max_examples=25, deadline=None)
@given(value=st.floats(0.001, 0.5), upfront=st.floats(0, 5e5))
def test_probabilities_and_percentiles_agree(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase, value: float, upfront: float
) -> None:
    """A positive 5th percentile means P(NPV > 0) >= .95; a negative 95th one means <= .05."""
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
    assert row["evpi_usd"] >= 0


def test_without_uncertainty_the_distribution_is_the_base_case(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """Without a cost per error quality is irrelevant: all percentiles are equal, and information has no value."""
    row = row_of(bench.case(scores=GOOD), pricing, make_use_case(cost_per_error_usd=None, needs={}))

    assert row["npv_low_usd"] == row["npv_high_usd"] == pytest.approx(row["npv_usd"])
    assert (row["probability_positive"], row["evpi_usd"], row["probability_wrong"]) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize("share", [0.5, 0.8, 0.92])
def test_fewer_evaluated_items_widen_the_interval(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase, share: float
) -> None:
    """By about the square root of 10 at a tenth of the items."""
    widths = []
    for items in (1000, 100):
        right = round(share * items)
        row = row_of(bench.case(scores=(1,) * right + (0,) * (items - right)), pricing, make_use_case())
        widths.append(row["npv_high_usd"] - row["npv_low_usd"])

    assert 2.2 < widths[1] / widths[0] < 4.5


@settings(max_examples=20, deadline=None)
@given(times=st.decimals("0.1", "50", places=2))
def test_repricing_is_exact(bench: Any, pricing: Pricing, make_use_case: MakeUseCase, times: Decimal) -> None:
    """Costs of machines are multiplied, all others stay."""
    records, case = bench.case(scores=GOOD), make_use_case()
    before = row_of(records, pricing, case)
    after = row_of(records, replace(pricing, multiplier=times), case)
    annuity = sum(1.1**-year for year in (1, 2, 3))
    machines = 1e6 * before["unit_serving_usd"] * annuity + (before["upfront_usd"] - 20_000)

    assert after["unit_serving_usd"] == pytest.approx(before["unit_serving_usd"] * float(times), rel=1e-12)
    assert before["npv_usd"] - after["npv_usd"] == pytest.approx(machines * (float(times) - 1), rel=1e-6, abs=1e-6)
    assert after["unit_error_usd"] == before["unit_error_usd"]


def test_drivers_are_sobols_first_order_indices(bench: Any, pricing: Pricing, wide: UseCase) -> None:
    """The estimates from the draws agree with SALib; percentiles lie on either side of the mean."""
    npv = npv_of(bench.case(scores=GOOD), pricing, wide, draws=50_000)
    exact = importance(npv.business, 2048).first_order
    drivers = {driver.name: driver for driver in npv.drivers()}

    assert set(drivers) == set(exact)
    for name, driver in drivers.items():
        assert driver.share == pytest.approx(exact[name], abs=0.06)
    assert drivers["value_per_request_usd"].low_usd < npv.outcome.mean_usd < drivers["value_per_request_usd"].high_usd
    assert list(drivers)[-1] == "quality"


def test_candidates_share_the_draws_of_the_market(bench: Any, pricing: Pricing, wide: UseCase) -> None:
    """Two candidates of equal quality and cost have equal distributions."""
    records = [*bench.case(scores=GOOD), *bench.case(scores=GOOD, settings={"lr": 0.01})]
    frame = viability(records, pricing, [wide])

    assert len(frame) == 2
    assert frame["npv_low_usd"].nunique() == 1
    assert frame["probability_positive"].nunique() == 1


def test_a_driver_with_a_loss_at_its_percentile_makes_a_pilot() -> None:
    """A loss is unlikely otherwise; the reason names the driver."""
    row = {"low": 0.9, "high": 0.95, "value": 0.92, "metric": "accuracy", "higher_is_better": True, "seeds": 3}
    gains = outcome(np.concatenate([np.full(95, 1000.0), np.full(5, -10.0)]))
    drivers = [Driver("requests_per_year", 0.8, -5.0, 2000.0), Driver("quality", 0.1, 900.0, 1000.0)]
    money = Money(0.1, gains, 0.1, drivers, 0.95)
    inputs = VerdictInputs(Reasons(), row, 0.8, None, None, money)

    pilot, invest = decide(inputs), decide(replace(inputs, money=replace(money, drivers=drivers[1:])))
    assert (pilot.verdict, invest.verdict) == ("pilot", "invest")
    assert "It depends on Demand: at its 10th percentile the expected net present value is -5 USD" in str(
        pilot.reasons[0]
    )
    assert pilot.probability_wrong == pytest.approx(0.05)


@pytest.mark.parametrize("limit", [0.0001, 0.5])
def test_the_loss_limit_decides(bench: Any, pricing: Pricing, wide: UseCase, limit: float) -> None:
    """The same distribution is a pilot at a low limit; `flip` says what would make it an investment."""
    case = uncertain(wide, requests_per_year=("lognormal", 3e5, 1e6), value_per_request_usd=("pert", 0.05, 0.08, 0.2))
    row = row_of(bench.case(scores=GOOD), pricing, case, loss_limit=limit)

    assert row["verdict"] == ("invest" if limit == 0.5 else "pilot")
    assert row["flip"].startswith("It is no longer an investment if" if limit == 0.5 else "It becomes an investment if")
    assert row["probability_wrong"] == pytest.approx(1 - row["probability_positive"], abs=0.02)
