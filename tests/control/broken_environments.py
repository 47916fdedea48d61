"""Environments as users bring them, registered with gymnasium: one that is sound, and what can be wrong with others."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces


class Coin(gymnasium.Env[Any, Any]):
    """Say which side is up, three times."""

    observation_space: spaces.Space[Any] = spaces.Discrete(2)
    action_space: spaces.Space[Any] = spaces.Discrete(2)
    nonsense_from = 10**9
    """The step from which numbers are none, counted over all episodes of an environment."""
    reward_only = False

    def __init__(self) -> None:
        self.steps = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin to toss."""
        super().reset(seed=seed, options=options)
        self.left = 3
        return self._toss(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Pay for the right side, and toss again."""
        reward = float(action == self.side)
        self.steps, self.left = self.steps + 1, self.left - 1
        if self.reward_only and self.steps >= self.nonsense_from:
            reward = float("nan")
        return self._toss(), reward, self.left == 0, False, {}

    def _toss(self) -> Any:
        self.side = int(self.np_random.integers(2))
        return self.side


class Thermometer(Coin):
    """Shows the side as a temperature."""

    observation_space = spaces.Box(-1.0, 1.0, (1,), np.float32)

    def _toss(self) -> Any:
        side = super()._toss()
        broken = not self.reward_only and self.steps >= self.nonsense_from
        return np.array([np.nan if broken else side], np.float32)


class Unread(Thermometer):
    """An observation that is none, from the start."""

    nonsense_from = 0


class Unpaid(Thermometer):
    """A reward that is none, in the fifth step."""

    nonsense_from, reward_only = 5, True


class LateNan(Thermometer):
    """An observation that is none, when nobody looks any more."""

    nonsense_from = 200


class LateUnpaid(LateNan):
    """A reward that is none, when nobody looks any more."""

    reward_only = True


class WrongShape(Thermometer):
    """Says one number, gives two."""

    def _toss(self) -> Any:
        return np.repeat(super()._toss(), 2)


class OutOfSpace(Coin):
    """Says two sides, gives a third."""

    def _toss(self) -> Any:
        return super()._toss() + 2


class Talking(Coin):
    """Observations of letters in a row of any length."""

    observation_space = spaces.Sequence(spaces.Discrete(3))


class FromOne(Coin):
    """Counts actions from 1."""

    action_space = spaces.Discrete(2, start=1)


class TwoHands(Coin):
    """Two choices at once."""

    action_space = spaces.MultiDiscrete([2, 2])


class Boundless(Coin):
    """Strengths of any size."""

    action_space = spaces.Box(-np.inf, np.inf, (1,), np.float32)


class Table(Coin):
    """Strengths in rows and columns."""

    action_space = spaces.Box(-1.0, 1.0, (2, 2), np.float32)


class Unbuildable(Coin):
    """Needs a file that is not there."""

    def __init__(self) -> None:
        raise OSError("map.txt is missing")


for _entry in (
    Coin, Unread, Unpaid, LateNan, LateUnpaid, WrongShape, OutOfSpace, Talking, FromOne, TwoHands, Boundless, Table,
    Unbuildable,
):  # fmt: skip
    gymnasium.register(f"{_entry.__name__}-v0", entry_point=_entry)
