"""The first page: the verdict on each use case, with its reasons."""

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
from harness_dashboards import assumptions, sources, widgets
from harness_dashboards.parts import (
    GREY,
    Texts,
    badge,
    defaults,
    headline,
    machine_prices,
    margin,
    meanings,
    metrics,
    moved_badge,
    sentence,
    show_error,
    small,
    stale,
    usd,
    volume_slider,
    years,
)
from harness_reports import cells
from harness_reports.business.choice import SHOWN, attention
from harness_reports.business.edited import scaled_demand
from harness_reports.business.viability import Candidates
from harness_reports.measured.lineage import label
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import speaking, translated
from harness_reports.show.report import html as report_html

BESIDE = 2
"""Cards in a row."""
SUITE = "standard"


class Card(NamedTuple):
    """A use case with its verdicts."""

    use_case: UseCase
    candidates: Candidates
    before: Mapping[str, Any] | None
    """The best row without the reader's changes; None where there are none."""

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
        pricing = machine_prices(texts)
        volume = volume_slider(texts)
        st.button(texts["reset"], on_click=widgets.reset, args=({**defaults(), "volume": 1.0},))
    cases = _cases(volume, texts)
    cards, unmeasured = _sorted(cases, pricing)
    if not cards:
        st.info(texts["nothing_yet"])
    _count(cards, unmeasured, texts)
    if cards:
        meanings(texts)
    for start in range(0, len(cards), BESIDE):
        for column, card in zip(st.columns(BESIDE), cards[start : start + BESIDE], strict=False):
            with column, st.container(border=True, height="stretch"):
                _card(card, texts)
    _downloads(cases, pricing, texts)
    _unmeasured(unmeasured, texts)


def _cases(volume: float, texts: Texts) -> list[UseCase]:
    """Return the use cases with the reader's figures; an invalid change is reported and ignored."""
    cases = []
    for case in sources.plugins().use_cases().values():
        try:
            cases.append(at_volume(assumptions.edited(case), volume))
        except FactError as error:
            show_error(error)
            small(texts["own_figures_used"].format(title=translated(case.title)))
            cases.append(at_volume(case, volume))
    return cases


def at_volume(use_case: UseCase, volume: float) -> UseCase:
    """Return a use case with its demand multiplied by `volume`."""
    return use_case if volume == 1 else scaled_demand(use_case, volume, assumptions.today())


def _sorted(cases: list[UseCase], pricing: Pricing) -> tuple[list[Card], list[UseCase]]:
    """Return the use cases with verdicts, the best first, and those without measurements."""
    verdicts = [(case, sources.candidates(case, pricing)) for case in cases]
    cards = [Card(case, each, _best_before(case, pricing)) for case, each in verdicts if each is not None]
    cards.sort(key=lambda card: attention(card.row))
    return cards, [case for case, candidates in verdicts if candidates is None]


def _best_before(case: UseCase, pricing: Pricing) -> Mapping[str, Any] | None:
    before = sources.before(case, pricing)
    return None if before is None else before.best.row


def _count(cards: list[Card], unmeasured: list[UseCase], texts: Texts) -> None:
    """Show the count of each verdict."""
    verdicts = [card.row["verdict"] for card in cards]
    parts = [f"{badge(verdict, texts)} {verdicts.count(verdict)}" for verdict in SHOWN if verdict in verdicts]
    if unmeasured:
        parts.append(f"<span style='color:{GREY}'>{escape(texts['unmeasured'])} {len(unmeasured)}</span>")
    st.html(
        f"<div style='display:flex;flex-wrap:wrap;gap:.4rem 1.4rem'>{''.join(f'<div>{p}</div>' for p in parts)}</div>"
    )


def _card(card: Card, texts: Texts) -> None:
    case, row = card.use_case, card.row
    title, verdict = escape(translated(case.title)), moved_badge(row["verdict"], card.before, texts)
    st.html(
        f"<div style='display:flex;justify-content:space-between;gap:1rem;align-items:baseline'>"
        f"<b style='font-size:1.2rem'>{title}</b>{verdict}</div>"
    )
    headline(card.candidates.headline, texts)
    metrics(_figures(row, texts), {} if card.before is None else _figures(card.before, texts), 4, texts)
    st.html(_sentences(row, texts))
    left, right = st.columns([2, 1], vertical_alignment="center")
    with left:
        small(moved_label(row, card.before))
        stale(row, texts)
        if row["npv_low_usd"] is not None:
            low, high = usd(row["npv_low_usd"]), usd(row["npv_high_usd"])
            small(texts["npv_span"].format(low=low, high=high))
            small(texts["base_case_note"])
    changed = len(assumptions.changes(sources.plugins().use_cases()[case.name]))
    right.button(texts["open_case"], key=f"open-{case.name}", on_click=_open, args=(case.name,), width="stretch")
    if changed:
        small(texts["changed_here"].format(count=changed))


def _figures(row: Mapping[str, Any], texts: Texts) -> dict[str, str]:
    """Return the four main figures."""
    return {
        "probability_positive": cells.share(row["probability_positive"]),
        "npv": usd(row["npv_mean_usd"]),
        "unit_margin": margin(row),
        "payback": years(row["payback_years"], texts) if row["npv_mean_usd"] is not None else cells.MISSING,
    }


def _sentences(row: Mapping[str, Any], texts: Texts) -> str:
    """Return the reasons of a verdict, its flip and what to measure next as HTML."""
    columns = {"reason": "reasons", "flip": "flip", "next": "next_measurement"}
    parts = [f"<b>{escape(texts[name])}</b> {escape(sentence(row[column], texts))}"
             for name, column in columns.items() if row[column]]  # fmt: skip
    return "".join(f"<div style='margin-bottom:.35rem'>{part}</div>" for part in parts)


def candidate_label(row: Mapping[str, Any]) -> str:
    """Return a candidate's name with its runtime and hardware."""
    return f"{label(row)} · {row['runtime']}, {row['hardware']}"


def moved_label(row: Mapping[str, Any], before: Mapping[str, Any] | None) -> str:
    """Return a candidate's name, behind that of the one before the reader's changes if that was another."""
    now = candidate_label(row)
    was = now if before is None else candidate_label(before)
    return now if was == now else f"{was} → {now}"


def _open(name: str) -> None:
    """Request the page of a use case, to which `app` switches."""
    st.session_state["go"] = "case"
    widgets.values()["case"] = name
    st.session_state.pop("case", None)


def _downloads(cases: list[UseCase], pricing: Pricing, texts: Texts) -> None:
    st.download_button(texts["report"], lambda: memo(cases, pricing, texts), "report.html", "text/html")


def memo(cases: list[UseCase], pricing: Pricing, texts: Texts) -> str:
    """Return the report in the page's language."""
    with speaking(texts["language"]):
        return report_html(sources.records(), pricing, cases)


def _unmeasured(cases: list[UseCase], texts: Texts) -> None:
    """Show the use cases without measurements, each with the command that measures it."""
    if not cases:
        return
    st.subheader(texts["unmeasured"])
    for case in cases:
        left, right = st.columns([1, 1], vertical_alignment="center")
        title, summary = escape(translated(case.title)), escape(translated(case.summary))
        left.html(f"<b>{title}</b><br><small style='color:{GREY}'>{summary}</small>")
        with right:
            command_of(case, texts)


def command_of(case: UseCase, texts: Texts) -> None:
    """Show the command that measures a use case, or that none of its tasks is installed."""
    tasks = [task for task in case.tasks if task in sources.plugins().tasks]
    if not tasks:
        small(texts["no_task"].format(tasks=", ".join(case.tasks)))
        return
    command = ["harness", "run", SUITE, "--task", tasks[0], *_data_options(case, sources.plugins().tasks[tasks[0]])]
    if sources.location() != DEFAULT:
        command += ["--store", sources.location()]
    st.code(shlex.join(command), language=None, wrap_lines=True)


def _data_options(case: UseCase, task: Task) -> list[str]:
    """Return options with placeholders for the reader's data, if the use case or the task needs them."""
    if case.data and task.data_name not in case.data:
        return ["--data", f"{case.data[0]}.csv", "--data-name", case.data[0]]
    return ["--data", "reviews.csv"] if _needs_data(task) else []


def _needs_data(task: Task) -> bool:
    """Return whether a task has no default data."""
    try:
        task.check(None, {name: setting.default for name, setting in task.settings.items()})
    except DataError:
        return True
    return False
