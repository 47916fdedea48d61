"""Logistic regression on the pixels: the baseline of image classification."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file
from sklearn.linear_model import LogisticRegression

from harness import Assignment, Learner, Progress, Unsupported
from harness.labelled import class_probabilities, fit_classes, labelled
from harness_vision._codec import ImageCodec

WEIGHTS = "weights.safetensors"


class LogisticLearner(Learner):
    """Logistic regression in one step, saved without pickle."""

    def __init__(self, assignment: Assignment) -> None:
        """Make the estimator; the fit is deterministic.

        Raises:
            Unsupported: the precision is not fp32.
        """
        if assignment.precision != "fp32":
            raise Unsupported(f"scikit-learn does not compute in {assignment.precision}. Use fp32.")
        self.assignment = assignment
        self._classifier = LogisticRegression(C=assignment.settings["inverse_regularisation"], max_iter=1000)

    def examples(self) -> tuple[np.ndarray, Sequence[int]]:
        """Return features [n, features] and labels to fit."""
        images, labels = labelled(self.assignment.data).examples("train")
        return self._pixels(images), labels

    def step(self) -> Progress:
        """Fit everything."""
        features, labels = self.examples()
        loss = fit_classes(self._classifier, features, labels)
        return Progress(consumed={"samples": self.assignment.data.sizes["train"]}, losses={"loss": loss}, done=True)

    def save(self, folder: Path) -> None:
        """Write coefficients, intercepts and classes."""
        numbers = {
            "coefficients": self._classifier.coef_,
            "intercepts": self._classifier.intercept_,
            "classes": self._classifier.classes_,
        }
        save_file({name: np.ascontiguousarray(array) for name, array in numbers.items()}, folder / WEIGHTS)

    def load(self, folder: Path) -> None:
        """Load what `save` wrote."""
        numbers = load_file(folder / WEIGHTS)
        self._classifier.coef_ = numbers["coefficients"]
        self._classifier.intercept_ = numbers["intercepts"]
        self._classifier.classes_ = numbers["classes"]
        self._classifier.n_features_in_ = numbers["coefficients"].shape[1]

    def predict(self, inputs: Sequence[Any]) -> Sequence[Any]:
        """Return probabilities [n, classes]."""
        classes = len(labelled(self.assignment.data).classes)
        features = self._pixels(inputs)
        return class_probabilities(self._classifier, features, classes)  # type: ignore[return-value]  # an array

    def parameters(self) -> int | None:
        """Return the number of coefficients, None before the fit."""
        if not hasattr(self._classifier, "coef_"):
            return None
        return int(self._classifier.coef_.size + self._classifier.intercept_.size)

    def _pixels(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Return float32 [n, channels · size · size] from 0 to 1."""
        channels = labelled(self.assignment.data).examples("train").inputs[0].shape[-1]
        pixels = ImageCodec(self.assignment.settings["image_size"], channels).encode(images)["pixel_values"]
        return pixels.reshape(len(images), -1) / 2 + 0.5
