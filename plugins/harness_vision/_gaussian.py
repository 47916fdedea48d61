"""The baseline generator: a Gaussian over the principal components of the pixels."""

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
    """A PCA in one step, saved without pickle."""

    def __init__(self, assignment: Assignment) -> None:
        """Take the assignment; the fit is deterministic.

        Raises:
            Unsupported: the precision is not fp32.
        """
        if assignment.precision != "fp32":
            raise Unsupported(f"scikit-learn does not compute in {assignment.precision}. Use fp32.")
        self.assignment = assignment
        self._numbers: dict[str, np.ndarray] = {}
        self._shape: list[int] = []

    def step(self) -> Progress:
        """Fit everything; the loss is the share of variance that the components leave out."""
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
        """Return pictures, float32 [n, height, width, channels], clipped to 0 to 1."""
        codec = NoiseCodec(len(self._numbers["spread"]))
        pixels = self._numbers["mean"] + codec.encode(inputs)["noise"] @ self._numbers["spread"]
        return codec.decode({"pictures": pixels.clip(0, 1).reshape(-1, *self._shape)})  # type: ignore[return-value]  # an array is the sequence here

    def save(self, folder: Path) -> None:
        """Write mean, components and the pictures' shape."""
        save_file({name: np.ascontiguousarray(array) for name, array in self._numbers.items()}, folder / WEIGHTS)
        (folder / SHAPE).write_text(json.dumps(self._shape), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Load what `save` wrote."""
        self._numbers = load_file(folder / WEIGHTS)
        self._shape = json.loads((folder / SHAPE).read_text(encoding="utf-8"))

    def parameters(self) -> int | None:
        """Return the count of fitted numbers, None before the fit."""
        return sum(array.size for array in self._numbers.values()) or None
