"""Charts of one use case: value over the years, sensitivity, break-even, owned machines against hosted models."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from harness_reports.cells import cell, rows
from harness_reports.show.charts import COLOURS

WORDS: Mapping[str, str] = {
    "chart_year": "years after the start", "chart_npv": "net present value, USD", "chart_median": "median",
    "chart_band": "5th to 95th percentile", "chart_mean": "expected", "chart_low": "at its 10th percentile",
    "chart_high": "at its 90th percentile", "chart_volume": "requests a year", "chart_now": "expected demand",
    "chart_even": "break-even", "chart_month": "requests a month", "chart_cost": "USD a month",
    "chart_own": "own machines", "chart_first": "cheaper from here", "chart_always": "always cheaper from here",
    "measured": "measured", "assumed": "assumed",
}  # fmt: skip
"""English texts of the charts; a page passes those of its language."""
MOST_BARS = 8
"""Of a tornado; below them the swings are small."""
HEIGHT_PX = 340
_BAND, _GREY, _LOW, _HIGH = "rgba(0, 114, 178, 0.18)", "#6b7280", COLOURS[1], COLOURS[0]


def fan(frame: pd.DataFrame, words: Mapping[str, str] = WORDS) -> go.Figure:
    """Return the net present value at each year's end: mean, median, 5th and 95th percentile."""
    figure = go.Figure()
    years = frame["year"].tolist()
    looks = {"width": 0}
    figure.add_trace(go.Scatter(x=years, y=frame["p05_usd"], line=looks, mode="lines", showlegend=False,
                                name=words["chart_band"]))  # fmt: skip
    figure.add_trace(go.Scatter(x=years, y=frame["p95_usd"], line=looks, mode="lines", fill="tonexty",
                                fillcolor=_BAND, name=words["chart_band"]))  # fmt: skip
    figure.add_trace(go.Scatter(x=years, y=frame["p50_usd"], mode="lines+markers", name=words["chart_median"],
                                line={"color": COLOURS[0], "width": 2.5}))  # fmt: skip
    figure.add_trace(go.Scatter(x=years, y=frame["mean_usd"], mode="lines", name=words["chart_mean"],
                                line={"color": COLOURS[0], "dash": "dot"}))  # fmt: skip
    figure.add_hline(y=0, line={"color": "#111111", "width": 1})
    figure.update_layout(**_looks(HEIGHT_PX), hovermode="x unified")
    figure.update_xaxes(title_text=words["chart_year"], dtick=1)
    figure.update_yaxes(title_text=words["chart_npv"], exponentformat="B")
    return figure


def tornado(frame: pd.DataFrame, names: Mapping[str, str] | None = None, words: Mapping[str, str] = WORDS) -> go.Figure:
    """Return the inputs with the widest swings of net present value, the widest on top; hovering gives both values."""
    table = list(reversed(rows(frame)[:MOST_BARS]))
    labels = [_label(row, names or {}, words) for row in table]
    figure = go.Figure()
    middle = table[0]["npv_at_medians_usd"] if table else 0.0
    for end, colour in (("p10", _LOW), ("p90", _HIGH)):
        values = [row[f"npv_at_{end}_usd"] for row in table]
        figure.add_trace(go.Bar(
            y=labels, x=[value - middle for value in values], base=middle, orientation="h", marker_color=colour,
            name=words["chart_low" if end == "p10" else "chart_high"],
            customdata=[[cell(row[f"input_{end}"]), cell(value)] for row, value in zip(table, values, strict=True)],
            hovertemplate="%{y}<br>%{customdata[0]} → %{customdata[1]} USD<extra></extra>",
        ))  # fmt: skip
    figure.add_vline(x=0, line={"color": "#111111", "width": 1})
    figure.update_layout(**_looks(130 + 26 * len(table)), barmode="overlay", bargap=0.25)
    figure.update_xaxes(title_text=words["chart_npv"], exponentformat="B")
    figure.update_yaxes(automargin=True)
    return figure


def _label(row: Mapping[str, Any], names: Mapping[str, str], words: Mapping[str, str]) -> str:
    name = names.get(row["input"], str(row["input"]).replace("_", " "))
    return escape(f"{name} ({words[row['kind']]})")


def break_even(frame: pd.DataFrame, expected: float, even: float | None, words: Mapping[str, str] = WORDS) -> go.Figure:
    """Return the base case's net present value over requests per year, with expected demand and break-even."""
    figure = go.Figure(go.Scatter(x=frame["requests_per_year"], y=frame["npv_usd"], mode="lines", showlegend=False,
                                  line={"color": COLOURS[0], "width": 2.5}))  # fmt: skip
    figure.add_hline(y=0, line={"color": "#111111", "width": 1})
    _mark(figure, expected, f"{words['chart_now']} {_short(expected)}", _GREY, "top right")
    most = float(frame["requests_per_year"].max())
    if even is not None and even <= most:
        place = "bottom left" if 0.3 * most < even < expected else "bottom right"  # away from the other mark
        _mark(figure, even, f"{words['chart_even']} {_short(even)}", COLOURS[1], place)
    figure.update_layout(**_looks(HEIGHT_PX))
    figure.update_layout(margin_t=20)  # no legend
    figure.update_xaxes(title_text=words["chart_volume"], exponentformat="B", rangemode="tozero")
    figure.update_yaxes(title_text=words["chart_npv"], exponentformat="B")
    return figure


def own_or_calls(
    frames: Mapping[str, pd.DataFrame], first: float | None, always: float | None, words: Mapping[str, str] = WORDS
) -> go.Figure:
    """Return costs per month over requests per month: own machines, in whole numbers, and each hosted model's calls.

    The band around a line is from the 5th to the 95th percentile.

    Args:
        frames: hosted model → `chart_data.own_against_calls`, all over the same volumes.
        first: the smallest volume at which own machines cost no more than the cheapest hosted model.
        always: the volume above which they never cost more again.
        words: texts of the chart.
    """
    figure = go.Figure()
    for number, (name, frame) in enumerate(frames.items()):
        if not number:
            figure.add_trace(_band(frame, "own", COLOURS[7]))
            figure.add_trace(_line(frame, "own_usd", words["chart_own"], COLOURS[7], "hv"))
        figure.add_trace(_band(frame, "api", COLOURS[number % 7]))
        figure.add_trace(_line(frame, "api_usd", escape(name), COLOURS[number % 7], "linear"))
    if first is not None:
        _mark(figure, first, f"{words['chart_first']}: {_short(first)}", _GREY, "top right")
    if always is not None and always != first:
        _mark(figure, always, f"{words['chart_always']}: {_short(always)}", _GREY, "bottom right")
    figure.update_layout(**_looks(HEIGHT_PX))
    figure.update_xaxes(title_text=words["chart_month"], exponentformat="B", rangemode="tozero")
    figure.update_yaxes(title_text=words["chart_cost"], exponentformat="B", rangemode="tozero")
    return figure


def _band(frame: pd.DataFrame, side: str, colour: str) -> go.Scatter:
    """Return the area between the lower and the upper end of a side, without a name in the legend."""
    volumes = frame["requests_per_month"]
    around = [*frame[f"{side}_high_usd"], *frame[f"{side}_low_usd"][::-1]]
    return go.Scatter(x=[*volumes, *volumes[::-1]], y=around, mode="lines", line={"width": 0}, fill="toself",
                      fillcolor=colour, opacity=0.15, showlegend=False, hoverinfo="skip")  # fmt: skip


def _line(frame: pd.DataFrame, column: str, name: str, colour: str, shape: str) -> go.Scatter:
    return go.Scatter(x=frame["requests_per_month"], y=frame[column], mode="lines", name=name,
                      line={"color": colour, "width": 2, "shape": shape})  # fmt: skip


def _mark(figure: go.Figure, x: float, text: str, colour: str, place: str) -> None:
    figure.add_vline(x=x, line={"color": colour, "dash": "dash", "width": 1}, annotation_text=escape(text),
                     annotation_position=place, annotation_font={"size": 11, "color": colour})  # fmt: skip


def _short(value: float) -> str:
    for limit, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.3g}"


def _looks(height: int) -> dict[str, Any]:
    return {
        "template": "plotly_white", "height": height, "font": {"size": 12},
        "margin": {"l": 60, "r": 20, "t": 40, "b": 50},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    }  # fmt: skip
