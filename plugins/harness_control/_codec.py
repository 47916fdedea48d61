"""Pre- and postprocessing of policies: observations to an array, outputs to actions. Serving needs no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness import Codec

FILE = "actions.json"


class ObservationCodec(Codec):
    """Stacks observations; takes the most likely discrete action, or clips a continuous one."""

    def __init__(self, bounds: tuple[np.ndarray, np.ndarray] | None = None) -> None:
        """Take the smallest and largest continuous action; None for discrete actions."""
        self.bounds = bounds

    def encode(self, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Return `observation`, float32 [n, …]."""
        return {"observation": np.asarray(inputs, dtype=np.float32)}

    def decode(self, arrays: Mapping[str, np.ndarray]) -> Sequence[Any]:
        """Return an action for each observation, an int or float32 [d]."""
        (numbers,) = arrays.values()
        if self.bounds is None:
            actions: list[int] = np.argmax(numbers, axis=1).tolist()
            return actions
        return list(np.clip(numbers, *self.bounds).astype(np.float32))

    def save(self, folder: Path) -> None:
        """Write the bounds."""
        bounds = None if self.bounds is None else [bound.tolist() for bound in self.bounds]
        (folder / FILE).write_text(json.dumps({"bounds": bounds}), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> ObservationCodec:
        """Read what `save` wrote."""
        bounds = json.loads((folder / FILE).read_text(encoding="utf-8"))["bounds"]
        return cls(None if bounds is None else (np.array(bounds[0], np.float32), np.array(bounds[1], np.float32)))
