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
from harness_reports import charts, formats
from harness_reports.cost import cost
from harness_reports.frontier import frontier
from harness_reports.lineage import label
from harness_reports.market import read_market
from harness_reports.pricing import Pricing
from harness_reports.report import html as report_html
from harness_reports.viability import viability

Texts = Mapping[str, str]
COLOURS = {"invest": "#1a7f4b", "pilot": "#b7791f", "do not invest": "#b3261e", "not enough evidence": "#5f6b7a"}
ORDER = list(COLOURS)
DEFAULTS = {"multiplier": 1.0, "utilisation": 100, "volume": 1.0}
SMALLEST = 0.001
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
    _points(points, texts)
    _origins(view, texts)
    _downloads(view, texts)


def _choose(texts: Texts) -> View:
    """Return what the sidebar says."""
    everything = list(sources.records())
    cases = sources.plugins().use_cases()
    with st.sidebar:
        st.header(texts["assumptions"])
        multiplier = st.slider(texts["price_multiplier"], 0.1, 3.0, DEFAULTS["multiplier"], 0.1, key="multiplier")
        utilisation = st.slider(texts["utilisation"], 5, 100, int(DEFAULTS["utilisation"]), 5, key="utilisation")
        volume = st.select_slider(
            texts["volume"], VOLUMES, DEFAULTS["volume"], key="volume", format_func="{:g}×".format
        )
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
    return View(records, sources.pricing(multiplier, utilisation / 100), kept, volume)


def _reset() -> None:
    st.session_state.update(DEFAULTS)


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
    serving.metric(texts["serving"], _usd(best["unit_serving_usd"], 1e6))
    margin.metric(texts["unit_margin"], _usd(best["unit_margin_usd"], 1e6))
    even.metric(texts["break_even"], _count(best["break_even_requests"], texts))
    worth.metric(texts["npv"], _usd(best["npv_usd"]))
    span = texts["from_to"].format(low=_usd(best["npv_low_usd"]), high=_usd(best["npv_high_usd"]))
    st.html(
        f"<div style='color:#5f6b7a'>{escape(texts['npv'])}: {escape(span)} · "
        f"{escape(_count(best['requests_per_year'], texts))} {escape(texts['requests'])}</div>"
        f"<div style='margin-top:.5rem'>{escape(formats.cell(best['reasons']))}</div>"
    )
    with st.expander(texts["all_candidates"]):
        _grid("viability", pd.DataFrame(rows).drop(columns=["figures"], errors="ignore"))
        st.html(f"<small>{escape(texts['figures'])}: {escape(formats.cell(best['figures']))}</small>")


def _who(row: Mapping[Any, Any]) -> str:
    return label({str(name): value for name, value in row.items()})


def _number(value: Any) -> float:
    return float("-inf") if formats.missing(value) else float(value)


def _usd(value: Any, times: float = 1.0) -> str:
    if formats.missing(value):
        return formats.MISSING
    amount = float(value) * times
    return f"{'−' if amount < 0 else ''}{_short(abs(amount))}"


def _count(value: Any, texts: Texts) -> str:
    return texts["never"] if formats.missing(value) else _short(float(value))


def _short(amount: float) -> str:
    """Return three digits with k, M or B."""
    for limit, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if amount >= limit:
            return f"{amount / limit:.3g}{unit}"
    return f"{amount:.3g}" if amount == 0 or amount >= SMALLEST else f"{amount:.1e}"


# Chart, table, origins ------------------------------------------------------------------------------------------------


def _points(points: pd.DataFrame, texts: Texts) -> None:
    st.subheader(texts["cost_page"])
    tasks = list(dict.fromkeys(points["task"]))
    for tab, task in zip(st.tabs(tasks), tasks, strict=True):
        own = points[points["task"] == task].reset_index(drop=True)
        with tab:
            st.plotly_chart(charts.cost_accuracy(own), width="stretch", theme=None, key=f"chart-{task}")
            st.caption(texts["chart_note"])
            st.markdown(f"**{texts['candidates']}**")
            _grid("frontier", own)


def _grid(name: str, frame: pd.DataFrame) -> None:
    """Show a table as the report shows it: same columns, same figures."""
    table, same = formats.shown(name, frame)
    st.dataframe(table.astype(str), hide_index=True, width="stretch")
    if same:
        st.html(f"<small>{escape(same)}</small>")


def _origins(view: View, texts: Texts) -> None:
    items = {str((record.environment.get("hardware") or {}).get("price_item")) for record in view.records}
    with st.expander(texts["prices"], expanded=True):
        for price in (view.pricing.prices[item] for item in sorted(items) if item in view.pricing.prices):
            line = texts["price_line"].format(
                item=price.item,
                usd=f"{price.usd:.4f}",
                provider=price.provider,
                offer=price.offer,
                region=price.region,
                day=price.as_of,
                note=f"({price.as_of_note})" if price.as_of_note else "",
                source=price.source,
            )
            st.html(f"<small>{escape(line)}</small>")


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
