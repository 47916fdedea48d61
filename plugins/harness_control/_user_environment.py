"""The user's environments, by gymnasium's id, and their checks before anything is written."""

from __future__ import annotations

import hashlib
import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import find_highest_version
from gymnasium.spaces import Box

from harness import DataError
from harness.errors import unknown
from harness_control._environment import endless, has_time_limit, make, random_actions, require_finite
from harness_control.worlds import World

TRIAL_STEPS = 100
"""Steps of random play before an environment is accepted: most faults show early."""
TRIAL_SEED = 5_000_000
TRIAL_S = 30.0
"""In which random play must end an episode where there is no time limit."""


def user_world(identifier: str | None, settings: Mapping[str, Any]) -> World:
    """Return the world of an environment, `CartPole-v1` or `module_that_registers_it:Name-v0`.

    Args:
        identifier: gymnasium's id.
        settings: `max_episode_steps`, if it is not 0, takes the place of the environment's own time limit.

    Raises:
        DataError: the id is unknown, the environment cannot be made, or policies cannot produce its actions.
    """
    environment = _make(identifier)
    return replace(_world(identifier, settings), origin=_origin(environment.unwrapped))


def _world(identifier: str | None, settings: Mapping[str, Any]) -> World:
    """Return the world of an environment of the user's; its origin, which takes long to find, is empty."""
    limit = settings.get("max_episode_steps", 0)
    if limit < 0:
        raise DataError(f"max_episode_steps is {limit}. Give the steps after which an episode is cut off, above 0.")
    return World(str(identifier), rule=None, origin="", options={"max_episode_steps": limit} if limit else {})


def has_discrete_actions(identifier: str | None) -> bool:
    """Return whether an environment's actions are discrete; otherwise they are numbers within bounds.

    Raises:
        DataError: as `user_world`.
    """
    return isinstance(_make(identifier).action_space, gymnasium.spaces.Discrete)


def try_environment(identifier: str | None, settings: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Make an environment and try random play.

    Raises:
        DataError: as `user_world` and `try_random_play`.
    """
    world = _world(identifier, settings)
    say("being made")
    _make(identifier)
    try_random_play(world, say)


def try_random_play(world: World, say: Callable[[str], None]) -> None:
    """Play `TRIAL_STEPS` random steps, without a time limit until an episode ends, so that faults show early.

    Args:
        world: the environment.
        say: is told what is being done.

    Raises:
        DataError: observations are no array of numbers or not in their space, a number is not finite, no episode ends,
            or the environment raises.
    """
    environment, step = make(world), 0
    if not isinstance(environment.observation_space, Box):
        raise DataError(
            f"Environment {world.environment!r} has observations {environment.observation_space}, which cannot be made "
            "one array of numbers. Wrap it so that its observations are a Box, a Discrete, or a Dict or Tuple of those."
        )
    ends, began = has_time_limit(environment), time.monotonic()
    try:
        for step, (observation, reward, over) in enumerate(_random_play(environment, say)):
            require_finite(world, observation, reward, f"step {step} of random play")
            ends = ends or over
            if ends and step >= TRIAL_STEPS:
                break
            if not ends:
                _require_time(world, step, time.monotonic() - began)
    except DataError:
        raise
    except Exception as error:
        raise DataError(
            f"Environment {world.environment!r} fails after step {step} of random play: {type(error).__name__}: "
            f"{error}. Do its observations and actions fit its spaces? Try gymnasium's check_env."
        ) from error
    finally:
        environment.close()


def _require_time(world: World, steps: int, seconds: float) -> None:
    if seconds > TRIAL_S:
        raise DataError(endless(world, steps, f" ({seconds:.0f} s)"))


def _random_play(environment: Any, say: Callable[[str], None]) -> Iterator[tuple[Any, float, bool]]:
    """Yield observation, reward and whether the episode is over, of each step and reset, without end."""
    seed, step = TRIAL_SEED, 0
    while True:
        say("being reset")
        yield environment.reset(seed=seed)[0], 0.0, False
        generator = np.random.default_rng(seed)
        seed, over = seed + 1, False
        while not over:
            step += 1
            say(f"in step {step} of random play")
            (action,) = random_actions(environment.action_space, generator, 1)
            observation, reward, terminated, truncated, _ = environment.step(action)
            over = bool(terminated or truncated)
            yield observation, float(reward), over


def _make(identifier: str | None) -> Any:
    if identifier is None:
        raise DataError("This task needs an environment. Name one: --data Acrobot-v1, or --data module:Name-v0.")
    try:
        environment = gymnasium.make(identifier)
    except gymnasium.error.UnregisteredEnv as error:
        raise DataError(_unknown_id(identifier)) from error
    except ModuleNotFoundError as error:
        remedy = "Install its package, or put its folder on PYTHONPATH."
        raise DataError(f"Environment {identifier!r} cannot be made: {error} {remedy}") from error
    except Exception as error:  # whatever its constructor raises
        raise DataError(f"Environment {identifier!r} cannot be made: {error}") from error
    environment.close()
    _require_usable_actions(identifier, environment.action_space)
    return environment


def _unknown_id(identifier: str) -> str:
    """Return the message for an unknown id."""
    import_module("highway_env")  # registers its environments, so that they are suggested too
    module, colon, name = identifier.rpartition(":")
    spec = gymnasium.registry.get(name)
    if spec is None or colon:
        return unknown(f"environment of {module}" if colon else "environment", name, gymnasium.registry)
    newest = f"{spec.name}-v{find_highest_version(spec.namespace, spec.name)}"
    owner = str(spec.entry_point).partition(".")[0]
    return f"Environment {identifier!r} is registered by a module. Name it too: --data {owner}:{newest}."


def _require_usable_actions(identifier: str, space: Any) -> None:
    if not isinstance(space, gymnasium.spaces.Discrete | Box):
        raise DataError(
            f"Environment {identifier!r} has actions {space}. Wrap it so that its actions are a Discrete or a Box."
        )
    if isinstance(space, gymnasium.spaces.Discrete) and space.start != 0:
        raise DataError(
            f"Environment {identifier!r} counts its actions from {space.start}. Let them start at 0, with "
            "gymnasium.wrappers.TransformAction."
        )
    if isinstance(space, Box) and not (len(space.shape) == 1 and space.is_bounded()):
        raise DataError(
            f"Environment {identifier!r} has actions {space}. Give them one dimension and bounds, with "
            "gymnasium.wrappers.RescaleAction or TransformAction."
        )
    if isinstance(space, Box) and space.dtype not in (np.float32, np.float64):
        raise DataError(
            f"Environment {identifier!r} has actions {space}, of {space.dtype}. Policies give float32: make them a "
            "Discrete, or a Box of float32 with gymnasium.wrappers.TransformAction, which may round."
        )


def _origin(inner: Any) -> str:
    """Return distribution and version of the environment's class, or its file's name and digest."""
    package = type(inner).__module__.partition(".")[0]
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:  # the distribution has another name, or there is none
        distributions = _distributions().get(package, [])
    if distributions:
        return f"{distributions[0]} {version(distributions[0])}"
    file = Path(inspect.getfile(type(inner)))
    return f"{file.name} of SHA-256 {hashlib.sha256(file.read_bytes()).hexdigest()}"


@cache
def _distributions() -> Mapping[str, list[str]]:
    """Return the installed distributions of each package, once a process: it reads the list of every file."""
    return packages_distributions()
