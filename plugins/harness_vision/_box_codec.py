"""Preprocessor and postprocessor of detectors. Imports no torch, so that ONNX Runtime serves without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness_vision._codec import ImageCodec


class BoxCodec(ImageCodec):
    """Resize images to squares; the network returns boxes in the original image's pixels."""

    def encode(self, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Return `pixel_values`, float32 [n, channels, size, size], and `sizes`, float32 [n, 2]: width and height."""
        sizes = np.array([image.shape[1::-1] for image in inputs], np.float32)
        return {**super().encode(inputs), "sizes": sizes}

    def decode(self, arrays: Mapping[str, np.ndarray]) -> list[np.ndarray]:  # type: ignore[override]  # a list of unlike arrays
        """Return the detections [boxes, 6] of each image."""
        return list(arrays["detections"])
