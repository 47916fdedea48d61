"""Preprocessor and postprocessor of image classifiers. Imports no torch, so that ONNX Runtime serves without it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from scipy.special import softmax

from harness import Codec

GREY = 1


class StoredCodec(Codec):
    """A codec whose attributes are the arguments of `__init__`, stored as JSON."""

    file: ClassVar[str]

    def save(self, folder: Path) -> None:
        """Write the arguments of `__init__`."""
        (folder / self.file).write_text(json.dumps(vars(self)), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Return the codec that `save` wrote."""
        return cls(**json.loads((folder / cls.file).read_text(encoding="utf-8")))


class ImageCodec(StoredCodec):
    """Resize images to squares, with values from -1 to 1; turn logits into probabilities."""

    file = "image.json"

    def __init__(self, size: int, channels: int) -> None:
        """Take the square's side in pixels, and 1 (grey) or 3 channels."""
        self.size = size
        self.channels = channels

    def encode(self, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Return `pixel_values`, float32 [n, channels, size, size]."""
        pixels = np.stack([self._fitted(image) for image in inputs]).transpose(0, 3, 1, 2)
        return {"pixel_values": np.ascontiguousarray(pixels, dtype=np.float32) / 127.5 - 1}

    def decode(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:  # type: ignore[override]  # an array is the sequence here
        """Return probabilities [n, classes]."""
        return np.asarray(softmax(arrays["logits"], axis=1))

    def _fitted(self, image: np.ndarray) -> np.ndarray:
        if image.shape == (self.size, self.size, self.channels):
            return image
        from PIL import Image

        picture = Image.fromarray(np.squeeze(image)).convert("L" if self.channels == GREY else "RGB")
        return np.atleast_3d(np.asarray(picture.resize((self.size, self.size))))
