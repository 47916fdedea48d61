"""Figures that a reader sets for every use case: taken where they count, refused where they count nowhere."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest

from harness import FactError, UseCase
from harness.plugins import load_plugins
from harness_reports.business.figure_rules import MARKET, NEEDS, TOGETHER
from harness_reports.business.market import applicable, check_overrides, read_market
from harness_reports.business.viability import viability
from harness_reports.prices.pricing import Pricing

CASES = load_plugins().use_cases()
TOP_DOWN = [case for case in CASES.values() if "requests_per_year" in case.market]
BOTTOM_UP_CASES = [case for case in CASES.values() if "buyers" in case.market]


def without(case: UseCase, names: tuple[str, ...]) -> UseCase:
    """Return a use case without some figures of its market."""
    return replace(case, market={name: figure for name, figure in case.market.items() if name not in names})


def test_both_kinds_of_demand_are_here() -> None:
    """Or the tests below show nothing."""
    assert TOP_DOWN
    assert BOTTOM_UP_CASES


@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.name)
@pytest.mark.parametrize("name", sorted({**NEEDS, **MARKET}))
def test_any_figure_may_be_set_for_all_use_cases(case: UseCase, name: str) -> None:
    """A use case that has no such figure is read as it was, or takes it; it never ends the table."""
    before = read_market(case, {}).numbers
    value = before.get(name, 1.0)
    after = read_market(case, {name: value}).numbers

    assert after in (before, {**before, name: value})
    assert name not in case.market or after[name] == value


def test_buyers_change_only_the_demand_that_is_made_of_them() -> None:
    """A use case that states its requests has no buyers, and its provenance does not say that it has."""
    top, bottom = TOP_DOWN[0], BOTTOM_UP_CASES[0]
    changed = read_market(bottom, {"buyers": 5.0})

    assert read_market(top, {"buyers": 5.0}) == read_market(top, {})
    assert changed.requests_per_year == pytest.approx(
        read_market(bottom, {}).requests_per_year * 5 / bottom.market["buyers"].value
    )
    assert "buyers 5" in changed.provenance


def test_a_whole_group_makes_a_figure_count() -> None:
    """Staff without its cost counts nowhere; with it, everywhere."""
    case = without(TOP_DOWN[0], ("staff", "staff_usd_per_year"))

    assert applicable(case, {"staff": 2.0}) == {}
    assert applicable(case, {"staff": 2.0, "staff_usd_per_year": 1e5}) == {"staff": 2.0, "staff_usd_per_year": 1e5}


@pytest.mark.parametrize(("group", "count"), [(group, count) for group in TOGETHER for count in range(1, len(group))])
def test_a_figure_that_counts_nowhere_is_refused(group: tuple[str, ...], count: int) -> None:
    """The sentence names what it needs beside it."""
    cases = [without(case, group) for case in TOP_DOWN]
    for part in combinations(group, count):
        with pytest.raises(FactError, match=f"has the figure '{part[0]}', which counts only together with"):
            check_overrides(cases, dict.fromkeys(part, 1.0))


def test_an_unknown_figure_is_refused() -> None:
    """With the nearest name, also where there is no use case."""
    for cases in (CASES.values(), []):
        with pytest.raises(FactError, match="Did you mean 'buyers'"):
            check_overrides(cases, {"buyer": 1.0})


def test_the_table_goes_on_where_one_use_case_has_no_such_figure(bench: Any, pricing: Pricing) -> None:
    """Of two use cases, only the one with buyers changes."""
    records = bench.suite()
    task = records[0].spec["task"]
    pair = [
        UseCase(**{**vars(case), "name": name, "tasks": (task,), "data": ()})
        for name, case in (("stated", TOP_DOWN[0]), ("counted", BOTTOM_UP_CASES[0]))
    ]
    before, after = (viability(records, pricing, pair, some) for some in ({}, {"buyers": 5.0}))
    assert len(before) == len(after) > 0
    assert before[before["use_case"] == "stated"].equals(after[after["use_case"] == "stated"])
    assert not before[before["use_case"] == "counted"].equals(after[after["use_case"] == "counted"])
