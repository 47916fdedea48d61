"""Charts: points, names, axes, and that no name is markup."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness import UseCase
from harness_reports.business.viability import viability
from harness_reports.prices.frontier import frontier
from harness_reports.prices.pricing import Pricing
from harness_reports.show import charts

EVIL = "<script>alert(1)</script>"


def points(figure: Any) -> list[Any]:
    """Return the traces of candidates."""
    return [trace for trace in figure.data if "markers" in trace.mode]


def test_every_candidate_is_a_point_with_its_interval(suite: list[Any], pricing: Pricing) -> None:
    """Six candidates at their cost and quality with error bars."""
    frame = frontier(suite, pricing)
    figure = charts.cost_accuracy(frame)

    drawn = sorted((trace.x[0], trace.y[0]) for trace in points(figure))

    assert drawn == sorted(zip(frame["usd_per_1k_inferences"], frame["value"], strict=True))
    assert all(trace.error_y.array[0] >= 0 and trace.error_y.arrayminus[0] >= 0 for trace in points(figure))


def test_axes_are_named_with_units_and_cost_is_logarithmic(suite: list[Any], pricing: Pricing) -> None:
    """In one panel for each task."""
    layout = charts.cost_accuracy(frontier(suite, pricing)).layout

    assert [layout.yaxis.title.text, layout.yaxis2.title.text] == ["return (reward)", "accuracy (share)"]
    assert layout.xaxis.title.text == "USD per 1,000 inferences (log scale)"
    assert layout.xaxis.type == layout.xaxis2.type == "log"


def test_a_legend_below_takes_no_room_from_the_points(suite: list[Any], pricing: Pricing) -> None:
    """The chart grows by as much as is kept for its rows: all candidates and two lines."""
    beside = charts.cost_accuracy(frontier(suite, pricing)).layout
    below = charts.legend_below(charts.cost_accuracy(frontier(suite, pricing))).layout
    room = below.margin.b - beside.margin.b

    assert room >= 20 * (len(frontier(suite, pricing)) + 2)
    assert below.height - beside.height == room
    assert (below.legend.yanchor, below.legend.x) == ("bottom", 0)


def test_baselines_are_marked(suite: list[Any], pricing: Pricing) -> None:
    """With a line across each panel."""
    texts = [each.text for each in charts.cost_accuracy(frontier(suite, pricing)).layout.annotations]

    assert {"baseline tfidf 0.75", "baseline linear 210", "random baseline 0.125", "random baseline 22"} <= set(texts)


def test_the_point_of_the_baseline_is_named(suite: list[Any], pricing: Pricing) -> None:
    """On the chart and in the legend, on the frontier or not."""
    named = [trace for trace in points(charts.cost_accuracy(frontier(suite, pricing))) if "(baseline)" in trace.name]

    assert sorted(trace.text[0] for trace in named) == ["linear (baseline)", "tfidf (baseline)"]
    assert all("text" in trace.mode for trace in named)


def test_an_axis_says_where_lower_is_better(bench: Any, pricing: Pricing) -> None:
    """For a metric that counts errors."""
    wrong = {"name": "error", "unit": "share", "column": "wrong", "higher_is_better": False, "ceiling": 1.0}
    figure = charts.cost_accuracy(frontier(bench.case(metric={**wrong, "random_baseline": None}), pricing))

    assert figure.layout.yaxis.title.text == "error (share), lower is better"


def test_models_differ_in_colour_and_runtimes_in_symbol(suite: list[Any], pricing: Pricing) -> None:
    """The same in every panel."""
    by_name = {trace.name: trace.marker for trace in points(charts.cost_accuracy(frontier(suite, pricing)))}
    onnx, eager = by_name["bert tiny (pretrained) · onnx cpu"], by_name["bert tiny (pretrained) · eager cpu"]
    lstm = by_name["lstm tiny · eager cpu"]

    assert onnx.color == eager.color != lstm.color
    assert onnx.symbol != eager.symbol == lstm.symbol


def test_frontier_is_drawn_as_steps_and_hull_as_mixtures(suite: list[Any], pricing: Pricing) -> None:
    """The hull is straight in cost, so it bends on the log axis."""
    lines = [trace for trace in charts.cost_accuracy(frontier(suite, pricing)).data if trace.mode == "lines"]
    hull = next(trace for trace in lines if trace.name.startswith("mixtures"))
    slopes = [(hull.y[-1] - y) / (hull.x[-1] - x) for x, y in zip(hull.x[:-1], hull.y[:-1], strict=True)]

    assert {line.line.shape for line in lines if line.name == "frontier"} == {"hv"}
    assert slopes == pytest.approx([slopes[0]] * len(slopes))


def test_hover_has_the_details(suite: list[Any], pricing: Pricing) -> None:
    """Value with interval, cost, machine, and price with its day."""
    hover = next(t for t in points(charts.cost_accuracy(frontier(suite, pricing))) if "onnx" in t.name).hovertemplate

    for word in (
        "return: 492.5 (",
        "usd_per_1k_inferences",
        "Bench 9000",
        "c1.small",
        "2026-11-01",
        "against_baseline",
    ):
        assert word in hover


def test_names_are_no_markup(bench: Any, pricing: Pricing) -> None:
    """Tags stay text, and braces stay braces."""
    figure = charts.cost_accuracy(frontier(bench.case(model=EVIL, task=EVIL, source=f"/data/{EVIL}%{{x}}"), pricing))

    written = json.dumps(json.loads(figure.to_json()), ensure_ascii=False)

    assert "<script>" not in written
    assert "%{x}" not in "".join(trace.hovertemplate or "" for trace in figure.data)


def test_candidates_without_a_cost_are_counted(bench: Any, pricing: Pricing) -> None:
    """In the title of the panel."""
    unserved = [record for record in bench.case(model="best") if record.step != "serve"]
    figure = charts.cost_accuracy(frontier([*bench.case(), *unserved], pricing))

    assert len(points(figure)) == 1
    assert "1 not drawn (no measured cost)" in figure.layout.annotations[0].text


@pytest.mark.parametrize("records", ["none", "no cost at all"])
def test_nothing_to_draw_is_an_empty_chart(bench: Any, pricing: Pricing, records: str) -> None:
    """Without candidates, or without costs."""
    given = [] if records == "none" else [record for record in bench.case() if record.step != "serve"]

    assert points(charts.cost_accuracy(frontier(given, pricing))) == []


@pytest.mark.parametrize(
    ("costs", "texts"),
    [
        ([0.02, 0.04], ["0.01", "0.02", "0.05", "0.1"]),
        ([2e-6, 3e-6], ["10<sup>-6</sup>", "2·10<sup>-6</sup>", "5·10<sup>-6</sup>", "10<sup>-5</sup>"]),
        ([1e-3, 1e2], ["0.001", "0.01", "0.1", "1", "10", "100"]),
    ],
)
def test_ticks_can_be_read(costs: list[float], texts: list[str]) -> None:
    """Few marks, as powers of ten where numbers are long."""
    shown = charts.log_ticks(costs)["ticktext"]

    assert shown[: len(texts)] == texts


def test_net_present_value_has_a_trace_for_each_verdict(
    suite: list[Any], pricing: Pricing, use_cases: dict[str, UseCase]
) -> None:
    """Every candidate once, in the colour of its verdict."""
    frame = viability(suite, pricing, use_cases)
    figure = charts.net_present_value(frame)

    assert {trace.name for trace in figure.data} == set(frame["verdict"])
    assert sum(len(trace.x) for trace in figure.data) == len(frame)


def test_net_present_value_of_nothing_is_empty(pricing: Pricing, use_cases: dict[str, UseCase]) -> None:
    """Without an error."""
    assert len(charts.net_present_value(viability([], pricing, use_cases)).data) == 0
