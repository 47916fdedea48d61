"""Environments of the user's, by gymnasium's id."""

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


def _own(name: str) -> str:
    return f"broken_environments:{name}-v0"


@pytest.mark.filterwarnings("ignore:.*is out of date")
@pytest.mark.parametrize(
    ("identifier", "says"),
    [
        (None, "--data Acrobot-v1"),
        ("Cartpole-v1", "Did you mean 'CartPole-v1'"),
        ("CartPole-v9", "Did you mean 'CartPole-v1'"),
        ("Taxi-v3", "Please use `Taxi-v4` instead"),
        ("highway_env:highwy-fast-v0", "Did you mean 'highway-fast-v0'"),
        ("no such environment", "cannot be made: Malformed environment ID"),
        ("no_such_module:Any-v0", "'no_such_module' .* Install its package, or put its folder on PYTHONPATH"),
        (_own("Unbuildable"), "cannot be made: map.txt is missing"),
        (_own("TwoHands"), "Wrap it so that they are a Discrete or a Box"),
        (_own("FromOne"), "counts its actions from 1. Let them begin at 0"),
        (_own("Talking"), "cannot be made one array of numbers"),
        (_own("WrongShape"), r"of shape \(2,\) in step 0 of random play; .* says \(1,\)\. Make them agree"),
        (_own("OutOfSpace"), "breaks after step 0 of random play: IndexError"),
        (_own("Unread"), "gave an observation that is not finite: step 0 of random play. Mend the environment"),
        (_own("Unpaid"), "gave a reward that is not finite: step 6 of random play. Mend the environment"),
    ],
)
def test_an_environment_that_cannot_be_used_is_refused(identifier: str | None, says: str) -> None:
    """Before anything is written, in a sentence that says what to do."""
    with pytest.raises(DataError, match=says):
        TASK.check(identifier, {})


@pytest.mark.parametrize(
    ("identifier", "says"),
    [
        (_own("Boundless"), "Give them one dimension and bounds"),
        (_own("Table"), "Give them one dimension and bounds"),
    ],
)
def test_strengths_that_cannot_be_given_are_refused(identifier: str, says: str) -> None:
    """A policy needs to know how far it may go."""
    with pytest.raises(DataError, match=says):
        TASK.check(identifier, {})


def test_bad_input_ends_the_command_before_anything_is_written(tmp_path: Path) -> None:
    """Exit code 2, the environment's name, what to do, and no store; in a process that knows no motorway yet."""
    command = ["harness", "run", "quick", "--task", "gymnasium", "--model", "random", "--data", "merge-v0"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 2, done.stderr
    assert "merge-v0" in done.stderr
    assert "Name that too: --data highway_env:merge-v1" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("identifier", "kind"),
    [("Acrobot-v1", DISCRETE), ("Taxi-v4", DISCRETE), ("Pendulum-v1", CONTINUOUS), (_own("Coin"), DISCRETE)],
)
def test_an_environment_that_is_sound_is_taken(identifier: str, kind: str) -> None:
    """Its observations may be numbers, or a choice that is made flat; its identity is the same when asked again."""
    TASK.check(identifier, {})

    assert TASK.identity(identifier, {}) == TASK.identity(identifier, {})
    assert TASK.kind_of(identifier) == kind


@pytest.mark.parametrize(
    ("environment", "models"), [("Acrobot-v1", ["random", "dqn", "ppo"]), ("Pendulum-v1", ["random", "ppo"])]
)
def test_models_are_measured_that_can_give_its_actions(
    tmp_path: Path, harness_command: Any, environment: str, models: list[str]
) -> None:
    """A former name of the task finds it; the data are called as the environment is."""
    spec = [f"--model={name}" for name in ("random", "dqn", "ppo")]
    command = ["run", "quick", "--data", environment, *spec, "--dry-run", "--task"]
    plan, former = (harness_command(tmp_path, *command, name) for name in ("gymnasium", "discrete-environment"))

    assert plan.code == 0, plan.stderr
    assert re.findall(r"^finetune (\w+)(?: small)? on gymnasium \((.*?)\)", plan.stdout, re.MULTILINE) == [
        (name, environment) for name in models
    ]
    assert former.stdout == plan.stdout
    assert "note: the task 'discrete-environment' is now called 'gymnasium'" in former.stderr


def test_a_model_that_can_give_none_of_its_actions_is_told(tmp_path: Path, harness_command: Any) -> None:
    """Before anything is written."""
    done = harness_command(tmp_path, "run", "quick", "--task", "gymnasium", "--data", "Pendulum-v1", "--model", "dqn")

    assert done.code == 2
    assert "asks for nothing: no model can do any of its tasks" in done.stderr
    assert not list(tmp_path.iterdir())


def test_an_identity_says_where_the_environment_is_from() -> None:
    """Of a package it is the version; of a file of one's own its digest, so that a change of it is another task."""
    assert TASK.identity("Acrobot-v1", {}).startswith("Acrobot-v1 of gymnasium ")
    assert TASK.identity("highway_env:intersection-v2", {}).startswith("highway_env:intersection-v2 of highway_env ")
    assert "of broken_environments.py of SHA-256 " in TASK.identity(_own("Coin"), {})


def test_a_brought_environment_is_a_task_like_the_others() -> None:
    """Its chance level is measured and its observations are made flat."""
    data = TASK.data(_own("Coin"), {})
    assert isinstance(data, Game)

    seen = data.evaluate(lambda inputs: [int(np.argmax(each)) for each in inputs], 50)

    assert set(seen["episode_return"]) == {3.0}
    assert 1.2 < data.random_baseline()["return"] < 1.8
    assert data.observation_shape == (2,)
    assert len(data.queries()) == 256
    assert b"has no render mode rgb_array" in data.show(lambda inputs: [0 for _ in inputs])[0].content


def _train(model: Model, name: str, steps: int) -> Learner:
    settings = {key: setting.default for key, setting in model.settings.items()}
    data = TASK.data(_own(name), {})
    learner = model.learner(Assignment("finetune", data, "small", settings, "cpu", "fp32", 0, Budget(steps=steps)))
    for _ in range(steps):
        learner.step()
    return learner


def test_a_policy_learns_in_it() -> None:
    """Which side is up can be said every time."""
    learner = _train(Ppo(), "Coin", 20)
    data = TASK.data(_own("Coin"), {})
    assert isinstance(data, Game)

    assert np.mean(data.evaluate(learner.predict, 50)["episode_return"]) == 3.0


@pytest.mark.parametrize("model", [Dqn(), Ppo()], ids=lambda model: model.name)
@pytest.mark.parametrize(("name", "what"), [("LateNan", "an observation"), ("LateUnpaid", "a reward")])
def test_numbers_that_are_none_end_training(model: Model, name: str, what: str) -> None:
    """What shows late only is refused where it shows, with the environment and the step."""
    with pytest.raises(DataError, match=rf"{name}-v0' gave {what} that is not finite: step 200 of training"):
        _train(model, name, 10)


def test_nobody_wrote_a_rule_for_it() -> None:
    """The rule says so, in place of playing something else."""
    data = TASK.data(_own("Coin"), {})
    with pytest.raises(Unsupported, match=r"Nobody wrote a rule for .*Coin-v0"):
        Rule().learner(Assignment("finetune", data, "default", {}, "cpu", "fp32", 0, Budget(steps=1)))


def test_strengths_are_taken_within_bounds() -> None:
    """A continuous environment has the bounds of its space."""
    data = TASK.data("Pendulum-v1", {})
    assert isinstance(data, Game)

    assert data.bounds is not None
    assert [bound.tolist() for bound in data.bounds] == [[-2.0], [2.0]]
    assert data.random_baseline()["return"] < -800
