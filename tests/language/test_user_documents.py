"""The user's documents: plain texts, tables, and a message for each fault."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import DataError
from harness_language import _documents
from harness_language.passages import LENGTH, PassageData
from harness_language.tasks import LanguageModelling

SETTINGS = {"text_column": "text"}
SPLITS = ("train", "validation", "test")


def play(lines: int, word: str = "thou") -> str:
    """Return a text of numbered lines."""
    return "".join(f"Line {number}: what wilt {word} have, my lord?\n" for number in range(lines))


def read(source: Path, **settings: str) -> PassageData:
    """Check a source and load it."""
    changed = SETTINGS | settings
    LanguageModelling().check(str(source), changed)
    data = LanguageModelling().data(str(source), changed)
    assert isinstance(data, PassageData)
    return data


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows in the suffix's format."""
    frame = pd.DataFrame(rows)
    match path.suffix:
        case ".csv":
            frame.to_csv(path, index=False)
        case ".parquet":
            frame.to_parquet(path)
        case _:
            frame.to_json(path, orient="records", lines=True)
    return path


@given(st.text(min_size=20, max_size=100), st.integers(1, 40))
def test_one_text_is_divided_in_its_order_and_nothing_is_lost(piece: str, repetitions: int) -> None:
    """Joined, the parts are the text; their shares are about 70/10/20."""
    text = piece * repetitions  # drawing long texts takes seconds
    splits = _documents.in_order(text)
    train, validation, test = (splits[split] for split in SPLITS)

    assert train + validation + test == text
    assert -1 < len(train) - 0.7 * len(text) <= LENGTH + 1
    assert -1 < len(text) - len(test) - 0.8 * len(text) <= LENGTH + 1


def test_a_plain_text_is_cut_at_the_ends_of_lines(tmp_path: Path) -> None:
    """In order, without a byte order mark and outer white space."""
    path = tmp_path / "input.txt"
    path.write_text(f"\n{play(400)}\n\n", encoding="utf-8-sig")
    data = read(path)
    parts = [data.texts(split)[0] for split in SPLITS]

    assert "".join(parts) == play(400).strip()
    assert all(part.startswith("Line ") for part in parts)
    assert data.sizes["test"] == len(parts[2]) // LENGTH


@pytest.mark.parametrize("line", [2, 60, 250, 10_000])
def test_as_long_a_text_as_is_asked_for_is_enough(tmp_path: Path, line: int) -> None:
    """Wherever its lines end; of one text the report speaks as of one."""
    text = ("x" * (line - 1) + "\n") * 6000
    (tmp_path / "input.txt").write_text(text[: _documents.ENOUGH - 1] + "x", encoding="utf-8")
    data = read(tmp_path / "input.txt")

    assert min(data.sizes.values()) > 0
    assert data.how_read is not None
    assert "train: 1 text, from" in "\n".join(data.how_read.lines())


def test_files_of_a_folder_are_documents_or_splits(tmp_path: Path) -> None:
    """Ten plays are divided as whole plays; train.txt, validation.txt and test.txt are splits."""
    for number in range(10):
        (tmp_path / f"{number}.txt").write_text(play(20, f"thou{number}"), encoding="utf-8")
    plays = read(tmp_path)
    splits = tmp_path / "splits"
    splits.mkdir()
    texts = {split: play(40, split).strip() for split in SPLITS}
    for split, text in texts.items():
        (splits / f"{split}.txt").write_text(text, encoding="utf-8")

    assert [len(plays.texts(split)) for split in SPLITS] == [7, 1, 2]
    assert {split: read(splits).texts(split) for split in SPLITS} == {split: (text,) for split, text in texts.items()}


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_each_kind_of_table_gives_the_same_documents(tmp_path: Path, suffix: str) -> None:
    """The setting names the column; rows are divided 70/10/20."""
    rows = [{"number": number, "body": play(9, f"thou{number}")} for number in range(20)]
    data = read(write(tmp_path / f"plays{suffix}", rows), text_column="body")
    plain = read(write(tmp_path / "plain.csv", rows), text_column="body")

    assert [len(data.texts(split)) for split in SPLITS] == [14, 2, 4]
    assert data.digest == plain.digest


def test_the_identity_follows_content_and_column(tmp_path: Path) -> None:
    """It does not depend on the path."""
    names = []
    for name, text in (("a.txt", play(99)), ("b.txt", play(99)), ("a.txt", play(98))):
        (tmp_path / name).write_text(text, encoding="utf-8")
        names.append(LanguageModelling().identity(str(tmp_path / name), SETTINGS))

    assert names[0] == names[1] != names[2]
    assert "sha256" in names[0]
    assert LanguageModelling().identity(str(tmp_path / "a.txt"), {"text_column": "body"}) not in names


BAD: dict[str, tuple[str, bytes, str]] = {
    "empty": ("input.txt", b"", r"input.txt is empty. Give a file with texts in it"),
    "blank": ("input.txt", b" \n\n", r"input.txt is empty"),
    "not UTF-8": (
        "input.txt",
        b"Romeo\nJul\xefet\n",
        r"input.txt, line 2: byte 4 \(0xef\) is not UTF-8. In cp1252 it reads 'Jul\xefet'.*encoding=cp1252",
    ),
    "too short": ("input.txt", b"Romeo.\n" * 90, r"no text of the validation split has 256 characters.*longer texts"),
    "tiny": (
        "input.txt",
        b"hi",
        r"no text of the validation split has 256 .* a single one that is divided needs 5,120",
    ),
    "no such column": (
        "plays.jsonl",
        b'{"body": "a"}\n' * 9,
        r"no column 'text'; its columns are 'body'. Perhaps you mean 'body'. .* text_column: body",
    ),
    "header only": ("plays.csv", b"text\n", "has no rows"),
    "empty row": ("plays.jsonl", b'{"text": "a"}\n{"text": " "}\n', "row 2: the text in column 'text' is empty"),
    "a number": ("plays.jsonl", b'{"text": 7}\n', "row 1: column 'text' holds 7, which is no text"),
    "too few": (
        "plays.jsonl",
        b'{"text": "a"}\n{"text": "b"}\n',
        "has 2 different texts in 2 rows.* Give one long text, or at least 3",
    ),
    "unknown suffix": ("input.doc", b"Romeo", r"has the suffix .doc, which is not read. Convert it to .*\.txt"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_data_are_refused(tmp_path: Path, case: str) -> None:
    """Checking and loading raise a message that names the file and the row or column."""
    name, content, message = BAD[case]
    path = tmp_path / name
    path.write_bytes(content)
    for method in (LanguageModelling().check, LanguageModelling().data):
        with pytest.raises(DataError, match=message) as caught:
            method(str(path), SETTINGS)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends_of_another_system_change_no_data(tmp_path: Path, end: str) -> None:
    """Bits per byte are those of the same text."""
    plain, other = tmp_path / "plain.txt", tmp_path / "other.txt"
    plain.write_bytes(play(200).encode())
    other.write_bytes(play(200).replace("\n", end).encode())

    assert read(other).digest == read(plain).digest


def test_a_bad_file_in_a_folder_is_named(tmp_path: Path) -> None:
    """With its line if it is not UTF-8; and an empty one."""
    (tmp_path / "a.txt").write_text(play(20), encoding="utf-8")
    (tmp_path / "b.txt").write_bytes(b"Romeo\n\xff\n")
    with pytest.raises(DataError, match=r"b.txt, line 2: byte 1 \(0xff\) is not UTF-8"):
        LanguageModelling().check(str(tmp_path), SETTINGS)
    (tmp_path / "b.txt").write_text("", encoding="utf-8")
    with pytest.raises(DataError, match=r"b.txt is empty"):
        LanguageModelling().check(str(tmp_path), SETTINGS)


def test_one_command_models_a_plain_text(
    tmp_path: Path, libraries_at_hand: None, harness_command: Callable[..., Any], briefly_served: str
) -> None:
    """A bad file ends the command with code 2, and nothing is written."""
    (tmp_path / "input.txt").write_text(play(600), encoding="utf-8")
    (tmp_path / "bad.txt").write_bytes(b"\xff")
    options = ["--task", "language-modelling", "--model", "ngram", "--store", "store", "--data"]
    command = ["run", briefly_served, *options]
    bad = harness_command(tmp_path, *command, "bad.txt")

    assert bad.code == 2
    assert "bad.txt, line 1: byte 1" in " ".join(bad.stderr.split())
    assert not (tmp_path / "store").exists()

    assert harness_command(tmp_path, *command, "input.txt").code == 0
    done = harness_command(tmp_path, "table", "accuracy", "--store", "store", "--format", "json")
    rows = [row for row in json.loads(done.stdout) if row["value"] is not None]

    assert rows
    assert all(row["data"] == "input" and 0 < row["value"] < 2 for row in rows)
