"""The sensitivity table: measured and assumed inputs, the widest swing first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from harness import Figure, UseCase
from harness.facts import Spread
from harness_reports.business.sensitivity import SENSITIVITY, sensitivity
from harness_reports.prices.pricing import Pricing

GOOD = (1,) * 92 + (0,) * 8


@pytest.fixture
def wide(make_use_case: Callable[..., UseCase]) -> UseCase:
    """Return a use case with uncertain demand."""
    case = make_use_case()
    spread = Spread("triangular", (5e5, 1e6, 2e6))
    figure = Figure(spread.mean, "requests per year", date(2026, 11, 1), "a guess", spread=spread)
    return replace(case, market={**case.market, "requests_per_year": figure})


def test_rows_are_uncertain_inputs(bench: Any, pricing: Pricing, wide: UseCase) -> None:
    """Demand is assumed, quality measured; certain inputs have no row."""
    frame = sensitivity(bench.case(scores=GOOD), pricing, [wide])

    assert list(frame.columns) == list(SENSITIVITY)
    assert frame[["input", "kind"]].to_numpy().tolist() == [["requests_per_year", "assumed"], ["quality", "measured"]]
    assert (frame["swing_usd"].diff().dropna() <= 0).all()
    assert frame["sobol_total"].sum() == pytest.approx(1, abs=0.05)
    assert frame["npv_at_p10_usd"].iloc[0] < frame["npv_at_p90_usd"].iloc[0]


def test_bar_worked_out_by_hand(bench: Any, pricing: Pricing, wide: UseCase) -> None:
    """The swing is the margin at median quality times the demand between its percentiles, discounted; one machine."""
    frame = sensitivity(bench.case(scores=GOOD), pricing, [wide])
    demand, quality = frame.iloc[0], frame.iloc[1]
    margin = 0.10 - (1 - quality["input_p50"]) * 0.20
    annuity = sum(1.1**-year for year in (1, 2, 3))

    assert demand["swing_usd"] == pytest.approx(
        (demand["input_p90"] - demand["input_p10"]) * margin * annuity, rel=1e-6
    )


def test_the_best_candidate_stands_for_its_use_case(suite: list[Any], pricing: Pricing, wide: UseCase) -> None:
    """Rows are of one candidate."""
    frame = sensitivity(suite, pricing, {"filing": wide})

    assert set(frame["model"]) == {"bert"}


def test_nothing_measured_is_an_empty_table(bench: Any, pricing: Pricing, wide: UseCase) -> None:
    """So is a candidate without a measured serving, and a business without uncertainty."""
    certain = replace(wide, market={name: replace(f, spread=None) for name, f in wide.market.items()}, needs={})

    assert len(sensitivity([], pricing, [wide])) == 0
    assert len(sensitivity(bench.case(scores=GOOD, latency_s=None), pricing, [wide])) == 0
    assert len(sensitivity(bench.case(scores=(0.5,) * 50), pricing, [certain])) == 0


def test_an_input_without_effect_has_no_share(bench: Any, pricing: Pricing, wide: UseCase) -> None:
    """Quality, as errors have no price and demand is certain."""
    market = {name: replace(f, spread=None) for name, f in wide.market.items() if name != "cost_per_error_usd"}
    frame = sensitivity(bench.case(scores=GOOD), pricing, [replace(wide, market=market)])

    assert frame[["input", "swing_usd", "sobol_total"]].to_numpy().tolist() == [["quality", 0.0, 0.0]]
