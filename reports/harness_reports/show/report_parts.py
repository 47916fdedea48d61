"""Parts of the report: tables and charts as HTML that fetches nothing, with all texts escaped."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

from harness_reports import cells
from harness_reports.business.verdict import VERDICTS
from harness_reports.reasons import named, translated
from harness_reports.show import formats
from harness_reports.show.words import say

_NUMBER = re.compile(r"-?[\d,.]+(e[-+]\d+)?( MB)?")


def figure(chart: Any, name: str) -> str:
    """Return a chart as HTML, under a name that is unique on the page."""
    return str(
        chart.to_html(
            full_html=False, include_plotlyjs=False, div_id=name, config={"displaylogo": False, "responsive": True}
        )
    )


def table(name: str, frame: pd.DataFrame) -> str:
    """Return a table with the columns for people."""
    if frame.empty:
        return f"<p>{say('Nothing was measured yet.')}</p>"
    columns, line = formats.shown(name, frame)
    note = f"<p class='same'>{say('The same in every row')}: {escape(line)}</p>" if line else ""
    return html_table(columns.to_dict("records")) + note


def html_table(lines: Sequence[Mapping[Any, Any]]) -> str:
    """Return an HTML table; long texts are below their row over its whole width."""
    if not lines:
        return f"<p>{say('None.')}</p>"
    names = [str(name) for name in lines[0] if name not in formats.LONG]
    head = "".join(f"<th>{escape(_heading(name))}</th>" for name in names)
    body = "".join(_html_row(names, row) for row in lines)
    return f"<div class='scroll'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _html_row(names: Sequence[str], row: Mapping[Any, Any]) -> str:
    sentences = formats.remarks(row)
    text = escape(" ".join(sentences))
    below = f"<tr class='below'><td colspan='{len(names)}'><div>{text}</div></td></tr>" if sentences else ""
    return f"<tr>{''.join(_cell(name, row[name]) for name in names)}</tr>{below}"


def _heading(name: str) -> str:
    words = name.removesuffix("_bytes").replace("usd_per_1k", "USD per 1,000").replace("_usd", " USD")
    return named("column", name, say(words.replace("_", " ").replace("npv", "NPV")))


def _cell(name: str, value: Any) -> str:
    text = cells.cell(translated(value))
    if name == "verdict":
        return f"<td>{badge(text) if text in VERDICTS else escape(text)}</td>"
    number = _NUMBER.fullmatch(text) is not None
    long = len(text) > 60  # noqa: PLR2004 - where a line gets long
    kind = "number" if number or text == cells.MISSING else "long" if long else "text"
    word = named("figure", text) if name in ("need", "figure") else named("cell", text)
    return f"<td class='{kind}'>{escape(word)}</td>"


def badge(verdict: str) -> str:
    """Return a verdict as a coloured label."""
    return f"<span class='verdict v{VERDICTS.index(verdict)}'>{escape(named('cell', verdict))}</span>"
