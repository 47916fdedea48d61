"""Names on a chart overlap nothing and stay inside, for any points."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from harness_reports.show.charts_labels import HEIGHT_PX, PLACES, WIDTH_PX, Box, _box, places

SHARE = st.floats(0, 1)


@given(st.lists(st.tuples(SHARE, SHARE), max_size=12), st.integers(1, 40))
def test_no_two_names_overlap_and_all_are_inside(points: list[tuple[float, float]], length: int) -> None:
    """A name without room is left out; it is in the legend."""
    names = dict.fromkeys(range(len(points)), "x" * length)
    chosen = places(points, names)
    boxes = [_box(where, (points[n][0] * WIDTH_PX, points[n][1] * HEIGHT_PX), names[n]) for n, where in chosen.items()]

    assert all(box.inside for box in boxes)
    assert not any(one.meets(other) for one, other in combinations(boxes, 2))
    assert set(chosen.values()) <= set(PLACES)


def test_a_lone_point_is_named_above_at_its_left() -> None:
    """Unless that is outside."""
    assert places([(0.5, 0.5)], {0: "bert"}) == {0: "top left"}
    assert places([(0.0, 0.5)], {0: "bert"}) == {0: "top right"}
    assert places([(1.0, 1.0)], {0: "bert"}) == {0: "bottom left"}


def test_a_name_avoids_points_and_other_texts() -> None:
    """It takes the next position."""
    above = (0.5 - 20 / WIDTH_PX, 0.5 + 14 / HEIGHT_PX)
    taken = Box(0.5 * WIDTH_PX, 0.5 * HEIGHT_PX, WIDTH_PX, HEIGHT_PX)

    assert places([(0.5, 0.5), above], {0: "bert"}) == {0: "top right"}
    assert places([(0.5, 0.5), above], {0: "bert"}, [taken]) == {0: "bottom right"}
