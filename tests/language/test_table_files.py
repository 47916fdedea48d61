"""One file of a table: what it holds is read to the letter, or refused by name."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness import DataError
from harness.user_data import parquet
from harness_language._table_files import DELIMITERS, Form, Table, read_table

QUIET = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
JSON = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | CELLS


def read(path: Path, content: str | bytes, **form: str) -> Table:
    """Write a file and read it."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, Form(**form))


def columns(table: Table) -> dict[str, list[Any]]:
    """Return all columns."""
    return {name: table[name] for name in table.column_names}


def refused(path: Path, content: str | bytes, **form: str) -> str:
    """Return the message for a file that is not read."""
    with pytest.raises(DataError) as caught:
        read(path, content, **form)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# CSV --------------------------------------------------------------------------------------------------------


@given(rows=st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1), mark=st.sampled_from([*DELIMITERS]),
       quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))  # fmt: skip
@QUIET
def test_what_csv_writes_is_read_back_to_the_letter(
    rows: list[list[str]], mark: str, quoting: int, tmp_path: Path
) -> None:
    """Whatever the cells hold: quotes, line ends, marks, numbers."""
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=DELIMITERS[mark], quoting=quoting).writerows([["text", "label"], *rows])  # type: ignore[arg-type]
    table = read(tmp_path / "r.csv", file.getvalue(), delimiter=mark)

    assert columns(table) == {"text": [text for text, _ in rows], "label": [label for _, label in rows]}
    assert len(table) == len(rows)


LIKE_NUMBERS = ("01", "1", "1.0", "1e5", "1_000", "-0", "0x1F", "inf", "12345678901234567890123", "\uff11")


@pytest.mark.parametrize("cell", [*LIKE_NUMBERS, "None", "NA", "nan", "null", "true", " 1", "2024-01-01"])
def test_a_cell_is_a_text(cell: str, tmp_path: Path) -> None:
    """Whatever it looks like; only an empty cell is missing."""
    assert columns(read(tmp_path / "r.csv", f"text,label\na,{cell}\nb,\n"))["label"] == [cell, ""]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system_end_a_row(end: str, tmp_path: Path) -> None:
    """Blank lines are no rows; the last row needs no end."""
    content = end.join(["text,label", "a,1", "", "  ", "b,2"])

    assert columns(read(tmp_path / "r.csv", content)) == {"text": ["a", "b"], "label": ["1", "2"]}
    assert columns(read(tmp_path / "m.csv", "text,label\r\na,1\rb,2\nc,3")) == {"text": [*"abc"], "label": [*"123"]}


def test_a_suffix_states_the_delimiter(tmp_path: Path) -> None:
    """A comma in `.csv`, a tab in `.tsv`; another one is named by the setting."""
    expected = {"text": ["a, b; c|d", "e"], "label": ["1", "2"]}
    assert columns(read(tmp_path / "r.csv", 'text,label\n"a, b; c|d",1\ne,2\n')) == expected
    assert columns(read(tmp_path / "r.TSV", "text\tlabel\na, b; c|d\t1\ne\t2\n")) == expected


@pytest.mark.parametrize("mark", DELIMITERS)
@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_another_delimiter_is_asked_about_and_the_remedy_works(mark: str, suffix: str, tmp_path: Path) -> None:
    """Never read as one column, nor cut at commas of the texts."""
    path, content = tmp_path / f"r{suffix}", f"text{DELIMITERS[mark]}label\nwell{DELIMITERS[mark]}01\n"
    if {".csv": "comma", ".tsv": "tab"}[suffix] != mark:
        assert f"is there a {mark} between its cells?" in (message := refused(path, content))
        assert f"--task-setting delimiter={mark})" in message

    assert columns(read(path, content, delimiter=mark)) == {"text": ["well"], "label": ["01"]}


BAD_CSV = {
    "long row": ("text,label\na,1\nb,c,2\n", "line 3 has 3 cells, the first row 2. Put a text with a comma in it"),
    "short row": ('text,label\n"a\nb",1\nb\n', "line 4 has 1 cell, the first row 2"),
    "open quote": ('text,label\na,1\n"b,2\nc,3\n', "row that begins in line 3 a quote is not closed"),
    "more after a quote": ('text,label\n"a" b,1\n', "row that begins in line 2 .* something follows the closing one"),
    "one name twice": ("text,label,label\na,1,2\n", "two columns are called 'label'"),
    "null byte": (b"text,label\na\0,1\n", "line 2: there is a null byte"),
    "a spreadsheet's line": ("sep=;\ntext;label\na;1\n", "its first line, 'sep=;', is for spreadsheets. Delete it"),
    "nothing": (b"\xef\xbb\xbf \n", "is empty. Give a file with texts in it"),
}


@pytest.mark.parametrize("case", BAD_CSV)
def test_a_file_that_is_no_csv_is_refused(case: str, tmp_path: Path) -> None:
    """By its line."""
    import re

    content, message = BAD_CSV[case]

    assert re.search(message, refused(tmp_path / "r.csv", content))


def test_a_quote_within_a_cell_is_a_character(tmp_path: Path) -> None:
    """Only one at its beginning opens a quoted text."""
    assert columns(read(tmp_path / "r.csv", 'text,label\n5" disk,1\n'))["text"] == ['5" disk']


def test_a_long_cell_is_read(tmp_path: Path) -> None:
    """Python's limit is 131,072 characters; a document may have more."""
    assert columns(read(tmp_path / "r.csv", f"text\n{'x' * 200_000}\n"))["text"] == ["x" * 200_000]


def test_columns_without_a_header_row_are_named_by_a_setting(tmp_path: Path) -> None:
    """The first row is a row; a header and another number of names are refused."""
    path = tmp_path / "r.csv"

    assert columns(read(path, "good,1\nbad,0\n", columns="text, label")) == {
        "text": ["good", "bad"],
        "label": ["1", "0"],
    }
    assert "its first row, 'text', 'label', looks like a header row" in refused(
        path, "text,label\na,1\n", columns="text,label"
    )
    assert "names 1 column (text), and its rows have 2 cells: 'a', '1'" in refused(path, "a,1\n", columns="text")
    assert "names two columns 'text' (text,text)" in refused(path, "a,1\n", columns="text,text")


# JSON -------------------------------------------------------------------------------------------------------


@given(rows=st.lists(st.fixed_dictionaries({"text": JSON, "label": JSON}), min_size=1))
@QUIET
def test_json_keeps_the_types_that_it_states(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    """In a list and in lines; 1, 1.0, true and "1" are four values."""
    expected = {name: [row[name] for row in rows] for name in ("text", "label")}
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    for name, content in (("r.json", json.dumps(rows)), ("l.json", lines), ("r.jsonl", lines)):
        table = columns(read(tmp_path / name, content.encode("utf-8", "surrogatepass")))
        assert repr({key: table[key] for key in expected}) == repr(expected)


def test_a_key_that_a_row_lacks_is_missing(tmp_path: Path) -> None:
    """And a lone object is one row, as in SQuAD's file."""
    table = read(tmp_path / "r.jsonl", '{"a": 1}\r\n\r\n{"b": "\u2028"}')

    assert columns(table) == {"a": [1, None], "b": [None, "\u2028"]}
    assert columns(read(tmp_path / "r.json", '{\n"data": [1]\n}')) == {"data": [[1]]}


BAD_JSON = {
    "cut off": ("r.jsonl", '{"a": 1}\n{"a": \n', "cannot be read as json: line 2: Expecting value"),
    "cut off list": ("r.json", '[{"a": 1},\n{"a"', "cannot be read as json: line 2: Expecting ':' delimiter"),
    "no object": ("r.jsonl", '{"a": 1}\n\n[2]\n', "line 3 is '[2]'. Give an object"),
    "no objects": ("r.json", "[1, 2]", "entry 1 is '1'. Give a list of objects"),
    "columns": ("r.json", '{"text": ["a"], "label": [1]}', "it holds columns, each with all its values. Give a list"),
    "columns of pandas": ("r.json", '{"text": {"0": "a"}, "label": {"0": 1}}', "it holds columns"),
    "key twice": ("r.json", '[{"a": 1, "a": 2}]', "the key 'a' is twice in one object"),
    "key twice in a line": ("r.jsonl", '{"a": 1}\n{"a": 1, "a": 2}', "line 2: the key 'a' is twice"),
    "too deep": ("r.jsonl", "[" * 100_000, "line 1: it is nested more than 100 deep"),
    "digits": ("r.json", f'[{{"a": {"1" * 5000}}}]', "of 5,000 digits is too large"),
    "nothing": ("r.json", "\n", "is empty"),
}


@pytest.mark.parametrize("case", BAD_JSON)
def test_a_file_that_is_no_json_is_refused(case: str, tmp_path: Path) -> None:
    """By its line or entry."""
    name, content, message = BAD_JSON[case]

    assert message in refused(tmp_path / name, content)


# Parquet ---------------------------------------------------------------------------------------------------


def test_parquet_keeps_the_types_that_it_states(tmp_path: Path) -> None:
    """Codes are texts, and categories are their values; a file that is none is refused."""
    frame = pd.DataFrame({"code": ["01", "1"], "number": [1, 2], "kind": pd.Categorical(["a", "b"])})
    frame.to_parquet(tmp_path / "r.parquet")

    partition = tmp_path / "label=1"
    partition.mkdir()
    frame[["code"]].to_parquet(partition / "r.parquet")

    assert columns(read_table(tmp_path / "r.parquet")) == {"code": ["01", "1"], "number": [1, 2], "kind": ["a", "b"]}
    assert read_table(partition / "r.parquet").column_names == ["code"]
    assert "cannot be read as parquet" in refused(tmp_path / "bad.parquet", b"PAR1 not at all")
    assert "is empty" in refused(tmp_path / "empty.parquet", b"")


def test_a_file_that_unpacks_to_more_than_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that is there a hundred thousand times, in a file of some kilobytes; the limit is lowered, to be quick."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int32()), pa.array(["x" * 2**16]))
    path = tmp_path / "r.parquet"
    pq.write_table(pa.table({"text": texts}), path, compression="zstd", store_schema=False)
    content = path.read_bytes()

    assert len(content) < 100_000
    assert parquet.MOST_BYTES == 4 * 2**30
    monkeypatch.setattr(parquet, "MOST_BYTES", 2**26)
    assert re.search(r"r\.parquet holds more than 0\.062 GiB unpacked, in [\d,]+ bytes", refused(path, content))
