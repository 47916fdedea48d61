"""The store keeps records: SQLite in WAL mode in a folder by default, any SQLAlchemy URL otherwise."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import uuid
import weakref
import zlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from harness import record_columns
from harness.artifacts import Artifacts
from harness.claims import Claims, Doing
from harness.damaged import AGAIN, digest_in, sound, unpacked
from harness.database import check_shared, database_url, hide_password, opened, store_error
from harness.errors import StoreError
from harness.place import DATABASE, artifacts_place, is_new, is_url, place
from harness.records import FINAL, Record, to_json
from harness.sqlite_files import file_of, without_version
from harness.tables import (
    CLAIMS,
    IS_FINAL,
    RAW,
    RECORDS,
    SCHEMA,
    WITH_CLAIMS,
    WITH_COLUMNS,
    keep,
    make_tables,
    schema_of,
)

NEEDED_BYTES = 256 * 2**20
"""Free disk that a run needs to start."""

_BODY = sa.select(RECORDS.c.body).where(RECORDS.c.number == sa.bindparam("number"))
_CONTENT = sa.select(RAW.c.content).where(RAW.c.digest == sa.bindparam("digest"))
REPLACED = "measured again"
"""The column of a final record that a newer one has taken the place of; its body keeps its outcome."""


class Store:
    """Records, and the artifacts that belong to them."""

    def __init__(self, engine: sa.Engine, artifacts: Artifacts | None, label: str) -> None:
        self._engine = engine
        self._artifacts = artifacts
        self.label = label
        self.claims = Claims(engine, CLAIMS, self._guard, uuid.uuid4().hex if artifacts is None else artifacts.owner)
        self.left_out: tuple[str, ...] = ()
        """A sentence for each record that `records` could not read."""
        weakref.finalize(self, engine.dispose)  # records that are read after `close` connect again

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
                    earlier = (RECORDS.c.fingerprint == record.fingerprint) & IS_FINAL
                    connection.execute(RECORDS.update().where(earlier).values(outcome=REPLACED))
                connection.execute(RECORDS.insert().values(row))
        except IntegrityError:
            return False
        return True

    def _keep(self, texts: Mapping[str, str]) -> None:
        """Keep raw values by their digests, unless they are here already."""
        for digest, text in texts.items():
            with self._guard(), contextlib.suppress(IntegrityError), self._engine.begin() as connection:
                keep(connection, digest, text)

    def _kept(self, digest: str) -> str:
        """Return raw values.

        Raises:
            StoreError: they are not here.
        """
        with self._guard(), self._engine.connect() as connection:
            content = connection.execute(_CONTENT, {"digest": digest}).scalar()
        if content is None:
            raise StoreError(f"Store {self.label!r} lacks raw values of a record ({digest[:12]}…). {AGAIN}")
        try:
            return unpacked(content, digest).decode()
        except (zlib.error, ValueError) as error:
            raise StoreError(
                f"Store {self.label!r}: raw values of a record ({digest[:12]}…) are damaged: {error}. {AGAIN}"
            ) from error

    def records(self) -> list[Record]:
        """Return all records, oldest first; their long fields are read when they are first looked into.

        One that cannot be read is reported on stderr and left out.
        """
        beside = (RECORDS.c.head, RECORDS.c.basis, RECORDS.c.checksum) if self._has_columns else [sa.null()] * 3
        query = sa.select(RECORDS.c.number, RECORDS.c.body, *beside).order_by(RECORDS.c.number)
        with self._guard(), self._engine.connect() as connection:
            streamed = connection.execution_options(yield_per=record_columns.CHUNK).execute(query)
            reader = record_columns.Reader(self._body, self._kept)
            rows = (row for page in streamed.partitions() for row in record_columns.parsed(page))
            records, self.left_out = sound(((row[0], row) for row in rows), reader.record, self.label)
        return records

    def _body(self, number: int) -> str:
        with self._guard(), self._engine.connect() as connection:
            body: str = connection.execute(_BODY, {"number": number}).scalar_one()
        return body

    @cached_property
    def _has_columns(self) -> bool:
        """Whether records have columns beside their bodies: not in a store of an earlier schema, opened for reading."""
        return (schema_of(self._engine) or SCHEMA) >= WITH_COLUMNS

    def finished(self) -> dict[str, str]:
        """Return fingerprint → outcome of steps that need not run again: measured, or unsupported."""
        with self._guard(), self._engine.connect() as connection:
            rows = connection.execute(sa.select(RECORDS.c.fingerprint, RECORDS.c.outcome).where(IS_FINAL))
            return {row.fingerprint: row.outcome for row in rows}

    def newest(self) -> int:
        """Return the number of the newest record, 0 if there is none."""
        with self._guard(), self._engine.connect() as connection:
            return connection.execute(sa.select(sa.func.max(RECORDS.c.number))).scalar() or 0

    def state(self) -> tuple[int, int]:
        """Return numbers that change with the records: the newest one's, and characters, for data that are renamed."""
        written = RECORDS.c.head if self._has_columns else RECORDS.c.body
        columns = sa.func.max(RECORDS.c.number), sa.func.sum(sa.func.length(written))
        with self._guard(), self._engine.connect() as connection:
            number, characters = connection.execute(sa.select(*columns)).one()
        return number or 0, int(characters or 0)

    def final_outcome(self, fingerprint: str) -> str | None:
        """Return the outcome of a step that need not run again; None if it must."""
        with self._guard(), self._engine.connect() as connection:
            final = (RECORDS.c.fingerprint == fingerprint) & IS_FINAL
            outcome: str | None = connection.execute(sa.select(RECORDS.c.outcome).where(final)).scalar()
        return outcome

    def outcome_since(self, fingerprint: str, number: int) -> str | None:
        """Return the outcome of a step's newest record after another record; None if there is none."""
        later = (RECORDS.c.fingerprint == fingerprint) & (RECORDS.c.number > number)
        newest = sa.select(RECORDS.c.outcome).where(later).order_by(RECORDS.c.number.desc()).limit(1)
        with self._guard(), self._engine.connect() as connection:
            outcome: str | None = connection.execute(newest).scalar()
        return outcome

    def doing(self) -> list[Doing]:
        """Return the steps that runs are doing now; none in a store that no run since schema 3 has written."""
        return self.claims.doing() if (schema_of(self._engine) or 0) >= WITH_CLAIMS else []

    def sweep(self) -> None:
        """Remove what runs that are gone left unfinished."""
        self.artifacts.sweep(self.claims.owners())

    def artifact_digest(self, fingerprint: str) -> str | None:
        """Return the digest of a finished step's artifact; None where its record has none."""
        row = (RECORDS.c.fingerprint == fingerprint) & IS_FINAL
        column = RECORDS.c.artifact_digest if self._has_columns else RECORDS.c.body
        with self._guard(), self._engine.connect() as connection:
            read: str | None = connection.execute(sa.select(column).where(row)).scalar()
        return read if read is None or self._has_columns else digest_in(read)

    def artifact(self, fingerprint: str) -> Path | None:
        """Return the folder of a finished step's artifact; None where it is gone, or not what its record says."""
        digest = self.artifact_digest(fingerprint)
        return self.artifacts.path(fingerprint, digest) if self.artifacts.is_intact(fingerprint, digest) else None

    def has_artifact(self, fingerprint: str) -> bool:
        """Return whether a finished step's artifact is there, and is what its record says."""
        return self.artifact(fingerprint) is not None

    def name_data(self, names: Mapping[str, str]) -> int:
        """Rename the data of finished steps; return the number of changed records.

        Args:
            names: fingerprint of a step → name of its data.
        """
        changed = 0
        with self._guard(), self._engine.begin() as connection:
            for fingerprint, name in names.items():
                row = (RECORDS.c.fingerprint == fingerprint) & IS_FINAL
                body = json.loads(connection.execute(sa.select(RECORDS.c.body).where(row)).scalar_one())
                spec = "spec" if "spec" in body else "asked"
                if body[spec].get("data") != name:
                    body[spec]["data"] = name
                    written = json.dumps(body, sort_keys=True)
                    columns = record_columns.values(written)[0] if self._has_columns else {}
                    connection.execute(RECORDS.update().where(row).values(body=written, **columns))
                    changed += 1
        return changed

    @property
    def place(self) -> tuple[str, str]:
        """Where another machine opens it: the URL of the database, with the password, and the place of artifacts.

        Raises:
            StoreError: it is a file of this machine.
        """
        check_shared(self._engine.url, self.label)
        return self._engine.url.render_as_string(hide_password=False), self.artifacts.place

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
            raise store_error(self.label, error) from error


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
    label = hide_password(where) if is_url(where) else where
    made = None if is_url(where) or Path(where).exists() else Path(where).absolute()
    try:
        return _opened(where, label, artifacts_place(artifacts), create=create)
    except StoreError:
        if made is not None:
            with contextlib.suppress(OSError):  # there is none, or there is something in it
                made.rmdir()
        raise


def _opened(where: str, label: str, artifacts: str | None, *, create: bool) -> Store:
    if not is_url(where):
        folder = Path(where).absolute()  # a plugin may change the working folder during the run
        if not create and not (folder / DATABASE).is_file():
            raise StoreError(
                f"There is no store at {where!r}. Run a suite first (`harness run quick`) or name one with --store."
            )
        if create:
            _prepare(folder, label)
    url = database_url(where, label)
    store = Store(opened(url, label, create=create), _artifacts(url, artifacts), label)
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


def _check_schema(store: Store, *, create: bool) -> None:
    """Make the tables, or those that a store of an earlier version lacks, if it may be written."""
    engine = store._engine  # noqa: SLF001 - same module
    with store._guard():  # noqa: SLF001
        version = schema_of(engine)
        if version is None and not create:
            raise StoreError(without_version(engine, store.label))
        if version is not None and version > SCHEMA:
            raise StoreError(
                f"Store {store.label!r} has version {version}; this harness reads up to {SCHEMA}. "
                "Upgrade viability-harness."
            )
        if create and version != SCHEMA:
            make_tables(engine)


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
    label = hide_password(where) if is_url(where) else where
    url = database_url(where, label)
    file = file_of(url)
    if file is not None and not (file.is_file() and file.stat().st_size):
        return False
    engine = opened(url, label, create=False)
    try:
        return schema_of(engine) is not None
    except SQLAlchemyError as error:
        raise store_error(label, error) from error
    finally:
        engine.dispose()
