"""The command line, the page of runs and the report count the same failed steps."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.plugins import load_plugins
from harness.records import failed, is_failure
from harness.store import open_store, peek_records
from harness_dashboards.texts import TEXTS
from harness_reports.prices.pricing import choose
from harness_reports.show.report import html


@pytest.fixture
def tried_again(walked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the walk's store, in which every failed step failed before, and every measured one too."""
    store = open_store(str(tmp_path / "store"), create=True)
    for record in peek_records(str(walked / "store")):
        store.add(
            replace(record, id=f"{record.id[:-1]}x", outcome="timed out", reason="limit of 987 s reached", readings={})
        )
        store.add(record)
    store.close()
    monkeypatch.setenv("HARNESS_STORE", str(tmp_path / "store"))
    return tmp_path / "store"


def test_all_say_the_same_number(walked: Path, tried_again: Path, open_page: Any) -> None:
    """Steps are counted, not attempts; what was done since is no failure."""
    records = peek_records(str(tried_again))
    printed = re.search(r"Done: (\d+) failed", (walked / "output").read_text(encoding="utf-8"))
    page = open_page("runs_page")
    shown = {metric.label: metric.value for metric in page.metric}
    memo = html(records, choose(load_plugins().price_books()["cloud"]), [])

    assert printed is not None
    count = int(printed[1])
    assert count == len(failed(records)) == 1
    assert len([record for record in records if is_failure(record.outcome)]) > 2 * count
    assert shown[TEXTS["en"]["failed"]] == str(count)
    assert len([box for box in page.expander if "broken" in box.label]) == count
    assert f"{count} failed" in memo
    assert "limit of 987 s" not in memo
