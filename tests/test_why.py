"""Why a step is due, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from harness.basis import MADE
from harness.plan import Plan, Step
from harness.plugins import Plugins
from harness.records import Record
from harness.why import UNTOLD, Earlier, differences, why_pending

PlanOf = Callable[..., Plan]


def finetuning(plan: Plan) -> Step:
    """Return a plan's first fine-tuning."""
    return next(step for step in plan.steps if step.kind == "finetune")


def record(step: Step, **changes: Any) -> Record:
    """Return the record of a finished step."""
    done = Record(
        id="1",
        fingerprint=step.fingerprint,
        step=step.kind,
        outcome="ok",
        spec=step.spec,
        inputs=step.inputs,
        started_at="2026-11-26",
        environment={},
        basis=step.basis,
    )
    return replace(done, **{"fingerprint": "another", **changes})


def changed(basis: Mapping[str, Any], part: str, **values: Any) -> dict[str, Any]:
    """Return a basis with a part of it changed."""
    return {**basis, part: {**basis[part], **values}}


def test_what_was_never_measured_says_so(plan_of: PlanOf) -> None:
    """And what else was asked, where something near it was measured."""
    step, other = finetuning(plan_of(models=["counter"])), finetuning(plan_of(models=["counter"], seeds=[3]))
    large = finetuning(plan_of(models=[{"name": "counter", "size": "large"}]))

    assert why_pending(step, []) == "not measured yet"
    assert why_pending(step, [record(other)]) == "seed 0 is not measured yet"
    assert why_pending(large, [record(other)]) == "not measured yet"


def test_records_are_found_by_the_step_they_bear_on(plan_of: PlanOf) -> None:
    """Those of another kind, model or task give no reason: with them or without, a step is due for the same one."""
    plan = plan_of(models=["counter"], seeds=[0, 3])
    records = [record(step, id=str(place), fingerprint=f"other {place}") for place, step in enumerate(plan.steps)]
    failure = record(plan.steps[0], fingerprint=plan.steps[0].fingerprint, outcome="failed", reason="broken")
    earlier = Earlier([*records, failure])

    assert all(0 < len(earlier.of(step)) < len(records) for step in plan.steps)
    for step in plan.steps:
        assert why_pending(step, earlier.of(step)) == why_pending(step, [*records, failure])
    assert why_pending(plan.steps[0], earlier.of(plan.steps[0])) == "failed last time: broken"
    assert earlier.of(finetuning(plan_of(models=[{"name": "counter", "size": "large"}]))) != []


def test_a_list_is_the_tuple_that_it_was(plan_of: PlanOf) -> None:
    """A record holds settings as JSON does; a change of another one is told alone."""
    step = finetuning(plan_of(models=["counter"]))
    stored = {**step.spec, "settings": {**step.spec["settings"], "sizes": [64]}, "seed": 3}
    planned = replace(step, spec={**step.spec, "settings": {**step.spec["settings"], "sizes": (64,)}})

    assert (
        why_pending(planned, [replace(record(step), spec=stored, fingerprint="other")]) == "seed 0 is not measured yet"
    )


def test_other_data_are_told_by_their_name(plan_of: PlanOf) -> None:
    """Those that come with the task too; a file's name alone would not tell two of one name apart."""
    packaged = finetuning(plan_of(tasks=["parity"]))
    on_file = finetuning(plan_of(tasks=[{"name": "parity", "data": "in/mail.csv"}]))

    assert why_pending(packaged, [record(on_file)]) == "data counting is not measured yet"
    assert why_pending(on_file, [record(packaged)]) == "data mail (in/mail.csv) is not measured yet"


def test_a_failure_is_told(plan_of: PlanOf) -> None:
    """With the reason's first line."""
    step = finetuning(plan_of())
    failed = record(step, fingerprint=step.fingerprint, outcome="failed", reason="RuntimeError: broken\nmore")

    assert why_pending(step, [failed]) == "failed last time: RuntimeError: broken"


def test_each_part_of_a_basis_has_its_words(plan_of: PlanOf) -> None:
    """Data, files, libraries, Python, threads, the machine."""
    step = finetuning(plan_of())
    basis = {**step.basis, "libraries": {"model": {"torch": "2.12"}}, "threads": {"usable_cores": 2}}
    later = {
        "data changed": {**basis, "data": "other"},
        "the model's files changed": {**basis, "weights": "other"},
        "torch 2.12 → 2.13": changed(basis, "libraries", model={"torch": "2.13"}),
        "torch 2.12 → none": changed(basis, "libraries", model={}),
        "Python 3.0 → 3.1": {**basis, "python": "3.1"},
        "usable cores 2 → 4": changed(basis, "threads", usable_cores=4),
        "OMP_NUM_THREADS none → 1": changed(basis, "threads", OMP_NUM_THREADS="1"),
        "device name toy → other": changed(basis, "machine", device_name="other"),
    }
    before = {"Python 3.0 → 3.1": {**basis, "python": "3.0"}}

    texts = {why: [each.text for each in differences(before.get(why, basis), now)] for why, now in later.items()}
    assert texts == {why: [why] for why in later}


def test_sources_are_told_by_their_owner(plan_of: PlanOf) -> None:
    """A plugin's edited file, a plugin's new version with the modules, the harness itself."""
    step = finetuning(plan_of())
    edited = changed(step.basis, "sources", model={"harness_file_toy_plugin": "old"})
    made = changed(step.basis, "sources", model={**step.basis["sources"]["model"], MADE: "old"})
    packaged = changed(step.basis, "sources", model={"family._bert": "old"})
    packaged = changed(packaged, "plugins", model="family 0.1")
    newer = changed(changed(packaged, "plugins", model="family 0.2"), "sources", model={"family._bert": "new"})
    core = changed(step.basis, "sources", step={**step.basis["sources"]["step"], "harness.training": "old"})
    reached = ("harness.errors", "harness.seams.declaration", "harness.seams.model")

    assert [(one.text, one.reloads) for one in differences(edited, step.basis)] == [
        (f"plugin toy_plugin → edited (model), harness → edited (model: {', '.join(reached)})", False)
    ]
    assert [(one.text, one.reloads) for one in differences(made, step.basis)] == [
        ("plugin toy_plugin → made with other values (model)", True)
    ]
    assert [one.text for one in differences(packaged, newer)] == ["plugin family 0.1 → 0.2 (model: family._bert)"]
    assert [one.text for one in differences(core, step.basis)] == ["harness → edited (step: harness.training)"]


def test_an_edited_file_is_taken_up_by_every_worker(plan_of: PlanOf) -> None:
    """A file's module alone differs."""
    step = finetuning(plan_of())
    model = {**step.basis["sources"]["model"], "harness_file_toy_plugin": "old"}

    assert [*differences(changed(step.basis, "sources", model=model), step.basis)] == [
        ("plugin toy_plugin → edited (model)", True)
    ]


def test_why_names_what_changed_since_the_newest_record(plan_of: PlanOf, toys: Plugins) -> None:
    """Inputs come last: they say nothing where the step itself has changed."""
    step = finetuning(plan_of(models=["counter"]))
    data = record(step, basis={**step.basis, "data": "old"})
    inputs = record(step, inputs={"pretrained": "older"})

    assert why_pending(step, [inputs, data]) == "data changed"
    assert why_pending(step, [data, inputs]) == "what it builds on (pretrained) is done again"
    assert why_pending(step, [record(step, basis={})]) == UNTOLD
    assert why_pending(step, [record(step, basis={**step.basis, "format": 0})]) == UNTOLD


@pytest.mark.parametrize("part", ["data", "weights", "threads"])
def test_what_every_worker_reads_anew_needs_no_new_start(part: str, plan_of: PlanOf) -> None:
    """Data, a checkpoint's files and threads; a library that is loaded stays as it was."""
    basis = finetuning(plan_of()).basis
    now = {**basis, part: {"usable_cores": 64} if part == "threads" else "other"}
    upgraded = changed(basis, "libraries", model={"torch": "9"})

    assert all(one.reloads for one in differences(basis, now))
    assert not any(one.reloads for one in differences(basis, upgraded))
