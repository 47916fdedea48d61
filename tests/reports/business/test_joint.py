"""The value of several use cases in one draw of the market that they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from harness_reports.business.business import Business
from harness_reports.business.joint import SHARED, joint_draw, joint_npv_usd
from harness_reports.business.supply import Calls
from harness_reports.economics.distributions import Distribution, Fixed, Lognormal, Normal, Pert
from harness_reports.economics.simulation import draw
from tests.reports.business.test_business import MARKET, MEASURED

DRAWS = 20_000


def business(**uncertain: Distribution) -> Business:
    """Return a business of which only some figures are uncertain."""
    fixed = {name: Fixed(value) for name, value in MARKET.items()}
    return Business({**fixed, **uncertain}, {name: Fixed(value) for name, value in MEASURED.items()}, 4, 1.0, Calls())


def npv(*uncertain: Mapping[str, Distribution]) -> np.ndarray:
    """Return the values of use cases, shape (use cases, draws)."""
    return np.array([joint_npv_usd(f"case {place}", business(**each), DRAWS) for place, each in enumerate(uncertain)])


def test_what_is_shared_is_at_the_same_percentile() -> None:
    """Whatever its distribution, and by whichever figure the demand is given; the rest is independent."""
    worth, prices = {"value_per_request_usd": Pert(0.1, 0.2, 0.5)}, {"staff_usd_per_year": Normal(1e5, 1e4)}
    one = joint_draw("a", {**worth, **prices, "requests_per_year": Lognormal.from_90_interval(1e3, 1e5)}, DRAWS)
    other = joint_draw("b", {**worth, **prices, "buyers": Pert(10, 20, 90)}, DRAWS)

    assert np.array_equal(one["staff_usd_per_year"], other["staff_usd_per_year"])
    assert stats.spearmanr(one["requests_per_year"], other["buyers"]).statistic == pytest.approx(1)
    assert abs(stats.spearmanr(one["value_per_request_usd"], other["value_per_request_usd"]).statistic) < 0.03
    assert abs(stats.spearmanr(one["staff_usd_per_year"], one["requests_per_year"]).statistic) < 0.03


def test_each_figure_keeps_its_distribution() -> None:
    """Only the common draw differs from that of a use case alone."""
    inputs = {"value_per_request_usd": Pert(0.1, 0.2, 0.5), "buyers": Lognormal.from_90_interval(100, 9_000),
              "discount_rate": Fixed(0.1)}  # fmt: skip
    joint, alone = joint_draw("a", inputs, DRAWS), draw(inputs, DRAWS)

    for name in ("value_per_request_usd", "buyers"):
        assert stats.kstest(joint[name], alone[name]).pvalue > 0.001
    assert joint["discount_rate"] == alone["discount_rate"] == [0.1]


def test_shared_risk_adds_up_and_separate_risk_offsets() -> None:
    """The spread of the sum is that of two times one case, or of the root of two."""
    demand, value = {"buyers": Normal(10_000, 1_000)}, {"value_per_request_usd": Normal(0.1, 0.01)}
    shared, separate = npv(demand, demand), npv(value, value)

    assert shared.sum(axis=0).std() == pytest.approx(2 * shared[0].std(), rel=1e-6)
    assert separate.sum(axis=0).std() == pytest.approx(np.sqrt(2) * separate[0].std(), rel=0.03)
    assert separate.sum(axis=0).mean() == pytest.approx(2 * separate[0].mean(), rel=0.01)


def test_the_chance_of_a_loss_is_that_worked_out_by_hand() -> None:
    """The value is linear in a request's: of two cases with normal values the sum is normal."""
    break_even = business()
    slope = business(value_per_request_usd=Fixed(1.1)).npv_usd(_at(1.1)) - break_even.npv_usd(_at(0.1))
    mean = 0.1 - float(break_even.npv_usd(_at(0.1))[0] / slope[0]) + 0.01  # a cent above the break-even
    value = {"value_per_request_usd": Normal(mean, 0.02)}
    total = npv(value, value).sum(axis=0)

    assert (total < 0).mean() == pytest.approx(stats.norm.cdf(-0.01 * np.sqrt(2) / 0.02), abs=0.01)


def _at(value: float) -> dict[str, np.ndarray]:
    made = business()
    return {**made.means, "value_per_request_usd": np.full(1, value)}


def test_every_shared_figure_is_one_of_a_market() -> None:
    """A misspelt one would be drawn for each use case alone."""
    from harness_reports.business.figure_rules import MARKET as RULES

    assert set(SHARED) <= set(RULES)


def test_the_order_of_use_cases_does_not_matter() -> None:
    """A draw depends on the name of the use case alone."""
    made = replace(business(value_per_request_usd=Normal(0.1, 0.01)), years=2)

    assert np.array_equal(joint_npv_usd("a", made, 100), joint_npv_usd("a", made, 100))
    assert not np.array_equal(joint_npv_usd("a", made, 100), joint_npv_usd("b", made, 100))
