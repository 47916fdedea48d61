"""Reads the user's pairs of texts for translation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness_language._columns import texts_of, unnested
from harness_language._table_files import Table
from harness_language._tables import Rows, complete, loaded, split_name
from harness_language.translations import Pair, TranslationData

ADVICE = "Give at least 3 pairs."
NESTED = "translation"
"""The column in which the hub keeps pairs: {en: …, zh: …}."""


def columns(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return setting → column; an empty setting means the locale's name."""
    return {f"{side}_column": settings[f"{side}_column"] or settings[f"{side}_locale"] for side in ("source", "target")}


def read(source: str, settings: Mapping[str, Any]) -> TranslationData:
    """Load pairs of texts from a file, a folder in the hub's format, or the hub.

    The source's splits are kept; a single split is divided 70/10/20, and pairs with the same source text stay together.

    Args:
        source: a path or the name of a hub data set.
        settings: `source_column` and `target_column`, `source_locale` and `target_locale`, and how files are written.

    Raises:
        DataError: names the file, row or column that is wrong.
    """
    tables = loaded(source, settings)
    rows_of = {name: _rows(split_name(source, name, tables), tables[name], columns(settings)) for name in tables}
    splits = complete(source, rows_of, groups=lambda rows: [0] * len(rows.texts), advice=ADVICE)
    pairs = {
        split: [Pair(*pair) for pair in zip(rows.texts, rows.labels, strict=True)] for split, rows in splits.items()
    }
    return TranslationData(pairs, settings["target_locale"])


def _rows(name: str, table: Table, columns: Mapping[str, str]) -> Rows:
    """Return a split's texts, with their translations as labels; `columns` is setting → column."""
    if NESTED in table.columns and not set(columns.values()) <= set(table.columns):
        table = unnested(table, NESTED)
    texts = [texts_of(name, table, column, setting, list(columns.values())) for setting, column in columns.items()]
    return Rows(*texts)
