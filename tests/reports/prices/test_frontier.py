"""Dominance and convex hull: worked examples, and properties that hold for any points."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from harness_reports.prices.dominance import not_dominated, on_hull
from harness_reports.prices.frontier import FRONTIER, frontier
from harness_reports.prices.pricing import Pricing

POINTS = st.lists(st.tuples(st.integers(0, 30).map(float), st.integers(0, 30).map(float)), min_size=1, max_size=25)
WORKED = [(1, 0.6), (2, 0.7), (4, 0.72), (5, 0.85), (6, 0.8), (10, 0.9), (12, 0.9)]


def indexes(flags: list[bool]) -> list[int]:
    """Return where the flags are set."""
    return [index for index, flag in enumerate(flags) if flag]


def test_worked_example() -> None:
    """(5, 0.85) beats (6, 0.8), (10, 0.9) beats (12, 0.9); a mixture of (2, 0.7) and (5, 0.85) beats (4, 0.72)."""
    assert indexes(not_dominated(WORKED)) == [0, 1, 2, 3, 5]
    assert indexes(on_hull(WORKED)) == [0, 1, 3, 5]


def test_ties() -> None:
    """At one cost the better point stays; at one quality the cheaper."""
    points = [(2, 0.7), (2, 0.65), (1, 0.5), (3, 0.7)]

    assert indexes(not_dominated(points)) == [0, 2]
    assert indexes(on_hull(points)) == [0, 2]


def test_equal_points_are_both_on_the_frontier() -> None:
    """Neither dominates the other."""
    assert on_hull([(1.0, 0.5), (1.0, 0.5)]) == [True, True]


def test_point_on_the_line_between_two_stays() -> None:
    """A mixture equals it but does not beat it."""
    assert on_hull([(0.0, 0.0), (1.0, 1.0), (2.0, 2.0)]) == [True, True, True]


@settings(deadline=None)
@given(POINTS)
def test_no_frontier_point_is_dominated_and_every_other_is(points: list[tuple[float, float]]) -> None:
    """A point is off the frontier exactly if one on it is as cheap and as good."""
    flags = not_dominated(points)
    standing = [point for point, flag in zip(points, flags, strict=True) if flag]

    assert standing
    for point, flag in zip(points, flags, strict=True):
        beaten = any(o[0] <= point[0] and o[1] >= point[1] and o != point for o in standing)
        assert beaten != flag


@settings(deadline=None)
@given(POINTS)
def test_hull_is_part_of_the_frontier_and_holds_its_ends(points: list[tuple[float, float]]) -> None:
    """The cheapest and the best of the frontier are always on the hull."""
    frontier_flags, hull_flags = not_dominated(points), on_hull(points)
    standing = sorted(point for point, flag in zip(points, frontier_flags, strict=True) if flag)
    corners = {point for point, flag in zip(points, hull_flags, strict=True) if flag}

    assert all(flag or not hull for flag, hull in zip(frontier_flags, hull_flags, strict=True))
    assert {standing[0], standing[-1]} <= corners


@settings(deadline=None)
@given(POINTS)
def test_no_mixture_of_two_beats_a_hull_point(points: list[tuple[float, float]]) -> None:
    """The line between any two points left and right of it passes at or below it."""
    for point, flag in zip(points, on_hull(points), strict=True):
        for left in points:
            for right in points:
                if flag and left[0] < point[0] < right[0]:
                    mixed = left[1] + (right[1] - left[1]) * (point[0] - left[0]) / (right[0] - left[0])
                    assert mixed <= point[1] + 1e-9


@settings(deadline=None)
@given(POINTS, st.integers(0, 1000))
def test_order_of_points_does_not_matter(points: list[tuple[float, float]], seed: int) -> None:
    """The same points in another order are marked the same."""
    order = random.Random(seed).sample(range(len(points)), len(points))  # noqa: S311 - no secret
    shuffled = [points[index] for index in order]

    for mark in (not_dominated, on_hull):
        assert mark(shuffled) == [mark(points)[index] for index in order]


def test_table_marks_each_task_on_its_own(suite: list[Any], pricing: Pricing) -> None:
    """Expensive model and cheap baseline are on the frontier, the slower runtime and the weak model are not."""
    frame = frontier(suite, pricing)
    standing = frame[frame["on_frontier"]]

    assert list(frame.columns) == list(FRONTIER)
    assert sorted(zip(standing["task"], standing["model"], standing["runtime"], strict=True)) == [
        ("CartPole-v1", "linear", "eager"), ("CartPole-v1", "ppo", "onnx"), ("text-classification", "bert", "onnx"),
        ("text-classification", "tfidf", "eager"),
    ]  # fmt: skip


def test_the_frontier_of_errors(bench: Any, error_metric: dict[str, Any], pricing: Pricing) -> None:
    """A small error at a high cost is on it, a large one is not."""
    records = [
        *bench.case(model="good", metric=error_metric, scores=(1.0, 1.2) * 20, rate=10.0),
        *bench.case(model="cheap", metric=error_metric, scores=(3.0, 3.2) * 20, rate=100.0),
        *bench.case(model="bad", metric=error_metric, scores=(4.0, 4.2) * 20, rate=20.0),
    ]

    frame = frontier(records, pricing)

    assert sorted(frame[frame["on_frontier"]]["model"]) == ["cheap", "good"]


def test_without_a_measured_cost_a_candidate_is_off_the_frontier(bench: Any, pricing: Pricing) -> None:
    """Even the best one."""
    unserved = [r for r in bench.case(model="best", scores=(1,) * 99 + (0,)) if r.step != "serve"]

    frame = frontier([*bench.case(), *unserved], pricing)

    assert dict(zip(frame["model"], frame["on_frontier"], strict=True)) == {"bert": True, "best": False}
    assert frame.loc[frame["model"] == "best", "usd_per_1k_inferences"].isna().all()


def test_a_point_on_the_line_stays_despite_rounding() -> None:
    """In floats .7 - .6 is a little less than .8 - .7."""
    assert on_hull([(1, 0.6), (2, 0.7), (3, 0.8)]) == [True, True, True]
