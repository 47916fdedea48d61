"""The page of a figure's origin: its formula, inputs, records, prices and assumptions, as a tree."""

from __future__ import annotations

from html import escape

import streamlit as st

from harness.errors import FactError
from harness_dashboards import assumptions, sources
from harness_dashboards.case_page import chosen_case
from harness_dashboards.parts import (
    GREY,
    Texts,
    cost_sliders,
    heading,
    machine_prices,
    plain,
    show_error,
    small,
    stale,
    volume_slider,
)
from harness_dashboards.verdicts_page import at_volume
from harness_reports import cells
from harness_reports.explain.tables import NAMES, Assumed, Row, rows
from harness_reports.figures.explained import Explained, text
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import named, translated
from harness_reports.show.words import say

FIRST = {
    "cost": "usd_per_1k_inferences", "accuracy": "value", "throughput": "samples_per_s", "load": "answers_per_s",
    "cascade": "usd_per_1k_inferences",
    "viability": "npv_usd", "serving": "replicas", "alternatives": "npv_usd", "pretraining": "gain",
    "sensitivity": "swing_usd",
}  # fmt: skip
"""Table → the figure that is selected at first."""
MEASURED = ("accuracy", "throughput", "load")
"""Tables without a price."""
COLOURS = {
    "measured": "#1a7f4b", "estimated": "#b7791f", "declared": "#5f6b7a", "price": "#1f5fbf", "assumed": "#b3261e",
    "derived": "#374151",
}  # fmt: skip
STYLE = f"""<style>
.origin details {{border-left: 2px solid #e5e7eb; padding: .1rem 0 .1rem .9rem; margin: .25rem 0 .25rem .35rem}}
.origin summary {{cursor: pointer}}
.origin code {{background: #f3f4f6; padding: .05rem .3rem; border-radius: .2rem; color: #111827; white-space: pre-wrap}}
.origin .note {{color: {GREY}; font-size: .875rem; margin: .1rem 0; overflow-wrap: anywhere}}
.origin .kind {{color: #fff; border-radius: .6rem; padding: 0 .5rem; font-size: .75rem; margin-left: .4rem}}
</style>"""


def show(texts: Texts) -> None:
    """Draw the page."""
    st.title(texts["origin_title"])
    st.markdown(texts["origin_intro"])
    name = st.segmented_control(texts["table_of"], list(FIRST), default="cost", key="origin-table",
                                format_func=lambda one: texts[f"of_{one}"]) or "cost"  # fmt: skip
    with st.sidebar:
        st.header(texts["assumptions"])
        pricing = _pricing(name, texts)
    left, right = st.columns([1, 3])
    with left:
        group, choices = _of_case(name, pricing, texts) if _has_cases(name) else _of_task(name, pricing, texts)
    if not choices:
        st.info(texts["nothing_yet"])
        return
    with right:
        place: int = st.selectbox(
            texts["candidate"], range(len(choices)), key=f"origin-row-{name}-{group}-{texts['language']}",
            format_func=[row_label(choice, texts) for choice in choices].__getitem__,
        )  # fmt: skip
        stale(choices[place].cells, texts)
    figures = choices[place].figures()
    columns = list(figures)
    column = st.selectbox(
        texts["figure"], columns, columns.index(FIRST[name]), key=f"origin-column-{name}-{texts['language']}",
        format_func=lambda one: heading(one, texts),
    )  # fmt: skip
    _tree(figures[column], texts)


def _pricing(name: str, texts: Texts) -> Pricing:
    """Show the sliders that change a table, and return the prices under them."""
    if name in MEASURED:
        small(texts["prices_idle"])
        return sources.pricing()
    return cost_sliders(texts) if name in ("cost", "cascade") else machine_prices(texts)


def _has_cases(name: str) -> bool:
    return "use_case" in NAMES[name]


def _of_task(name: str, pricing: Pricing, texts: Texts) -> tuple[str, list[Row]]:
    """Return the task that the reader selects, and its rows."""
    table = rows(name, sources.records(), pricing)
    tasks = list(dict.fromkeys(str(row.cells["task"]) for row in table))
    task = st.selectbox(texts["task"], tasks, key=f"origin-task-{name}")
    return str(task), [row for row in table if row.cells["task"] == task]


def _of_case(name: str, pricing: Pricing, texts: Texts) -> tuple[str, list[Row]]:
    """Return the use case that the reader selects, and its rows under the reader's assumptions."""
    case = chosen_case(texts)
    with st.sidebar:
        volume = volume_slider(texts)
    try:
        assumed = Assumed({case.name: at_volume(assumptions.edited(case), volume)})
        table = rows(name, sources.records(), pricing, assumed)
    except FactError as error:
        show_error(error)
        return case.name, []
    return case.name, [row for row in table if row.cells["use_case"] == case.name]


def row_label(row: Row, texts: Texts) -> str:
    """Return a row's names, without the selected task or use case; the page shows why a row is stale below."""
    left_out = ("use_case" if _has_cases(row.table) else "task", "stale")
    names = [name for name in NAMES[row.table] if name not in left_out and not cells.missing(row.cells[name])]
    words = " · ".join(named("cell", cells.cell(row.cells[name])) for name in names)
    return words if cells.missing(row.cells["stale"]) else f"{words} ({heading('stale', texts)})"


def _tree(figure: Explained, texts: Texts) -> None:
    st.subheader(plain(figure.line), anchor=False)
    st.html(f"{STYLE}<div class='origin'>{html(figure, texts)}</div>")
    st.download_button(texts["as_text"], text(figure), f"{figure.name}.txt", "text/plain")


def html(figure: Explained, texts: Texts) -> str:
    """Return the tree as HTML that folds; names, notes and sources are escaped."""
    kind = f"<span class='kind' style='background:{COLOURS[figure.kind]}'>{escape(texts[figure.kind])}</span>"
    summary = f"<b>{escape(figure.name)}</b> = {escape(figure.line.partition(' = ')[2])}{kind}"
    formula = f"<div><code>{escape(figure.readable)}</code></div><div><code>= {escape(figure.put_in)}</code></div>"
    notes = "".join(
        f"<div class='note'>{escape(say(translated(line)))}</div>" for line in (figure.note, figure.source) if line
    )
    inner = (formula if figure.formula else "") + notes + "".join(html(part, texts) for part in figure.inputs)
    return f"<details open><summary>{summary}</summary>{inner}</details>"
