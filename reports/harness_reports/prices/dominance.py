"""Points of cost and quality that no other one beats, and that no mixture of two others beats."""

from __future__ import annotations

import math
from collections.abc import Sequence

Point = tuple[float, float]
"""Cost and quality; higher quality is better."""


def not_dominated(points: Sequence[Point]) -> list[bool]:
    """Return for each point whether no different point costs no more and is no worse; equal points do not dominate."""
    return [
        not any(cost <= point[0] and quality >= point[1] and (cost, quality) != point for cost, quality in points)
        for point in map(tuple, points)
    ]


def on_hull(points: Sequence[Point]) -> list[bool]:
    """Return for each point whether it is on the frontier's upper convex hull, by Andrew's monotone chain."""
    candidates = sorted({tuple(p) for p, free in zip(points, not_dominated(points), strict=True) if free})
    hull: list[tuple[float, ...]] = []
    for point in candidates:
        while len(hull) > 1 and _beaten(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    return [tuple(point) in hull for point in points]


def _beaten(left: tuple[float, ...], middle: tuple[float, ...], right: tuple[float, ...]) -> bool:
    """Return whether `middle` lies below the line from `left` to `right` by more than rounding."""
    one, two = (middle[1] - left[1]) * (right[0] - left[0]), (right[1] - left[1]) * (middle[0] - left[0])
    return one < two and not math.isclose(one, two, rel_tol=1e-9)
