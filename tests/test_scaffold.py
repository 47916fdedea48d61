"""`harness new` writes plugins that pass the kit, can be measured and can be installed."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.errors import PluginError
from harness.plugins import Plugins, load_plugins
from harness.records import Record
from harness.scaffold import scaffold
from harness.store import peek_records
from harness.testing import check

TEMPLATES = ("hardware", "model", "runtime", "task", "usecase")
LONGEST = 59
"""Most lines of a template: people should read all of it."""


def _shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(shlex.split(command), cwd=folder, capture_output=True, text=True, check=False)


def _share(record: Record) -> float:
    return sum(record.scores["correct"]) / len(record.scores["correct"])


def test_the_next_commands_are_printed(tmp_path: Path, harness_command: Any) -> None:
    """They name the file that was written, and the run can be planned."""
    wrote, _, *commands = harness_command(tmp_path, "new", "model", "mine").stdout.splitlines()
    planned = harness_command(tmp_path, *shlex.split(commands[1])[1:], "--dry-run")

    assert wrote == "wrote mine.py"
    assert [c.strip() for c in commands] == ["harness check mine.py", "harness run quick --plugin mine.py --model mine"]
    assert planned.code == 0, planned.stderr
    assert "mine" in planned.stdout


@pytest.mark.slow
def test_from_nothing_to_a_measured_result(tmp_path: Path) -> None:
    """The printed commands work, and the model is accurate."""
    _, _, *commands = _shell("harness new model mine", tmp_path).stdout.splitlines()
    done = [_shell(command, tmp_path) for command in commands]
    graded = [record for record in peek_records(str(tmp_path / "harness-results")) if record.scores]

    assert [run.returncode for run in done] == [0, 0], [run.stdout + run.stderr for run in done]
    assert {record.spec["runtime"] for record in graded} == {"eager", "onnxruntime"}
    assert all(_share(record) > 0.8 for record in graded)


@pytest.mark.parametrize("what", TEMPLATES)
def test_a_template_passes_the_kit_under_any_name(tmp_path: Path, what: str) -> None:
    """It is short, nothing of the template's name is left, and all checks that can run pass."""
    plugins = load_plugins()
    (file,) = scaffold(plugins.templates[what], "tea-house.2", plugins, tmp_path, package=False)
    text = file.read_text(encoding="utf-8")
    findings = check(str(file))

    assert file.name == ("tea_house_2.yaml" if what == "usecase" else "tea_house_2.py")
    assert len(text.splitlines()) <= LONGEST
    assert "my-name" not in text.lower().replace("_", "-")
    assert ("name: tea-house.2" if what == "usecase" else "TeaHouse2") in text
    assert findings.ok, str(findings)


@pytest.mark.slow
def test_what_templates_write_is_measured(tmp_path: Path, libraries_at_hand: None, harness_command: Any) -> None:
    """Model, task, hardware and runtime in one run with the printed options; the records have their names."""
    options: list[str] = []
    for what in ("hardware", "model", "runtime", "task"):
        command = harness_command(tmp_path, "new", what, f"my-{what}").stdout.splitlines()[-1].strip()
        arguments = ["--plugin", f"my_{what}.py", f"--{what}", f"my-{what}"]
        assert command.startswith(f"harness run quick {shlex.join(arguments)}")
        options += arguments
    entries = "models: [tfidf], tasks: [text-classification]"
    suite = f"{{name: s, {entries}, budgets: {{finetune: {{steps: 100}}}}, serve: {{seconds: 0.1}}}}"
    (tmp_path / "s.yaml").write_text(suite, encoding="utf-8")
    done = harness_command(tmp_path, "run", "s.yaml", *options, "--runtime", "onnxruntime")
    records = peek_records(str(tmp_path / "harness-results"))

    assert done.code == 0, done.stdout + done.stderr
    for what in ("hardware", "model", "task"):
        assert {record.spec[what] for record in records} == {f"my-{what}"}
    assert {record.spec["runtime"] for record in records if record.scores} == {"my-runtime", "onnxruntime"}
    assert all(_share(record) > 0.8 for record in records if record.scores)


def test_a_package_installs_and_tests_itself(tmp_path: Path, harness_command: Any) -> None:
    """The project's entry point is found, and its test of three lines runs the whole kit."""
    new = harness_command(tmp_path, "new", "usecase", "mine", "--package")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-compile"]
    done = subprocess.run(
        [*install, "--target", "site", "./mine"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    environment.pop("PYTHONWARNDEFAULTENCODING", None)
    listing = subprocess.run(["harness", "plugins"], env=environment, capture_output=True, text=True, check=True).stdout
    pytest_command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "mine"]
    tested = subprocess.run(pytest_command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert [line for line in new.stdout.splitlines() if line.startswith("wrote")] == [
        "wrote mine/mine.yaml", "wrote mine/mine.py", "wrote mine/pyproject.toml", "wrote mine/tests/test_mine.py",
    ]  # fmt: skip
    assert "mine         harness-mine 0.1.0" in listing
    assert "5 passed" in tested.stdout, tested.stdout


@pytest.mark.parametrize("name", ["", "../up", "Bad", "class", "9lives", "a b", "ünder", "-x"])
def test_a_name_that_cannot_be_used_is_refused(tmp_path: Path, toys: Plugins, name: str) -> None:
    """Nothing is written then."""
    template = load_plugins().templates["model"]
    with pytest.raises(PluginError, match="cannot be used as a name"):
        scaffold(template, name, toys, tmp_path, package=True)

    assert not list(tmp_path.iterdir())


def test_a_taken_name_and_a_file_that_is_there_are_refused(tmp_path: Path, harness_command: Any) -> None:
    """Nothing is overwritten, and the name must be new among all parts and plugins."""
    (tmp_path / "mine.py").write_text("precious", encoding="utf-8")
    results = [
        harness_command(tmp_path, "new", "model", name)
        for name in ("mine", "bert", "text-classification", "eager", "language")
    ]

    assert [done.code for done in results] == [2] * 5
    assert "'mine.py' is there already" in results[0].stderr
    assert "taken by a model" in results[1].stderr
    assert "taken by a plugin" in results[4].stderr
    assert [path.read_text(encoding="utf-8") for path in tmp_path.iterdir()] == ["precious"]


def test_an_unknown_template_is_answered_with_the_nearest(tmp_path: Path, harness_command: Any) -> None:
    """And the list."""
    done = harness_command(tmp_path, "new", "modle", "mine")

    assert done.code == 2
    assert (
        "Unknown template 'modle'. Did you mean 'model'? Known: endpoint, hardware, model, runtime, task, usecase."
        in done.stderr
    )
