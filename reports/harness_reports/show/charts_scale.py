"""The chart of a planned training run."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from harness_reports.cells import cell, rows, share
from harness_reports.show.charts import COLOURS

MONEY = {"rental_usd": "rented", "owned_usd": "owned"}
WORDS: Mapping[str, str] = {
    "chart_days": "days on these devices", "chart_usd": "USD", "chart_mfu": "utilisation (MFU)", "rented": "rented",
    "owned": "owned", "days": "days",
}  # fmt: skip
"""English texts of the chart; a page passes those of its language."""


def by_utilisation(scenarios: pd.DataFrame, words: Mapping[str, str] = WORDS) -> go.Figure:
    """Return days and, where known, costs at each utilisation, as bars in two panels."""
    table = rows(scenarios)
    names = [f"{row['scenario']}<br>{share(row['mfu'])}" for row in table]
    figure = make_subplots(rows=1, cols=2, subplot_titles=(words["chart_days"], words["chart_usd"]))
    figure.add_trace(_bars(names, [row["days"] for row in table], words["days"], COLOURS[7]), row=1, col=1)
    for number, (column, name) in enumerate(MONEY.items()):
        amounts = [row[column] for row in table]
        if amounts[0] is not None:
            figure.add_trace(_bars(names, amounts, words[name], COLOURS[number]), row=1, col=2)
    figure.update_layout(
        template="plotly_white", height=360, font={"size": 13}, barmode="group", bargap=0.25,
        margin={"l": 60, "r": 20, "t": 80, "b": 60}, legend={"orientation": "h", "y": 1.15, "yanchor": "bottom"},
    )  # fmt: skip
    figure.update_xaxes(title_text=words["chart_mfu"])
    figure.update_yaxes(rangemode="tozero", exponentformat="B")
    return figure


def _bars(names: list[str], values: list[float], name: str, colour: str) -> go.Bar:
    return go.Bar(x=names, y=values, name=name, marker_color=colour, text=[cell(value) for value in values],
                  hovertemplate="%{x}: %{text}<extra>" + name + "</extra>", textposition="none")  # fmt: skip
