"""End-to-end test: text classification and a game, from a suite file to verdicts, on real data."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.records import Record
from harness.store import peek_records

Table = Callable[[str], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def records(walked: Path) -> list[Record]:
    """Return what was measured."""
    return peek_records(str(walked / "store"))


@pytest.fixture
def table(walked: Path, harness_command: Any) -> Table:
    """Return a function that reads a table of what was measured."""

    def read(name: str) -> list[dict[str, Any]]:
        result = harness_command(walked, "table", name, "--format", "json", "--store", "store")
        assert result.code == 0, result.stderr
        rows: list[dict[str, Any]] = json.loads(result.stdout)
        return rows

    return read


def test_everything_but_the_broken_model_is_measured(records: list[Record], walked: Path) -> None:
    """One record for each step; the failure has its reason and traceback, and its dependents are not tried."""
    failed = [record for record in records if record.outcome != "ok"]

    assert [(r.spec["model"], r.outcome, r.reason) for r in failed] == [
        ("broken", "failed", "RuntimeError: <b>out of luck</b>")
    ]
    assert "RuntimeError" in str(failed[0].traceback)
    assert Counter(r.step for r in records if r.outcome == "ok") == {
        "pretrain": 1, "finetune": 5, "export": 1, "evaluate": 6, "serve": 12,
    }  # fmt: skip
    assert "not tried" in (walked / "output").read_text(encoding="utf-8")


def test_accuracy_is_that_of_the_runtime_that_is_served(records: list[Record]) -> None:
    """Exported models agree with the original on real inputs and reach the same scores."""
    _agree(records, ("ppo",))


NETWORKS = """\
name: networks
models:
  - {name: mlp, budgets: {finetune: {steps: 60}}}
  - {name: lstm, settings: {max_length: 24}, budgets: {finetune: {steps: 5}}}
  - {name: bert, settings: {max_length: 24}, budgets: {pretrain: {steps: 3}, finetune: {steps: 3}}}
tasks: [text-classification]
runtimes: [eager, onnxruntime]
budgets: {finetune: {steps: 1}}
serve: {seconds: 0.3, queries: 70}
"""


@pytest.mark.slow
def test_accuracy_of_text_networks_is_that_of_the_runtime_that_is_served(tmp_path: Path) -> None:
    """With pretraining and without."""
    (tmp_path / "networks.yaml").write_text(NETWORKS, encoding="utf-8")
    subprocess.run(["harness", "run", "networks.yaml"], cwd=tmp_path, capture_output=True, text=True, check=True)
    measured = peek_records(str(tmp_path / "harness-results"))

    assert Counter(record.step for record in measured if record.outcome == "ok") == {
        "pretrain": 1, "finetune": 3, "export": 3, "evaluate": 6, "serve": 6,
    }  # fmt: skip
    _agree(measured, ("mlp", "lstm", "bert"))


def _agree(records: list[Record], models: tuple[str, ...]) -> None:
    by_model: dict[str, dict[str, list[float]]] = {}
    for record in records:
        if record.step == "evaluate":
            column = record.metrics[0]["column"]
            by_model.setdefault(record.spec["model"], {})[record.spec["runtime"]] = record.scores[column]
        if record.step == "export":
            assert record.value("largest_difference") is not None
            assert record.readings["largest_difference"].value < 1e-3

    for model in models:
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


def test_tables_put_both_worlds_side_by_side(table: Table) -> None:
    """The same columns for texts and for a game, with the baseline."""
    accuracy = table("accuracy")
    rows = {(row["task"], row["model"], row["runtime"]): row for row in accuracy}

    assert {row["task"] for row in accuracy} == {"text-classification", "CartPole-v1"}
    assert rows["text-classification", "tfidf", "eager"]["value"] == pytest.approx(0.855, abs=0.02)
    assert rows["CartPole-v1", "rule", "eager"]["value"] == 500
    assert rows["CartPole-v1", "ppo", "onnxruntime"]["against_baseline"] == "worse"
    for row in accuracy:
        assert row["low"] <= row["value"] <= row["high"]
        assert row["random_baseline"] is not None
        assert row["baseline"] in ("tfidf", "rule")


def test_what_was_measured_is_priced_and_judged(table: Table) -> None:
    """Each candidate has a cost per 1,000 inferences from a dated offer; each use case has a verdict."""
    costs, frontier, verdicts = (table(name) for name in ("cost", "frontier", "viability"))

    assert all(row["usd_per_1k_inferences"] > 0 and row["price_as_of"] and row["price_source"] for row in costs)
    assert {row["task"] for row in frontier if row["on_frontier"]} == {"text-classification", "CartPole-v1"}
    assert {row["use_case"] for row in verdicts} == {"document-classification", "game-agent"}
    assert {row["verdict"] for row in verdicts} <= {"invest", "pilot", "do not invest", "not enough evidence"}
    assert all(row["reasons"] for row in verdicts)


def test_the_report_is_one_file(walked: Path, harness_command: Any) -> None:
    """Written by the command, self-contained, with the failure escaped."""
    result = harness_command(walked, "report", "-o", "report.html", "--store", "store")
    page = (walked / "report.html").read_text(encoding="utf-8")

    assert result.code == 0, result.stderr
    assert "&lt;b&gt;out of luck&lt;/b&gt;" in page
    assert "<b>out of luck</b>" not in page
    assert 'src="http' not in page


def test_your_own_reviews_are_one_option_away(
    tmp_path: Path, libraries_at_hand: None, harness_command: Any, briefly_served: str
) -> None:
    """A CSV with a text and a label column can be measured."""
    rows = [f'"a {word} day number {n} with {extra}",{label}' for n in range(60) for word, label, extra in
            (("wonderful", "good", f"sun {n}"), ("dreadful", "bad", f"rain {n}"))]  # fmt: skip
    (tmp_path / "reviews.csv").write_text("review,stars\n" + "\n".join(rows) + "\n", encoding="utf-8")
    command = ["run", briefly_served, "--data", "reviews.csv", "--task", "text-classification", "--model", "tfidf"]
    settings = ["--task-setting", "text_column=review", "--task-setting", "label_column=stars"]
    wrong = harness_command(tmp_path, *command)
    left = sorted(path.name for path in tmp_path.iterdir())
    done = harness_command(tmp_path, *command, *settings)
    (graded,) = [r for r in peek_records(str(tmp_path / "harness-results")) if r.scores]
    accuracy = sum(graded.scores["correct"]) / len(graded.scores["correct"])

    assert (wrong.code, left) == (2, [briefly_served, "reviews.csv"])
    assert "text_column" in wrong.stderr
    assert done.code == 0, done.stdout + done.stderr
    assert accuracy == 1.0
