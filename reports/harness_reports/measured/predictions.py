"""The predictions table: what each candidate answered to each item, for people and their own tools."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from harness.records import Record
from harness_reports.measured.lineage import KEYS
from harness_reports.measured.results import Measured, Results
from harness_reports.reasons import as_text

FIRST = (
    *KEYS, "source", "seed", "pretrain_seed", "split", "item", "input", "reference", "output", "confidence",
)  # fmt: skip
"""Scores and a task's own columns follow."""


def predictions(records: Sequence[Record]) -> pd.DataFrame:
    """Return one row for each candidate, seed, split and item.

    `item` counts a split's items from 0, in the order in which they were graded. `input` is the text, or the SHA-256 of
    the content of what is no text; `confidence` is the model's own, from 0 to 1. Every score of the item has a column
    of its name. Of a served model the tokens of each answer, how it ended, why it is none and the text itself follow;
    `served_model` is what the server calls the model. What a judge says is in `words`, as `answer` is what it grades.
    Cells are None where a task, a model or an older record has no such value.

    Args:
        records: of any step and outcome.
    """
    rows = [row for measured in Results.of(records).candidates.values() for row in _rows(measured)]
    return pd.DataFrame(
        rows, columns=list(dict.fromkeys([*FIRST, *(name for row in rows for name in row)])), dtype=object
    )


def _rows(measured: Measured) -> Iterator[dict[str, Any]]:
    for chain in measured.evaluations:
        seed, pretrain_seed = chain.seeds
        who = as_text({**measured.columns, "seed": seed, "pretrain_seed": pretrain_seed})
        for split in dict.fromkeys(["test", *chain.leaf.answers]):
            columns = _columns(chain.leaf, split)
            for item, values in enumerate(zip(*columns.values(), strict=True)):
                yield {**who, "split": split, "item": item, **dict(zip(columns, values, strict=True))}


def _columns(record: Record, split: str) -> dict[str, Sequence[Any]]:
    scores = record.scores if split == "test" else {}
    items = record.items.get(split, {})
    names = {"model": "served_model"} | ({"answer": "words"} if "answer" in items else {})
    used = {names.get(name, name): column for name, column in record.usage.get(split, {}).items()}
    return {**items, **record.answers.get(split, {}), **scores, **used}
