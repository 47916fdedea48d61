"""Preprocessor and postprocessor of networks for clips. Imports no torch, so that ONNX Runtime serves without it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness_vision._codec import ImageCodec


class ClipCodec(ImageCodec):
    """Sample and resize frames, with values from -1 to 1; turn logits into probabilities."""

    file = "clip.json"

    def __init__(self, frames: int, size: int, channels: int) -> None:
        """Take the number of frames, a frame's side in pixels, and 1 (grey) or 3 channels."""
        super().__init__(size, channels)
        self.frames = frames

    def fitted(self, clip: np.ndarray) -> np.ndarray:
        """Return evenly spaced frames, some repeated in a short clip: uint8 [frames, size, size, channels]."""
        places = np.linspace(0, len(clip) - 1, self.frames).round().astype(int)
        if clip.shape[1:] == (self.size, self.size, self.channels):
            return np.asarray(clip[places])
        return np.stack([self._fitted(clip[place]) for place in places])

    def encode(self, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Return `pixel_values`, float32 [n, frames, channels, size, size]."""
        pixels = np.stack([self.fitted(clip) for clip in inputs]).transpose(0, 1, 4, 2, 3)
        return {"pixel_values": np.ascontiguousarray(pixels, dtype=np.float32) / 127.5 - 1}
