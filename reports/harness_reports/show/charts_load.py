"""The throughput–latency curve of each candidate under load, for report and dashboard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from harness_reports.cells import cell, rows
from harness_reports.measured.lineage import label
from harness_reports.show.charts import COLOURS, FACET_HEIGHT_PX
from harness_reports.show.words import say

_QUANTILES = (
    ("latency_median_s", "latency median", "solid", "circle"),
    ("latency_p99_s", "latency p99", "dot", "diamond"),
)
"""Column, name, dash and symbol of each curve of a candidate."""
_HOVER = (
    "run", "requests", "answers_per_s", "output_tokens_per_s", "user_tokens_per_s", "first_token_median_s",
    "first_token_p99_s", "per_token_median_s", "latency_median_s", "latency_p99_s", "goodput_per_s", "limits_kept",
    "failed_share", "judgement",
)  # fmt: skip
_Row = Mapping[str, Any]


def load_curve(load: pd.DataFrame) -> go.Figure:
    """Return answers per second (log) against the latency of a request (log), by arrival rate or number in flight.

    Each candidate and scenario has a colour, with a line through its medians and a dotted one through its 99th
    percentiles where enough requests support them. A run that is not valid is an open cross, on no line. Horizontal
    lines are the latency limits of suites. Runs without a rate or a latency are left out.

    Args:
        load: rows of one task of the load table.
    """
    figure = go.Figure()
    drawn = [row for row in rows(load) if row["answers_per_s"] is not None and row["latency_median_s"] is not None]
    for number, (name, group) in enumerate(_grouped(drawn).items()):
        for trace in _curves(name, group, COLOURS[number % len(COLOURS)]):
            figure.add_trace(trace)
    for limit_s in sorted({row["latency_limit_s"] for row in drawn if row["latency_limit_s"] is not None}):
        text, line = f"{say('latency limit')} {limit_s:g} s", {"dash": "dash", "width": 1, "color": "#6b7280"}
        figure.add_hline(y=limit_s, line=line, annotation_text=text, annotation_position="bottom right")
    figure.update_layout(template="plotly_white", height=FACET_HEIGHT_PX, font={"size": 13},
                         margin={"l": 70, "r": 20, "t": 30, "b": 60}, hoverlabel={"align": "left"})  # fmt: skip
    figure.update_xaxes(title_text=say("answers per second (log scale)"), type="log")
    figure.update_yaxes(title_text=say("seconds of a request (log scale)"), type="log")
    return figure


def _grouped(drawn: Sequence[_Row]) -> dict[str, list[_Row]]:
    groups: dict[str, list[_Row]] = {}
    for row in drawn:
        batch = f" ≤ {row['batch_size']}" if row["scenario"] == "Server" else ""
        place = " ".join(str(row[name]) for name in ("runtime", "hardware", "precision"))
        groups.setdefault(f"{label(row)} · {place} · {row['scenario']}{batch}", []).append(row)
    return groups


def _curves(name: str, group: Sequence[_Row], colour: str) -> Iterator[go.Scatter]:
    """Yield a line for each quantile that is known, through the valid runs, and crosses for the others."""
    for column, quantile, dash, symbol in _QUANTILES:
        for valid in (True, False):
            points = [row for row in group if row[column] is not None and row["valid"] is valid]
            points.sort(key=lambda row: float(row["answers_per_s"]))
            if not points:
                continue
            kind = say(quantile) if valid else f"{say(quantile)}, {say('not valid')}"
            yield go.Scatter(
                x=[row["answers_per_s"] for row in points], y=[row[column] for row in points],
                mode="lines+markers" if valid else "markers", name=escape(f"{name}: {kind}"), legendgroup=escape(name),
                line={"color": colour, "dash": dash}, hovertemplate="%{text}<extra></extra>",
                text=[_hover(row) for row in points],
                marker={"color": colour, "size": 9, "symbol": symbol if valid else "x-open"},
            )  # fmt: skip


def _hover(row: _Row) -> str:
    lines = [f"<b>{escape(label(row))}</b>"]
    lines += [escape(f"{name}: {cell(row[name])}") for name in _HOVER if row.get(name) is not None]
    return "<br>".join(lines)
