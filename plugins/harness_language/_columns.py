"""The columns of the user's tables: texts, classes and spans, found by name and checked row by row."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from harness import DataError
from harness.yaml_text import dump
from harness_language._table_files import Table, is_header, no_header

_USUAL = {
    "text_column": ("text", "sentence", "review", "content", "question", "body", "document", "comment"),
    "label_column": ("label", "sentiment", "coarse_label", "class", "category", "target", "rating", "topic"),
}
"""Setting → names of columns that it often means."""
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"[+-]?[0-9]+")
_CLIPPED = 60
_DIGITS = 18
"""Labels with more digits are ordered as words."""


def texts_of(name: str, table: Table, column: str, setting: str, wanted: Sequence[str] = ()) -> list[str]:
    """Return a column of texts, or several joined by a blank.

    Args:
        name: the table's name in messages.
        table: the rows.
        column: the column's name, or names joined by `+`; a column that is really called so wins.
        setting: the task's setting that names the column.
        wanted: all columns that are needed, for a file that may have no header row; empty: only this one.

    Raises:
        DataError: there are no rows, there is no such column, or a row has no text.
    """
    _require_rows(name, table)
    names = [column] if column in table.columns or "+" not in column else column.split("+")
    for one in names:
        require_column(name, table, one, setting, wanted or names)
    parts = [table[one] for one in names]
    for one, values in zip(names, parts, strict=True):
        _check_types(name, one, values, setting)
    texts = [" ".join(text for text in row if text and not text.isspace()) for row in zip(*parts, strict=True)]
    if len(names) == 1:
        texts = parts[0]
    check_texts(name, column, texts, setting)
    return texts


def labels_of(name: str, table: Table, column: str) -> list[str] | None:
    """Return the classes of a column as words, or None if all are hidden, as in some test splits on the hub.

    A class is the text of its label: `01` and `1` are two.

    Raises:
        DataError: a label is missing, or is neither a word nor a whole number.
    """
    labels = stated_labels(table, column)
    if labels is None:
        return None
    words = [
        _word(f"{name}, row {number}: the label in column {column!r}", label)
        for number, label in enumerate(labels, start=1)
    ]
    if table.words:
        _refuse_scores(name, column, labels)
    return words


def stated_labels(table: Table, column: str) -> list[Any] | None:
    """Return labels in the type that the file states, class numbers by their names; None if all are hidden."""
    labels = table[column]
    if (names := table.class_names.get(column)) is None:
        return labels
    if all(label in {-1, None} for label in labels):
        return None
    return [names[label] if label is not None and label >= 0 else None for label in labels]


def _word(where: str, label: Any) -> str:
    """Return a label's text."""
    if label is None or label == "" or label != label:  # noqa: PLR0124 - NaN
        raise DataError(f"{where} is missing. Fill it in or delete the row.")
    if isinstance(label, bool):
        return str(label).lower()  # as JSON writes it
    if not isinstance(label, (str, int)):
        raise _no_class(where, f"{label!r:.{_CLIPPED}}")
    return str(label)


def _no_class(where: str, shown: str) -> DataError:
    return DataError(
        f"{where} is {shown}; a class is a word or a whole number. Name another column with label_column, or turn the "
        "values into classes."
    )


def _refuse_scores(name: str, column: str, labels: Sequence[str]) -> None:
    """Refuse numbers with fractions as classes; codes such as 1.1 beside 1.10 are none."""
    words = set(labels)
    if not all(map(_NUMBER.fullmatch, words)) or all(map(_WHOLE.fullmatch, words)):
        return
    if len({float(word) for word in words}) == len(words):
        number = next(number for number, label in enumerate(labels) if not _WHOLE.fullmatch(label))
        raise _no_class(f"{name}, row {number + 1}: the label in column {column!r}", labels[number])


def in_order(classes: Iterable[str]) -> list[str]:
    """Return classes in order: whole numbers by their value, then words."""
    return sorted(classes, key=_rank)


def _rank(label: str) -> tuple[float, str]:
    return (int(label) if _WHOLE.fullmatch(label) and len(label) <= _DIGITS else math.inf, label)


def whole_number(value: Any, table: Table) -> Any:
    """Return a cell of a CSV file as a whole number if it is written as one; any other value as it is."""
    return int(value) if table.words and isinstance(value, str) and _WHOLE.fullmatch(value) else value


# Finding columns --------------------------------------------------------------------------------------------


def require_column(name: str, table: Table, column: str, setting: str, wanted: Sequence[str]) -> None:
    """Check that a table has a column.

    Args:
        name: the table's name in messages.
        table: the rows.
        column: the column's name.
        setting: the task's setting that names the column.
        wanted: all columns that are needed, for a file that may have no header row.

    Raises:
        DataError: it has not; names those that it has, or asks for a header row.
    """
    if column in table.columns:
        return
    names, question = table.column_names, ""
    if table.header:
        headed = is_header(table.header, [table[one] for one in names], wanted)
        question = "" if headed else f" {no_header(table.header, _names(table, setting, wanted))}"
        if headed is False:
            raise DataError(f"{name} has no column {column!r}.{question}")
    hint, example = "", f" (--task-setting {setting}=NAME)."
    if (near := _near(names, column, setting, wanted)) is not None:
        hint, example = f" Perhaps you mean {near!r}.", f", for example {dump({setting: near}).strip()}"
    raise DataError(
        f"{name} has no column {column!r}; its columns are {', '.join(map(repr, names))}.{hint} "
        f"Name the column with the task's setting {setting}{example}{question}"
    )


def _near(names: Sequence[str], column: str, setting: str, wanted: Sequence[str]) -> str | None:
    """Return the column that is probably meant, none of those that are read as something else."""
    free = [name for name in names if name not in wanted]
    alike = [name for name in free if name.strip().casefold() == column.strip().casefold()]
    usual = [name for name in _USUAL.get(setting, ()) if name in free]
    return next(iter((*alike, *usual)), None)


def _names(table: Table, setting: str, wanted: Sequence[str]) -> list[str]:
    """Return names for the columns of a file without a header row, all of whose cells are texts or empty."""
    guessed = _guessed(table, wanted) if setting in _USUAL else [*wanted, *_numbered(table)[len(wanted) :]]
    return guessed[: len(table.columns)]


def _guessed(table: Table, wanted: Sequence[str]) -> list[str]:
    """Return a name for each column: texts are long, and classes few."""
    names = dict(zip(table.column_names, _numbered(table), strict=True))
    rest = {name: [name, *(cell or "" for cell in table[name])] for name in names}
    for number, column in enumerate(wanted[: len(names)]):
        merit = {name: -sum(map(len, values)) if number == 0 else len(set(values)) for name, values in rest.items()}
        chosen = min(merit, key=merit.__getitem__)
        names[chosen] = column
        del rest[chosen]
    return list(names.values())


def _numbered(table: Table) -> list[str]:
    return [f"column{number}" for number in range(1, len(table.columns) + 1)]


def unnested(table: Table, column: str) -> Table:
    """Return a table with the keys of a column of objects as columns in its place; other columns stay as they are."""
    entries = table[column]
    keys = dict.fromkeys(key for entry in entries if isinstance(entry, dict) for key in entry)
    inner = {key: [entry.get(key) if isinstance(entry, dict) else None for entry in entries] for key in keys}
    return replace(table, columns={**inner, **{name: table.columns[name] for name in table.columns if name != column}})


# Checking texts ---------------------------------------------------------------------------------------------


def _require_rows(name: str, table: Table) -> None:
    if not len(table):
        raise DataError(f"{name} has no rows. Give a file with a text in every row.")


def check_texts(name: str, column: str, texts: Sequence[Any], setting: str) -> None:
    """Check a column of texts.

    Args:
        name: the table's name in messages.
        column: the column's name.
        texts: the column's values.
        setting: the task's setting that names the column.

    Raises:
        DataError: names the first row without a text.
    """
    _check_types(name, column, texts, setting)
    for number, text in enumerate(texts, start=1):
        if text is None or not text.strip():
            raise DataError(
                f"{name}, row {number}: the text in column {column!r} is empty. Fill it in or delete the row."
            )


def _check_types(name: str, column: str, texts: Sequence[Any], setting: str) -> None:
    for number, text in enumerate(texts, start=1):
        if text is not None and not isinstance(text, str):
            raise DataError(
                f"{name}, row {number}: column {column!r} holds {text!r:.{_CLIPPED}}, which is no text. "
                f"Name another column with {setting}."
            )
