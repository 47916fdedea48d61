"""The document for plugin authors: every file in it runs and passes the kit, every hook stands in it as it is."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness import hookspecs
from harness.plugins import load_plugins
from harness.testing import check

README = (Path(__file__).parents[1] / "plugins" / "README.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"<!-- file: (\w+\.py) -->\n```python\n(.*?)```", README, re.DOTALL))
LANGUAGES = {"python", "sh", "text", "toml", "yaml"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in ("keras_lstm.py", "haste.py", "restorer.py") else [])
        for name in FILES
    ],
)
def test_a_file_of_the_document_passes_the_kit(tmp_path: Path, name: str) -> None:
    """It loads, and no check fails."""
    file = tmp_path / name
    file.write_text(FILES[name], encoding="utf-8")
    findings = check(str(file))

    assert findings.ok, str(findings)


def test_pretraining_runs_before_fine_tuning(tmp_path: Path, libraries_at_hand: None, harness_command: Any) -> None:
    """The model with pretraining has both steps in a plan, and they can be done."""
    (tmp_path / "restorer.py").write_text(FILES["restorer.py"], encoding="utf-8")
    (tmp_path / "s.yaml").write_text(
        "{name: s, models: [restorer], tasks: [text-classification], serve: {seconds: 0.1},"
        " budgets: {pretrain: {steps: 5}, finetune: {steps: 5}}}",
        encoding="utf-8",
    )
    done = harness_command(tmp_path, "run", "s.yaml", "--plugin", "restorer.py")

    assert done.code == 0, done.stdout + done.stderr
    assert re.findall(r"\] (\w+) restorer", done.stdout) == ["pretrain", "finetune", "evaluate", "serve"]


def test_the_test_of_three_lines_is_a_test(tmp_path: Path) -> None:
    """As printed it runs the kit on a plugin that is there."""
    snippet = re.search(r"```python\n(import harness\.testing.*?)```", README, re.DOTALL)
    assert snippet is not None
    (tmp_path / "coin.py").write_text(FILES["coin.py"], encoding="utf-8")
    (tmp_path / "test_coin.py").write_text(snippet.group(1).replace('"coin"', '"coin.py"'), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_coin.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
    assert re.search(r"\d+ passed, \d+ skipped", done.stdout), done.stdout


def test_every_hook_has_a_heading_with_its_signature() -> None:
    """As it is in the hookspecs, in their order, and none that is not there."""
    hooks = [
        f"{name}{inspect.signature(function)}".replace("'", "")
        for name, function in vars(hookspecs).items()
        if name.startswith("harness_")
    ]

    assert re.findall(r"^### `(harness_.*)`$", README, re.MULTILINE) == hooks


def test_every_block_is_of_a_known_language_and_every_file_is_named() -> None:
    """A Python block is a file that is tested, or the test of three lines."""
    blocks = re.findall(r"^```(\w+)$", README, re.MULTILINE)

    assert set(blocks) == LANGUAGES
    assert blocks.count("python") == len(FILES) + 1


def test_the_commands_of_the_document_exist() -> None:
    """Subcommands, templates and schemes are there."""
    plugins = load_plugins()
    help_text = subprocess.run(["harness", "--help"], capture_output=True, text=True, check=True).stdout
    named = re.findall(r"^harness (\w+)", README, re.MULTILINE)

    assert all(re.search(rf"^\s+{command}\s", help_text, re.MULTILINE) for command in named), named
    assert {"endpoint", "model", "task", "hardware", "runtime", "usecase"} == set(plugins.templates)
    assert set(re.findall(r"--model (\w+):", README)) == set(plugins.model_schemes)
