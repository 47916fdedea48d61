"""The first page shows the figures of `viability`, the best verdict first."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import harness_dashboards
from harness import Reading
from harness.plugins import load_plugins
from harness.store import open_store, peek_records
from harness_dashboards import assumptions
from harness_dashboards.parts import margin, years
from harness_dashboards.texts import LANGUAGES, TEXTS
from harness_dashboards.verdicts_page import candidate_label, memo, moved_label
from harness_reports.business.choice import SHOWN, preference
from harness_reports.business.edited import scaled_demand
from harness_reports.business.viability import judge_all, viability
from harness_reports.cells import rows, share, usd
from harness_reports.measured.store import read_store
from harness_reports.prices.pricing import choose
from harness_reports.show.report import html

OTHER_CASE = "document-classification"
ONCE = ["en", *(pytest.param(one, marks=pytest.mark.slow) for one in LANGUAGES if one != "en")]
"""The languages as parameters: one by default, the others under `-m slow`."""
APP = Path(harness_dashboards.__file__).with_name("app.py")


@pytest.fixture
def app(sampled: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Open the dashboard on the store."""
    monkeypatch.setenv("HARNESS_STORE", str(sampled))
    monkeypatch.setenv("HARNESS_PRICE_BOOK", "cloud")
    opened = AppTest.from_file(str(APP), default_timeout=60).run()
    assert not opened.exception
    return opened


def _metrics(app: Any, key: str) -> list[str]:
    return [metric.value for metric in app.metric if metric.label == TEXTS["en"][key]]


def _html(app: Any) -> str:
    return " ".join(str(block.proto.body) for block in app.get("html"))


def _best(store: Path, factor: float = 1.0) -> list[dict[str, Any]]:
    """Return the best row of `viability` for every measured use case."""
    plugins, best = load_plugins(), []
    for case in plugins.use_cases().values():
        scaled = case if factor == 1 else scaled_demand(case, factor, assumptions.today())
        frame = viability(peek_records(str(store)), choose(plugins.price_books()["cloud"]), [scaled])
        best += sorted(rows(frame), key=preference)[:1]
    return sorted(best, key=lambda row: (SHOWN.index(row["verdict"]), preference(row)[2]))


def test_cards_show_the_figures_of_viability(app: Any, sampled: Path) -> None:
    """Probability of a profit, NPV, margin and payback of the best candidate."""
    best = _best(sampled)

    assert len(best) == 2
    assert _metrics(app, "npv") == [usd(row["npv_mean_usd"]) for row in best]
    assert _metrics(app, "probability_positive") == [share(row["probability_positive"]) for row in best]
    assert _metrics(app, "unit_margin") == [margin(row) for row in best]
    assert all(usd(1000 * row["unit_margin_usd"]) == margin(row) for row in best if row["unit_margin_usd"] is not None)
    paybacks = [years(row["payback_years"], TEXTS["en"]) if row["npv_mean_usd"] is not None else "–" for row in best]
    assert _metrics(app, "payback") == paybacks
    page = _html(app)
    assert all(row["title"] in page for row in best)


def test_cards_are_in_the_language_of_the_page(store: Path, open_page: Any) -> None:
    """Titles of packaged use cases, and amounts."""
    page = open_page("verdicts_page", "zh")
    amounts = [metric.value for metric in page.metric if metric.label == TEXTS["zh"]["npv"]]

    assert "技术文档归档" in _html(page)
    assert "Filing technical documents" not in _html(page)
    assert amounts
    assert all(amount.endswith(" 美元") or amount == "–" for amount in amounts)


def test_cards_have_reasons_and_flips(app: Any, sampled: Path) -> None:
    """As many as there are."""
    page = _html(app)

    assert page.count(TEXTS["en"]["reason"]) == 2
    assert page.count(TEXTS["en"]["flip"]) == sum(row["flip"] is not None for row in _best(sampled))


def test_cards_and_the_use_case_say_what_to_measure_next(
    sampled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_page: Any
) -> None:
    """Where windows are long enough for a verdict; without one its reasons say what is missing."""
    store = open_store(str(tmp_path), create=True)
    for record in peek_records(str(sampled)):
        longer = {name: Reading(100 * record.readings[name].value, "") for name in ("wall_s", "samples")
                  if record.step == "serve" and name in record.readings}  # fmt: skip
        store.add(replace(record, readings={**record.readings, **longer}))
    store.close()
    monkeypatch.setenv("HARNESS_STORE", str(tmp_path))
    monkeypatch.setenv("HARNESS_PRICE_BOOK", "cloud")
    page = _html(AppTest.from_file(str(APP), default_timeout=60).run())
    sentences = {row["use_case"]: row["next_measurement"] for row in _best(tmp_path) if row["next_measurement"]}
    case_page = open_page("case_page", "zh").selectbox(key="case").set_value(next(iter(sentences))).run()

    assert page.count(TEXTS["en"]["next"]) == len(sentences) > 0
    assert all(escape(each) in page for each in sentences.values())
    assert TEXTS["zh"]["next"] in _html(case_page)


@pytest.mark.parametrize("language", ONCE)
@pytest.mark.parametrize("page", ["verdicts_page", "case_page"])
def test_the_verdicts_are_explained_where_they_stand(store: Path, open_page: Any, page: str, language: str) -> None:
    """Each of the four, on the first page and on that of a use case."""
    opened, texts = open_page(page, language), TEXTS[language]

    assert texts["verdicts_mean"] in [box.label for box in opened.expander]
    assert all(escape(texts[f"means_{verdict}"]) in _html(opened) for verdict in SHOWN)


def test_another_best_candidate_is_named_behind_the_one_before(app: Any, sampled: Path) -> None:
    """Else figures of two candidates would stand as before → after of one."""
    row, other = _best(sampled)
    row["runtime"], other["runtime"] = "now", "was"

    assert moved_label(row, other) == f"{candidate_label(other)} → {candidate_label(row)}"
    assert moved_label(row, row) == moved_label(row, None) == candidate_label(row)
    assert all(escape(candidate_label(each)) in _html(app) for each in _best(sampled))


def test_volume_moves_the_figures_as_the_functions_say(app: Any, sampled: Path) -> None:
    """Ten times the demand."""
    before = _metrics(app, "npv")
    app.select_slider(key="volume").set_value(10.0).run()

    assert not app.exception
    assert _metrics(app, "npv") == [usd(row["npv_mean_usd"]) for row in _best(sampled, 10.0)] != before
    moved = {metric.delta for metric in app.metric if metric.label == TEXTS["en"]["npv"]}
    assert moved <= {f"{was} → {now}" for was in before for now in _metrics(app, "npv")}
    assert len(moved) == len(before)


def test_the_way_of_buying_machines_moves_the_figures(app: Any) -> None:
    """Elastic machines have a utilisation, and cost less than whole ones that are idle; a reset brings those back."""
    whole = _metrics(app, "npv")
    assert "utilisation" not in {slider.key for slider in app.slider}
    app.selectbox(key="buying").set_value("elastic").run()
    half = _metrics(app, "npv")
    app.slider(key="utilisation").set_value(5).run()
    busy_seldom = _metrics(app, "npv")
    app.sidebar.button[0].click().run()

    assert len({tuple(figures) for figures in (whole, half, busy_seldom)}) == 3
    assert _metrics(app, "npv") == whole
    assert app.selectbox(key="buying").value == "billed"


def test_prices_move_and_reset_brings_them_back(app: Any) -> None:
    """Three times the price changes the figures; a reset restores them."""
    before = _metrics(app, "npv")
    app.slider(key="multiplier").set_value(3.0).run()
    changed = _metrics(app, "npv")
    app.sidebar.button[0].click().run()

    assert not app.exception
    assert changed != before
    assert _metrics(app, "npv") == before


def test_use_cases_without_measurements_have_a_command(app: Any, sampled: Path) -> None:
    """With a placeholder for data where the task has none."""
    commands = [code.value for code in app.code]
    measured = {row["use_case"] for row in _best(sampled)}

    assert len(commands) == len(load_plugins().use_cases()) - len(measured)
    assert f"harness run standard --task image-classification --store {sampled}" in commands
    assert any("--task text-classification --data reviews.csv --data-name reviews" in command for command in commands)


@pytest.mark.parametrize("language", ONCE)
def test_pages_and_memo_say_that_the_cheap_baseline_is_as_good(
    decided: Path, open_page: Any, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the functions say so."""
    monkeypatch.setenv("HARNESS_STORE", str(decided))
    monkeypatch.setenv("HARNESS_PRICE_BOOK", "cloud")
    plugins = load_plugins()
    records, pricing = read_store(str(decided), plugins), choose(plugins.price_books()["cloud"])
    judged = judge_all(records, pricing, plugins.use_cases())
    notes = {candidates.market.use_case.name: candidates.headline for candidates in judged}
    case, cards = open_page("case_page", language), _html(open_page("verdicts_page", language))
    memo = html(records, pricing, plugins.use_cases())

    assert {note is None for note in notes.values()} == {True, False}
    for name, note in notes.items():
        sentence = "no candidate is better than" if language == "en" else "没有候选方案优于"
        assert (sentence in _html(case.selectbox(key="case").set_value(name).run())) == (note is not None), name
        if note is not None:
            assert cards.count(escape(note.sentence(language))) == 1
            assert memo.count(escape(str(note))) == 2  # the summary, and its use case


@pytest.mark.parametrize("language", ONCE)
def test_a_card_opens_its_use_case(app: Any, language: str) -> None:
    """On the next page, in the selected language."""
    app.button_group(key="language").set_value(language).run()
    app.button(key="open-game-agent").click().run()

    assert not app.exception
    assert app.title[0].value == TEXTS[language]["case_title"]
    assert app.selectbox(key="case").value == "game-agent"


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_has_both_languages(app: Any, language: str) -> None:
    """In Chinese no English sentence of the functions is left."""
    app.button_group(key="language").set_value(language).run()
    page = _html(app)

    assert not app.exception
    assert app.title[0].value == TEXTS[language]["verdicts_title"]
    if language == "zh":
        assert not any(word in page for word in ("net present value", "It is ", "measured here", "One seed"))


def test_a_missing_store_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not a traceback."""
    monkeypatch.setenv("HARNESS_STORE", str(tmp_path))
    opened = AppTest.from_file(str(APP), default_timeout=60).run()

    assert not opened.exception
    assert "There is no store" in opened.error[0].value


def test_an_empty_store_has_commands_and_no_verdict(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One for each use case."""
    open_store(str(tmp_path / "empty"), create=True).close()
    monkeypatch.setenv("HARNESS_STORE", str(tmp_path / "empty"))
    opened = AppTest.from_file(str(APP), default_timeout=60).run()

    assert not opened.exception
    assert not opened.metric
    assert len(opened.code) == len(load_plugins().use_cases())


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_memo_is_in_the_language_of_the_page(store: Path, language: str) -> None:
    """That which the button downloads."""
    plugins = load_plugins()
    page = memo(list(plugins.use_cases().values()), choose(plugins.price_books()["cloud"]), TEXTS[language])

    assert f'<html lang="{language}">' in page
    assert ("投资备忘录" in page) == (language == "zh")
