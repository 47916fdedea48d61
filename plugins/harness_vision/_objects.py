"""The objects of an image: boxes with classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Objects(NamedTuple):
    """The objects of one image."""

    boxes: np.ndarray
    """float32 [n, 4]: left, top, right and bottom edge in pixels."""
    labels: np.ndarray
    """int64 [n], positions in `classes`."""
    crowd: np.ndarray
    """bool [n]: a group of objects that were not counted; as in COCO it is neither trained on nor graded."""

    @classmethod
    def of(cls, boxes: Sequence[Sequence[float]], labels: Sequence[int], crowd: Sequence[bool] = ()) -> Objects:
        """Return lists as arrays; without `crowd` every object is single."""
        return cls(
            np.array(boxes, np.float32).reshape(-1, 4),
            np.array(labels, np.int64),
            np.array(crowd or [False] * len(labels), bool),
        )

    def single(self) -> Objects:
        """Return the objects without the crowds."""
        return Objects(*(column[~self.crowd] for column in self))
