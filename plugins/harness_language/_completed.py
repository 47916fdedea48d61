"""Divides texts with what belongs to them into train, validation and test."""

from __future__ import annotations

from collections.abc import Sequence
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
    require_full(source, rows, made, what, advice)
    return made


def text_of(item: Item) -> str:
    """Return what no two splits may share."""
    return item[0]


def require_full(source: str, rows: Gathered[Item], made: Completed[Item], what: str, advice: str) -> None:
    """Check that no split is empty.

    Args:
        source: its name in messages.
        rows: what the source holds.
        made: its splits.
        what: the content that no two splits share, for people.
        advice: what to do if there is too little of it.

    Raises:
        DataError: says how much there is to divide, and what to do.
    """
    for split in (split for split, items in made.splits.items() if not items):
        if split != "train" and len(rows.by_split) > 1 and rows.by_split.get(split):
            raise DataError(f"{source}: every {what} of the {split} split is in the test split too. Give others.")
        raise DataError(f"{source} has {_to_divide(rows, what)}, which leaves the {split} split empty. {advice}")


def _to_divide(rows: Gathered[Item], what: str) -> str:
    """Return how much there is to divide: of several splits, what is to train on."""
    several = len(rows.by_split) > 1
    held = {text_of(item) for split, items in rows.by_split.items() if several and split != "train" for item in items}
    items = rows.by_split.get("train", []) if several else next(iter(rows.by_split.values()))
    count = len({text_of(item) for item in items} - held)
    counted = f"{count} different {what}{'' if count == 1 else 's'} in {len(items)} rows"
    return f"{counted} to train on that no other split has" if several else counted
