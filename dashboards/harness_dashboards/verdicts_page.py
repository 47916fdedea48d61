"""The first page: what to do about each use case, and why."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from html import escape
from typing import Any, NamedTuple

import streamlit as st

from harness.errors import DataError, FactError
from harness.facts import UseCase
from harness.place import DEFAULT
from harness.seams import Task
from harness_dashboards import assumptions, kept, sources
from harness_dashboards.parts import (
    DEFAULTS,
    GREY,
    Texts,
    badge,
    margin,
    price_sliders,
    sentence,
    share,
    small,
    stale,
    volume_slider,
    years,
)
from harness_reports import cells
from harness_reports.business.choice import SHOWN, attention
from harness_reports.business.edited import scaled_demand
from harness_reports.business.viability import Candidates
from harness_reports.measured.lineage import label
from harness_reports.prices.pricing import Pricing
from harness_reports.show.report import html as report_html

BESIDE = 2
SUITE = "standard"


class Card(NamedTuple):
    """A use case that was judged."""

    use_case: UseCase
    candidates: Candidates

    @property
    def row(self) -> dict[str, Any]:
        """The best candidate's row of the viability table."""
        return self.candidates.best.row


def show(texts: Texts) -> None:
    """Draw the page."""
    st.title(texts["verdicts_title"])
    st.markdown(texts["verdicts_intro"])
    with st.sidebar:
        st.header(texts["assumptions"])
        pricing = price_sliders(texts)
        volume = volume_slider(texts)
        st.button(texts["reset"], on_click=kept.reset, args=({**DEFAULTS, "volume": 1.0},))
    cases = _cases(volume, texts)
    cards, unmeasured = _sorted(cases, pricing)
    if not cards:
        st.info(texts["nothing_yet"])
    _count(cards, unmeasured, texts)
    for start in range(0, len(cards), BESIDE):
        for column, card in zip(st.columns(BESIDE), cards[start : start + BESIDE], strict=False):
            with column, st.container(border=True, height="stretch"):
                _card(card, texts)
    _downloads(cases, pricing, texts)
    _unmeasured(unmeasured, texts)


def _cases(volume: float, texts: Texts) -> list[UseCase]:
    """Return the use cases as the reader has changed them."""
    found = []
    for case in sources.plugins().use_cases().values():
        try:
            found.append(at_volume(assumptions.edited(case), volume))
        except FactError as error:
            st.error(str(error).replace("$", r"\$"))
            small(texts["own_figures_used"].format(title=case.title))
            found.append(at_volume(case, volume))
    return found


def at_volume(use_case: UseCase, volume: float) -> UseCase:
    """Return a use case with so many times its demand."""
    return use_case if volume == 1 else scaled_demand(use_case, volume, assumptions.today())


def _sorted(cases: list[UseCase], pricing: Pricing) -> tuple[list[Card], list[UseCase]]:
    """Return those that were judged, the best verdict first, and those nobody measured."""
    judged = [(case, sources.judged(case, pricing)) for case in cases]
    cards = [Card(case, found) for case, found in judged if found is not None]
    cards.sort(key=lambda card: attention(card.row))
    return cards, [case for case, found in judged if found is None]


def _count(cards: list[Card], unmeasured: list[UseCase], texts: Texts) -> None:
    """Say how many there are of each verdict."""
    found = [card.row["verdict"] for card in cards]
    parts = [f"{badge(verdict, texts)} {found.count(verdict)}" for verdict in SHOWN if verdict in found]
    if unmeasured:
        parts.append(f"<span style='color:{GREY}'>{escape(texts['unmeasured'])} {len(unmeasured)}</span>")
    st.html(
        f"<div style='display:flex;flex-wrap:wrap;gap:.4rem 1.4rem'>{''.join(f'<div>{p}</div>' for p in parts)}</div>"
    )


def _card(card: Card, texts: Texts) -> None:
    case, row = card.use_case, card.row
    st.html(
        f"<div style='display:flex;justify-content:space-between;gap:1rem;align-items:baseline'>"
        f"<b style='font-size:1.2rem'>{escape(case.title)}</b>{badge(row['verdict'], texts)}</div>"
    )
    _figures(row, texts)
    st.html(_sentences(row, texts))
    left, right = st.columns([2, 1], vertical_alignment="center")
    with left:
        small(who(row))
        stale(row, texts)
        if row["npv_low_usd"] is not None:
            low, high = cells.usd(row["npv_low_usd"]), cells.usd(row["npv_high_usd"])
            small(texts["npv_span"].format(low=low, high=high))
    changed = len(assumptions.changes(sources.plugins().use_cases()[case.name]))
    right.button(texts["open_case"], key=f"open-{case.name}", on_click=_open, args=(case.name,), width="stretch")
    if changed:
        small(texts["changed_here"].format(count=changed))


def _figures(row: Mapping[str, Any], texts: Texts) -> None:
    """Show the four figures that one decides by."""
    shown = (
        ("probability_positive", share(row["probability_positive"])),
        ("npv", cells.usd(row["npv_usd"])),
        ("unit_margin", margin(row)),
        ("payback", years(row["payback_years"], texts) if row["npv_usd"] is not None else cells.MISSING),
    )
    for column, (name, value) in zip(st.columns(len(shown)), shown, strict=True):
        column.metric(texts[name], value)


def _sentences(row: Mapping[str, Any], texts: Texts) -> str:
    """Return the reason, and what would flip it, as HTML."""
    parts = [f"<b>{escape(texts['reason'])}</b> {escape(sentence(row['reasons'], texts))}"]
    if row["flip"]:
        parts.append(f"<b>{escape(texts['flip'])}</b> {escape(sentence(row['flip'], texts))}")
    return "".join(f"<div style='margin-bottom:.35rem'>{part}</div>" for part in parts)


def who(row: Mapping[str, Any]) -> str:
    """Return what a person calls a candidate with the place it runs in."""
    return f"{label(row)} · {row['runtime']}, {row['hardware']}"


def _open(name: str) -> None:
    """Ask for the page of a use case; `app` goes there."""
    st.session_state["go"] = "case"
    kept.values()["case"] = name
    st.session_state.pop("case", None)


def _downloads(cases: list[UseCase], pricing: Pricing, texts: Texts) -> None:
    st.download_button(
        texts["report"], lambda: report_html(sources.records(), pricing, cases), "report.html", "text/html",
    )  # fmt: skip


def _unmeasured(cases: list[UseCase], texts: Texts) -> None:
    """Show the use cases nobody measured, each with the command that would."""
    if not cases:
        return
    st.subheader(texts["unmeasured"])
    for case in cases:
        left, right = st.columns([1, 1], vertical_alignment="center")
        left.html(f"<b>{escape(case.title)}</b><br><small style='color:{GREY}'>{escape(case.summary)}</small>")
        with right:
            command_of(case, texts)


def command_of(case: UseCase, texts: Texts) -> None:
    """Show the command that would measure a use case, or say that no task here stands for it."""
    known = [task for task in case.tasks if task in sources.plugins().tasks]
    if not known:
        small(texts["no_task"].format(tasks=", ".join(case.tasks)))
        return
    wanted = ["harness", "run", SUITE, "--task", known[0], *_data_options(case, sources.plugins().tasks[known[0]])]
    if sources.location() != DEFAULT:
        wanted += ["--store", sources.location()]
    st.code(shlex.join(wanted), language=None, wrap_lines=True)


def _data_options(case: UseCase, task: Task) -> list[str]:
    """Return the options that name data of the reader's, where those of the task do not stand for the use case."""
    if case.data and task.data_name not in case.data:
        return ["--data", f"{case.data[0]}.csv", "--data-name", case.data[0]]
    return ["--data", "reviews.csv"] if _brings_no_data(task) else []


def _brings_no_data(task: Task) -> bool:
    """Return whether a task has to be given data."""
    try:
        task.check(None, {name: setting.default for name, setting in task.settings.items()})
    except DataError:
        return True
    return False
