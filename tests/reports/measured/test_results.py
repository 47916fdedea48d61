"""Records grouped by candidate."""

from __future__ import annotations

from typing import Any

import pytest

from harness_reports.business.viability import viability
from harness_reports.explain.tables import Assumed, rows
from harness_reports.measured import results as module
from harness_reports.measured.results import Results
from harness_reports.measured.tables import accuracy, throughput
from harness_reports.prices.cost import cost
from harness_reports.prices.frontier import frontier
from harness_reports.prices.pricing import Pricing


def test_results_are_the_records(suite: list[Any]) -> None:
    """A sequence in the same order."""
    results = Results(iter(suite))

    assert list(results) == suite
    assert (results[0], results[-2:], len(results)) == (suite[0], tuple(suite[-2:]), len(suite))
    assert Results.of(results) is results
    assert list(Results.of(suite)) == suite


def test_a_candidate_has_its_evaluations_and_servings(bench: Any) -> None:
    """Replicates by seed; servings by scenario and batch size."""
    records = [*bench.case(seed=0), *bench.case(seed=1)]
    (candidate,) = Results(records).candidates.values()

    assert len(candidate.evaluations) == 2
    assert {(each.scenario, len(each.leaves)) for each in candidate.servings} == {("Offline", 2), ("SingleStream", 2)}
    assert candidate.columns["model"] == candidate.key.model == "bert"
    assert candidate.machine is candidate.evaluations[0].leaf
    assert candidate.quality is not None
    assert candidate.quality is candidate.quality


def test_a_candidate_may_have_servings_alone(bench: Any) -> None:
    """Without quality, on the machine of its serving."""
    served = [record for record in bench.case() if record.step != "evaluate"]
    results = Results(served)
    (candidate,) = results.candidates.values()

    assert (candidate.quality, candidate.quality_in("accuracy"), list(results.evaluated)) == (None, None, [])
    assert candidate.machine.step == "serve"


def test_only_single_queries_have_latencies(bench: Any) -> None:
    """Durations of Offline batches are no latencies."""
    (candidate,) = Results(bench.case()).candidates.values()
    servings = {each.scenario: each for each in candidate.servings}

    assert servings["Offline"].latencies_s() == []
    assert len(servings["SingleStream"].latencies_s()) == len(servings["SingleStream"].leaves[0].series["latency_s"])
    assert servings["SingleStream"].latencies_s("first_token_s") == []


def test_all_tables_group_the_records_once(
    suite: list[Any], pricing: Pricing, use_cases: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for evaluations and once for servings, for all tables and prices."""
    grouped = []
    real = module.chains
    monkeypatch.setattr(module, "chains", lambda records, step: grouped.append(step) or real(records, step))
    results = Results(suite)

    accuracy(results, "all")
    throughput(results)
    cost(results, pricing)
    frontier(results, pricing)
    viability(results, pricing, use_cases)
    rows("viability", results, pricing, Assumed(use_cases))

    assert sorted(grouped) == ["evaluate", "serve"]
