"""The pages of costs and of runs, compared with the tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest

from harness.plan import StepKind
from harness.plugins import load_plugins
from harness.records import Outcome
from harness.store import peek_records
from harness_dashboards.parts import plain
from harness_dashboards.texts import LANGUAGES, TEXTS
from harness_reports import cells
from harness_reports.prices.frontier import frontier
from harness_reports.prices.pricing import UTILISATION, choose


@pytest.fixture
def app(store: Path, open_page: Any) -> Any:
    """Open the page of costs."""
    return open_page("cost_page")


def _candidates(app: Any, place: int) -> list[str]:
    return list(app.dataframe[place].value[TEXTS["en"]["column_usd_per_1k_inferences"]])


def test_every_task_has_its_candidates(app: Any, store: Path) -> None:
    """A tab for each task, with the frontier's rows and figures."""
    frame = frontier(peek_records(str(store)), choose(load_plugins().price_books()["cloud"]))

    tasks = list(dict.fromkeys(frame["task"]))
    assert [tab.label for tab in app.tabs] == [plain(task) for task in tasks]
    for place, task in enumerate(tasks):
        of_task = frame[frame["task"] == task]
        assert _candidates(app, place) == [cells.cell(cells.plain(usd)) for usd in of_task["usd_per_1k_inferences"]]


def test_the_utilisation_begins_at_the_default_of_the_command_line(app: Any) -> None:
    """And is marked as assumed."""
    assert app.slider(key="utilisation").value == 100 * UTILISATION < 100
    assert any(TEXTS["en"]["utilisation_assumed"] in str(block.proto.body) for block in app.get("html"))


def test_prices_move_the_costs_and_reset_brings_them_back(app: Any) -> None:
    """Three times the price is three times the cost."""
    before = _candidates(app, 0)
    app.slider(key="multiplier").set_value(3.0).run()
    tripled = _candidates(app, 0)
    app.sidebar.button[0].click().run()

    assert not app.exception
    priced = [(float(a), float(b)) for a, b in zip(before, tripled, strict=True) if a != cells.MISSING]
    assert priced
    assert all(b == pytest.approx(3 * a, rel=1e-2) for a, b in priced)
    assert _candidates(app, 0) == before


def test_filters_leave_the_selection(app: Any) -> None:
    """One use case, one runtime."""
    app.multiselect(key="use_cases").set_value(["game-agent"]).run()
    app.multiselect(key="runtime").set_value(["onnxruntime"]).run()

    assert not app.exception
    assert [tab.label for tab in app.tabs] == [plain("CartPole-v1")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_has_both_languages(store: Path, open_page: Any, language: str) -> None:
    """Title, and headings and cells of tables."""
    app = open_page("cost_page", language)

    assert app.title[0].value == TEXTS[language]["cost_title"]
    assert TEXTS[language]["column_against_baseline"] in app.dataframe[0].value
    assert TEXTS[language]["cell_is the baseline"] in app.dataframe[0].value.to_numpy()
    same = next(str(block.proto.body) for block in app.get("html") if TEXTS[language]["same"] in str(block.proto.body))
    assert ("硬件 cpu" if language == "zh" else "hardware cpu") in same


# Runs ---------------------------------------------------------------------------------------------------------


def _of_a_run(open_page: Any, store: Path) -> tuple[Any, Any]:
    """Open the page of runs at the evaluation with samples."""
    opened = open_page("runs_page")
    run = next(record for record in peek_records(str(store)) if record.samples)
    opened.selectbox[0].set_value(run.id).run()
    assert not opened.exception
    return opened, run


@pytest.mark.parametrize("language", LANGUAGES)
def test_runs_are_judged_at_the_left_of_their_table(store: Path, open_page: Any, language: str) -> None:
    """Below its heading; outcomes and steps are in the page's language."""
    opened, texts = open_page("runs_page", language), TEXTS[language]
    table = opened.dataframe[0].value

    assert texts["runs_page"] in [heading.value for heading in opened.subheader]
    assert list(table)[:4] == [texts[name] for name in ("step", "model", "outcome", "judgement")]
    assert set(table[texts["step"]]) <= {texts[f"cell_{name}"] for name in get_args(StepKind)}
    assert set(table[texts["outcome"]]) <= {texts[f"cell_{name}"] for name in get_args(Outcome)}


def test_samples_of_an_evaluation_are_shown(store: Path, open_page: Any) -> None:
    """Pictures and texts of the selected run; a hostile caption is escaped."""
    opened, _ = _of_a_run(open_page, store)

    assert any("<b>second</b>" in code.value for code in opened.code)
    assert r"\*four\* \<img src=x onerror=alert\(1\)\>" in [caption.value for caption in opened.caption]
    assert len(opened.get("image")) == 1


def test_every_metric_of_an_evaluation_is_shown(store: Path, open_page: Any) -> None:
    """The deciding one first, each with its direction."""
    opened, run = _of_a_run(open_page, store)
    table = opened.dataframe[-1].value

    assert list(table["Metric"]) == [metric["name"] for metric in run.metrics]
    assert list(table["Better is"]) == ["higher" if metric["higher_is_better"] else "lower" for metric in run.metrics]
    assert set(table["Better is"]) == {"higher", "lower"}
