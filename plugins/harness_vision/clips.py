"""Labelled clips in splits: the data of every task of the kind `video-classification`.

An input is a clip, uint8 [frames, height, width, channels] with one channel (grey) or three (red, green, blue). An
output is a row of probabilities, one for each class: predictions of a batch are a float array [n, classes].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from harness import Predict, Sample
from harness.labelled import Examples
from harness_vision.data import PixelData, size

__all__ = ["ClipClassificationData", "Examples"]

SHOWN = 6
"""Clips in the film of samples."""


class ClipClassificationData(PixelData):
    """Clips with one class each."""

    def rows(self, split: str) -> Iterable[Mapping[str, str]]:
        """Return the file, the frames, their size and the class of each clip."""
        clips, labels = self.examples(split)
        for name, clip, label in zip(self.named(split), clips, labels, strict=True):
            yield {"clip": name, "frames": str(len(clip)), "size": size(clip), "label": self.classes[label]}

    def show(self, predict: Predict) -> Sequence[Sample]:
        """Return one film of test clips with their predicted and true classes."""
        from harness_vision._film import film

        clips, labels = self._splits["test"]
        shown = clips[:SHOWN]
        predicted = np.asarray(predict(shown)).argmax(axis=1)
        words = [(self.classes[guess], self.classes[label]) for guess, label in zip(predicted, labels, strict=False)]
        caption = "Test clips with the predicted class: green if right, else orange above the true one"
        return [Sample(caption, "image/gif", film(shown, words))]
