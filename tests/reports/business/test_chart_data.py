"""The data of a use case's charts agree with the viability table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness_reports.business import chart_data
from harness_reports.business.evidence import gather
from harness_reports.business.market import read_market
from harness_reports.business.own_machines import OwnMachines
from harness_reports.business.viability import Candidates, judge
from harness_reports.economics.build_or_buy import build_or_buy
from harness_reports.economics.simulation import tornado
from harness_reports.prices.pricing import Pricing


@pytest.fixture(scope="module")
def filing(suite: list[Any], pricing: Pricing, use_cases: dict[str, Any]) -> Candidates:
    """Return the judged candidates of a use case."""
    measured = [each for each in gather(suite, pricing) if each.key.task == "text-classification"]
    return judge(read_market(use_cases["filing"], {}), measured)


def test_the_fan_ends_at_the_tables_percentiles(filing: Candidates) -> None:
    """It begins at the upfront cost and ends at the distribution of the net present value."""
    frame, row = chart_data.fan(filing, filing.best), filing.best.row
    last = frame.iloc[-1]

    assert list(frame["year"]) == [0, 1, 2, 3]
    assert (last["p05_usd"], last["p95_usd"]) == pytest.approx((row["npv_low_usd"], row["npv_high_usd"]))
    assert last["mean_usd"] == pytest.approx(row["npv_mean_usd"])
    assert frame["mean_usd"][0] == pytest.approx(-row["upfront_usd"])
    assert (frame["p05_usd"] <= frame["p50_usd"]).all()
    assert (frame["p50_usd"] <= frame["p95_usd"]).all()


def test_a_candidate_without_a_price_has_no_fan(bench: Any, pricing: Pricing, use_cases: dict[str, Any]) -> None:
    """The frame is empty."""
    unserved = [record for record in bench.case() if record.step != "serve"]
    candidates = judge(read_market(use_cases["filing"], {}), gather(unserved, pricing))

    assert chart_data.fan(candidates, candidates.best).empty


def test_swings_are_the_tornados(filing: Candidates) -> None:
    """The same bars; the value at all medians lies between their ends."""
    business = filing.best.business
    assert business is not None
    frame = chart_data.swings(business)
    bars = tornado(business)

    assert list(frame["input"]) == list(bars)
    assert list(frame["npv_at_p90_usd"]) == [bar.high_usd for bar in bars.values()]
    assert set(frame["kind"]) <= {"measured", "assumed"}
    low, high = (frame[[f"npv_at_{end}_usd" for end in ("p10", "p90")]].agg(how, axis=1) for how in ("min", "max"))
    assert ((low <= frame["npv_at_medians_usd"]) & (frame["npv_at_medians_usd"] <= high)).all()


def test_the_volume_line_crosses_zero_at_the_break_even(filing: Candidates) -> None:
    """It goes through the base case, and through 0 at the table's break-even."""
    row, business = filing.best.row, filing.best.business
    assert business is not None
    volumes = [0.0, row["break_even_requests"], row["requests_per_year"]]
    frame = chart_data.npv_by_volume(filing.market, business, volumes)

    assert frame["npv_usd"][1] == pytest.approx(0, abs=0.01)
    assert frame["npv_usd"][2] == pytest.approx(row["npv_usd"])
    assert frame["npv_usd"][0] < 0


@pytest.mark.parametrize("usd_per_call", [0.001, 0.0004])
@pytest.mark.parametrize("few", [(1e6,), (0.6e6, 1.8e6, 3e6)])
def test_steps_cross_where_build_or_buy_says(usd_per_call: float, few: tuple[float, ...]) -> None:
    """Own machines cost no more at the first break-even, and never more again above the second."""
    machines = OwnMachines(np.array([300.0]), np.array(few)[:, None], np.array([500.0]), np.zeros(1))
    sides = chart_data.Sides(machines, machines, usd_per_call, np.array([usd_per_call]))
    first, _, always = build_or_buy(300.0, few[-1] / len(few), 500.0, usd_per_call * 1e6, few)
    assert first is not None
    assert always is not None
    frame = chart_data.own_against_calls(sides, [first * 0.999, first])
    above = chart_data.own_against_calls(sides, np.linspace(always * 1.0001, always * 5, 999))

    assert list(frame["own_usd"] <= frame["api_usd"] * (1 + 1e-12)) == [False, True]
    assert (above["own_usd"] <= above["api_usd"]).all()
    assert list(above["own_low_usd"]) == list(above["own_usd"]) == list(above["own_high_usd"])


def test_bands_hold_nine_tenths_of_the_draws() -> None:
    """Of machines of two speeds, and of calls of two prices."""
    certain = OwnMachines(np.array([100.0]), np.array([[10.0]]), np.zeros(1), np.zeros(1))
    speeds = np.repeat([10.0, 5.0], [90, 10])[None]
    drawn = certain._replace(requests_per_month=speeds)
    sides = chart_data.Sides(certain, drawn, 2.0, np.repeat([2.0, 3.0], [50, 50]))
    (row,) = chart_data.own_against_calls(sides, [8.0]).to_dict("records")

    assert (row["own_usd"], row["own_low_usd"], row["own_high_usd"]) == (100, 100, 200)  # a slow tenth needs two
    assert (row["api_usd"], row["api_low_usd"], row["api_high_usd"]) == (16, 16, 24)
