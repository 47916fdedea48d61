"""JSON that somebody else wrote: what is wrong with it is a ValueError, whatever it is."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import DataError
from harness.json_text import MOST_DEEP, load, read_object

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(max_examples=50)
@given(value=VALUES)
def test_it_reads_what_python_writes(value: Any) -> None:
    """Every finite value, as the library itself reads it."""
    assert load(json.dumps(value)) == value
    assert load(json.dumps(value).encode()) == value


@given(text=st.text('[]{}",:0123456789eE+-.naNIinfty \\u', max_size=40))
def test_whatever_it_is_given_it_raises_nothing_else(text: str) -> None:
    """A value, or a ValueError; a value that it gives can be written again, which those of Python cannot."""
    try:
        value = load(text)
    except ValueError:
        return
    json.dumps(value, allow_nan=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "nested more than 100 deep"),
        ('{"a":' * 100_000, "nested more than 100 deep"),
        ("[" * 101 + "]" * 101, "nested more than 100 deep"),
        ("NaN", "NaN is no number in JSON: write null"),
        ("[-Infinity]", "-Infinity is no number in JSON"),
        ("1e999", "the number 1e999… is too large"),
        ("-1e309", "the number -1e309… is too large"),
        ("[1" + "0" * 250 + "e99]", "is too large"),
        ("9" * 310, "of 310 digits is too large"),
        ("9" * 5000, "of 5,000 digits is too large"),
        ('{"a": [1, 2', "Expecting ',' delimiter: line 1 column 12"),
        ("", "Expecting value: line 1 column 1"),
        ("{} {}", "Extra data"),
        (b"\xff", "invalid start byte"),
        ("\ufeff{}", "BOM"),
    ],
    ids=range(15),
)
def test_what_is_wrong_is_said(text: str | bytes, message: str) -> None:
    """With the place where there is one."""
    with pytest.raises(ValueError, match=message):
        load(text)


def test_the_limits_are_where_they_are_said_to_be() -> None:
    """The deepest nesting, and the largest numbers, are read."""
    assert load("[" * MOST_DEEP + "1" + "]" * MOST_DEEP) is not None
    assert load("1.7976931348623157e308") == 1.7976931348623157e308
    assert load("1" + "0" * 308) == 10**308
    assert load("1e-999") == 0
    assert load("[NaN, Infinity]", constants=True)[1] == math.inf


def test_a_bomb_ends_at_once() -> None:
    """Nested lists of megabytes are refused in less time than it takes to read as many flat ones."""
    begun = time.perf_counter()
    for text in ("[" * 5_000_000, '{"a":' * 1_000_000):
        with pytest.raises(ValueError, match="nested"):
            load(text)
    bombs, begun = time.perf_counter() - begun, time.perf_counter()
    load("[" + ",".join(["[]"] * 2_500_000) + "]")

    assert bombs < time.perf_counter() - begun


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"[1]", "holds a list and no object"), (b"{", "cannot be read as JSON"), (b"\xe9", "cannot be read as JSON")],
)
def test_a_file_without_an_object_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    """With what to do."""
    (tmp_path / "given.json").write_bytes(content)

    with pytest.raises(DataError, match=rf"given\.json {message}.* Save it again\."):
        read_object(tmp_path / "given.json", DataError, remedy="Save it again.")
