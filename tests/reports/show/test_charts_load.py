"""The throughput–latency curve."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness_reports.measured.load_table import load
from harness_reports.reasons import speaking
from harness_reports.show.charts import legend_below
from harness_reports.show.charts_load import load_curve


def test_the_curve_has_a_point_for_each_rate(bench: Any) -> None:
    """Answers per second against median and 99th percentile, in order, and the suite's limit as a line."""
    frame = load([bench.swept()])
    median, slow = load_curve(frame).data

    assert list(median.x) == list(slow.x) == frame["answers_per_s"].tolist()
    assert list(median.y) == frame["latency_median_s"].tolist()
    assert list(slow.y) == frame["latency_p99_s"].tolist()
    assert (median.line.dash, slow.line.dash) == ("solid", "dot")
    assert [note.text for note in load_curve(frame).layout.annotations] == ["latency limit 0.3 s"]
    assert load_curve(frame).layout.xaxis.type == load_curve(frame).layout.yaxis.type == "log"


def test_a_run_that_is_not_valid_is_a_cross_on_no_line(bench: Any) -> None:
    """And one without a steady part is not drawn; percentiles of few requests are no line."""
    failing = bench.steady(2.0, 40, 0.3, failure=["HTTP 500"] * 4 + [None] * 36)
    runs = {"Server 1/s": bench.steady(1.0, 40, 0.2), "Server 2/s": failing,
            "Server 9/s": bench.requests([0.0, 0.1], [[2.0], [2.1]])}  # fmt: skip
    line, cross = load_curve(load([bench.load(runs)])).data

    assert (len(line.x), line.mode, line.name.endswith("latency median")) == (1, "lines+markers", True)
    assert (len(cross.x), cross.mode, cross.marker.symbol) == (1, "markers", "x-open")
    assert cross.name.endswith("not valid")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_name_is_markup(bench: Any, language: str) -> None:
    """A model may be called anything; the legend below the chart has room for its curves."""
    with speaking(language):
        figure = legend_below(load_curve(load([bench.swept(model="<script>alert(1)</script>")])))

    assert "<script>" not in json.dumps(figure.to_plotly_json(), default=str)
    assert figure.layout.height > 440
    assert ("answers per second" in figure.layout.xaxis.title.text) == (language == "en")
