"""Chains of steps, candidates and their replicates."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from harness_reports.measured import lineage
from harness_reports.measured.results import Results


def test_chain_leads_back_to_the_pretraining(bench: Any) -> None:
    """A serving through an exported form knows its export, its fine-tuning and its pretraining."""
    (chain,) = lineage.chains(bench.case(latency_s=None), "serve")

    assert [r.step if r else None for r in (chain.leaf, chain.export, chain.finetune, chain.pretrain)] == [
        "serve", "export", "finetune", "pretrain",
    ]  # fmt: skip


def test_chain_from_scratch_has_no_pretraining(bench: Any) -> None:
    """What was not done is None."""
    (chain,) = lineage.chains(bench.case(start="scratch", runtime="eager"), "evaluate")

    assert chain.finetune is not None
    assert chain.pretrain is None
    assert chain.export is None


def test_missing_step_is_none(bench: Any) -> None:
    """A chain whose training is not among the records still stands, without it."""
    records = [record for record in bench.case() if record.step not in ("finetune", "pretrain")]

    (chain,) = lineage.chains(records, "evaluate")

    assert chain.finetune is None
    assert chain.pretrain is None


def test_failed_steps_are_no_chain(bench: Any) -> None:
    """Only finished records enter a table."""
    assert lineage.chains(bench.case(fields={"outcome": "failed"}), "evaluate") == []


def test_seeds_are_replicates_of_one_candidate(bench: Any) -> None:
    """Two seeds fall together; another runtime, size or setting does not."""
    records = [
        *bench.case(seed=0), *bench.case(seed=1), *bench.case(runtime="eager"), *bench.case(size="small"),
        *bench.case(settings={"lr": 0.1}), *bench.case(budget={"steps": 99}),
    ]  # fmt: skip

    assert sorted(len(own.evaluations) for own in Results(records).evaluated) == [1, 1, 1, 1, 2]


def test_candidates_of_the_same_names_are_told_apart_by_what_differs(bench: Any) -> None:
    """The variant names the setting and the budget that differ, and nothing where there is one candidate only."""
    records = [*bench.case(), *bench.case(settings={"lr": 0.1}, budget={"steps": 99}), *bench.case(model="lstm")]

    named = {(key.model, own.variant) for key, own in Results(records).candidates.items()}

    assert named == {("bert", "finetune steps=50, lr=0.001"), ("bert", "finetune steps=99, lr=0.1"), ("lstm", None)}


def test_data_that_changed_makes_another_candidate(bench: Any) -> None:
    """Scores on different data are never pooled."""
    records = [*bench.case(), *bench.case(seed=1, fields={"data_digest": "e" * 64})]

    variants = [own.variant for own in Results(records).candidates.values() if own.variant]

    assert sorted(variants) == ["digest=dddddddd", "digest=eeeeeeee"]


def test_newest_of_the_same_seeds_counts(bench: Any) -> None:
    """A step measured again after something changed replaces the older one."""
    (old,) = lineage.chains(bench.case(latency_s=None), "evaluate")
    new = lineage.Chain(replace(old.leaf, id="new", started_at="2026-12-01T00:00:00+00:00"), *[None] * 2, old.pretrain)

    for order in ([old, new], [new, old]):
        assert [chain.leaf.id for chain in lineage.replicates(order)] == ["new"]


def test_device_says_how_many_units(bench: Any) -> None:
    """Two vCPUs of a processor are not four: the machine is part of the candidate."""
    (chain,) = lineage.chains(bench.case(latency_s=None), "evaluate")
    single = {"hardware": {"device_name": "H200", "price_quantity": 1}}

    assert lineage.device(chain.leaf) == "Bench 9000 × 2"
    assert lineage.device(replace(chain.leaf, environment=single)) == "H200"
    assert lineage.device(replace(chain.leaf, environment={})) is None


def test_order_of_records_does_not_matter(bench: Any, suite: list[Any]) -> None:
    """The same records in another order give the same candidates in the same order."""
    shuffled = random.Random(7).sample(suite, len(suite))  # noqa: S311 - no secret

    one, other = Results(suite).candidates, Results(shuffled).candidates

    assert list(one) == list(other)
    assert [own.variant for own in one.values()] == [own.variant for own in other.values()]
    assert [len(own.servings) for own in one.values()] == [len(own.servings) for own in other.values()]
