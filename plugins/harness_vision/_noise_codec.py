"""Preprocessor and postprocessor of generators. Imports no torch, so that ONNX Runtime serves without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness_vision._codec import StoredCodec


class NoiseCodec(StoredCodec):
    """Turn a request into the noise that it seeds, equal in every runtime, and pixels into pictures."""

    file = "noise.json"

    def __init__(self, numbers: int) -> None:
        """Take the length of a picture's noise vector."""
        self.numbers = numbers

    def encode(self, inputs: Sequence[int]) -> dict[str, np.ndarray]:
        """Return `noise`, float32 [n, numbers], drawn from N(0, 1)."""
        noise = [np.random.default_rng(request).standard_normal(self.numbers, np.float32) for request in inputs]
        return {"noise": np.stack(noise)}

    def decode(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:  # type: ignore[override]  # an array is the sequence here
        """Return pictures, float32 [n, height, width, channels] from 0 to 1."""
        return np.ascontiguousarray(arrays["pictures"].transpose(0, 2, 3, 1))
