"""Text files: UTF-8 and what a byte order mark states are read, anything else is named and never guessed."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness import DataError
from harness.encodings import SETTING, read_text

TEXTS = {
    "gb18030": "这家酒店的服务非常好，房间干净，下次还会来。",
    "big5": "這家飯店的服務非常好，房間乾淨，下次還會來。",
    "shift_jis": "このホテルのサービスはとても良かったです。",
    "euc-jp": "このホテルのサービスはとても良かったです。",
    "euc_kr": "이 호텔의 서비스는 매우 좋았습니다.",
    "cp1251": "Очень хороший отель, чистый номер.",
    "koi8-r": "Очень хороший отель, чистый номер.",
    "cp1252": "Très bon hôtel, la chambre était propre et agréable.",
}
"""Encoding → a text that is usual in it."""
MARKED = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
    "gb18030": "\ufeff".encode("gb18030"),
}


def refused(path: Path, content: bytes, encoding: str = "", **options: str) -> str:
    """Return the message for a file that is not read."""
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_text(path, encoding, **options)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff")))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("encoding", MARKED)
def test_a_byte_order_mark_states_the_encoding(encoding: str, text: str, tmp_path: Path) -> None:
    """Line ends stay as they are, and the mark is no part of the text."""
    path = tmp_path / "text.txt"
    path.write_bytes(MARKED[encoding] + text.encode(encoding))

    assert read_text(path) == text


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-32-be", "utf-16"])
def test_ascii_is_not_read_in_an_encoding_of_wide_characters(encoding: str, tmp_path: Path) -> None:
    """Pairs of its bytes would be read as Chinese; where it reads the same, the encoding is taken."""
    assert f"is UTF-8, and the setting encoding states '{encoding}'" in refused(tmp_path / "r.txt", b"good", encoding)

    assert read_text(tmp_path / "r.txt", "gb18030") == "good"


@pytest.mark.parametrize("rows", [1, 2, 20, 3000])
@pytest.mark.parametrize("encoding", TEXTS)
def test_another_encoding_is_named_with_the_line_as_it_reads(encoding: str, rows: int, tmp_path: Path) -> None:
    """Nothing is read until the user states it; what is suggested first reads right."""
    path, content = tmp_path / "r.csv", "text,label\n" + "".join(f"{TEXTS[encoding]} {n},1\n" for n in range(rows))
    message = refused(path, content.encode(encoding), remedy=SETTING)

    assert f"In {encoding} it reads '{TEXTS[encoding]} 0,1'" in message
    assert f"--task-setting encoding={encoding}" in message
    assert read_text(path, encoding) == content


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("big5", "這家飯店的服務"),
        ("big5", "質量不錯"),
        ("big5", "今天天氣很好"),
        ("gb18030", "电影太无聊了"),
        ("gb18030", "物美价廉"),
    ],
)
def test_short_chinese_texts_are_not_taken_for_japanese(encoding: str, text: str, tmp_path: Path) -> None:
    """Their bytes are half-width katakana there; the right encoding is among those that are shown."""
    message = refused(tmp_path / "r.csv", f"text\n{text}\n".encode(encoding))

    assert f"n {encoding} it reads '{text}'" in message
    assert "In shift_jis" not in message


def test_the_remedy_without_a_setting_is_a_command_that_works(tmp_path: Path) -> None:
    """`iconv` gets the encoding in which the line reads right, not one for all."""
    message = refused(tmp_path / "suite.yaml", f"name: {TEXTS['gb18030']}\n".encode("gbk"))

    assert "if the line reads right in gb18030 with: iconv -f gb18030 -t utf-8 suite.yaml > NEW-FILE" in message


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize("text", ["text,label\nwarm,1\ncold,0\n", "text,label\n这家酒店的上海服务,1\n不好,0\n"])
def test_wide_encodings_without_a_mark_are_named(encoding: str, text: str, tmp_path: Path) -> None:
    """In ASCII they would be UTF-8 with null bytes."""
    assert f"In {encoding} it reads 'text,label'" in refused(tmp_path / "r.csv", text.encode(encoding))
    assert read_text(tmp_path / "r.csv", encoding) == text


def test_damage_is_told_from_another_encoding(tmp_path: Path) -> None:
    """By the other lines; a null byte is no text."""
    path = tmp_path / "r.csv"
    assert "line 7: byte 3 (0xef) is not UTF-8. Most other lines are: the line 'na\ufffdve' is damaged" in refused(
        path, b"text\n" + "été\n".encode() * 5 + b"na\xefve\n"
    )
    assert "line 2: there is a null byte, which no text has" in refused(path, b"text\na\0b\nc\n")
    assert "line 1: byte 4 of the file (0xff) is not gb18030" in refused(path, b"abc\xff", "gb18030")


def test_a_wrong_statement_is_refused(tmp_path: Path) -> None:
    """UTF-8 that is stated to be GBK would read as other characters; an unknown name is no encoding."""
    path = tmp_path / "r.csv"
    content = TEXTS["gb18030"].encode()
    for encoding in ("gbk", "latin-1"):
        assert f"is UTF-8, and the setting encoding states '{encoding}'" in refused(path, content, encoding)
    for encoding in ("gb-nothing", "hex", "a\0b"):
        with pytest.raises(DataError, match="There is no encoding"):
            read_text(path, encoding)
    for encoding in ("utf-8", "UTF8", "utf-8-sig"):
        assert read_text(path, encoding) == TEXTS["gb18030"]
