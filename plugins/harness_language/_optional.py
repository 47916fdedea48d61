"""Columns that the user's tables may lack, or whose cells may be empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness import DataError, Setting
from harness.reading import HowRead
from harness.user_data.splits import Completed
from harness.user_data.tables import Gathered, Tables
from harness_language._columns import require_column
from harness_language._table_files import Table


def present_columns(
    tables: Tables, settings: Mapping[str, Any], declared: Mapping[str, Setting], optional: Sequence[str]
) -> dict[str, str]:
    """Return setting → column of the optional ones that are there.

    Raises:
        DataError: a column that a setting names, instead of its default, is not there.
    """
    there = {name for part in tables.parts for name in part.columns}
    chosen = {setting: settings[setting] for setting in optional}
    for setting, column in chosen.items():
        if column not in there and column != declared[setting].default and tables.parts:
            require_column(tables.parts[0].name, tables.parts[0].table, column, setting, [column])
    return {setting: column for setting, column in chosen.items() if column in there}


def optional_texts(name: str, table: Table, column: str | None, setting: str) -> list[str]:
    """Return the texts of a column, empty where a cell is; all empty where there is no column.

    Raises:
        DataError: a cell holds something else; names its row.
    """
    if column is None or column not in table.columns:
        return [""] * len(table)
    texts = table[column]
    for number, text in enumerate(texts, start=1):
        if text is not None and not isinstance(text, str):
            raise DataError(
                f"{name}, row {number}: column {column!r} holds {text!r:.60}, which is no text. "
                f"Name another column with {setting}."
            )
    return [text if text and not text.isspace() else "" for text in texts]


def all_for_test(rows: Gathered[Any], why: str) -> Completed[Any]:
    """Return all items of a source as its test split: there is nothing to learn from.

    Args:
        rows: what the source holds, in one split of whatever name.
        why: what the report of the reading says.
    """
    ((_, items),) = rows.by_split.items()
    splits: dict[str, list[Any]] = {"train": [], "validation": [], "test": list(items)}
    return Completed(splits, dict.fromkeys(splits, why), ())


def report(rows: Gathered[Any], made: Completed[Any], columns: Mapping[str, str]) -> HowRead:
    """Return how a source was read, without splits that hold nothing."""
    told = rows.how_read(made, columns)
    return HowRead(**{**vars(told), "splits": {name: read for name, read in told.splits.items() if read.items}})
