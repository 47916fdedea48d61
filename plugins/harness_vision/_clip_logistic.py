"""Logistic regression on clips: on the middle frame, which shows no motion, and on all frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.labelled import labelled
from harness_vision._clip_codec import ClipCodec
from harness_vision._logistic import LogisticLearner


class ClipLogisticLearner(LogisticLearner):
    """Logistic regression on the pixels of all frames."""

    def _pixels(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Return float32 [n, frames · channels · height · width] from -1 to 1."""
        settings = self.assignment.settings
        channels = labelled(self.assignment.data).examples("train").inputs[0].shape[-1]
        codec = ClipCodec(settings.get("frames", 1), settings["image_size"], channels)
        return codec.encode(images)["pixel_values"].reshape(len(images), -1)


class MiddleFrameLearner(ClipLogisticLearner):
    """Logistic regression on the pixels of the middle frame."""

    def _pixels(self, images: Sequence[np.ndarray]) -> np.ndarray:
        return super()._pixels([clip[len(clip) // 2 :][:1] for clip in images])


LEARNERS = {"middle-frame": MiddleFrameLearner, "clip-logistic": ClipLogisticLearner}
