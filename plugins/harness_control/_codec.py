"""Observations become one array, a network's numbers become actions. Needs no torch: a served policy loads none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness import Codec

FILE = "actions.json"


class ObservationCodec(Codec):
    """Stacks observations to `observation` [batch, …]; takes the likeliest action, or one within bounds."""

    def __init__(self, bounds: tuple[np.ndarray, np.ndarray] | None = None) -> None:
        """Take the least and the largest action where actions are continuous."""
        self.bounds = bounds

    def encode(self, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Return `observation`, float32, batch first."""
        return {"observation": np.asarray(inputs, dtype=np.float32)}

    def decode(self, arrays: Mapping[str, np.ndarray]) -> Sequence[Any]:
        """Return one action for each observation.

        Raises:
            ValueError: a number is not finite.
        """
        (numbers,) = arrays.values()
        if not np.isfinite(numbers).all():
            raise ValueError("The policy's numbers are not finite. Lower the learning rate or look at the weights.")
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
