"""Chains of steps, candidates and their replicates."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from harness_reports.measured import lineage
from harness_reports.measured.results import Results


def test_chain_leads_back_to_the_pretraining(bench: Any) -> None:
    """A serving of an export has its export, fine-tuning and pretraining."""
    (chain,) = lineage.chains(bench.case(latency_s=None), "serve")

    assert [r.step if r else None for r in (chain.leaf, chain.export, chain.finetune, chain.pretrain)] == [
        "serve", "export", "finetune", "pretrain",
    ]  # fmt: skip


def test_chain_from_scratch_has_no_pretraining(bench: Any) -> None:
    """Steps that were not run are None."""
    (chain,) = lineage.chains(bench.case(start="scratch", runtime="eager"), "evaluate")

    assert chain.finetune is not None
    assert chain.pretrain is None
    assert chain.export is None


def test_missing_step_is_none(bench: Any) -> None:
    """A chain without its training's record is still a chain."""
    records = [record for record in bench.case() if record.step not in ("finetune", "pretrain")]

    (chain,) = lineage.chains(records, "evaluate")

    assert chain.finetune is None
    assert chain.pretrain is None


def test_failed_steps_are_no_chain(bench: Any) -> None:
    """Only successful records enter a table."""
    assert lineage.chains(bench.case(fields={"outcome": "failed"}), "evaluate") == []


def test_seeds_are_replicates_of_one_candidate(bench: Any) -> None:
    """Another runtime, size, setting or budget is another candidate."""
    records = [
        *bench.case(seed=0), *bench.case(seed=1), *bench.case(runtime="eager"), *bench.case(size="small"),
        *bench.case(settings={"lr": 0.1}), *bench.case(budget={"steps": 99}),
    ]  # fmt: skip

    assert sorted(len(candidate.evaluations) for candidate in Results(records).evaluated) == [1, 1, 1, 1, 2]


def test_variant_names_the_differing_details(bench: Any) -> None:
    """Setting and budget; None where there is only one candidate."""
    records = [*bench.case(), *bench.case(settings={"lr": 0.1}, budget={"steps": 99}), *bench.case(model="lstm")]

    named = {(key.model, candidate.variant) for key, candidate in Results(records).candidates.items()}

    assert named == {("bert", "finetune steps=50, lr=0.001"), ("bert", "finetune steps=99, lr=0.1"), ("lstm", None)}


def test_a_budget_for_one_process_need_not_say_so(bench: Any) -> None:
    """Two processes are another training; one is what is meant without a number."""
    records = [*bench.case(), *bench.case(budget={"steps": 50, "processes": 2})]

    variants = {candidate.variant for candidate in Results(records).candidates.values()}

    assert variants == {"finetune processes=1", "finetune processes=2"}


def test_changed_data_make_another_candidate(bench: Any) -> None:
    """Scores on different data are never pooled."""
    records = [*bench.case(), *bench.case(seed=1, fields={"data_digest": "e" * 64})]

    variants = [candidate.variant for candidate in Results(records).candidates.values() if candidate.variant]

    assert sorted(variants) == ["digest=dddddddd", "digest=eeeeeeee"]


def test_newest_of_the_same_seeds_counts(bench: Any) -> None:
    """A step measured again replaces the older one."""
    (old,) = lineage.chains(bench.case(latency_s=None), "evaluate")
    new = lineage.Chain(replace(old.leaf, id="new", started_at="2026-12-01T00:00:00+00:00"), *[None] * 2, old.pretrain)

    for order in ([old, new], [new, old]):
        assert [chain.leaf.id for chain in lineage.replicates(order)] == ["new"]


def test_device_names_its_units(bench: Any) -> None:
    """Two vCPUs of a processor are not four."""
    (chain,) = lineage.chains(bench.case(latency_s=None), "evaluate")
    single = {"hardware": {"device_name": "H200", "price_quantity": 1}}

    assert lineage.device(chain.leaf) == "Bench 9000 × 2"
    assert lineage.device(replace(chain.leaf, environment=single)) == "H200"
    assert lineage.device(replace(chain.leaf, environment={})) is None


def test_order_of_records_does_not_matter(bench: Any, suite: list[Any]) -> None:
    """Candidates and their order are the same."""
    shuffled = random.Random(7).sample(suite, len(suite))  # noqa: S311 - no secret

    one, other = Results(suite).candidates, Results(shuffled).candidates

    assert list(one) == list(other)
    assert [candidate.variant for candidate in one.values()] == [candidate.variant for candidate in other.values()]
    assert [len(candidate.servings) for candidate in one.values()] == [
        len(candidate.servings) for candidate in other.values()
    ]
