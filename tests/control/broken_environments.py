"""Environments registered with gymnasium as users do it: a valid one, and others with one fault each."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces


class Coin(gymnasium.Env[Any, Any]):
    """Say which side is up, three times an episode."""

    observation_space: spaces.Space[Any] = spaces.Discrete(2)
    action_space: spaces.Space[Any] = spaces.Discrete(2)
    nan_from = 10**9
    """The first step with NaN, counted over all episodes."""
    reward_only = False

    def __init__(self) -> None:
        self.steps = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Toss for the first time."""
        super().reset(seed=seed, options=options)
        self.left = 3
        return self._toss(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Reward the right side, and toss again."""
        reward = float(action == self.side)
        self.steps, self.left = self.steps + 1, self.left - 1
        if self.reward_only and self.steps >= self.nan_from:
            reward = float("nan")
        return self._toss(), reward, self.left == 0, False, {}

    def _toss(self) -> Any:
        self.side = int(self.np_random.integers(2))
        return self.side


class Thermometer(Coin):
    """A `Coin` whose observations are a Box."""

    observation_space = spaces.Box(-1.0, 1.0, (1,), np.float32)

    def _toss(self) -> Any:
        side = super()._toss()
        broken = not self.reward_only and self.steps >= self.nan_from
        return np.array([np.nan if broken else side], np.float32)


class Unread(Thermometer):
    """NaN in the first observation."""

    nan_from = 0


class Unpaid(Thermometer):
    """NaN as a reward from the fifth step."""

    nan_from, reward_only = 5, True


class LateNan(Thermometer):
    """NaN in an observation after the trial."""

    nan_from = 200


class LateUnpaid(LateNan):
    """NaN as a reward after the trial."""

    reward_only = True


class WrongShape(Thermometer):
    """The space has one number, observations have two."""

    def _toss(self) -> Any:
        return np.repeat(super()._toss(), 2)


class OutOfSpace(Coin):
    """Observations outside a Discrete space."""

    def _toss(self) -> Any:
        return super()._toss() + 2


class Talking(Coin):
    """Observations of any length."""

    observation_space = spaces.Sequence(spaces.Discrete(3))


class FromOne(Coin):
    """Actions counted from 1."""

    action_space = spaces.Discrete(2, start=1)


class TwoHands(Coin):
    """Two discrete actions at once."""

    action_space = spaces.MultiDiscrete([2, 2])


class Boundless(Coin):
    """Continuous actions without bounds."""

    action_space = spaces.Box(-np.inf, np.inf, (1,), np.float32)


class Table(Coin):
    """Continuous actions in two dimensions."""

    action_space = spaces.Box(-1.0, 1.0, (2, 2), np.float32)


class Unbuildable(Coin):
    """A constructor that raises."""

    def __init__(self) -> None:
        raise OSError("map.txt is missing")


for _entry in (
    Coin, Unread, Unpaid, LateNan, LateUnpaid, WrongShape, OutOfSpace, Talking, FromOne, TwoHands, Boundless, Table,
    Unbuildable,
):  # fmt: skip
    gymnasium.register(f"{_entry.__name__}-v0", entry_point=_entry)
