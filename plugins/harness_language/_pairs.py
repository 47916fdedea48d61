"""Reads the user's pairs of texts for translation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.user_data.tables import gathered, require_in_all
from harness_language._columns import texts_of, unnested
from harness_language._completed import Item, completed
from harness_language._table_files import Table
from harness_language._tables import loaded
from harness_language.translations import Pair, TranslationData

ADVICE = "Give pairs of at least 3 different source texts."
NESTED = "translation"
"""The column in which the hub keeps pairs: {en: …, zh: …}."""


def columns(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return setting → column; an empty setting means the locale's name."""
    return {f"{side}_column": settings[f"{side}_column"] or settings[f"{side}_locale"] for side in ("source", "target")}


def read(source: str, settings: Mapping[str, Any]) -> TranslationData:
    """Load pairs of texts from a file, a folder in the hub's format, or the hub.

    The source's splits are kept; without any it is divided 70/10/20. Pairs with the same source text stay together.

    Args:
        source: a path or the name of a hub data set.
        settings: `source_column` and `target_column`, `source_locale` and `target_locale`, and how files are written.

    Raises:
        DataError: names the file, row or column that is wrong.
    """
    named = columns(settings)
    tables = loaded(source, settings, named)
    tables = tables._replace(parts=[part._replace(table=_unnested(part.table, named)) for part in tables.parts])
    require_in_all(tables, named.values())
    rows = gathered(tables, lambda part: _rows(part.name, part.table, named))
    made = completed(source, rows, ADVICE, what="source text")
    pairs = {split: [Pair(*item) for item in items] for split, items in made.splits.items()}
    data = TranslationData(pairs, settings["target_locale"])
    data.how_read = rows.how_read(made, named)
    return data


def _unnested(table: Table, columns: Mapping[str, str]) -> Table:
    """Return a table with the locales of the hub's pairs as columns, if they are read."""
    if NESTED in table.columns and not set(columns.values()) <= set(table.columns):
        return unnested(table, NESTED)
    return table


def _rows(name: str, table: Table, columns: Mapping[str, str]) -> list[Item]:
    """Return a table's texts with their translations; `columns` is setting → column."""
    texts = [texts_of(name, table, column, setting, list(columns.values())) for setting, column in columns.items()]
    return list(zip(*texts, strict=True))
