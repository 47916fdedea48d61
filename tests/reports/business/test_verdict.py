"""What a verdict says where something was not measured: of the latency, and of the cheap baseline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness import UseCase
from harness_reports.business.viability import Candidates, judge_all
from harness_reports.prices.pricing import Pricing

MakeUseCase = Callable[..., UseCase]
GOOD = (1,) * 92 + (0,) * 8
CHEAP = {"model": "tfidf", "start": "scratch", "runtime": "eager"}
FAST = (0.002,) * 700


def judged(records: list[Any], pricing: Pricing, case: UseCase) -> Candidates:
    """Return the candidates of one use case."""
    (candidates,) = judge_all(records, pricing, [case])
    return candidates


def codes(candidates: Candidates, model: str = "bert") -> list[str]:
    """Return the codes of a model's reasons."""
    (row,) = (each.decided for each in candidates.judged if each.decided["model"] == model)
    return [reason.code for reason in row["reasons"]]


def test_a_baseline_that_was_not_measured_is_a_reason(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """It says what to run; without it the verdict looked as if the candidate had been compared."""
    alone = judged(bench.case(scores=GOOD), pricing, make_use_case())
    missing = alone.best.decided["reasons"][-1]

    assert alone.best.decided["verdict"] == "invest"
    assert missing.code == "baseline not measured"
    assert "--model tfidf --task text-classification" in str(missing)
    assert "--model tfidf --task text-classification" in missing.sentence("zh")


def test_a_baseline_that_was_measured_is_no_reason(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """Where the candidate is better, and for the baseline itself."""
    both = [*bench.case(scores=GOOD), *bench.case(scores=(1, 0) * 50, latency_s=FAST, **CHEAP)]
    candidates = judged(both, pricing, make_use_case(needs={"quality": 0.4}))

    assert candidates.best.decided["against_baseline"] == "better"
    assert not any(code.startswith("baseline") for model in ("bert", "tfidf") for code in codes(candidates, model))


def test_a_baseline_as_good_without_a_value_is_a_reason(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """It was graded and not served in the scenario that the use case needs: nobody knows what it would earn."""
    unserved = bench.case(scores=GOOD, latency_s=None, **CHEAP)
    candidates = judged([*bench.case(scores=GOOD), *unserved], pricing, make_use_case())

    assert candidates.best.decided["model"] == "bert"
    assert codes(candidates)[-1] == "baseline without value"


def test_a_better_candidate_need_not_know_what_the_baseline_earns(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """It wins by its quality."""
    unserved = bench.case(scores=(1, 0) * 50, latency_s=None, **CHEAP)
    assert "baseline without value" not in codes(
        judged([*bench.case(scores=GOOD), *unserved], pricing, make_use_case())
    )


FEW = (0.03,) * 50
"""Latencies of too few queries for a test of the 99th percentile."""


@pytest.mark.parametrize(
    ("right", "items", "verdict", "code"),
    [
        (30, 100, "do not invest", "quality missed"),
        (92, 100, "not enough evidence", "few queries"),  # the latency decides
        (85, 100, "not enough evidence", "few queries"),  # the quality is in doubt: it may be enough
        (3, 10, "not enough evidence", "few items"),  # nobody knows the quality either
    ],
)
def test_a_missed_quality_needs_no_test_of_the_latency(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase, right: int, items: int, verdict: str, code: str
) -> None:
    """More queries would be paid for a candidate that no latency can save."""
    scores = (1,) * right + (0,) * (items - right)
    records = bench.case(scores=scores, latency_s=FEW)
    candidate = judged(records, pricing, make_use_case(needs={"quality": 0.85, "latency_s": 0.1})).best

    assert candidate.decided["verdict"] == verdict
    assert candidate.decided["reasons"][0].code == code
    assert candidate.decided["needs_met"] == ("no" if verdict == "do not invest" else None)
