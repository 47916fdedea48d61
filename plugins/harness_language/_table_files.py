"""Reads one file of a table into columns, and guesses nothing.

CSV and TSV: every cell is a text, and only an empty one is missing. JSON, JSON Lines and Parquet: values keep the types
that the file states. What cannot be read to the letter is refused.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from harness import DataError
from harness.encodings import SETTING, read_text, require_characters
from harness.json_text import load
from harness.user_data.parquet import batches
from harness.yaml_text import dump

SUFFIXES = (".csv", ".tsv", ".jsonl", ".json", ".parquet")
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
"""Value of the setting `delimiter` → the character."""
_CLIPPED = 40
_NAME_LIKE = re.compile(r"\s*(?=.{1,30}\Z)[\w#%&/()-]+([ .][\w#%&/()-]+){0,2}\s*")
"""A cell that may be the name of a column: no sentence."""
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


class Form(NamedTuple):
    """What the user states about how files are written."""

    encoding: str = ""
    """Empty: UTF-8, or what a byte order mark states."""
    delimiter: str = "suffix"
    """A key of `DELIMITERS`; `suffix`: a tab in `.tsv`, else a comma."""
    columns: str = ""
    """Names of the columns of files without a header row, separated by commas; empty: the first row names them."""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Form:
        """Return the form in a task's settings."""
        return cls(**{name: settings[name] for name in cls._fields if name in settings})


@dataclass(frozen=True)
class Table:
    """The columns of a file, or of a split of a hub data set."""

    columns: Mapping[str, Any]
    """Name → values: a sequence, or an array of Arrow's, which is converted when it is used."""
    rows: int
    words: bool = False
    """Every value is a text, as in CSV."""
    header: tuple[str, ...] = ()
    """The first row of a CSV file, which names the columns, and may have been no header."""
    class_names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Column of class numbers → their names, as the hub's Parquet files state them."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.rows

    def __getitem__(self, name: str) -> list[Any]:
        """Return a column's values."""
        values = self.columns[name]
        return values.to_pylist() if hasattr(values, "to_pylist") else list(values)

    @property
    def column_names(self) -> list[str]:
        """The names of the columns, in their order."""
        return list(self.columns)

    def entries(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Yield each row as name → value, of these columns."""
        for values in zip(*(self[name] for name in names), strict=True):
            yield dict(zip(names, values, strict=True))


STATED_NOTHING = Form()


def read_table(path: Path, form: Form = STATED_NOTHING, wanted: Sequence[str] = ()) -> Table:
    """Read one file into columns.

    Args:
        path: a file with one of `SUFFIXES`.
        form: what the user states about it.
        wanted: names of columns that will be read, for a file that may have no header row.

    Raises:
        DataError: names the file and the line that cannot be read.
    """
    if path.suffix.lower() == ".parquet":
        return _parquet(path)
    text = read_text(path, form.encoding, SETTING)
    if not text.strip():
        raise DataError(f"{path} is empty. Give a file with texts in it.")
    return _delimited(path, text, form, wanted) if path.suffix.lower() in (".csv", ".tsv") else _json(path, text)


# CSV --------------------------------------------------------------------------------------------------------


def _delimited(path: Path, text: str, form: Form, wanted: Sequence[str]) -> Table:
    delimiter = DELIMITERS.get(form.delimiter) or ("\t" if path.suffix.lower() == ".tsv" else ",")
    if re.match(r'"?sep=.', text):
        raise DataError(f"{path}: its first line, {_short(text.splitlines()[0])}, is for spreadsheets. Delete it.")
    if form.delimiter not in DELIMITERS:
        _ask_for_delimiter(path, text, delimiter)
    rows = list(_cells(path, text, delimiter))
    first, body = rows[0], rows[1:]
    below: list[Sequence[str]] = list(zip(*body, strict=True)) or [()] * len(first)
    if form.columns:
        names = [name.strip() for name in form.columns.split(",")]
        _check_stated(path, names, first, below, form.columns)
        return Table(
            {name: (cell, *rest) for name, cell, rest in zip(names, first, below, strict=True)}, len(rows), words=True
        )
    names = named(first)
    if (twice := _twice(names)) is not None:
        question = f" {no_header(first, wanted)}" if is_header(first, below, wanted) is False else ""
        raise DataError(
            f"{path}: two columns are called {twice!r}. Give each its own name in the first line.{question}"
        )
    return Table(dict(zip(names, below, strict=True)), len(body), words=True, header=tuple(first))


def _cells(path: Path, text: str, delimiter: str) -> Iterator[list[str]]:
    """Yield the rows; blank lines are none."""
    csv.field_size_limit(max(len(text), csv.field_size_limit()))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    width, line = 0, 1
    try:
        for cells in reader:
            if cells and (width == 1 or len(cells) > 1 or cells[0].strip()):
                width = width or len(cells)
                if len(cells) != width:
                    raise _ragged(path, line, cells, width, delimiter)
                yield cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{path} cannot be read as csv: in the row that begins in line {line} a quote is not closed, or something "
            f'follows the closing one ({error}). Write a quote within quotes twice: "".'
        ) from None


def _ragged(path: Path, line: int, cells: Sequence[str], width: int, delimiter: str) -> DataError:
    mark = {value: name for name, value in DELIMITERS.items()}[delimiter]
    return DataError(
        f"{path} cannot be read as csv: line {line} has {_count(len(cells), 'cell')}, the first row {width}. Put a "
        f"text with a {mark} in it between double quotes, or name another mark between cells with the task's setting "
        "delimiter."
    )


def _ask_for_delimiter(path: Path, text: str, delimiter: str) -> None:
    """Refuse a file whose first line has more cells by another delimiter."""
    line = re.split(r"[\r\n]", text.strip("\r\n"), maxsplit=1)[0]
    counts = {name: len(next(csv.reader([line], delimiter=mark), ())) for name, mark in DELIMITERS.items()}
    used = {mark: name for name, mark in DELIMITERS.items()}[delimiter]
    most = max(counts, key=lambda name: (counts[name], name == used))
    if most != used:
        raise DataError(
            f"{path}: is there a {most} between its cells? Its first line, {_short(line)}, has {counts[most]} cells by "
            f"that, and {counts[used]} by a {used}. Name the mark with the task's setting delimiter, for example "
            f"delimiter: {most} (--task-setting delimiter={most})."
        )


def _check_stated(
    path: Path, names: Sequence[str], first: Sequence[str], below: Sequence[Sequence[str]], stated: str
) -> None:
    """Check that names which the user gave fit the file, and that it has no header row."""
    if len(names) != len(first):
        raise DataError(
            f"{path}: the setting columns names {_count(len(names), 'column')} ({stated}), and its rows have "
            f"{_count(len(first), 'cell')}: {_shown(first)}. Name each of them."
        )
    if (twice := _twice(names)) is not None:
        raise DataError(f"{path}: the setting columns names two columns {twice!r} ({stated}). Give each its own name.")
    if is_header(first, below, names):
        raise DataError(
            f"{path}: its first row, {_shown(first)}, looks like a header row, and the setting columns is for files "
            "without one. Leave it out, and name the columns to read with the task's other settings. If it is a row of "
            "data, write the names of the columns into a line above it."
        )


def named(names: Iterable[str]) -> list[str]:
    """Return the names of columns, one without a name by its number."""
    return [name if name.strip() else f"column{number}" for number, name in enumerate(names, start=1)]


def is_header(first: Sequence[str], below: Sequence[Sequence[str]], wanted: Iterable[str] = ()) -> bool | None:
    """Return whether the first row of a CSV file names its columns; None: it may or may not.

    Args:
        first: its cells.
        below: for each of them the cells below.
        wanted: names of columns; a row with one of them is a header.
    """
    names = {name.strip().casefold() for name in wanted if name.strip()}
    if names & {cell.strip().casefold() for cell in first} or list(first) == list(map(str, range(len(first)))):
        return True  # 0, 1, 2: pandas numbers columns so
    kinds = {_kind(cell, Counter(filter(str.strip, rest))) for cell, rest in zip(first, below, strict=True)} - {None}
    if "value" in kinds or "name" in kinds:
        return "value" not in kinds
    return "word" in kinds if len(kinds) == 1 else None


def _kind(cell: str, below: Counter[str]) -> str | None:
    """Return what a cell is beside those below: a value of the column, a name, a word above sentences, a sentence."""
    if not cell.strip():
        return None
    if cell in below:
        return "value"
    if below and (min(below.values()) > 1 or (not _NUMBER.fullmatch(cell) and all(map(_NUMBER.fullmatch, below)))):
        return "name"  # alone above classes, or a word above numbers
    if not _NAME_LIKE.fullmatch(cell):
        return "sentence"
    return "word" if below and not any(map(_NAME_LIKE.fullmatch, below)) else None


def _twice(names: Iterable[str]) -> str | None:
    """Return the first name that occurs again."""
    counts = Counter(names)
    return next((name for name, count in counts.items() if count > 1), None)


def no_header(first: Sequence[str], names: Sequence[str] = ()) -> str:
    """Return the question whether a CSV file has no header row, and what to do then.

    Args:
        first: its first row.
        names: that its columns might have; more of them are numbered.
    """
    example = ",".join([*names, *named([""] * len(first))[len(names) :]][: len(first)])
    return (
        f"Has it no header row? Its first row is {_shown(first)}. Then name the columns in their order with the task's "
        f"setting columns, for example {dump({'columns': example}).strip()} (--task-setting columns={example})."
    )


def _shown(cells: Sequence[str]) -> str:
    return ", ".join(map(_short, cells))


def _short(text: str) -> str:
    return repr(text if len(text) <= _CLIPPED else text[:_CLIPPED] + "…")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


# JSON and Parquet -------------------------------------------------------------------------------------------


def _json(path: Path, text: str) -> Table:
    entries = _objects(path, text)
    keys = list(dict.fromkeys(chain.from_iterable(entries)))
    names = named(keys)
    _require_different(path, names)
    columns = {name: [entry.get(key) for entry in entries] for name, key in zip(names, keys, strict=True)}
    return Table(columns, len(entries))


def _require_different(name: object, columns: Sequence[str]) -> None:
    if (twice := _twice(columns)) is not None:
        raise DataError(f"{name}: two columns are called {twice!r}. Give each its own name.")


def _objects(path: Path, text: str) -> list[dict[str, Any]]:
    """Return the objects of a list, of the lines, or the only one."""
    if path.suffix.lower() == ".json":
        try:
            content = parsed(text)
        except json.JSONDecodeError as error:
            if error.msg != "Extra data":
                raise _no_json(path, f"line {error.lineno}: {error.msg}") from None
        except ValueError as error:
            raise _no_json(path, str(error)) from None
        else:
            if _is_columns(content):
                raise _no_json(path, "it holds columns, each with all its values")
            require_characters(str(path), text, content)
            entries = content if isinstance(content, list) else [content]
            return [_demand_object(path, f"entry {number}", entry) for number, entry in enumerate(entries, start=1)]
    return [_of_line(path, number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]


def _is_columns(content: Any) -> bool:
    """Return whether JSON is a table by columns, as pandas writes it; SQuAD's file has all its articles in `data`."""
    is_object = isinstance(content, dict) and "data" not in content and len(content) > 1
    return is_object and all(isinstance(values, list | dict) for values in content.values())


def _of_line(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        entry = _demand_object(path, f"line {number}", parsed(line))
    except json.JSONDecodeError as error:
        raise _no_json(path, f"line {number}: {error.msg}") from None
    except ValueError as error:
        raise _no_json(path, f"line {number}: {error}") from None
    require_characters(f"{path}, line {number}", line, entry)
    return entry


def _demand_object(path: Path, where: str, entry: Any) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise _no_json(path, f"{where} is {_short(json.dumps(entry, ensure_ascii=False))}")
    return entry


def parsed(text: str) -> Any:
    """Return what a text in JSON holds.

    Raises:
        ValueError: it is no JSON, has a key twice in one object, is nested too deeply, or holds a number that is none.
    """
    return load(text, pairs=_object, constants=True)  # Python writes NaN for what is missing


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    one = dict(pairs)
    if len(one) < len(pairs):
        raise ValueError(f"the key {_twice(key for key, _ in pairs)!r} is twice in one object")
    return one


def _no_json(path: Path, reason: str) -> DataError:
    form = "an object in every line" if path.suffix.lower() == ".jsonl" else "a list of objects, or one in every line"
    return DataError(f"{path} cannot be read as json: {reason}. Give {form}, with the columns as its keys.")


def _parquet(path: Path) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.stat().st_size:
        raise DataError(f"{path} is empty. Give a file with texts in it.")
    try:
        file = pq.ParquetFile(path)  # `read_table` would make columns of folders such as label=1
        table = pa.Table.from_batches(batches(path, file), file.schema_arrow)
        table.validate(full=True)  # also that texts are UTF-8
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{path} cannot be read as parquet: {str(error).splitlines()[0].rstrip('.')}. Write it anew."
        ) from error
    return of_arrow(str(path), table)


def of_arrow(name: str, table: Any) -> Table:
    """Return a table of Arrow's under a name for messages.

    Raises:
        DataError: two columns have one name.
    """
    names = named(table.column_names)
    _require_different(name, names)
    _refuse_nulls(name, dict(zip(names, table.columns, strict=True)))
    classes: dict[str, Sequence[str]] = {}
    if b"huggingface" in (table.schema.metadata or {}):
        from datasets import ClassLabel, Features

        features = Features.from_arrow_schema(table.schema)
        classes = {column: one.names for column, one in features.items() if isinstance(one, ClassLabel)}
    return Table(dict(zip(names, table.columns, strict=True)), table.num_rows, class_names=classes)


def _refuse_nulls(name: str, columns: Mapping[str, Any]) -> None:
    """Refuse texts with a null character, as in the other formats."""
    import pyarrow.compute as pc

    for column, values in columns.items():
        for texts in _texts_in(values):
            if pc.any(pc.match_substring(texts, "\0")).as_py():
                raise DataError(f"{name}: a text in column {column!r} holds a null character. Take it out.")


def _texts_in(values: Any) -> Iterator[Any]:
    """Yield the texts in a column of Arrow's, also those in its lists and objects."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = values.type
    if pa.types.is_dictionary(kind):
        yield from _texts_in(values.cast(kind.value_type))
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        yield values
    elif pa.types.is_struct(kind):
        for inner in values.flatten():
            yield from _texts_in(inner)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield from _texts_in(pc.list_flatten(values))
