"""The store keeps records: SQLite in WAL mode in a folder by default, any SQLAlchemy URL otherwise.

History of SCHEMA
1  2026-11-23  `records` with one `ok` record for each fingerprint; `meta` holds the version.
2  2026-11-27  `raw`: long values of records, by their digest. Records of version 1 stay as they are.
3  2026-11-28  `claims`: which run does which step now.
4  2026-11-28  columns of records beside their bodies, see `harness.record_columns`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
import uuid
import zlib
from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from harness import record_columns
from harness.artifacts import Artifacts
from harness.claims import Claims, Doing, claims_table
from harness.damaged import digest_in, sound, unpacked
from harness.errors import StoreError
from harness.installed import DISTRIBUTION, extra_for, install_command
from harness.place import DATABASE, artifacts_place, is_new, is_url, place
from harness.records import FINAL, Record, to_json
from harness.sqlite_files import RESCUE, check, engine_to_read, file_of, without_version

SCHEMA = 4
_ATTEMPTS, _PAUSE_S = 20, 0.1
WITH_CLAIMS, WITH_COLUMNS = 3, 4
"""The schemas from which on there are claims, and records have columns beside their bodies."""
NEEDED_BYTES = 256 * 2**20
"""Free disk that a run needs to start."""

_metadata = sa.MetaData()
_meta = sa.Table("meta", _metadata, sa.Column("schema", sa.Integer, nullable=False))
_records = sa.Table(
    "records",
    _metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", sa.String(36), nullable=False, unique=True),
    sa.Column("fingerprint", sa.String(64), nullable=False, index=True),
    sa.Column("step", sa.String(16), nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("started_at", sa.String(40), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    *record_columns.columns(),
)
_raw = sa.Table(
    "raw",
    _metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
"""SHA-256 of a text → the text, compressed by zlib; the items of data are there once for all models."""
_claims = claims_table(_metadata)
REPLACED = "measured again"
"""The column of a final record that a newer one has taken the place of; its body keeps its outcome."""
_FINAL = _records.c.outcome.in_(FINAL)
sa.Index("one_result_each", _records.c.fingerprint, unique=True, sqlite_where=_FINAL, postgresql_where=_FINAL)


class Store:
    """Records, and the artifacts that belong to them."""

    def __init__(self, engine: sa.Engine, artifacts: Artifacts | None, label: str) -> None:
        self._engine = engine
        self._artifacts = artifacts
        self.label = label
        self.claims = Claims(engine, _claims, self._guard, uuid.uuid4().hex if artifacts is None else artifacts.owner)
        self.left_out: tuple[str, ...] = ()
        """A sentence for each record that `records` could not read."""

    @property
    def artifacts(self) -> Artifacts:
        """What its steps wrote.

        Raises:
            StoreError: the store is a server, and nothing says where they are.
        """
        if self._artifacts is None:
            raise StoreError(
                f"Store {self.label!r} is a server, and nothing says where its artifacts are. Name a folder that all "
                "its machines reach, or a URL such as s3://bucket/folder, with --artifacts or HARNESS_ARTIFACTS."
            )
        return self._artifacts

    def add(self, record: Record, *, again: bool = False) -> bool:
        """Add a record; return False if another run already has a final record of the step.

        `again`: a final record takes the place of the earlier one, which stays among the records.
        """
        body, raw = to_json(record)
        columns, shared = record_columns.values(body)
        row = {
            "id": record.id,
            "fingerprint": record.fingerprint,
            "step": record.step,
            "outcome": record.outcome,
            "started_at": record.started_at,
            "body": body,
            **columns,
        }
        self._keep({**raw, **shared})
        try:
            with self._guard(), self._engine.begin() as connection:
                if again and record.outcome in FINAL:
                    earlier = (_records.c.fingerprint == record.fingerprint) & _FINAL
                    connection.execute(_records.update().where(earlier).values(outcome=REPLACED))
                connection.execute(_records.insert().values(row))
        except IntegrityError:
            return False
        return True

    def _keep(self, texts: Mapping[str, str]) -> None:
        """Keep raw values by their digests, unless they are here already."""
        for digest, text in texts.items():
            with self._guard(), contextlib.suppress(IntegrityError), self._engine.begin() as connection:
                _keep(connection, digest, text)

    def _kept(self, digest: str) -> str:
        """Return raw values.

        Raises:
            StoreError: they are not here.
        """
        with self._guard(), self._engine.connect() as connection:
            content = connection.execute(sa.select(_raw.c.content).where(_raw.c.digest == digest)).scalar()
        if content is None:
            raise StoreError(f"Store {self.label!r} lacks raw values of a record ({digest[:12]}…). Measure it again.")
        try:
            return unpacked(content).decode()
        except (zlib.error, ValueError) as error:
            raise StoreError(
                f"Store {self.label!r}: raw values of a record ({digest[:12]}…) are damaged: {error}. Measure it again."
            ) from error

    def records(self) -> list[Record]:
        """Return all records, oldest first; their long fields are read when they are first looked into.

        One that cannot be read is reported on stderr and left out.
        """
        beside = (_records.c.head, _records.c.basis, _records.c.checksum) if self._has_columns else [sa.null()] * 3
        rows = sa.select(_records.c.number, _records.c.body, *beside).order_by(_records.c.number)
        with self._guard(), self._engine.connect() as connection:
            streamed = connection.execution_options(yield_per=record_columns.CHUNK).execute(rows)
            reader = record_columns.Reader(self._body, self._kept)
            records, self.left_out = sound(((row[0], row) for row in streamed), reader.record, self.label)
        return records

    def _body(self, number: int) -> str:
        with self._guard(), self._engine.connect() as connection:
            body: str = connection.execute(sa.select(_records.c.body).where(_records.c.number == number)).scalar_one()
        return body

    @cached_property
    def _has_columns(self) -> bool:
        """Whether records have columns beside their bodies: not in a store of an earlier schema, opened for reading."""
        return (_version(self._engine) or SCHEMA) >= WITH_COLUMNS

    def finished(self) -> dict[str, str]:
        """Return fingerprint → outcome of steps that need not run again: measured, or unsupported."""
        with self._guard(), self._engine.connect() as connection:
            rows = connection.execute(sa.select(_records.c.fingerprint, _records.c.outcome).where(_FINAL))
            return {row.fingerprint: row.outcome for row in rows}

    def newest(self) -> int:
        """Return the number of the newest record, 0 if there is none."""
        with self._guard(), self._engine.connect() as connection:
            return connection.execute(sa.select(sa.func.max(_records.c.number))).scalar() or 0

    def state(self) -> tuple[int, int]:
        """Return numbers that change with the records: the newest one's, and characters, for data that are renamed."""
        written = _records.c.head if self._has_columns else _records.c.body
        columns = sa.func.max(_records.c.number), sa.func.sum(sa.func.length(written))
        with self._guard(), self._engine.connect() as connection:
            number, characters = connection.execute(sa.select(*columns)).one()
        return number or 0, int(characters or 0)

    def outcome_since(self, fingerprint: str, number: int) -> str | None:
        """Return the outcome of a step's newest record after another record; None if there is none."""
        later = (_records.c.fingerprint == fingerprint) & (_records.c.number > number)
        newest = sa.select(_records.c.outcome).where(later).order_by(_records.c.number.desc()).limit(1)
        with self._guard(), self._engine.connect() as connection:
            outcome: str | None = connection.execute(newest).scalar()
        return outcome

    def doing(self) -> list[Doing]:
        """Return the steps that runs are doing now; none in a store that no run since schema 3 has written."""
        return self.claims.doing() if (_version(self._engine) or 0) >= WITH_CLAIMS else []

    def sweep(self) -> None:
        """Remove what runs that are gone left unfinished."""
        self.artifacts.sweep(self.claims.owners())

    def artifact_digest(self, fingerprint: str) -> str | None:
        """Return the digest of a finished step's artifact; None where its record has none."""
        row = (_records.c.fingerprint == fingerprint) & _FINAL
        column = _records.c.artifact_digest if self._has_columns else _records.c.body
        with self._guard(), self._engine.connect() as connection:
            read: str | None = connection.execute(sa.select(column).where(row)).scalar()
        return read if read is None or self._has_columns else digest_in(read)

    def artifact(self, fingerprint: str) -> Path:
        """Return the folder of a finished step's artifact; it need not be there."""
        return self.artifacts.path(fingerprint, self.artifact_digest(fingerprint))

    def has_artifact(self, fingerprint: str) -> bool:
        """Return whether a finished step's artifact is there, and is what its record says."""
        return self.artifacts.is_intact(fingerprint, self.artifact_digest(fingerprint))

    def name_data(self, names: Mapping[str, str]) -> int:
        """Rename the data of finished steps; return the number of changed records.

        Args:
            names: fingerprint of a step → name of its data.
        """
        changed = 0
        with self._guard(), self._engine.begin() as connection:
            for fingerprint, name in names.items():
                row = (_records.c.fingerprint == fingerprint) & _FINAL
                body = json.loads(connection.execute(sa.select(_records.c.body).where(row)).scalar_one())
                spec = "spec" if "spec" in body else "asked"
                if body[spec].get("data") != name:
                    body[spec]["data"] = name
                    written = json.dumps(body, sort_keys=True)
                    columns = record_columns.values(written)[0] if self._has_columns else {}
                    connection.execute(_records.update().where(row).values(body=written, **columns))
                    changed += 1
        return changed

    @property
    def place(self) -> tuple[str, str]:
        """Where another machine opens it: the URL of the database, with the password, and the place of artifacts.

        Raises:
            StoreError: it is a file of this machine.
        """
        url = self._engine.url
        if url.get_backend_name() == "sqlite":
            raise StoreError(
                f"Store {self.label!r} is a file, which other machines do not reach. Name a database server with "
                "--store, such as postgresql+psycopg://user@host/name, or do several steps here with --jobs."
            )
        return url.render_as_string(hide_password=False), self.artifacts.place

    def beside(self) -> Store:
        """Return the same store for a further lane of this run: its claims and unfinished folders are its own."""
        return Store(self._engine, self.artifacts.beside(), self.label)

    def close(self) -> None:
        """Give claims back, and close the database."""
        self.claims.close()
        self._engine.dispose()

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            raise _store_error(self.label, error) from error


def _store_error(label: str, error: Exception) -> StoreError:
    cause = str(getattr(error, "orig", None) or error)
    if "full" in cause:
        advice = "Free some space and run again: finished steps are kept."
    elif "malformed" in cause or "not a database" in cause:
        advice = f"It is damaged. {RESCUE.format('harness.db')}"
    else:
        advice = "Check that it exists and may be written."
    return StoreError(f"Store {label!r}: {cause}. {advice}")


def _keep(connection: sa.Connection, digest: str, text: str) -> None:
    """Keep raw values, unless they are here already."""
    if connection.execute(sa.select(_raw.c.digest).where(_raw.c.digest == digest)).first() is None:
        connection.execute(_raw.insert().values(digest=digest, content=zlib.compress(text.encode())))


def open_store(location: str | None = None, *, create: bool = False, artifacts: str | None = None) -> Store:
    """Open the store at `location`, else `HARNESS_STORE`, else `harness-results` here.

    Args:
        location: a folder, or a database URL such as `postgresql+psycopg://user@host/name`.
        create: make a missing store; otherwise it is an error.
        artifacts: a folder, or a URL that fsspec reads, else `HARNESS_ARTIFACTS`; by default they are in the folder,
            or beside the file of an SQLite database.

    Raises:
        StoreError: missing, not writable, full, or written by a newer harness; or a server without artifacts.
    """
    where = place(location)
    label = _hide_password(where) if is_url(where) else where
    if not is_url(where):
        folder = Path(where).absolute()  # a plugin may change the working folder during the run
        if not create and not (folder / DATABASE).is_file():
            raise StoreError(
                f"There is no store at {where!r}. Run a suite first (`harness run quick`) or name one with --store."
            )
        if create:
            _prepare(folder, label)
    url = _url(where, label)
    store = Store(_opened(url, label, create=create), _artifacts(url, artifacts_place(artifacts)), label)
    try:
        if create:
            store.artifacts.prepare()
        _check_schema(store, create=create)
    except StoreError:
        store.close()
        raise
    return store


def _artifacts(database: sa.URL, where: str | None) -> Artifacts | None:
    """Return the artifacts at a place, else those of a database's file; None of a server."""
    name = database.render_as_string(hide_password=True)
    if where is not None and is_url(where):
        from harness.remote import RemoteArtifacts

        return RemoteArtifacts(where, name)
    if where is not None:
        return Artifacts(Path(where).absolute(), name)
    if database.drivername.partition("+")[0] != "sqlite" or database.database in (None, "", ":memory:"):
        return None
    file = Path(str(database.database)).absolute()
    return Artifacts(file.parent / ("artifacts" if file.name == DATABASE else f"{file.stem}-artifacts"), name)


def _url(where: str, label: str) -> sa.URL:
    """Return the URL of a place's database."""
    if not is_url(where):
        return sa.URL.create("sqlite", database=str(Path(where).absolute() / DATABASE))
    try:
        return sa.make_url(where)
    except SQLAlchemyError as error:
        raise StoreError(f"Store {label!r} cannot be opened: {error}.") from error


def _opened(url: sa.URL, label: str, *, create: bool) -> sa.Engine:
    if create and (file := file_of(url)) is not None:
        check(file, label, empty=True)
    try:
        engine = _engine(url) if create else engine_to_read(url, label, _engine)
    except SQLAlchemyError as error:
        raise _store_error(label, error) from error
    if create and engine.dialect.name == "sqlite":  # what is only read is left as it is
        sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA journal_mode=WAL"))
    return engine


def _prepare(folder: Path, label: str) -> None:
    """Make the folder, or raise before anything is measured."""
    probe = next((parent for parent in (folder, *folder.parents) if parent.exists()), folder)
    if not probe.is_dir():
        raise StoreError(f"Store {label!r}: {str(probe)!r} is a file. Name a folder with --store.")
    if not os.access(probe, os.W_OK | os.X_OK):
        raise StoreError(f"Store {label!r}: {str(probe)!r} may not be written. Name another folder with --store.")
    total, _, free = shutil.disk_usage(probe)
    if total and free < NEEDED_BYTES:  # a file system without size, such as /proc, raises below
        raise StoreError(
            f"Store {label!r}: the disk is full: {free / 2**20:.0f} MiB free, {NEEDED_BYTES / 2**20:.0f} needed. "
            "Free some space or name another folder with --store."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"Store {label!r} cannot be made: {error.strerror}. Name another folder with --store."
        ) from error


def _engine(url: str | sa.URL) -> sa.Engine:
    try:
        engine = sa.create_engine(url)
    except NoSuchModuleError as error:
        advice = "Write postgresql+psycopg://…, or name a folder." if "postgres" in str(url) else "Name a folder."
        raise StoreError(f"Store {_hide_password(url)!r}: no such kind of database is known. {advice}") from error
    except (SQLAlchemyError, ImportError) as error:
        raise StoreError(f"Store {_hide_password(url)!r} cannot be opened: {error}.{_driver(error)}") from error
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _tune_sqlite)
    return engine


def _driver(error: Exception) -> str:
    """Return how to install a missing driver, empty for another error."""
    if not isinstance(error, ModuleNotFoundError):
        return ""
    extra = extra_for(str(error.name), DISTRIBUTION)
    return f" Next: {install_command([(DISTRIBUTION, extra)]) if extra else 'install this driver'}"


def _hide_password(url: str | sa.URL) -> str:
    try:
        return sa.make_url(url).render_as_string(hide_password=True)
    except SQLAlchemyError:
        return str(url).partition("://")[0] + "://…"


def _tune_sqlite(connection: Any, _: Any) -> None:
    connection.text_factory = lambda data: data.decode(errors="surrogateescape")  # one bad text fails alone
    connection.execute("PRAGMA synchronous=FULL")  # a finished step must survive a power cut
    connection.execute("PRAGMA busy_timeout=10000")


def _check_schema(store: Store, *, create: bool) -> None:
    """Make the tables, or those that a store of an earlier version lacks, if it may be written."""
    engine = store._engine  # noqa: SLF001 - same module
    with store._guard():  # noqa: SLF001
        version = _version(engine)
        if version is None and not create:
            raise StoreError(without_version(engine, store.label))
        if version is not None and version > SCHEMA:
            raise StoreError(
                f"Store {store.label!r} has version {version}; this harness reads up to {SCHEMA}. "
                "Upgrade viability-harness."
            )
        if create and version != SCHEMA:
            _make_tables(engine)


def _make_tables(engine: sa.Engine) -> None:
    """Make the tables; several runs may do so at once, of which one wins and the others look again."""
    for attempts_left in reversed(range(_ATTEMPTS)):
        try:
            with engine.begin() as connection:
                _metadata.create_all(connection)
                record_columns.add(connection, _records, partial(_keep, connection))
                connection.execute(_meta.delete())
                connection.execute(_meta.insert().values(schema=SCHEMA))
        except DatabaseError:
            if not attempts_left:
                raise
            time.sleep(_PAUSE_S)
        else:
            return


def _version(engine: sa.Engine) -> int | None:
    """Return the version of the tables, None if there are none."""
    if not sa.inspect(engine).has_table("meta"):
        return None
    with engine.connect() as connection:
        return connection.execute(sa.select(sa.func.max(_meta.c.schema))).scalar()


def peek(location: str | None = None) -> dict[str, str]:
    """Return the finished steps of a store, none if there is no store; does not make one."""
    if not _exists(location):
        return {}
    store = open_store(location)
    try:
        return store.finished()
    finally:
        store.close()


def peek_records(location: str | None = None) -> list[Record]:
    """Return the records of a store, none if there is no store; does not make one."""
    if not _exists(location):
        return []
    store = open_store(location)
    try:
        return store.records()
    finally:
        store.close()


def _exists(location: str | None) -> bool:
    """Return whether there is a store: a run that has just begun may have made its database, but no tables yet."""
    if is_new(location):
        return False
    where = place(location)
    label = _hide_password(where) if is_url(where) else where
    url = _url(where, label)
    file = file_of(url)
    if file is not None and not (file.is_file() and file.stat().st_size):
        return False
    engine = _opened(url, label, create=False)
    try:
        return _version(engine) is not None
    except SQLAlchemyError as error:
        raise _store_error(label, error) from error
    finally:
        engine.dispose()
