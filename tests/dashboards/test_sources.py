"""What tells the pages that a store has changed."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from pathlib import Path

from harness.place import DATABASE
from harness.store import open_store
from harness_dashboards.sources import _changed, _written
from tests.dashboards.conftest import MEASURED


def test_a_log_that_comes_and_goes_is_no_error(tmp_path: Path) -> None:
    """SQLite removes its log when the last connection closes, which may be while we look."""
    (tmp_path / DATABASE).write_bytes(b"pages")
    log, done = tmp_path / f"{DATABASE}-wal", threading.Event()

    def flicker() -> None:
        while not done.is_set():
            log.write_bytes(b"")
            log.unlink()

    other = threading.Thread(target=flicker)
    other.start()
    try:
        seen = {_written(str(tmp_path)) for _ in range(5000)}
    finally:
        done.set()
        other.join()

    assert seen == {((tmp_path / DATABASE).stat().st_mtime,)}


def test_reading_changes_nothing_and_writing_does(tmp_path: Path) -> None:
    """Raw values are read later than the rest, by a connection of their own."""
    store = shutil.copytree(MEASURED, tmp_path / "store")
    open_store(str(store), create=True).close()  # makes the tables that the sample lacks
    before = _changed(str(store))
    opened = open_store(str(store))
    records = opened.records()
    assert any(record.scores for record in records)
    assert _changed(str(store)) == before

    assert opened.claims.take("f" * 64)  # as a run does, which goes on writing that it is alive
    opened.claims.free("f" * 64)
    assert _changed(str(store)) == before
    opened.add(replace(records[0], id="another", fingerprint="another"))
    written = _changed(str(store))
    opened.close()

    assert before != written
    assert before != _changed(str(store))
