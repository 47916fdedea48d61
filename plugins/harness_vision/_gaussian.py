"""The cheap generator: pixels that follow one Gaussian, along the directions in which real pictures differ most."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file
from sklearn.decomposition import PCA

from harness import Assignment, Learner, Progress, Unsupported
from harness_vision._codec import ImageCodec
from harness_vision._noise_codec import NoiseCodec
from harness_vision.drawings import pictures

WEIGHTS, SHAPE = "weights.safetensors", "shape.json"


class GaussianLearner(Learner):
    """One fit, saved without pickle."""

    def __init__(self, assignment: Assignment) -> None:
        """Take the assignment; nothing is drawn at random while fitting.

        Raises:
            Unsupported: another precision than fp32 was asked for.
        """
        if assignment.precision != "fp32":
            raise Unsupported(f"scikit-learn does not compute in {assignment.precision}. Use fp32.")
        self.assignment = assignment
        self._numbers: dict[str, np.ndarray] = {}
        self._shape: list[int] = []

    def step(self) -> Progress:
        """Fit everything; the loss is the share of the pixels' variance that the directions leave out."""
        images = pictures(self.assignment.data)
        codec = ImageCodec(self.assignment.settings["image_size"], images[0].shape[-1])
        pixels = codec.encode(images)["pixel_values"] / 2 + 0.5
        rows = pixels.reshape(len(pixels), -1).astype(np.float64)
        fit = PCA(min(self.assignment.settings["directions"], *rows.shape), svd_solver="full").fit(rows)
        spread = fit.components_ * np.sqrt(fit.explained_variance_)[:, None]
        self._numbers = {"mean": fit.mean_.astype(np.float32), "spread": spread.astype(np.float32)}
        self._shape = list(pixels.shape[1:])
        left_out = max(0.0, 1 - float(fit.explained_variance_ratio_.sum()))
        return Progress(consumed={"samples": len(images)}, losses={"loss": left_out}, done=True)

    def predict(self, inputs: Sequence[int]) -> Sequence[np.ndarray]:
        """Return pictures, float32 [n, height, width, channels]; what is darker than black is black."""
        codec = NoiseCodec(len(self._numbers["spread"]))
        drawn = self._numbers["mean"] + codec.encode(inputs)["noise"] @ self._numbers["spread"]
        found: Sequence[np.ndarray] = codec.decode({"pictures": drawn.clip(0, 1).reshape(-1, *self._shape)})  # type: ignore[assignment]  # an array is the sequence here
        return found

    def save(self, folder: Path) -> None:
        """Write the numbers and the pictures' shape."""
        save_file({name: np.ascontiguousarray(array) for name, array in self._numbers.items()}, folder / WEIGHTS)
        (folder / SHAPE).write_text(json.dumps(self._shape), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Become what `save` wrote."""
        self._numbers = load_file(folder / WEIGHTS)
        self._shape = json.loads((folder / SHAPE).read_text(encoding="utf-8"))

    def parameters(self) -> int | None:
        """Return how many numbers it holds, None before the fit."""
        return sum(array.size for array in self._numbers.values()) or None
