"""Files edited during a run: each record comes from one version, and the change is reported."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from harness.plan import Plan, Step
from harness.plugins import Plugins
from harness.records import Record
from harness.run import run_plan
from harness.screen import PlainScreen
from harness.store import Store

TOY = str(Path(__file__).with_name("toy_plugin.py"))
PlanOf = Callable[..., Plan]


class _Editing(PlainScreen):
    """Edits a file of the run while it goes on."""

    def __init__(self, edit: Callable[[], Any]) -> None:
        self._output = io.StringIO()
        super().__init__(Console(file=self._output, width=400))
        self._edit: Callable[[], Any] | None = edit
        self.changes: list[str] = []

    @property
    def output(self) -> str:
        """What the run has printed."""
        return self._output.getvalue()

    def end(self, record: Record) -> None:
        """Edit once, after the first fine-tuning."""
        super().end(record)
        if self._edit is not None and record.step == "finetune":
            self._edit()
            self._edit = None

    def changed(self, step: Step, what: Sequence[str]) -> None:
        """Keep the reported change."""
        super().changed(step, what)
        self.changes += what


def _toy_in(folder: Path) -> Path:
    """Return a copy of the toy family that may be edited."""
    return Path(shutil.copy(TOY, folder))


def _edit(file: Path, old: str = "1 / self.seen", new: str = "2 / self.seen") -> None:
    file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def _planned(plan_of: PlanOf, file: Path, **changes: Any) -> tuple[Plan, Plugins]:
    plugins = Plugins()
    plugins.load_files([str(file)])
    return plan_of(plugins, **{"models": ["counter"], "starts": ["scratch"], "runtimes": ["plain"]} | changes), plugins


def test_a_plugin_file_that_is_edited_in_mid_run_is_planned_again(
    plan_of: PlanOf, store: Store, tmp_path: Path
) -> None:
    """Every seed comes from the edited version; finished steps of the other are not reused."""
    file = _toy_in(tmp_path)

    def planned() -> tuple[Plan, Plugins]:
        return _planned(plan_of, file, seeds=[0, 1])

    screen = _Editing(lambda: _edit(file))
    summary = run_plan(*planned(), store, screen, [str(file)], planned)
    tuned = [record for record in store.records() if record.step == "finetune"]
    final = {step.fingerprint for step in planned()[0].steps}

    assert screen.changes == ["plugin toy_plugin → edited (model)"]
    assert summary.complete
    assert [(record.spec["seed"], record.series["loss"]) for record in tuned] == [
        (0, [1.0, 0.5]),
        (0, [2.0, 1.0]),
        (1, [2.0, 1.0]),
    ]
    assert final <= set(store.finished())


BREAKS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "is no Python": (lambda file: file.write_text("def (", encoding="utf-8"), "cannot be used. SyntaxError"),
    "is gone": (lambda file: file.unlink(), "No plugin file"),
    "brings nothing": (lambda file: file.write_text("", encoding="utf-8"), "Unknown hardware 'here'"),
    "is of no use here": (
        lambda file: _edit(file, "return None", "return 'unplugged'"),
        "plugin toy_plugin → edited (hardware), and the suite cannot be planned: Hardware 'here' cannot be used here",
    ),
}


@pytest.mark.parametrize("what", BREAKS)
def test_a_plugin_file_that_breaks_in_mid_run_stops_the_run(
    plan_of: PlanOf, store: Store, tmp_path: Path, what: str
) -> None:
    """It is reported once, not for each dependent; once fixed, the run goes on."""
    (break_it, told), file = BREAKS[what], _toy_in(tmp_path)
    screen = _Editing(lambda: break_it(file))
    plan, plugins = _planned(plan_of, file, seeds=[0, 1])
    summary = run_plan(plan, plugins, store, screen, [str(file)], lambda: _planned(plan_of, file, seeds=[0, 1]))

    assert [record.step for record in store.records()] == ["finetune"]
    assert (summary.skipped, summary.complete) == (len(plan.steps) - 1, False)
    assert screen.output.count("not tried") == 1
    assert told in screen.output
    shutil.copy(TOY, file)
    plan, plugins = _planned(plan_of, file, seeds=[0, 1])
    screen = PlainScreen(Console(file=io.StringIO()))
    assert run_plan(plan.against(store.finished()), plugins, store, screen, [str(file)]).complete
    assert len(store.records()) == len(plan.steps)


def test_without_a_way_to_plan_again_a_changed_step_fails_by_its_reason(
    plan_of: PlanOf, store: Store, tmp_path: Path
) -> None:
    """It is never recorded under another version."""
    file = _toy_in(tmp_path)
    plan, plugins = _planned(plan_of, file)
    _edit(file)
    summary = run_plan(plan, plugins, store, PlainScreen(Console(file=io.StringIO())), [str(file)])
    (record,) = store.records()

    assert record.outcome == "failed"
    assert record.reason == "It changes while it is measured: plugin toy_plugin → edited (model)."
    assert not summary.complete


DATA_IN_A_FILE = """
class FromFile(Parity):
    name = "from-file"
    settings = {}

    def identity(self, source, settings):
        return Path(source).read_text("utf-8")

    def data(self, source, settings):
        EDIT
        return Numbers(int(Path(source).read_text("utf-8")))


@harness.hookimpl(specname="harness_tasks")
def tasks_from_files():
    return [FromFile()]
"""
EDIT_THE_DATA = "Path(source).write_text('50', 'utf-8')"


@pytest.mark.parametrize("edit", ["", EDIT_THE_DATA])
def test_data_that_are_edited_before_they_are_loaded_are_planned_again(
    edit: str, plan_of: PlanOf, store: Store, tmp_path: Path
) -> None:
    """After the worker's check: what it measured is not recorded under the old data."""
    file, numbers = tmp_path / "toy_plugin.py", tmp_path / "numbers.txt"
    text = Path(TOY).read_text(encoding="utf-8") + DATA_IN_A_FILE.replace("EDIT", edit or "pass")
    file.write_text(text, encoding="utf-8")
    numbers.write_text("40", encoding="utf-8")

    def planned() -> tuple[Plan, Plugins]:
        plugins = Plugins()
        plugins.load_files([str(file)])
        tasks = [{"name": "from-file", "data": str(numbers)}]
        return plan_of(plugins, models=["guess"], tasks=tasks, runtimes=["plain"]), plugins

    plan, plugins = planned()
    screen = _Editing(lambda: None)
    summary = run_plan(plan, plugins, store, screen, [str(file)], planned)
    data = [(record.basis["data"], record.data_digest) for record in store.records()]

    assert summary.complete
    assert screen.changes == (["data changed"] if edit else [])
    assert set(data) == {("50", "numbers to 50") if edit else ("40", "numbers to 40")}


def test_a_module_that_is_edited_before_a_step_imports_it_is_not_recorded(
    plan_of: PlanOf, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module loaded before the first check may be edited: the step runs the loaded code."""
    monkeypatch.syspath_prepend(str(tmp_path))
    loaded, late = tmp_path / "helper_loaded.py", tmp_path / "helper_late.py"
    loaded.write_text("STEP = 1\n", encoding="utf-8")
    late.write_text("STEP = 1\n", encoding="utf-8")
    text = Path(TOY).read_text(encoding="utf-8").replace("import json\n", "import json\nimport helper_loaded\n", 1)
    text = text.replace(
        "        self.seen += 1\n",
        "        Path(self.settings['log']).write_text('STEP = 2', encoding='utf-8')\n"
        "        import helper_late\n"
        "        self.seen += helper_late.STEP * helper_loaded.STEP\n",
    )
    file = tmp_path / "toy_plugin.py"
    file.write_text(text, encoding="utf-8")
    plugins = Plugins()
    plugins.load_files([str(file)])
    outputs = {}
    for edited in (loaded, late):
        models = [{"name": "counter", "settings": {"log": str(edited)}}]
        plan = plan_of(plugins, models=models, starts=["scratch"], runtimes=["plain"])
        output = io.StringIO()
        run_plan(plan, plugins, store, PlainScreen(Console(file=output, width=300)), [str(file)])
        outputs[edited] = output.getvalue()
        edited.write_text("STEP = 1\n", encoding="utf-8")

    assert "(model: helper_late); what is loaded stays as it was: run the same command again" in outputs[late]
    assert [record.spec["settings"]["log"] for record in store.records() if record.step == "finetune"] == [str(loaded)]


def test_a_change_of_what_is_loaded_stops_the_run(plan_of: PlanOf, toys: Plugins, store: Store) -> None:
    """The fork server has the old library: nothing is recorded under the new one."""
    plan = plan_of(models=["guess"], runtimes=["plain"])
    first = plan.steps[0]
    older = replace(first, basis={**first.basis, "weights": "", "libraries": {"model": {"numpy": "0.1"}}})
    output = io.StringIO()
    screen = PlainScreen(Console(file=output, width=200))
    summary = run_plan(replace(plan, steps=(older, *plan.steps[1:])), toys, store, screen, [TOY])

    assert "numpy 0.1 → " in output.getvalue()
    assert "run the same command again" in output.getvalue()
    assert (summary.skipped, summary.complete) == (len(plan.steps), False)
    assert store.records() == []
