"""Makes the gymnasium environment of a world, and checks that its numbers are finite."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import gymnasium
import numpy as np
from gymnasium.wrappers import FlattenObservation

from harness import DataError
from harness_control.worlds import World


def make(world: World, **options: str) -> Any:
    """Return a new environment of a world, its observations flat or a grid; `reset` seeds it."""
    environment = gymnasium.make(world.environment, disable_env_checker=True, **world.options, **options)
    inner = environment.unwrapped
    for name, value in world.physics.items():
        _set_attribute(inner, name, value)
    if "length" in world.physics:  # CartPole stores this product
        inner.polemass_length = inner.masspole * inner.length
    shape = environment.observation_space.shape  # None for Dict, Tuple and Discrete
    return environment if world.grid or (shape and len(shape) == 1) else FlattenObservation(environment)


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
