"""Between requests and a generator's arrays. Needs no torch: a served network loads none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from harness import Codec

FILE = "noise.json"


class NoiseCodec(Codec):
    """A request becomes the noise that its number seeds, the same everywhere; pixels become a picture."""

    def __init__(self, numbers: int) -> None:
        """Take how many numbers the noise of one picture has."""
        self.numbers = numbers

    def encode(self, inputs: Sequence[int]) -> dict[str, np.ndarray]:
        """Return `noise`, float32 [n, numbers], drawn from N(0, 1)."""
        drawn = [np.random.default_rng(request).standard_normal(self.numbers, np.float32) for request in inputs]
        return {"noise": np.stack(drawn)}

    def decode(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:  # type: ignore[override]  # an array is the sequence here
        """Return pictures, float32 [n, height, width, channels] from 0 to 1."""
        return np.ascontiguousarray(arrays["pictures"].transpose(0, 2, 3, 1))

    def save(self, folder: Path) -> None:
        """Write the count."""
        (folder / FILE).write_text(json.dumps({"numbers": self.numbers}), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> NoiseCodec:
        """Read what `save` wrote."""
        return cls(**json.loads((folder / FILE).read_text(encoding="utf-8")))
