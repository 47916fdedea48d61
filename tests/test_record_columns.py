"""Columns of records: what needs no body reads none, and old stores say the same before and after they get columns."""

from __future__ import annotations

import json
import sqlite3
import zlib
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from harness import record_columns
from harness.errors import StoreError
from harness.records import VERSION, Record, changed, from_json
from harness.store import SCHEMA, Store, open_store

SAMPLES = Path(__file__).with_name("records")
RAW = {file.stem: file.read_text(encoding="utf-8") for file in SAMPLES.glob("raw/*.json")}
OF_SCHEMA_1 = """
CREATE TABLE meta (schema INTEGER NOT NULL);
CREATE TABLE records (number INTEGER PRIMARY KEY, id VARCHAR(36) UNIQUE NOT NULL, fingerprint VARCHAR(64) NOT NULL,
    step VARCHAR(16) NOT NULL, outcome VARCHAR(16) NOT NULL, started_at VARCHAR(40) NOT NULL, body TEXT NOT NULL);
CREATE TABLE raw (digest VARCHAR(64) PRIMARY KEY, content BLOB NOT NULL);
INSERT INTO meta VALUES (2);
"""


def _bodies() -> list[str]:
    return [(SAMPLES / f"v{version}.json").read_text(encoding="utf-8") for version in range(1, VERSION + 1)]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return a folder with a store of schema 2 that has a record of each version, each of its own step."""
    with sqlite3.connect(tmp_path / "harness.db") as connection:
        connection.executescript(OF_SCHEMA_1)
        for number, body in enumerate(_bodies(), 1):
            step = json.loads(body)["step"]
            row = (number, f"id {number}", f"{number:064}", step, "ok", "2026-11-23", body)
            connection.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        kept = [(digest, zlib.compress(text.encode())) for digest, text in RAW.items()]
        connection.executemany("INSERT INTO raw VALUES (?, ?)", kept)
    connection.close()
    return tmp_path


def _read(folder: Path) -> list[Record]:
    store = open_store(str(folder))
    try:
        return store.records()
    finally:
        store.close()


def test_old_stores_read_the_same_before_and_after_they_get_columns(old: Path) -> None:
    """Reading does not write to them; every field of every version is that of the whole body."""
    expected = [from_json(body, RAW.__getitem__) for body in _bodies()]
    before = _read(old)
    with sqlite3.connect(old / "harness.db") as connection:
        assert connection.execute("SELECT schema FROM meta").fetchone() == (2,)
        assert "head" not in [row[1] for row in connection.execute("PRAGMA table_info(records)")]
    connection.close()
    open_store(str(old), create=True).close()
    after = _read(old)
    with sqlite3.connect(old / "harness.db") as connection:
        assert connection.execute("SELECT schema FROM meta").fetchone() == (SCHEMA,)
        assert connection.execute("SELECT count(*) FROM records WHERE head IS NULL").fetchone() == (0,)
    connection.close()

    assert before == expected
    assert after == expected
    for field in fields(Record):  # each alone, as the first one that is looked into
        assert [getattr(record, field.name) for record in _read(old)] == [getattr(one, field.name) for one in expected]


def test_a_record_without_columns_among_others_is_read_by_its_body(old: Path) -> None:
    """A store whose move to the new columns was cut off is read whole, and the next run goes on with it."""
    open_store(str(old), create=True).close()
    with sqlite3.connect(old / "harness.db") as connection:
        connection.execute("UPDATE records SET head = NULL, basis = NULL WHERE number IN (2, 5)")
        connection.execute("UPDATE meta SET schema = 3")
    connection.close()

    assert _read(old) == [from_json(body, RAW.__getitem__) for body in _bodies()]
    open_store(str(old), create=True).close()
    with sqlite3.connect(old / "harness.db") as connection:
        assert connection.execute("SELECT count(*) FROM records WHERE head IS NULL").fetchone() == (0,)
    connection.close()


def test_what_plans_and_tables_need_of_every_record_reads_no_body(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All is there but samples, and raw values before version 6; copies with another mark read no body either."""
    open_store(str(old), create=True).close()
    monkeypatch.setattr(Store, "_body", lambda _, number: pytest.fail(f"the body of {number} is read"))
    raw = {"series", "scores", "items", "answers", "usage", "runs"}
    records = [changed(record, stale=("later",)) for record in _read(old)]

    assert [record.version for record in records] == list(range(1, VERSION + 1))
    assert {record.value("wall_s") for record in records} == {2.5}
    assert records[-1].basis["python"]
    assert records[-1].hardware
    for record, whole in zip(records, _bodies(), strict=True):
        expected = from_json(whole, RAW.__getitem__)
        names = {field.name for field in fields(Record)} - {"stale", "samples"} - (set() if record.version > 5 else raw)
        assert {name: getattr(record, name) for name in names} == {name: getattr(expected, name) for name in names}
    assert {record.stale for record in records} == {("later",)}
    assert not hasattr(records[0], "no_such_field")
    for record, name in ((records[0], "scores"), (records[-1], "samples")):
        with pytest.raises(pytest.fail.Exception, match="is read"):
            getattr(record, name)


def test_values_over_resampled_items_stay_in_the_body(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are thousands for each metric, and few tables take them."""
    metric = {"name": "bleu", "unit": "", "column": None, "higher_is_better": True, "ceiling": 100.0}
    body = json.loads(_bodies()[-1])
    open_store(str(old), create=True).close()
    for replicates in ([], [30.5, 31.5]):
        text = json.dumps(body | {"metrics": [metric | {"value": 31.0, "replicates": replicates}]})
        row, shared = record_columns.values(text)
        reader = record_columns.Reader(lambda _, text=text: text, (shared | RAW).__getitem__)
        (row,) = record_columns.parsed([(1, text, row["head"], row["basis"], row["checksum"])])
        assert "replicates" not in row[2] or not replicates
        assert reader.record(row).metrics[0]["replicates"] == replicates


def test_a_head_of_an_earlier_harness_is_enough(old: Path) -> None:
    """It had the fields with a single value, the spec, readings and the hardware; the others are read in the body."""
    open_store(str(old), create=True).close()
    expected = _read(old)
    fields_then = {field.name for field in fields(Record) if field.default_factory is MISSING} | {"spec", "inputs"}
    with sqlite3.connect(old / "harness.db") as connection:
        for number, head, body in connection.execute("SELECT number, head, body FROM records").fetchall():
            then = {name: value for name, value in json.loads(head).items() if name in {*fields_then, "readings"}}
            hardware = (json.loads(body).get("environment") or {}).get("hardware") or {}
            text = json.dumps({**then, "hardware": hardware})
            connection.execute("UPDATE records SET head = ? WHERE number = ?", (text, number))
    connection.close()

    assert _read(old) == expected
    assert [record.hardware for record in _read(old)] == [record.hardware for record in expected]


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", "{},{}", '{"id": "x"}'])
def test_a_damaged_head_leaves_one_record_out(
    damage: str, old: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Heads are parsed together: the others are read as they are."""
    open_store(str(old), create=True).close()
    expected = _read(old)
    monkeypatch.setattr("harness.damaged._reported", set())
    with sqlite3.connect(old / "harness.db") as connection:
        connection.execute("UPDATE records SET head = ? WHERE number = 3", (damage,))
    connection.close()

    assert _read(old) == [*expected[:2], *expected[3:]]
    assert "warning: record 3 of store" in capsys.readouterr().err


def test_records_share_a_basis(old: Path) -> None:
    """It is parsed once, from columns and from bodies: ten thousand records have few."""
    body = _bodies()[-1]
    with sqlite3.connect(old / "harness.db") as connection:
        row = (99, "id 99", "f" * 64, "serve", "ok", "2026-11-23", body)
        connection.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    connection.close()
    *_, left, right = _read(old)

    assert left.basis is right.basis
    open_store(str(old), create=True).close()
    *_, left, right = _read(old)
    assert left.basis is right.basis


def test_digests_of_artifacts_are_a_column(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a store of an earlier schema they are those of the bodies."""
    expected = [json.loads(body).get("artifact_digest") for body in _bodies()]
    for create in (False, True):
        store = open_store(str(old), create=create)
        assert [store.artifact_digest(f"{number:064}") for number in range(1, VERSION + 1)] == expected
        assert store.artifact_digest("f" * 64) is None
        store.close()
    assert any(expected)


def test_a_newer_record_is_refused_by_its_columns() -> None:
    """As by its body."""
    body = json.dumps(json.loads(_bodies()[-1]) | {"version": VERSION + 1})
    row, shared = record_columns.values(body)

    with pytest.raises(StoreError, match=f"version {VERSION + 1}; this harness reads up to {VERSION}"):
        record_columns.Reader({}.__getitem__, shared.__getitem__).record(
            (1, body, row["head"], row["basis"], row["checksum"], None)
        )


def test_the_state_of_a_store_changes_with_its_records_alone(old: Path) -> None:
    """Not by what a run claims, which it writes every few seconds; in a store without columns too."""
    before = open_store(str(old))
    assert before.state()[0] == VERSION
    before.close()
    store = open_store(str(old), create=True)
    states = [store.state()]
    assert store.claims.take("f" * 64)
    assert store.state() == states[0]
    store.name_data({f"{VERSION:064}": "quite another name"})
    states.append(store.state())
    store.add(from_json(_bodies()[-1], RAW.__getitem__))
    states.append(store.state())
    store.close()

    assert len(set(states)) == len(states)


def test_a_record_that_cannot_be_read_gets_no_columns(old: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """So that every reader is told; so is a body that is damaged later, and one that is changed is read."""
    with sqlite3.connect(old / "harness.db") as connection:
        connection.execute("UPDATE records SET body = '{' WHERE number = 3")
    connection.close()
    open_store(str(old), create=True).close()
    records = _read(old)

    assert len(records) == VERSION - 1
    assert f"record 3 of store {str(old)!r} is left out: its body is no JSON" in capfd.readouterr().err
    edited = json.dumps(json.loads(_bodies()[4]) | {"notes": ["by hand"], "reason": "by hand"})
    with sqlite3.connect(old / "harness.db") as connection:
        connection.execute("UPDATE records SET body = '{' WHERE number = 4")
        connection.execute("UPDATE records SET body = ? WHERE number = 5", (edited,))
    connection.close()
    records = _read(old)

    assert len(records) == VERSION - 2
    assert "record 4 of store" in capfd.readouterr().err
    assert [record.reason for record in records[2:4]] == ["by hand", None]
    assert records[2].notes == ["by hand"]
