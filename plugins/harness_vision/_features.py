"""The classifier whose features the Fréchet distance compares, in place of an Inception network.

It is trained on the real pictures, once in a process, in double precision: rounding differences between processors
are then too small to change a distance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.labelled import Labelled
from harness_vision._codec import ImageCodec

SIDE = 28
"""Side in pixels that images are resized to."""
FEATURES = 32
EPOCHS, BATCH, RATE, SEED = 6, 32, 5e-3, 0


class FeatureNetwork:
    """A small convolutional network, trained on a task's training images."""

    def __init__(self, data: Labelled) -> None:
        """Train it; torch's global generator keeps its state."""
        images, labels = data.examples("train")
        self._codec = ImageCodec(SIDE, images[0].shape[-1])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            self._body, self._head = _body(images[0].shape[-1]), nn.Linear(FEATURES, len(data.classes)).double()
        self._train(self._pixels(images), torch.tensor(labels))
        self._scale = 1.0
        self._scale = float(np.sqrt(self.outputs(images)[0].var(axis=0).sum()))

    def outputs(self, images: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return features, float64 [n, features], and probabilities, float64 [n, classes].

        Features are scaled so that their variances on the training images add up to 1.
        """
        with torch.no_grad():
            features = self._body(self._pixels(images))
            return features.numpy() / self._scale, self._head(features).softmax(1).numpy()

    def _pixels(self, images: Sequence[np.ndarray]) -> Tensor:
        return torch.from_numpy(self._codec.encode(images)["pixel_values"]).double()

    def _train(self, pixels: Tensor, labels: Tensor) -> None:
        weights = [*self._body.parameters(), *self._head.parameters()]
        optimizer = torch.optim.Adam(weights, RATE)
        batches = list(_batches(len(labels)))
        for step, rows in enumerate(batches):
            optimizer.param_groups[0]["lr"] = RATE * (1 - step / len(batches))  # falls linearly to 0
            optimizer.zero_grad()
            functional.cross_entropy(self._head(self._body(pixels[rows])), labels[rows]).backward()
            optimizer.step()


def _body(channels: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, 8, 5, stride=2, padding=2), nn.ReLU(),
        nn.Conv2d(8, 16, 5, stride=2, padding=2), nn.ReLU(),
        nn.Flatten(), nn.Linear(16 * (SIDE // 4) ** 2, FEATURES), nn.ReLU(),
    ).double()  # fmt: skip


def _batches(count: int) -> Iterator[np.ndarray]:
    order = np.random.default_rng(SEED)
    for _ in range(EPOCHS):
        rows = order.permutation(count)
        yield from (rows[start : start + BATCH] for start in range(0, count, BATCH))
