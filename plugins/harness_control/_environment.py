"""Makes the gymnasium environment of a world, and checks that its numbers are finite."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import gymnasium
import numpy as np
from gymnasium.wrappers import FlattenObservation, TimeLimit

from harness import DataError
from harness_control.worlds import World

LONGEST = 10_000
"""Steps of an episode in an environment without a time limit; one that is longer may never end."""


def make(world: World, **options: str) -> Any:
    """Return a new environment of a world, its observations flat or a grid; `reset` seeds it."""
    environment = gymnasium.make(world.environment, disable_env_checker=True, **world.options, **options)
    inner = environment.unwrapped
    for name, value in world.physics.items():
        _set_attribute(inner, name, value)
    if "length" in world.physics:  # CartPole stores this product
        inner.polemass_length = inner.masspole * inner.length
    shape = environment.observation_space.shape  # None for Dict, Tuple and Discrete
    flat = environment if world.grid or (shape and len(shape) == 1) else FlattenObservation(environment)
    return flat if world.origin is None else Guarded(flat, world)


def random_actions(space: Any, generator: np.random.Generator, count: int) -> list[Any]:
    """Return uniformly random actions of a Discrete or a Box: ints or float32 arrays, as policies give them."""
    if isinstance(space, gymnasium.spaces.Discrete):
        return [int(action) for action in generator.integers(space.n, size=count)]
    return list(generator.uniform(space.low, space.high, (count, *space.shape)).astype(np.float32))


def has_time_limit(environment: Any) -> bool:
    """Return whether a wrapper cuts episodes off."""
    while isinstance(environment, gymnasium.Wrapper):
        if isinstance(environment, TimeLimit):
            return True
        environment = environment.env
    return False


def endless(world: World, steps: int, taken: str = "") -> str:
    """Return the message for an episode that has not ended after so many steps."""
    return (
        f"Environment {world.environment!r} has no time limit, and an episode has not ended after {steps:,} steps"
        f"{taken}: it could not be evaluated. Give it a limit with the task's setting max_episode_steps, such as "
        "--task-setting max_episode_steps=1000."
    )


class Guarded(gymnasium.Wrapper[Any, Any, Any, Any]):
    """An environment of the user's whose faults are named.

    Raises:
        DataError: an observation has another shape than its space, or an episode without a time limit is longer than
            `LONGEST`.
    """

    def __init__(self, environment: Any, world: World) -> None:
        super().__init__(environment)
        self._world, self._limited, self._steps = world, has_time_limit(environment), 0

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        """Begin an episode."""
        observation, info = self.env.reset(**options)
        self._steps = 0
        self._require_shape(observation)
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Take a step."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._steps += 1
        self._require_shape(observation)
        if not self._limited and self._steps >= LONGEST and not (terminated or truncated):
            raise DataError(endless(self._world, self._steps))
        return observation, reward, terminated, truncated, info

    def _require_shape(self, observation: Any) -> None:
        if np.shape(observation) != self.observation_space.shape:
            raise DataError(
                f"Environment {self._world.environment!r} returned an observation of shape {np.shape(observation)} in "
                f"step {self._steps} of an episode; its observation_space has shape {self.observation_space.shape}. "
                "Make them agree."
            )


def require_finite(world: World, observation: np.ndarray, reward: float | np.ndarray, where: str) -> None:
    """Raise `DataError` if an observation or a reward, of one or several environments, is NaN or infinite."""
    valid = np.isfinite(observation).all()
    if not (valid and np.isfinite(reward).all()):
        raise DataError(
            f"Environment {world.environment!r} returned {'a reward' if valid else 'an observation'} that is not "
            f"finite: {where}. Fix the environment: a policy cannot be trained or evaluated in it."
        )


def _set_attribute(inner: Any, name: str, value: Any) -> None:
    """Set an attribute by a dotted name (`model.opt.gravity`); an array is filled in place, as MuJoCo requires."""
    path, _, last = name.rpartition(".")
    parent = attrgetter(path)(inner) if path else inner
    if isinstance(getattr(parent, last), np.ndarray):
        getattr(parent, last)[:] = value
    else:
        setattr(parent, last, value)
