"""Where policies of stable-baselines3 learn: several environments of one game, side by side."""

from __future__ import annotations

from typing import Any

from stable_baselines3.common.vec_env import DummyVecEnv

from harness_control._environment import refuse_nonsense
from harness_control._game import Game


class TrainingGround(DummyVecEnv):
    """Plays environments in turn, and refuses numbers that are none: a policy would learn them without a word.

    Raises:
        DataError: an observation or a reward is not finite.
    """

    def __init__(self, game: Game, count: int) -> None:
        super().__init__([game.make for _ in range(count)])
        self._world, self._steps = game.world, 0

    def reset(self) -> Any:
        """Begin an episode in each environment."""
        observations: Any = super().reset()
        refuse_nonsense(self._world, observations, 0.0, f"the reset before step {self._steps + 1} of training")
        return observations

    def step_wait(self) -> Any:
        """Go a step in each environment."""
        observations, rewards, *rest = super().step_wait()
        self._steps += 1
        refuse_nonsense(self._world, observations, rewards, f"step {self._steps} of training")
        return observations, rewards, *rest
