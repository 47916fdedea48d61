"""Reads the user's documents for language modelling: plain texts, or a column of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import DataError
from harness.encodings import SETTING, read_text
from harness_language._columns import texts_of
from harness_language._sources import PLAIN, WITH_PLAIN, Hub, locate
from harness_language._splits import TEST, VALIDATION
from harness_language._table_files import Form
from harness_language._tables import Rows, complete, loaded, split_name
from harness_language.passages import LENGTH, PassageData

ADVICE = "Give one long text, or at least 3."


def read(source: str, settings: Mapping[str, Any]) -> PassageData:
    """Load documents from a plain text, a folder of them, a table, a folder in the hub's format, or the hub.

    The source's splits are kept. Documents without splits are divided 70/10/20; a single one is divided in its order,
    the test split last.

    Args:
        source: a path or the name of a hub data set.
        settings: `text_column`, and how the files are written.

    Raises:
        DataError: names the file, row or column that is wrong.
    """
    files = _plain_files(locate(source, WITH_PLAIN))
    documents = _texts(files, Form.of(settings).encoding) if files else _columns(source, settings)
    if sum(map(len, documents.values())) == 1:
        splits = _in_order(*next(iter(documents.values())))
    else:
        rows_of = {split: Rows(texts, [0] * len(texts)) for split, texts in documents.items()}
        divided = complete(source, rows_of, groups=lambda rows: rows.labels, advice=ADVICE)
        splits = {split: rows.texts for split, rows in divided.items()}
    for split in ("validation", "test"):
        if all(len(text) < LENGTH for text in splits[split]):
            raise DataError(
                f"{source}: no text of the {split} split has {LENGTH} characters, the length of a passage. "
                "Give longer texts, or join short ones."
            )
    return PassageData(splits)


def _plain_files(location: Path | Hub) -> list[Path]:
    """Return a source's plain texts: a file, or the files of a folder without tables."""
    if isinstance(location, Hub):
        return []
    files = [location] if location.is_file() else sorted(path for path in location.rglob("*") if path.is_file())
    plain = [path for path in files if path.suffix.lower() == PLAIN]
    return plain if all(path in plain or path.suffix.lower() not in WITH_PLAIN for path in files) else []


def _texts(files: Sequence[Path], encoding: str) -> dict[str, list[str]]:
    """Return files as documents by split; if there are a `train` and a `test`, files are splits."""
    texts = {file: _text(file, encoding) for file in files}
    if {"train", "test"} <= {file.stem for file in files}:
        return {file.stem: [text] for file, text in texts.items()}
    return {"train": list(texts.values())}


def _text(file: Path, encoding: str) -> str:
    text = read_text(file, encoding, SETTING).strip()
    if not text:
        raise DataError(f"{file} is empty. Give a file with texts in it, or delete it.")
    return text


def _columns(source: str, settings: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return a table's column of texts by split."""
    tables = loaded(source, settings)
    return {
        split: texts_of(split_name(source, split, tables), table, settings["text_column"], "text_column")
        for split, table in tables.items()
    }


def _in_order(text: str) -> dict[str, list[str]]:
    """Divide one text 70/10/20, at a line end if one is near."""
    first, second = (_line_end(text, round(share * len(text))) for share in (1 - TEST - VALIDATION, 1 - TEST))
    return {"train": [text[:first]], "validation": [text[first:second]], "test": [text[second:]]}


def _line_end(text: str, position: int) -> int:
    return text.find("\n", position, position + LENGTH) + 1 or position
