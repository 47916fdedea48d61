"""A model whose training reads by processes of PyTorch and plays in processes of gymnasium; loaded after the toy."""

from __future__ import annotations

import os
from typing import Any

from harness_file_toy_plugin import Counter, CountingLearner

import harness


class Readers(Counter):
    """Reads and plays by child processes."""

    name = "readers"
    pretraining = None

    def learner(self, assignment: harness.Assignment) -> harness.Learner:
        """Build a learner."""
        return ReadingLearner(assignment)


class Where:
    """A data set of four items: the process that reads each."""

    def __len__(self) -> int:
        """Return 4."""
        return 4

    def __getitem__(self, index: int) -> int:
        """Return the number of this process."""
        return os.getpid()


class ReadingLearner(CountingLearner):
    """Counts the processes of a pass over the data and of an episode's first steps."""

    def step(self) -> harness.Progress:
        """Read and play."""
        from torch.utils.data import DataLoader

        loader: Any = DataLoader(Where(), batch_size=2, num_workers=2, persistent_workers=True)  # type: ignore[arg-type]
        readers = {int(number) for batch in loader for number in batch} - {os.getpid()}
        return harness.Progress({"samples": 10, "readers": len(readers), "plays": _played()}, {}, done=True)


def _played() -> int:
    import gymnasium
    import numpy as np

    games = gymnasium.vector.AsyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * 2)
    games.reset(seed=1)
    observations = games.step(np.array([0, 1]))[0]
    games.close()
    return len(observations)


@harness.hookimpl
def harness_models() -> list[harness.Model]:
    """Bring the model."""
    return [Readers()]
