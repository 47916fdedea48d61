"""The command, whose errors come before a server starts, and functions of several pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness_dashboards.command import BOOK, PLUGINS, STORE, _environment
from harness_dashboards.parts import count, plain, short
from harness_dashboards.runs_page import _pairs, title
from harness_dashboards.texts import TEXTS


def test_a_missing_store_is_an_error(tmp_path: Path, harness_command: Any) -> None:
    """Exit code 2; nothing is started or written."""
    done = harness_command(tmp_path, "dashboard")

    assert done.code == 2
    assert "There is no store at 'harness-results'" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_price_book_is_an_error(walked: Path, harness_command: Any) -> None:
    """The message suggests the nearest name."""
    done = harness_command(walked, "dashboard", "--store", "store", "--price-book", "clud")

    assert done.code == 2
    assert "'cloud'" in done.stderr


def test_the_pages_get_the_options_by_environment_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Store, price book and plugin files, whatever their names; those of the caller's shell stay as they are."""
    monkeypatch.setenv("HARNESS_PLUGINS", "first.py")
    environment = _environment("my-store", "mine.yaml", ["a:b;c.py"])

    assert (environment[STORE], environment[BOOK]) == ("my-store", "mine.yaml")
    assert environment["HARNESS_PLUGINS"] == "first.py"
    assert json.loads(environment[PLUGINS]) == [str(Path("a:b;c.py").absolute())]
    assert STORE not in _environment(None, "cloud", [])


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0"),
        (0.00002, "0.00002"),
        (0.5, "0.5"),
        (999, "999"),
        (12_345, "12.3k"),
        (4.2e6, "4.2M"),
        (3e10, "30B"),
        (8.4e22, "8.40e22"),
    ],
)
def test_numbers_are_short(amount: float, text: str) -> None:
    """Three digits and a letter."""
    assert short(amount) == text


def test_a_volume_that_is_never_reached_has_a_word() -> None:
    """Neither a dash nor NaN."""
    assert count(float("nan"), TEXTS["en"]) == "never"
    assert count(12_345.0, TEXTS["en"]) == "12.3k"


def test_names_are_text_on_the_page(walked: Path) -> None:
    """HTML and Markdown from a record are escaped."""
    from harness.store import peek_records

    records = peek_records(str(walked / "store"))

    assert _pairs({"<img>": {"x": "<script>"}}) == "<div><small><b>&lt;img&gt; x</b> &lt;script&gt;</small></div>"
    assert plain("[a](b) *c*") == r"\[a\]\(b\) \*c\*"
    assert all(title(record).startswith(record.step) for record in records)
