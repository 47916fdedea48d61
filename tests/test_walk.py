"""Text classification and a game walk through the same rooms, from a suite file to a verdict, on real data."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from harness.records import Record
from harness.store import peek_records


@pytest.fixture(scope="module")
def records(walked: Path) -> list[Record]:
    """Return what was measured."""
    return peek_records(str(walked / "store"))


def _table(walked: Path, name: str) -> list[dict[str, Any]]:
    command = ["harness", "table", name, "--format", "json", "--store", "store"]
    done = subprocess.run(command, cwd=walked, capture_output=True, text=True, check=True)
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def test_everything_but_the_broken_model_is_measured(records: list[Record], walked: Path) -> None:
    """One record for each step; the failure has its reason and its traceback, and what needs it is not tried."""
    failed = [record for record in records if record.outcome != "ok"]

    assert [(r.asked["model"], r.outcome, r.reason) for r in failed] == [
        ("broken", "failed", "RuntimeError: <b>out of luck</b>")
    ]
    assert "RuntimeError" in str(failed[0].traceback)
    assert Counter(r.step for r in records if r.outcome == "ok") == {
        "pretrain": 2, "finetune": 7, "export": 4, "evaluate": 11, "serve": 22,
    }  # fmt: skip
    assert "not tried" in (walked / "output").read_text(encoding="utf-8")


def test_accuracy_is_that_of_the_runtime_that_is_served(records: list[Record]) -> None:
    """Exported models agree with the original on real inputs and reach the same scores."""
    by_model: dict[str, dict[str, list[float]]] = {}
    for record in records:
        if record.step == "evaluate":
            column = record.metrics[0]["column"]
            by_model.setdefault(record.asked["model"], {})[record.asked["runtime"]] = record.scores[column]
        if record.step == "export":
            assert record.value("largest_difference") is not None
            assert record.readings["largest_difference"].value < 1e-3

    for model in ("mlp", "lstm", "bert", "ppo"):
        eager, served = by_model[model]["eager"], by_model[model]["onnxruntime"]
        assert len(eager) == len(served)
        assert sum(a != b for a, b in zip(eager, served, strict=True)) <= 0.02 * len(eager), model


def test_records_hold_no_price_and_say_where_they_were_made(records: list[Record]) -> None:
    """Measured, not assumed: machine, software, threads, data, seed."""
    for record in records:
        if record.outcome == "ok":
            assert record.data_digest
            assert record.environment["hardware"]["device_name"]
            assert record.environment["versions"]["torch"]
            assert record.environment["torch_threads"]
            assert "usd" not in json.dumps([record.readings, record.used, record.environment]).lower()


def test_tables_put_both_worlds_side_by_side(walked: Path) -> None:
    """The same columns for texts and for a game; the cheap baseline stands beside each."""
    accuracy = _table(walked, "accuracy")
    found = {(row["task"], row["model"], row["runtime"]): row for row in accuracy}

    assert {row["task"] for row in accuracy} == {"topics", "cartpole"}
    assert found["topics", "tfidf", "eager"]["value"] == pytest.approx(0.855, abs=0.02)
    assert found["cartpole", "rule", "eager"]["value"] == 500
    assert found["topics", "bert", "onnxruntime"]["against_baseline"] == "worse"
    for row in accuracy:
        assert row["low"] <= row["value"] <= row["high"]
        assert row["chance"] is not None
        assert row["baseline"] in ("tfidf", "rule")


def test_what_was_measured_is_priced_and_judged(walked: Path) -> None:
    """Each candidate costs something per 1,000 inferences, from a dated offer; each use case has a verdict."""
    costs, frontier, verdicts = (_table(walked, name) for name in ("cost", "frontier", "viability"))

    assert all(row["usd_per_1k_inferences"] > 0 and row["price_as_of"] and row["price_source"] for row in costs)
    assert {row["task"] for row in frontier if row["on_frontier"]} == {"topics", "cartpole"}
    assert {row["use_case"] for row in verdicts} == {"document-classification", "game-agent"}
    assert {row["verdict"] for row in verdicts} <= {"invest", "pilot", "do not invest", "not enough evidence"}
    assert all(row["reasons"] for row in verdicts)


def test_the_report_is_one_file(walked: Path) -> None:
    """Written by the command, self-contained, with the failure escaped."""
    command = ["harness", "report", "-o", "report.html", "--store", "store"]
    subprocess.run(command, cwd=walked, capture_output=True, text=True, check=True)
    page = (walked / "report.html").read_text(encoding="utf-8")

    assert "&lt;b&gt;out of luck&lt;/b&gt;" in page
    assert "<b>out of luck</b>" not in page
    assert 'src="http' not in page


def test_your_own_reviews_are_one_option_away(tmp_path: Path) -> None:
    """A CSV with a text and a label column is a task of its own."""
    rows = [f'"a {word} day number {n} with {extra}",{label}' for n in range(60) for word, label, extra in
            (("wonderful", "good", f"sun {n}"), ("dreadful", "bad", f"rain {n}"))]  # fmt: skip
    (tmp_path / "reviews.csv").write_text("review,stars\n" + "\n".join(rows) + "\n", encoding="utf-8")
    command = ["harness", "run", "quick", "--data", "reviews.csv", "--task", "sentiment", "--model", "tfidf"]
    settings = ["--task-setting", "text_column=review", "--task-setting", "label_column=stars"]
    wrong = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    left = sorted(path.name for path in tmp_path.iterdir())
    done = subprocess.run([*command, *settings], cwd=tmp_path, capture_output=True, text=True, check=False)
    (graded,) = [r for r in peek_records(str(tmp_path / "harness-results")) if r.scores]
    accuracy = sum(graded.scores["correct"]) / len(graded.scores["correct"])

    assert (wrong.returncode, left) == (2, ["reviews.csv"])
    assert "text_column" in wrong.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    assert accuracy == 1.0
