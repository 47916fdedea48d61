"""The page that compares candidates, against the functions that it shows."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import pytest

from harness.plugins import load_plugins
from harness.store import open_store, peek_records
from harness_dashboards import compare_page
from harness_dashboards.texts import TEXTS
from harness_reports.cells import cell, rows
from harness_reports.measured.answers import answers, chosen, outcomes
from harness_reports.prices.compared import compared
from harness_reports.prices.pricing import choose
from harness_reports.reasons import speaking
from tests.dashboards.conftest import HOSTILE

TASK = "text-classification"
PLACE = f"{TASK}: scipy-docstrings"
EN = TEXTS["en"]


@pytest.fixture
def app(store: Path, open_page: Any) -> Any:
    """Open the page on the texts."""
    app = open_page("compare_page")
    return app.selectbox(key="compare-task").select(PLACE).run()


def wanted(store: Path, **wishes: Any) -> list[dict[str, Any]]:
    """Return the rows that the page has to show."""
    pricing = choose(load_plugins().price_books()["cloud"])
    return rows(compared(peek_records(str(store)), ["tfidf", "mlp"], pricing, task=TASK, **wishes))


def names_of(app: Any) -> tuple[str, list[str]]:
    """Return the reference and the candidates that are selected."""
    reference = next(box for box in app.selectbox if box.label == EN["compare_reference"])
    return str(reference.value), list(app.multiselect[0].value)


def test_the_baseline_is_the_reference_at_first(app: Any) -> None:
    """And all others are compared with it."""
    assert names_of(app) == ("tfidf", ["mlp"])


def test_the_table_is_that_of_the_function(app: Any, store: Path) -> None:
    """Figure by figure, with the chart above it."""
    table, expected = app.dataframe[0].value, wanted(store)

    assert len(app.get("plotly_chart")) == 1
    assert list(table[EN["column_metric"]]) == [EN.get(f"cell_{row['metric']}", row["metric"]) for row in expected]
    for column in ("difference", "ratio", "low", "high", "p_corrected"):
        assert list(table[EN[f"column_{column}"]]) == [cell(row[column]) for row in expected]


def test_what_is_missing_is_said_below_the_table(app: Any, store: Path) -> None:
    """Each note once: too few latencies, an estimated energy."""
    notes = {row["note"] for row in wanted(store) if row["note"] is not None}
    text = [str(block.proto.body) for block in app.get("html")]

    assert notes
    for note in notes:
        assert sum(escape(note) in part for part in text) == 1
    assert any(each.label == EN["compare_notes"].format(count=len(notes)) for each in app.expander)


def test_prices_and_the_margin_are_the_readers(app: Any, store: Path) -> None:
    """Twice the price, the same ratio; the margin is in the table and in the chart."""
    before = app.dataframe[0].value
    app.slider(key="multiplier").set_value(2.0)
    app.number_input(key="compare-margin").set_value(0.5).run()
    after = app.dataframe[0].value
    value, ratio = EN["column_value"], EN["column_ratio"]

    assert not app.exception
    assert float(after[value][1]) == pytest.approx(2 * float(before[value][1]), rel=1e-3)
    assert after[ratio][1] == before[ratio][1]
    assert EN["column_within_margin"] not in before
    assert (
        after[EN["column_within_margin"]][0]
        == {True: EN["cell_yes"], False: EN["cell_no"]}[wanted(store, margin=0.5)[0]["within_margin"]]
    )


def test_the_other_way_round(app: Any) -> None:
    """Another reference has the others as candidates."""
    app.selectbox(key=f"reference-{PLACE}").select("mlp").run()

    assert not app.exception
    assert names_of(app) == ("mlp", ["tfidf"])


@pytest.mark.parametrize("outcome", [None, "both right", "both wrong", "reference only", "candidate only"])
def test_answers_are_those_of_the_filter(app: Any, store: Path, outcome: str | None) -> None:
    """Their number, their places, and the first of them in full; or that there are none."""
    frame = answers(peek_records(str(store)), ["tfidf", "mlp"], task=TASK)
    expected, counts = chosen(frame, outcome), outcomes(frame)
    if outcome is not None:
        app.button_group(key=f"outcome-{'-'.join([compare_page.ALL, *counts])}").set_value(outcome).run()
    text = " ".join(str(block.proto.body) for block in app.get("html"))

    assert not app.exception
    assert EN["answers_count"].format(count=f"{len(expected):,}", all=f"{len(frame):,}") in text
    assert (f"{counts[outcome]}" if outcome else str(len(frame))) == str(len(expected))
    if len(expected):
        assert app.dataframe[1].value[EN["column_place"]].tolist() == [cell(place) for place in expected["place"]]
        assert f"<pre dir='auto'>{escape(expected['input'][0])}</pre>" in text
    else:
        assert len(app.dataframe) == 1


def test_a_search_finds_texts(app: Any, store: Path) -> None:
    """In inputs and answers; one that finds nothing leaves no table."""
    frame = answers(peek_records(str(store)), ["tfidf", "mlp"], task=TASK)
    app.text_input(key="answers-search").set_value("MATRIX").run()
    few = app.dataframe[1].value
    app.text_input(key="answers-search").set_value("no such text at all").run()

    assert len(few) == len(chosen(frame, None, "matrix"))
    assert 0 < len(few) < len(frame)
    assert len(app.dataframe) == 1


def test_another_item_is_read(app: Any, store: Path) -> None:
    """With the right answer and those of both."""
    frame = answers(peek_records(str(store)), ["tfidf", "mlp"], task=TASK)
    app.selectbox(key="answers-place").select(7).run()
    text = " ".join(str(block.proto.body) for block in app.get("html"))

    assert not app.exception
    for column in ("input", "target", "reference_output", "output"):
        assert f"<pre dir='auto'>{escape(frame[column][7])}</pre>" in text


def test_the_page_is_in_chinese(store: Path, open_page: Any) -> None:
    """Headings, results and notes; names of candidates stay."""
    app = open_page("compare_page", "zh")
    texts, table = TEXTS["zh"], app.dataframe[0].value
    with speaking("zh"):
        note = wanted(store)[0]["stale"]

    assert app.title[0].value == texts["compare_title"]
    assert texts["column_ratio"] in table
    assert set(table[texts["column_result"]]) <= {
        *(texts[f"cell_{name}"] for name in ("better", "worse", "lower", "higher", "no significant difference")), "–",
    }  # fmt: skip
    assert note is None or note in " ".join(str(block.proto.body) for block in app.get("html"))


def test_a_store_with_one_candidate_compares_nothing(
    sampled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_page: Any
) -> None:
    """It says what to run."""
    one = open_store(str(tmp_path / "store"), create=True)
    for record in peek_records(str(sampled)):
        if record.spec["model"] == "tfidf":
            one.add(record)
    one.close()
    monkeypatch.setenv("HARNESS_STORE", str(tmp_path / "store"))
    app = open_page("compare_page")

    assert [info.value for info in app.info] == [EN["compare_nothing"]]
    assert not app.dataframe


def test_candidates_without_common_items_are_a_sentence(
    sampled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_page: Any
) -> None:
    """The selection stays, so that others can be chosen."""
    other = open_store(str(tmp_path / "store"), create=True)
    for record in peek_records(str(sampled)):
        turned = {name: dict(reversed(list(columns.items()))) for name, columns in record.items.items()}
        for columns in turned.values():
            columns["input"] = columns["input"][::-1]
        mine = record.spec["model"] == "mlp" and record.step == "evaluate" and record.outcome == "ok"
        other.add(replace(record, items=turned) if mine else record)
    other.close()
    monkeypatch.setenv("HARNESS_STORE", str(tmp_path / "store"))
    app = open_page("compare_page")
    app.selectbox(key="compare-task").select(PLACE).run()

    assert not app.exception
    assert "have no common items" in app.error[0].value
    assert names_of(app) == ("tfidf", ["mlp"])


@pytest.mark.parametrize("odd_store", ["hostile names"], indirect=True)
def test_names_and_answers_are_text(odd_store: Any, open_page: Any) -> None:
    """Each hostile text stands on the page escaped, and nowhere as markup."""
    app = open_page("compare_page")
    text = " ".join(str(block.proto.body) for block in app.get("html"))
    for place in range(len(HOSTILE)):
        app.selectbox(key="answers-place").select_index(place).run()
        text += " ".join(str(block.proto.body) for block in app.get("html"))

    assert not app.exception
    for one in HOSTILE:
        assert f"<pre dir='auto'>{escape(one)}</pre>" in text
    assert "<img" not in text
    assert not any("![" in each.value or "](" in each.value for each in app.markdown)
