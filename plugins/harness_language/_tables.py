"""Reads the user's labelled texts; other readers of tables share its helpers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import datasets

from harness import DataError
from harness_language._columns import in_order, labels_of, require_column, texts_of
from harness_language._sources import Hub, locate
from harness_language._splits import carve, divide
from harness_language._table_files import Form, Table, of_arrow, read_table
from harness_language.data import Examples, TextClassificationData


class Rows(NamedTuple):
    """The two columns of a split."""

    texts: list[str]
    labels: list[Any]


def read(source: str, settings: Mapping[str, Any]) -> TextClassificationData:
    """Load labelled texts from a file, a folder in the hub's format, or the hub.

    The source's splits are kept; a single split is divided 70/10/20.

    Args:
        source: a path or the name of a hub data set.
        settings: `text_column`, `label_column`, and how the files are written.

    Raises:
        DataError: names the file, row or column that is wrong.
    """
    tables = loaded(source, settings)
    rows_of = {name: _rows(split_name(source, name, tables), tables[name], settings) for name in tables}
    labelled = {name: rows for name, rows in rows_of.items() if rows is not None}
    splits = complete(source, labelled, groups=lambda rows: rows.labels, advice="Give at least 3 texts of every class.")
    classes = _classes(source, splits)
    numbers = {label: number for number, label in enumerate(classes)}
    examples = {
        split: Examples(tuple(rows.texts), tuple(numbers[label] for label in rows.labels))
        for split, rows in splits.items()
    }
    return TextClassificationData(classes, examples)


# Loading ----------------------------------------------------------------------------------------------------


def loaded(source: str, settings: Mapping[str, Any]) -> dict[str, Table]:
    """Return the tables of a source by split.

    Raises:
        DataError: names the file and what is wrong with it.
    """
    location, form = locate(source), Form.of(settings)
    if isinstance(location, Hub):
        return _of_hub(source, location)
    if location.is_file():
        return {"train": read_table(location, form)}
    try:
        files = datasets.load_dataset_builder(str(location)).config.data_files
    except Exception as error:
        raise DataError(f"{source} cannot be read as a data set: {str(error).splitlines()[0].rstrip('.')}.") from error
    return {split: joined([read_table(Path(file), form) for file in paths]) for split, paths in files.items()}


def joined(tables: Sequence[Table]) -> Table:
    """Return the rows of several tables one after the other."""
    first, *_ = tables
    return replace(
        first,
        columns={name: [value for table in tables for value in table[name]] for name in first.columns},
        rows=sum(table.rows for table in tables),
    )


def _of_hub(source: str, hub: Hub) -> dict[str, Table]:
    datasets.disable_progress_bars()
    try:
        # In the hub's own cache: the run need not download again what the check did.
        tables = datasets.load_dataset(hub.name, revision=hub.revision)
    except Exception as error:
        cause = (str(error.__cause__ or error).strip().splitlines() or [type(error).__name__])[0].rstrip(".!")
        hint = "Check its name and your connection, or download it and give the path."
        raise DataError(f"{source} cannot be read from the hub: {cause}. {hint}") from error
    return {name: of_arrow(source, table.with_format("arrow")[:]) for name, table in tables.items()}


# Columns ----------------------------------------------------------------------------------------------------


def split_name(source: str, split: str, tables: Collection[str]) -> str:
    """Return the name of a source's split in messages."""
    return f"{source} ({split})" if len(tables) > 1 else source


def _rows(name: str, table: Table, settings: Mapping[str, Any]) -> Rows | None:
    """Return a split's texts and labels, or None if all labels are hidden, as in some test splits on the hub."""
    text, label = settings["text_column"], settings["label_column"]
    wanted = [*text.split("+"), label]
    texts = texts_of(name, table, text, "text_column", wanted)
    require_column(name, table, label, "label_column", wanted)
    labels = labels_of(name, table, label)
    return None if labels is None else Rows(texts, labels)


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


def _classes(source: str, splits: Mapping[str, Rows]) -> list[str]:
    """Return the labels in order.

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
            label = min(unseen)
            raise DataError(
                f"{source}: the label {label!r} occurs in the {split} split and never in the training split. "
                "Add rows of it there."
            )
    return in_order(labels)
