"""A store of an earlier version gets the columns of today, by one run or by several that begin at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from harness.records import Record
from harness.store import open_store, peek_records
from harness.tables import CLAIMS, RECORDS, SCHEMA, schema_of

SAMPLE = Path(__file__).parents[1] / "reports" / "sample"
WRITERS = 4
ADDED = ("artifact_digest", "head", "basis", "checksum")
OPEN = "import sys; from harness.store import open_store; open_store(sys.argv[1], create=True).close()"


def _engine(location: str) -> sa.Engine:
    return sa.create_engine(location if "://" in location else f"sqlite:///{location}/harness.db")


@pytest.fixture
def old(location: str) -> str:
    """Return a store of schema 2 with the records of a suite."""
    store = open_store(location, create=True)
    for record in peek_records(str(SAMPLE)):
        store.add(record)
    store.close()
    engine = _engine(location)
    with engine.begin() as connection:
        for column in ADDED:
            connection.execute(sa.text(f"ALTER TABLE {RECORDS.name} DROP COLUMN {column}"))
        CLAIMS.drop(connection)
        connection.execute(sa.text("UPDATE meta SET schema = 2"))
    engine.dispose()
    return location


def _fields(records: list[Record]) -> list[tuple[object, ...]]:
    return [(each.id, each.spec, each.readings, each.basis, each.metrics, dict(each.scores)) for each in records]


def test_an_old_store_is_read_as_it_is(old: str) -> None:
    """Nothing is written by reading; it is of schema 2 afterwards."""
    engine = _engine(old)

    assert _fields(peek_records(old)) == _fields(peek_records(str(SAMPLE)))
    assert schema_of(engine) == 2
    engine.dispose()


def test_several_runs_at_once_add_the_columns(old: str) -> None:
    """Each succeeds, whoever comes first; the records are what they were, with columns beside every body."""
    before = _fields(peek_records(old))
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, old], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
        )
        for _ in range(WRITERS)
    ]
    outputs = [writer.communicate(timeout=120)[0] for writer in writers]

    assert [writer.returncode for writer in writers] == [0] * WRITERS, outputs
    assert _fields(peek_records(old)) == before
    engine = _engine(old)
    with engine.connect() as connection:
        heads = connection.execute(sa.text("SELECT head FROM records")).scalars().all()
        schemas = connection.execute(sa.text("SELECT schema FROM meta")).scalars().all()
    engine.dispose()
    assert len(heads) == len(before)
    assert None not in heads
    assert set(schemas) == {SCHEMA}


def test_a_run_into_an_old_store_goes_on(old: str) -> None:
    """A record that is added afterwards is there with the others."""
    store = open_store(old, create=True)
    first = store.records()[0]
    vars(first).update(id="another", fingerprint="f" * 64)

    assert store.add(first)
    assert [record.id for record in store.records()][-1] == "another"
    store.close()
