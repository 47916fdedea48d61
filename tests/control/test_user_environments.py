"""The user's environments, by gymnasium's id."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import Assignment, Budget, DataError, Learner, Model, Unsupported
from harness_control._game import Game
from harness_control.models import Dqn, Ppo, Rule
from harness_control.tasks import CONTINUOUS, DISCRETE, Gymnasium

HERE = Path(__file__).parent
TASK = Gymnasium()


@pytest.fixture(autouse=True)
def _module_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(HERE)


def _id(name: str) -> str:
    return f"broken_environments:{name}-v0"


@pytest.mark.filterwarnings("ignore:.*is out of date")
@pytest.mark.parametrize(
    ("identifier", "message"),
    [
        (None, "--data Acrobot-v1"),
        ("Cartpole-v1", "Did you mean 'CartPole-v1'"),
        ("CartPole-v9", "Did you mean 'CartPole-v1'"),
        ("Taxi-v3", "Please use `Taxi-v4` instead"),
        ("highway_env:highwy-fast-v0", "Did you mean 'highway-fast-v0'"),
        ("no such environment", "cannot be made: Malformed environment ID"),
        ("no_such_module:Any-v0", "'no_such_module' .* Install its package, or put its folder on PYTHONPATH"),
        (_id("Unbuildable"), "cannot be made: map.txt is missing"),
        (_id("TwoHands"), "Wrap it so that its actions are a Discrete or a Box"),
        (_id("FromOne"), "counts its actions from 1. Let them start at 0"),
        (_id("Talking"), "cannot be made one array of numbers"),
        (_id("WrongShape"), r"of shape \(2,\) in step 0 of random play; .* has shape \(1,\)\. Make them agree"),
        (_id("OutOfSpace"), "fails after step 0 of random play: IndexError"),
        (_id("Unread"), "returned an observation that is not finite: step 0 of random play. Fix the environment"),
        (_id("Unpaid"), "returned a reward that is not finite: step 6 of random play. Fix the environment"),
        (_id("Boundless"), "Give them one dimension and bounds"),
        (_id("Table"), "Give them one dimension and bounds"),
    ],
)
def test_an_environment_that_cannot_be_used_is_refused(identifier: str | None, message: str) -> None:
    """The message says what to do."""
    with pytest.raises(DataError, match=message):
        TASK.check(identifier, {})


def test_bad_input_ends_the_command_before_anything_is_written(tmp_path: Path) -> None:
    """Exit code 2, a message and no store; in a process that has not imported highway-env."""
    command = ["harness", "run", "quick", "--task", "gymnasium", "--model", "random", "--data", "merge-v0"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 2, done.stderr
    assert "merge-v0" in done.stderr
    assert "Name it too: --data highway_env:merge-v1" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("identifier", "kind"),
    [("Acrobot-v1", DISCRETE), ("Taxi-v4", DISCRETE), ("Pendulum-v1", CONTINUOUS), (_id("Coin"), DISCRETE)],
)
def test_a_valid_environment_is_accepted(identifier: str, kind: str) -> None:
    """With observations of a Box or a Discrete; its identity is the same each time."""
    TASK.check(identifier, {})

    assert TASK.identity(identifier, {}) == TASK.identity(identifier, {})
    assert TASK.kind_of(identifier) == kind


@pytest.mark.parametrize(
    ("environment", "models"), [("Acrobot-v1", ["random", "dqn", "ppo"]), ("Pendulum-v1", ["random", "ppo"])]
)
def test_models_run_that_can_produce_its_actions(
    tmp_path: Path, harness_command: Any, environment: str, models: list[str]
) -> None:
    """The data are named as the environment; the task's former name finds it too."""
    options = [f"--model={name}" for name in ("random", "dqn", "ppo")]
    command = ["run", "quick", "--data", environment, *options, "--dry-run", "--task"]
    plan, former = (harness_command(tmp_path, *command, name) for name in ("gymnasium", "discrete-environment"))

    assert plan.code == 0, plan.stderr
    assert re.findall(r"^finetune (\w+)(?: small)? on gymnasium \((.*?)\)", plan.stdout, re.MULTILINE) == [
        (name, environment) for name in models
    ]
    assert former.stdout == plan.stdout
    assert "note: the task 'discrete-environment' is now called 'gymnasium'" in former.stderr


def test_a_model_that_cannot_produce_its_actions_is_refused(tmp_path: Path, harness_command: Any) -> None:
    """Exit code 2, and nothing is written."""
    done = harness_command(tmp_path, "run", "quick", "--task", "gymnasium", "--data", "Pendulum-v1", "--model", "dqn")

    assert done.code == 2
    assert "asks for nothing: no model can do any of its tasks" in done.stderr
    assert not list(tmp_path.iterdir())


def test_an_identity_names_the_environments_origin() -> None:
    """A package's version, or the digest of a user's file, so that a changed file is other data."""
    assert TASK.identity("Acrobot-v1", {}).startswith("Acrobot-v1 of gymnasium ")
    assert TASK.identity("highway_env:intersection-v2", {}).startswith("highway_env:intersection-v2 of highway_env ")
    assert "of broken_environments.py of SHA-256 " in TASK.identity(_id("Coin"), {})


def test_a_users_environment_is_a_task_like_the_others() -> None:
    """Its random baseline is measured and its observations are flattened."""
    data = TASK.data(_id("Coin"), {})
    assert isinstance(data, Game)

    scores = data.evaluate(lambda inputs: [int(np.argmax(observation)) for observation in inputs], 50)

    assert set(scores["episode_return"]) == {3.0}
    assert 1.2 < data.random_baseline()["return"] < 1.8
    assert data.observation_shape == (2,)
    assert len(data.queries()) == 256
    assert b"has no render mode rgb_array" in data.show(lambda inputs: [0 for _ in inputs])[0].content


def _train(model: Model, name: str, steps: int) -> Learner:
    settings = {key: setting.default for key, setting in model.settings.items()}
    data = TASK.data(_id(name), {})
    learner = model.learner(Assignment("finetune", data, "small", settings, "cpu", "fp32", 0, Budget(steps=steps)))
    for _ in range(steps):
        learner.step()
    return learner


def test_a_policy_learns_in_it() -> None:
    """PPO reaches the highest return."""
    learner = _train(Ppo(), "Coin", 10)
    data = TASK.data(_id("Coin"), {})
    assert isinstance(data, Game)

    assert np.mean(data.evaluate(learner.predict, 50)["episode_return"]) == 3.0


@pytest.mark.parametrize("model", [Dqn(), Ppo()], ids=lambda model: model.name)
@pytest.mark.parametrize(("name", "number"), [("LateNan", "an observation"), ("LateUnpaid", "a reward")])
def test_nan_ends_training(model: Model, name: str, number: str) -> None:
    """The message names the environment and the step."""
    with pytest.raises(DataError, match=rf"{name}-v0' returned {number} that is not finite: step 200 of training"):
        _train(model, name, 10)


def test_the_model_rule_needs_a_rule() -> None:
    """A user's environment has none."""
    data = TASK.data(_id("Coin"), {})
    with pytest.raises(Unsupported, match=r"Coin-v0 has no rule\. Use the model random"):
        Rule().learner(Assignment("finetune", data, "default", {}, "cpu", "fp32", 0, Budget(steps=1)))


def test_continuous_actions_have_the_bounds_of_their_space() -> None:
    """As policies clip to them."""
    data = TASK.data("Pendulum-v1", {})
    assert isinstance(data, Game)

    assert data.bounds is not None
    assert [bound.tolist() for bound in data.bounds] == [[-2.0], [2.0]]
    assert data.random_baseline()["return"] < -800
