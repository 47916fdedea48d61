"""Language modelling on texts of one's own: plain texts, tables, and every way they can be wrong."""

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
    given_settings = SETTINGS | settings
    LanguageModelling().check(str(source), given_settings)
    data = LanguageModelling().data(str(source), given_settings)
    assert isinstance(data, PassageData)
    return data


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows in the form the suffix names."""
    frame = pd.DataFrame(rows)
    match path.suffix:
        case ".csv":
            frame.to_csv(path, index=False)
        case ".parquet":
            frame.to_parquet(path)
        case _:
            frame.to_json(path, orient="records", lines=True)
    return path


@given(st.text(min_size=20, max_size=4000))
def test_one_text_is_divided_in_its_order_and_nothing_is_lost(text: str) -> None:
    """The three parts make up the text, in about the shares that everything is divided in."""
    splits = _documents._in_order(text)
    (train,), (validation,), (test,) = (splits[split] for split in SPLITS)

    assert train + validation + test == text
    assert -1 < len(train) - 0.7 * len(text) <= LENGTH + 1
    assert -1 < len(text) - len(test) - 0.8 * len(text) <= LENGTH + 1


def test_a_plain_text_is_cut_at_the_ends_of_lines(tmp_path: Path) -> None:
    """What is tested stands after what is learnt from; a byte order mark and blanks around are no part of it."""
    path = tmp_path / "input.txt"
    path.write_text(f"\n{play(400)}\n\n", encoding="utf-8-sig")
    data = read(path)
    parts = [data.texts(split)[0] for split in SPLITS]

    assert "".join(parts) == play(400).strip()
    assert all(part.startswith("Line ") for part in parts)
    assert data.sizes["test"] == len(parts[2]) // LENGTH


def test_files_of_a_folder_are_documents_and_those_named_so_are_splits(tmp_path: Path) -> None:
    """Ten plays are divided as whole plays; train.txt and test.txt are left as they are."""
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
    """A column named by the setting; 70/10/20 of the rows."""
    rows = [{"number": number, "body": play(9, f"thou{number}")} for number in range(20)]
    data = read(write(tmp_path / f"plays{suffix}", rows), text_column="body")
    plain = read(write(tmp_path / "plain.csv", rows), text_column="body")

    assert [len(data.texts(split)) for split in SPLITS] == [14, 2, 4]
    assert data.digest == plain.digest


def test_the_identity_follows_content_and_column(tmp_path: Path) -> None:
    """Another text is other data; where it lies is not asked."""
    names = []
    for name, text in (("a.txt", play(99)), ("b.txt", play(99)), ("a.txt", play(98))):
        (tmp_path / name).write_text(text, encoding="utf-8")
        names.append(LanguageModelling().identity(str(tmp_path / name), SETTINGS))

    assert names[0] == names[1] != names[2]
    assert "sha256" in names[0]
    assert LanguageModelling().identity(str(tmp_path / "a.txt"), {"text_column": "body"}) not in names


WRONG: dict[str, tuple[str, bytes, str]] = {
    "empty": ("input.txt", b"", r"input.txt is empty. Give a file with texts in it"),
    "blank": ("input.txt", b" \n\n", r"input.txt is empty"),
    "not UTF-8": ("input.txt", b"Romeo\nJul\xefet\n", r"input.txt, line 2: byte 4 \(0xef\) is not UTF-8.*iconv"),
    "too short": ("input.txt", b"Romeo.\n" * 90, r"no text of the validation split has 256 characters.*longer texts"),
    "no such column": (
        "plays.jsonl",
        b'{"body": "a"}\n' * 9,
        r"no column 'text'; its columns are 'body'. Perhaps you mean 'body'. .* text_column: body",
    ),
    "header only": ("plays.csv", b"text\n", "has no rows"),
    "empty row": ("plays.jsonl", b'{"text": "a"}\n{"text": " "}\n', "row 2: the text in column 'text' is empty"),
    "a number": ("plays.jsonl", b'{"text": 7}\n', "row 1: column 'text' holds 7, which is no text"),
    "too few": ("plays.jsonl", b'{"text": "a"}\n{"text": "b"}\n', "has 2 rows.* Give one long text, or at least 3"),
    "unknown suffix": ("input.doc", b"Romeo", r"has the suffix .doc, which is not read. Convert it to .*\.txt"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_with_file_and_row(tmp_path: Path, case: str) -> None:
    """In a sentence, when the data are checked, and when they are loaded."""
    name, content, said = WRONG[case]
    path = tmp_path / name
    path.write_bytes(content)
    for ask in (LanguageModelling().check, LanguageModelling().data):
        with pytest.raises(DataError, match=said) as caught:
            ask(str(path), SETTINGS)
        assert str(path) in str(caught.value)


def test_a_broken_text_in_a_folder_is_named(tmp_path: Path) -> None:
    """By its own name and line, and so is an empty one."""
    (tmp_path / "a.txt").write_text(play(20), encoding="utf-8")
    (tmp_path / "b.txt").write_bytes(b"Romeo\n\xff\n")
    with pytest.raises(DataError, match=r"b.txt, line 2: byte 1 \(0xff\) is not UTF-8"):
        LanguageModelling().check(str(tmp_path), SETTINGS)
    (tmp_path / "b.txt").write_text("", encoding="utf-8")
    with pytest.raises(DataError, match=r"b.txt is empty"):
        LanguageModelling().check(str(tmp_path), SETTINGS)


def test_one_command_models_a_plain_text(
    tmp_path: Path, libraries_at_hand: None, harness_command: Callable[..., Any]
) -> None:
    """A file is all it takes; a broken one ends with code 2 and leaves nothing behind."""
    (tmp_path / "input.txt").write_text(play(600), encoding="utf-8")
    (tmp_path / "bad.txt").write_bytes(b"\xff")
    command = ["run", "quick", "--task", "language-modelling", "--model", "ngram", "--store", "store", "--data"]
    bad = harness_command(tmp_path, *command, "bad.txt")

    assert bad.code == 2
    assert "bad.txt, line 1: byte 1" in " ".join(bad.stderr.split())
    assert not (tmp_path / "store").exists()

    assert harness_command(tmp_path, *command, "input.txt").code == 0
    done = harness_command(tmp_path, "table", "accuracy", "--store", "store", "--format", "json")
    rows = [row for row in json.loads(done.stdout) if row["value"] is not None]

    assert rows
    assert all(row["data"] == "input" and 0 < row["value"] < 2 for row in rows)
