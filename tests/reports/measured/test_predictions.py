"""The predictions table: one row for each candidate, seed, split and item, as the records hold it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness import HarnessError, Record
from harness_reports.measured.predictions import predictions

TEXTS = ["=1+1", "年月日 \U0001f600", "-2\r\nnext"]


@pytest.fixture
def answered(bench: Any) -> list[Record]:
    """Return a case with what was asked and answered: three test items and one of the validation split."""
    *others, evaluation, offline, stream = bench.case(scores=(1, 0, 1))
    items = {
        "test": {"input": TEXTS, "reference": ["a", "b", ["c", {"d": 1}]]},
        "validation": {"input": ["v"], "reference": ["a"]},
    }
    answers = {
        "test": {"output": ["a", "a", ["c", {"d": 1}]], "confidence": [0.9, 0.5, 0.7]},
        "validation": {"output": ["b"], "confidence": [0.6], "correct": [0.0]},
    }
    return [*others, replace(evaluation, items=items, answers=answers), offline, stream]


def test_every_item_of_every_split_has_a_row(answered: list[Record]) -> None:
    """In the order of grading, with its reference, answer, confidence and scores."""
    table = predictions(answered)

    assert table["split"].tolist() == ["test"] * 3 + ["validation"]
    assert table["item"].tolist() == [0, 1, 2, 0]
    assert table["input"].tolist() == [*TEXTS, "v"]
    assert table["output"].tolist() == ["a", "a", ["c", {"d": 1}], "b"]
    assert table["confidence"].tolist() == [0.9, 0.5, 0.7, 0.6]
    assert table["correct"].tolist() == [1, 0, 1, 0]
    assert set(table["model"]) == {"bert"}
    assert set(table["seed"]) == {0}


def test_what_answers_of_a_served_model_consumed_stands_beside_them(answered: list[Record]) -> None:
    """Split by split; `model` stays the candidate's name, and splits and models without usage have empty cells."""
    used = {"input_tokens": [5, 6, None], "why": [None, "empty", None], "model": ["m-2", "m-2", "m-3"]}
    records = [replace(each, usage={"test": used}) if each.step == "evaluate" else each for each in answered]

    table = predictions(records)

    assert table["input_tokens"].tolist()[:2] == [5, 6]
    assert table["input_tokens"].isna().tolist() == [False, False, True, True]
    assert table["why"].tolist()[1] == "empty"
    assert table["served_model"].tolist()[:3] == ["m-2", "m-2", "m-3"]
    assert set(table["model"]) == {"bert"}
    assert "served_model" not in predictions(answered)


def test_seeds_have_rows_of_their_own(bench: Any) -> None:
    """Two seeds of three items are six rows."""
    table = predictions([*bench.case(scores=(1, 0, 1)), *bench.case(scores=(0, 0, 1), seed=1)])

    assert table.groupby("seed")["correct"].apply(list).to_dict() == {0: [1, 0, 1], 1: [0, 0, 1]}


def test_older_records_have_scores_alone(suite: list[Record]) -> None:
    """Of tasks with different scores each has its own columns; what was not kept is missing."""
    table = predictions(suite)

    assert table[["input", "reference", "output", "confidence"]].isna().all(axis=None)
    assert table[table["task"] == "CartPole-v1"]["correct"].isna().all()
    assert len(table) == 4 * 100 + 2 * 40


@pytest.fixture
def exported(
    answered: list[Record],
    make_store: Callable[[Path, Sequence[Record]], str],
    invoke: Callable[..., str],
    tmp_path: Path,
) -> Callable[[str], Path]:
    """Return a function that exports the records to a file with a suffix."""
    store = make_store(tmp_path / "store", answered)

    def export(suffix: str) -> Path:
        invoke("export", "predictions", "--store", store, "-o", str(tmp_path / f"p{suffix}"))
        return tmp_path / f"p{suffix}"

    return export


def test_json_lines_hold_every_text_as_it_is(exported: Callable[[str], Path]) -> None:
    """Lists and mappings stay what they are."""
    rows = [json.loads(line) for line in exported(".jsonl").read_text(encoding="utf-8").splitlines()]

    assert [row["input"] for row in rows] == [*TEXTS, "v"]
    assert rows[2]["output"] == ["c", {"d": 1}]
    assert rows[0]["stale"] is None


def test_parquet_holds_every_text_as_it_is(exported: Callable[[str], Path]) -> None:
    """Lists and mappings are JSON; numbers are numbers."""
    table = pd.read_parquet(exported(".parquet"))

    assert table["input"].tolist() == [*TEXTS, "v"]
    assert json.loads(table["output"][2]) == ["c", {"d": 1}]
    assert table["confidence"].mean() == pytest.approx(0.675)


def test_parquet_holds_tasks_of_different_kinds(
    bench: Any, make_store: Callable[[Path, Sequence[Record]], str], invoke: Callable[..., str], tmp_path: Path
) -> None:
    """Texts of one task and seeds of another in one column are texts; scores are numbers."""
    records = []
    for task, inputs in (("text-classification", TEXTS), ("CartPole-v1", [7, 8, 9])):
        *others, evaluation, offline, stream = bench.case(scores=(1, 0, 1), task=task)
        kept = replace(evaluation, items={"test": {"input": inputs, "reference": [None, [1], {"a": 2}]}})
        records += [*others, kept, offline, stream]
    output = tmp_path / "p.parquet"
    invoke("export", "predictions", "--store", make_store(tmp_path / "store", records), "-o", str(output))
    table = pd.read_parquet(output)

    assert sorted(table["input"]) == sorted([*TEXTS, "7", "8", "9"])
    assert table["reference"].dropna().tolist() == ["[1]", '{"a": 2}'] * 2
    assert table["correct"].mean() == pytest.approx(2 / 3)


def test_csv_runs_nothing_in_a_spreadsheet(exported: Callable[[str], Path]) -> None:
    """A text that begins like a formula has an apostrophe before it."""
    rows = list(csv.DictReader(io.StringIO(exported(".csv").read_text(encoding="utf-8"), newline="")))

    assert [row["input"] for row in rows] == ["'=1+1", TEXTS[1], "'-2\nnext", "v"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", "brt"), "Unknown model 'brt'"),
        (("--task", "parity"), "Unknown task 'parity'"),
        (("-o", "p.xlsx"), r"'p.xlsx' cannot be written: name a file that ends in .csv, .jsonl, .parquet"),
    ],
)
def test_a_wrong_wish_is_told(arguments: Any, message: str, exported: Callable[[str], Path], invoke: Any) -> None:
    """The message has the nearest name, or the suffixes."""
    store = str(exported(".csv").with_name("store"))
    with pytest.raises(HarnessError, match=message):
        invoke("export", "predictions", "--store", store, *arguments)
