"""Positions for names of points on a chart, so that none overlaps another name or a point, or leaves the panel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

WIDTH_PX, HEIGHT_PX = 460, 330
"""Of a panel on a narrow page: names that fit there fit everywhere."""
CHARACTER_PX, LINE_PX, POINT_PX = 6.2, 15, 7
"""Width of a character and height of a line at size 11, and radius of a point."""
PLACES = ("top left", "top right", "bottom right", "bottom left", "middle right", "middle left")


class Box(NamedTuple):
    """A rectangle in pixels of a panel, from its lower left corner."""

    left: float
    bottom: float
    right: float
    top: float

    def meets(self, other: Box) -> bool:
        """Return whether two boxes overlap."""
        return (
            self.left < other.right and other.left < self.right and self.bottom < other.top and other.bottom < self.top
        )

    @property
    def inside(self) -> bool:
        """Whether the whole box is on the panel."""
        return self.left >= 0 and self.bottom >= 0 and self.right <= WIDTH_PX and self.top <= HEIGHT_PX


def places(
    points: Sequence[tuple[float, float]], names: Mapping[int, str], taken: Sequence[Box] = ()
) -> dict[int, str]:
    """Return index → plotly's `textposition` of its name; names without a free position are left out.

    Args:
        points: all points, as shares of the panel's width and height.
        names: index in `points` → name.
        taken: boxes of other texts.
    """
    centres = [(x * WIDTH_PX, y * HEIGHT_PX) for x, y in points]
    dots = [Box(x - POINT_PX, y - POINT_PX, x + POINT_PX, y + POINT_PX) for x, y in centres]
    written, chosen = list(taken), {}
    for number, name in names.items():
        others = [dot for place, dot in enumerate(dots) if centres[place] != centres[number]]
        for place in PLACES:
            box = _box(place, centres[number], name)
            if box.inside and not any(box.meets(other) for other in (*written, *others)):
                chosen[number] = place
                written.append(box)
                break
    return chosen


def _box(place: str, centre: tuple[float, float], name: str) -> Box:
    vertical, horizontal = place.split()
    width = len(name) * CHARACTER_PX
    left = centre[0] - POINT_PX - width if horizontal == "left" else centre[0] + POINT_PX
    bottom = centre[1] + {"top": POINT_PX, "middle": -LINE_PX / 2, "bottom": -POINT_PX - LINE_PX}[vertical]
    return Box(left, bottom, left + width, bottom + LINE_PX)
