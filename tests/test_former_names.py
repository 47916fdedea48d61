"""Former names of tasks: they run, print the new name, and share its rows in tables."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import harness_reports
from harness import PluginError
from harness.errors import SuiteError
from harness.facts import UseCase
from harness.plan import Plan
from harness.plugins import Plugins
from harness.records import Record

PlanOf = Callable[..., Plan]
TOY = Path(__file__).with_name("toy_plugin.py").read_text(encoding="utf-8")
RENAMED = TOY.replace(
    '    data_name = "counting"',
    '    data_name = "counting"\n    former_names = {"evenness": "", "letter-parity": "letters"}',
)
SUITE = """\
name: mine
models: [counter]
tasks: [parity]
hardware: [here]
runtimes: [plain]
budgets: {finetune: {steps: 2}}
serve: {seconds: 0.05, queries: 5}
"""
NOTE = "note: the task 'evenness' is now called 'parity'\n"


@pytest.fixture
def renamed(tmp_path: Path) -> str:
    """Return the file of the toy family, with former names for its task."""
    file = tmp_path / "plugin" / "renamed.py"
    file.parent.mkdir()
    file.write_text(RENAMED, encoding="utf-8")
    return str(file)


@pytest.fixture
def toys(renamed: str) -> Plugins:
    """Return that family alone."""
    plugins = Plugins()
    plugins.load_files([renamed])
    return plugins


def _record(**spec: Any) -> Record:
    return Record(
        id="1", fingerprint="f" * 64, step="evaluate", outcome="ok", spec=spec, inputs={},
        started_at="2026-11-26T00:00:00+00:00",
    )  # fmt: skip


def test_a_former_name_runs_and_prints_the_new_one(tmp_path: Path, renamed: str, harness_command: Any) -> None:
    """One line on standard error; the step is that of the new name, and a table finds it under both."""
    (tmp_path / "mine.yaml").write_text(SUITE, encoding="utf-8")
    arguments = ["run", "mine.yaml", "--plugin", renamed]
    first = harness_command(tmp_path, *arguments, "--task", "evenness")
    second = harness_command(tmp_path, *arguments)
    table = ["table", "accuracy", "--format", "csv", "--plugin", renamed, "--task"]
    tables = [harness_command(tmp_path, *table, name) for name in ("evenness", "parity")]

    assert "Done: 3 ok" in first.stdout
    assert (first.stderr.count(NOTE), first.stderr.count("note: ")) == (1, 1)
    assert "nothing to do" in second.stdout
    assert [(one.stderr, one.stdout.splitlines()[1][:16]) for one in tables] == [
        (NOTE, "parity,counting,"), ("", "parity,counting,"),
    ]  # fmt: skip


def test_suites_may_have_former_names(plan_of: PlanOf) -> None:
    """Among tasks, for a model's tasks, and in rules: the plan is that of the new names."""
    former = plan_of(
        tasks=["evenness"], models=[{"name": "counter", "tasks": ["evenness"]}, "guess"],
        exclude=[{"task": ["evenness"], "seed": 1}],
    )  # fmt: skip
    current = plan_of(
        tasks=["parity"], models=[{"name": "counter", "tasks": ["parity"]}, "guess"],
        exclude=[{"task": "parity", "seed": 1}],
    )  # fmt: skip

    assert [step.fingerprint for step in former.steps] == [step.fingerprint for step in current.steps]
    assert {step.spec["task"] for step in former.steps} == {"parity"}
    assert {step.spec["seed"] for step in former.steps} == {0}


def test_a_name_that_stood_for_data_of_ones_own_asks_for_them(plan_of: PlanOf) -> None:
    """They get the implied name unless they are named."""
    with pytest.raises(SuiteError, match=r"'letter-parity' is 'parity' on data of your own.*--data-name letters"):
        plan_of(tasks=["letter-parity"])
    plain, named = (
        plan_of(tasks=[{"name": "letter-parity", "data": "a.csv", **more}]) for more in ({}, {"data_name": "mail"})
    )

    assert {(step.spec["task"], step.spec["data"]) for step in plain.steps} == {("parity", "letters")}
    assert {step.spec["data"] for step in named.steps} == {"mail"}


@pytest.mark.parametrize(
    ("spec", "task", "data"),
    [
        ({"task": "evenness", "source": None}, "parity", "counting"),
        ({"task": "evenness", "source": "in/mail.csv"}, "parity", "mail"),
        ({"task": "letter-parity", "source": "in/mail.csv"}, "parity", "letters"),
        ({"task": "parity", "source": None}, "parity", "counting"),
        ({"task": "parity", "source": "in/mail.csv", "data": "post"}, "parity", "post"),
        ({"task": "somebody-elses", "source": None}, "somebody-elses", "packaged"),
    ],
)
def test_records_are_read_under_the_names_of_today(
    toys: Plugins, spec: dict[str, Any], task: str, data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Old and new records share a table, without a note."""
    (record,) = toys.under_current_names([_record(**spec)])

    assert record == replace(_record(**spec), spec={**spec, "task": task, "data": data})
    assert capsys.readouterr().err == ""


def test_use_cases_may_have_former_names(toys: Plugins, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that implied data binds to them; data named in the file take precedence."""
    template = Path(harness_reports.__file__).parent / "templates" / "usecase.yaml"
    good = template.read_text(encoding="utf-8")
    for name, tasks, data in (("a", "evenness", ""), ("b", "letter-parity", ""), ("c", "evenness", "data: [mail]\n")):
        text = re.sub(r"tasks: .*\n", f"tasks: [{tasks}]\n{data}", good.replace("name: my-name", f"name: {name}"))
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
        toys.load_files([str(tmp_path / f"{name}.yaml")])
    cases: dict[str, UseCase] = {**toys.use_cases(), **toys.use_cases()}

    assert [(cases[name].tasks, cases[name].data) for name in "abc"] == [
        (("parity",), ()), (("parity",), ("letters",)), (("parity",), ("mail",)),
    ]  # fmt: skip
    assert capsys.readouterr().err == (
        f"{NOTE}note: the task 'letter-parity' is now called 'parity', on data called 'letters'\n"
    )


def test_a_former_name_is_claimed_once(toys: Plugins, tmp_path: Path) -> None:
    """Two plugins with the same one are an error, as with names; a current name takes precedence."""
    thief, heir = tmp_path / "thief.py", tmp_path / "heir.py"
    only = "@harness.hookimpl\ndef harness_tasks() -> list[harness.Task]:\n    return [Parity()]\n"
    body = RENAMED[: RENAMED.index("@harness.hookimpl")]
    thief.write_text(body.replace('name = "parity"', 'name = "other"') + only, encoding="utf-8")
    heir.write_text(
        body.replace('name = "parity"', 'name = "evenness"').replace("former_names", "unused") + only,
        encoding="utf-8",
    )
    with pytest.raises(PluginError, match=r"name 'evenness' among former_names is claimed twice"):
        toys.load_files([str(thief)])
    toys.load_files([str(heir)])

    assert toys.find("tasks", "evenness").name == "evenness"
