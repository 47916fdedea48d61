"""The tables of a source, with their splits, their items, and a report of how they were read.

A table is what a reader makes of a file: here it needs `column_names`, and its columns by name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from typing import Any, Generic, NamedTuple, TypeVar

from harness.errors import DataError
from harness.reading import Dropped, FileRead, HowRead
from harness.user_data.names import ALL, split_of
from harness.user_data.splits import Completed, by_column

SPLIT_COLUMN = "split"
"""The column that names each row's split unless a setting names another."""
T = TypeVar("T")


class Part(NamedTuple):
    """A table (a file, a split of the hub), or a folder of pictures of one class."""

    name: str
    """For messages."""
    short: str
    """Relative to the source."""
    split: str
    """Its split, or `all`."""
    table: Any
    splits: Sequence[str] | None = None
    """The split of each row, where a column names them."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns, none if it is no table."""
        return tuple(getattr(self.table, "column_names", ()))


class Tables(NamedTuple):
    """The tables of a source."""

    parts: Sequence[Part]
    origin: Mapping[str, str]
    """Split → what decided it."""
    ignored: tuple[str, ...]
    split_column: str | None = None
    """The column that decided."""


class Gathered(NamedTuple, Generic[T]):
    """The items of a source by split."""

    by_split: Mapping[str, Sequence[T]]
    tables: Tables
    files: tuple[FileRead, ...]
    hidden: tuple[str, ...]
    """Tables whose labels are hidden."""

    def how_read(
        self,
        made: Completed[T],
        columns: Mapping[str, str],
        classes: Mapping[str, int] | None = None,
        unit: str = "rows",
        dropped: tuple[Dropped, ...] = (),
    ) -> HowRead:
        """Return the report, from the splits that were made and the columns that were read."""
        named = dict.fromkeys(name for part in self.tables.parts for name in part.columns)
        column = self.tables.split_column
        read = {**columns, **({"split_column": column} if column else {})}
        used = {name for value in read.values() for name in (value, *value.split("+"))}  # title+text: joined columns
        return HowRead(
            unit=unit,
            files=self.files,
            splits=made.read(),
            ignored=(*self.tables.ignored, *(f"{name} (its labels are hidden)" for name in self.hidden)),
            columns=read,
            unused_columns=tuple(name for name in named if name not in used),
            classes=classes or {},
            dropped=(*made.dropped, *dropped),
        )


def of_hub(source: str, tables: Mapping[str, Any]) -> Tables:
    """Return the tables of a hub data set: those whose names are splits, or its only one.

    Args:
        source: its name in messages.
        tables: name of a split → table.
    """
    if len(tables) == 1:
        ((only, table),) = tables.items()
        kind = split_of(only) or ALL
        return Tables([Part(source, only, kind, table)], {kind: f"the split {only}"}, ())
    splits = {name: split for name in tables if (split := split_of(name)) is not None}
    parts = [Part(f"{source} ({name})", name, split, tables[name]) for name, split in splits.items()]
    origin = {split: f"the split {name}" for name, split in splits.items()}
    return Tables(parts, origin, tuple(f"the split {name} (of another name)" for name in tables if name not in splits))


def split_by_column(source: str, tables: Tables, column: str) -> Tables:
    """Return tables with the split of each row, if a column names it.

    Args:
        source: its name in messages.
        tables: of a source.
        column: its name; if it is not the usual one, every table must have it.

    Raises:
        DataError: only some tables or rows have a split, or a file's name says another.
    """
    required = column != SPLIT_COLUMN
    splits = [_row_splits(part, column, required=required) for part in tables.parts]
    if not any(splits):
        return tables
    for part, of_rows in zip(tables.parts, splits, strict=True):
        if of_rows is None and part.split == ALL:
            raise DataError(f"{part.name} has no column {column!r} with its rows' splits; others of {source} have one.")
        if of_rows is not None and part.split != ALL and set(of_rows) != {part.split}:
            raise DataError(
                f"{part.name} is the split {part.split}, and its column {column!r} names others. Rename the file or "
                "the column."
            )
    if all(part.split != ALL for part in tables.parts):
        return tables
    parts = [part._replace(splits=of_rows) for part, of_rows in zip(tables.parts, splits, strict=True)]
    origin = dict.fromkeys(("train", "validation", "test"), f"the column {column}")
    return Tables(parts, origin, tables.ignored, column)


def _row_splits(part: Part, column: str, *, required: bool) -> list[str] | None:
    if column not in part.columns:
        if not required:
            return None
        names = ", ".join(map(repr, part.columns))
        raise DataError(f"{part.name} has no column {column!r}; its columns are {names}. Correct split_column.")
    return by_column(part.name, list(part.table[column]), column, required=required)


def require_one_type(column: str, labels: Mapping[str, Sequence[Any]]) -> None:
    """Refuse labels of which some are texts and others numbers: which of them are one class?

    Args:
        column: its name, for messages.
        labels: name of a table → the label of each of its rows.

    Raises:
        DataError: two labels of the source differ in type, in one table or in two; names both rows.
    """
    first: tuple[str, Any] | None = None
    for name, values in labels.items():
        for number, label in enumerate(values, start=1):
            where, other = first = first or (f"{name}, row {number}", label)
            if type(label) is not type(other):
                raise DataError(
                    f"{name}, row {number}: the label in column {column!r} is {_typed(label)}, and in {where} it is "
                    f"{_typed(other)}. Which labels are one class? Write all of them as texts, in JSON in quotes."
                )


def _typed(label: Any) -> str:
    if isinstance(label, bool):
        return str(label).lower()
    return f"the text {label!r:.40}" if isinstance(label, str) else f"the number {label!r:.40}"


def gathered(tables: Tables, items_of: Callable[[Part], list[T] | None]) -> Gathered[T]:
    """Return the items of all tables by split.

    Args:
        tables: of a source.
        items_of: a table → its items, one for each row if a column names splits; None: its labels are hidden.
    """
    by_split: dict[str, list[T]] = defaultdict(list)
    files, hidden = [], []
    for part in tables.parts:
        items = items_of(part)
        if items is None:
            hidden.append(part.short)
            continue
        files.append(FileRead(part.short, len(items), None if part.splits or part.split == ALL else part.split))
        splits = part.splits or repeat(part.split, len(items))
        for item, split in zip(items, splits, strict=True):
            by_split[split].append(item)
    return Gathered(dict(by_split), tables, tuple(files), tuple(hidden))
