"""The sources of installed libraries, and a disk cache of what is read from them: parsing takes more than a second."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import inspect
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.place import cache_folder


def cached(
    folders: Sequence[Path], read: Callable[[], Sequence[Sequence[Any]]], *helpers: ModuleType
) -> list[list[Any]]:
    """Return the rows of `read`, from the cache if they are there.

    A cache file's name is a digest of all that rows depend on: Python, the source files of `read` and of its helpers,
    and path, size and time of every Python file below the folders. If nothing can be written, rows are read each time.

    Args:
        folders: of the libraries that are read.
        read: returns rows of JSON values.
        helpers: other modules that `read` uses.
    """
    sources = [Path(inspect.getfile(read)), *(Path(inspect.getfile(helper)) for helper in helpers)]
    file = cache_folder() / f"{_digest(folders, sources)}.json"
    with contextlib.suppress(OSError, ValueError):
        rows: list[list[Any]] = json.loads(file.read_text(encoding="utf-8"))
        return rows
    text = json.dumps(read(), ensure_ascii=False)
    with contextlib.suppress(OSError):
        _write(file, text)
    return json.loads(text)  # type: ignore[no-any-return]


def library_folder(library: str) -> Path:
    """Return a library's folder without importing it.

    Raises:
        ModuleNotFoundError: the library is not installed.
    """
    spec = importlib.util.find_spec(library)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"The default data are read from {library}. Install it.", name=library)
    return Path(spec.submodule_search_locations[0])


def _digest(folders: Sequence[Path], sources: Sequence[Path]) -> str:
    digests = [hashlib.sha256(source.read_bytes()).hexdigest() for source in sources]
    digest = hashlib.sha256(" ".join([sys.version, *digests]).encode())
    for line in sorted(line for folder in folders for line in _files(str(folder))):
        digest.update(line.encode())
    return digest.hexdigest()


def _files(folder: str) -> Iterator[str]:
    """Yield path, size and modification time of every Python file below a folder."""
    for entry in os.scandir(folder):
        if entry.is_dir():
            yield from _files(entry.path)
        elif entry.name.endswith(".py"):
            state = entry.stat()
            yield f"{entry.path} {state.st_size} {state.st_mtime_ns}\n"


def _write(file: Path, text: str) -> None:
    """Write a file atomically: another process never reads half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False, encoding="utf-8") as new:
        new.write(text)
    Path(new.name).replace(file)
