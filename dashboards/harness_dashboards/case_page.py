"""The page of a use case: its verdict, needs against measurements, charts, and a field for every assumption."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, NamedTuple

import streamlit as st

from harness.errors import FactError
from harness.facts import UseCase
from harness_dashboards import assumptions, case_file, sources, widgets
from harness_dashboards.parts import (
    GREY,
    Texts,
    count,
    defaults,
    grid,
    headline,
    in_words,
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
from harness_dashboards.verdicts_page import at_volume, candidate_label, command_of, moved_label
from harness_reports import cells
from harness_reports.business import chart_data
from harness_reports.business.alternatives import alternatives_of
from harness_reports.business.explained_row import ExplainedRow
from harness_reports.business.needs import needs
from harness_reports.business.own_machines import on_machines
from harness_reports.business.viability import Candidates, CandidateVerdict
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import Reasons, translated
from harness_reports.show import charts_case, report_case

MET_COLOURS = {"yes": "#1a7f4b", "maybe": "#9a6200", "no": "#b3261e", "unknown": GREY, "not measured": GREY}
BEST = -1
"""The option of the best candidate, before the places of all."""


class CaseView(NamedTuple):
    """The data of the page."""

    use_case: UseCase
    """With the reader's figures."""
    candidates: Candidates
    candidate: CandidateVerdict
    """The selected one."""
    before: Mapping[str, Any] | None
    """Its row without the reader's changes; None where there are none."""


def show(texts: Texts) -> None:
    """Draw the page."""
    st.title(texts["case_title"])
    st.markdown(texts["case_intro"])
    left, right = st.columns(2)
    with left:
        packaged = chosen_case(texts)
    pricing, volume = _sidebar(packaged, texts)
    try:
        case = at_volume(assumptions.edited(packaged), volume)
        candidates = sources.candidates(case, pricing)
    except FactError as error:
        show_error(error)
        return
    if candidates is None:
        st.info(texts["not_measured_yet"])
        command_of(case, texts)
    else:
        with right:
            view = _view(case, candidates, pricing, texts)
        _verdict(view, texts)
        _needs(view, texts)
        others = alternatives_of(candidates)
        _charts(view, others, texts)
        _tables(view, others, texts)
    case_file.save(case, texts)


def chosen_case(texts: Texts) -> UseCase:
    """Let the reader select a use case; measured ones come first."""
    cases: dict[str, UseCase] = sources.plugins().use_cases()
    measured = sources.measured()
    names = sorted(cases, key=lambda name: (not sources.is_measured(cases[name], measured), cases[name].title))
    widgets.begin("case", names[0])
    if st.session_state["case"] not in names:
        st.session_state["case"] = names[0]
    titles = {one: translated(cases[one].title) for one in names}
    name: str = st.selectbox(texts["use_case"], names, key="case", format_func=titles.__getitem__)
    widgets.keep("case", name, None)
    small(translated(cases[name].summary))
    return cases[name]


def _sidebar(case: UseCase, texts: Texts) -> tuple[Pricing, float]:
    """Show every assumption; return prices and the factor on demand."""
    with st.sidebar:
        st.header(texts["assumptions"])
        st.button(texts["reset"], on_click=_reset, args=(case,), width="stretch")
        pricing = machine_prices(texts)
        volume = volume_slider(texts)
        assumptions.fields(case, texts)
    return pricing, volume


def _reset(case: UseCase) -> None:
    assumptions.reset(case)
    widgets.reset({**defaults(), "volume": 1.0})


def _view(case: UseCase, candidates: Candidates, pricing: Pricing, texts: Texts) -> CaseView:
    """Let the reader select a candidate; the best one at first."""
    best = candidate_label(candidates.best.row)
    ordered = candidates.ranked

    def option(row: Mapping[str, Any]) -> str:
        return f"{candidate_label(row)}: {texts[row['verdict']]}, {texts['npv']} {usd(row['npv_mean_usd'])}"

    options = {BEST: texts["best_of"].format(count=len(ordered), best=best)}
    options |= {place: option(each.row) for place, each in enumerate(ordered)}

    key = f"candidate-{case.name}-{texts['language']}"
    place = st.selectbox(texts["candidate"], list(options), format_func=options.__getitem__, key=key)
    chosen = candidates.best if place == BEST else ordered[place]
    before = sources.before(case, pricing)
    return CaseView(case, candidates, chosen, None if before is None else _row_before(before, chosen, place))


def _row_before(before: Candidates, chosen: CandidateVerdict, place: int) -> dict[str, Any]:
    """Return the row of the same candidate, of the best one for the best."""
    same = [each.row for each in before.judged if each.evidence.key == chosen.evidence.key]
    return before.best.row if place == BEST else same[0]


# Verdict ------------------------------------------------------------------------------------------------------------


def _verdict(view: CaseView, texts: Texts) -> None:
    row = view.candidate.row
    with st.container(border=True):
        wrong = row["probability_wrong"]
        risk = "" if wrong is None else f" · {escape(texts['wrong'].format(probability=cells.share(wrong)))}"
        verdict = moved_badge(row["verdict"], view.before, texts)
        st.html(f"<div style='font-size:1.2rem'>{verdict}<small style='color:{GREY}'>{risk}</small></div>")
        headline(view.candidates.headline, texts)
        if view.before is not None:
            small(moved_label(row, view.before))
        stale(row, texts)
        if row["price_stale"]:
            small(sentence(row["price_stale"], texts))
        metrics(_figures(row, texts), {} if view.before is None else _figures(view.before, texts), 3, texts)
        if row["npv_mean_usd"] is not None:
            small(texts["base_case_note"])
        for name, column in (("reason", "reasons"), ("flip", "flip"), ("next", "next_measurement"),
                             ("drivers", "drivers")):  # fmt: skip
            if row[column]:
                st.html(f"<b>{escape(texts[name])}</b> {escape(sentence(row[column], texts))}")
        meanings(texts)


def _figures(row: Mapping[str, Any], texts: Texts) -> dict[str, str]:
    priced = row["npv_mean_usd"] is not None
    low, high = usd(row["npv_low_usd"]), usd(row["npv_high_usd"])
    return {
        "npv": usd(row["npv_mean_usd"]),
        "npv_range": f"{low} … {high}" if priced else cells.MISSING,
        "probability_positive": cells.share(row["probability_positive"]),
        "unit_margin": margin(row),
        "payback": years(row["payback_years"], texts) if priced else cells.MISSING,
        "break_even": count(row["break_even_requests"], texts) if priced else cells.MISSING,
    }


def _needs(view: CaseView, texts: Texts) -> None:
    """Show needs against measurements."""
    st.subheader(texts["needs_title"])
    rows = needs(view.candidates.market, view.candidate)
    names = ("need", "needed", "measured", "interval", "met")
    head = "".join(f"<th>{escape(texts[f'needs_{name}'])}</th>" for name in names)
    body = "".join(_need(row, texts) for row in rows)
    st.html(f"<div style='overflow-x:auto'><table class='needs'><tr>{head}</tr>{body}</table></div>")


def _need(row: Mapping[str, Any], texts: Texts) -> str:
    interval = "" if row["low"] is None else f"{cells.cell(row['low'])} … {cells.cell(row['high'])}"
    met = f"<b style='color:{MET_COLOURS[row['met']]}'>{escape(texts['met_' + row['met']])}</b>"
    why = f" <small>{escape(sentence(row['why'], texts))}</small>" if row["why"] else ""
    needed = f"{cells.cell(row['needed'])} <small>{escape(translated(row['unit']))}</small>"
    title = escape(texts[f"figure_{row['need']}"])
    return (
        f"<tr><td>{title}</td><td>{needed}</td><td>{escape(cells.cell(row['measured']))}</td>"
        f"<td>{escape(interval)}</td><td>{met}{why}</td></tr>"
    )


# Charts and tables ----------------------------------------------------------------------------------------------------


def _charts(view: CaseView, others: list[ExplainedRow], texts: Texts) -> None:
    business = view.candidate.business
    if business is None:
        return
    left, right = st.columns(2)
    with left:
        _chart("fan", charts_case.fan(chart_data.fan(view.candidates, view.candidate), texts), texts)
    names = {name: texts[f"input_{name}"] for name in business.inputs}
    with right:
        _chart("tornado", charts_case.tornado(chart_data.swings(business), names, texts), texts)
    left, right = st.columns(2)
    with left:
        _chart("break_even", report_case.break_even(view.candidates.market, view.candidate, business, texts), texts)
    with right:
        _own_or_calls(view, others, texts)


def _chart(name: str, figure: Any, texts: Texts) -> None:
    st.markdown(f"**{texts[f'{name}_title']}**", help=texts[f"{name}_help"])
    st.plotly_chart(figure, width="stretch", theme=None, key=f"chart-{name}", config={"displayModeBar": False})


def _own_or_calls(view: CaseView, others: list[ExplainedRow], texts: Texts) -> None:
    """Chart the cost of the best candidate's machines against that of the use case's hosted models, if it names any."""
    hosted = [each for each in others if each.row["alternative"] == "hosted"]
    if not hosted or not on_machines(view.candidates):
        st.markdown(f"**{texts['own_or_calls_title']}**")
        small(texts["no_own_machines" if hosted else "no_hosted"])
        return
    _chart("own_or_calls", report_case.own_or_calls(view.candidates, hosted, texts), texts)
    excluded: dict[Reasons, list[str]] = {}
    for row in (each.row for each in hosted if each.row["excluded"]):
        excluded.setdefault(row["excluded"], []).append(row["hosted_model"])
    for needs_missed, names in excluded.items():
        small(f"{texts['excluded']} ({', '.join(names)}): {sentence(needs_missed, texts)}")


def _tables(view: CaseView, others: list[ExplainedRow], texts: Texts) -> None:
    with st.expander(texts["alternatives"]):
        grid("alternatives", in_words([each.row for each in others], texts), texts)
    with st.expander(texts["all_candidates"]):
        grid("viability", in_words(view.candidates.rows, texts), texts)
