"""Labelled images in splits: the data of every task of the kind `image-classification`.

An input is an image, uint8 [height, width, channels] with one channel (grey) or three (red, green, blue). An output is
a row of probabilities, one for each class: predictions of a batch are a float array [n, classes].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness.labelled import Examples, LabelledData

__all__ = ["Examples", "ImageClassificationData", "PixelData"]

METRIC = "accuracy"


class PixelData(LabelledData):
    """Images or clips as arrays of pixels, with one class each."""

    def __init__(self, classes: Sequence[str], splits: Mapping[str, Examples]) -> None:
        """Keep the splits.

        Args:
            classes: names, in the order of the outputs' columns.
            splits: `train`, `validation` and `test`.
        """
        super().__init__(classes, splits, METRIC)

    @staticmethod
    def content(one: np.ndarray) -> bytes:
        """Return the shape and the pixels."""
        return f"{one.shape} ".encode() + one.tobytes()


class ImageClassificationData(PixelData):
    """Images with one class each."""
