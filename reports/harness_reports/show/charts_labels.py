"""Places for the names of points on a chart, so that none lies on another, on a point, or outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

WIDTH_PX, HEIGHT_PX = 460, 330
"""Of a panel on a page that is not wide: what fits there fits everywhere."""
CHARACTER_PX, LINE_PX, POINT_PX = 6.2, 15, 7
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
        """Whether all of it is on the panel."""
        return self.left >= 0 and self.bottom >= 0 and self.right <= WIDTH_PX and self.top <= HEIGHT_PX


def places(
    points: Sequence[tuple[float, float]], names: Mapping[int, str], taken: Sequence[Box] = ()
) -> dict[int, str]:
    """Return where each name goes, as plotly's `textposition`; a name without a free place is left out.

    Args:
        points: all points, as shares of the panel's width and height.
        names: place in `points` → what is written beside it.
        taken: boxes that something else is written in.
    """
    centres = [(x * WIDTH_PX, y * HEIGHT_PX) for x, y in points]
    dots = [Box(x - POINT_PX, y - POINT_PX, x + POINT_PX, y + POINT_PX) for x, y in centres]
    written, found = list(taken), {}
    for number, name in names.items():
        others = [dot for place, dot in enumerate(dots) if centres[place] != centres[number]]
        for place in PLACES:
            box = _box(place, centres[number], name)
            if box.inside and not any(box.meets(other) for other in (*written, *others)):
                found[number] = place
                written.append(box)
                break
    return found


def _box(place: str, centre: tuple[float, float], name: str) -> Box:
    vertical, horizontal = place.split()
    width = len(name) * CHARACTER_PX
    left = centre[0] - POINT_PX - width if horizontal == "left" else centre[0] + POINT_PX
    bottom = centre[1] + {"top": POINT_PX, "middle": -LINE_PX / 2, "bottom": -POINT_PX - LINE_PX}[vertical]
    return Box(left, bottom, left + width, bottom + LINE_PX)
