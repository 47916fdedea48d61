"""Logistic regression on clips: on the middle frame, which shows no motion, and on all frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.labelled import labelled
from harness_vision._clip_codec import ClipCodec
from harness_vision._logistic import LogisticLearner


class ClipLogisticLearner(LogisticLearner):
    """Logistic regression on the pixels of all frames."""

    def examples(self) -> tuple[np.ndarray, Sequence[int]]:
        """Return the training split's pixels and labels."""
        clips, labels = labelled(self.assignment.data).examples("train")
        return self._features(clips), labels

    def predict(self, inputs: Sequence[Any]) -> Sequence[Any]:
        """Return probabilities [n, classes]."""
        answer: Sequence[Any] = self._classifier.predict_proba(self._features(inputs))
        return answer

    def _features(self, clips: Sequence[np.ndarray]) -> np.ndarray:
        """Return float32 [n, frames · channels · height · width] from -1 to 1."""
        pixels = self._codec().encode(self._selected(clips))["pixel_values"]
        return pixels.reshape(len(clips), -1)

    def _codec(self) -> ClipCodec:
        settings = self.assignment.settings
        channels = labelled(self.assignment.data).examples("train").inputs[0].shape[-1]
        return ClipCodec(settings.get("frames", 1), settings["image_size"], channels)

    def _selected(self, clips: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        return clips


class MiddleFrameLearner(ClipLogisticLearner):
    """Logistic regression on the pixels of the middle frame."""

    def _selected(self, clips: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        return [clip[len(clip) // 2 :][:1] for clip in clips]


LEARNERS = {"middle-frame": MiddleFrameLearner, "clip-logistic": ClipLogisticLearner}
