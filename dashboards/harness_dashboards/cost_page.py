"""The page for decisions: cost versus accuracy, with sliders that reprice without measuring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from harness.facts import UseCase
from harness.records import Record
from harness_dashboards import sources
from harness_dashboards.parts import DEFAULTS, Texts, count, grid, price_line, price_sliders, small, usd
from harness_reports import charts, formats
from harness_reports.cost import cost
from harness_reports.frontier import frontier
from harness_reports.lineage import label
from harness_reports.market import read_market
from harness_reports.pricing import Pricing
from harness_reports.quality import metric_names
from harness_reports.report import html as report_html
from harness_reports.viability import viability

COLOURS = {"invest": "#1a7f4b", "pilot": "#b7791f", "do not invest": "#b3261e", "not enough evidence": "#5f6b7a"}
ORDER = list(COLOURS)
VOLUMES = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0]


@dataclass(frozen=True)
class View:
    """What the reader chose."""

    records: list[Record]
    pricing: Pricing
    use_cases: dict[str, UseCase]
    volume: float


def show(texts: Texts) -> None:
    """Draw the page."""
    st.title(texts["cost_title"])
    st.markdown(texts["cost_intro"])
    view = _choose(texts)
    points = frontier(view.records, view.pricing)
    if points.empty:
        st.info(texts["no_points"])
        return
    _verdicts(view, texts)
    _points(view, points, texts)
    _origins(view, texts)
    _downloads(view, texts)


def _choose(texts: Texts) -> View:
    """Return what the sidebar says."""
    everything = list(sources.records())
    cases = sources.plugins().use_cases()
    with st.sidebar:
        st.header(texts["assumptions"])
        pricing = price_sliders(texts)
        volume = st.select_slider(texts["volume"], VOLUMES, 1.0, key="volume", format_func="{:g}×".format)
        st.button(texts["reset"], on_click=_reset)
        st.header(texts["filters"])
        measured = {record.asked["task"] for record in everything if record.step == "evaluate"}
        offered = {name: case for name, case in cases.items() if measured & set(case.tasks)}
        chosen = st.multiselect(
            texts["use_case"], list(offered), format_func=lambda name: offered[name].title, key="use_cases"
        )
        hardware = _pick(texts["hardware"], everything, "hardware")
        runtime = _pick(texts["runtime"], everything, "runtime")
    kept = {name: case for name, case in offered.items() if not chosen or name in chosen}
    tasks = {task for case in kept.values() for task in case.tasks} if chosen else None
    records = [record for record in everything if _wanted(record, tasks, hardware, runtime)]
    return View(records, pricing, kept, volume)


def _reset() -> None:
    st.session_state.update({**DEFAULTS, "volume": 1.0})


def _pick(label: str, records: list[Record], key: str) -> list[str]:
    known = sorted({str(record.asked[key]) for record in records if key in record.asked})
    return list(st.multiselect(label, known, key=key))


def _wanted(record: Record, tasks: set[str] | None, hardware: list[str], runtime: list[str]) -> bool:
    """Keep training, which has no runtime, beside the runtimes that were chosen."""
    asked = record.asked
    return (
        (tasks is None or asked["task"] in tasks or record.step == "pretrain")
        and (not hardware or asked["hardware"] in hardware)
        and (not runtime or asked.get("runtime") in (None, *runtime))
    )


# Verdicts -------------------------------------------------------------------------------------------------------------


def _verdicts(view: View, texts: Texts) -> None:
    rows = [_of_case(view, case) for case in view.use_cases.values()]
    shown = [own for own in rows if not own.empty]
    if not shown:
        return
    st.subheader(texts["verdicts"])
    for column, own in zip(st.columns(max(2, len(shown))), shown, strict=False):
        with column, st.container(border=True):
            _card(own, texts)


def _of_case(view: View, case: UseCase) -> pd.DataFrame:
    demand = {"requests_per_year": read_market(case, {}).requests_per_year * view.volume}
    return viability(view.records, view.pricing, [case], demand)


def _card(own: pd.DataFrame, texts: Texts) -> None:
    rows = sorted(own.to_dict("records"), key=lambda row: (ORDER.index(row["verdict"]), -_number(row["npv_usd"])))
    best = rows[0]
    verdict = f"<span style='color:{COLOURS[best['verdict']]};font-weight:700'>{escape(texts[best['verdict']])}</span>"
    st.html(f"<div style='font-size:1.25rem'>{escape(str(best['title']))}: {verdict}</div>")
    st.html(f"<div style='color:#5f6b7a'>{escape(texts['best'])}: <b>{escape(_who(best))}</b></div>")
    serving, margin, even, worth = st.columns(4)
    serving.metric(texts["serving"], usd(best["unit_serving_usd"], 1e6))
    margin.metric(texts["unit_margin"], usd(best["unit_margin_usd"], 1e6))
    even.metric(texts["break_even"], count(best["break_even_requests"], texts))
    worth.metric(texts["npv"], usd(best["npv_usd"]))
    span = texts["from_to"].format(low=usd(best["npv_low_usd"]), high=usd(best["npv_high_usd"]))
    st.html(
        f"<div style='color:#5f6b7a'>{escape(texts['npv'])}: {escape(span)} · "
        f"{escape(count(best['requests_per_year'], texts))} {escape(texts['requests'])}</div>"
        f"<div style='margin-top:.5rem'>{escape(formats.cell(best['reasons']))}</div>"
    )
    with st.expander(texts["all_candidates"]):
        grid("viability", pd.DataFrame(rows).drop(columns=["figures"], errors="ignore"))
        st.html(f"<small>{escape(texts['figures'])}: {escape(formats.cell(best['figures']))}</small>")


def _who(row: Mapping[Any, Any]) -> str:
    return label({str(name): value for name, value in row.items()})


def _number(value: Any) -> float:
    return float("-inf") if formats.missing(value) else float(value)


# Chart, table, origins ------------------------------------------------------------------------------------------------


def _points(view: View, points: pd.DataFrame, texts: Texts) -> None:
    st.subheader(texts["cost_page"])
    tasks = list(dict.fromkeys(points["task"]))
    for tab, task in zip(st.tabs(tasks), tasks, strict=True):
        with tab:
            own = _in_metric(view, task, points, texts)
            st.plotly_chart(charts.cost_accuracy(own), width="stretch", theme=None, key=f"chart-{task}")
            st.caption(texts["chart_note"])
            st.markdown(f"**{texts['candidates']}**")
            grid("frontier", own)


def _in_metric(view: View, task: str, points: pd.DataFrame, texts: Texts) -> pd.DataFrame:
    """Return a task's candidates in the metric that the reader chose, the deciding one where there is no other."""
    own = [record for record in view.records if record.asked["task"] == task or record.step == "pretrain"]
    names = metric_names([record for record in own if record.step == "evaluate"])
    chosen = names[0]
    if len(names) > 1:
        chosen = st.segmented_control(texts["metric"], names, default=chosen, key=f"metric-{task}") or chosen
    frame = points if chosen == names[0] else frontier(own, view.pricing, chosen)
    return frame[frame["task"] == task].reset_index(drop=True)


def _origins(view: View, texts: Texts) -> None:
    items = {str((record.environment.get("hardware") or {}).get("price_item")) for record in view.records}
    with st.expander(texts["prices"], expanded=True):
        for price in (view.pricing.prices[item] for item in sorted(items) if item in view.pricing.prices):
            small(price_line(price, texts))


def _downloads(view: View, texts: Texts) -> None:
    left, right, _ = st.columns([1, 1, 3])
    csv = formats.csv("cost", cost(view.records, view.pricing))
    left.download_button(texts["table"], csv, "cost.csv", "text/csv")
    right.download_button(
        texts["report"],
        lambda: report_html(view.records, view.pricing, view.use_cases),
        "report.html",
        "text/html",
    )
