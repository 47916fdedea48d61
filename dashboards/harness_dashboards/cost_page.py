"""The page of cost versus accuracy: every candidate with its intervals, and sliders that change prices."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from harness.facts import UseCase
from harness.records import Record
from harness_dashboards import sources, widgets
from harness_dashboards.parts import Texts, cost_sliders, defaults, grid, in_words, plain, price_line, small
from harness_reports.measured.results import Results
from harness_reports.prices.cost import cost
from harness_reports.prices.frontier import FRONTIER, frontier_rows
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import translated
from harness_reports.show import charts, formats


@dataclass(frozen=True)
class CostView:
    """The reader's selection."""

    records: Results
    pricing: Pricing


def show(texts: Texts) -> None:
    """Draw the page."""
    st.title(texts["cost_title"])
    st.markdown(texts["cost_intro"])
    view = _choose(texts)
    points = _frontier(view, texts)
    if points.empty:
        st.info(texts["no_points"])
        return
    _points(view, points, texts)
    _origins(view, texts)
    _downloads(view, texts)


def _choose(texts: Texts) -> CostView:
    """Return the sidebar's selection."""
    everything = sources.records()
    cases = sources.plugins().use_cases()
    with st.sidebar:
        st.header(texts["assumptions"])
        pricing = cost_sliders(texts)
        st.button(texts["reset"], on_click=widgets.reset, args=(defaults(),))
        st.header(texts["filters"])
        measured = sources.measured()
        offered = {name: case for name, case in cases.items() if sources.is_measured(case, measured)}
        titles = {name: translated(case.title) for name, case in offered.items()}
        chosen = st.multiselect(
            texts["use_case"],
            list(titles),
            format_func=titles.__getitem__,
            key="use_cases",
            placeholder=texts["every"],
        )
        hardware = _pick(texts["hardware"], everything, "hardware", texts)
        runtime = _pick(texts["runtime"], everything, "runtime", texts)
    selected_cases = [offered[name] for name in chosen]
    selected = Results(record for record in everything if _matches(record, selected_cases, hardware, runtime))
    # The unfiltered results keep their caches.
    return CostView(everything if len(selected) == len(everything) else selected, pricing)


def _pick(label: str, records: Results, key: str, texts: Texts) -> list[str]:
    options = sorted({str(record.spec[key]) for record in records if key in record.spec})
    return list(st.multiselect(label, options, key=key, placeholder=texts["every"]))


def _matches(record: Record, cases: list[UseCase], hardware: list[str], runtime: list[str]) -> bool:
    """Return whether a record passes the filters; what has no runtime or no hardware passes theirs."""
    spec = record.spec
    covered = any(case.covers(spec["task"], spec["data"]) for case in cases)
    return (
        (not cases or covered or record.step == "pretrain")
        and (not hardware or spec.get("hardware") in (None, *hardware))
        and (not runtime or spec.get("runtime") in (None, *runtime))
    )


# Chart, table, origins ------------------------------------------------------------------------------------------------


def _frontier(view: CostView, texts: Texts, metric: str | None = None) -> pd.DataFrame:
    frame = in_words(frontier_rows(view.records, view.pricing, metric), texts)
    return frame.reindex(columns=list(FRONTIER))


def _points(view: CostView, points: pd.DataFrame, texts: Texts) -> None:
    tasks = list(dict.fromkeys(points["task"]))
    for tab, task in zip(st.tabs([plain(task) for task in tasks]), tasks, strict=True):
        with tab:
            frame = _in_metric(view, task, points, texts)
            chart = charts.legend_below(charts.cost_accuracy(frame, texts))
            st.plotly_chart(chart, width="stretch", theme=None, key=f"chart-{task}")
            st.caption(texts["chart_note"])
            st.markdown(f"**{texts['candidates']}**")
            grid("frontier", frame, texts, task)


def _in_metric(view: CostView, task: str, points: pd.DataFrame, texts: Texts) -> pd.DataFrame:
    """Return a task's candidates in the metric that the reader selects, at first the deciding one."""
    records = Results(record for record in view.records if record.spec["task"] == task or record.step == "pretrain")
    names = records.metric_names
    chosen = names[0]
    if len(names) > 1:
        key = f"metric-{task}"
        chosen = st.segmented_control(texts["metric"], names, default=chosen, key=key, format_func=plain) or chosen
    frame = points if chosen == names[0] else _frontier(CostView(records, view.pricing), texts, chosen)
    return frame[frame["task"] == task].reset_index(drop=True)


def _origins(view: CostView, texts: Texts) -> None:
    items = {str(record.hardware.get("price_item")) for record in view.records}
    with st.expander(texts["prices"], expanded=True):
        for price in (view.pricing.prices[item] for item in sorted(items) if item in view.pricing.prices):
            small(price_line(price, view.pricing.stale(price), texts))


def _downloads(view: CostView, texts: Texts) -> None:
    st.download_button(
        texts["cost_table"], lambda: formats.csv("cost", cost(view.records, view.pricing)), "cost.csv", "text/csv"
    )
