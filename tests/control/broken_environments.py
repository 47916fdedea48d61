"""Environments registered with gymnasium as users do it: a valid one, and others with one fault each."""

from __future__ import annotations

import os
import sys
import time
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


class Endless(Coin):
    """Nothing ever ends it."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Go on."""
        observation, reward, _, _, info = super().step(action)
        return observation, reward, False, False, info


class Sleepy(Endless):
    """Nor is it fast."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Go on slowly."""
        time.sleep(0.02)
        return super().step(action)


class Patient(Endless):
    """Ends with the action 0: random play ends soon, a policy may go on for ever."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """End if asked to."""
        observation, reward, _, _, info = super().step(action)
        return observation, reward, action == 0, False, info


class Hanging(Coin):
    """Gives no answer in the fifth step."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Wait."""
        while self.steps >= 4:
            time.sleep(1)
        return super().step(action)


class Crashing(Coin):
    """Ends the process, as a fault in a library of its own would."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Go."""
        sys.stderr.write("no graphics card\n")
        sys.stderr.flush()
        os.abort()


class Exiting(Coin):
    """A constructor that exits."""

    def __init__(self) -> None:
        sys.exit(3)


class Unready(Coin):
    """A reset that raises."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Raise."""
        raise RuntimeError("no simulator at port 5005")


class Stretching(Thermometer):
    """Observations become longer after the trial."""

    def _toss(self) -> Any:
        return np.repeat(super()._toss(), 1 + (self.steps >= 200))


class Chatty(Coin):
    """Prints, also what looks like an answer."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Print."""
        sys.stdout.write('{"answer": false}\n')
        return super().reset(seed=seed, options=options)


class Mixed(Coin):
    """Observations of several kinds at once."""

    observation_space = spaces.Dict(
        {"side": spaces.Discrete(2), "past": spaces.Tuple((spaces.MultiBinary(2), spaces.Box(0, 1, (2, 2))))}
    )

    def _toss(self) -> Any:
        side = super()._toss()
        return {"side": side, "past": (np.array([side, 0], np.int8), np.full((2, 2), side, np.float32))}


class Global(Coin):
    """Tosses with numpy's global generator, whatever the seed."""

    def _toss(self) -> Any:
        self.side = int(np.random.randint(2))  # noqa: NPY002 - as environments do
        return self.side


class Built(Coin):
    """Seeded where it is built."""

    def __init__(self) -> None:
        super().__init__()
        self._generator = np.random.default_rng(7)

    def _toss(self) -> Any:
        self.side = int(self._generator.integers(2))
        return self.side


class Once(Built):
    """Follows the first seed alone."""

    def __init__(self) -> None:
        super().__init__()
        self._generator: Any = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Keep the first generator."""
        self._generator = self._generator or np.random.default_rng(seed)
        return super().reset(seed=seed, options=options)


class Gusty(Coin):
    """Starts as its seed says, and goes on as it likes."""

    def __init__(self, generator: Any = np.random) -> None:
        super().__init__()
        self._generator = generator

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Say where it begins."""
        super().reset(seed=seed, options=options)
        return 0, {}

    def _toss(self) -> Any:
        self.side = int(self._generator.random() < 0.5)
        return self.side


class BuiltGusty(Gusty):
    """The same, with a generator that it is built with."""

    def __init__(self) -> None:
        super().__init__(np.random.default_rng(7))


class Worn(Coin):
    """Follows its seed; a used one has less light."""

    observation_space: spaces.Space[Any] = spaces.Box(-9.0, 9.0, (1,), np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin in full light."""
        super().reset(seed=seed, options=options)
        return np.zeros(1, np.float32), {}

    def _toss(self) -> Any:
        return np.array([super()._toss() + self.steps / 1e6], np.float32)


class GlobalSeed(Global):
    """Seeds numpy's global generator, which other environments draw from too."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Seed it."""
        if seed is not None:
            np.random.seed(seed)  # noqa: NPY002 - as environments do
        return super().reset(seed=seed, options=options)


class Fixed(Built):
    """Seeds itself with one number in each reset."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin anew."""
        self._generator = np.random.default_rng(7)
        return super().reset(seed=seed, options=options)


class LateGusty(Coin):
    """Long episodes that follow their seed, but for their end."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin."""
        self.left = 1000
        first = super().reset(seed=seed, options=options)
        self.left = 1000
        return first

    def _toss(self) -> Any:
        super()._toss()
        if self.left < 100:
            self.side = int(np.random.random() < 0.5)  # noqa: NPY002 - as environments do
        return self.side


class InPlace(Coin):
    """Returns one array, which it changes."""

    observation_space: spaces.Space[Any] = spaces.Box(0.0, 1.0, (1,), np.float64)

    def __init__(self) -> None:
        super().__init__()
        self._array = np.zeros(1)

    def _toss(self) -> Any:
        self.side = 0
        self._array[0] = self.np_random.random()
        return self._array


class OneSpace(Coin):
    """Rewards by the action, whose space all share."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Reward the larger action."""
        observation, _, terminated, truncated, info = super().step(action)
        return observation, float(action), terminated, truncated, info


class Whole(Coin):
    """Whole numbers as actions."""

    action_space = spaces.Box(0, 5, (1,), np.int64)


for _entry in (
    Coin, Unread, Unpaid, LateNan, LateUnpaid, WrongShape, OutOfSpace, Talking, FromOne, TwoHands, Boundless, Table,
    Unbuildable, Endless, Sleepy, Patient, Hanging, Crashing, Exiting, Unready, Stretching, Chatty, Mixed, Global,
    Built, Once, Gusty, BuiltGusty, Worn, GlobalSeed, Fixed, LateGusty, InPlace, OneSpace, Whole,
):  # fmt: skip
    gymnasium.register(f"{_entry.__name__}-v0", entry_point=_entry)
gymnasium.register("Limited-v0", entry_point=Endless, max_episode_steps=20)
