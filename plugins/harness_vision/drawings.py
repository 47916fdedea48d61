"""Real pictures to imitate: the data of every task of the kind `image-generation`.

An input is a request, an int: the seed of the picture, so that every runtime answers it with the same picture. An
output is a picture, float [height, width, channels] from 0 to 1: not yet bytes, since two engines that differ in the
seventh digit would round differently. Predictions of a batch are an array or a sequence of pictures.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from harness import Data, Grades, Predict, Sample, Unsupported
from harness_vision.data import ImageClassificationData

if TYPE_CHECKING:
    from harness_vision._features import FeatureNetwork

DISTANCE, RECOGNISED = "Frechet distance", "recognised"
CONFIDENT = 0.9
"""Lowest probability of a class with which a picture counts as recognised."""
FIRST_REQUEST = {"validation": 1_000_000, "test": 2_000_000}
"""Split → its first request; the others follow, as many as the split has real pictures."""
SLACK = 1e-3
"""Excess over the range of a pixel that counts as rounding."""
SHOWN = 48
"""Generated pictures in the sheet."""


def pictures(data: Data) -> Sequence[np.ndarray]:
    """Return a task's training pictures, uint8 [height, width, channels].

    Raises:
        Unsupported: the data are of another kind.
    """
    if not isinstance(data, DrawingData):
        raise Unsupported(f"{type(data).__name__} holds no pictures that a generator could train on.")
    inputs: Sequence[np.ndarray] = data.real.examples("train").inputs
    return inputs


class DrawingData(Data):
    """Real pictures with classes, in splits; generated pictures are compared with a whole split."""

    def __init__(self, real: ImageClassificationData) -> None:
        """Take the real pictures."""
        self.real = real
        self.digest, self.sizes, self.how_read = real.digest, real.sizes, real.how_read
        self._real_features: dict[str, np.ndarray] = {}

    def rows(self, split: str) -> Iterable[Mapping[str, str]]:
        """Return the file, the size and the class of each real picture."""
        return self.real.rows(split)

    def smaller(self, train: int, validation: int) -> DrawingData:
        """Return the data with fewer real pictures, `train` and `validation` of them."""
        return DrawingData(self.real.smaller(train, validation))

    @cached_property
    def network(self) -> FeatureNetwork:
        """The network that compares pictures, trained on the training split when first used."""
        from harness_vision._features import FeatureNetwork

        return FeatureNetwork(self.real)

    def evaluate(self, predict: Predict, batch_size: int, split: str = "test") -> Grades:
        """Grade as many pictures as the split has: columns `recognised` (0 or 1) and `class` (the most probable).

        Raises:
            ValueError: a picture is not of the shape [height, width, channels], or its pixels lie outside of 0 to 1.
        """
        requests = self.requests(split)
        generated: list[np.ndarray] = []
        for start in range(0, len(requests), batch_size):
            generated += [self._bytes(picture) for picture in predict(requests[start : start + batch_size])]
        return self._grades(generated, split)

    def requests(self, split: str) -> list[int]:
        """Return a split's requests."""
        first = FIRST_REQUEST[split]
        return list(range(first, first + self.sizes[split]))

    def queries(self) -> Sequence[int]:
        """Return the test split's requests."""
        return self.requests("test")

    def keys(self, split: str) -> Sequence[Hashable]:
        """Return the SHA-256 of each real picture of a split."""
        return self.real.keys(split)

    def random_baseline(self) -> Mapping[str, float]:
        """Return the metrics of noise: pixels drawn uniformly from black to white."""
        shape = (self.sizes["test"], *self.real.queries()[0].shape)
        grades = self._grades(list(np.random.default_rng(0).integers(0, 256, shape, np.uint8)), "test")
        rows = np.arange(len(grades.scores[RECOGNISED]))
        return {DISTANCE: grades.over[DISTANCE](rows), RECOGNISED: float(np.mean(grades.scores[RECOGNISED]))}

    def floor(self) -> float:
        """Return the distance between the real pictures of the two held-out splits: about the best to expect."""
        return self._grades(self.real.examples("validation").inputs, "test").over[DISTANCE](
            np.arange(self.sizes["validation"])
        )

    def show(self, predict: Predict) -> Sequence[Sample]:
        """Return one sheet of generated pictures with real ones below."""
        from harness_vision._sheet import grid

        generated = [self._bytes(picture) for picture in predict(self.queries()[:SHOWN])]
        caption = (
            "Pictures for the first requests; those of the last row are real. "
            f"The distance between real pictures is {self.floor():.3f}"
        )
        return [Sample(caption, "image/png", grid(generated, self.real.queries()))]

    def _grades(self, generated: Sequence[np.ndarray], split: str) -> Grades:
        from harness_vision._frechet import Frechet

        if split not in self._real_features:
            self._real_features[split], _ = self.network.outputs(self.real.examples(split).inputs)
        features, probabilities = self.network.outputs(generated)
        scores = {
            RECOGNISED: (probabilities.max(axis=1) >= CONFIDENT).astype(float).tolist(),
            "class": probabilities.argmax(axis=1).astype(float).tolist(),
        }
        return Grades(scores, {DISTANCE: Frechet(features, self._real_features[split]).over})

    def _bytes(self, picture: np.ndarray) -> np.ndarray:
        """Return a picture as uint8."""
        array, channels = np.asarray(picture, np.float64), self.real.queries()[0].shape[2]
        if array.ndim != 3 or array.shape[2] != channels:  # noqa: PLR2004 - height, width, channels
            raise ValueError(f"The model returned the shape {array.shape} instead of (height, width, {channels}).")
        if not (array.min() >= -SLACK and array.max() <= 1 + SLACK):
            raise ValueError(f"The model returned pixels from {array.min():.3g} to {array.max():.3g}, not from 0 to 1.")
        return np.round(array.clip(0, 1) * 255).astype(np.uint8)
