"""Tables and the report in Chinese: every heading, text and word of a chart has its Chinese."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter
from typing import Any

import harness_reports
from harness.facts import UseCase
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import speaking
from harness_reports.reasons.names import COLUMNS
from harness_reports.show import charts, charts_case
from harness_reports.show.formats import SHOWN
from harness_reports.show.report import html
from harness_reports.show.words import CHINESE, say

HAN = re.compile(r"[\u4e00-\u9fff]")
SAME = {"P5", "P95", "PUE", "USD"}
"""Headings that are the same in both languages."""


def _said() -> Iterator[str]:
    """Yield the texts that the sources give to `say`."""
    for file in Path(str(harness_reports.__file__)).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say"
            if called and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value)


def _notes() -> Iterator[str]:
    """Yield the notes and sources of explained figures that are written as one text."""
    for file in Path(str(harness_reports.__file__)).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id
            if isinstance(node, ast.Call) and called in ("Explained", "derived", "replace"):
                texts = [word.value for word in node.keywords if word.arg in ("note", "source")]
                yield from (str(text.value) for text in texts if isinstance(text, ast.Constant))


def test_every_note_has_its_chinese() -> None:
    """On the page of a figure's origin; notes with numbers or names in them are in English."""
    notes = set(_notes())

    assert len(notes) > 40
    assert notes <= CHINESE.keys()


def test_every_text_has_its_chinese() -> None:
    """With the same fields."""
    texts = {*_said(), *charts.WORDS.values(), *charts_case.WORDS.values()}

    assert texts
    assert texts <= CHINESE.keys()
    for text, chinese in CHINESE.items():
        assert chinese != text
        assert _fields(chinese) == _fields(text), text


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_column_for_people_has_its_chinese() -> None:
    """Of every table."""
    columns = {column for table in SHOWN.values() for column in table}

    assert columns <= COLUMNS.keys()


class _Headings(HTMLParser):
    """Collects the texts of headings and of the tables' heads."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._inside = tag in ("h1", "h2", "h3", "h4", "th")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts.append(data)
        self._inside = False


def test_the_report_is_in_chinese(suite: list[Any], pricing: Pricing, use_cases: dict[str, UseCase]) -> None:
    """Headings of sections and tables, verdicts, sentences, the page's language; outside it English."""
    with speaking("zh"):
        page = html(suite, pricing, use_cases)
    headings = _Headings()
    headings.feed(page)
    titles = {case.title for case in use_cases.values()}
    english = [text for text in headings.texts if text.strip() and not HAN.search(text)]

    assert {text.strip() for text in english} <= SAME | titles
    assert '<html lang="zh">' in page
    assert "投资备忘录" in page
    assert "The needs are met" not in page
    assert "需求均已满足" in page
    assert re.search("最佳候选方案：<b>[^<]+</b>。", page), "a sentence ends with its language's full stop"
    assert "启动后年数" in page or r"\u542f\u52a8\u540e\u5e74\u6570" in page
    assert say("Summary") == "Summary"
    assert '<html lang="en">' in html(suite, pricing, use_cases)
