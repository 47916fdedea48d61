"""The scale planner and the page of a figure's origin, compared with their functions."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

import pytest

from harness.plugins import load_plugins
from harness.store import peek_records
from harness_dashboards import origin_page
from harness_dashboards.parts import plain, short
from harness_dashboards.texts import TEXTS
from harness_reports.cells import rows as plain_rows
from harness_reports.cells import usd
from harness_reports.explain.tables import Assumed, rows
from harness_reports.figures.explained import Explained
from harness_reports.planning.scale import Run, scenarios
from harness_reports.prices.chips import find_accelerator
from harness_reports.prices.cost import cost


def _metric(app: Any, label: str) -> str:
    return str(next(metric.value for metric in app.metric if metric.label == label))


# Planner ------------------------------------------------------------------------------------------------------


def test_the_planner_shows_the_figures_of_scenarios(store: Path, open_page: Any) -> None:
    """Time, energy and money at the middle utilisation."""
    app = open_page("plan_page")
    run = Run(7e9, 2e12, find_accelerator("h100"))
    middle = next(row for row in plain_rows(scenarios(run)) if row["scenario"] == "middle")

    assert _metric(app, "Operations") == short(run.flops) == "8.40e22"
    assert _metric(app, "Days") == short(middle["days"])
    assert _metric(app, "Energy, MWh") == short(middle["energy_mwh"])
    assert _metric(app, "Owned") == usd(middle["owned_usd"])
    assert [len(table.value) for table in app.dataframe] == [5, 3]


def test_more_devices_take_fewer_days_and_the_same_money(store: Path, open_page: Any) -> None:
    """Twice the devices, half the time."""
    app = open_page("plan_page")
    before = _metric(app, "Rented")
    days = float(_metric(app, "Days"))
    app.number_input(key="plan-devices").set_value(128).run()

    assert float(_metric(app, "Days")) == pytest.approx(days / 2, rel=0.01)
    assert _metric(app, "Rented") == before


def test_a_readers_price_replaces_that_of_the_book(store: Path, open_page: Any) -> None:
    """And is marked as the reader's."""
    app = open_page("plan_page")
    app.number_input(key="plan-price-h100").set_value(1.0).run()
    frame = scenarios(Run(7e9, 2e12, find_accelerator("h100")))
    hours = float(frame.set_index("scenario").loc["middle", "device_hours"])

    assert _metric(app, "Rented") == usd(hours)
    assert any("entered by you" in block.proto.body for block in app.get("html"))


def test_an_unpriced_accelerator_has_no_rent(store: Path, open_page: Any) -> None:
    """A dash, not a rent of 0, until the reader gives a price."""
    app = open_page("plan_page")
    app.selectbox(key="plan-hardware").set_value("mi300x").run()
    assert _metric(app, "Rented") == "–"

    app.number_input(key="plan-price-mi300x").set_value(2.0).run()
    assert _metric(app, "Rented") != "–"


def test_too_few_devices_are_a_warning(store: Path, open_page: Any) -> None:
    """The model does not fit on one."""
    app = open_page("plan_page")
    app.number_input(key="plan-devices").set_value(1).run()

    assert "at least 2 are needed" in app.warning[0].value


def test_a_measured_utilisation_adds_a_row(store: Path, open_page: Any) -> None:
    """To the five assumed ones."""
    app = open_page("plan_page")
    app.number_input(key="plan-mfu").set_value(41).run()

    assert list(app.dataframe[0].value["scenario"])[-1] == "measured"


# Where figures come from --------------------------------------------------------------------------------------


def _tree(app: Any) -> str:
    return next(block.proto.body for block in app.get("html") if "origin" in block.proto.body)


def test_a_figure_opens_into_formula_values_and_sources(store: Path, open_page: Any) -> None:
    """A figure of the cost table, with its records and its price."""
    app = open_page("origin_page")
    tree = _tree(app)

    assert "usd_per_hour / (samples_per_s × 3600 × utilisation) × 1000" in tree
    assert "m7i.large" in tree
    assert re.search(r"record [0-9a-f]{12}, serve", tree)


def test_sliders_reprice_the_tree(store: Path, open_page: Any) -> None:
    """A quarter of the paid time is in the formula."""
    app = open_page("origin_page")
    before = app.subheader[0].value
    app.slider(key="utilisation").set_value(25).run()

    assert app.subheader[0].value != before
    assert "× 3600 × 0.25)" in _tree(app)


@pytest.mark.parametrize(
    ("table", "sliders"),
    [
        ("cost", {"multiplier", "utilisation"}),
        ("viability", {"multiplier", "volume"}),
        ("pretraining", {"multiplier"}),
        ("accuracy", set()),
    ],
)
def test_only_sliders_that_change_the_table_are_shown(
    store: Path, open_page: Any, table: str, sliders: set[str]
) -> None:
    """A table that is measured says so instead."""
    app = open_page("origin_page")
    app.button_group(key="origin-table").set_value(table).run()
    shown = {slider.key for slider in (*app.slider, *app.select_slider)}

    assert not app.exception
    assert sliders <= shown <= sliders | {"volume"}
    assert (escape(TEXTS["en"]["prices_idle"]) in _small(app)) == (table == "accuracy")
    assert (escape(TEXTS["en"]["utilisation_assumed"]) in _small(app)) == (table == "cost")


@pytest.mark.parametrize("table", ["accuracy", "throughput"])
def test_every_table_opens(store: Path, open_page: Any, table: str) -> None:
    """Quality and speed too, at their first figures; another one can be selected."""
    app = open_page("origin_page")
    app.button_group(key="origin-table").set_value(table).run()
    assert not app.exception
    assert origin_page.FIRST[table] in _tree(app)

    app.selectbox(key=f"origin-column-{table}-en").set_value("low").run()
    assert "<b>low</b>" in _tree(app)


def test_every_candidate_can_be_chosen(store: Path, open_page: Any) -> None:
    """As many as the table has rows for the task."""
    app = open_page("origin_page")
    frame = cost(peek_records(str(store)), _pricing())
    task = app.selectbox(key="origin-task-cost").value

    assert len(app.selectbox(key=f"origin-row-cost-{task}-en").options) == (frame["task"] == task).sum()


@pytest.mark.parametrize("table", ["viability", "serving", "alternatives", "pretraining", "sensitivity"])
def test_tables_of_use_cases_open(store: Path, open_page: Any, table: str) -> None:
    """The figure of the chosen use case, as it is in the table; a table without rows of it says so."""
    app = open_page("origin_page")
    app.button_group(key="origin-table").set_value(table).run()
    case = load_plugins().use_cases()[app.selectbox(key="case").value]
    everything = rows(table, peek_records(str(store)), _pricing(), Assumed({case.name: case}))
    expected = [row for row in everything if row.cells["use_case"] == case.name]

    assert not app.exception
    assert bool(expected) == (table != "pretraining")
    if not expected:
        assert app.info[0].value == TEXTS["en"]["nothing_yet"]
    else:
        assert app.subheader[0].value == plain(expected[0].explain(origin_page.FIRST[table]).line)
        assert len(app.selectbox(key=f"origin-row-{table}-{case.name}-en").options) == len(expected)


def test_the_readers_assumptions_are_in_the_tree(store: Path, open_page: Any) -> None:
    """Three times the demand is another figure than that of the file."""
    app = open_page("origin_page")
    app.button_group(key="origin-table").set_value("viability").run()
    app.selectbox(key="origin-column-viability-en").set_value("requests_per_year").run()
    before = app.subheader[0].value
    app.select_slider(key="volume").set_value(3.0).run()

    assert app.subheader[0].value != before


def _pricing() -> Any:
    from harness_dashboards import sources

    return sources.pricing()


def test_every_kind_of_figure_has_its_word(store: Path) -> None:
    """Measured, assumed, priced: in both languages, and with a colour."""
    assumed = Assumed(load_plugins().use_cases())
    for table in origin_page.FIRST:
        for row in rows(table, peek_records(str(store)), _pricing(), assumed)[:3]:
            for figure in row.figures().values():
                kinds = {part.kind for part in figure.walk()}
                assert all(kinds <= texts.keys() for texts in (*TEXTS.values(), origin_page.COLOURS))


def test_nothing_in_a_tree_is_markup() -> None:
    """Names, notes and sources are escaped."""
    evil = "<img src=x onerror=alert(1)>"
    figure = Explained(evil, evil, evil, note=evil, source=evil, inputs=(Explained(evil, None, note=evil),))

    assert "<img" not in origin_page.html(figure, TEXTS["en"])


@pytest.mark.parametrize("page", ["plan_page", "origin_page"])
def test_they_are_in_chinese(store: Path, open_page: Any, page: str) -> None:
    """Their titles."""
    app = open_page(page, "zh")

    assert app.title[0].value == TEXTS["zh"][page.replace("page", "title")]


def test_another_metric_can_be_chosen(store: Path, open_page: Any) -> None:
    """The page of costs shows the candidates in a metric that does not decide."""
    app = open_page("cost_page")
    app.button_group(key="metric-text-classification").set_value("misses").run()

    assert not app.exception
    assert any("misses" in str(table.value.to_dict()) or "misses" in _small(app) for table in app.dataframe)


def _small(app: Any) -> str:
    return " ".join(str(block.proto.body) for block in app.get("html"))
