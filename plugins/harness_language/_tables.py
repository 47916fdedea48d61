"""Reads the user's labelled texts; other readers of tables share its helpers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import DataError
from harness.encodings import one_encoding
from harness.user_data.files import split_files
from harness.user_data.names import ALL
from harness.user_data.tables import (
    SPLIT_COLUMN,
    Part,
    Tables,
    gathered,
    of_hub,
    refuse_unused,
    require_in_all,
    require_one_type,
    require_own_columns,
    split_by_column,
)
from harness_language._columns import in_order, labels_of, require_column, stated_labels, texts_of
from harness_language._completed import Item, completed
from harness_language._settings import FORM
from harness_language._sources import READERS, Hub, locate
from harness_language._table_files import Form, Table, of_arrow, read_table
from harness_language.data import Examples, TextClassificationData

ADVICE = "Give at least 3 different texts of every class."


def read(source: str, settings: Mapping[str, Any]) -> TextClassificationData:
    """Load labelled texts from a file, a folder in the hub's format, or the hub.

    The source's splits are kept; a source without any is divided 70/10/20.

    Args:
        source: a path or the name of a hub data set.
        settings: `text_column`, `label_column`, `split_column`, and how the files are written.

    Raises:
        DataError: names the file, row or column that is wrong.
    """
    columns = {name: settings[name] for name in ("text_column", "label_column")}
    tables = loaded(source, settings, columns)
    require_in_all(tables, wanted_of(columns))
    rows = gathered(tables, lambda part: _rows(part.name, part.table, settings))
    label = settings["label_column"]
    require_one_type(label, {part.name: stated_labels(part.table, label) or () for part in tables.parts})
    if not rows.by_split:
        raise DataError(f"{source} has no labelled split. Use a data set that publishes its labels.")
    made = completed(source, rows, ADVICE, by_label=True)
    classes = _classes(source, made.splits)
    numbers = {label: number for number, label in enumerate(classes)}
    examples = {
        split: Examples(tuple(text for text, _ in items), tuple(numbers[label] for _, label in items))
        for split, items in made.splits.items()
    }
    data = TextClassificationData(classes, examples)
    counts = Counter(label for items in made.splits.values() for _, label in items)
    by_class = {label: counts[label] for label in classes}
    data.how_read = rows.how_read(made, columns, by_class)
    return data


# Loading ----------------------------------------------------------------------------------------------------


def loaded(source: str, settings: Mapping[str, Any], columns: Mapping[str, str]) -> Tables:
    """Return the tables of a source.

    Args:
        source: a path or the name of a hub data set.
        settings: `split_column`, and how the files are written.
        columns: setting → column that will be read.

    Raises:
        DataError: names the file and what is wrong with it, or a column in two roles.
    """
    location = locate(source)
    wanted = wanted_of(columns)
    tables = _of_hub(source, location) if isinstance(location, Hub) else _of_files(location, Form.of(settings), wanted)
    _refuse_unused_form(source, location, tables, settings)
    tables = split_by_column(source, tables, settings.get("split_column", SPLIT_COLUMN))
    require_own_columns(source, tables, columns)
    return tables


def _refuse_unused_form(source: str, location: Path | Hub, tables: Tables, settings: Mapping[str, Any]) -> None:
    """Refuse settings for files in a form that the source has not."""
    if isinstance(location, Hub):
        refuse_unused(f"{source} is a data set of the hub", settings, FORM, Form._fields)
    elif not any(part.table.words for part in tables.parts):
        refuse_unused(f"{source} holds no CSV", settings, FORM, ("delimiter", "columns"))
    if tables.parts and all(part.short.lower().endswith(".parquet") for part in tables.parts):
        refuse_unused(f"{source} is Parquet", settings, FORM, ("encoding",))


def wanted_of(columns: Mapping[str, str]) -> list[str]:
    """Return the columns that are read; those that are joined stand between `+`."""
    return [name for column in columns.values() for name in column.split("+")]


def _of_files(path: Path, form: Form, wanted: Sequence[str]) -> Tables:
    if path.is_file():
        return Tables([Part(str(path), path.name, ALL, read_table(path, form, wanted))], {}, ())
    listed = split_files(path, READERS)
    paths = [file for files in listed.files.values() for file in files if file.suffix.lower() != ".parquet"]
    with one_encoding(paths, form.encoding):
        parts = [
            Part(str(file), file.relative_to(path).as_posix(), split, read_table(file, form, wanted))
            for split, files in listed.files.items()
            for file in files
        ]
    return Tables(parts, listed.origin, listed.ignored)


def _of_hub(source: str, hub: Hub) -> Tables:
    import datasets  # takes a second, and files need none of it

    datasets.disable_progress_bars()
    try:
        # In the hub's own cache: the run need not download again what the check did.
        tables = datasets.load_dataset(hub.name, revision=hub.revision)
    except Exception as error:
        cause = (str(error.__cause__ or error).strip().splitlines() or [type(error).__name__])[0].rstrip(".!")
        hint = "Check its name and your connection, or download it and give the path."
        raise DataError(f"{source} cannot be read from the hub: {cause}. {hint}") from error
    return of_hub(source, {name: of_arrow(source, table.with_format("arrow")[:]) for name, table in tables.items()})


# Columns ----------------------------------------------------------------------------------------------------


def _rows(name: str, table: Table, settings: Mapping[str, Any]) -> list[Item] | None:
    """Return a table's texts and labels, or None if all labels are hidden, as in some test splits on the hub."""
    text, label = settings["text_column"], settings["label_column"]
    wanted = [*text.split("+"), label]
    texts = texts_of(name, table, text, "text_column", wanted)
    require_column(name, table, label, "label_column", wanted)
    labels = labels_of(name, table, label)
    return None if labels is None else list(zip(texts, labels, strict=True))


# Classes ----------------------------------------------------------------------------------------------------


def _classes(source: str, splits: Mapping[str, Sequence[Item]]) -> list[str]:
    """Return the labels in order.

    Raises:
        DataError: there is only one label, or one that the training split lacks.
    """
    labels = {label for _, label in splits["train"]}
    if len(labels) == 1:
        raise DataError(
            f"{source}: every row has the label {next(iter(labels))!r}. "
            "A classifier needs at least two classes: add rows of another."
        )
    for split in ("validation", "test"):
        unseen = {label for _, label in splits[split]} - labels
        if unseen:
            label = min(unseen)
            raise DataError(
                f"{source}: the label {label!r} occurs in the {split} split and never in the training split. "
                "Add rows of it there."
            )
    return in_order(labels)
