"""One use case in the report: needs, value over the years, sensitivity and alternatives."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import pandas as pd

from harness_reports.business import chart_data
from harness_reports.business.alternatives import alternatives_of
from harness_reports.business.business import Business
from harness_reports.business.explained_row import ExplainedRow
from harness_reports.business.market import Market
from harness_reports.business.needs import needs
from harness_reports.business.own_machines import drawn_machines, on_machines, own_machines
from harness_reports.business.viability import Candidates, CandidateVerdict
from harness_reports.business.viability_figures import viability_figures
from harness_reports.measured.lineage import label
from harness_reports.reasons import as_text, named, translated
from harness_reports.show import charts_case
from harness_reports.show.report_parts import badge, figure, html_table, table
from harness_reports.show.words import in_language, say

_POINTS = 400
"""Volumes of the chart of machines and calls: enough for the steps of whole machines to look vertical."""
_DRAWS = 1000
"""Draws of its bands."""


def case_html(candidates: Candidates, number: int) -> str:
    """Return a use case with its best candidate.

    Raises:
        FactError: as `harness_reports.business.alternatives`.
    """
    use_case, others = candidates.market.use_case, alternatives_of(candidates)
    best = as_text(candidates.best.row)
    met = [as_text(row) for row in needs(candidates.market, candidates.best)]
    who = say("{label} on {runtime}, {hardware}").format(
        label=label(best), runtime=best["runtime"], hardware=best["hardware"]
    )
    summary = say("{summary} Best candidate: ").format(summary=translated(use_case.summary))
    return "".join(
        (
            f"<h3>{escape(translated(use_case.title))} {badge(best['verdict'])}</h3>",
            f"<p>{escape(summary)}<b>{escape(who)}</b>{say('. ')}{escape(best['reasons'])}</p>",
            f"<p><b>{escape(str(candidates.headline))}</b></p>" if candidates.headline else "",
            f"<p><b>{escape(best['flip'])}</b></p>" if best["flip"] else "",
            f"<p>{escape(best['next_measurement'])}</p>" if best["next_measurement"] else "",
            f"<h4>{say('Needs against measurements')}</h4>",
            html_table(met),
            _charts(candidates, others, number),
            f"<h4>{say('Alternatives')}</h4>",
            table("alternatives", pd.DataFrame([as_text(each.row) for each in others])),
        )
    )


def _charts(candidates: Candidates, others: list[ExplainedRow], number: int) -> str:
    best = candidates.best
    if best.business is None:
        return ""
    words = in_language(charts_case.WORDS)
    inputs = {name: named("input", name, name.replace("_", " ")) for name in best.business.inputs}
    figures = {
        say("Net present value by year"): charts_case.fan(chart_data.fan(candidates, best), words),
        say("Drivers"): charts_case.tornado(chart_data.swings(best.business), inputs, words),
        say("Break-even volume"): break_even(candidates.market, best, best.business, words),
    }
    hosted = [each for each in others if each.row["alternative"] == "hosted"]
    if hosted and on_machines(candidates):
        figures[say("Own machines or calls of a hosted model")] = own_or_calls(candidates, hosted, words)
    parts = (
        f"<div class='chart'><h4>{escape(title)}</h4>{figure(chart, f'case-{number}-{place}')}</div>"
        for place, (title, chart) in enumerate(figures.items())
    )
    return f"<div class='charts'>{''.join(parts)}</div>"


def break_even(market: Market, judged: CandidateVerdict, business: Business, words: Any = charts_case.WORDS) -> Any:
    """Return the chart of the net present value over the volume, out to twice the demand or beyond the break-even."""
    expected, even = judged.row["requests_per_year"], judged.row["break_even_requests"]
    most = max(expected * 2, min(even or 0.0, expected * 10) * 1.3)
    frame = chart_data.npv_by_volume(market, business, np.linspace(0.0, most, _POINTS))
    return charts_case.break_even(frame, expected, even, words)


def own_or_calls(candidates: Candidates, hosted: list[ExplainedRow], words: Any = charts_case.WORDS) -> Any:
    """Return the chart of own machines against hosted models, with the break-evens with the cheapest marked.

    Args:
        candidates: of the use case.
        hosted: hosted models among the alternatives of a use case.
        words: labels.
    """
    rows = [each.row for each in hosted]
    machines = own_machines(candidates, viability_figures(candidates.market, candidates.best))
    drawn = drawn_machines(candidates, _DRAWS)
    cheapest = min(rows, key=lambda row: float(row["unit_serving_usd"]))
    first, always = (cheapest[f"{name}_requests_per_month"] for name in ("first_break_even", "always_cheaper_above"))
    most = max(1.6 * (always or first or 0.0), 1.2 * cheapest["requests_per_month"])  # both lie inside the axis
    volumes = np.linspace(0.0, most, _POINTS)
    sides = {
        each.row["hosted_model"]: chart_data.Sides(
            machines, drawn, each.row["unit_serving_usd"], each.request_usd[:_DRAWS]
        )
        for each in hosted
        if each.request_usd is not None
    }
    frames = {name: chart_data.own_against_calls(each, volumes) for name, each in sides.items()}
    return charts_case.own_or_calls(frames, first, always, words)
