"""Real servers: every text task by prompts, and the answers of a checkpoint served and in the process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.records import Record
from harness.store import open_store

pytestmark = pytest.mark.servers

TASKS = ("text-classification", "question-answering", "translation", "information-extraction", "summarization")
ITEMS, MAX_TOKENS = 40, 16
WAYS = {None: "in the process", True: "streamed", False: "whole"}
"""How an answer comes, by the setting `stream`."""


def suite(running: Any, checkpoint: Path, shots: int) -> dict[str, Any]:
    """Return a suite of a checkpoint in the process, and served with streams and without."""
    common = {"max_tokens": MAX_TOKENS, "shots": shots}
    served = {"base_url": running.url, **common}
    names = [f"hf:{checkpoint}", *[f"openai:{running.model}"] * 2]
    settings = [common, {**served, "stream": True}, {**served, "stream": False}]
    return {
        "name": "servers",
        "models": [{"name": name, "settings": each} for name, each in zip(names, settings, strict=True)],
        "tasks": list(TASKS),
        "starts": ["as-is"],
        "batch_sizes": [4],
        "scenarios": ["SingleStream"],
        "evaluate": {"max_items": ITEMS},
        "serve": {"seconds": 0.1, "queries": 3},
    }


@pytest.fixture(scope="module", params=[0, 2], ids=["zero-shot", "few-shot"])
def records(
    request: pytest.FixtureRequest, running: Any, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[Record]:
    """Run the suite and return its records."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "servers.yaml").write_text(json.dumps(suite(running, checkpoint, request.param)), encoding="utf-8")
    command = [str(Path(sys.executable).with_name("harness")), "run", "servers.yaml", "--store", "store"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr
    made = list(open_store(str(folder / "store")).records())
    print("\n".join(["", *_figures(made, request.param, running.server)]))  # noqa: T201
    return made


def test_every_step_is_done_and_timed(records: list[Record]) -> None:
    """Evaluated and served, each task in each way; an answer that is streamed has a first token."""
    steps = {(each.spec["task"], WAYS[each.spec["settings"].get("stream")], each.step): each for each in records}

    assert len(steps) == len(records) == len(TASKS) * len(WAYS) * 2
    assert {each.outcome for each in records} == {"ok"}
    for task in TASKS:
        streamed = _evaluations(records, task)["streamed"].usage["test"]
        firsts = zip(streamed["first_token_s"], streamed["answer"], strict=True)
        assert all(first is not None for first, answer in firsts if answer)


@pytest.mark.parametrize("task", TASKS)
def test_answers_are_the_same_served_and_in_the_process(records: list[Record], task: str) -> None:
    """Item by item, with a stream and without, and so are the tokens: the server's own count, and the checkpoint's."""
    rows = {way: record.usage["test"] for way, record in _evaluations(records, task).items()}
    process = rows["in the process"]

    assert len(process["answer"]) == ITEMS
    assert len(set(process["answer"])) > 1
    for way in ("streamed", "whole"):
        assert rows[way]["answer"] == process["answer"], way
        assert rows[way]["input_tokens"] == process["input_tokens"], way


def test_what_was_learned_is_above_guessing(records: list[Record]) -> None:
    """The accuracy is above the 95 % interval of what guessing reaches on as many items."""
    if records[0].spec["settings"]["shots"]:
        pytest.skip("Few-shot prompts are longer than those of the training.")
    for record in _evaluations(records, "text-classification").values():
        correct, guessed = record.scores["correct"], record.metrics[0]["random_baseline"]

        assert sum(correct) / len(correct) > guessed + 1.96 * (guessed * (1 - guessed) / len(correct)) ** 0.5


def _evaluations(records: list[Record], task: str) -> dict[str, Record]:
    """Return the evaluations of a task by the way in which answers came."""
    graded = [each for each in records if each.step == "evaluate" and each.spec["task"] == task]
    return {WAYS[each.spec["settings"].get("stream")]: each for each in graded}


def _figures(records: list[Record], shots: int, server: str) -> list[str]:
    """Return rows of a table: task, shots, way, metric, answers that are those in the process, seconds."""
    lines = []
    for task in TASKS:
        graded = _evaluations(records, task)
        process = graded["in the process"].usage["test"]["answer"]
        for way, record in graded.items():
            answers, metric = record.usage["test"]["answer"], record.metrics[0]
            same = sum(one == other for one, other in zip(answers, process, strict=True))
            lines.append(
                f"| {server} | {task} | {shots} | {way} | {metric['name']} {record.metric_value(metric):.3f} | "
                f"{same}/{len(answers)} | {record.value('wall_s'):.1f} |"
            )
    return lines
