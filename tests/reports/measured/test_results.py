"""Records grouped by candidate, once."""

from __future__ import annotations

from typing import Any

import pytest

from harness import StoreError
from harness_reports.business.viability import viability
from harness_reports.explain.tables import Assumed, rows
from harness_reports.measured import results as module
from harness_reports.measured.results import Results
from harness_reports.measured.tables import accuracy, throughput
from harness_reports.prices.cost import cost
from harness_reports.prices.frontier import frontier
from harness_reports.prices.pricing import Pricing


def test_results_are_the_records(suite: list[Any]) -> None:
    """In their order, so that whatever reads records reads results."""
    results = Results(iter(suite))

    assert list(results) == suite
    assert (results[0], results[-2:], len(results)) == (suite[0], tuple(suite[-2:]), len(suite))
    assert Results.of(results) is results
    assert list(Results.of(suite)) == suite


def test_a_candidate_has_its_evaluations_and_servings(bench: Any) -> None:
    """Seeds are its replicates; each scenario and batch size is a serving of its own."""
    records = [*bench.case(seed=0), *bench.case(seed=1)]
    (own,) = Results(records).candidates.values()

    assert len(own.evaluations) == 2
    assert {(each.scenario, len(each.leaves)) for each in own.servings} == {("Offline", 2), ("SingleStream", 2)}
    assert own.columns["model"] == own.key.model == "bert"
    assert own.machine is own.evaluations[0].leaf
    assert own.quality is not None
    assert own.quality is own.quality


def test_what_was_only_served_is_a_candidate_without_a_grade(bench: Any) -> None:
    """Its machine is that of its serving."""
    served = [record for record in bench.case() if record.step != "evaluate"]
    results = Results(served)
    (own,) = results.candidates.values()

    assert (own.quality, own.quality_in("accuracy"), list(results.evaluated)) == (None, None, [])
    assert own.machine.step == "serve"


def test_only_a_request_that_somebody_waits_for_has_a_latency(bench: Any) -> None:
    """A batch of Offline has durations, but nobody waits for one of them."""
    (own,) = Results(bench.case()).candidates.values()
    known = {each.scenario: each for each in own.servings}

    assert known["Offline"].latencies_s() == []
    assert len(known["SingleStream"].latencies_s()) == len(known["SingleStream"].leaves[0].series["latency_s"])
    assert known["SingleStream"].latencies_s("first_token_s") == []


def test_a_metric_that_nobody_has_is_refused(suite: list[Any]) -> None:
    """With the list of those there are."""
    with pytest.raises(StoreError, match="accuracy"):
        Results(suite).qualities("acuracy")


def test_all_tables_group_the_records_once(
    suite: list[Any], pricing: Pricing, use_cases: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is read of results, and with whatever prices: once for evaluations, once for servings."""
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
