"""From a suite to steps: shared steps, fingerprints, the order."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.checks import check_data, check_labels, check_models
from harness.errors import DataError, PluginError, SuiteError
from harness.estimate import estimate_s
from harness.listing import as_text
from harness.plan import Plan
from harness.plugins import Plugins
from harness.probe import Probe
from harness.records import Record
from harness.seams import Data, Reading, Task
from harness.why import why_pending

PlanOf = Callable[..., Plan]
KINDS = ("pretrain", "finetune", "export", "evaluate", "serve")


def _fingerprints(plan: Plan, kind: str = "") -> set[str]:
    return {step.fingerprint for step in plan.steps if step.kind.startswith(kind)}


def test_cases_share_their_steps(plan_of: PlanOf) -> None:
    """Two runtimes, two scenarios and two seeds need one pretraining and one fine-tuning for each seed."""
    plan = plan_of(models=["counter"], scenarios=["Offline", "SingleStream"], seeds=[0, 1])
    count = {kind: sum(step.kind == kind for step in plan.steps) for kind in KINDS}

    assert plan.cases == 8
    assert count == {"pretrain": 1, "finetune": 2, "export": 2, "evaluate": 4, "serve": 8}


def test_scratch_and_pretrained_are_two_cases_with_one_budget(plan_of: PlanOf) -> None:
    """A model without pretraining has one case; one with it has both, at the same fine-tuning budget."""
    plan = plan_of(starts=["pretrained", "scratch"], runtimes=["plain"])
    tuned = [step.spec for step in plan.steps if step.kind == "finetune"]

    assert [(spec["model"], spec["start"]) for spec in tuned] == [
        ("counter", "pretrained"),
        ("counter", "scratch"),
        ("guess", "scratch"),
    ]
    assert tuned[0]["budget"] == tuned[1]["budget"]


def test_what_is_not_trained_is_evaluated_and_served(
    plan_of: PlanOf, toys: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No step trains it, whatever start the suite asks for, and an export where a runtime needs one is its own."""
    monkeypatch.setattr(type(toys.models["counter"]), "starts", ("as-is",))
    plan = plan_of(models=["counter"])
    (exported,) = [step for step in plan.steps if step.kind == "export"]

    assert [(step.kind, step.inputs) for step in plan.steps] == [
        ("evaluate", {}),
        ("serve", {}),
        ("export", {}),
        ("evaluate", {"exported": exported.fingerprint}),
        ("serve", {"exported": exported.fingerprint}),
    ]
    assert {step.spec["start"] for step in plan.steps} == {"as-is"}
    assert all(step.title.count("as it is") == 1 for step in plan.steps)


def test_a_start_is_part_of_a_steps_identity(plan_of: PlanOf, toys: Plugins, monkeypatch: pytest.MonkeyPatch) -> None:
    """One model measured in three ways; one that does not have a start gets its last one."""
    monkeypatch.setattr(type(toys.models["counter"]), "starts", ("pretrained", "as-is", "scratch"))
    monkeypatch.setattr(type(toys.models["guess"]), "starts", ("pretrained", "scratch"))
    plan = plan_of(starts=["as-is", "pretrained", "scratch"], runtimes=["plain"])
    graded = [step for step in plan.steps if step.kind == "evaluate"]

    assert [(step.spec["model"], step.spec["start"]) for step in graded] == [
        ("counter", "as-is"), ("counter", "pretrained"), ("counter", "scratch"), ("guess", "scratch"),
    ]  # fmt: skip
    assert len({step.fingerprint for step in graded}) == 4


def test_models_look_at_the_data_before_anything_is_written(
    plan_of: PlanOf, toys: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they say is said once; one that cannot take the data ends the plan. Others load no data."""
    seen = []

    def check(_: object, data: Data, settings: Mapping[str, Any], start: str) -> list[str]:
        seen.append((data.sizes["test"], settings["needed"], start))
        return ["classes are matched"]

    plan = plan_of(models=["counter"], runtimes=["plain"])
    unasked = check_models(plan, toys, {})
    monkeypatch.setattr(type(toys.models["counter"]), "check", check)
    notes = check_models(plan, toys, {})

    assert unasked == []
    assert notes == ["classes are matched"]
    assert set(seen) == {(40, 3, "pretrained")}
    monkeypatch.setattr(type(toys.models["counter"]), "check", lambda *_: 1 / 0)
    with pytest.raises(PluginError, match=r"Counter\.check of 'counter' raised ZeroDivisionError"):
        check_models(plan, toys, {})


def test_data_are_loaded_once(plan_of: PlanOf, toys: Plugins, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model looks at the data that the task's check has loaded; a check that returns something else is named."""
    task, loads = type(toys.tasks["parity"]), []
    load = task.data

    def counted(self: Task, source: str | None, settings: Mapping[str, Any]) -> Data:
        loads.append(source)
        return load(self, source, settings)

    plan = plan_of(models=["counter"], runtimes=["plain"], tasks=[{"name": "parity", "data": "good.csv"}])
    monkeypatch.setattr(task, "data", counted)
    monkeypatch.setattr(task, "check", Task.check)
    monkeypatch.setattr(type(toys.models["counter"]), "check", lambda *_: ["classes are matched"])

    assert check_models(plan, toys, check_data(plan, toys).loaded) == ["classes are matched"]
    assert loads == ["good.csv"]
    monkeypatch.setattr(task, "check", lambda *_: "rows read")
    with pytest.raises(PluginError, match=r"check\(\) of 'parity' is a str. Give a harness.Data"):
        check_data(plan, toys)


def test_labels_and_models_are_checked_on_data_that_are_loaded_once(
    plan_of: PlanOf, toys: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those that come with the task, which its check does not load."""
    task, loads = type(toys.tasks["parity"]), []
    load = task.data

    def counted(self: Task, source: str | None, settings: Mapping[str, Any]) -> Data:
        loads.append(source)
        return load(self, source, settings)

    budgets = {"finetune": {"steps": 1, "labels": 2}}
    plan = plan_of(models=["counter"], runtimes=["plain"], tasks=["parity"], budgets=budgets)
    monkeypatch.setattr(task, "data", counted)
    monkeypatch.setattr(type(toys.models["counter"]), "check", lambda *_: ["classes are matched"])
    loaded = check_data(plan, toys).loaded
    check_labels(plan, toys, loaded)

    assert check_models(plan, toys, loaded) == ["classes are matched"]
    assert loads == [None]


def test_pretraining_reads_another_task_but_not_where_the_data_are_ones_own(
    plan_of: PlanOf, toys: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task for pretraining is similar to the default data; the user's data are most similar to themselves."""
    monkeypatch.setattr(type(toys.tasks["parity"]), "pretrains_on", "parity")  # its default data
    default = plan_of(models=["counter"])
    on_file = plan_of(models=["counter"], tasks=[{"name": "parity", "data": "mine.csv"}])
    spec = [step.spec for plan in (default, on_file) for step in plan.steps if step.kind == "pretrain"]

    assert [(one["task"], one["source"]) for one in spec] == [("parity", None), ("parity", "mine.csv")]


def test_data_have_a_name_in_every_step(plan_of: PlanOf) -> None:
    """Packaged data have the task's name for them, the user's the given name, else the file's."""
    on_files = [{"name": "parity", "data": "mine.csv"}, {"name": "parity", "data": "b.csv", "data_name": "reviews"}]
    plan = plan_of(tasks=["parity", *on_files])

    assert {(step.spec["source"], step.spec["data"]) for step in plan.steps} == {
        (None, "counting"), ("mine.csv", "mine"), ("b.csv", "reviews"),
    }  # fmt: skip
    assert any("on parity (reviews)" in step.title for step in plan.steps)


def test_a_step_is_the_same_whatever_its_data_are_called(plan_of: PlanOf) -> None:
    """A new name makes no step due, and is never given as a reason."""
    task = {"name": "parity", "data": "mine.csv"}
    before, after = plan_of(tasks=[task]), plan_of(tasks=[{**task, "data_name": "reviews"}])
    measured = next(step for step in before.steps if step.kind == "serve")
    record = Record(
        id="1", fingerprint="f" * 64, step="serve", outcome="ok", spec=measured.spec, inputs={},
        started_at="2026-11-26T00:00:00+00:00",
    )  # fmt: skip
    (named,) = [step for step in after.steps if step.fingerprint == measured.fingerprint]

    assert [step.fingerprint for step in before.steps] == [step.fingerprint for step in after.steps]
    assert "data" not in why_pending(named, [record])


def test_data_of_ones_own_are_not_called_as_those_of_the_task(plan_of: PlanOf) -> None:
    """Otherwise a verdict about the packaged data could use them."""
    with pytest.raises(SuiteError, match=r"line 6: The data that come with 'parity' are called 'counting'"):
        plan_of(tasks=[{"name": "parity", "data": "counting.csv"}])


def test_the_same_data_have_one_name_in_a_suite(plan_of: PlanOf) -> None:
    """Otherwise a use case with the other name would never find a record; other settings make other data."""
    task = {"name": "parity", "data": "mine.csv"}
    with pytest.raises(SuiteError, match=r"line 8: The data 'mine.csv' of 'parity' are called 'mine' and 'reviews'"):
        plan_of(tasks=[task, {**task, "data_name": "reviews"}])
    plan = plan_of(tasks=[task, task, {**task, "data_name": "few", "settings": {"count": 20}}])

    assert {step.spec["data"] for step in plan.steps} == {"mine", "few"}


def test_what_cannot_be_done_is_known_before(plan_of: PlanOf) -> None:
    """A model without the runtime's format is unsupported, with the reason, and is not exported."""
    plan = plan_of(models=["guess"], runtimes=["paper"])

    assert {step.unsupported for step in plan.steps if step.kind in ("evaluate", "serve")} == {
        "guess is not exported to paper"
    }
    assert not _fingerprints(plan, "export")


CHANGES = {
    "seed": {"seeds": [1]},
    "setting": {"models": [{"name": "counter", "settings": {"needed": 4}}]},
    "size": {"models": [{"name": "counter", "size": "large"}]},
    "budget": {"budgets": {"pretrain": {"steps": 2}, "finetune": {"steps": 3}}},
    "processes": {"budgets": {"pretrain": {"steps": 2}, "finetune": {"steps": 2, "processes": 2}}},
    "data": {"tasks": [{"name": "parity", "data": "other.csv"}]},
    "task's setting": {"tasks": [{"name": "parity", "settings": {"count": 41}}]},
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_matters_changes_the_fingerprint(change: str, plan_of: PlanOf) -> None:
    """Whatever affects a fine-tuning changes its fingerprint."""
    before = plan_of(models=["counter"])
    after = plan_of(**{"models": ["counter"], **CHANGES[change]})

    assert not _fingerprints(before, "finetune") & _fingerprints(after, "finetune")


def test_what_does_not_matter_does_not(plan_of: PlanOf) -> None:
    """Names, descriptions and limits of a suite are not part of a step; load is not part of training."""
    before = plan_of()
    after = plan_of(name="other", description="words", limits={"time_s": 5})
    longer = plan_of(serve={"seconds": 9, "queries": 5})

    assert _fingerprints(before) == _fingerprints(after)
    assert _fingerprints(before, "finetune") == _fingerprints(longer, "finetune")
    assert not _fingerprints(before, "serve") & _fingerprints(longer, "serve")


def test_a_training_in_one_process_has_no_number_of_them(plan_of: PlanOf) -> None:
    """Its spec, and so its fingerprint, are those from before there could be several."""
    before, after = plan_of(), plan_of(budgets={"pretrain": {"steps": 2}, "finetune": {"steps": 2, "processes": 1}})
    both = plan_of(budgets={"pretrain": {"steps": 2}, "finetune": {"steps": 2, "processes": 2}})
    budgets = [step.spec["budget"] for step in [*after.steps, *both.steps] if step.kind == "finetune"]

    assert _fingerprints(before) == _fingerprints(after)
    assert {budget.get("processes") for budget in budgets} == {None, 2}


def test_a_load_without_arrivals_has_no_rates(plan_of: PlanOf) -> None:
    """Keys of other scenarios change no step of Offline, whose fingerprint is that from before there were any."""
    before = plan_of(serve={"seconds": 9, "queries": 5})
    after = plan_of(serve={"seconds": 9, "queries": 5, "rates": [2], "limits": {"latency_s": 1}, "percentile": 90})

    assert _fingerprints(before) == _fingerprints(after)
    assert {str(step.spec["load"]) for step in after.steps if step.kind == "serve"} == {
        "{'seconds': 9.0, 'queries': 5}"
    }


def test_a_plugins_source_is_part_of_its_steps(plan_of: PlanOf, tmp_path: Path) -> None:
    """Editing a model invalidates its results; editing a comment does not."""
    toy = Path(__file__).with_name("toy_plugin.py").read_text(encoding="utf-8")
    plans = []
    for text in (toy, toy.replace("1 / self.seen", "2 / self.seen"), toy + "# edited\n"):
        file = tmp_path / "toy_copy.py"
        file.write_text(text, encoding="utf-8")
        from harness.plugin_files import FILE, import_file

        plugins = Plugins()
        plugins.load("toy_copy", str(file), FILE, lambda file=file: import_file(file))
        plans.append(plan_of(plugins))

    assert not _fingerprints(plans[0]) & _fingerprints(plans[1])
    assert _fingerprints(plans[0]) == _fingerprints(plans[2])


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    models=st.permutations(["counter", "guess"]),
    runtimes=st.permutations(["plain", "paper"]),
    seeds=st.lists(st.integers(1, 9), min_size=1, max_size=3, unique=True),
)
def test_every_plan_can_be_done_in_order(
    plan_of: PlanOf, models: list[str], runtimes: list[str], seeds: list[int]
) -> None:
    """Steps come after their inputs, none is there twice, and the order of axes changes no step."""
    plan = plan_of(models=models, runtimes=runtimes, seeds=[0, *seeds])
    again = plan_of(models=models[::-1], runtimes=runtimes[::-1], seeds=[0, *seeds[::-1]])
    seen: set[str] = set()
    for step in plan.steps:
        assert set(step.inputs.values()) <= seen
        assert step.fingerprint not in seen
        seen.add(step.fingerprint)

    assert seen == _fingerprints(again)


def test_include_and_exclude_select_cases(plan_of: PlanOf) -> None:
    """A rule matches a value or a list; exclude wins."""
    only = plan_of(include=[{"model": ["counter"], "runtime": "plain"}])
    without = plan_of(exclude=[{"runtime": "paper"}])

    assert {step.spec["model"] for step in only.steps} == {"counter"}
    assert {step.spec.get("runtime") for step in without.steps} == {None, "plain"}


def test_data_is_looked_at_before_anything_is_done(plan_of: PlanOf, toys: Plugins) -> None:
    """The user sees a task's error about its data; data of finished steps are not checked."""
    plan = plan_of(tasks=[{"name": "parity", "data": "bad.csv"}])
    with pytest.raises(DataError, match=r"'bad\.csv', row 3"):
        check_data(plan, toys)
    check_data(plan.against(dict.fromkeys(_fingerprints(plan), "ok")), toys)


def test_a_budget_must_come_from_somewhere(plan_of: PlanOf) -> None:
    """The error for a missing fine-tuning budget says what to write."""
    with pytest.raises(SuiteError, match="No budget for fine-tuning"):
        plan_of(budgets={"pretrain": {"steps": 1}})


def test_the_estimate_comes_from_earlier_records(plan_of: PlanOf) -> None:
    """The median of similar steps; steps without a record are counted, not estimated."""
    plan = plan_of(models=["guess"], runtimes=["plain"])
    tuned = next(step for step in plan.steps if step.kind == "finetune")
    records = [
        Record(
            id=str(s),
            fingerprint=str(s),
            step="finetune",
            outcome="ok",
            spec=tuned.spec,
            inputs={},
            started_at="2026-11-23",
            environment={},
            readings={"wall_s": Reading(s, "s")},
        )
        for s in (1.0, 2.0, 30.0)
    ]

    assert estimate_s(plan.steps, records) == (2.0, 2)


CHIP = """
import harness
class Chip(harness.Hardware):
    name, summary, device = "{name}", "A chip", "{device}"
    def unavailable(self): return None
    def describe(self): return {{"device_name": "chip", "price_item": "chip", "price_quantity": 1}}
    def meters(self): return []
@harness.hookimpl
def harness_hardware(): return [Chip()]
"""


@pytest.mark.parametrize(("device", "why"), [("cpu", None), ("warp:1", "plain does not run on warp:1 devices")])
def test_a_runtime_takes_any_hardware_with_a_device_it_knows(
    plan_of: PlanOf, toys: Plugins, tmp_path: Path, device: str, why: str | None
) -> None:
    """Runtimes need not know a chip; an unsupported one is reported before it is tried."""
    file = tmp_path / "chip.py"
    file.write_text(CHIP.format(name="chip", device=device), encoding="utf-8")
    toys.load_files([str(file)])
    plan = plan_of(hardware=["chip"], runtimes=["plain"])

    assert {step.unsupported for step in plan.steps if step.kind == "serve"} == {why}


FAR = Probe(None, {"device_name": "far", "price_quantity": 8}, 64.0, {"plain": None, "paper": "no paper there"})


def test_a_suite_is_planned_for_the_machines_that_do_its_steps(plan_of: PlanOf, toys: Plugins) -> None:
    """What they say of hardware and runtimes counts; thread variables are those of the planning machine."""
    here = plan_of(models=["counter"])
    toys.elsewhere = lambda _: FAR
    there = plan_of(models=["counter"])

    assert {step.basis["machine"]["device_name"] for step in there.steps} == {"far"}
    assert {step.basis["threads"]["usable_cores"] for step in there.steps} == {64.0}
    assert _fingerprints(here).isdisjoint(_fingerprints(there))
    assert {step.spec["runtime"]: step.unsupported for step in there.steps if step.kind == "serve"} == {
        "plain": None, "paper": "no paper there",
    }  # fmt: skip


def test_hardware_that_the_other_machines_lack_is_told(plan_of: PlanOf, toys: Plugins) -> None:
    """Though this machine has it."""
    toys.elsewhere = lambda _: Probe("no node of the cluster has CPU: 1", {}, 0, {})
    with pytest.raises(SuiteError, match="Hardware 'here' cannot be used here: no node of the cluster has CPU: 1"):
        plan_of(models=["counter"])


def test_hardware_that_takes_nothing_of_a_node_is_asked_here(
    plan_of: PlanOf, toys: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its steps are done by the planning machine."""
    here = plan_of(models=["counter"])
    monkeypatch.setattr(type(toys.hardware["here"]), "resources", {})
    toys.elsewhere = lambda _: FAR

    assert {step.basis["machine"]["device_name"] for step in plan_of(models=["counter"]).steps} == {
        step.basis["machine"]["device_name"] for step in here.steps
    }


def test_a_model_is_measured_on_hardware_that_it_uses(
    plan_of: PlanOf, toys: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A baseline for processors does not cost the hour of a chip; its steps are those of a suite on processors."""
    file = tmp_path / "chip.py"
    file.write_text(CHIP.format(name="chip", device="warp:1"), encoding="utf-8")
    toys.load_files([str(file)])
    monkeypatch.setattr(type(toys.models["guess"]), "devices", ("cpu",))
    plan = plan_of(hardware=["chip"], runtimes=["plain"])
    both = plan_of(hardware=["chip", "here"], runtimes=["plain"])
    alone = plan_of(models=["guess"], hardware=["here"], runtimes=["plain"])

    assert {(step.spec["model"], step.spec["hardware"]) for step in plan.steps} == {
        ("counter", "chip"), ("guess", "here"),
    }  # fmt: skip
    assert plan.moved == {"guess": "here"}
    assert _fingerprints(alone) <= _fingerprints(plan) < _fingerprints(both)
    assert (both.cases, both.moved) == (3, {})


def test_a_model_without_hardware_that_it_uses_is_unsupported(
    plan_of: PlanOf, toys: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not measured on other hardware under its name."""
    monkeypatch.setattr(type(toys.models["guess"]), "devices", ("warp",))
    plan = plan_of(models=["guess"], runtimes=["plain"])

    assert {step.unsupported for step in plan.steps if step.kind in ("evaluate", "serve")} == {
        "guess does not compute on cpu devices"
    }
    assert plan.moved == {}


CHOOSY = """
from importlib.util import find_spec
import harness
class Choosy(harness.Runtime):
    name, summary, format = "choosy", "A runtime that needs a library", "paper"
    def unavailable(self, kind): return f"no library for {kind}"
    def predictor(self, model, assignment, trained, exported): raise AssertionError
@harness.hookimpl
def harness_runtimes(): return [Choosy()]
"""


def test_a_runtime_that_lacks_something_is_told_before(plan_of: PlanOf, toys: Plugins, tmp_path: Path) -> None:
    """The reason is per type of device, nothing is exported for it, and the listing shows it."""
    file = tmp_path / "choosy.py"
    file.write_text(CHOOSY, encoding="utf-8")
    toys.load_files([str(file)])
    plan = plan_of(models=["counter"], runtimes=["choosy"])

    assert {step.unsupported for step in plan.steps if step.kind in ("evaluate", "serve")} == {"no library for cpu"}
    assert not _fingerprints(plan, "export")
    assert "On: cpu. Not on cpu here: no library for cpu" in as_text(toys)


ODD = """
import importlib.util, sys
from pathlib import Path
import harness

spec = importlib.util.spec_from_file_location("toys_of_odd", {toy!r})
toys = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = toys
spec.loader.exec_module(toys)


def make(called, depth):
    class Made(toys.Counter):
        name = called
        def identity(self, settings):
            return str(depth)[:0]
    return Made()


class Lazy(toys.Counter):
    name = "lazy"
    def __init__(self, scale):
        self.scale, self._found = scale, None
    def identity(self, settings):
        self._found = self._found or "found"
        return ""


@harness.hookimpl
def harness_models():
    return [make("made", 2), Lazy(3)]
"""


def _with_toys(file: Path) -> Plugins:
    plugins = Plugins()
    plugins.load_files([str(Path(__file__).with_name("toy_plugin.py")), str(file)])
    return plugins


def _odd(tmp_path: Path, plan_of: PlanOf, old: str = "", new: str = "") -> list[set[str]]:
    """Return the fingerprints of two plans in a row with the odd models as written."""
    file = tmp_path / "odd.py"
    text = ODD.format(toy=str(Path(__file__).with_name("toy_plugin.py")))
    file.write_text(text.replace(old, new) if old else text, encoding="utf-8")
    plugins = _with_toys(file)
    return [_fingerprints(plan_of(plugins, models=["made", "lazy"])) for _ in range(2)]


def test_what_a_model_keeps_for_later_changes_no_fingerprint(plan_of: PlanOf, tmp_path: Path) -> None:
    """Planning twice in one process gives the same plan."""
    first, second = _odd(tmp_path, plan_of)

    assert first == second


@pytest.mark.parametrize(("old", "new"), [('make("made", 2)', 'make("made", 5)'), ("Lazy(3)", "Lazy(4)")])
def test_what_a_model_is_made_with_is_part_of_its_steps(old: str, new: str, plan_of: PlanOf, tmp_path: Path) -> None:
    """By a factory's arguments, whose whole file then counts, or by its own."""
    before, after = _odd(tmp_path, plan_of)[0], _odd(tmp_path, plan_of, old, new)[0]

    assert before - after
    assert bool(before & after) == (old != "Lazy(3)")


def test_a_plugin_that_exits_is_bad_input(plan_of: PlanOf, toys: Plugins, monkeypatch: pytest.MonkeyPatch) -> None:
    """The harness does not end with it."""
    monkeypatch.setattr(type(toys.tasks["parity"]), "identity", lambda *_: sys.exit(3))
    with pytest.raises(PluginError, match="identity of 'parity' raised SystemExit: 3"):
        plan_of()
