"""Labelled images in splits: the data of every task of the kind `image-classification`.

An input is an image, uint8 [height, width, channels] with one channel (grey) or three (red, green, blue). An output is
a row of probabilities, one for each class: predictions of a batch are a float array [n, classes].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Self

import numpy as np

from harness import Prompts
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
        self.names = {}

    names: Mapping[str, Sequence[str]]
    """Split → the file or row of each input, of data of the user's."""

    def named(self, split: str) -> Sequence[str]:
        """Return the file or row of each input; numbers for data that come with the task."""
        return self.names.get(split) or [str(number) for number in range(self.sizes[split])]

    def only(self, split: str, places: Sequence[int]) -> Self:
        """Return it with the images of a split at these places alone, under their names."""
        data = super().only(split, places)
        if split in self.names:
            data.names = {**self.names, split: [self.names[split][place] for place in places]}
        return data

    @staticmethod
    def content(one: np.ndarray) -> bytes:
        """Return the shape and the pixels."""
        return f"{one.shape} ".encode() + one.tobytes()


class ImageClassificationData(PixelData):
    """Images with one class each."""

    def prompts(self) -> Prompts:
        """Return how an image's class is asked for."""
        from harness_vision._prompts import ImagePrompts

        return ImagePrompts(self)

    def rows(self, split: str) -> Iterable[Mapping[str, str]]:
        """Return the file, the size and the class of each image."""
        inputs, labels = self.examples(split)
        for name, image, label in zip(self.named(split), inputs, labels, strict=True):
            yield {"image": name, "size": size(image), "label": self.classes[label]}


def size(image: np.ndarray) -> str:
    """Return the size of an image, or of a clip's frames, for people: `640x480 colour`."""
    height, width, channels = image.shape[-3:]
    return f"{width}x{height} {'grey' if channels == 1 else 'colour'}"
