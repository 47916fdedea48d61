"""Pages of a store with a sweep of arrival rates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.store import open_store, peek_records
from harness_dashboards.texts import TEXTS


@pytest.fixture
def swept(sampled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the walk's store with one of its servings under load, at 1 and at 2 requests a second."""
    store = open_store(str(tmp_path / "store"), create=True)
    records = peek_records(str(sampled))
    for record in records:
        store.add(record)
    base = next(record for record in records if record.step == "serve" and record.outcome == "ok")
    names = [f"Server {rate}/s" for rate in (1, 2)]
    about = [{"name": name, "scenario": "Server", "rate_per_s": float(rate), "in_flight": None, "valid": True}
             for rate, name in enumerate(names, 1)]  # fmt: skip
    spec = {**base.spec, "scenario": "Server", "batch_size": 8}
    runs = {name: _run(rate) for rate, name in enumerate(names, 1)}
    more = {"id": "load", "fingerprint": "load" * 16, "spec": spec, "used": {"runs": about}, "runs": runs}
    store.add(replace(base, **more))
    store.close()
    monkeypatch.setenv("HARNESS_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("HARNESS_PRICE_BOOK", "cloud")
    return tmp_path / "store"


def _run(rate: int) -> dict[str, list[Any]]:
    start = [place / rate for place in range(50)]
    columns: dict[str, Any] = {"attempts": 1, "failure": None, "batch": 1, "streamed": False, "output_tokens": None}
    columns |= {"input_tokens": None, "cached_tokens": None}
    return {"scheduled_s": start, "sent_s": start, "chunks_s": [[second + 0.1] for second in start],
            **{name: [value] * 50 for name, value in columns.items()}}  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_of_runs_shows_the_curve(swept: Path, open_page: Any, language: str) -> None:
    """With its table, under its heading; without load there is none."""
    app = open_page("runs_page", language)

    assert TEXTS[language]["of_load"] in [each.value for each in app.subheader]
    assert len(app.get("plotly_chart")) == 1
    assert any(set(table.value.get("run", table.value.get("运行", ()))) == {"Server 1/s", "Server 2/s"}
               for table in app.dataframe)  # fmt: skip


def test_a_store_without_load_has_no_curve(store: Path, open_page: Any) -> None:
    """The page is as before."""
    assert not open_page("runs_page").get("plotly_chart")


def test_a_figure_under_load_has_its_origin(swept: Path, open_page: Any) -> None:
    """The table is offered, at its first figure."""
    app = open_page("origin_page")
    app.button_group(key="origin-table").set_value("load").run()

    assert not app.exception
    assert "answers_per_s" in " ".join(str(block.proto.body) for block in app.get("html"))


@pytest.mark.slow
def test_the_other_pages_open(swept: Path, open_page: Any) -> None:
    """Verdicts, use case and cost."""
    for page in ("verdicts_page", "case_page", "cost_page"):
        open_page(page)
