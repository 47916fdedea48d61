"""The forest plot of a comparison."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from harness import Record
from harness_reports.cells import rows
from harness_reports.prices.compared import compared
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import speaking
from harness_reports.show.charts_compare import forest

GREEN, RED, GREY = "#1a7f4b", "#b3261e", "#6b7280"
ERROR = {"name": "error", "unit": "bits", "column": "bits", "higher_is_better": False, "random_baseline": 8.0}


@pytest.fixture
def three(bench: Any) -> list[Record]:
    """Return a reference, a better and more expensive candidate, and one that differs in nothing significantly."""
    plain = {"runtime": "eager", "size": "default", "start": "scratch"}
    scores = [1.0] * 60 + [0.0] * 40
    return [
        *bench.case(model="tfidf", scores=scores, rate=400.0, **plain),
        *bench.case(model="bert", scores=[1.0] * 90 + [0.0] * 10, rate=100.0, **plain),
        *bench.case(model="mlp", scores=[0.0, *scores[1:99], 1.0], rate=400.0, **plain),
    ]


def points(figure: Any, axis: str) -> dict[str, tuple[float, float, float, str]]:
    """Return name → x, the lengths of both bars and the colour of each point of a panel."""
    drawn = {}
    for trace in (each for each in figure.data if each.xaxis == axis):
        bars = zip(trace.x, trace.error_x.arrayminus, trace.error_x.array, strict=True)
        drawn |= {name: (*ends, trace.marker.color) for name, ends in zip(trace.y, bars, strict=True)}
    return drawn


def test_every_value_is_drawn_with_its_interval(three: Sequence[Record], pricing: Pricing) -> None:
    """Differences above, ratios on a log axis below, in the colour of their result."""
    frame = compared(three, ["tfidf", "bert", "mlp"], pricing, margin=0.05)
    figure, table = forest(frame), rows(frame)
    above, below = points(figure, "x"), points(figure, "x2")
    quality = {row["candidate"]: row for row in table if row["difference"] is not None}

    assert list(above) == ["bert", "mlp"]
    for name, (value, minus, plus, colour) in above.items():
        row = quality[name]
        assert value == row["difference"]
        assert (value - minus, value + plus) == pytest.approx((row["low"], row["high"]))
        assert colour == {"better": GREEN, "no significant difference": GREY}[row["result"]]
    assert below["bert · USD per 1,000"][::3] == (pytest.approx(4.0), RED)
    assert below["bert · energy per 1,000, J"] == (pytest.approx(4.0), 0.0, 0.0, GREY), "without an interval"
    assert len(below) == sum(row["ratio"] is not None for row in table)
    assert figure.layout.xaxis.type is None
    assert figure.layout.xaxis2.type == "log"


def test_names_keep_the_order_of_the_table(three: Sequence[Record], pricing: Pricing) -> None:
    """Though points of one colour are drawn together."""
    figure = forest(compared(three, ["tfidf", "mlp", "bert"], pricing))

    assert list(figure.layout.yaxis.categoryarray) == ["mlp", "bert"]
    assert [name.partition(" ")[0] for name in figure.layout.yaxis2.categoryarray] == ["mlp"] * 4 + ["bert"] * 4
    assert figure.layout.yaxis.autorange == "reversed"


@pytest.mark.parametrize(("better", "margin", "line"), [(1, 0.05, -0.05), (-1, 0.05, 0.05), (1, None, None)])
def test_the_margin_is_a_line_on_the_worse_side(
    three: Sequence[Record], pricing: Pricing, better: int, margin: float | None, line: float | None
) -> None:
    """Beside those of no difference: 0 above, 1 below."""
    figure = forest(compared(three, ["tfidf", "bert"], pricing, margin=margin), better)
    lines = {(shape.xref, shape.x0) for shape in figure.layout.shapes}

    assert lines == {("x", 0), ("x2", 1)} | ({("x", line)} if line is not None else set())


def test_without_ratios_there_is_one_panel(bench: Any, pricing: Pricing) -> None:
    """Nothing was served; less is better, and is said so."""
    records = [
        one for model in ("tfidf", "bert") for one in bench.case(model=model, scores=(1.0, 2.0, 3.0), metric=ERROR)
        if one.step != "serve"
    ]  # fmt: skip
    figure = forest(compared(records, ["tfidf", "bert"], pricing), -1)

    assert {trace.xaxis for trace in figure.data} == {"x"}
    assert [note.text for note in figure.layout.annotations] == [
        "difference from the reference: error (bits), less is better"
    ]


def test_an_empty_table_is_an_empty_chart(three: Sequence[Record], pricing: Pricing) -> None:
    """And no error."""
    assert len(forest(compared(three, ["tfidf", "bert"], pricing).iloc[:0]).data) == 0


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_name_is_markup(bench: Any, pricing: Pricing, language: str) -> None:
    """Of a candidate, a reference or a metric."""
    evil = "<script>alert(1)</script>"
    metric = {"name": evil, "unit": evil, "column": "correct", "higher_is_better": True, "ceiling": 1.0}
    records = [
        one for name in ("tfidf", f"{evil}%{{y}}") for one in bench.case(model=name, metric=metric, runtime="eager")
    ]  # fmt: skip
    with speaking(language):
        figure = forest(compared(records, ["tfidf", f"{evil}%{{y}}"], pricing))
    drawn = json.dumps(figure.to_plotly_json(), default=str)

    assert "<script>" not in drawn
    assert not any("{" in text for trace in figure.data for text in trace.text), "plotly fills in templates"
    assert ("less is better" in drawn) == (language == "en")
