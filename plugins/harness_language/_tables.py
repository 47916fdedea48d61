"""Reads a source with the `datasets` library into labelled texts, and says what is wrong with it where it cannot."""

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

_OBVIOUS = {
    "text_column": ("text", "sentence", "review", "content", "question", "body", "document", "comment"),
    "label_column": ("label", "sentiment", "coarse_label", "class", "category", "target", "rating", "topic"),
}


class Rows(NamedTuple):
    """The two columns of one split."""

    texts: list[str]
    labels: list[Any]


def read(source: str, settings: Mapping[str, Any]) -> TextClassificationData:
    """Load labelled texts from a file, a folder in the hub's format, or the hub.

    Splits that the source has are used; a source with one split is divided 70/10/20.

    Args:
        source: a path or the name of a hub data set.
        settings: `text_column` and `label_column`.

    Raises:
        DataError: says which file, row or column is wrong and what to do.
    """
    with loaded(source) as tables:
        found = {name: _rows(whose(source, name, tables), tables[name], settings) for name in tables}
    labelled = {name: rows for name, rows in found.items() if rows is not None}
    splits = complete(source, labelled, groups=lambda rows: rows.labels, advice="Give at least 3 texts of every class.")
    names = _classes(source, splits)
    place = {name: position for position, name in enumerate(names)}
    examples = {
        split: Examples(tuple(rows.texts), tuple(place[label] for label in rows.labels))
        for split, rows in splits.items()
    }
    return TextClassificationData([str(name) for name in names], examples)


# Loading ----------------------------------------------------------------------------------------------------


@contextmanager
def loaded(source: str) -> Iterator[Any]:
    """Open a source as a `DatasetDict`; what the library caches of local data is gone afterwards."""
    place = locate(source)
    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory(prefix="harness-data-") as cache:
        try:
            yield _load(place, cache)
        except DataError:
            raise
        except Exception as error:
            raise _unreadable(source, place, error) from error


def _unreadable(source: str, place: Path | Hub, error: Exception) -> DataError:
    """Return the sentence for what the library makes of a source."""
    if "corresponds to no data" in str(error):
        return _no_rows(source)
    cause = (str(error.__cause__ or error).strip().splitlines() or [type(error).__name__])[0].rstrip(".!")
    if isinstance(place, Hub):
        hint = "Check its name and your connection, or download it and give the path."
        return DataError(f"{source} cannot be read from the hub: {cause}. {hint}")
    kind = READERS.get(place.suffix.lower(), "a data set")
    return DataError(f"{source} cannot be read as {kind}: {cause}. Look whether every row has the same columns.")


def _no_rows(whose: str) -> DataError:
    return DataError(f"{whose} has no rows. Give a file with a text in every row.")


def _load(place: Path | Hub, cache: str) -> Any:
    if isinstance(place, Hub):
        # The hub's own cache: what was downloaded for the check is there for the run.
        return datasets.load_dataset(place.name, revision=place.revision)
    if place.is_dir():
        return datasets.load_dataset(str(place), cache_dir=cache)
    reader = READERS[place.suffix.lower()]
    # "None" and "NA" are words in a text; only an empty cell is missing.
    options = {"keep_default_na": False, "encoding": "utf-8-sig"} if reader == "csv" else {}
    return datasets.load_dataset(reader, data_files={"train": str(place)}, cache_dir=cache, **options)


# Columns ----------------------------------------------------------------------------------------------------


def whose(source: str, split: str, tables: Sequence[str]) -> str:
    """Return how sentences name a split of a source."""
    return f"{source} ({split})" if len(tables) > 1 else source


def _rows(name: str, table: Any, settings: Mapping[str, Any]) -> Rows | None:
    """Return a split's texts and labels; None where all labels are hidden, as some hub data sets do to their test."""
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
        name: how sentences name the split.
        table: the split.
        column: the column's name.
        setting: the task's setting that may name another.

    Raises:
        DataError: there are no rows, there is no such column, or a row has no text in it.
    """
    if not len(table):
        raise _no_rows(name)
    if column not in table.column_names:
        raise _no_column(name, table.column_names, setting, column)
    texts = list(table[column])
    check_texts(name, column, texts, setting)
    return texts


def _no_column(whose: str, columns: Sequence[str], setting: str, asked: str) -> DataError:
    others = [name for name in _OBVIOUS[setting] if name in columns]
    example = others[0] if others else (columns[0] if columns else "NAME")
    perhaps = f" Perhaps you mean {others[0]!r}." if others else ""
    return DataError(
        f"{whose} has no column {asked!r}; its columns are {', '.join(map(repr, columns))}.{perhaps} "
        f"Name the column with the task's setting {setting}, for example {setting}: {example}"
    )


def check_texts(name: str, column: str, texts: Sequence[Any], setting: str) -> None:
    """Look at a column of texts.

    Args:
        name: how sentences name the split.
        column: its name.
        texts: what it holds.
        setting: the task's setting that may name another.

    Raises:
        DataError: names the first row that holds no text, or an empty one.
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


def _check_labels(whose: str, column: str, labels: Sequence[Any]) -> None:
    for number, label in enumerate(labels, start=1):
        if label is None or label == "":
            raise DataError(
                f"{whose}, row {number}: the label in column {column!r} is missing. Fill it in or delete the row."
            )
        if not isinstance(label, (str, int)):
            raise DataError(
                f"{whose}, row {number}: the label in column {column!r} is {label!r}; a class is a word or a "
                "whole number. Name another column with label_column, or turn the values into classes."
            )


# Splits -----------------------------------------------------------------------------------------------------


def complete(
    source: str, given: Mapping[str, Rows], groups: Callable[[Rows], Sequence[Hashable]], advice: str
) -> dict[str, Rows]:
    """Return train, validation and test, made from the splits a source has; what is tested is never learnt from.

    Args:
        source: how sentences name it.
        given: its splits.
        groups: what splits are to have in equal shares: rows → one group for each.
        advice: what to do where there are too few rows.

    Raises:
        DataError: it has no split that can be read, or too few rows.
    """
    if not given:
        raise DataError(f"{source} has no labelled split. Use a data set that publishes its labels.")
    train = given.get("train") or next(iter(given.values()))
    test = given.get("test") or given.get("validation")
    if test is None or test is train:
        splits = {split: _pick(train, rows) for split, rows in divide(train.texts, groups(train)).items()}
    else:
        held = {"test": test}
        if "test" in given and "validation" in given:
            held["validation"] = _without(given["validation"], set(test.texts))
        rest = _without(train, {text for rows in held.values() for text in rows.texts})
        carved = {"train": rest}
        if "validation" not in held:
            carved = {split: _pick(rest, rows) for split, rows in carve(rest.texts, groups(rest)).items()}
        splits = carved | held
    for split, rows in splits.items():
        if not rows.texts:
            total = sum(len(rows.texts) for rows in given.values())
            raise DataError(f"{source} has {total} rows, which leaves the {split} split empty. {advice}")
    return splits


def _pick(rows: Rows, numbers: Sequence[int]) -> Rows:
    return Rows([rows.texts[number] for number in numbers], [rows.labels[number] for number in numbers])


def _without(rows: Rows, texts: set[str]) -> Rows:
    return _pick(rows, [number for number, text in enumerate(rows.texts) if text not in texts])


def _classes(source: str, splits: Mapping[str, Rows]) -> list[Any]:
    """Return the labels in order: numbers by size, words by the alphabet.

    Raises:
        DataError: there is one label only, or one that is tested but never seen in training.
    """
    seen = set(splits["train"].labels)
    if len(seen) == 1:
        raise DataError(
            f"{source}: every row has the label {next(iter(seen))!r}. "
            "A classifier needs at least two classes: add rows of another."
        )
    for split in ("validation", "test"):
        unseen = set(splits[split].labels) - seen
        if unseen:
            label = min(unseen, key=str)
            raise DataError(
                f"{source}: the label {label!r} occurs in the {split} split and never in the training split. "
                "Add rows of it there."
            )
    return sorted(seen, key=lambda label: (isinstance(label, str), label))
