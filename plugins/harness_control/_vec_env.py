"""Several environments of a game, stepped together, as stable-baselines3 trains in them."""

from __future__ import annotations

from typing import Any

from stable_baselines3.common.vec_env import DummyVecEnv

from harness_control._environment import require_finite
from harness_control._game import Game


class CheckedVecEnv(DummyVecEnv):
    """A `DummyVecEnv` that raises on NaN or infinite numbers; a policy would train on them silently.

    Raises:
        DataError: an observation or a reward is not finite.
    """

    def __init__(self, game: Game, count: int) -> None:
        super().__init__([game.make for _ in range(count)])
        self._world, self._steps = game.world, 0

    def reset(self) -> Any:
        """Start an episode in each environment."""
        observations: Any = super().reset()
        require_finite(self._world, observations, 0.0, f"the reset before step {self._steps + 1} of training")
        return observations

    def step_wait(self) -> Any:
        """Step each environment."""
        observations, rewards, *rest = super().step_wait()
        self._steps += 1
        require_finite(self._world, observations, rewards, f"step {self._steps} of training")
        return observations, rewards, *rest
