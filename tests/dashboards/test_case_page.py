"""The page of a use case: a field for every assumption, and the figures of `viability` after a change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.plugins import load_plugins
from harness.store import peek_records
from harness_dashboards import assumptions, case_file
from harness_dashboards.parts import plain
from harness_dashboards.texts import LANGUAGES, TEXTS
from harness_reports.business.choice import preference
from harness_reports.business.edited import figures, numbers, with_numbers
from harness_reports.business.figure_rules import MARKET, NEEDS
from harness_reports.business.viability import viability
from harness_reports.cells import rows, share, usd
from harness_reports.prices.pricing import choose

CASE = "document-classification"
VALUE = f"figure/{CASE}/value_per_request_usd"


@pytest.fixture
def opened(store: Path, open_page: Any) -> Callable[..., Any]:
    """Return a function that opens the page at one use case."""

    def at(language: str = "en") -> Any:
        app = open_page("case_page", language)
        app.selectbox(key="case").set_value(CASE).run()
        assert not app.exception
        return app

    return at


def _best(store: Path, changes: dict[str, list[float]]) -> dict[str, Any]:
    """Return the best row of `viability` with a reader's figures."""
    plugins = load_plugins()
    case = with_numbers(plugins.use_cases()[CASE], changes, assumptions.today())
    frame = viability(peek_records(str(store)), choose(plugins.price_books()["cloud"]), [case])
    return min(rows(frame), key=preference)


def _metric(app: Any, key: str, language: str = "en") -> str:
    return str(next(metric.value for metric in app.metric if metric.label == TEXTS[language][key]))


def _html(app: Any) -> str:
    return " ".join(str(block.proto.body) for block in app.get("html"))


def test_every_number_of_every_figure_has_a_field(opened: Any) -> None:
    """With its unit and its source."""
    app, case = opened(), load_plugins().use_cases()[CASE]
    fields = {field.key: field.value for field in app.number_input if str(field.key).startswith("figure/")}

    assert fields == {
        f"figure/{CASE}/{name}/{place}": number
        for name, figure in figures(case).items()
        for place, number in enumerate(numbers(figure))
    }
    page = _html(app)
    for figure in figures(case).values():
        assert figure.unit in page
        assert figure.source.split("'")[0] in page


def _deltas(app: Any) -> dict[str, str]:
    """Return the figures that have moved, each as before → after."""
    keys = {TEXTS["en"][key]: key for key in ("npv", "npv_range", "probability_positive", "break_even", "payback")}
    return {keys[each.label]: each.delta for each in app.metric if each.label in keys and each.delta}


def test_a_demand_moves_the_selected_candidate_from_its_own_figures(opened: Any) -> None:
    """Also where it is not the best one."""
    app = opened()
    app.selectbox(key=f"candidate-{CASE}-en").set_value(1).run()
    before = _metric(app, "npv")
    app.select_slider(key="volume").set_value(10.0).run()

    assert not app.exception
    assert _deltas(app)["npv"] == f"{before} → {_metric(app, 'npv')}"


def test_a_changed_assumption_changes_verdict_and_value_as_the_functions_say(opened: Any, store: Path) -> None:
    """The page has the figures of `viability` for the same numbers; a reset restores the first ones."""
    app = opened()
    before, least = _metric(app, "npv"), _best(store, {})
    assert before == usd(least["npv_mean_usd"])
    for place, number in enumerate((0.4, 0.8, 1.2)):
        app.number_input(key=f"{VALUE}/{place}").set_value(number)
    app.run()
    moved = _best(store, {"value_per_request_usd": [0.4, 0.8, 1.2]})

    assert not app.exception
    assert _metric(app, "npv") == usd(moved["npv_mean_usd"]) != before
    assert _metric(app, "probability_positive") == share(moved["probability_positive"])
    assert TEXTS["en"][moved["verdict"]] in _html(app)
    assert _deltas(app)["npv"] == f"{before} → {usd(moved['npv_mean_usd'])}"
    assert "0.05, 0.09, 0.13 → 0.4, 0.8, 1.2" in _html(app)
    assert [name in _deltas(app) for name in ("npv", "npv_range", "break_even")] == [True] * 3

    app.sidebar.button[0].click().run()
    assert _metric(app, "npv") == before
    assert not _deltas(app)
    assert "→ 0.4" not in _html(app)
    assert app.number_input(key=f"{VALUE}/0").value == 0.05


def test_numbers_out_of_order_are_an_error_without_a_verdict(opened: Any) -> None:
    """The message names the figure."""
    app = opened()
    app.number_input(key=f"{VALUE}/0").set_value(9.0).run()

    assert not app.exception
    assert plain("value_per_request_usd") in app.error[0].value
    assert not app.metric


def test_needs_are_compared_with_measurements(opened: Any, store: Path) -> None:
    """In the page's names."""
    page = _html(opened())

    for need in ("Quality needed", "Latency limit", "Privacy", "Explainability"):
        assert f"<td>{need}</td>" in page
    assert TEXTS["en"]["met_not measured"] in page


def test_charts_of_a_priced_candidate_are_drawn(opened: Any, store: Path) -> None:
    """Fan, tornado, break-even, and own machines against hosted models."""
    app = opened()
    drawn = len(app.get("plotly_chart"))

    assert drawn == (4 if _best(store, {})["npv_mean_usd"] is not None else 0)


def test_another_candidate_can_be_selected(opened: Any) -> None:
    """Its verdict replaces the best one's."""
    app = opened()
    chooser = app.selectbox(key=f"candidate-{CASE}-en")
    assert len(chooser.options) > 2

    chooser.set_value(len(chooser.options) - 2).run()
    assert not app.exception


def test_a_use_case_without_measurements_has_fields_and_a_command(opened: Any) -> None:
    """It can be edited and saved before anything is measured."""
    app = opened()
    app.selectbox(key="case").set_value("object-detection").run()

    assert not app.exception
    assert "--task object-detection" in app.code[0].value
    assert len(app.number_input) > 20


def test_a_taken_or_invalid_name_is_an_error() -> None:
    """Before anything is downloaded."""
    texts = TEXTS["en"]

    assert case_file.name_error("mine", texts) is None
    assert "already" in str(case_file.name_error(CASE, texts))
    for bad in ("", "../x", "Mine", "a b", "-a", "a" * 200):
        assert case_file.name_error(bad, texts) == texts["save_bad_name"]


def test_every_figure_is_in_one_group_and_has_a_name() -> None:
    """In both languages, for all figures of a use case."""
    for case in load_plugins().use_cases().values():
        placed = [name for names in assumptions.grouped(case).values() for name in names]
        assert sorted(placed) == sorted(figures(case))
    for language in LANGUAGES:
        assert all(TEXTS[language][f"figure_{name}"] for name in (*NEEDS, *MARKET))


def test_steps_and_digits_fit_the_number() -> None:
    """Steps of millions are large, those of cents are small."""
    assert [assumptions.step(value) for value in (0, 0.08, 1.0, 2e6)] == [0.1, 0.01, 0.1, 100_000.0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_has_both_languages(opened: Any, language: str) -> None:
    """Title, metrics and groups."""
    app = opened(language)

    assert app.title[0].value == TEXTS[language]["case_title"]
    assert _metric(app, "npv", language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hosted_model_is_excluded_by_a_need_alone(opened: Any, language: str) -> None:
    """Where no third party may see a request the chart names all of them; that none was asked excludes none."""
    app, heading = opened(language), TEXTS[language]["excluded"]
    models = ", ".join(load_plugins().use_cases()[CASE].hosted)
    why = {"en": "No third party may see a request.", "zh": "不允许第三方看到请求。"}[language]
    assert f"{heading} ({models}): {why}</small>" in _html(app)

    app.number_input(key=f"figure/{CASE}/privacy/0").set_value(0.0).run()
    assert not app.exception
    assert heading not in _html(app)
