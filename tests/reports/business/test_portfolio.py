"""One budget, many use cases: the exact best bundle."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import FactError
from harness.facts import UseCase
from harness_reports.business.joint import RISK
from harness_reports.business.portfolio import PORTFOLIO, Aim, funding
from harness_reports.business.portfolio import portfolio as portfolio_of
from harness_reports.business.viability import viability
from harness_reports.measured.lineage import KEYS
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import as_text


def table(*entries: tuple[str, float, float, str]) -> pd.DataFrame:
    """Return the columns of a viability table that count, from use case, funding, expected value and verdict."""
    rows = [
        {
            **dict.fromkeys(KEYS), "use_case": case, "title": case, "model": f"m{place}", "funding_usd": funding,
            "npv_mean_usd": npv_usd, "npv_p50_usd": npv_usd / 2, "verdict": verdict, "probability_positive": 0.9,
        }
        for place, (case, funding, npv_usd, verdict) in enumerate(entries)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def portfolio(verdicts: pd.DataFrame, budget_usd: float, aim: Aim = "npv_mean_usd") -> pd.DataFrame:
    """Return what of a viability table is funded."""
    chosen = funding([{str(name): cell for name, cell in row.items()} for row in verdicts.to_dict("records")],
                     budget_usd, aim)  # fmt: skip
    return pd.DataFrame([as_text(each.row) for each in chosen])


def funded(frame: pd.DataFrame) -> list[str]:
    """Return the funded use cases with their models."""
    return [f"{row['use_case']} {row['model']}" for row in frame[frame["funded"]].to_dict("records")]


def test_best_bundle_is_not_the_greedy_one() -> None:
    """Two cases that use the budget up beat the one with the best ratio."""
    frame = portfolio(table(("a", 60, 70, "invest"), ("b", 50, 55, "invest"), ("c", 50, 55, "pilot")), 100)

    assert set(frame.columns) == set(PORTFOLIO) - set(RISK)
    assert funded(frame) == ["b m1", "c m2"]
    assert set(frame["spent_usd"]) == {100.0}
    assert set(frame["left_usd"]) == {0.0}
    assert set(frame["portfolio_npv_usd"]) == {110.0}
    assert frame["why"].tolist()[0] == "Other use cases earn more with the same money."


def test_one_candidate_of_a_use_case_is_enough() -> None:
    """A smaller candidate may leave room for another case; never two of one case."""
    rows = (("a", 90, 100, "invest"), ("a", 40, 80, "invest"), ("b", 60, 50, "invest"))

    assert funded(portfolio(table(*rows), 100)) == ["a m1", "b m2"]
    assert funded(portfolio(table(*rows), 95)) == ["a m0"]


def test_the_reason_of_a_refusal() -> None:
    """The verdict, the value, the budget."""
    frame = portfolio(
        table(
            ("a", 10, 5, "do not invest"), ("b", 10, -5, "pilot"), ("c", 500, 50, "invest"),
            ("d", math.nan, math.nan, "not enough evidence"),
        ), 100,
    )  # fmt: skip

    assert funded(frame) == []
    assert frame["why"].tolist() == [
        "The verdict is: do not invest.", "Its net present value is not positive.", "It needs more than the budget.",
        "The verdict is: not enough evidence.",
    ]  # fmt: skip
    assert set(frame["left_usd"]) == {100.0}


def test_the_aim_may_be_the_median() -> None:
    """Medians are summed."""
    frame = portfolio(table(("a", 10, 50, "invest")), 100, "npv_p50_usd")

    assert set(frame["portfolio_npv_usd"]) == {25.0}


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 50), st.integers(-5, 50)), min_size=1, max_size=9),
    st.integers(0, 120),
)
def test_no_bundle_is_better(entries: list[tuple[int, int, int]], budget: int) -> None:
    """Against all bundles."""
    frame = portfolio(table(*((f"c{c}", cost, npv_usd, "invest") for c, cost, npv_usd in entries)), budget)
    every = range(len(entries))
    best = 0
    for count in range(6):
        for chosen in itertools.combinations(every, count):
            cases = [entries[place][0] for place in chosen]
            if len(set(cases)) == count and sum(entries[place][1] for place in chosen) <= budget:
                best = max(best, sum(entries[place][2] for place in chosen))

    assert frame["portfolio_npv_usd"].iloc[0] == best
    assert frame["spent_usd"].iloc[0] <= budget
    assert frame["use_case"].is_unique


@pytest.mark.parametrize("budget", [-1.0, math.nan, math.inf])
def test_a_budget_is_a_number(budget: float) -> None:
    """A negative or infinite one is an error."""
    with pytest.raises(FactError, match="budget_usd is"):
        portfolio(table(("a", 1, 1, "invest")), budget)


def test_an_empty_table_gives_an_empty_table() -> None:
    """Without columns too."""
    assert len(portfolio(table(), 100)) == 0


def test_all_that_is_funded_has_one_risk(bench: Any, pricing: Pricing, make_use_case: Callable[..., UseCase]) -> None:
    """It is that of its one use case where there is one; none where nothing is funded."""
    records, cases = bench.suite(), [make_use_case()]
    (row,) = portfolio_of(records, pricing, cases, 1e6).to_dict("records")
    (nothing,) = portfolio_of(records, pricing, cases, 0.0).to_dict("records")
    verdicts = viability(records, pricing, cases)
    alone = verdicts[verdicts["npv_p50_usd"] == row["npv_p50_usd"]].iloc[0]

    assert row["funded"]
    assert row["portfolio_npv_p50_usd"] == pytest.approx(alone["npv_p50_usd"], rel=0.02)
    assert row["portfolio_npv_low_usd"] == pytest.approx(alone["npv_low_usd"], rel=0.05)
    assert row["portfolio_probability_of_loss"] == pytest.approx(1 - alone["probability_positive"], abs=0.02)
    assert [nothing[name] for name in RISK] == [None] * 4
