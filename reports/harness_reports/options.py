"""What the commands share: options, reading the store and the prices, writing. Heavy imports happen inside."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from harness.plugins import Plugins
    from harness.records import Record
    from harness_reports.pricing import Pricing

DEFAULT_BOOK = "cloud"


class FormatName(StrEnum):
    """How a table is written."""

    TEXT = "text"
    CSV = "csv"
    JSON = "json"
    MARKDOWN = "markdown"
    PARQUET = "parquet"


StoreOption = Annotated[
    str | None, typer.Option("--store", help="Folder or database URL; else HARNESS_STORE or harness-results.")
]
BookOption = Annotated[str, typer.Option("--price-book", help="The name of a price book, or a YAML file with prices.")]
PluginOption = Annotated[
    list[str] | None,
    typer.Option("--plugin", help="A Python file with a plugin, or a use case in YAML; repeatable."),
]
OutputOption = Annotated[Path | None, typer.Option("--output", "-o", help="A file instead of the terminal.")]


def read_records(location: str | None) -> list[Record]:
    """Return the records of a store.

    Raises:
        StoreError: there is none.
    """
    from harness.store import open_store

    store = open_store(location)
    try:
        return store.records()
    finally:
        store.close()


def read_pricing(name: str, plugins: Plugins) -> Pricing:
    """Return the prices of a plugin's book or of a file.

    Raises:
        FactError: there is none, or a price is not fit for use.
    """
    from harness_reports.price_book_file import find_price_book
    from harness_reports.pricing import choose

    return choose(find_price_book(name, plugins.price_books()))


def write(content: str | bytes, output: Path | None) -> None:
    """Write to a file, whole or not at all, or to standard output.

    Raises:
        StoreError: the file cannot be written.
    """
    from harness.errors import StoreError

    raw = content.encode() if isinstance(content, str) else content
    if output is None:
        sys.stdout.buffer.write(raw)
        sys.stdout.buffer.flush()
        return
    part = output.with_name(f".{output.name}.part")
    try:
        part.write_bytes(raw)
        part.replace(output)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StoreError(f"{str(output)!r} cannot be written: {error.strerror}. Name another file with -o.") from error
