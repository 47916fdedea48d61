"""Charts of all use cases and candidates, for report and dashboard."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from harness_reports.business.verdict import VERDICTS
from harness_reports.cells import cell, rows
from harness_reports.measured.lineage import label
from harness_reports.reasons import named
from harness_reports.show.charts_labels import places
from harness_reports.show.words import say

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C564B", "#4D4D4D")
"""Okabe and Ito's, distinct with any colour vision; brown and grey replace yellow, which is too pale on white."""
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star", "hexagon", "x")
VERDICT_COLOURS = dict(zip(VERDICTS, ("#009E73", "#E69F00", "#D55E00", "#4D4D4D"), strict=True))
FACET_HEIGHT_PX = 440
"""Of a panel, with its title and the names of its axes."""
_LEGEND_ROW_PX = 20
_GREY = "#6b7280"
WORDS: Mapping[str, str] = {
    "chart_usd_per_1k": "USD per 1,000 inferences (log scale)", "chart_frontier": "frontier",
    "chart_mixtures": "mixtures (convex hull)", "chart_baseline": "baseline",
    "chart_random_baseline": "random baseline", "chart_lower": "lower is better",
    "chart_undrawn": "not drawn (no measured cost)",
}  # fmt: skip
"""English texts of the chart of cost and quality; a page passes those of its language."""


def cost_accuracy(frontier: pd.DataFrame, words: Mapping[str, str] = WORDS) -> go.Figure:
    """Return cost per 1,000 inferences (log) against quality, one panel per task, candidates with 95 % intervals.

    Colour stands for the model, the symbol for the runtime. The solid line is the frontier, the dotted one its convex
    hull; horizontal lines are the baseline and the random baseline. The panel's title counts candidates without a
    measured cost.
    """
    facets = _facets(rows(frontier))
    titles = [_facet_title(key, panel, words) for key, panel in facets.items()]
    figure = make_subplots(
        rows=max(1, len(facets)), cols=1, subplot_titles=titles or None, vertical_spacing=0.3 / max(1, len(facets))
    )
    styles = _Styles(words, [row for panel in facets.values() for row in panel])
    for number, panel in enumerate(facets.values(), 1):
        _panel(figure, number, panel, styles)
    figure.update_layout(
        template="plotly_white", height=80 + FACET_HEIGHT_PX * max(1, len(facets)), font={"size": 13},
        legend={"groupclick": "togglegroup", "tracegroupgap": 12}, margin={"l": 70, "r": 20, "t": 70, "b": 60},
        hoverlabel={"align": "left"},
    )  # fmt: skip
    return figure


def legend_below(figure: go.Figure) -> go.Figure:
    """Return a chart with its legend under it, so that on a phone the points keep the width; the chart grows."""
    room = _LEGEND_ROW_PX * (2 + sum(trace.showlegend is not False for trace in figure.data))
    place = {"yref": "container", "y": 0, "yanchor": "bottom", "x": 0}
    return figure.update_layout(
        legend=place, margin_b=figure.layout.margin.b + room, height=figure.layout.height + room
    )


def _facets(table: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    facets: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in table:
        facets.setdefault((row["task"], row["data"]), []).append(row)
    return facets


def _facet_title(key: tuple[str, str], panel: Sequence[Mapping[str, Any]], words: Mapping[str, str]) -> str:
    name = escape(": ".join(key))
    undrawn = sum(row["usd_per_1k_inferences"] is None or row["value"] is None for row in panel)
    return f"<b>{name}</b>" + (f" · {undrawn} {words['chart_undrawn']}" if undrawn else "")


class _Styles:
    """The same colour for a model and the same symbol for a runtime in every panel."""

    def __init__(self, words: Mapping[str, str], table: Sequence[Mapping[str, Any]]) -> None:
        self.words = words
        self._labels = sorted({label(row) for row in table})
        self._places = sorted({_place(row) for row in table})

    def colour(self, row: Mapping[str, Any]) -> str:
        return COLOURS[self._labels.index(label(row)) % len(COLOURS)]

    def symbol(self, row: Mapping[str, Any]) -> str:
        return SYMBOLS[self._places.index(_place(row)) % len(SYMBOLS)]


def _place(row: Mapping[str, Any]) -> str:
    return " ".join(str(row[name]) for name in ("runtime", "hardware", "precision"))


def _panel(figure: go.Figure, number: int, panel: Sequence[Mapping[str, Any]], styles: _Styles) -> None:
    drawn = [row for row in panel if row["usd_per_1k_inferences"] is not None and row["value"] is not None]
    where = {"row": number, "col": 1}
    costs = [row["usd_per_1k_inferences"] for row in drawn]
    ranges = _ranges(drawn, panel)
    named = _named(drawn, ranges, styles.words)
    points = (_point(row, number, panel[0]["task"], styles, named.get(place)) for place, row in enumerate(drawn))
    for trace in (*_lines(drawn, number, styles.words), *points):
        figure.add_trace(trace, **where)
    _levels(figure, where, panel, styles.words)
    unit = panel[0]["unit"]
    name = panel[0]["metric"] if unit in (None, "", "1") else f"{panel[0]['metric']} ({unit})"
    better = "" if panel[0]["higher_is_better"] else f", {styles.words['chart_lower']}"
    figure.update_yaxes(title_text=escape(f"{name}{better}"), range=ranges[1] if drawn else None, **where)
    figure.update_xaxes(
        title_text=styles.words["chart_usd_per_1k"], type="log", range=ranges[0] if drawn else None,
        **log_ticks(costs), **where,
    )  # fmt: skip


_Ranges = tuple[tuple[float, float], tuple[float, float]]
_LEFT, _RIGHT, _ABOVE = 0.08, 0.3, 0.1
"""Room around the points, as shares of their spread; at the right for the names of the levels."""


def _ranges(drawn: Sequence[Mapping[str, Any]], panel: Sequence[Mapping[str, Any]]) -> _Ranges:
    """Return the ends of both axes, that of costs in powers of ten, with room for intervals, levels and names."""
    if not drawn:
        return (0.0, 1.0), (0.0, 1.0)
    costs = [row[name] for row in drawn for name in ("usd_per_1k_inferences", "usd_per_1k_low", "usd_per_1k_high")]
    across = [math.log10(cost) for cost in costs if cost]
    levels = [row[name] for row in panel for name in ("baseline_value", "random_baseline") if row[name] is not None]
    up = [row[name] for row in drawn for name in ("value", "low", "high") if row[name] is not None] + levels
    # Points at one cost or quality still get an axis: 0.2 decades wide, 2 % of the value high.
    wide, high = max(max(across) - min(across), 0.2), max(max(up) - min(up), 1e-9 + 0.02 * abs(max(up)))
    return (
        (min(across) - _LEFT * wide, max(across) + _RIGHT * wide),
        (min(up) - _ABOVE * high, max(up) + _ABOVE * high),
    )


def _named(drawn: Sequence[Mapping[str, Any]], ranges: _Ranges, words: Mapping[str, str]) -> dict[int, str]:
    """Return index in `drawn` → position of the name, for candidates on the frontier and the baseline."""
    (left, right), (low, high) = ranges
    points = [
        ((math.log10(row["usd_per_1k_inferences"]) - left) / (right - left), (row["value"] - low) / (high - low))
        for row in drawn
    ]
    names = {
        n: _name(row, words) for n, row in enumerate(drawn) if row["on_frontier"] or row["model"] == row["baseline"]
    }
    return places(points, names)


def _name(row: Mapping[str, Any], words: Mapping[str, str]) -> str:
    return f"{label(row)} ({words['chart_baseline']})" if row["model"] == row["baseline"] else label(row)


def _point(row: Mapping[str, Any], number: int, task: str, styles: _Styles, place: str | None) -> go.Scatter:
    baseline = f" ({styles.words['chart_baseline']})" if row["model"] == row["baseline"] else ""
    both = f"{label(row)} · {row['runtime']} {row['hardware']}{baseline}"
    return go.Scatter(
        x=[row["usd_per_1k_inferences"]], y=[row["value"]], mode="markers+text" if place else "markers",
        text=[escape(_name(row, styles.words))], textposition=place, textfont={"size": 11}, name=escape(both),
        legendgroup=f"panel {number}", legendgrouptitle={"text": escape(task)}, hovertemplate=_hover(row) +
        "<extra></extra>",
        marker={
            "size": 12, "color": styles.colour(row), "symbol": styles.symbol(row),
            "line": {"width": 1.5 if row["on_frontier"] else 0, "color": "#111111"},
        },
        error_y=_errors(row["value"], row["low"], row["high"]),
        error_x=_errors(row["usd_per_1k_inferences"], row["usd_per_1k_low"], row["usd_per_1k_high"]),
    )  # fmt: skip


def _errors(value: float, low: float | None, high: float | None) -> dict[str, Any] | None:
    if low is None or high is None:
        return None
    ends = {"array": [max(0.0, high - value)], "arrayminus": [max(0.0, value - low)]}
    return {**ends, "type": "data", "symmetric": False, "thickness": 1.2, "width": 4, "color": _GREY}


_HOVER = (
    ("value", "low", "high"), ("usd_per_1k_inferences", "usd_per_1k_low", "usd_per_1k_high"), ("train_usd",),
    ("seeds",),
    ("items",), ("batch_size",), ("against_baseline",), ("runtime",), ("hardware",), ("device",), ("precision",),
    ("price_offer",), ("price_region",), ("price_as_of",), ("judgement",),
)  # fmt: skip


def _hover(row: Mapping[str, Any]) -> str:
    lines = [f"<b>{escape(label(row))}</b>"]
    for name, *ends in _HOVER:
        if row.get(name) is None:
            continue
        interval = [cell(row[end]) for end in ends if row.get(end) is not None]
        title = row["metric"] if name == "value" else name
        lines.append(escape(f"{title}: {cell(row[name])}" + (f" ({' to '.join(interval)})" if interval else "")))
    return "<br>".join(lines).replace("{", "&#123;").replace("}", "&#125;")  # plotly fills in templates


def _lines(drawn: Sequence[Mapping[str, Any]], number: int, words: Mapping[str, str]) -> Iterator[go.Scatter]:
    """Yield the frontier as steps, and the hull as costs of mixtures of neighbours, which are curves on a log axis."""
    frontier = sorted((row["usd_per_1k_inferences"], row["value"]) for row in drawn if row["on_frontier"])
    hull = _mixtures(sorted((row["usd_per_1k_inferences"], row["value"]) for row in drawn if row["on_hull"]))
    looks = (
        (words["chart_frontier"], frontier, "#9ca3af", "solid", "hv"),
        (words["chart_mixtures"], hull, "#374151", "dot", "linear"),
    )
    for name, points, colour, dash, shape in looks:
        yield go.Scatter(
            x=[cost for cost, _ in points], y=[value for _, value in points], mode="lines", name=name,
            hoverinfo="skip", line={"color": colour, "dash": dash, "width": 1.5, "shape": shape},
            legendgroup="lines", showlegend=number == 1, legendrank=2000,
        )  # fmt: skip


def _mixtures(corners: Sequence[tuple[float, float]], parts: int = 24) -> list[tuple[float, float]]:
    """Return corners and `parts` points up to each next one, evenly spaced on a log axis."""
    points = list(corners[:1])
    for (left, low), (right, high) in pairwise(corners):
        costs = [left * (right / left) ** (part / parts) for part in range(1, parts + 1)] if right > left else [right]
        points += [
            (cost, low + (high - low) * ((cost - left) / (right - left) if right > left else 1)) for cost in costs
        ]
    return points


def log_ticks(costs: Sequence[float]) -> dict[str, Any]:
    """Return tick marks: decades, with 2 and 5 between them where the axis is short."""
    if not costs:
        return {}
    low, high = math.floor(math.log10(min(costs))), math.ceil(math.log10(max(costs)))
    steps = (1,) if high - low > 2 else (1, 2, 5)  # noqa: PLR2004 - decades that leave room
    marks = [(step, power) for power in range(low, high + 1) for step in steps]
    return {"tickvals": [step * 10.0**power for step, power in marks], "ticktext": [_tick(*mark) for mark in marks]}


def _tick(step: int, power: int) -> str:
    if -4 < power < 6:  # noqa: PLR2004 - still easily read in full
        return f"{step * 10.0**power:g}"
    return f"{'' if step == 1 else f'{step}·'}10<sup>{power}</sup>"


def _levels(
    figure: go.Figure, where: Mapping[str, int], panel: Sequence[Mapping[str, Any]], words: Mapping[str, str]
) -> None:
    """Draw the baseline and the random baseline."""
    baseline = next((row for row in panel if row["baseline_value"] is not None), None)
    if baseline is not None:
        text = f"{words['chart_baseline']} {escape(str(baseline['baseline']))} {cell(baseline['baseline_value'])}"
        _level(figure, where, baseline["baseline_value"], text, "dash")
    level = next((row["random_baseline"] for row in panel if row["random_baseline"] is not None), None)
    if level is not None:
        _level(figure, where, level, f"{words['chart_random_baseline']} {cell(level)}", "dot")


def _level(figure: go.Figure, where: Mapping[str, int], value: float, text: str, dash: str) -> None:
    figure.add_hline(
        y=value, line={"color": _GREY, "dash": dash, "width": 1}, annotation_text=text,
        annotation_position="bottom right", annotation_font={"size": 11, "color": _GREY}, **where,
    )  # fmt: skip


def net_present_value(viability: pd.DataFrame) -> go.Figure:
    """Return the expected net present value of each candidate in each use case, with intervals, coloured by verdict."""
    table = [row for row in rows(viability) if row["npv_mean_usd"] is not None]
    figure = go.Figure()
    for verdict, colour in VERDICT_COLOURS.items():
        group = [row for row in table if row["verdict"] == verdict]
        if group:
            figure.add_trace(_intervals(group, verdict, colour))
    figure.add_vline(x=0, line={"color": "#111111", "width": 1})
    figure.update_layout(
        template="plotly_white", height=140 + 30 * len(table), font={"size": 13},
        margin={"l": 20, "r": 20, "t": 20, "b": 60},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )  # fmt: skip
    figure.update_xaxes(title_text=say("expected net present value (USD), with its 90 % interval"))
    figure.update_yaxes(
        automargin=True, autorange="reversed", categoryorder="array", categoryarray=[_who(row) for row in table]
    )
    return figure


def _who(row: Mapping[str, Any]) -> str:
    return escape(f"{row['use_case']}: {label(row)} · {row['runtime']} {row['hardware']}")


def _intervals(table: Sequence[Mapping[str, Any]], verdict: str, colour: str) -> go.Scatter:
    ends = {
        "array": [max(0.0, row["npv_high_usd"] - row["npv_mean_usd"]) for row in table],
        "arrayminus": [max(0.0, row["npv_mean_usd"] - row["npv_low_usd"]) for row in table],
    }
    return go.Scatter(
        x=[row["npv_mean_usd"] for row in table], y=[_who(row) for row in table], mode="markers",
        name=named("cell", verdict),
        marker={"color": colour, "size": 11}, error_x={**ends, "type": "data", "symmetric": False, "color": colour},
    )  # fmt: skip
