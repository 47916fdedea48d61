"""Needs against measurements agree with the gates of the verdict."""

from __future__ import annotations

from typing import Any

import pytest

from harness_reports.business.evidence import gather
from harness_reports.business.market import read_market
from harness_reports.business.needs import MET, needs
from harness_reports.business.viability import Candidates, judge
from harness_reports.prices.pricing import Pricing


def judged(bench: Any, pricing: Pricing, case: Any, **changes: Any) -> Candidates:
    """Return the judged candidates of a case, of which there is one."""
    return judge(read_market(case, {}), gather(bench.case(**changes), pricing))


def met(candidates: Candidates) -> dict[str, str]:
    """Return whether each need is met."""
    return {row["need"]: row["met"] for row in needs(candidates.market, candidates.best)}


@pytest.mark.parametrize(
    ("right", "needed", "expected", "verdict"),
    [(95, 0.5, "yes", "invest"), (60, 0.6, "maybe", "pilot"), (40, 0.9, "no", "do not invest")],
)
def test_quality_is_met_maybe_or_not(
    bench: Any, pricing: Pricing, make_use_case: Any, right: int, needed: float, expected: str, verdict: str
) -> None:
    """By both ends of its interval, as in the verdict."""
    case = make_use_case(needs={"quality": needed}, value_per_request_usd=5.0)
    candidates = judged(bench, pricing, case, scores=(1,) * right + (0,) * (100 - right), baseline="none")

    assert met(candidates)["quality"] == expected
    assert candidates.best.row["verdict"] == verdict


@pytest.mark.parametrize(("needed", "expected"), [(0.2, "yes"), (0.12, "maybe"), (0.01, "no")])
def test_a_metric_that_counts_errors_is_met_below(
    bench: Any, pricing: Pricing, make_use_case: Any, needed: float, expected: str
) -> None:
    """A tenth of the answers is wrong."""
    wrong = {"name": "error", "unit": "share", "column": "wrong", "higher_is_better": False, "ceiling": None}
    case = make_use_case(needs={"quality": needed}, cost_per_error_usd=None)
    scores = (1,) * 10 + (0,) * 90
    candidates = judged(bench, pricing, case, scores=scores, metric={**wrong, "random_baseline": None})

    assert met(candidates)["quality"] == expected


@pytest.mark.parametrize(
    ("limit_s", "latency_s", "expected"),
    [
        (0.5, (0.02,) * 700, "yes"),
        (0.01, (0.02,) * 700, "no"),
        (0.5, (0.02,) * 50, "unknown"),
        (0.5, None, "not measured"),
    ],
)
def test_a_latency_objective_is_met_missed_or_unknown(
    bench: Any, pricing: Pricing, make_use_case: Any, limit_s: float, latency_s: Any, expected: str
) -> None:
    """Few or no measurements never meet it."""
    case = make_use_case(needs={"latency_s": limit_s})

    assert met(judged(bench, pricing, case, latency_s=latency_s))["latency_s"] == expected


def test_privacy_and_explainability(bench: Any, pricing: Pricing, make_use_case: Any) -> None:
    """Privacy is met on owned or rented machines; explainability is not measured."""
    both = make_use_case(needs={"privacy": 2.0, "explainability": 1.0})
    none = make_use_case(needs={"explainability": 0.0})

    assert met(judged(bench, pricing, both)) == {"privacy": "yes", "explainability": "not measured"}
    assert met(judged(bench, pricing, none)) == {"explainability": "yes"}


def test_values_are_the_measured_ones(bench: Any, pricing: Pricing, make_use_case: Any) -> None:
    """They are those of the viability table."""
    candidates = judged(bench, pricing, make_use_case())
    table = {row["need"]: row for row in needs(candidates.market, candidates.best)}
    row = candidates.best.row

    assert (table["quality"]["measured"], table["quality"]["low"]) == (row["quality"], row["quality_low"])
    assert table["latency_s"]["measured"] == row["latency_p99_s"]
    assert {each["met"] for each in table.values()} <= set(MET)


def test_of_two_not_worth_investing_in_the_one_that_meets_the_needs_is_best(
    bench: Any, pricing: Pricing, make_use_case: Any
) -> None:
    """A higher net present value does not make up for a missed need."""
    poor = bench.case(scores=(1,) * 60 + (0,) * 40, model="poor")
    good = bench.case(scores=(1,) * 95 + (0,) * 5, model="good", finetune_s=99_999.0)
    case = make_use_case(needs={"quality": 0.8}, value_per_request_usd=1e-9, cost_per_error_usd=None)
    candidates = judge(read_market(case, {}), gather([*poor, *good], pricing))
    by_model = {row["model"]: row for row in candidates.rows}

    assert {row["verdict"] for row in candidates.rows} == {"do not invest"}
    assert by_model["poor"]["npv_mean_usd"] > by_model["good"]["npv_mean_usd"]
    assert (by_model["poor"]["needs_met"], by_model["good"]["needs_met"]) == ("no", "yes")
    assert candidates.best.row["model"] == "good"
