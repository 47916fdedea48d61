"""`harness data`, what runs print of the user's data, and the README's way to the baseline's figure."""

from __future__ import annotations

import csv
import io
import json
import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.store import open_store
from harness_control._game import FIRST_SEED

TOYS = str(Path(__file__).parents[1] / "toy_plugin.py")
README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
OPTIONS = ("--task", "text-classification", "--model", "tfidf", "--runtime", "eager", "--store", "store")
RUN = ("run", "quick", *OPTIONS)


def _reviews(path: Path, count: int = 300) -> None:
    """Write reviews whose words hint at their class, with commas, quotes and line ends."""
    generator = random.Random(7)  # noqa: S311 - no secret
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "id"])
        for number in range(count):
            label = generator.choice(["01", "NA", "good"])
            words = [f"{label}{generator.randrange(9)}" if generator.random() < 0.3 else f"w{generator.randrange(99)}"]
            words += [f"w{generator.randrange(99)}" for _ in range(5)]
            generator.shuffle(words)
            writer.writerow([f'{words[0]}, "{words[1]}"\n{" ".join(words[2:])} {number}', label, number])


def _snippet() -> str:
    block = re.search(r"```python\n(import pandas.*?)```", README, re.DOTALL)
    assert block is not None
    return block[1]


def _check_kept(location: Path) -> None:
    """Check the record of the evaluation."""
    store = open_store(str(location))
    (record,) = [record for record in store.records() if record.step == "evaluate" and record.outcome == "ok"]
    store.close()
    how = record.used["how_read"]

    assert how["files"] == [{"name": "reviews.csv", "items": 300, "split": None}]
    assert how["unused_columns"] == ["id"]
    assert sum(how["classes"].values()) == 300
    assert {name: split["items"] for name, split in how["splits"].items()} == {
        split: record.used[f"{split}_items"] for split in how["splits"]
    }


def test_the_readme_reproduces_the_baseline(
    tmp_path: Path,
    libraries_at_hand: None,
    harness_command: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    briefly_served: str,
) -> None:
    """By scikit-learn alone, from the rows that a command of the README writes, to the last digit.

    The run prints how the data were read, and keeps it with the record of the evaluation.
    """
    _reviews(tmp_path / "reviews.csv")
    done = harness_command(tmp_path, "run", briefly_served, *OPTIONS, "--data", "reviews.csv")
    _check_kept(tmp_path / "store")

    assert done.code == 0
    assert "reviews (reviews.csv) as text-classification:\n  rows read: reviews.csv (300)\n" in done.stdout
    assert "  columns not used: id\n" in done.stdout

    table = harness_command(tmp_path, "table", "accuracy", "--store", "store", "--format", "json")
    (accuracy,) = {row["value"] for row in json.loads(table.stdout) if row["value"] is not None}
    command = "harness data text-classification --data reviews.csv --format csv"
    assert f"\n{command} > rows.csv" in README
    written = harness_command(tmp_path, *command.split()[1:])
    (tmp_path / "rows.csv").write_bytes(written.stdout.encode())
    monkeypatch.chdir(tmp_path)
    exec(compile(_snippet(), "README.md", "exec"), {})  # noqa: S102 - our own page

    assert float(capsys.readouterr().out) == accuracy
    assert 0.4 < accuracy < 1


def test_a_plan_over_many_rows_is_quick(tmp_path: Path, harness_command: Callable[..., Any]) -> None:
    """100,000 rows in less than ten seconds, as one processor counts them."""
    with (tmp_path / "many.csv").open("w", encoding="utf-8") as file:
        file.write("text,label\n")
        file.writelines(f"row {n} of a table with words that nobody reads,{n % 3}\n" for n in range(100_000))
    began = time.process_time()
    done = harness_command(tmp_path, *RUN, "--data", "many.csv", "--dry-run")

    assert time.process_time() - began < 10
    assert "rows read: many.csv (100,000)\n" in done.stdout


def test_a_plan_checks_a_folder(tmp_path: Path, harness_command: Callable[..., Any]) -> None:
    """As a file is checked: exit code 2, and nothing is written."""
    for name in ("train", "test", "january"):
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / f"{name}.csv").write_text("text,label\na,b\n", encoding="utf-8")
    done = harness_command(tmp_path, *RUN, "--data", "data", "--dry-run")

    assert done.code == 2
    assert "test.csv, train.csv are named as a split, january.csv is not" in " ".join(done.stderr.split())
    assert not (tmp_path / "store").exists()


def test_data_are_shown_with_their_first_rows(tmp_path: Path, harness_command: Callable[..., Any]) -> None:
    """For people, and as JSON; the settings of the task apply."""
    _reviews(tmp_path / "r.csv")
    head, body = (tmp_path / "r.csv").read_text(encoding="utf-8").split("\n", 1)
    (tmp_path / "r.csv").write_text(head.replace("label", "stars") + "\n" + body, encoding="utf-8")
    command = ("data", "text-classification", "--data", "r.csv", "--task-setting", "label_column=stars")
    text = harness_command(tmp_path, *command).stdout
    shown = json.loads(harness_command(tmp_path, *command, "--format", "json").stdout)

    assert f"train: {shown['sizes']['train']} rows, from 70/10/20 by hash of the text\n" in text
    assert re.search(r"^test, first rows:\n  text: \w+, \"\w+\" [\w ]+ \| label: (01|NA|good)$", text, re.MULTILINE)
    assert sum(shown["sizes"].values()) == 300
    assert shown["how_read"]["columns"] == {"text_column": "text", "label_column": "stars"}
    assert {split: len(rows) for split, rows in shown["first"].items()} == {"train": 2, "validation": 2, "test": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv"]


def test_the_rows_that_are_written_are_read_as_they_are(tmp_path: Path, harness_command: Callable[..., Any]) -> None:
    """With the same splits, and the same content."""
    _reviews(tmp_path / "reviews.csv")
    command = ("data", "text-classification", "--format")
    written = harness_command(tmp_path, *command, "csv", "--data", "reviews.csv").stdout
    (tmp_path / "rows.csv").write_bytes(written.encode())
    first, second = (
        json.loads(harness_command(tmp_path, *command, "json", "--data", name).stdout)
        for name in ("reviews.csv", "rows.csv")
    )

    assert len(list(csv.reader(io.StringIO(written, newline="")))) == 301
    assert first["digest"] == second["digest"]
    assert second["how_read"]["splits"]["test"] == {"items": first["sizes"]["test"], "origin": "the column split"}


def test_a_question_without_further_answers_shows_none(tmp_path: Path, harness_command: Callable[..., Any]) -> None:
    """An empty list would end each row."""
    done = harness_command(tmp_path, "data", "question-answering")

    assert "question: " in done.stdout
    assert "[]" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("text-classification", "--format", "xml"), "Unknown format 'xml'"),
        (("text-classifcation",), "Did you mean 'text-classification'"),
        (("CartPole-v1", "--data", "x.csv"), "takes no data of your own"),
        (("parity", "--plugin", TOYS, "--format", "csv"), "have no rows that could be written"),
        (("text-classification", "--data", "no.csv"), r"There is no file or folder no\.csv"),
        (("text-classification", "--task-setting", "colour=red"), "Unknown setting 'colour'"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    tmp_path: Path, harness_command: Callable[..., Any], arguments: tuple[str, ...], message: str
) -> None:
    """With code 2 and a sentence."""
    done = harness_command(tmp_path, "data", *arguments)

    assert done.code == 2
    assert re.search(message, " ".join(done.stderr.split()))


@pytest.mark.parametrize(
    "task",
    [
        "text-classification",
        "language-modelling",
        "question-answering",
        "translation",
        "information-extraction",
        "summarization",
        "open-answers",
        "answer-grading",
    ],
)
def test_data_that_come_with_texts_are_shown(tmp_path: Path, harness_command: Callable[..., Any], task: str) -> None:
    """All texts have rows."""
    shown = json.loads(harness_command(tmp_path, "data", task, "--format", "json").stdout)

    assert shown["how_read"] is None
    assert all(isinstance(cell, str) for rows in shown["first"].values() for row in rows for cell in row.values())
    assert set(shown["first"]) == {"train", "validation", "test"}


def test_items_of_any_data_are_rows(tmp_path: Path, harness_command: Callable[..., Any]) -> None:
    """Episodes are shown by their seeds, and written; what is no text is written as JSON."""
    shown = json.loads(harness_command(tmp_path, "data", "CartPole-v1", "--format", "json").stdout)
    written = harness_command(tmp_path, "data", "CartPole-v1", "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(written)))

    assert shown["first"] == {
        split: [{"input": str(seed)}, {"input": str(seed + 1)}] for split, seed in FIRST_SEED.items()
    }
    assert list(rows[0]) == ["split", "input"]
    assert len(rows) == sum(shown["sizes"].values())
