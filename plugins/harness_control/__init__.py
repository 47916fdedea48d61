"""Control: games, robots and driving, with policies as models.

Tasks `CartPole-v1`, `LunarLander-v3`, `InvertedPendulum-v5`, `Reacher-v5`, `FrozenLakes-v0` and `highway-fast-v0`, each
with a source variant for pretraining, and `gymnasium` for the user's environments; models `random`, `rule`, `dqn` and
`ppo`. Nothing heavy is imported here.
"""

from collections.abc import Iterable
from pathlib import Path

from harness import Model, Task, UseCase, hookimpl
from harness_control.models import Dqn, Ppo, Random, Rule
from harness_control.tasks import TASKS

__all__ = ["harness_models", "harness_tasks", "harness_use_cases"]


@hookimpl
def harness_tasks() -> Iterable[Task]:
    """Return the tasks."""
    return [task() for task in TASKS]


@hookimpl
def harness_models() -> Iterable[Model]:
    """Return the models, cheapest first."""
    return [Random(), Rule(), Dqn(), Ppo()]


@hookimpl
def harness_use_cases() -> Iterable[UseCase]:
    """Return the use cases."""
    from harness.use_case_file import read_use_cases

    return read_use_cases(Path(__file__).parent / "use_cases")
