"""Reads the user's pairs of texts for translation, with the `datasets` library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import DataError
from harness_language._tables import Rows, check_texts, complete, loaded, split_name
from harness_language.translations import Pair, TranslationData

ADVICE = "Give at least 3 pairs."


def columns(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return setting → column; an empty setting means the locale's name."""
    return {f"{side}_column": settings[f"{side}_column"] or settings[f"{side}_locale"] for side in ("source", "target")}


def read(source: str, settings: Mapping[str, Any]) -> TranslationData:
    """Load pairs of texts from a file, a folder in the hub's format, or the hub.

    The source's splits are kept; a single split is divided 70/10/20, and pairs with the same source text stay together.

    Args:
        source: a path or the name of a hub data set.
        settings: `source_column` and `target_column`, `source_locale` and `target_locale`.

    Raises:
        DataError: names the file, row or column that is wrong.
    """
    with loaded(source) as tables:
        rows_of = {name: _rows(split_name(source, name, tables), tables[name], columns(settings)) for name in tables}
    splits = complete(source, rows_of, groups=lambda rows: [0] * len(rows.texts), advice=ADVICE)
    pairs = {
        split: [Pair(*pair) for pair in zip(rows.texts, rows.labels, strict=True)] for split, rows in splits.items()
    }
    return TranslationData(pairs, settings["target_locale"])


def _rows(name: str, table: Any, columns: Mapping[str, str]) -> Rows:
    """Return a split's texts, with their translations as labels; `columns` is setting → column."""
    if not len(table):
        raise DataError(f"{name} has no rows. Give a file with a text and its translation in every row.")
    flat = table.flatten()  # the hub keeps pairs in one column: translation.en, translation.zh
    texts = []
    for setting, column in columns.items():
        flat_name = column if column in flat.column_names else f"translation.{column}"
        if flat_name not in flat.column_names:
            raise DataError(
                f"{name} has no column {column!r}; its columns are {', '.join(map(repr, flat.column_names))}. "
                f"Name the column with the task's setting {setting}."
            )
        texts.append(list(flat[flat_name]))
        check_texts(name, flat_name, texts[-1], setting)
    return Rows(*texts)
