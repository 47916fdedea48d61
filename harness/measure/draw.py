"""Which input is sent next: each once while they last, so that nothing on the way has its answer already."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from typing import Any


class Draw(Sequence[Any]):
    """Inputs in an order by a seed, anew in another order when all were drawn; may be used by several threads.

    As a sequence it gives the next input whatever the index is: LoadGen then says how many and when, not which.
    """

    def __init__(self, inputs: Sequence[Any], seed: int) -> None:
        """Keep the inputs, at least one."""
        self.inputs = inputs
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._lock = threading.Lock()
        self._left: list[int] = []
        self.drawn = 0

    def next(self) -> Any:
        """Return the next input."""
        with self._lock:
            if not self._left:
                self._left = self._random.sample(range(len(self.inputs)), len(self.inputs))
            self.drawn += 1
            return self.inputs[self._left.pop()]

    @property
    def repeats(self) -> bool:
        """Whether an input was drawn twice."""
        return self.drawn > len(self.inputs)

    def described(self) -> dict[str, Any]:
        """Return what a record says of it."""
        return {"inputs": len(self.inputs), "requests": self.drawn, "inputs_repeat": self.repeats}

    def __len__(self) -> int:
        """Return how many inputs there are."""
        return len(self.inputs)

    def __getitem__(self, index: Any) -> Any:
        """Return the next input."""
        return self.next()
