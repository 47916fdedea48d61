"""Reads the user's labelled texts, with the `datasets` library; other readers of tables share its helpers."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import datasets

from harness import DataError
from harness_language._sources import READERS, Hub, locate
from harness_language._splits import carve, divide
from harness_language.data import Examples, TextClassificationData

_USUAL_COLUMNS = {
    "text_column": ("text", "sentence", "review", "content", "question", "body", "document", "comment"),
    "label_column": ("label", "sentiment", "coarse_label", "class", "category", "target", "rating", "topic"),
}


class Rows(NamedTuple):
    """The two columns of a split."""

    texts: list[str]
    labels: list[Any]


def read(source: str, settings: Mapping[str, Any]) -> TextClassificationData:
    """Load labelled texts from a file, a folder in the hub's format, or the hub.

    The source's splits are kept; a single split is divided 70/10/20.

    Args:
        source: a path or the name of a hub data set.
        settings: `text_column` and `label_column`.

    Raises:
        DataError: names the file, row or column that is wrong.
    """
    with loaded(source) as tables:
        rows_of = {name: _rows(split_name(source, name, tables), tables[name], settings) for name in tables}
    labelled = {name: rows for name, rows in rows_of.items() if rows is not None}
    splits = complete(source, labelled, groups=lambda rows: rows.labels, advice="Give at least 3 texts of every class.")
    classes = _classes(source, splits)
    numbers = {label: number for number, label in enumerate(classes)}
    examples = {
        split: Examples(tuple(rows.texts), tuple(numbers[label] for label in rows.labels))
        for split, rows in splits.items()
    }
    return TextClassificationData([str(label) for label in classes], examples)


# Loading ----------------------------------------------------------------------------------------------------


@contextmanager
def loaded(source: str) -> Iterator[Any]:
    """Open a source as a `DatasetDict`; the library's cache of local data is temporary."""
    location = locate(source)
    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory(prefix="harness-data-") as cache:
        try:
            yield _load(location, cache)
        except DataError:
            raise
        except Exception as error:
            raise _unreadable(source, location, error) from error


def _unreadable(source: str, location: Path | Hub, error: Exception) -> DataError:
    """Return the error for an exception of the library."""
    if "corresponds to no data" in str(error):
        return _no_rows(source)
    cause = (str(error.__cause__ or error).strip().splitlines() or [type(error).__name__])[0].rstrip(".!")
    if isinstance(location, Hub):
        hint = "Check its name and your connection, or download it and give the path."
        return DataError(f"{source} cannot be read from the hub: {cause}. {hint}")
    kind = READERS.get(location.suffix.lower(), "a data set")
    return DataError(f"{source} cannot be read as {kind}: {cause}. Check that every row has the same columns.")


def _no_rows(name: str) -> DataError:
    return DataError(f"{name} has no rows. Give a file with a text in every row.")


def _load(location: Path | Hub, cache: str) -> Any:
    if isinstance(location, Hub):
        # In the hub's own cache: the run need not download again what the check did.
        return datasets.load_dataset(location.name, revision=location.revision)
    if location.is_dir():
        return datasets.load_dataset(str(location), cache_dir=cache)
    reader = READERS[location.suffix.lower()]
    # "None" and "NA" are words in a text; only an empty cell is missing.
    options = {"keep_default_na": False, "encoding": "utf-8-sig"} if reader == "csv" else {}
    return datasets.load_dataset(reader, data_files={"train": str(location)}, cache_dir=cache, **options)


# Columns ----------------------------------------------------------------------------------------------------


def split_name(source: str, split: str, tables: Sequence[str]) -> str:
    """Return the name of a source's split in messages."""
    return f"{source} ({split})" if len(tables) > 1 else source


def _rows(name: str, table: Any, settings: Mapping[str, Any]) -> Rows | None:
    """Return a split's texts and labels, or None if all labels are hidden, as in some test splits on the hub."""
    if not len(table):
        raise _no_rows(name)
    columns = list(table.column_names)
    for setting in ("text_column", "label_column"):
        if settings[setting] not in columns:
            raise _no_column(name, columns, setting, settings[setting])
    label = table.features[settings["label_column"]]
    labels = list(table[settings["label_column"]])
    named = isinstance(label, datasets.ClassLabel)
    if named and all(value in {-1, None} for value in labels):
        return None
    rows = Rows(list(table[settings["text_column"]]), labels)
    check_texts(name, settings["text_column"], rows.texts, "text_column")
    _check_labels(name, settings["label_column"], rows.labels)
    return Rows(rows.texts, [label.int2str(value) for value in labels]) if named else rows


def texts_of(name: str, table: Any, column: str, setting: str) -> list[str]:
    """Return a split's column of texts.

    Args:
        name: the split's name in messages.
        table: the split.
        column: the column's name.
        setting: the task's setting that names the column.

    Raises:
        DataError: there are no rows, there is no such column, or a row has no text.
    """
    if not len(table):
        raise _no_rows(name)
    if column not in table.column_names:
        raise _no_column(name, table.column_names, setting, column)
    texts = list(table[column])
    check_texts(name, column, texts, setting)
    return texts


def _no_column(name: str, columns: Sequence[str], setting: str, column: str) -> DataError:
    usual = [candidate for candidate in _USUAL_COLUMNS[setting] if candidate in columns]
    example = usual[0] if usual else (columns[0] if columns else "NAME")
    hint = f" Perhaps you mean {usual[0]!r}." if usual else ""
    return DataError(
        f"{name} has no column {column!r}; its columns are {', '.join(map(repr, columns))}.{hint} "
        f"Name the column with the task's setting {setting}, for example {setting}: {example}"
    )


def check_texts(name: str, column: str, texts: Sequence[Any], setting: str) -> None:
    """Check a column of texts.

    Args:
        name: the split's name in messages.
        column: the column's name.
        texts: the column's values.
        setting: the task's setting that names the column.

    Raises:
        DataError: names the first row without a text.
    """
    for number, text in enumerate(texts, start=1):
        if text is not None and not isinstance(text, str):
            raise DataError(
                f"{name}, row {number}: column {column!r} holds {text!r}, which is no text. "
                f"Name another column with {setting}."
            )
        if text is None or not text.strip():
            raise DataError(
                f"{name}, row {number}: the text in column {column!r} is empty. Fill it in or delete the row."
            )


def _check_labels(name: str, column: str, labels: Sequence[Any]) -> None:
    for number, label in enumerate(labels, start=1):
        if label is None or label == "":
            raise DataError(
                f"{name}, row {number}: the label in column {column!r} is missing. Fill it in or delete the row."
            )
        if not isinstance(label, (str, int)):
            raise DataError(
                f"{name}, row {number}: the label in column {column!r} is {label!r}; a class is a word or a "
                "whole number. Name another column with label_column, or turn the values into classes."
            )


# Splits -----------------------------------------------------------------------------------------------------


def complete(
    source: str, available: Mapping[str, Rows], groups: Callable[[Rows], Sequence[Hashable]], advice: str
) -> dict[str, Rows]:
    """Return train, validation and test from the splits of a source; no text is in two of them.

    Args:
        source: its name in messages.
        available: its splits.
        groups: rows → the group of each, by which new splits are stratified.
        advice: what to do if there are too few rows.

    Raises:
        DataError: there is no labelled split, or too few rows.
    """
    if not available:
        raise DataError(f"{source} has no labelled split. Use a data set that publishes its labels.")
    train = available.get("train") or next(iter(available.values()))
    test = available.get("test") or available.get("validation")
    if test is None or test is train:
        splits = {split: _pick(train, rows) for split, rows in divide(train.texts, groups(train)).items()}
    else:
        held_out = {"test": test}
        if "test" in available and "validation" in available:
            held_out["validation"] = _without(available["validation"], set(test.texts))
        rest = _without(train, {text for rows in held_out.values() for text in rows.texts})
        carved = {"train": rest}
        if "validation" not in held_out:
            carved = {split: _pick(rest, rows) for split, rows in carve(rest.texts, groups(rest)).items()}
        splits = carved | held_out
    for split, rows in splits.items():
        if not rows.texts:
            total = sum(len(rows.texts) for rows in available.values())
            raise DataError(f"{source} has {total} rows, which leaves the {split} split empty. {advice}")
    return splits


def _pick(rows: Rows, numbers: Sequence[int]) -> Rows:
    return Rows([rows.texts[number] for number in numbers], [rows.labels[number] for number in numbers])


def _without(rows: Rows, texts: set[str]) -> Rows:
    return _pick(rows, [number for number, text in enumerate(rows.texts) if text not in texts])


def _classes(source: str, splits: Mapping[str, Rows]) -> list[Any]:
    """Return the labels in order, numbers before words.

    Raises:
        DataError: there is only one label, or one that the training split lacks.
    """
    labels = set(splits["train"].labels)
    if len(labels) == 1:
        raise DataError(
            f"{source}: every row has the label {next(iter(labels))!r}. "
            "A classifier needs at least two classes: add rows of another."
        )
    for split in ("validation", "test"):
        unseen = set(splits[split].labels) - labels
        if unseen:
            label = min(unseen, key=str)
            raise DataError(
                f"{source}: the label {label!r} occurs in the {split} split and never in the training split. "
                "Add rows of it there."
            )
    return sorted(labels, key=lambda label: (isinstance(label, str), label))
