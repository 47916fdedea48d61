"""The pages show what the functions say, and a slider reprices without measuring."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import harness_dashboards
from harness.plugins import load_plugins
from harness.store import peek_records
from harness_dashboards.texts import TEXTS
from harness_reports.market import read_market
from harness_reports.pricing import choose
from harness_reports.viability import viability

APP = Path(harness_dashboards.__file__).with_name("app.py")


@pytest.fixture
def app(walked: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Open the dashboard on the store of a real run."""
    monkeypatch.setenv("HARNESS_STORE", str(walked / "store"))
    monkeypatch.setenv("HARNESS_PRICE_BOOK", "cloud")
    opened = AppTest.from_file(str(APP), default_timeout=60).run()
    assert not opened.exception
    return opened


def _metric(app: Any, label: str) -> list[str]:
    return [metric.value for metric in app.metric if metric.label == label]


def test_the_first_page_has_verdicts_and_candidates(app: Any) -> None:
    """One card for each use case that was measured, with margin, break-even and net present value."""
    page = " ".join(str(block.proto.body) for block in app.get("html"))

    assert len(_metric(app, "NPV, USD")) == 2
    assert "Filing technical documents" in page
    assert "Opponents that play well" in page
    assert sorted(tab.label for tab in app.tabs) == ["cartpole", "topics"]


def test_volume_moves_the_net_present_value_as_the_function_says(app: Any, walked: Path) -> None:
    """The card shows what `viability` gives for the same assumption."""
    before = _metric(app, "NPV, USD")
    app.select_slider(key="volume").set_value(10.0).run()
    after = _metric(app, "NPV, USD")
    plugins = load_plugins()
    case = plugins.use_cases()["game-agent"]
    demand = {"requests_per_year": read_market(case, {}).requests_per_year * 10}
    frame = viability(peek_records(str(walked / "store")), choose(plugins.price_books()["cloud"]), [case], demand)

    assert not app.exception
    assert before != after
    assert len(frame) > 0


def test_prices_move_and_reset_brings_them_back(app: Any) -> None:
    """Three times the price is another margin; reset is the first one again."""
    before = _metric(app, "Serving $/M")
    app.slider(key="utilisation").set_value(5).run()
    app.slider(key="multiplier").set_value(3.0).run()
    dear = _metric(app, "Serving $/M")
    app.sidebar.button[0].click().run()

    assert not app.exception
    assert dear != before
    assert _metric(app, "Serving $/M") == before


def test_filters_leave_what_was_chosen(app: Any) -> None:
    """One use case, one runtime."""
    app.multiselect(key="use_cases").set_value(["game-agent"]).run()
    app.multiselect(key="runtime").set_value(["onnxruntime"]).run()

    assert not app.exception
    assert [tab.label for tab in app.tabs] == ["cartpole"]


def test_it_speaks_chinese(app: Any) -> None:
    """The switch changes every text of the page."""
    app.button_group(key="language").set_value("zh").run()

    assert not app.exception
    assert app.title[0].value == TEXTS["zh"]["cost_title"]


def test_a_missing_store_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not a traceback."""
    monkeypatch.setenv("HARNESS_STORE", str(tmp_path))
    opened = AppTest.from_file(str(APP), default_timeout=60).run()

    assert not opened.exception
    assert "There is no store" in opened.error[0].value


def _runs() -> None:
    """Stand for the page's own script: a page of `st.navigation` cannot be opened by its name."""
    from harness_dashboards import runs_page
    from harness_dashboards.texts import TEXTS

    runs_page.show(TEXTS["en"])


def test_samples_of_an_evaluation_are_shown(sampled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures and texts of the run that was chosen; a hostile caption is text."""
    monkeypatch.setenv("HARNESS_STORE", str(sampled))
    opened = AppTest.from_function(_runs, default_timeout=60).run()
    run = next(record for record in peek_records(str(sampled)) if record.samples)
    opened.selectbox[0].set_value(run.id).run()

    assert not opened.exception
    assert any("<b>second</b>" in code.value for code in opened.code)
    assert r"\*four\* \<img src=x onerror=alert\(1\)\>" in [caption.value for caption in opened.caption]
    assert len(opened.get("image")) == 1


def test_every_metric_of_an_evaluation_is_shown(sampled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deciding one first, each with its direction."""
    monkeypatch.setenv("HARNESS_STORE", str(sampled))
    opened = AppTest.from_function(_runs, default_timeout=60).run()
    run = next(record for record in peek_records(str(sampled)) if record.samples)
    opened.selectbox[0].set_value(run.id).run()
    table = opened.dataframe[-1].value

    assert list(table["Metric"]) == [run.metrics[0]["name"], "misses"]
    assert list(table["Better is"]) == ["higher", "lower"]
