"""Makes the gymnasium environment of a world, and refuses numbers of it that are not finite."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import gymnasium
import numpy as np
from gymnasium.wrappers import FlattenObservation

from harness import DataError
from harness_control.worlds import World


def make(world: World, **how: str) -> Any:
    """Return a new environment of a world; `reset` seeds it."""
    environment = gymnasium.make(world.environment, disable_env_checker=True, **world.options, **how)
    inner = environment.unwrapped
    for name, value in world.physics.items():
        _change(inner, name, value)
    if "length" in world.physics:  # CartPole keeps products of its attributes
        inner.polemass_length = inner.masspole * inner.length
    shape = environment.observation_space.shape  # None where observations are made of parts
    return environment if world.grid or (shape and len(shape) == 1) else FlattenObservation(environment)


def refuse_nonsense(world: World, observation: np.ndarray, reward: float | np.ndarray, where: str) -> None:
    """Raise `DataError` where a number of an environment, or of several side by side, is not finite."""
    seen = np.isfinite(observation).all()
    if not (seen and np.isfinite(reward).all()):
        raise DataError(
            f"Environment {world.environment!r} gave {'a reward' if seen else 'an observation'} that is not finite: "
            f"{where}. Mend the environment: no policy can learn in it or be graded on it."
        )


def _change(inner: Any, name: str, value: Any) -> None:
    """Set an attribute, which may be one of an attribute (`model.opt.gravity`); what is an array is filled."""
    owner, _, last = name.rpartition(".")
    place = attrgetter(owner)(inner) if owner else inner
    if isinstance(getattr(place, last), np.ndarray):
        getattr(place, last)[:] = value
    else:
        setattr(place, last, value)
