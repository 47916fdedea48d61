"""The page that compares candidates item by item: a table, a forest plot, and the answers of both."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import pandas as pd
import streamlit as st

from harness.errors import HarnessError
from harness_dashboards import sources, widgets
from harness_dashboards.parts import (
    GREY,
    Texts,
    cost_sliders,
    defaults,
    download,
    grid,
    heading,
    plain,
    show_error,
    small,
)
from harness_reports import cells
from harness_reports.measured.answers import SEARCHED, answers, chosen, clipped, outcomes
from harness_reports.measured.pairs import telling_names
from harness_reports.measured.results import Measured
from harness_reports.prices.pricing import Pricing
from harness_reports.show.charts_compare import forest

FIRST = 5
"""Candidates that are selected at first."""
ALL = "all"
ANSWERS = ("place", "outcome", "input", "target", "reference_output", "output", "reference_score", "score")
GRADED_BY = ("reference_graded_by", "graded_by")
"""Columns besides, of open answers."""
STYLE = f"""<style>
.answers {{display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: .6rem 1.2rem}}
.answers .input {{grid-column: 1 / -1}}
.answers h4 {{font-size: .85rem; color: {GREY}; margin: 0; padding: 0}}
.answers pre {{white-space: pre-wrap; overflow-wrap: anywhere; margin: .1rem 0; font-size: .9rem; max-height: 24rem;
  overflow-y: auto; unicode-bidi: plaintext}}
</style>"""


class View(NamedTuple):
    """The reader's selection."""

    task: str
    data: str
    metric: str
    names: tuple[str, ...]
    """The reference and the candidates."""
    margin: float | None
    pricing: Pricing
    better: int
    """1 where more of the metric is better, else -1."""


def show(texts: Texts) -> None:
    """Draw the page."""
    st.title(texts["compare_title"])
    st.markdown(texts["compare_intro"])
    view = _choose(texts)
    if view is None:
        return
    try:
        frame = sources.comparison(view.names, view.pricing, (view.task, view.data), view.metric, view.margin)
    except HarnessError as error:
        show_error(error)
        return
    st.plotly_chart(forest(frame, view.better), width="stretch", theme=None, key="forest")
    st.caption(texts["forest_note"])
    grid("comparison", frame, texts)
    _notes(frame, texts)
    _answers(view, texts)


def _notes(frame: pd.DataFrame, texts: Texts) -> None:
    """Show why cells are empty, folded, and what is stale."""
    notes = list(dict.fromkeys(frame["note"].dropna()))
    if notes:
        with st.expander(texts["compare_notes"].format(count=len(notes))):
            for note in notes:
                small(note)
    for why in dict.fromkeys(frame["stale"].dropna()):
        small(texts["stale_because"].format(what=why))


# What is compared -----------------------------------------------------------------------------------------------------


def _choose(texts: Texts) -> View | None:
    """Return the reader's selection, None where there is nothing to compare."""
    groups: dict[str, list[Measured]] = {}
    for each in sources.records().evaluated:
        groups.setdefault(f"{each.key.task}: {each.key.data}", []).append(each)
    groups = {title: group for title, group in groups.items() if len(group) > 1}
    if not groups:
        st.info(texts["compare_nothing"])
        return None
    left, middle, right = st.columns([2, 2, 3])
    title = str(left.selectbox(texts["compare_task"], list(groups), key="compare-task"))
    names = dict(zip(telling_names(groups[title]), groups[title], strict=True))
    reference = middle.selectbox(texts["compare_reference"], list(names), _baseline(names), key=f"reference-{title}")
    others = [name for name in names if name != reference]
    candidates = right.multiselect(
        texts["candidates"], others, others[:FIRST], key=f"candidates-{title}-{reference}", placeholder=texts["every"]
    )
    quality = names[reference].quality
    metrics = [metric["name"] for metric in quality.newest.metrics] if quality else []
    metric, margin = _metric(metrics, title, texts), _margin(texts)
    with st.sidebar:
        st.header(texts["assumptions"])
        pricing = cost_sliders(texts)
        st.button(texts["reset"], on_click=widgets.reset, args=(defaults(),))
    graded = names[reference].quality_in(metric)
    better = graded.sign if graded is not None else 1
    place = names[reference].key
    return View(place.task, place.data, metric, (reference, *(candidates or others)), margin, pricing, better)


def _baseline(names: dict[str, Measured]) -> int:
    """Return the place of the task's baseline among the names, 0 where it is not there."""
    models = [each.key.model for each in names.values()]
    baselines = {each.quality.baseline for each in names.values() if each.quality is not None}
    return next((place for place, model in enumerate(models) if model in baselines), 0)


def _metric(metrics: Sequence[str], key: str, texts: Texts) -> str:
    if len(metrics) == 1:
        return metrics[0]
    chosen_one = st.segmented_control(
        texts["metric"], metrics, default=metrics[0], key=f"compare-metric-{key}", format_func=plain
    )
    return str(chosen_one or metrics[0])


def _margin(texts: Texts) -> float | None:
    margin = st.number_input(
        texts["compare_margin"], 0.0, None, None, step=0.01, format="%.4g", key="compare-margin",
        placeholder=texts["compare_no_margin"], help=texts["compare_margin_help"],
    )  # fmt: skip
    return None if margin is None else float(margin)


# Answers --------------------------------------------------------------------------------------------------------------


def _answers(view: View, texts: Texts) -> None:
    st.subheader(texts["answers_title"])
    reference, *candidates = view.names
    candidate = candidates[0]
    if len(candidates) > 1:
        candidate = st.selectbox(texts["candidate"], candidates, key=f"answers-{view.task}-{reference}")
    wanted = {"task": view.task, "data": view.data, "metric": view.metric}
    frame = answers(sources.records(), [reference, candidate], **wanted)
    if frame.empty or frame[list(SEARCHED)].isna().all(axis=None):
        small(texts["answers_without_texts"])
    rows = _chosen(frame, texts)
    small(texts["answers_count"].format(count=f"{len(rows):,}", all=f"{len(frame):,}"))
    if rows.empty:
        return
    columns = [*ANSWERS, *(name for name in GRADED_BY if frame[name].notna().any())]
    shown = clipped(rows)[columns].map(cells.cell)
    for column in {"outcome", *GRADED_BY} & set(columns):
        shown[column] = shown[column].map(lambda name: texts.get(f"cell_{name}", name))
    st.dataframe(shown.rename(columns=lambda name: heading(name, texts)), hide_index=True, width="stretch")
    download("answers", rows, texts)
    _one(rows, reference, candidate, texts)


def _chosen(frame: pd.DataFrame, texts: Texts) -> pd.DataFrame:
    """Return the rows of the outcome and with the text that the reader chooses."""
    counts = {ALL: len(frame), **outcomes(frame)}
    outcome = st.pills(
        texts["answers_of"], list(counts), default=ALL, key=f"outcome-{'-'.join(counts)}",
        format_func=lambda name: f"{texts[ALL if name == ALL else f'cell_{name}']} ({counts[name]:,})",
    )  # fmt: skip
    search = st.text_input(texts["answers_search"], key="answers-search")
    return chosen(frame, None if outcome in (ALL, None) else outcome, search)


def _one(rows: pd.DataFrame, reference: str, candidate: str, texts: Texts) -> None:
    """Show one item with its answers in full, escaped."""
    places = rows["place"].tolist()
    place = st.selectbox(texts["answers_read"], places, format_func=lambda one: f"{one:,}", key="answers-place")
    row = rows.iloc[places.index(place)]
    titles = {
        "input": texts["column_input"], "target": texts["column_target"], "reference_output": reference,
        "output": candidate,
    }  # fmt: skip
    parts = (
        f"<div class='{name}'><h4>{escape(title)}</h4><pre dir='auto'>{escape(cells.cell(row[name]))}</pre></div>"
        for name, title in titles.items()
    )
    st.html(f"{STYLE}<div class='answers'>{''.join(parts)}</div>")
