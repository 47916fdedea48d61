"""The disk cache of what is read from installed libraries."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from harness_language import _docstrings, _parameters
from harness_language._cache import cached

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Library:
    """A folder of sources, and a reader that counts its reads."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.reads = 0
        (root / "inner").mkdir(parents=True)
        self.write("inner/a.py", "one")

    def write(self, name: str, text: str) -> None:
        """Write a source."""
        (self.root / name).write_text(text, encoding="utf-8")

    def rows(self) -> list[list[Any]]:
        """Return name and text of every source, from the cache or read."""
        return cached([self.root], self._read)

    def _read(self) -> list[tuple[str, str]]:
        self.reads += 1
        return [(path.name, path.read_text(encoding="utf-8")) for path in sorted(self.root.rglob("*.py"))]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def library(tmp_path: Path, cache: Path) -> Library:
    """A library that was read once."""
    library = Library(tmp_path / "library")
    assert library.rows() == [["a.py", "one"]]
    assert len(list(cache.rglob("*.json"))) == 1
    return library


def test_the_second_time_nothing_is_read(library: Library) -> None:
    """Rows are the same, with text beyond ASCII."""
    library.write("inner/a.py", "价值")
    first = library.rows()

    assert library.rows() == first == [["a.py", "价值"]]
    assert library.reads == 2


def test_a_source_of_another_size_is_read_again(library: Library) -> None:
    """Even if its time is the same."""
    path = library.root / "inner/a.py"
    before = path.stat()
    library.write("inner/a.py", "longer")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert library.rows() == [["a.py", "longer"]]


def test_a_source_of_another_time_is_read_again(library: Library) -> None:
    """Even if its size is the same."""
    path = library.root / "inner/a.py"
    library.write("inner/a.py", "two")
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))

    assert library.rows() == [["a.py", "two"]]


def test_a_new_and_a_deleted_source_change_the_rows(library: Library) -> None:
    """After the deletion the first rows are read from the cache."""
    library.write("b.py", "more")
    assert library.rows() == [["b.py", "more"], ["a.py", "one"]]

    (library.root / "b.py").unlink()
    assert library.rows() == [["a.py", "one"]]
    assert library.reads == 2


@pytest.mark.parametrize("content", [b"", b"[[1, 2", b"\xff\xfe"])
def test_a_damaged_cache_file_is_replaced(library: Library, cache: Path, content: bytes) -> None:
    """Empty, truncated or not UTF-8."""
    (file,) = cache.rglob("*.json")
    file.write_bytes(content)

    assert library.rows() == [["a.py", "one"]]
    assert library.rows() == [["a.py", "one"]]
    assert library.reads == 2


def test_without_a_writable_folder_sources_are_read_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache folder is a file."""
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    library = Library(tmp_path / "library")

    assert library.rows() == library.rows() == [["a.py", "one"]]
    assert library.reads == 2


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Return what both modules read from the installed libraries from now on."""
    results: list[tuple[Any, ...]] = []
    for module in (_docstrings, _parameters):
        read: Callable[[Any], Any] = module._read  # type: ignore[attr-defined]
        monkeypatch.setattr(module, "_read", lambda roots, read=read: results.append(tuple(read(roots))) or results[-1])
    return results


@pytest.mark.usefixtures("cache")
def test_cached_texts_are_those_that_are_read(reads: list[tuple[Any, ...]]) -> None:
    """Read the first time, from the disk cache the second; the process's cache is bypassed."""
    first, second = _docstrings.docstrings.__wrapped__(), _docstrings.docstrings.__wrapped__()

    assert [first] == [second] == reads


@pytest.mark.usefixtures("cache")
def test_cached_questions_are_those_that_are_read(reads: list[tuple[Any, ...]]) -> None:
    """With their types: a question is a named tuple, its other answers are a tuple."""
    first, second = _parameters.questions.__wrapped__(), _parameters.questions.__wrapped__()

    assert [first] == [second] == reads
    assert isinstance(second[0].others, tuple)
