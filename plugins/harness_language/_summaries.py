"""Reads the user's texts with summaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import DataError
from harness.user_data.tables import gathered, require_in_all
from harness_language._columns import require_column, texts_of
from harness_language._completed import Item, completed
from harness_language._table_files import Table
from harness_language._tables import loaded, wanted_of
from harness_language.summaries import Summarised, SummaryData

ADVICE = "Give at least 3 texts with summaries."
COLUMNS = ("text_column", "summary_column")


def read(source: str, settings: Mapping[str, Any]) -> SummaryData:
    """Load texts with summaries from a file, a folder in the hub's format, or the hub.

    The source's splits are kept; without any it is divided 70/10/20.

    Args:
        source: a path or the name of a hub data set.
        settings: `text_column`, `summary_column`, `split_column`, and how the files are written.

    Raises:
        DataError: names the file, row or column that is wrong.
    """
    columns = {name: settings[name] for name in COLUMNS}
    tables = loaded(source, settings, columns)
    require_in_all(tables, wanted_of(columns))
    rows = gathered(tables, lambda part: _rows(part.name, part.table, settings))
    made = completed(source, rows, ADVICE)
    data = SummaryData({split: [Summarised(*item) for item in items] for split, items in made.splits.items()})
    data.how_read = rows.how_read(made, columns)
    return data


def _rows(name: str, table: Table, settings: Mapping[str, Any]) -> list[Item]:
    """Return a table's texts with their summaries."""
    text, summary = (settings[setting] for setting in COLUMNS)
    columns = [summary] if summary in table.columns else summary.split("+")
    wanted = [*text.split("+"), *columns]
    texts = texts_of(name, table, text, "text_column", wanted)
    for column in columns:
        require_column(name, table, column, "summary_column", wanted)
    cells = [table[column] for column in columns]
    references = [
        _references(f"{name}, row {number}", dict(zip(columns, row, strict=True)))
        for number, row in enumerate(zip(*cells, strict=True), start=1)
    ]
    return list(zip(texts, references, strict=True))


def _references(where: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the summaries of a row, each a text or a list of texts; empty ones are none."""
    summaries: list[str] = []
    for column, cell in row.items():
        for one in cell if isinstance(cell, list) else [cell]:
            if one is not None and not isinstance(one, str):
                raise DataError(
                    f"{where}: column {column!r} holds {one!r:.60}, which is no text. Give a text or a list of texts, "
                    "or name another column with summary_column."
                )
            if one and not one.isspace():
                summaries.append(one)
    if not summaries:
        raise DataError(f"{where} has no summary in column {'+'.join(row)!r}. Fill it in or delete the row.")
    return tuple(dict.fromkeys(summaries))
