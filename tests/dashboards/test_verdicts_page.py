"""The first page shows what `viability` says, in the order in which somebody decides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import harness_dashboards
from harness.plugins import load_plugins
from harness.store import open_store, peek_records
from harness_dashboards import assumptions
from harness_dashboards.parts import margin, share, years
from harness_dashboards.texts import LANGUAGES, TEXTS
from harness_reports.business.choice import SHOWN, preference
from harness_reports.business.edited import scaled_demand
from harness_reports.business.viability import viability
from harness_reports.cells import rows, usd
from harness_reports.prices.pricing import choose

APP = Path(harness_dashboards.__file__).with_name("app.py")


@pytest.fixture
def app(sampled: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Open the dashboard on the store of a real run."""
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
    """Return the best candidate of every measured use case, as the functions say."""
    plugins, found = load_plugins(), []
    for case in plugins.use_cases().values():
        wanted = case if factor == 1 else scaled_demand(case, factor, assumptions.today())
        frame = viability(peek_records(str(store)), choose(plugins.price_books()["cloud"]), [wanted])
        found += sorted(rows(frame), key=preference)[:1]
    return sorted(found, key=lambda row: (SHOWN.index(row["verdict"]), preference(row)[-1]))


def test_cards_show_what_the_functions_say(app: Any, sampled: Path) -> None:
    """Chance, value, margin and payback of the best candidate, the best verdict first."""
    best = _best(sampled)

    assert len(best) == 2
    assert _metrics(app, "npv") == [usd(row["npv_usd"]) for row in best]
    assert _metrics(app, "probability_positive") == [share(row["probability_positive"]) for row in best]
    assert _metrics(app, "unit_margin") == [margin(row) for row in best]
    assert all(usd(1000 * row["unit_margin_usd"]) == margin(row) for row in best if row["unit_margin_usd"] is not None)
    known = [row["payback_years"] if row["npv_usd"] is not None else "–" for row in best]
    assert _metrics(app, "payback") == [one if one == "–" else years(one, TEXTS["en"]) for one in known]
    page = _html(app)
    assert all(row["title"] in page for row in best)


def test_reasons_and_flips_are_told(app: Any, sampled: Path) -> None:
    """Escaped, with the figures called by their names."""
    page = _html(app)

    assert page.count(TEXTS["en"]["reason"]) == 2
    assert page.count(TEXTS["en"]["flip"]) == sum(row["flip"] is not None for row in _best(sampled))


def test_volume_moves_the_figures_as_the_functions_say(app: Any, sampled: Path) -> None:
    """Ten times the demand, as uncertain as before."""
    before = _metrics(app, "npv")
    app.select_slider(key="volume").set_value(10.0).run()

    assert not app.exception
    assert _metrics(app, "npv") == [usd(row["npv_usd"]) for row in _best(sampled, 10.0)] != before


def test_prices_move_and_reset_brings_them_back(app: Any) -> None:
    """Three times the price at a twentieth of the use is another margin; reset is the first one again."""
    before = _metrics(app, "npv")
    app.slider(key="utilisation").set_value(5).run()
    app.slider(key="multiplier").set_value(3.0).run()
    dear = _metrics(app, "npv")
    app.sidebar.button[0].click().run()

    assert not app.exception
    assert dear != before
    assert _metrics(app, "npv") == before


def test_what_nobody_measured_comes_with_its_command(app: Any, sampled: Path) -> None:
    """For each use case without records the line that would make some, data asked for where a task brings none."""
    commands = [code.value for code in app.code]
    measured = {row["use_case"] for row in _best(sampled)}

    assert len(commands) == len(load_plugins().use_cases()) - len(measured)
    assert f"harness run standard --task image-classification --store {sampled}" in commands
    assert any("--task text-classification --data reviews.csv --data-name reviews" in command for command in commands)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_card_opens_its_use_case(app: Any, language: str) -> None:
    """The page that follows is about that one, in the language that was chosen."""
    app.button_group(key="language").set_value(language).run()
    app.button(key="open-game-agent").click().run()

    assert not app.exception
    assert app.title[0].value == TEXTS[language]["case_title"]
    assert app.selectbox(key="case").value == "game-agent"


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_speaks_both_languages(app: Any, language: str) -> None:
    """Title, labels and verdicts; in Chinese no English sentence of the functions is left."""
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
    """Every use case waits for a measurement."""
    open_store(str(tmp_path / "empty"), create=True).close()
    monkeypatch.setenv("HARNESS_STORE", str(tmp_path / "empty"))
    opened = AppTest.from_file(str(APP), default_timeout=60).run()

    assert not opened.exception
    assert not opened.metric
    assert len(opened.code) == len(load_plugins().use_cases())
