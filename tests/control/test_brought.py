"""Environments of the user's, by gymnasium's id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest

from harness import Assignment, Budget, DataError, Unsupported
from harness_control._game import Game
from harness_control.models import Ppo, Rule
from harness_control.tasks import ContinuousEnvironment, DiscreteEnvironment


class _Coin(gymnasium.Env[Any, int]):
    """Say which side is up; after `ends` steps observations are no numbers."""

    observation_space = gymnasium.spaces.Discrete(2)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed, options=options)
        self.side = int(self.np_random.integers(2))
        return self.side, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        return self.side, float(action == self.side), True, False, {}


class _NoNumber(_Coin):
    """A reward that is none."""

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        del action
        return self.side, float("nan"), True, False, {}


@pytest.fixture(autouse=True)
def _environments() -> Iterator[None]:
    for name, entry in {"TestCoin-v0": _Coin, "TestNoNumber-v0": _NoNumber}.items():
        gymnasium.register(name, entry_point=entry)
    yield
    for name in ("TestCoin-v0", "TestNoNumber-v0"):
        del gymnasium.registry[name]


@pytest.mark.parametrize(
    ("identifier", "says"),
    [
        (None, "--data Acrobot-v1"),
        ("Cartpole-v1", "Did you mean 'CartPole-v1'"),
        ("CartPole-v9", "Did you mean 'CartPole-v1'"),
        ("no such environment", "cannot be made: Malformed environment ID"),
        ("no_such_module:Any-v0", "'no_such_module:Any-v0' cannot be made: .*no_such_module"),
        ("MountainCarContinuous-v0", "Is it one for 'continuous-environment'"),
    ],
)
def test_an_environment_that_cannot_be_used_is_refused(identifier: str | None, says: str) -> None:
    """Before anything is written, in a sentence that says what to do."""
    with pytest.raises(DataError, match=says):
        DiscreteEnvironment().check(identifier, {})


def test_the_other_kind_is_named() -> None:
    """Choices are no strengths."""
    with pytest.raises(DataError, match="Is it one for 'discrete-environment'"):
        ContinuousEnvironment().check("CartPole-v1", {})


def test_a_brought_environment_is_a_task_like_the_others() -> None:
    """Its chance level is measured, its observations are made flat, its identity names the package."""
    data = DiscreteEnvironment().data("TestCoin-v0", {})
    assert isinstance(data, Game)

    seen = data.evaluate(lambda inputs: [int(np.argmax(each)) for each in inputs], 50)

    assert set(seen["episode_return"]) == {1.0}
    assert 0.3 < data.chance()["return"] < 0.7
    assert data.observation_shape == (2,)
    assert len(data.queries()) == 256
    assert data.show(lambda inputs: [0 for _ in inputs]) == (), "it cannot be drawn"
    assert DiscreteEnvironment().identity("Acrobot-v1", {}).startswith("Acrobot-v1 of gymnasium ")


def test_a_policy_learns_in_it() -> None:
    """Which side is up can be said every time."""
    data = DiscreteEnvironment().data("TestCoin-v0", {})
    settings = {name: setting.default for name, setting in Ppo.settings.items()}
    learner = Ppo().learner(Assignment("finetune", data, "small", settings, "cpu", "fp32", 0, Budget(steps=20)))
    for _ in range(20):
        learner.step()

    assert np.mean(data.evaluate(learner.predict, 50)["episode_return"]) == 1.0


def test_nobody_wrote_a_rule_for_it() -> None:
    """The rule says so, in place of playing something else."""
    data = DiscreteEnvironment().data("TestCoin-v0", {})
    with pytest.raises(Unsupported, match="Nobody wrote a rule for TestCoin-v0"):
        Rule().learner(Assignment("finetune", data, "default", {}, "cpu", "fp32", 0, Budget(steps=1)))


def test_a_reward_that_is_no_number_is_refused() -> None:
    """Environment, step and seed are named."""
    data = DiscreteEnvironment().data("TestNoNumber-v0", {})
    with pytest.raises(DataError, match="'TestNoNumber-v0' gave a number that is not finite: step 1 of the episode"):
        data.evaluate(lambda inputs: [0 for _ in inputs], 10)


def test_strengths_are_taken_within_bounds() -> None:
    """A continuous environment has the bounds of its space."""
    data = ContinuousEnvironment().data("Pendulum-v1", {})
    assert isinstance(data, Game)

    assert data.bounds is not None
    assert [bound.tolist() for bound in data.bounds] == [[-2.0], [2.0]]
    assert data.chance()["return"] < -800
