"""Reads the user's texts with what is to be found in them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema.exceptions import best_match
from jsonschema.protocols import Validator

from harness import DataError
from harness.user_data.tables import gathered, require_in_all
from harness_language._columns import require_column, texts_of
from harness_language._completed import Item, completed
from harness_language._schemas import EXAMPLE, checked, is_valid, read_schema
from harness_language._table_files import Table, parsed
from harness_language._tables import loaded, wanted_of
from harness_language.extraction import Extract, ExtractionData, canonical, fields

ADVICE = "Give at least 3 texts with what is to be found in them."
COLUMNS = ("text_column", "json_column")


def read(source: str, settings: Mapping[str, Any]) -> ExtractionData:
    """Load texts with JSON from a file, a folder in the hub's format, or the hub.

    The source's splits are kept; without any it is divided 70/10/20.

    Args:
        source: a path or the name of a hub data set.
        settings: `schema`, `text_column`, `json_column`, `split_column`, and how the files are written.

    Raises:
        DataError: names the file, row or column that is wrong, or what the schema lacks.
    """
    if not settings["schema"]:
        raise DataError(
            f"{source} needs a JSON Schema of its answers. Write one into a file, such as {EXAMPLE}, and name it with "
            "the task's setting schema (--task-setting schema=schema.json)."
        )
    schema = read_schema(settings["schema"])
    validator = checked(settings["schema"], schema)
    columns = {name: settings[name] for name in COLUMNS}
    tables = loaded(source, settings, columns)
    require_in_all(tables, wanted_of(columns))
    rows = gathered(tables, lambda part: _rows(part.name, part.table, settings, validator))
    made = completed(source, rows, ADVICE)
    if not any(True for _, value in made.splits["test"] for _ in fields(value)):
        raise DataError(f"{source}: no answer of the test split holds a value. Give texts in which something is found.")
    data = ExtractionData({split: [Extract(*item) for item in items] for split, items in made.splits.items()}, schema)
    data.how_read = rows.how_read(made, columns)
    return data


def _rows(name: str, table: Table, settings: Mapping[str, Any], validator: Validator) -> list[Item]:
    """Return a table's texts with their values."""
    text, column = (settings[setting] for setting in COLUMNS)
    wanted = [*text.split("+"), column]
    texts = texts_of(name, table, text, "text_column", wanted)
    require_column(name, table, column, "json_column", wanted)
    values = [
        _value(f"{name}, row {number}: column {column!r}", cell, validator)
        for number, cell in enumerate(table[column], start=1)
    ]
    return list(zip(texts, values, strict=True))


def _value(where: str, cell: Any, validator: Validator) -> Any:
    """Return a cell's value: JSON in a text, or nested as JSON and Parquet keep it."""
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        raise DataError(f"{where} is empty. Give what is to be found, [] or {{}} for nothing, or delete the row.")
    try:
        value = json.loads(json.dumps(parsed(cell) if isinstance(cell, str) else cell, allow_nan=False))
        canonical(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(
            f"{where} holds {cell!r:.60}, which is no JSON: {error}. Correct it or delete the row."
        ) from None
    if value is None:
        raise DataError(f"{where} holds null, which stands for no answer. Give [] or {{}}, or delete the row.")
    for candidate in _readings(value):
        if is_valid(validator, candidate):
            return candidate
    raise DataError(f"{where} is not by the schema: {_fault(validator, value)}. Correct the row or the schema.")


def _fault(validator: Validator, value: Any) -> str:
    """Return where and how a value breaks a schema."""
    try:
        fault = best_match(validator.iter_errors(value))
    except RecursionError:
        return "it is nested too deeply"
    place = "/".join(map(str, fault.absolute_path))
    return f"{f'{place}: ' if place else ''}{fault.message[:200]}"


def _readings(value: Any) -> Iterator[Any]:
    """Yield a value as it is, and without keys whose value is null: Parquet writes those that a row lacks so."""
    yield value
    yield _without_nulls(value)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(part) for key, part in value.items() if part is not None}
    return [_without_nulls(part) for part in value] if isinstance(value, list) else value
