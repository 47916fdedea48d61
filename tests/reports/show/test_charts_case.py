"""Charts of a use case have the given numbers and words, and no name is markup."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from harness_reports.business.chart_data import Sides, own_against_calls
from harness_reports.business.own_machines import OwnMachines
from harness_reports.show import charts_case

FAN = pd.DataFrame(
    {"year": [0, 1], "p05_usd": [-9.0, -8.0], "p50_usd": [-8.0, 1.0], "p95_usd": [-7.0, 9.0], "mean_usd": [-8, 2.0]}
)
SWINGS = pd.DataFrame(
    [(f"input_{n}", "assumed", 1.0, 2.0, 10.0 - n - 20, 10.0 + 20 - n, 10.0) for n in range(15)],
    columns=["input", "kind", "input_p10", "input_p90", "npv_at_p10_usd", "npv_at_p90_usd", "npv_at_medians_usd"],
)
LINE = pd.DataFrame({"requests_per_year": [0.0, 100.0], "npv_usd": [-10.0, 10.0]})
EVIL = "<script>alert(1)</script>"


def test_the_fan_has_a_band_a_median_and_an_expectation() -> None:
    """The band is filled between its ends."""
    figure = charts_case.fan(FAN)
    low, high, median, mean = figure.data

    assert (list(low.y), list(high.y)) == ([-9, -8], [-7, 9])
    assert high.fill == "tonexty"
    assert (list(median.y), list(mean.y)) == ([-8, 1], [-8, 2])


def test_the_tornado_has_the_widest_on_top_and_few_bars() -> None:
    """Bars start at the value with all inputs at their medians."""
    low, high = charts_case.tornado(SWINGS).data

    assert len(low.y) == charts_case.MOST_BARS
    assert low.y[-1] == "input 0 (assumed)"
    assert low.base == high.base == 10.0
    assert (low.x[-1] + low.base, high.x[-1] + high.base) == (-10.0, 30.0)


def test_names_are_in_the_given_words_and_escaped() -> None:
    """In a page's language."""
    words = {**charts_case.WORDS, "chart_npv": "净现值", "assumed": "假设"}
    evil = SWINGS.assign(input=EVIL)
    figure = charts_case.tornado(SWINGS, {"input_0": "需求"}, words)

    assert figure.data[0].y[-1] == "需求 (假设)"
    assert figure.layout.xaxis.title.text == "净现值"
    assert "<script>" not in json.dumps(json.loads(charts_case.tornado(evil).to_json()), ensure_ascii=False)


@pytest.mark.parametrize(("even", "marks"), [(50.0, 2), (None, 1), (5000.0, 1)])
def test_break_even_marks_what_is_on_the_chart(even: float | None, marks: int) -> None:
    """A break-even that does not exist, or is beyond the axis, is not marked."""
    figure = charts_case.break_even(LINE, 80.0, even)

    assert len(figure.layout.annotations) == marks
    assert list(figure.data[0].y) == [-10, 10]


def test_own_machines_are_drawn_once_and_as_steps() -> None:
    """With a line for each hosted model."""
    machines = OwnMachines(np.array([100.0]), np.array([[10.0]]), np.array([5.0]), np.zeros(1))
    frame = own_against_calls(Sides(machines, machines, 20.0, np.array([19.0, 21.0])), [0, 5, 10, 15])
    figure = charts_case.own_or_calls({"a/b": frame, EVIL: frame}, 5.25, 12.0)

    lines, bands = ([trace for trace in figure.data if bool(trace.fill) == filled] for filled in (False, True))

    assert [trace.name for trace in lines] == ["own machines", "a/b", "&lt;script&gt;alert(1)&lt;/script&gt;"]
    assert lines[0].line.shape == "hv"
    assert list(lines[0].y) == [105, 105, 105, 205]
    assert [band.showlegend for band in bands] == [False] * 3
    assert list(bands[1].y) == pytest.approx([0, 104.5, 209, 313.5, 286.5, 191, 95.5, 0])  # to and fro
    assert len(figure.layout.annotations) == 2


def test_nothing_is_an_empty_chart() -> None:
    """Without uncertain figures."""
    for drawn in (charts_case.fan(FAN[:0]), charts_case.tornado(SWINGS[:0])):
        assert not any(len(trace.x) for trace in drawn.data)
