"""Environments that users bring, by gymnasium's id."""

from __future__ import annotations

from importlib.metadata import packages_distributions
from typing import Any, Literal

import gymnasium

from harness import DataError
from harness.errors import unknown
from harness_control.worlds import World

Actions = Literal["Discrete", "Box"]


def brought(identifier: str | None, actions: Actions) -> World:
    """Return the world of an environment, `CartPole-v1` or `module_that_registers_it:Name-v0`.

    Raises:
        DataError: there is none of that id, it cannot be made, or its actions are of another kind.
    """
    if identifier is None:
        raise DataError(
            "This task has no environment of its own. Name one: --data Acrobot-v1, or --data module:Name-v0."
        )
    space = _action_space(identifier)
    if type(space).__name__ != actions:
        other = {"Discrete": "continuous-environment", "Box": "discrete-environment"}[actions]
        raise DataError(
            f"Environment {identifier!r} has actions {space}, this task takes {actions} ones. Is it one for {other!r}?"
        )
    return World(identifier, rule=None, package=_package(identifier))


def _action_space(identifier: str) -> Any:
    try:
        environment = gymnasium.make(identifier)
    except gymnasium.error.UnregisteredEnv as error:
        raise DataError(unknown("environment", identifier, gymnasium.registry)) from error
    except ModuleNotFoundError as error:
        raise DataError(f"Environment {identifier!r} cannot be made: {error}. Install its package.") from error
    except gymnasium.error.Error as error:
        raise DataError(f"Environment {identifier!r} cannot be made: {error}") from error
    environment.close()
    return environment.action_space


def _package(identifier: str) -> str | None:
    """Return the distribution the environment's class comes from; None where it is in none."""
    entry = gymnasium.spec(identifier).entry_point
    module = entry.partition(":")[0] if isinstance(entry, str) else getattr(entry, "__module__", "")
    return next(iter(packages_distributions().get(module.partition(".")[0], [])), None)
