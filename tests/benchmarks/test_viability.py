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
from harness_reports.business.alternatives import alternatives_of
from harness_reports.business.evidence import gather
from harness_reports.business.market import read_market
from harness_reports.business.viability import CandidateVerdict, judge_all, viability
from harness_reports.economics import waiting
from harness_reports.economics.textbook.simulation import simulate
from harness_reports.measured import intervals
from harness_reports.measured.pairs import names_of
from harness_reports.measured.results import Results
from harness_reports.prices.compared import compared
from harness_reports.prices.pricing import Pricing, choose

pytestmark = pytest.mark.benchmark
CASES, CANDIDATES, ITEMS, ROUNDS = 10, 50, 1000, 5


@pytest.fixture(scope="module")
def built() -> tuple[list[Any], Pricing, list[UseCase]]:
    """Return ten use cases as they ship, with fifty candidates each, graded on a thousand items and served twice.

    Their answers to the test and the validation split have confidences, so that each may be the first of a cascade.
    """
    helper = import_file(Path(__file__).parents[1] / "reports" / "conftest.py")
    bench, random = helper.Bench(), np.random.default_rng(0)
    cases = sorted(load_plugins().use_cases().values(), key=lambda case: -len(case.market))[:CASES]
    records = []
    for case in cases:
        for number in range(CANDIDATES):
            scores = (random.random(ITEMS) < 0.7 + 0.005 * number).tolist()
            made = bench.case(
                scores=scores,
                task=case.tasks[0],
                data=(case.data or ("packaged",))[0],
                settings={"lr": number},
                rate=100.0 + number,
                validation=True,
            )
            sure = {"output": ["a"] * ITEMS, "confidence": random.random(ITEMS).tolist()}
            answers = {"test": sure, "validation": {**sure, "correct": [float(score) for score in scores]}}
            records += [replace(each, answers=answers) if each.step == "evaluate" else each for each in made]
    prices = helper.PriceBook("bench", "for tests", (helper.price(),))
    return records, choose(prices), cases


def _forget() -> None:
    """Forget what was resampled and simulated, as a new process would have to do it."""
    for kept in (intervals._resampled, intervals._resampled_difference, waiting._simulated, waiting._load_within):
        kept.cache_clear()


def test_ten_use_cases_of_fifty_candidates(built: tuple[list[Any], Pricing, list[UseCase]]) -> None:
    """All of the table: evidence, 10,000 draws of every row, verdicts; nothing is remembered from the round before."""
    took = []
    for _ in range(ROUNDS):
        _forget()
        began = time.perf_counter()
        frame = viability(*built)
        took.append(time.perf_counter() - began)

        assert len(frame) == CASES * CANDIDATES
    print(f"\n{CASES} use cases x {CANDIDATES} candidates: {statistics.median(took):.2f} s", end="")  # noqa: T201


def test_ten_use_cases_with_comparisons_cascades_and_alternatives(
    built: tuple[list[Any], Pricing, list[UseCase]],
) -> None:
    """All that the decision takes: verdicts, the best cascade, hosted models, and each candidate against the best."""
    records, pricing, cases = built
    took: dict[str, list[float]] = {"verdicts": [], "alternatives": [], "comparisons": []}
    for _ in range(ROUNDS):
        _forget()
        began = time.perf_counter()
        judged = list(judge_all(records, pricing, cases))
        best = [candidates.best for candidates in judged]
        took["verdicts"].append(time.perf_counter() - began)
        rows = [row for candidates in judged for row in alternatives_of(candidates)]
        took["alternatives"].append(time.perf_counter() - began)
        results = Results.of(records)
        frames = [compared(results, _names(results, one), pricing, task=one.evidence.key.task) for one in best]
        took["comparisons"].append(time.perf_counter() - began)

        assert any(row.row["alternative"] == "cascade" for row in rows)
        assert all(len(frame) >= CANDIDATES - 1 for frame in frames)
    shown = ", ".join(f"{name} after {statistics.median(seconds):.2f} s" for name, seconds in took.items())
    print(f"\n{CASES} use cases x {CANDIDATES} candidates: {shown}", end="")  # noqa: T201


def _names(results: Results, best: CandidateVerdict) -> list[str]:
    """Return the exact name of a candidate, and those of all others of its task."""
    others = [names_of(each)[-1] for each in results.evaluated if each.key.task == best.evidence.key.task]
    reference = names_of(best.evidence.measured)[-1]
    return [reference, *(name for name in others if name != reference)]


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
