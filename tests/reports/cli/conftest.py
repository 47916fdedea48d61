"""A store with answers to questions, and a rubric: what people and judges grade."""

from __future__ import annotations

import csv
import shutil
import subprocess
from pathlib import Path

import pytest

RUBRIC = """name: helpful
as_of: 2026-11-27
source: the support team
question: Is the answer right?
scale: {1: wrong, 2: partly right, 3: right}
good_from: 3
"""
SUITE = """name: asked
models: [nearest]
tasks: [{name: open-answers, data: faq.csv}]
budgets: {finetune: {steps: 1}}
serve: {seconds: 0.05, queries: 2}
"""
QUESTIONS = 20
"""Of the test split, a fifth of all."""


@pytest.fixture(scope="session")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a rubric, and a store with the answers of a model to `QUESTIONS` questions.

    The texts have line ends, quotes and commas, as those of people do.
    """
    folder = tmp_path_factory.mktemp("answered")
    with (folder / "faq.csv").open("w", encoding="utf-8", newline="") as file:
        rows = [(f"What is number {number}?\nSay it.", f'It is "{number}", or so.') for number in range(5 * QUESTIONS)]
        csv.writer(file).writerows([("input", "reference"), *rows])
    (folder / "suite.yaml").write_text(SUITE, encoding="utf-8")
    (folder / "rubric.yaml").write_text(RUBRIC, encoding="utf-8")
    command = ["harness", "run", "suite.yaml", "--store", "store"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def folder(answered: Path, tmp_path: Path) -> Path:
    """Return a copy of that folder."""
    return Path(shutil.copytree(answered, tmp_path / "copy"))
