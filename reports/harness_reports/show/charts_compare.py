"""The forest plot of a comparison: differences of quality, and ratios of cost, latency and energy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from harness_reports.cells import cell, rows
from harness_reports.reasons import named
from harness_reports.show.charts import log_ticks
from harness_reports.show.words import say

_GOOD, _BAD, _OPEN = "#1a7f4b", "#b3261e", "#6b7280"
_COLOURS = {"better": _GOOD, "lower": _GOOD, "worse": _BAD, "higher": _BAD}
"""Result → colour; of no significant difference, and without a test, grey."""
_ROW_PX, _AROUND_PX = 26, 70
_Row = Mapping[str, Any]


def forest(frame: pd.DataFrame, better: int = 1) -> go.Figure:
    """Return each candidate's difference of quality above, and its ratios (log) below, with their 95 % intervals.

    A line marks no difference, a dashed one the margin. Significantly better or cheaper is green, worse or more
    expensive red. Figures without a value are left out.

    Args:
        frame: rows of one task and metric of `prices.compared.compared`.
        better: 1 where more of the metric is better, else -1.
    """
    table = rows(frame)
    graded = [row for row in table if row["difference"] is not None]
    beside = [row for row in table if row["ratio"] is not None and row["ratio"] > 0]
    panels = [part for part in (graded, beside) if part]
    sizes = [len(part) * _ROW_PX + _AROUND_PX for part in panels] or [_AROUND_PX]
    figure = make_subplots(len(sizes), 1, row_heights=sizes, vertical_spacing=_AROUND_PX / sum(sizes))
    for number, part in enumerate(panels, 1):
        ratio = part is beside
        _panel(figure, number, part, "ratio" if ratio else "difference")
        figure.add_vline(x=1 if ratio else 0, line={"color": "#111111", "width": 1}, row=number, col=1)
        _name_panel(figure, number, _title(part, ratio, better))
        if ratio:
            ends = [row[name] for row in part for name in ("ratio", "low", "high") if row[name] is not None]
            figure.update_xaxes(type="log", **log_ticks([end for end in ends if end > 0]), row=number, col=1)
    margin = next((row["margin"] for row in graded if row["margin"] is not None), None)
    if margin is not None:
        figure.add_vline(x=-better * margin, line={"color": _OPEN, "dash": "dash", "width": 1}, row=1, col=1,
                         annotation_text=say("margin"), annotation_position="bottom left")  # fmt: skip
    figure.update_layout(template="plotly_white", height=sum(sizes) + 20, font={"size": 13}, showlegend=False,
                         margin={"l": 20, "r": 20, "t": 30, "b": 40}, hoverlabel={"align": "left"})  # fmt: skip
    figure.update_yaxes(automargin=True, autorange="reversed")
    return figure


def _name_panel(figure: go.Figure, number: int, title: str) -> None:
    """Write a title above a panel; it ends at the right, so that on a phone it has the width of the names too."""
    figure.add_annotation(
        text=title, x=1, xref="paper", xanchor="right", y=1, yanchor="bottom", showarrow=False,
        yref="y domain" if number == 1 else f"y{number} domain",
    )  # fmt: skip


def _title(part: Sequence[_Row], ratio: bool, better: int) -> str:
    if ratio:
        return say("ratio to the reference (log scale), less is better")
    unit = "" if part[0]["unit"] in (None, "", "1") else f" ({part[0]['unit']})"
    direction = say("more is better") if better > 0 else say("less is better")
    return escape(f"{say('difference from the reference')}: {part[0]['metric']}{unit}, {direction}")


def _panel(figure: go.Figure, number: int, part: Sequence[_Row], column: str) -> None:
    """Draw the rows of a panel, those of one colour together, in the order of the table."""
    names = [_name(row, column) for row in part]
    for colour in dict.fromkeys(map(_colour, part)):
        group = [(name, row) for name, row in zip(names, part, strict=True) if _colour(row) == colour]
        figure.add_trace(
            go.Scatter(
                x=[row[column] for _, row in group], y=[name for name, _ in group], mode="markers",
                marker={"color": colour, "size": 10}, hovertemplate="%{text}<extra></extra>",
                text=[_hover(row, column) for _, row in group],
                error_x={**_ends([row for _, row in group], column), "type": "data", "symmetric": False,
                         "color": colour, "thickness": 1.5},
            ),
            row=number, col=1,
        )  # fmt: skip
    figure.update_yaxes(categoryorder="array", categoryarray=names, row=number, col=1)


def _name(row: _Row, column: str) -> str:
    return escape(
        row["candidate"] if column == "difference" else f"{row['candidate']} · {named('cell', row['metric'])}"
    )


def _colour(row: _Row) -> str:
    return _COLOURS.get(row["result"], _OPEN)


def _ends(part: Sequence[_Row], column: str) -> dict[str, list[float]]:
    """Return the lengths of the bars; 0 where the interval is not known."""
    return {
        "array": [max(0.0, row["high"] - row[column]) if row["high"] is not None else 0.0 for row in part],
        "arrayminus": [max(0.0, row[column] - row["low"]) if row["low"] is not None else 0.0 for row in part],
    }


def _hover(row: _Row, column: str) -> str:
    """Return what stands at a point; braces would be filled in by plotly."""
    ends = "" if row["low"] is None else f" ({cell(row['low'])} … {cell(row['high'])})"
    lines = [
        f"<b>{escape(row['candidate'])}</b>", escape(f"{named('cell', row['metric'])}: {cell(row['value'])}"),
        escape(f"{row['reference']}: {cell(row['reference_value'])}"),
        escape(f"{named('column', column)}: {cell(row[column])}{ends}"),
        escape(f"{named('column', 'p_corrected')}: {cell(row['p_corrected'])}"),
    ]  # fmt: skip
    return "<br>".join(lines).replace("{", "&#123;").replace("}", "&#125;")
