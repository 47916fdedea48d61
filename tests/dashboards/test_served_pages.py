"""Pages over a store with a served model: paid by the call, or by the hour of a machine that the reader names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness_dashboards.texts import TEXTS

if TYPE_CHECKING:
    from harness.records import Record

MODEL = "openai:gpt-4o-mini"
PAGES = ("verdicts_page", "case_page", "cost_page", "compare_page", "origin_page", "runs_page", "plan_page")
REMOTE = {"name": "remote", "device_name": "behind an endpoint", "price_item": None, "price_quantity": 1}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store of `quick` and, of each of its evaluations of tf-idf, one of a served model with its answers."""
    from harness.store import open_store
    from tests.dashboards.conftest import _measured

    folder = tmp_path_factory.mktemp("served")
    store = open_store(str(folder / "store"), create=True)
    records = _measured(folder)
    for record in records:
        store.add(record)
    for record in records:
        if record.step == "evaluate" and record.metrics and record.spec["model"] == "tfidf":
            store.add(_of_endpoint(record))
    store.close()
    return folder / "store"


def _of_endpoint(record: Record) -> Record:
    spec = {**record.spec, "model": MODEL, "runtime": "http", "hardware": "remote", "precision": "as served",
            "start": "as-is", "size": "default", "access": {"base_url": "https://api.openai.com/v1"}}  # fmt: skip
    scores = {name: list(values) * 8 for name, values in record.scores.items()}
    count = len(next(iter(scores.values())))
    usage = {"input_tokens": [900] * count, "cached_tokens": [None] * count, "output_tokens": [20, 40] * (count // 2),
             "attempts": [1] * count, "latency_s": [0.2] * count}  # fmt: skip
    usage["output_tokens"] += [20] * (count % 2)
    return replace(
        record, id=f"{record.id}-served", fingerprint=f"served{record.fingerprint[6:]}", spec=spec, scores=scores,
        inputs={}, usage={"test": usage}, items={}, answers={}, metrics=record.metrics[:1],
        environment={**record.environment, "hardware": REMOTE},
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _shown(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_STORE", str(served))
    monkeypatch.setenv("HARNESS_PRICE_BOOK", "cloud")


def _text(app: Any) -> str:
    return " ".join(str(block.proto.body) for block in app.get("html"))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens(page: str, language: str, open_page: Any) -> None:
    """In both languages."""
    assert len(open_page(page, language).main) > 1


def test_a_served_model_has_its_verdict(open_page: Any) -> None:
    """On the page of the use case, with a net present value, its charts and its alternatives."""
    app = open_page("case_page")
    select = next(box for box in app.selectbox if box.label == TEXTS["en"]["candidate"])
    place = next(number for number, option in enumerate(select.options) if MODEL in option and number)
    select.select_index(place).run()

    assert not app.exception
    assert "not enough evidence" not in select.options[place]
    assert "USD" in select.options[place]
    assert len(app.get("plotly_chart")) >= 3


def test_a_machine_that_the_reader_names_prices_it(open_page: Any) -> None:
    """It is said to be assumed, and the reset takes it back."""
    texts = TEXTS["en"]
    app = open_page("cost_page")
    before = _cost(app)
    app.selectbox(key=f"machine-{MODEL}").select("CPU").run()
    units = app.number_input(key=f"units-{MODEL}")
    units.set_value(4.0).run()

    assert not app.exception
    assert texts["machine_assumed"] in _text(app)
    assert _cost(app) != before, "it was not served, so an hour of the machine has no rate"
    app.sidebar.button[0].click().run()
    assert app.selectbox(key=f"machine-{MODEL}").value == ""
    assert _cost(app) == before


def _cost(app: Any) -> str:
    texts, frames = TEXTS["en"], [each.value for each in app.dataframe]
    frame = next(frame for frame in frames if MODEL in set(frame[texts["column_model"]]))
    return str(frame[frame[texts["column_model"]] == MODEL][texts["column_usd_per_1k_inferences"]].iloc[0])
