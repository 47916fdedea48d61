"""From nothing to a plan: `harness new endpoint` writes a suite to edit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.plugin_files import import_file

server = import_file(Path(__file__).with_name("server.py"))
Server = server.Server
URL = "http://127.0.0.1:8000/v1"


@pytest.fixture
def written(tmp_path: Path, harness_command: Any) -> Path:
    """Return the file."""
    done = harness_command(tmp_path, "new", "endpoint", "acme-chat")
    assert done.stdout.splitlines() == [
        "wrote acme_chat.yaml", "next:", "  harness run acme_chat.yaml --dry-run"
    ]  # fmt: skip
    return tmp_path / "acme_chat.yaml"


def test_with_name_and_url_it_is_a_plan(written: Path, harness_command: Any) -> None:
    """Of the model and the baselines; nothing but the list of models is asked of the server."""
    text = written.read_text(encoding="utf-8")
    with Server() as one:
        written.write_text(text.replace(f"MODEL@{URL}", f"tiny@{one.url}"), encoding="utf-8")
        done = harness_command(
            written.parent, "run", written.name, "--dry-run", "--task", "text-classification", "--max-items", "50"
        )

    assert "name: acme-chat\n" in text
    assert done.code == 0, done.stderr
    assert "evaluate openai:tiny on text-classification" in done.stdout
    assert "tfidf" in done.stdout
    assert one.prompts("asked") == []


def test_unedited_it_names_the_server(written: Path, harness_command: Any) -> None:
    """Whatever answers at the port that stands there, the model is none of its."""
    done = harness_command(written.parent, "run", written.name, "--dry-run", "--task", "text-classification")

    assert done.code == 2
    assert URL in done.stderr or "MODEL" in done.stderr
    assert "Next: " in done.stderr


def test_it_is_no_package(tmp_path: Path, harness_command: Any) -> None:
    """A suite cannot be installed: nothing is written."""
    done = harness_command(tmp_path, "new", "endpoint", "acme", "--package")

    assert (done.code, list(tmp_path.iterdir())) == (2, [])
    assert "Leave --package out" in done.stderr
