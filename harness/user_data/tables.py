"""The tables of a source, with their splits, their items, and a report of how they were read.

A table is what a reader makes of a file: here it needs `column_names`, and its columns by name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, Generic, NamedTuple, TypeVar

from harness.errors import DataError
from harness.reading import Dropped, FileRead, HowRead
from harness.seams import Setting
from harness.user_data.names import ALL, split_of
from harness.user_data.splits import Completed, by_column

SPLIT_COLUMN = "split"
"""The column, in any letters, that names each row's split unless a setting names another."""
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
        DataError: only some tables or rows have a split, two columns may name it, or a file's name says another.
    """
    columns = [_split_column(part, column) for part in tables.parts]
    splits = [_row_splits(part, named, column) for part, named in zip(tables.parts, columns, strict=True)]
    deciding = {named: part for part, named, of_rows in zip(tables.parts, columns, splits, strict=True) if of_rows}
    if not deciding:
        return tables
    column, *others = filter(None, deciding)
    if others:
        raise DataError(
            f"{source}: the column with the splits is {column!r} in {deciding[column].name} and {others[0]!r} in "
            f"{deciding[others[0]].name}. Give it one name."
        )
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


def _split_column(part: Part, column: str) -> str | None:
    """Return the name of a table's column with the splits, or None if it has no such column."""
    names = ", ".join(map(repr, part.columns))
    if column != SPLIT_COLUMN:
        if column not in part.columns:
            raise DataError(f"{part.name} has no column {column!r}; its columns are {names}. Correct split_column.")
        return column
    alike = [name for name in part.columns if name.strip().casefold() == SPLIT_COLUMN]
    if len(alike) > 1:
        raise DataError(f"{part.name}: which of its columns names the splits? They are {names}. Rename the other.")
    return alike[0] if alike else None


def _row_splits(part: Part, named: str | None, setting: str) -> list[str] | None:
    if named is None:
        return None
    return by_column(part.name, list(part.table[named]), named, required=setting != SPLIT_COLUMN)


def require_own_columns(source: str, tables: Tables, columns: Mapping[str, str]) -> None:
    """Refuse a column that is read in two roles, such as a label that is part of the text.

    Args:
        source: its name in messages.
        tables: of the source.
        columns: setting → column, or names joined by `+`.

    Raises:
        DataError: names the column and both settings.
    """
    present = {name for part in tables.parts for name in part.columns}
    if tables.split_column:
        columns = {**columns, "split_column": tables.split_column}
    first: dict[str, str] = {}
    for setting, named in columns.items():
        for column in [named] if named in present else named.split("+"):
            if first.setdefault(column, setting) != setting:
                raise DataError(
                    f"{source}: the column {column!r} is read as {first[column]} and as {setting}. Name another column "
                    "with one of these settings, or rename the column."
                )


def refuse_unused(
    what: str, settings: Mapping[str, Any], declared: Mapping[str, Setting], names: Iterable[str]
) -> None:
    """Refuse settings that change nothing for a source: whoever gives one expects that it does.

    Args:
        what: the source and its form, for messages.
        settings: a task's.
        declared: the task's declarations, with the defaults.
        names: of the settings that are not used.

    Raises:
        DataError: one of them is not at its default; names it.
    """
    for name in names:
        if settings.get(name, declared[name].default) != declared[name].default:
            raise DataError(f"{what}: the setting {name} changes nothing about it. Leave it out.")


def require_in_all(tables: Tables, columns: Iterable[str]) -> None:
    """Refuse a column that some tables of a source have and others lack: a setting names it in all of them.

    Raises:
        DataError: names both tables.
    """
    for column in columns:
        having = [part for part in tables.parts if column in part.columns]
        lacking = [part for part in tables.parts if column not in part.columns]
        if having and lacking:
            names = ", ".join(map(repr, lacking[0].columns))
            raise DataError(
                f"{lacking[0].name} has no column {column!r}; its columns are {names}. {having[0].name} has one: call "
                "it the same in all files."
            )


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
