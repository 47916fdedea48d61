"""The user's environments, by gymnasium's id."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec

from harness import Assignment, Budget, DataError, Learner, Model, Unsupported
from harness.locate import FILE_MODULE
from harness.store import peek_records
from harness_control import _environment, _own_process, _seeding, _user_environment, tasks, worlds
from harness_control._environment import make
from harness_control._game import Game
from harness_control._seeding import Plays, played, starts_agree
from harness_control.models import Dqn, Ppo, Rule
from harness_control.tasks import CONTINUOUS, DISCRETE, Gymnasium

HERE = Path(__file__).parent
TASK = Gymnasium()
TASKS = [task for task in tasks.TASKS if task is not Gymnasium]
SUITE = """
name: case
models: [random]
tasks: [{name: gymnasium, data: 'broken_environments:Global-v0'}]
hardware: [cpu]
runtimes: [eager]
batch_sizes: [50]
scenarios: [Offline]
starts: [scratch]
seeds: [0]
budgets: {finetune: {steps: 1}}
serve: {seconds: 0.1, queries: 20}
"""


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
        (_id("WrongShape"), r"of shape \(2,\) in step 0 of an episode; .* has shape \(1,\)\. Make them agree"),
        (_id("OutOfSpace"), "fails after step 0 of random play: IndexError"),
        (_id("Unread"), "returned an observation that is not finite: step 0 of random play. Fix the environment"),
        (_id("Unpaid"), "returned a reward that is not finite: step 6 of random play. Fix the environment"),
        (_id("Unready"), "fails after step 0 of random play: RuntimeError: no simulator at port 5005"),
        (_id("Crashing"), r"ended its process \(signal 6\) while being reset\. no graphics card"),
        (_id("Exiting"), r"ended its process \(exit code 3\) while being made"),
        (_id("Endless"), r"no time limit, .* not ended after 10,000 steps.* --task-setting max_episode_steps=1000\."),
        (_id("Boundless"), "Give them one dimension and bounds"),
        (_id("Table"), "Give them one dimension and bounds"),
        (
            _id("Whole"),
            r"has actions Box\(0, 5, \(1,\), int64\), of int64\. Policies give float32: make them a Discrete",
        ),
    ],
)
def test_an_environment_that_cannot_be_used_is_refused(identifier: str | None, message: str) -> None:
    """The message says what to do."""
    with pytest.raises(DataError, match=message):
        TASK.check(identifier, {})


@pytest.mark.parametrize(
    ("name", "limits", "message"),
    [
        ("Hanging", {"TIME_S": 3.0}, r"after 3 s it is still in step 5 of random play"),
        (
            "Sleepy",
            {"TRIAL_S": 0.5},
            r"no time limit, .* not ended after \d\d? steps \(\d s\).* max_episode_steps=1000",
        ),
    ],
)
def test_an_environment_that_takes_too_long_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, limits: dict[str, float], message: str
) -> None:
    """In its own process with a time limit; the message says what it was doing."""
    for limit, seconds in limits.items():
        monkeypatch.setattr(_own_process if limit == "TIME_S" else _user_environment, limit, seconds)
    world = _user_environment.user_world(_id(name), {})

    with pytest.raises(DataError, match=message):
        TASK.check(_id(name), {}) if "TIME_S" in limits else _user_environment.try_random_play(world, lambda _: None)


def test_an_environment_of_a_plugin_is_tried_where_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its id is unknown in a process that has not loaded the plugin."""
    monkeypatch.setitem(gymnasium.registry, "Here-v0", EnvSpec("Here-v0", entry_point="broken_environments:Coin"))
    monkeypatch.setitem(gymnasium.registry, "Never-v0", EnvSpec("Never-v0", entry_point="broken_environments:Endless"))
    TASK.check("Here-v0", {})

    assert TASK.kind_of("Here-v0") == DISCRETE
    with pytest.raises(DataError, match="'Never-v0' has no time limit"):
        TASK.check("Never-v0", {})


@pytest.mark.parametrize(
    ("name", "code", "sentence"),
    [
        (
            "Crashing",
            2,
            "Environment 'OfPlugin-Crashing-v0' ended its process (signal 6) while being reset. no graphics card",
        ),
        ("Exiting", 2, "Environment 'OfPlugin-Exiting-v0' ended its process (exit code 3) while being made"),
        ("Coin", 0, "evaluate random on gymnasium (OfPlugin-Coin-v0)"),
    ],
)
def test_an_environment_of_a_plugin_file_is_tried_in_a_process_of_its_own(
    tmp_path: Path, harness_command: Any, name: str, code: int, sentence: str
) -> None:
    """The process loads the file too, whatever that prints: one that crashes does not end the harness."""
    (tmp_path / "mine.py").write_text(
        f"import gymnasium, sys\nsys.path.append({str(HERE)!r})\nimport broken_environments\nprint('hello')\n"
        f"gymnasium.register('OfPlugin-{name}-v0', entry_point=broken_environments.{name}, max_episode_steps=5)\n",
        encoding="utf-8",
    )
    (tmp_path / "case.yaml").write_text(
        SUITE.replace("broken_environments:Global-v0", f"OfPlugin-{name}-v0"), encoding="utf-8"
    )
    done = harness_command(tmp_path, "run", "case.yaml", "--plugin", "mine.py", "--dry-run")

    assert done.code == code, done.stderr
    assert sentence in " ".join((done.stdout + done.stderr).split())


def test_an_environment_needs_no_plugin_file_that_another_process_cannot_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was loaded here with a module of this process alone does not end the trial."""
    file = tmp_path / "mine.py"
    file.write_text("import only_in_this_process\n", encoding="utf-8")
    module = ModuleType(f"{FILE_MODULE}mine")
    module.__file__ = str(file)
    monkeypatch.setitem(sys.modules, module.__name__, module)

    TASK.check("Pendulum-v1", {})


@pytest.mark.parametrize(
    "name", ["Endless", *(pytest.param(name, marks=pytest.mark.slow) for name in ("Limited", "Coin"))]
)
def test_max_episode_steps_takes_the_place_of_the_environments_limit(name: str) -> None:
    """Also of none; it is part of the identity."""
    limited = {"max_episode_steps": 2}
    TASK.check(_id(name), limited)
    data = TASK.data(_id(name), limited)

    lengths = data.evaluate(lambda inputs: [0 for _ in inputs], 50)["episode_length"]  # type: ignore[index]
    assert set(lengths) == {2.0}
    assert TASK.identity(_id(name), limited) != TASK.identity(_id(name), {"max_episode_steps": 0})
    with pytest.raises(DataError, match=r"max_episode_steps is -1\. Give the steps"):
        TASK.check(_id(name), {"max_episode_steps": -1})


@pytest.mark.usefixtures("few_episodes")
def test_an_episode_that_a_policy_does_not_end_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random play ends it, so it was accepted; the evaluation of a better policy would take for ever."""
    assert _environment.LONGEST == 10_000
    monkeypatch.setattr(_environment, "LONGEST", 300)
    data = TASK.data(_id("Patient"), {})

    assert data.random_baseline()["return"] > 0
    with pytest.raises(DataError, match=r"Patient-v0' has no time limit, .* after 300 steps.* max_episode_steps"):
        data.evaluate(lambda inputs: [1 for _ in inputs], 100)


def test_a_plan_refuses_an_environment_that_never_ends(tmp_path: Path, harness_command: Any) -> None:
    """With exit code 2 and nothing written; with the setting it is planned."""
    command = ["run", "quick", "--task", "gymnasium", "--model", "random", "--data", _id("Endless"), "--dry-run"]
    refused = harness_command(tmp_path, *command)
    planned = harness_command(tmp_path, *command, "--task-setting", "max_episode_steps=5")

    assert refused.code == 2
    assert "--task-setting max_episode_steps=1000" in refused.stderr
    assert planned.code == 0, planned.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "follows"),
    [
        ("Coin", True), ("Global", False), ("Gusty", False), ("GlobalSeed", False), ("OneSpace", True),
        *(pytest.param(*each, marks=pytest.mark.slow)
          for each in (("Mixed", True), ("Worn", True), ("Endless", True), ("Built", False), ("Once", False),
                       ("Fixed", True), ("BuiltGusty", False))),
    ],
)  # fmt: skip
def test_an_environment_that_ignores_its_seed_is_found(name: str, follows: bool) -> None:
    """Whether it draws from a global generator or from one of its own, at the start or later."""
    one, other = (TASK.data(_id(name), {"max_episode_steps": 3}) for _ in range(2))

    assert one.repeatable() is follows
    assert one.digest == other.digest, "evaluations would not be compared"


def test_an_environment_that_ignores_its_seed_late_is_found() -> None:
    """After 900 of the 1,000 steps of an episode."""
    assert not TASK.data(_id("LateGusty"), {}).repeatable()


def test_a_global_seed_makes_the_return_depend_on_the_batch_size() -> None:
    """So such an environment is marked, though each episode follows its seed where it is played alone."""
    data = TASK.data(_id("GlobalSeed"), {})
    lengths = [data.evaluate(lambda inputs: [0 for _ in inputs], size)["episode_return"] for size in (1, 1, 100)]  # type: ignore[index]

    assert lengths[0] == lengths[1] != lengths[2]
    assert not data.repeatable()


@pytest.mark.parametrize(
    ("name", "alike"), [("Fixed", True), ("Built", True), ("Coin", False), ("Global", False), ("GlobalSeed", False)]
)
def test_episodes_that_are_all_the_same_are_found(name: str, alike: bool) -> None:
    """Whether the environment seeds itself in each reset or where it is built."""
    assert TASK.data(_id(name), {}).all_alike() is alike


def test_an_array_that_changes_in_place_is_copied_for_queries() -> None:
    """Else all queries would be the last observations."""
    queries = [query.tolist() for query in TASK.data(_id("InPlace"), {}).queries()]

    assert {len(query) for query in queries} == {1}
    assert len({query[0] for query in queries}) > 200


@pytest.fixture
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at fewer starts and steps: a motorway is slow."""
    monkeypatch.setattr(_seeding, "SEEDS", 3)
    monkeypatch.setattr(_seeding, "STEPS", 15)
    monkeypatch.setattr(_seeding, "SECONDS", 0.5)


@pytest.mark.parametrize(
    "identifier",
    [
        "Acrobot-v1", "Blackjack-v1",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("BipedalWalker-v3", "highway_env:merge-v1")),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("few_episodes", "briefly")
def test_environments_of_others_follow_their_seed(identifier: str) -> None:
    """Those that make new spaces in a reset, or in which an episode leaves something over, too."""
    assert TASK.data(identifier, {}).repeatable()


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(task, id=task.name, marks=pytest.mark.slow if task.name.endswith("-source") else [])
        for task in TASKS
    ],
)
@pytest.mark.usefixtures("briefly")
def test_packaged_environments_follow_their_seed(task: Any) -> None:
    """Their games do not look each time."""
    world = getattr(worlds, task.world)

    assert starts_agree(make(world))
    assert played(lambda: make(world)) == Plays(follow=True, alike=False)


def test_observations_of_another_shape_are_named() -> None:
    """In training and in evaluation."""
    data = TASK.data(_id("Stretching"), {})
    message = r"Stretching-v0' returned an observation of shape \(2,\) in step \d of an episode; .* shape \(1,\)"

    with pytest.raises(DataError, match=message):
        _train(Ppo(), "Stretching", 10)
    assert isinstance(data, Game)
    with pytest.raises(DataError, match=message):
        data.queries()


@pytest.mark.parametrize(
    ("name", "used", "screen", "sentence"),
    [
        (
            "Global", ("repeatable", False), "the data do not follow their seed, so another evaluation has other items",
            "The data do not follow their seed",
        ),
        pytest.param(
            "Fixed", ("all_alike", True), "all 100 items are the same", "All 100 items are the same",
            marks=pytest.mark.slow,
        ),
    ],
)  # fmt: skip
def test_ignored_seeds_are_marked(
    tmp_path: Path, harness_command: Any, name: str, used: tuple[str, bool], screen: str, sentence: str
) -> None:
    """On the screen, in the record and in the table."""
    suite = tmp_path / "suite.yaml"
    suite.write_text(SUITE.replace("Global-v0", f"{name}-v0"), encoding="utf-8")
    done = harness_command(tmp_path, "run", str(suite), "--store", "s")
    rows = json.loads(harness_command(tmp_path, "table", "accuracy", "--store", "s", "--format", "json").stdout)
    records = [record for record in peek_records(str(tmp_path / "s")) if record.step == "evaluate"]

    assert done.code == 0, done.stderr + done.stdout
    assert screen in done.stdout
    assert [used in record.used.items() for record in records] == [True]
    assert [sentence in row["judgement"] for row in rows] == [True]


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
    [
        *(
            pytest.param(name, DISCRETE, marks=pytest.mark.slow)
            for name in ("Acrobot-v1", "Taxi-v4", _id("Coin"), _id("Limited"))
        ),
        ("Pendulum-v1", CONTINUOUS),
        ("Blackjack-v1", DISCRETE),
        *((_id(name), DISCRETE) for name in ("Patient", "Chatty", "Mixed")),
    ],
)
def test_a_valid_environment_is_accepted(identifier: str, kind: str) -> None:
    """With observations of any spaces that make one array; without a time limit if random play ends.

    Its identity is the same each time.
    """
    TASK.check(identifier, {})

    assert TASK.identity(identifier, {}) == TASK.identity(identifier, {})
    assert TASK.kind_of(identifier) == kind


@pytest.mark.parametrize(
    ("environment", "models"),
    [
        pytest.param("Acrobot-v1", ["random", "dqn", "ppo"], marks=pytest.mark.slow),
        ("Pendulum-v1", ["random", "ppo"]),
    ],
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


@pytest.mark.parametrize(
    ("name", "number", "model"),
    [
        ("LateNan", "an observation", Ppo()),
        ("LateUnpaid", "a reward", Dqn()),
        pytest.param("LateNan", "an observation", Dqn(), marks=pytest.mark.slow),
        pytest.param("LateUnpaid", "a reward", Ppo(), marks=pytest.mark.slow),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_nan_ends_training(name: str, number: str, model: Model) -> None:
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
