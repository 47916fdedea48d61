"""Reads Parquet in parts, up to a stated size: it says in few bytes that a value is there a million times."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.errors import DataError

MOST_BYTES = 4 * 2**30
"""Of a file, unpacked."""
ROWS = 1024
"""That are unpacked at once."""


def batches(path: Path, file: Any) -> Iterator[Any]:
    """Yield the rows of a file, some at a time.

    Args:
        path: its name, for messages.
        file: pyarrow's `ParquetFile`.

    Raises:
        DataError: it holds more than `MOST_BYTES`.
    """
    size = 0
    for batch in file.iter_batches(batch_size=ROWS):
        size += batch.nbytes
        if size > MOST_BYTES:
            raise DataError(
                f"{path} holds more than {MOST_BYTES / 2**30:.2g} GiB unpacked, in {path.stat().st_size:,} bytes. At "
                "most so much is read: divide it, or take columns out."
            )
        yield batch


def require_size(path: Path) -> None:
    """Raise where a file holds too much; nothing is kept of it.

    Raises:
        DataError: it holds more than `MOST_BYTES`.
    """
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        for _ in batches(path, file):
            pass
