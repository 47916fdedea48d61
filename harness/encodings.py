"""Reads text files without guessing their encoding: UTF-8, what a byte order mark states, or what the user states.

Anything else is refused with the encodings that it may be in, and how a line reads in them.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from harness.errors import DataError

_MARKS = (  # UTF-32 before UTF-16: its mark begins with that of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
_USUAL = (
    "gb18030", "big5hkscs", "cp932", "euc_jp", "cp949", "cp1252", "cp1251", "koi8_r", "cp1250", "cp1253", "cp1254",
    "cp1255", "cp1256", "cp1258", "cp874",
)  # fmt: skip
"""What may be suggested; of two in which a text reads the same, the earlier one is."""
_NAMES = {"big5hkscs": "big5", "cp932": "shift_jis", "cp949": "euc_kr", "koi8_r": "koi8-r", "euc_jp": "euc-jp"}
"""Codec → a better usual name of a part of it, which is suggested if the file is in that part."""
_JAPANESE = ("cp932", "euc_jp")
_WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
_SAMPLE = 4000
"""About so many bytes of lines that are not ASCII tell the encoding."""
_SUGGESTED = 3
_COMPARED = 20
"""Files whose likely encodings are compared: each takes some hundredths of a second."""
_ESCAPES = re.compile(r"\\u(0000|[dD][89a-fA-F])")
"""How JSON writes what may be no character."""
_NO_CHARACTER = re.compile("[\0\ud800-\udfff]")
_CLIPPED = 60
"""Most characters of a line in a message."""
CONVERT = "Save it as UTF-8, if the line reads right in {0} with: iconv -f {0} -t utf-8 {1} > NEW-FILE"
SETTING = (
    "Name the encoding in which it reads right with the task's setting encoding (--task-setting encoding={0}), or save "
    "the file as UTF-8."
)


def read_text(path: Path, encoding: str = "", remedy: str = CONVERT) -> str:
    """Return a file's text, without a byte order mark; line ends stay as they are.

    Args:
        path: the file.
        encoding: stated by the user; a byte order mark counts more. Empty: UTF-8.
        remedy: what to do about another encoding; `{0}` becomes a suggested encoding, `{1}` the file's name.

    Raises:
        DataError: names the file and the line that cannot be read, and how it reads in encodings that are likely.
        OSError: there is no such file.
    """
    data = path.read_bytes()
    mark, marked = _marked(data)
    used = marked or encoding or "utf-8"
    data = data[len(mark) :]
    if not marked and encoding:
        _check_stated(path, data, encoding)
    try:
        text = data.decode(used)
    except UnicodeDecodeError as error:
        if used != "utf-8" or marked:
            raise _damaged(path, data, error, used) from None
        raise _unknown(path, data, error, remedy) from None
    text = text.removeprefix("\ufeff")
    if "\0" in text:
        raise _with_nulls(path, data, text, remedy)
    return text


class EncodingError(DataError):
    """A text file is not in the encoding that is stated, or in UTF-8 where none is."""


@contextmanager
def one_encoding(paths: Sequence[Path], encoding: str) -> Iterator[None]:
    """Read files for all of which one setting states the encoding.

    Args:
        paths: all text files of a source.
        encoding: stated by the user, or empty.

    Raises:
        DataError: a file cannot be read. Where what another error advises would be wrong for another file, it names
            both and advises to convert.
    """
    try:
        yield
    except EncodingError:
        texts = {path: data for path in paths if not _marked(data := path.read_bytes())[0]}
        first = next((path for path, data in texts.items() if not _is_plain(data)), None)
        if first is None:
            raise
        named = encoding if encoding and _decodes(texts[first], encoding) else _likeliest(texts[first])
        rest = [path for path in texts if path != first]
        unlike = next((path for path in rest if not _is_in(texts[path], named)), None)
        if unlike is None and not encoding:  # what reads without an error may be nonsense
            unlike = next((path for path in rest[:_COMPARED] if not _is_likely(texts[path], named)), None)
        if unlike is None:
            raise
        other = "is" if _is_plain(texts[unlike]) else "is in another encoding"
        raise DataError(
            f"{first} is not UTF-8, and {unlike} {other}: the setting encoding is for all files, and right for one of "
            f"them. Leave it out. {_reading(texts[first], named)}{CONVERT.format(named or 'ENCODING', first.name)}"
        ) from None


def _likeliest(data: bytes) -> str:
    return next(iter(_wide(data) or _likely(data)), "")


def _is_plain(data: bytes) -> bool:
    """Return whether bytes are read where no encoding is stated."""
    return _is_utf8(data) and b"\0" not in data


def _is_in(data: bytes, encoding: str) -> bool:
    """Return whether bytes may be read in an encoding that is stated; plain ones, if that makes no difference."""
    if not encoding:
        return False
    return data.isascii() and _has_ascii(encoding) if _is_plain(data) else _decodes(data, encoding)


def _is_likely(data: bytes, encoding: str) -> bool:
    return _is_plain(data) or encoding in (_wide(data) or _likely(data))


def _has_ascii(encoding: str) -> bool:
    """Return whether ASCII reads the same in an encoding, as it does not in UTF-16."""
    return "text".encode(encoding) == b"text"


def _reading(data: bytes, encoding: str) -> str:
    if not encoding:
        return ""
    line = data if _wide(data) else next(line for line in data.split(b"\n") if not _is_utf8(line))
    return f"In {encoding} a line of it reads {_clipped(_first_line(line, encoding))}. "


def require_characters(where: str, text: str, content: Any) -> None:
    """Refuse JSON whose texts hold what no text file may hold: a null character, or half of a surrogate pair.

    Args:
        where: the file and the place, for messages.
        text: as it is written.
        content: what it says.

    Raises:
        DataError: names the text.
    """
    if _ESCAPES.search(text) and (wrong := _without_character(content)) is not None:
        code = _NO_CHARACTER.findall(wrong)[0]
        raise DataError(
            f"{where}: the text {wrong!r:.{_CLIPPED}} holds {code!r}, which is no character. Correct it or take it out."
        )


def _without_character(content: Any) -> str | None:
    """Return the first text, among all in JSON, that holds what is no character."""
    if isinstance(content, str):
        return content if _NO_CHARACTER.search(content) else None
    inner = chain.from_iterable(content.items()) if isinstance(content, dict) else content
    return next(filter(None, map(_without_character, inner)), None) if isinstance(content, dict | list) else None


def _check_stated(path: Path, data: bytes, encoding: str) -> None:
    """Refuse an encoding that does not exist, and one that is stated for a file in UTF-8."""
    try:
        same = "utf-8" in codecs.lookup(encoding).name
        "".encode(encoding)  # codecs such as hex are found, and are none of texts
    except (LookupError, ValueError):
        raise DataError(f"There is no encoding {encoding!r}. Use a name such as gb18030, big5 or cp1252.") from None
    if not same and _is_plain(data) and not _is_in(data, encoding):
        raise EncodingError(
            f"{path} is UTF-8, and the setting encoding states {encoding!r}. Leave the setting out: UTF-8 is read "
            "without it."
        )


def _marked(data: bytes) -> tuple[bytes, str]:
    """Return a byte order mark and the encoding that it states, or nothing."""
    return next((pair for pair in _MARKS if data.startswith(pair[0])), (b"", ""))


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _damaged(path: Path, data: bytes, error: UnicodeDecodeError, encoding: str) -> DataError:
    number = data[: error.start].count(b"\n") + 1
    return EncodingError(
        f"{path}, line {number}: byte {error.start + 1} of the file ({data[error.start]:#04x}) is not {encoding}: "
        f"{error.reason}. Correct the file, or its encoding."
    )


def _unknown(path: Path, data: bytes, error: UnicodeDecodeError, remedy: str) -> DataError:
    """Return the error for a file that is not UTF-8 and states no encoding."""
    start = data.rfind(b"\n", 0, error.start) + 1
    number = data.count(b"\n", 0, start) + 1
    line = data[start:].split(b"\n", 1)[0]
    what = f"{path}, line {number}: byte {error.start - start + 1} ({data[error.start]:#04x}) is not UTF-8."
    if _mostly_utf8(data):
        return DataError(
            f"{what} Most other lines are: the line {_clipped(line.decode(errors='replace'))} is damaged. Correct it."
        )
    wide = _wide(data)
    return _suggesting(path, what, data if wide else line, wide or list(_likely(data)), remedy)


def _with_nulls(path: Path, data: bytes, text: str, remedy: str) -> DataError:
    """Return the error for a text with null characters: UTF-16 without a mark, or no text at all."""
    what = f"{path}, line {text.count(chr(10), 0, text.index(chr(0))) + 1}: there is a null byte, which no text has."
    return _suggesting(path, what, data, _wide(data), remedy)


def _suggesting(path: Path, what: str, line: bytes, names: Sequence[str], remedy: str) -> DataError:
    if not names:
        return EncodingError(
            f"{what} Its encoding is not usual, or it is damaged. Save it as UTF-8 with the program that wrote it."
        )
    readings = "; ".join(f"in {name} it reads {_clipped(_first_line(line, name))}" for name in names)
    return EncodingError(f"{what} {readings[0].upper()}{readings[1:]}. {remedy.format(names[0], path.name)}")


def _first_line(data: bytes, name: str) -> str:
    return data.decode(name, errors="replace").strip().split("\n", 1)[0]


def _clipped(line: str) -> str:
    """Return a line in quotes; of a long one the part with the first character that is not ASCII."""
    line = line.rstrip("\r\n")
    first = next((place for place, letter in enumerate(line) if not letter.isascii()), 0)
    start = 0 if first < _CLIPPED // 2 else first - _CLIPPED // 4
    return repr("…" * (start > 0) + line[start : start + _CLIPPED] + "…" * (start + _CLIPPED < len(line)))


def _mostly_utf8(data: bytes) -> bool:
    """Return whether more of the lines that are not ASCII are UTF-8 than are not."""
    lines = [line for line in data.split(b"\n") if not line.isascii()]
    return sum(map(_is_utf8, lines)) * 2 > len(lines)


def _wide(data: bytes) -> list[str]:
    """Return the encodings of 2 or 4 bytes a character in which a text with null bytes has its lines."""
    if b"\0" not in data:
        return []
    texts = {name: data.decode(name, errors="replace") for name in _WIDE}
    return [
        name
        for name, text in texts.items()
        if not {"\0", "\ufffd"} & set(text) and text.count("\n") * 2 >= data.count(b"\n")
    ]


def _likely(data: bytes) -> Iterator[str]:
    """Yield the likeliest encodings of bytes, as charset-normalizer ranks them.

    Japanese has hiragana: with them it comes first, without them late. The statistics take it for Chinese, and back.
    """
    from charset_normalizer import from_bytes

    matches = from_bytes(_sample(data), cp_isolation=list(_USUAL), threshold=1.0, steps=1, chunk_size=2 * _SAMPLE)
    order = {name: number for number, name in enumerate(_USUAL)}
    ranked = []
    for match in matches:
        names = [name for name in match.could_be_from_charset if name in order and _decodes(data, name)]
        merit = (round(match.chaos, 1), -round(match.coherence, 1))
        if match.encoding in _JAPANESE:
            merit = (-1.0, 0.0) if "Hiragana" in match.alphabets else (1.0, 0.0)
        ranked += [(*merit, min(order[name] for name in names))] if names else []
    for *_, first in sorted(ranked)[:_SUGGESTED]:
        usual = _NAMES.get(_USUAL[first], _USUAL[first])
        yield usual if _decodes(data, usual) else _USUAL[first]


def _decodes(data: bytes, name: str) -> bool:
    try:
        data.decode(name)
    except UnicodeDecodeError:
        return False
    return True


def _sample(data: bytes) -> bytes:
    """Return different lines that are not ASCII: what is ASCII tells nothing, and misleads the statistics."""
    lines: dict[bytes, None] = {}
    size = 0
    for line in data.split(b"\n"):
        if not line.isascii() and line not in lines:
            lines[line] = None
            size += len(line)
            if size > _SAMPLE:
                break
    return b"\n".join(lines)
