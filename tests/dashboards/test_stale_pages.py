"""Pages say where what they show is of another definition than what is installed."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.basis import DEFINITION, definition
from harness.store import open_store, peek_records
from harness_dashboards.texts import TEXTS

WHY = "plugin language 0.1.0 → edited (model: harness_language.models)"


@pytest.fixture
def aged(sampled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a store in which the language models were measured before their code was changed."""
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


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("page", ["verdicts_page", "case_page"])
def test_a_verdict_on_stale_records_says_so(page: str, language: str, aged: Path, open_page: Any) -> None:
    """With what was changed, beside the candidate's name."""
    app = open_page(page, language)
    said = TEXTS[language]["stale_because"].format(what=WHY)

    assert said.replace(">", "&gt;") in _html(app) or said in _html(app)
    assert "(stale)" in _html(app) or any("(stale)" in str(box.options) for box in app.selectbox)


def test_runs_are_marked(aged: Path, open_page: Any) -> None:
    """Those of the changed models, in the column of judgements; others are not."""
    frame = open_page("runs_page").dataframe[0].value
    texts = TEXTS["en"]
    marked = frame[frame[texts["judgement"]].str.contains("Stale:", regex=False)]

    assert set(marked[texts["task"]]) == {"text-classification"}
    assert len(marked) < len(frame)


def test_what_is_not_changed_is_not_marked(store: Path, open_page: Any) -> None:
    """The store as it was measured."""
    assert "Stale:" not in _html(open_page("verdicts_page"))
