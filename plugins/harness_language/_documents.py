"""Reads the user's documents for language modelling: plain texts, or a column of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import DataError
from harness.encodings import SETTING, one_encoding, read_text
from harness.reading import Dropped
from harness.user_data.files import split_files
from harness.user_data.names import ALL, SplitFiles
from harness.user_data.splits import TEST, VALIDATION, Completed, Division, complete
from harness.user_data.tables import Gathered, Part, Tables, gathered, refuse_unused, require_in_all
from harness_language._columns import texts_of
from harness_language._completed import Item, completed, require_full, text_of
from harness_language._settings import TEXTS
from harness_language._sources import PLAIN, READERS, WITH_PLAIN, Hub, locate
from harness_language._table_files import Form
from harness_language._tables import loaded, wanted_of
from harness_language.passages import LENGTH, PassageData

ENOUGH = 20 * LENGTH
"""Characters of which a tenth holds a passage, also where it begins at the next end of a line."""
ADVICE = "Give one long text, or at least 3 different ones."


def read(source: str, settings: Mapping[str, Any]) -> PassageData:
    """Load documents from a plain text, a folder of them, a table, a folder in the hub's format, or the hub.

    The source's splits are kept. Documents without splits are divided 70/10/20; a single one is divided in its order,
    the test split last.

    Args:
        source: a path or the name of a hub data set.
        settings: `text_column`, `split_column`, and how the files are written.

    Raises:
        DataError: names the file, row or column that is wrong.
    """
    files = _plain_files(source, locate(source, WITH_PLAIN))
    if files:
        unused = ("text_column", "delimiter", "columns", "split_column")
        refuse_unused(f"{source} is plain text", settings, TEXTS, unused)
        rows, columns = _texts(source, files, Form.of(settings).encoding), {}
    else:
        rows, columns = _columns(source, settings), {"text_column": settings["text_column"]}
    made = _completed(source, rows)
    splits = {split: [text for text, _ in items] for split, items in made.splits.items()}
    for split in ("validation", "test"):
        if all(len(text) < LENGTH for text in splits[split]):
            raise DataError(
                f"{source}: no text of the {split} split has {LENGTH} characters, the length of a passage. "
                f"Give longer texts, or join short ones; a single one that is divided needs {ENOUGH:,}."
            )
    data = PassageData(splits)
    short = tuple(
        Dropped(count, f"in {split}, shorter than a passage of {LENGTH} characters")
        for split in ("validation", "test")
        if (count := sum(len(text) < LENGTH for text in splits[split]))
    )
    data.how_read = rows.how_read(made, columns, unit="texts", dropped=short)
    return data


def _completed(source: str, rows: Gathered[Item]) -> Completed[Item]:
    """Return train, validation and test; where there are too few texts to choose from, the end of one is held out."""
    whole = rows.by_split.get("train") or next(iter(rows.by_split.values()))
    if len(whole) > (1 if len(rows.by_split) == 1 else 2):
        return completed(source, rows, ADVICE)
    division = Division("in its order, the end held out", text_of, _end)
    made = complete(source, rows.by_split, rows.tables.origin, division)
    if not made.splits["train"]:
        require_full(source, rows, made, "text", ADVICE)
    return made


def _end(items: Sequence[Item], test: float, validation: float) -> dict[str, list[Item]]:
    """Divide the longest text in its order, and keep the others in train."""
    if not items:
        return {"train": [], "validation": [], "test": []}
    longest = max(items, key=lambda item: len(item[0]))
    splits = in_order(longest[0], test, validation)
    others = [item for item in items if item is not longest]
    return {"train": others, "validation": [], "test": []} | {
        split: [*(others if split == "train" else ()), (text, 0)] for split, text in splits.items() if text
    }


def _plain_files(source: str, location: Path | Hub) -> SplitFiles | None:
    """Return a source's plain texts by split: a file, or the files of a folder; None if it holds tables.

    Raises:
        DataError: it holds both.
    """
    if isinstance(location, Hub):
        return None
    listed = split_files(location, WITH_PLAIN) if location.is_dir() else SplitFiles({ALL: [location]}, {})
    plain = {path.suffix.lower() == PLAIN for paths in listed.files.values() for path in paths}
    if len(plain) > 1:
        raise DataError(f"{source} holds plain texts ({PLAIN}) and tables ({', '.join(READERS)}). Take out one kind.")
    return listed if plain == {True} else None


def _texts(source: str, listed: SplitFiles, encoding: str) -> Gathered[Item]:
    """Return plain texts by split."""
    folder = Path(source).expanduser()
    parts = [
        Part(str(path), path.name if path == folder else path.relative_to(folder).as_posix(), split, path)
        for split, paths in listed.files.items()
        for path in paths
    ]
    with one_encoding([part.table for part in parts], encoding):
        return gathered(Tables(parts, listed.origin, listed.ignored), lambda part: [(_text(part.table, encoding), 0)])


def _text(file: Path, encoding: str) -> str:
    """Return a file's text with Unix line ends: whether it was written on Windows changes no figure."""
    text = read_text(file, encoding, SETTING).replace("\r\n", "\n").replace("\r", "\n").strip()
    if not text:
        raise DataError(f"{file} is empty. Give a file with texts in it, or delete it.")
    return text


def _columns(source: str, settings: Mapping[str, Any]) -> Gathered[Item]:
    """Return a column of texts by split."""
    column = settings["text_column"]
    tables = loaded(source, settings, {"text_column": column})
    require_in_all(tables, wanted_of({"text_column": column}))
    return gathered(tables, lambda part: [(text, 0) for text in texts_of(part.name, part.table, column, "text_column")])


def in_order(text: str, test: float = TEST, validation: float = VALIDATION) -> dict[str, str]:
    """Divide one text, at a line end if one is near."""
    first, second = (_line_end(text, round(share * len(text))) for share in (1 - test - validation, 1 - test))
    return {"train": text[:first], "validation": text[first:second], "test": text[second:]}


def _line_end(text: str, position: int) -> int:
    return text.find("\n", position, position + LENGTH) + 1 or position
