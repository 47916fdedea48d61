"""SHA-256 of files and folders, in hexadecimal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def file_digest(file: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def folder_digest(folder: Path, files: Iterable[Path] | None = None) -> str:
    """Return the SHA-256 of the names and contents of files, in their order.

    Args:
        folder: names are relative to it.
        files: files in the folder or below it; by default all, sorted.
    """
    sha = hashlib.sha256()
    for file in sorted(file for file in folder.rglob("*") if file.is_file()) if files is None else files:
        sha.update(f"{file.relative_to(folder).as_posix()} {file_digest(file)}\n".encode())
    return sha.hexdigest()
