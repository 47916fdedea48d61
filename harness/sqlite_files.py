"""SQLite's files as they are found: empty, cut, of another program; on a full disk, or where nothing may be written.

A database in WAL mode is three files. To read it SQLite makes the third, an index in shared memory, beside it; where
that cannot be written it is opened without, or a copy is.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DatabaseError

from harness.errors import StoreError

_MAGIC = b"SQLite format 3\0"
_HEADER = 100
"""Bytes of a database's header, of which those used here are big-endian numbers; see sqlite.org/fileformat.html."""
_LARGEST_PAGE = 65536
"""Bytes of a page, which the header writes as 1."""
RESCUE = "Restore it from a copy, or save what can be read: sqlite3 {0} .recover | sqlite3 NEW.db"
_Make = Callable[[str | sa.URL], sa.Engine]


def check(file: Path, label: str, *, empty: bool) -> None:
    """Raise where a file cannot be a whole database.

    Not for one that SQLite reads: to close a file gives back all locks of this process on it, those of SQLite's own
    connections too (sqlite.org/howtocorrupt.html, 2.2), and others would remove the log that they still read.

    Args:
        file: of the database; it need not be there.
        label: the store's, for messages.
        empty: whether an empty file may be one, as for SQLite.

    Raises:
        StoreError: it is empty, no database, or cut off; says what to do.
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            header = stream.read(_HEADER)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"Store {label!r}: {file} cannot be read: {error.strerror}.") from error
    if not size:
        if empty:
            return
        raise StoreError(
            f"Store {label!r}: {file} is an empty file: nothing was written to it, or it was lost in a copy. Restore "
            "it, or delete it and run a suite."
        )
    if not header.startswith(_MAGIC):
        raise StoreError(
            f"Store {label!r}: {file} is no SQLite database: it begins with {header[:16]!r}. Name another store with "
            "--store, or move the file away and run a suite."
        )
    whole = _bytes_by(header)
    if size < whole and not _log_size(file):  # else the log holds the rest
        raise StoreError(
            f"Store {label!r}: {file} is cut off: it has {size:,} of {whole:,} bytes. {RESCUE.format(file)}"
        )


def _bytes_by(header: bytes) -> int:
    """Return the size of a database as its header has it, 0 where it does not say."""
    if len(header) < _HEADER:
        return _HEADER
    page = int.from_bytes(header[16:18], "big")
    is_valid = header[24:28] == header[92:96]
    return (_LARGEST_PAGE if page == 1 else page) * int.from_bytes(header[28:32], "big") * is_valid


def _log_size(file: Path) -> int:
    log = _log(file)
    return log.stat().st_size if log.is_file() else 0


def _log(file: Path) -> Path:
    return file.with_name(f"{file.name}-wal")


def file_of(url: str | sa.URL) -> Path | None:
    """Return the file of a database, None where it is not SQLite's or has none."""
    try:
        parts = sa.make_url(url)
    except ArgumentError:
        return None
    is_file = parts.get_backend_name() == "sqlite" and parts.database not in (None, "", ":memory:")
    return Path(str(parts.database)) if is_file and not parts.query else None


def engine_to_read(url: str | sa.URL, label: str, make: _Make) -> sa.Engine:
    """Return an engine that reads a database wherever its files lie.

    Args:
        url: of any database.
        label: the store's, for messages.
        make: makes an engine of a URL.

    Raises:
        StoreError: its file is no whole database, or there is no place for the copy that is needed.
    """
    file = file_of(url)
    if file is None:
        return make(url)
    if not file.is_file():
        raise StoreError(
            f"There is no database {str(file)!r}. Run a suite into it first, or name another with --store."
        )
    if not file.stat().st_size:
        check(file, label, empty=False)
    may_write = os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)
    if may_write and opens(engine := make(url), file, label):
        return engine
    if not _log_size(file):
        return _sound(make(_read_only(file, immutable="1")), file, label)
    return engine if opens(engine := make(_read_only(file)), file, label) else _copied(file, label, make)


def opens(engine: sa.Engine, file: Path, label: str) -> bool:
    """Return whether a database can be read; an engine that cannot is closed.

    Raises:
        StoreError: its file is no whole database; says what to do.
        DatabaseError: it is damaged, which no other way of opening it would mend.
    """
    try:
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT count(*) FROM sqlite_master"))
    except DatabaseError as error:
        engine.dispose()
        if "malformed" in str(error) or "not a database" in str(error):
            check(file, label, empty=True)
            raise
        return False
    return True


def _sound(engine: sa.Engine, file: Path, label: str) -> sa.Engine:
    """Return an engine whose database can be read, or of which its first use says why not."""
    opens(engine, file, label)
    return engine


def _read_only(file: Path, **options: str) -> sa.URL:
    """Return the URL of a database that is only read; `immutable`: without any other file, as nobody writes to it."""
    name = f"file:{quote(str(file.absolute()))}"
    return sa.URL.create("sqlite", database=name, query={"mode": "ro", "uri": "true", **options})


def _copied(file: Path, label: str, make: _Make) -> sa.Engine:
    """Return an engine of a copy, with the log that could not be read in its place; it goes with the engine.

    Records read their long fields by it after it is closed.
    """
    folder = tempfile.TemporaryDirectory(prefix="harness-store-")
    copy = Path(folder.name) / file.name
    try:
        for source, target in ((file, copy), (_log(file), _log(copy))):
            shutil.copyfile(source, target)
    except OSError as error:
        folder.cleanup()
        raise StoreError(
            f"Store {label!r} may not be written and has a log ({_log(file).name}), so it is read from a copy, and "
            f"the copy in {folder.name} fails: {error.strerror}. Name another folder by the variable TMPDIR."
        ) from error
    engine = make(sa.URL.create("sqlite", database=str(copy)))
    weakref.finalize(engine, folder.cleanup)
    return engine


def without_version(engine: sa.Engine, label: str) -> str:
    """Return the sentence for a database without the table that says its version."""
    tables = sorted(sa.inspect(engine).get_table_names())
    if not tables:
        return f"Store {label!r} holds no records. Run a suite into it first."
    return (
        f"Store {label!r} has no table `meta` with its version: it is no store, or a damaged one. Its tables: "
        f"{', '.join(tables[:6])}. Name another store with --store, or restore it from a copy."
    )
