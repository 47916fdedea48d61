"""Opens a store's database: its URL, its driver, and what its errors mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError

from harness.errors import StoreError
from harness.installed import DISTRIBUTION, extra_for, install_command
from harness.place import DATABASE, is_url
from harness.sqlite_files import RESCUE, engine_to_read, file_of, opens


def store_error(label: str, error: Exception) -> StoreError:
    """Return what an error of the database means for a store, and what to do."""
    cause = str(getattr(error, "orig", None) or error)
    if "full" in cause:
        advice = "Free some space and run again: finished steps are kept."
    elif "malformed" in cause or "not a database" in cause:
        advice = f"It is damaged. {RESCUE.format('harness.db')}"
    else:
        advice = "Check that it exists and may be written."
    return StoreError(f"Store {label!r}: {cause}. {advice}")


def database_url(where: str, label: str) -> sa.URL:
    """Return the URL of a place's database."""
    if not is_url(where):
        return sa.URL.create("sqlite", database=str(Path(where).absolute() / DATABASE))
    try:
        return sa.make_url(where)
    except SQLAlchemyError as error:
        raise StoreError(f"Store {label!r} cannot be opened: {error}.") from error


def check_shared(url: sa.URL, label: str) -> None:
    """Check that several machines reach a database.

    Raises:
        StoreError: it is a file.
    """
    if url.get_backend_name() == "sqlite":
        raise StoreError(
            f"Store {label!r} is a file, which other machines do not reach. Name a database server with --store, such "
            "as postgresql+psycopg://user@host/name, or do several steps here with --jobs."
        )


def opened(url: sa.URL, label: str, *, create: bool) -> sa.Engine:
    """Return an engine of a database, to write it with `create`.

    Raises:
        StoreError: it cannot be opened.
    """
    try:
        if not create:
            return engine_to_read(url, label, _engine)
        engine = _engine(url)
        if engine.dialect.name == "sqlite":  # what is only read is left as it is
            sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA journal_mode=WAL"))
        if (file := file_of(url)) is not None and file.exists():  # to open it would make it
            opens(engine, file, label)
    except SQLAlchemyError as error:
        raise store_error(label, error) from error
    return engine


def _engine(url: str | sa.URL) -> sa.Engine:
    try:
        engine = sa.create_engine(url)
    except NoSuchModuleError as error:
        advice = "Write postgresql+psycopg://…, or name a folder." if "postgres" in str(url) else "Name a folder."
        raise StoreError(f"Store {hide_password(url)!r}: no such kind of database is known. {advice}") from error
    except (SQLAlchemyError, ImportError) as error:
        raise StoreError(f"Store {hide_password(url)!r} cannot be opened: {error}.{_driver(error)}") from error
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _tune_sqlite)
    return engine


def _driver(error: Exception) -> str:
    """Return how to install a missing driver, empty for another error."""
    if not isinstance(error, ModuleNotFoundError):
        return ""
    extra = extra_for(str(error.name), DISTRIBUTION)
    return f" Next: {install_command([(DISTRIBUTION, extra)]) if extra else 'install this driver'}"


def hide_password(url: str | sa.URL) -> str:
    """Return a URL for people."""
    try:
        return sa.make_url(url).render_as_string(hide_password=True)
    except SQLAlchemyError:
        return str(url).partition("://")[0] + "://…"


def _tune_sqlite(connection: Any, _: Any) -> None:
    connection.text_factory = lambda data: data.decode(errors="surrogateescape")  # one bad text fails alone
    connection.execute("PRAGMA synchronous=FULL")  # a finished step must survive a power cut
    connection.execute("PRAGMA busy_timeout=10000")
