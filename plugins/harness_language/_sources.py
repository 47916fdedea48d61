"""Sources of the user's texts: a file, a folder in the hub's format, or a data set of the hub.

Light: files are read as bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from harness import DataError
from harness.digests import file_digest
from harness.paths import missing
from harness.user_data.files import identity_of, located

READERS = {".csv": "csv", ".tsv": "csv", ".jsonl": "json", ".json": "json", ".parquet": "parquet"}
"""Suffix of a file → its form."""
PLAIN = ".txt"
WITH_PLAIN = {**READERS, PLAIN: "text"}
_HUB_NAME = re.compile(r"(?P<name>[\w.-]+(/[\w.-]+)?)(@(?P<revision>[\w./-]+))?")


class Hub(NamedTuple):
    """A data set of the hub."""

    name: str
    revision: str | None


def locate(source: str, readers: Mapping[str, str] = READERS) -> Path | Hub:
    """Return a source's path, or its hub data set.

    Args:
        source: a path, or the name of a hub data set with an optional `@revision`.
        readers: suffixes that are read.

    Raises:
        DataError: the file or folder does not exist, or the file has an unknown suffix.
    """
    path = located(source)
    if path.is_dir():
        return path
    if path.is_file():
        return _checked_file(path, readers)
    hub = _HUB_NAME.fullmatch(source)
    if (lost := missing(source)) or hub is None:
        raise DataError(lost or f"There is no file or folder {source}. Paths are relative to the current folder.")
    return Hub(hub["name"], hub["revision"])


def _checked_file(path: Path, readers: Mapping[str, str]) -> Path:
    """Return a file whose suffix is read."""
    if path.suffix.lower() not in readers:
        raise DataError(
            f"{path} has {f'the suffix {path.suffix}' if path.suffix else 'no suffix'}, which is not read. "
            f"Convert it to one of {', '.join(readers)}."
        )
    return path


def identity(source: str, readers: Mapping[str, str] = READERS) -> str:
    """Return the SHA-256 of a file, or of a folder's file names and contents, or a hub data set's revision.

    Without a revision it is `main`, which the owner may change; pin one (`name@revision`) to compare results.
    """
    location = locate(source, readers)
    if isinstance(location, Hub):
        return f"hub {location.name}@{location.revision or 'main'}"
    return identity_of(location)


def digest_of_file(path: str) -> str:
    """Return the SHA-256 of a file that a setting names.

    Raises:
        DataError: there is no such file.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise DataError(f"There is no file {path}. Check the path; it is relative to the current folder.")
    return file_digest(file)
