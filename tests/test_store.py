"""The store: records are read as they were written, one result each; bad places raise before any measurement."""

from __future__ import annotations

import json
import math
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import StoreError
from harness.records import RAW, VERSION, Record, from_json, to_json
from harness.seams import Reading
from harness.store import NEEDED_BYTES, open_store, peek, peek_records

SAMPLES = Path(__file__).with_name("records")
RECORD = Record(
    id="id-1",
    fingerprint="f" * 64,
    step="serve",
    outcome="ok",
    spec={
        **dict.fromkeys(("task", "size", "hardware", "runtime", "scenario"), "x"),
        "model": "m",
        "seed": 0,
        "settings": {},
        "load": {},
        "batch_size": 1,
    },
    inputs={"trained": "e" * 64},
    started_at="2026-11-23T10:00:00+00:00",
    environment={},
)

USAGE = {"input_tokens": [12, 9], "output_tokens": [1, None], "why": [None, "cut off"]}
CHUNKS = {"ClosedLoop 2": [[0.06, 0.08], []]}
texts = st.text(max_size=8)
numbers = st.floats(allow_nan=False, allow_infinity=False)
records = st.builds(
    Record,
    id=texts,
    fingerprint=texts,
    step=st.sampled_from(["pretrain", "serve"]),
    outcome=st.sampled_from(["ok", "failed"]),
    spec=st.dictionaries(texts, st.none() | st.integers() | numbers | texts),
    inputs=st.dictionaries(texts, texts),
    started_at=texts,
    environment=st.dictionaries(texts, texts),
    readings=st.dictionaries(texts, st.builds(Reading, numbers, texts)),
    series=st.dictionaries(texts, st.lists(numbers, max_size=3)),
    scores=st.dictionaries(texts, st.lists(numbers, max_size=3)),
    items=st.dictionaries(texts, st.dictionaries(texts, st.lists(texts | numbers, max_size=3))),
    answers=st.dictionaries(texts, st.dictionaries(texts, st.lists(texts | numbers, max_size=3))),
    usage=st.dictionaries(
        texts, st.dictionaries(texts, st.lists(st.none() | st.integers() | texts | numbers, max_size=3))
    ),
    runs=st.dictionaries(texts, st.just({"chunks_s": [[0.06, 0.08], []], "failure": [None, "http 500"]}), max_size=2),
    artifact_digest=st.none() | texts,
    notes=st.lists(texts, max_size=2),
)


@given(record=records)
def test_a_record_survives_json(record: Record) -> None:
    """What is written is what is read."""
    body, raw = to_json(record)

    assert from_json(body, raw.__getitem__) == record
    assert not {*json.loads(body)} & {*RAW}


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_every_version_loads_for_ever(version: int) -> None:
    """`tests/records` has a sample of each version."""
    raw = {file.stem: file.read_text(encoding="utf-8") for file in SAMPLES.glob("raw/*.json")}
    record = from_json((SAMPLES / f"v{version}.json").read_text(encoding="utf-8"), raw.__getitem__)

    assert record.version == version
    assert record.value("wall_s") == 2.5
    assert record.value("energy_j") is None
    assert record.readings["wall_s"].unit == "s"
    assert record.scores == {"correct": [1.0, 0.0]}
    assert record.artifact_digest == (None if version < 10 else "e" * 64)
    assert record.ended_at == (None if version < 11 else "2026-11-28T03:20:02.750+00:00")
    assert record.usage.get("test", {}) == ({} if version < 7 else USAGE)
    assert {name: run["chunks_s"] for name, run in record.runs.items()} == ({} if version < 8 else CHUNKS)


def test_a_record_of_tomorrow_is_refused() -> None:
    """A newer harness's record is refused, not read in part."""
    body = json.loads(to_json(RECORD)[0]) | {"version": VERSION + 1}
    with pytest.raises(StoreError, match="Upgrade viability-harness"):
        from_json(json.dumps(body), {}.__getitem__)


@pytest.mark.parametrize(
    "name", ["sp ace", "结果", "a#b", "100%25", "what?", "q?timeout=1", "a%41", "[/red]", "~", "x.", "ab/c://d"]
)
def test_any_folder_can_be_a_store(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """URL characters in a folder's name have no meaning, and the folder does not move."""
    monkeypatch.chdir(tmp_path)
    store = open_store(name, create=True)
    monkeypatch.chdir("/")
    store.add(RECORD)
    store.close()

    assert (tmp_path / name / "harness.db").is_file()
    assert store.label == name
    assert peek_records(str(tmp_path / name)) == [RECORD]


def test_one_result_for_each_step(tmp_path: Path) -> None:
    """A second final record of a step is refused; all failed attempts are kept."""
    store = open_store(str(tmp_path), create=True)
    failed = replace(RECORD, outcome="failed", reason="fell over")

    assert store.add(replace(failed, id="1"))
    assert store.add(replace(failed, id="2"))
    assert store.add(replace(RECORD, id="3"))
    assert not store.add(replace(RECORD, id="4"))
    assert [record.id for record in store.records()] == ["1", "2", "3"]
    assert store.finished() == {RECORD.fingerprint: "ok"}
    store.close()


def test_data_of_finished_steps_get_another_name(tmp_path: Path) -> None:
    """Only the name in the record changes; failed attempts and other steps are unchanged."""
    store = open_store(str(tmp_path), create=True)
    named = replace(RECORD, spec={**RECORD.spec, "data": "mine"}, series={"loss": [0.1]})
    other = replace(named, id="3", fingerprint="e" * 64)
    for record in (replace(named, id="1", outcome="failed"), replace(named, id="2"), other):
        store.add(record)

    assert store.name_data({RECORD.fingerprint: "reviews"}) == 1
    assert store.name_data({RECORD.fingerprint: "reviews"}) == 0
    failed, done, left = store.records()
    store.close()
    assert (failed.spec["data"], done.spec["data"]) == ("mine", "reviews")
    assert (replace(done, spec=named.spec), left) == (replace(named, id="2"), other)


def test_a_folder_and_a_url_are_the_same_store(tmp_path: Path) -> None:
    """Records written through one are read through the other."""
    store = open_store(str(tmp_path), create=True)
    store.add(replace(RECORD, series={"loss": [1.0, 0.5]}))
    store.close()
    again = open_store(f"sqlite:///{tmp_path / 'harness.db'}")

    assert again.records()[0].series["loss"] == [1.0, 0.5]
    again.close()


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_bodies_are_strict_json_and_early_ones_load(number: float) -> None:
    """Non-finite numbers are not written; those of an earlier harness are read."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json(replace(RECORD, series={"loss": [number]}))
    early = (SAMPLES / "v5.json").read_text(encoding="utf-8").replace("0.2\n", f"{json.dumps(number)}\n")

    assert str(from_json(early, {}.__getitem__).series["latency_s"][1]) == str(number)


def test_looking_makes_nothing(tmp_path: Path) -> None:
    """Reading does not create a store."""
    nowhere = str(tmp_path / "none")

    assert peek(nowhere) == {}
    assert peek_records(nowhere) == []
    with pytest.raises(StoreError, match="There is no store"):
        open_store(nowhere)
    assert list(tmp_path.iterdir()) == []


def test_a_newer_store_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    """The version is checked before anything is written."""
    open_store(str(tmp_path), create=True).close()
    file = tmp_path / "harness.db"
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE meta SET schema = 99")
    connection.close()
    before = file.read_bytes()
    with pytest.raises(StoreError, match="version 99; this harness reads up to 4"):
        open_store(str(tmp_path), create=True)

    assert file.read_bytes() == before


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file with the folder's name, and a read-only folder."""
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(StoreError, match=r"'.*file' is a file"):
        open_store(str(tmp_path / "file" / "store"), create=True)
    with pytest.raises(StoreError, match=r"cannot be made|may not be written"):
        open_store("/proc/harness-results", create=True)


def test_a_full_disk_is_told_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated: the system reports little free space."""
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("harness.store.shutil.disk_usage", lambda _: usage._replace(free=NEEDED_BYTES - 1))
    with pytest.raises(StoreError, match=r"the disk is full: \d+ MiB free, 256 needed"):
        open_store(str(tmp_path / "store"), create=True)

    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_later_is_a_store_error(tmp_path: Path) -> None:
    """SQLite runs full: the message says what to do, and earlier records remain."""
    store = open_store(str(tmp_path), create=True)
    store.add(RECORD)
    with store._engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 10")
        store._engine.dispose = lambda: None  # type: ignore[method-assign]
        connection.commit()
    big = replace(RECORD, id="2", fingerprint="a" * 64, series={"x": [math.sqrt(number) for number in range(50_000)]})
    with pytest.raises(StoreError, match=r"full.*finished steps are kept"):
        store.add(big)

    assert [record.id for record in store.records()] == ["id-1"]
    del store._engine.dispose
    store.close()


def test_a_password_is_not_shown() -> None:
    """A database that cannot be reached is named without its password."""
    with pytest.raises(StoreError) as caught:
        open_store("postgresql+psycopg://me:secret@127.0.0.1:1/db", create=True)

    assert "secret" not in str(caught.value)


def test_nonsense_for_a_url_is_bad_input() -> None:
    """An unknown scheme is an error message, not a traceback."""
    with pytest.raises(StoreError, match="no such kind of database is known"):
        open_store("nosuchdb://x", create=True)


def test_raw_values_are_kept_once_and_read_when_they_are_looked_into(tmp_path: Path) -> None:
    """Bodies are without them; the items of two records are the same row; one that is lost is told."""
    store = open_store(str(tmp_path), create=True)
    items = {"test": {"input": ["a", "b"], "reference": ["x", "y"]}}
    first = replace(RECORD, items=items, scores={"correct": [1.0, 0.0]})
    second = replace(first, id="2", fingerprint="a" * 64, scores={"correct": [0.0, 0.0]})
    store.add(first)
    store.add(second)
    read = store.records()
    store.close()
    with sqlite3.connect(tmp_path / "harness.db") as connection:
        bodies = [json.loads(body) for (body,) in connection.execute("SELECT body FROM records")]
        count = connection.execute("SELECT count(*) FROM raw").fetchone()[0]
        connection.execute("DELETE FROM raw")
    connection.close()

    assert count == 3
    assert all(set(body["raw"]) == {"items", "scores"} and not {*body} & {*RAW} for body in bodies)
    with pytest.raises(StoreError, match="lacks raw values"):
        len(read[0].scores)


def test_a_store_of_version_1_is_read_and_then_written(tmp_path: Path) -> None:
    """Its records keep their raw values in their bodies; new ones lie beside them."""
    open_store(str(tmp_path), create=True).close()
    old = (SAMPLES / "v5.json").read_text(encoding="utf-8")
    values = ("old", "a" * 64, "evaluate", "ok", "2026-11-23", old)
    with sqlite3.connect(tmp_path / "harness.db") as connection:
        connection.execute("DROP TABLE raw")
        connection.execute("UPDATE meta SET schema = 1")
        connection.execute(
            "INSERT INTO records (id, fingerprint, step, outcome, started_at, body) VALUES (?, ?, ?, ?, ?, ?)", values
        )
    connection.close()
    before = peek_records(str(tmp_path))
    store = open_store(str(tmp_path), create=True)
    store.add(replace(RECORD, series={"loss": [0.5]}))
    records = store.records()
    store.close()

    assert [record.series for record in before] == [{"latency_s": [0.1, 0.2]}]
    assert [record.series for record in records] == [{"latency_s": [0.1, 0.2]}, {"loss": [0.5]}]
