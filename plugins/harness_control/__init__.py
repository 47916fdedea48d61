"""Control: games played by policies.

Tasks `cartpole` and its source variant `cartpole-source`; models `random`, `rule` and `ppo`. Nothing heavy is imported
here.
"""

from collections.abc import Iterable

from harness import Model, Task, UseCase, hookimpl
from harness_control.models import Ppo, Random, Rule
from harness_control.tasks import CartPole, CartPoleSource

__all__ = ["harness_models", "harness_preload", "harness_tasks", "harness_use_cases"]


@hookimpl
def harness_tasks() -> Iterable[Task]:
    """Bring the tasks."""
    return [CartPole(), CartPoleSource()]


@hookimpl
def harness_models() -> Iterable[Model]:
    """Bring the models, cheapest first."""
    return [Random(), Rule(), Ppo()]


@hookimpl
def harness_use_cases() -> Iterable[UseCase]:
    """Bring the use cases."""
    from harness_control.use_cases import USE_CASES

    return USE_CASES


@hookimpl
def harness_preload() -> Iterable[str]:
    """Name what the steps import."""
    return [
        "gymnasium.envs.classic_control.cartpole",
        "stable_baselines3",
        "safetensors.torch",
        "harness_control._game",
        "harness_control._simple",
        "harness_control._ppo",
    ]
