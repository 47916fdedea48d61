"""What the viability table costs, and a million draws of a whole business. Asserts no timing."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import UseCase
from harness.plugin_files import import_file
from harness.plugins import load_plugins
from harness_reports.business.evidence import gather
from harness_reports.business.market import read_market
from harness_reports.business.viability import viability
from harness_reports.economics.textbook.simulation import simulate
from harness_reports.measured import intervals
from harness_reports.prices.pricing import Pricing, choose

pytestmark = pytest.mark.benchmark
CASES, CANDIDATES, ITEMS, ROUNDS = 10, 50, 1000, 5


@pytest.fixture(scope="module")
def built() -> tuple[list[Any], Pricing, list[UseCase]]:
    """Return ten use cases as they ship, with fifty candidates each, graded on a thousand items and served twice."""
    helper = import_file(Path(__file__).parents[1] / "reports" / "conftest.py")
    bench, random = helper.Bench(), np.random.default_rng(0)
    cases = sorted(load_plugins().use_cases().values(), key=lambda case: -len(case.market))[:CASES]
    records = []
    for case in cases:
        for number in range(CANDIDATES):
            scores = (random.random(ITEMS) < 0.7 + 0.005 * number).tolist()
            records += bench.case(
                scores=scores,
                task=case.tasks[0],
                data=(case.data or ("packaged",))[0],
                settings={"lr": number},
                rate=100.0 + number,
            )
    prices = helper.PriceBook("bench", "for tests", (helper.price(),))
    return records, choose(prices), cases


def test_ten_use_cases_of_fifty_candidates(built: tuple[list[Any], Pricing, list[UseCase]]) -> None:
    """All of the table: evidence, 10,000 draws of every row, verdicts; nothing is remembered from the round before."""
    took = []
    for _ in range(ROUNDS):
        intervals._resampled.cache_clear()
        intervals._resampled_difference.cache_clear()
        began = time.perf_counter()
        frame = viability(*built)
        took.append(time.perf_counter() - began)

        assert len(frame) == CASES * CANDIDATES
    print(f"\n{CASES} use cases x {CANDIDATES} candidates: {statistics.median(took):.2f} s", end="")  # noqa: T201


def test_a_million_draws_of_a_business(built: tuple[list[Any], Pricing, list[UseCase]]) -> None:
    """Ten years with adoption, decline, errors and staff; the market's figures and the measured ones are drawn."""
    records, pricing, cases = built
    one = gather([record for record in records if record.spec["task"] == cases[0].tasks[0]][:7], pricing)[0]
    business = one.business(read_market(cases[0], {"years": 10}))
    assert business is not None
    took = []
    for seed in range(ROUNDS):
        began = time.perf_counter()
        outcome = simulate(replace(business), 1_000_000, seed)
        took.append(time.perf_counter() - began)

        assert outcome.draws == 1_000_000
    print(f"\n1,000,000 draws x {business.years} years: {statistics.median(took):.2f} s", end="")  # noqa: T201
