"""Pages mark stale records: those of another definition than the installed one."""

from __future__ import annotations

import copy
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import pytest

from harness.basis import DEFINITION, definition
from harness.store import open_store, peek_records
from harness_dashboards.texts import TEXTS

WHY = {
    "en": "plugin language 0.1.0 → edited (model: harness_language.models)",
    "zh": "插件 language 0.1.0 已编辑（模型: harness_language.models）",
}
CASE = "document-classification"


@pytest.fixture
def aged(sampled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a store in which the code of the language models has changed since."""
    store = open_store(str(tmp_path / "store"), create=True)
    for record in peek_records(str(sampled)):
        basis = copy.deepcopy(record.basis)
        if "harness_language.models" in basis["sources"]["model"]:
            basis["sources"]["model"]["harness_language.models"] = "older"
            basis[DEFINITION] = definition(basis)
        store.add(replace(record, basis=basis))
    store.close()
    monkeypatch.setenv("HARNESS_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("HARNESS_PRICE_BOOK", "cloud")
    return tmp_path / "store"


def _html(app: Any) -> str:
    return " ".join(str(block.proto.body) for block in app.get("html"))


@pytest.mark.parametrize("language", ["en", pytest.param("zh", marks=pytest.mark.slow)])
@pytest.mark.parametrize("page", ["verdicts_page", "case_page"])
def test_a_verdict_on_stale_records_says_so(page: str, language: str, aged: Path, open_page: Any) -> None:
    """With the change, beside the candidate's name."""
    app = open_page(page, language)
    sentence = TEXTS[language]["stale_because"].format(what=WHY[language])

    assert escape(sentence) in _html(app)
    mark = {"en": "(stale)", "zh": "(过时)"}[language]
    assert mark in _html(app) or any(mark in str(box.options) for box in app.selectbox)


@pytest.mark.parametrize("table", ["cost", "viability"])
def test_the_origin_of_a_stale_figure_says_so_below_its_label(table: str, aged: Path, open_page: Any) -> None:
    """The label of a row has the mark alone."""
    app = open_page("origin_page")
    app.button_group(key="origin-table").set_value(table).run()
    chooser = {"cost": "origin-task-cost", "viability": "case"}[table]
    app.selectbox(key=chooser).set_value({"cost": "text-classification", "viability": CASE}[table]).run()
    labels = next(box.options for box in app.selectbox if str(box.key).startswith("origin-row-"))

    assert not app.exception
    assert escape(TEXTS["en"]["stale_because"].format(what=WHY["en"])) in _html(app)
    assert any(label.endswith(" (stale)") for label in labels)
    assert not any("→" in label for label in labels)


def test_runs_are_marked(aged: Path, open_page: Any) -> None:
    """Those of the changed models, and no others."""
    frame = open_page("runs_page").dataframe[0].value
    texts = TEXTS["en"]
    marked = frame[frame[texts["judgement"]].str.contains("Stale:", regex=False)]

    assert set(marked[texts["task"]]) == {"text-classification"}
    assert len(marked) < len(frame)


def test_fresh_records_are_not_marked(store: Path, open_page: Any) -> None:
    """Those of the store without a change."""
    assert "Stale:" not in _html(open_page("verdicts_page"))
