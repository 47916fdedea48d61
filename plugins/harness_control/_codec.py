"""Observations become one array, logits become actions. Needs no torch: a served policy loads none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness import Codec


class ObservationCodec(Codec):
    """Stacks observations to `observation` [batch, …] and takes the likeliest of `logits` [batch, actions]."""

    def encode(self, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Return `observation`, float32, batch first."""
        return {"observation": np.asarray(inputs, dtype=np.float32)}

    def decode(self, arrays: Mapping[str, np.ndarray]) -> Sequence[int]:
        """Return one action for each observation.

        Raises:
            ValueError: a logit is not finite.
        """
        logits = arrays["logits"]
        if not np.isfinite(logits).all():
            raise ValueError("The policy's logits are not finite. Lower the learning rate or look at the weights.")
        actions: list[int] = np.argmax(logits, axis=1).tolist()
        return actions
