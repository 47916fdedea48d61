"""Measuring anew: evaluations and servings, beside the earlier records, and what then counts."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from harness.plan import Plan
from harness.plugins import Plugins
from harness.progress import Summary
from harness.records import Record, of_each_step
from harness.run import run_plan
from harness.screen import PlainScreen
from harness.store import Store, open_store, peek

TOY = str(Path(__file__).with_name("toy_plugin.py"))


def run(plan: Plan, toys: Plugins, store: Store, *, again: bool = False, replan: Any = None) -> Summary:
    """Run what is due."""
    screen = PlainScreen(Console(file=io.StringIO()))
    return run_plan(plan.against(store.finished(), again=again), toys, store, screen, [TOY], replan)


def test_evaluations_and_servings_are_measured_again(plan_of: Callable[..., Plan], toys: Plugins, store: Store) -> None:
    """Trainings are not; the earlier records stay, and the newest stands for its step."""
    plan = plan_of(models=["guess"], runtimes=["plain"])
    first = run(plan, toys, store)
    second = run(plan, toys, store, again=True)
    third = run(plan, toys, store)
    records = store.records()

    assert (first.outcomes["ok"], second.outcomes["ok"], third.outcomes) == (3, 2, Counter())
    assert Counter(record.step for record in records) == {"finetune": 1, "evaluate": 2, "serve": 2}
    newest = {record.fingerprint: record.id for record in records}
    assert {record.fingerprint: record.id for record in of_each_step(records)} == newest
    assert peek(store.label) == dict.fromkeys(newest, "ok")


SPEC = {"task": "t", "model": "m", "size": "s", "hardware": "h", "seed": 0, "settings": {}}


def test_what_fails_the_second_time_leaves_the_first(store: Store) -> None:
    """The failure is kept as well, and is shown as none of the step's result."""
    first = Record(
        id="1", fingerprint="f", step="evaluate", outcome="ok", spec=SPEC, inputs={}, started_at="2026-11-23T10:00:00"
    )
    failed = replace(first, id="2", outcome="failed", reason="no server")

    assert store.add(first)
    assert store.add(failed, again=True)
    assert not store.add(replace(first, id="3"))
    assert store.finished() == {"f": "ok"}
    assert [record.id for record in of_each_step(store.records())] == ["1"]
    assert store.add(replace(first, id="4"), again=True)
    assert [record.id for record in store.records()] == ["1", "2", "4"]
    assert [record.outcome for record in store.records()] == ["ok", "failed", "ok"]
    assert [record.id for record in of_each_step(store.records())] == ["4"]


def test_another_process_reads_the_newest(store: Store) -> None:
    """As it was left on disk."""
    record = Record(id="1", fingerprint="f", step="serve", outcome="ok", spec={}, inputs={}, started_at="")
    store.add(record)
    store.add(replace(record, id="2", outcome="unsupported"), again=True)
    other = open_store(store.label)

    assert other.finished() == {"f": "unsupported"}
    other.close()


def test_a_plan_that_is_made_again_repeats_nothing_twice(
    plan_of: Callable[..., Plan], toys: Plugins, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was measured anew before the change is not due once more; the rest still is."""
    from harness import lanes as module
    from harness.execute.worker import Changed
    from harness.why import Difference

    plan = plan_of(models=["guess"], runtimes=["plain"])
    run(plan, toys, store)
    done, changed = module.Lane._done, []

    def change_before_serving(lane: Any, step: Any, *rest: Any) -> Any:
        if step.kind == "serve" and not changed:
            changed.append(step)
            return Changed((Difference("plugin toy_plugin → edited", reloads=True),))
        return done(lane, step, *rest)

    monkeypatch.setattr(module.Lane, "_done", change_before_serving)
    summary = run(plan, toys, store, again=True, replan=lambda: (plan, toys))

    assert summary.outcomes["ok"] == 2
    assert Counter(record.step for record in store.records()) == {"finetune": 1, "evaluate": 2, "serve": 2}
