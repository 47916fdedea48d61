"""Divides texts with what belongs to them into train, validation and test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness import DataError
from harness.user_data.splits import Completed, Division, complete
from harness.user_data.tables import Gathered
from harness_language._splits import divide

Item = tuple[str, Any]
"""A text that no two splits may share, and what belongs to it: a label, a translation, a question."""


def completed(
    source: str, rows: Gathered[Item], advice: str, *, by_label: bool = False, what: str = "text"
) -> Completed[Item]:
    """Return train, validation and test; no text is in two of them.

    Args:
        source: its name in messages.
        rows: what the source holds.
        advice: what to do if there are too few rows.
        by_label: whether new splits are stratified.
        what: the content whose hash divides, for people.

    Raises:
        DataError: a split is empty.
    """

    def divided(items: Sequence[Item], test: float, validation: float) -> dict[str, list[Item]]:
        labels = [label if by_label else 0 for _, label in items]
        numbers = divide([text for text, _ in items], labels, test, validation)
        return {split: [items[number] for number in part] for split, part in numbers.items()}

    division = Division(f"by hash of the {what}", text_of, divided)
    made = complete(source, rows.by_split, rows.tables.origin, division)
    require_full(source, made.splits, advice)
    return made


def text_of(item: Item) -> str:
    """Return what no two splits may share."""
    return item[0]


def require_full(source: str, splits: Mapping[str, Sequence[Item]], advice: str) -> None:
    """Raise if a split is empty.

    Raises:
        DataError: with what to do.
    """
    for split, items in splits.items():
        if not items:
            total = sum(map(len, splits.values()))
            raise DataError(f"{source} has {total} rows, which leaves the {split} split empty. {advice}")
