"""Records grouped by candidate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness_reports.business.viability import viability
from harness_reports.explain.tables import Assumed, rows
from harness_reports.measured import results as module
from harness_reports.measured.results import Results
from harness_reports.measured.tables import accuracy, accuracy_rows, throughput
from harness_reports.prices.cost import cost
from harness_reports.prices.cost_figures import cost_figures
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


def test_what_is_made_of_a_candidate_is_made_once_for_each_metric_and_prices(bench: Any, pricing: Pricing) -> None:
    """Other prices are other figures, also after the first; metrics do not take each other's quality."""
    (candidate,) = Results(bench.case()).candidates.values()
    dear = replace(pricing, multiplier=pricing.multiplier * 3)
    first, dearer, again = (cost_figures(candidate, each)["finetune_usd"].value for each in (pricing, dear, pricing))

    assert dearer == pytest.approx(3 * first)
    assert again == first
    made: list[int] = []
    for metric in ("accuracy", "f1", "accuracy"):
        candidate.once("test", metric, lambda: made.append(1))
    assert len(made) == 2
    assert candidate.quality_in("accuracy") is candidate.quality


def test_a_row_that_a_caller_changes_stays_as_it_was(bench: Any) -> None:
    """Each caller has a copy."""
    results = Results(bench.case())
    (key,) = results.candidates
    before = accuracy_rows(results)[key]["value"]
    accuracy_rows(results)[key]["value"] = -1.0

    assert accuracy_rows(results)[key]["value"] == before


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
