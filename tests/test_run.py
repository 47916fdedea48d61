"""Running a plan: every outcome becomes a record, the suite goes on, and nothing is done twice."""

from __future__ import annotations

import io
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from rich.console import Console

from harness.plan import Plan, Step
from harness.plugins import Plugins
from harness.progress import Summary
from harness.records import Record
from harness.run import run_plan
from harness.screen import PlainScreen, open_screen
from harness.store import Store, open_store

TOY = str(Path(__file__).with_name("toy_plugin.py"))
PlanOf = Callable[..., Plan]


def _run(plan: Plan, toys: Plugins, store: Store) -> tuple[Summary, str]:
    output = io.StringIO()
    plan = plan.against(store.finished())
    with open_screen(Console(file=output, width=200), plan) as screen:
        return run_plan(plan, toys, store, screen, [TOY]), output.getvalue()


def _one(plan_of: PlanOf, fault: str, **changes: Any) -> Plan:
    settings = {"fault": fault}
    return plan_of(
        models=[{"name": "counter", "settings": settings}], starts=["scratch"], runtimes=["plain"], **changes
    )


def test_a_suite_ends_with_a_record_for_every_step(plan_of: PlanOf, toys: Plugins, store: Store) -> None:
    """Readings, raw values, environment and lineage are there."""
    plan = plan_of()
    summary, _ = _run(plan, toys, store)
    records = {record.fingerprint: record for record in store.records()}
    served = [r for r in records.values() if r.step == "serve" and r.outcome == "ok"]
    (accuracy,) = [
        r for r in records.values() if r.step == "evaluate" and r.spec["runtime"] == "paper" and r.outcome == "ok"
    ]

    assert summary.complete
    assert set(records) == {step.fingerprint for step in plan.steps}
    assert sum(accuracy.scores["correct"]) == len(accuracy.scores["correct"]) == accuracy.value("items") == 40
    assert accuracy.metrics[0]["random_baseline"] == 0.5
    assert accuracy.used == {
        "parity signature": "modulo 2",
        "train_items": 100,
        "validation_items": 10,
        "test_items": 40,
    }
    assert accuracy.baseline == "guess"
    assert all(r.series["latency_s"] and r.value("load_s") is not None and r.value("first_query_s") for r in served)
    for record in records.values():
        assert set(record.inputs.values()) <= set(records)
        assert record.environment["cpu_model"]
        assert record.environment["python"]
        assert record.environment["versions"] is not None
    tuned = next(r for r in records.values() if r.step == "finetune" and r.spec["model"] == "counter")
    assert tuned.series["loss"] == [1 / 3, 1 / 4], "fine-tuning goes on from what pretraining counted"
    assert tuned.readings["cpu_s"].unit == "s"


OUTCOMES = {
    "raise": ("failed", "RuntimeError: the toy is broken"),
    "nan": ("failed", "Progress.losses['loss'] is nan after 1 steps"),
    "die": ("killed", "signal 9"),
    "exit": ("killed", "exit code 3"),
    "hang": ("timed out", "6 s: its time limit"),
    "grow": ("out of memory", "its limit is 0.49 GiB"),
    "large": ("failed", "The step wrote 0.04 GiB, which are removed; its limit is 0.02 GiB."),
    "unsupported": ("unsupported", "the toy does not do this"),
}


LIMITS = {"grow": {"memory_gb": 0.49}, "large": {"artifact_gb": 0.02}}


@pytest.mark.parametrize("fault", OUTCOMES)
def test_every_outcome_becomes_a_record_and_the_suite_goes_on(
    fault: str, plan_of: PlanOf, toys: Plugins, store: Store
) -> None:
    """Dependents of the failed step are reported as not tried; the other model is measured."""
    limits = {"time_s": 6 if fault == "hang" else 20, **LIMITS.get(fault, {})}
    models = [{"name": "counter", "settings": {"fault": fault}}, "guess"]
    plan = plan_of(models=models, starts=["scratch"], runtimes=["plain"], limits=limits)
    summary, output = _run(plan, toys, store)
    outcome, reason = OUTCOMES[fault]
    broken = next(record for record in store.records() if record.spec["model"] == "counter")

    assert broken.outcome == outcome
    assert reason in str(broken.reason)
    assert (broken.traceback is not None) == (outcome == "failed" and fault != "large")
    assert summary.skipped == (0 if outcome == "unsupported" else 2)
    assert ("not tried" in output) == (outcome != "unsupported")
    assert summary.complete == (outcome == "unsupported")
    assert [r.outcome for r in store.records() if r.spec["model"] == "guess"] == ["ok"] * 3
    assert list(store.artifacts.root.glob("unfinished-*")) == []
    assert len(list(store.artifacts.root.glob("??/*"))) == 1, "what guess wrote"


def test_a_second_run_does_nothing_and_starts_nobody(plan_of: PlanOf, toys: Plugins, store: Store) -> None:
    """All is measured: no worker is started."""
    plan = plan_of(models=["guess"], runtimes=["plain"])
    _run(plan, toys, store)
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    summary, _ = _run(plan, toys, store)

    assert summary == Summary()
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before
    assert len(store.records()) == 3


def test_records_say_where_bits_are_not_repeated(plan_of: PlanOf, toys: Plugins, store: Store, tmp_path: Path) -> None:
    """Hardware that is not bit-reproducible leaves a note in each record."""
    file = tmp_path / "shaky.py"
    file.write_text(
        "import harness\n"
        "class Shaky(harness.Hardware):\n"
        "    name, summary, device, bit_reproducible = 'shaky', 'Shakes', 'cpu', False\n"
        "    def unavailable(self): return None\n"
        "    def describe(self): return {'device_name': 'x', 'price_item': 'x', 'price_quantity': 1}\n"
        "    def meters(self): return []\n"
        "@harness.hookimpl\n"
        "def harness_hardware(): return [Shaky()]\n",
        encoding="utf-8",
    )
    toys.load_files([str(file)])
    plan = plan_of(models=["guess"], runtimes=["plain"], hardware=["shaky", "here"])
    with open_screen(Console(file=io.StringIO()), plan) as screen:
        run_plan(plan, toys, store, screen, [TOY, str(file)])
    notes = {r.spec["hardware"]: r.notes for r in store.records() if r.step == "finetune"}

    assert "may differ in the last bits" in notes["shaky"][0]
    assert notes["here"] == []


def test_what_builds_on_the_unsupported_is_unsupported_for_good(plan_of: PlanOf, toys: Plugins, store: Store) -> None:
    """It is recorded once; a second run has nothing to do."""
    plan = _one(plan_of, "unsupported")
    _run(plan, toys, store)
    summary, _ = _run(plan, toys, store)

    assert [r.outcome for r in store.records()] == ["unsupported"] * 3
    assert summary == Summary()


@pytest.mark.parametrize("damage", ["gone", "altered"])
def test_an_artifact_that_is_gone_or_altered_is_made_again(
    plan_of: PlanOf, toys: Plugins, store: Store, damage: str
) -> None:
    """A step that needs it does the one before again, and says so; the earlier record stays among the records."""
    _run(plan_of(models=["guess"], runtimes=["plain"]), toys, store)
    trained = next(record for record in store.records() if record.step == "finetune")
    folder = store.artifact(trained.fingerprint)
    assert folder is not None
    if damage == "gone":
        shutil.rmtree(store.artifacts.root)
    else:
        next(file for file in folder.rglob("*") if file.is_file()).write_bytes(b"other")
    summary, output = _run(plan_of(models=["guess"], runtimes=["plain"], scenarios=["SingleStream"]), toys, store)
    again = [record for record in store.records() if record.fingerprint == trained.fingerprint]

    assert summary.complete
    assert summary.outcomes == {"ok": 2}
    assert "done again, as what it wrote is gone or has changed" in output
    assert [record.outcome for record in again] == ["ok", "ok"]
    assert again[-1].artifact_digest == trained.artifact_digest
    assert store.has_artifact(trained.fingerprint)


def test_what_is_lost_along_a_chain_is_made_again_in_its_order(plan_of: PlanOf, toys: Plugins, store: Store) -> None:
    """Each step needs the one before: none is tried on an artifact that is gone."""
    common = {"models": ["counter"], "runtimes": ["plain"], "starts": ["pretrained"]}
    _run(plan_of(**common), toys, store)
    shutil.rmtree(store.artifacts.root)
    before = len(store.records())
    summary, _ = _run(plan_of(**common, scenarios=["SingleStream"]), toys, store)

    assert summary.complete
    assert [record.step for record in store.records()[before:]] == ["pretrain", "finetune", "serve"]


def test_what_was_recorded_since_the_plan_is_taken_over(plan_of: PlanOf, toys: Plugins, store: Store) -> None:
    """Also in the time between a run's plan and its begin."""
    plan = plan_of(models=["guess"], runtimes=["plain"])
    _run(plan, toys, store)
    with open_screen(Console(file=io.StringIO()), plan) as screen:
        summary = run_plan(plan, toys, store, screen, [TOY])

    assert (summary.elsewhere, summary.outcomes.total()) == (len(plan.steps), len(plan.steps))
    assert len(store.records()) == len(plan.steps)


def _recorded(step: Step, digest: str) -> Record:
    """Return what another run recorded of a step."""
    return Record(
        id="theirs", fingerprint=step.fingerprint, step=step.kind, spec=step.spec, inputs=step.inputs,
        started_at="2026-11-28T00:00:00+00:00", outcome="ok", artifact_digest=digest,
    )  # fmt: skip


def test_a_second_record_of_a_step_leaves_no_artifact(plan_of: PlanOf, toys: Plugins, store: Store) -> None:
    """Another run recorded the step meanwhile: its artifact stays, ours goes."""
    plan = plan_of(models=["guess"], runtimes=["plain"])
    step = next(each for each in plan.steps if each.kind == "finetune")
    theirs = store.artifacts.scratch()
    (theirs / "weights").write_text("of another run", encoding="utf-8")
    digest = store.artifacts.keep(theirs, step.fingerprint)

    class Meanwhile(PlainScreen):
        def begin(self, step: Step, number: int, total: int) -> None:
            super().begin(step, number, total)
            if step.kind == "finetune":
                store.add(_recorded(step, digest))

    run_plan(plan, toys, store, Meanwhile(Console(file=io.StringIO())), [TOY])

    assert store.artifact_digest(step.fingerprint) == digest
    assert len(list(store.artifacts.root.glob(f"??/{step.fingerprint}*"))) == 1


def test_what_failed_is_tried_again(plan_of: PlanOf, toys: Plugins, store: Store) -> None:
    """A failure is not a final record."""
    plan = _one(plan_of, "raise")
    _run(plan, toys, store)
    _run(plan, toys, store)

    assert [record.outcome for record in store.records()] == ["failed", "failed"]


def test_a_plugins_chatter_breaks_nothing(plan_of: PlanOf, toys: Plugins, store: Store) -> None:
    """What a plugin prints goes to standard error, not into the tables."""
    summary, output = _run(_one(plan_of, "noise"), toys, store)

    assert summary.complete
    assert "chatter" not in output


def test_two_runs_of_one_seed_agree(plan_of: PlanOf, toys: Plugins, tmp_path: Path) -> None:
    """The same case in two stores gives the same scores."""
    scores = []
    for name in ("one", "two"):
        store = open_store(str(tmp_path / name), create=True)
        _run(plan_of(), toys, store)
        scores.append({r.fingerprint: r.scores for r in store.records()})
        store.close()

    assert scores[0] == scores[1]


def test_a_record_keeps_what_it_rests_on(plan_of: PlanOf, toys: Plugins, store: Store) -> None:
    """As the plan found it."""
    plan = plan_of(models=["guess"], runtimes=["plain"])
    _run(plan, toys, store)

    assert {r.fingerprint: r.basis for r in store.records()} == {step.fingerprint: step.basis for step in plan.steps}


BINDING = """
import os
os.environ["OMP_NUM_THREADS"] = "3"
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
"""


def test_a_library_that_binds_the_process_stops_no_run(
    plan_of: PlanOf, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads and cores are those at the harness's start: libraries in a worker may set others."""
    (tmp_path / "binds_to_a_core.py").write_text(BINDING, encoding="utf-8")
    toy = Path(TOY).read_text(encoding="utf-8").replace("imports = ()", 'imports = ("binds_to_a_core",)')
    toy = toy.replace("import json\n", f"import json\nimport sys\nsys.path.insert(0, {str(tmp_path)!r})\n", 1)
    file = tmp_path / "toy_plugin.py"
    file.write_text(toy, encoding="utf-8")
    plugins = Plugins()
    plugins.load_files([str(file)])
    plan = plan_of(plugins, models=["guess"], runtimes=["plain"])
    summary = run_plan(plan, plugins, store, PlainScreen(Console(file=io.StringIO())), [str(file)])

    assert 'imports = ("binds_to_a_core",)' in toy
    assert summary.complete, [record.reason for record in store.records()]


def test_a_summary_counts_every_kind_of_failure_as_failed() -> None:
    """And names the kinds."""
    summary = Summary(Counter({"ok": 3, "timed out": 1, "failed": 1, "unsupported": 2, "killed": 1}), skipped=4)

    assert str(summary) == "3 failed (1 killed, 1 timed out), 3 ok, 2 unsupported, 4 not tried"
    assert str(Summary(Counter(ok=1))) == "1 ok"
    assert not summary.complete
