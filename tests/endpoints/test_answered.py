"""Answers survive a kill: what was paid for is not asked again."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.plugin_files import import_file
from harness.plugins import load_plugins
from harness.seams.prompts import messages
from harness.settings import filled
from harness.store import open_store
from harness_endpoints._answered import FILE, Answered, key

server = import_file(Path(__file__).with_name("server.py"))
Behaviour, Server = server.Behaviour, server.Server

SUITE = """name: asked
models: [{{name: "openai:tiny", settings: {{base_url: "{url}", max_tokens: 8}}}}]
tasks: [{{name: text-classification, data: mood.csv}}]
batch_sizes: [{in_flight}]
serve: {{seconds: 0.05, queries: 2}}
"""
CLASSES = ("calm", "glad", "sad")
IN_FLIGHT = 8
KILLS = 20
COMMAND = ["harness", "run", "asked.yaml", "--store", "store"]


def write(folder: Path, url: str, rows: int) -> None:
    """Write the suite and its data."""
    lines = "".join(f"Entry {number} of the diary,{CLASSES[number % 3]}\n" for number in range(rows))
    (folder / "mood.csv").write_text(f"text,label\n{lines}", encoding="utf-8")
    (folder / "asked.yaml").write_text(SUITE.format(url=url, in_flight=IN_FLIGHT), encoding="utf-8")


def evaluations(folder: Path) -> list[Any]:
    """Return the records of evaluations, oldest first."""
    return [record for record in open_store(str(folder / "store")).records() if record.step == "evaluate"]


@pytest.mark.parametrize(
    "line", ["nonsense", "[]", '{"key": 1, "row": {}}', '{"key": "a"}', '{"key": "a", "row": 5}', "[" * 9999]
)
def test_a_damaged_line_is_no_answer(line: str, tmp_path: Path) -> None:
    """It is asked again; those around it are kept."""
    for prompt in "ab":
        answered = Answered(tmp_path)
        answered.keep(prompt, {"answer": prompt})
        answered.close()
        with (tmp_path / FILE).open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
    read = Answered(tmp_path)

    assert [read.take(prompt) for prompt in "abc"] == [{"answer": "a"}, {"answer": "b"}, None]


@given(prompts=st.lists(st.sampled_from("abc"), max_size=12), cut=st.integers(0, 400))
def test_whole_lines_are_read_wherever_the_file_was_cut(prompts: list[str], cut: int) -> None:
    """A prompt that was asked twice has two answers, in their order; what is kept next is read, too."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "deep" / "folder"
        first = Answered(folder)
        for number, prompt in enumerate(prompts):
            first.keep(prompt, {"answer": str(number)})
        first.close()
        content = (folder / FILE).read_bytes() if prompts else b""
        if prompts:
            (folder / FILE).write_bytes(content[:cut])
        whole = content[:cut].count(b"\n")
        second = Answered(folder)
        taken = [second.take(prompt) for prompt in prompts]
        second.keep("d", {"answer": "later"})
        second.close()

        assert [row and row["answer"] for row in taken] == [str(n) if n < whole else None for n in range(len(prompts))]
        assert Answered(folder).take("d") == {"answer": "later"}


def test_whole_lines_are_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill at any moment of opening leaves them: the file is never shorter than they are."""
    first = Answered(tmp_path)
    first.keep("a", {"answer": "1"})
    first.close()
    file = tmp_path / FILE
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"key": "half')
    sizes: list[int] = []
    truncate = os.truncate
    monkeypatch.setattr(os, "truncate", lambda path, size: (sizes.append(size), truncate(path, size)))
    monkeypatch.setattr(Path, "write_bytes", lambda *_: pytest.fail("the file is written anew"))

    for _ in range(2):
        assert Answered(tmp_path).take("a") == {"answer": "1"}
    assert file.read_bytes() == whole
    assert sizes == [len(whole)]


def test_without_a_folder_nothing_is_kept(tmp_path: Path) -> None:
    """As where answers are timed."""
    answered = Answered(None)
    answered.keep("a", {"answer": "1"})

    assert answered.take("a") is None
    assert list(tmp_path.iterdir()) == []


def test_after_a_failure_only_what_is_missing_is_asked(tmp_path: Path, harness_command: Any) -> None:
    """The answers that came before the failure count; what they leave is removed with success."""
    write(tmp_path, "http://127.0.0.1:1/v1", 100)
    turns = graded(tmp_path)
    prompts = [one[-1]["content"] for one in turns]
    with Server(planted={prompts[-1]: Behaviour(statuses=(400,))}) as failing:
        write(tmp_path, failing.url, 100)
        failed = harness_command(tmp_path, "run", "asked.yaml", "--store", "store")
    left = kept(tmp_path)
    with Server() as sound:
        write(tmp_path, sound.url, 100)
        done = harness_command(tmp_path, "run", "asked.yaml", "--store", "store")
        asked_again = sound.prompts("asked")[: len(prompts) - len(left)]

    assert failed.code == 1
    assert "bad request" in evaluations(tmp_path)[0].reason
    assert len(left) >= len(prompts) - IN_FLIGHT
    assert done.code == 0, done.stderr
    assert sorted(asked_again) == sorted(one[-1]["content"] for one in turns if key(one) not in left)
    assert len(evaluations(tmp_path)[-1].scores["correct"]) == len(prompts)
    assert not list((tmp_path / "store").rglob(FILE))


def graded(folder: Path) -> list[Any]:
    """Return the messages of each item of the test split."""
    task = load_plugins().find("tasks", "text-classification")
    data: Any = task.data(str(folder / "mood.csv"), filled({}, task.settings))
    return [messages(data.prompts(), text) for text in data.examples("test").inputs]


def kept(folder: Path) -> set[str]:
    """Return the keys of the answers that attempts have left."""
    files = (folder / "store").rglob(FILE)
    return {json.loads(line)["key"] for file in files for line in file.read_text(encoding="utf-8").splitlines()}


@pytest.mark.slow
def test_kills_ask_nothing_twice_but_what_was_in_flight(tmp_path: Path) -> None:
    """The server's own log tells: 300 items, 20 times kill -9 at any moment of the evaluation."""
    log, draw = tmp_path / "log.jsonl", Random(0)  # noqa: S311 - no secret
    with server.own_process("--first", "0.05", "0.1", "0.2", "0.3", "--log", str(log)) as url:
        write(tmp_path, url, 1500)
        turns = graded(tmp_path)
        for _ in range(KILLS):
            process = subprocess.Popen(COMMAND, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            until = len(answered(log)) + draw.randint(1, 6)
            while len(answered(log)) < until:
                assert process.poll() is None
                time.sleep(0.01)
            process.kill()
            process.wait()
            time.sleep(0.5)  # the worker ends with the harness
        before, left = answered(log), kept(tmp_path)
        done = subprocess.run(COMMAND, cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", check=False)
        after = answered(log)[len(before) :]

    missing = [one[-1]["content"] for one in turns if key(one) not in left]
    assert len(turns) >= 300
    assert done.returncode == 0, done.stderr
    assert 0 <= len(before) - len(left) <= KILLS * IN_FLIGHT
    assert sorted(after[: len(missing)]) == sorted(missing)
    assert len(evaluations(tmp_path)[-1].scores["correct"]) == len(turns)


def answered(log: Path) -> list[str]:
    """Return the prompts that the server has answered."""
    lines = log.read_bytes().rpartition(b"\n")[0].splitlines() if log.exists() else []
    return [entry["prompt"] for entry in map(json.loads, lines) if entry["event"] == "answered"]
