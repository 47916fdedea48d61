"""Reads a source into documents to be continued: plain texts, or a column of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import DataError
from harness_language._sources import PLAIN, WITH_PLAIN, Hub, locate
from harness_language._splits import TEST, VALIDATION
from harness_language._tables import Rows, complete, loaded, texts_of, whose
from harness_language.passages import LENGTH, PassageData

ADVICE = "Give one long text, or at least 3."


def read(source: str, settings: Mapping[str, Any]) -> PassageData:
    """Load documents from a plain text, a folder of them, a table, a folder in the hub's format, or the hub.

    Splits that the source has are used. Documents without splits are divided 70/10/20; so is a single one, in its
    order: what is tested stands after what is learnt from.

    Args:
        source: a path or the name of a hub data set.
        settings: `text_column`.

    Raises:
        DataError: says which file, row or column is wrong and what to do.
    """
    files = _plain(locate(source, WITH_PLAIN))
    given = _texts(files) if files else _columns(source, settings["text_column"])
    if sum(map(len, given.values())) == 1:
        splits = _in_order(*next(iter(given.values())))
    else:
        rows = {split: Rows(texts, [0] * len(texts)) for split, texts in given.items()}
        divided = complete(source, rows, groups=lambda rows: rows.labels, advice=ADVICE)
        splits = {split: rows.texts for split, rows in divided.items()}
    for split in ("validation", "test"):
        if all(len(text) < LENGTH for text in splits[split]):
            raise DataError(
                f"{source}: no text of the {split} split has {LENGTH} characters, which are predicted at a time. "
                "Give longer texts, or join short ones."
            )
    return PassageData(splits)


def _plain(place: Path | Hub) -> list[Path]:
    """Return the plain texts that a source is: itself, or all files of a folder without tables."""
    if isinstance(place, Hub):
        return []
    files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
    plain = [path for path in files if path.suffix.lower() == PLAIN]
    return plain if all(path in plain or path.suffix.lower() not in WITH_PLAIN for path in files) else []


def _texts(files: Sequence[Path]) -> dict[str, list[str]]:
    """Return files as documents; those called `train` and `test` are splits."""
    texts = {file: _text(file) for file in files}
    if {"train", "test"} <= {file.stem for file in files}:
        return {file.stem: [text] for file, text in texts.items()}
    return {"train": list(texts.values())}


def _text(file: Path) -> str:
    text = file.read_text(encoding="utf-8-sig").strip()
    if not text:
        raise DataError(f"{file} is empty. Fill it in or delete it.")
    return text


def _columns(source: str, column: str) -> dict[str, list[str]]:
    """Return a table's column of texts by split."""
    with loaded(source) as tables:
        return {
            split: texts_of(whose(source, split, tables), table, column, "text_column")
            for split, table in tables.items()
        }


def _in_order(text: str) -> dict[str, list[str]]:
    """Divide one text 70/10/20, at the end of a line where one is near."""
    first, second = (_line_end(text, round(share * len(text))) for share in (1 - TEST - VALIDATION, 1 - TEST))
    return {"train": [text[:first]], "validation": [text[first:second]], "test": [text[second:]]}


def _line_end(text: str, place: int) -> int:
    return text.find("\n", place, place + LENGTH) + 1 or place
