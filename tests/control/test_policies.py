"""The policies: rules, random play, PPO and DQN."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness import Assignment, Budget, Learner, Model, SuiteError, Unsupported
from harness_control import worlds
from harness_control._codec import ObservationCodec
from harness_control._game import Game
from harness_control._ppo import PpoLearner
from harness_control.models import Dqn, Ppo, Random, Rule
from harness_control.tasks import CartPole, Highway, InvertedPendulum, LunarLander, Reacher

Assign = Callable[..., Assignment]
MODELS: dict[str, Model] = {"dqn": Dqn(), "ppo": Ppo(), "random": Random(), "rule": Rule()}
GAME = CartPole().data(None, {})


def _trained(assign: Assign, steps: int, **changes: Any) -> Learner:
    learner = Ppo().learner(assign("ppo", steps=steps, **changes))
    for _ in range(steps):
        learner.step()
    return learner


def _mean_return(learner: Learner, assignment: Assignment, split: str = "test") -> float:
    return float(np.mean(assignment.data.evaluate(learner.predict, 64, split)["episode_return"]))


def test_the_rule_solves_the_game(assign: Assign) -> None:
    """The baseline of CartPole reaches the ceiling."""
    assignment = assign("rule")
    learner = Rule().learner(assignment)

    assert learner.step().done
    assert _mean_return(learner, assignment) == 500.0


@given(observation=st.lists(st.floats(-3, 3, width=32), min_size=4, max_size=4))
def test_the_rule_is_symmetric(observation: list[float]) -> None:
    """Mirrored, it pushes to the other side; in balance it pushes left."""
    array = np.asarray(observation, np.float32)

    assert worlds.balance(array) + worlds.balance(-array) <= 1


@given(logits=st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=1, max_size=9))
def test_the_most_likely_action_is_taken(logits: list[tuple[float, float]]) -> None:
    """One action for each row, an int."""
    actions = ObservationCodec().decode({"numbers": np.asarray(logits)})

    assert all(type(action) is int for action in actions)
    assert [row[action] for row, action in zip(logits, actions, strict=True)] == [max(row) for row in logits]


@pytest.mark.parametrize(
    ("name", "least"),
    [("LUNAR_LANDER", 200), ("INVERTED_PENDULUM", 950), ("REACHER", -8), ("CART_POLE_SOURCE", 475)],
)
def test_every_rule_is_far_above_random_play(name: str, least: float) -> None:
    """The motorway's is tested below."""
    world = replace(getattr(worlds, name), baseline_episodes=20)
    game = Game(world, name, {"return": "episode_return"})
    episodes = game._play(lambda inputs: [world.rule(one) for one in inputs], range(5_000_000, 5_000_008))
    mean = float(np.mean([episode["episode_return"] for episode in episodes]))

    assert mean > least > game.random_baseline()["return"]


def test_random_play_reaches_the_random_baseline(assign: Assign, tmp_path: Path) -> None:
    """Saved and loaded, it repeats its actions."""
    assignment = assign("random", seed=3)
    learner = Random().learner(assignment)
    learner.save(tmp_path)
    again = Random().learner(assign("random", seed=4))
    again.load(tmp_path)
    inputs = list(assignment.data.queries())  # type: ignore[attr-defined]

    assert learner.predict(inputs) == again.predict(inputs)
    assert abs(_mean_return(again, assignment) - assignment.data.random_baseline()["return"]) < 8


def test_ppo_learns(assign: Assign) -> None:
    """A short training is far above the random baseline on held-out episodes."""
    assignment = assign("ppo", steps=30)
    learner = _trained(assign, 30)

    assert _mean_return(learner, assignment, "validation") > 4 * assignment.data.random_baseline()["return"]


def test_a_step_is_one_rollout(assign: Assign) -> None:
    """Environment steps are counted, losses are finite, and nothing is printed."""
    learner = Ppo().learner(assign("ppo", n_envs=4, n_steps=16, batch_size=32))
    printed = io.StringIO()
    with redirect_stdout(printed):
        progress = [learner.step() for _ in range(3)]

    for step in progress:
        assert step.consumed == {"samples": 64, "environment_steps": 64}
        assert set(step.losses) == {"policy_loss", "value_loss"}
        assert np.isfinite(list(step.losses.values())).all()
        assert not step.done
    assert printed.getvalue() == ""


def test_steps_train_as_stable_baselines3_does(assign: Assign) -> None:
    """The weights equal those of `PPO.learn` over as many environment steps, to the bit."""
    learner = _trained(assign, 4)
    theirs = PpoLearner(assign("ppo", steps=4))
    theirs._ppo.learn(4 * 32 * 8)
    expected = theirs._ppo.policy.state_dict()
    ours = learner._ppo.policy.state_dict()  # type: ignore[attr-defined]

    assert ours.keys() == expected.keys()
    assert all(torch.equal(ours[name], expected[name]) for name in expected)


def test_training_leaves_nothing_on_the_disk(assign: Assign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """stable-baselines3's default logger makes a temporary folder for each training."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    _trained(assign, 1)

    assert not list(tmp_path.glob("SB3-*"))


def test_rates_fall_over_a_budget_and_stay_without_one(assign: Assign) -> None:
    """Half way through steps or samples, learning rate and clip range are half; over seconds they are constant."""
    rates = {}
    for name, budget in {"steps": Budget(steps=4), "samples": Budget(samples=1024), "clock": Budget(seconds=9)}.items():
        learner = PpoLearner(replace(assign("ppo"), budget=budget))
        for _ in range(2):
            learner.step()
        ppo = learner._ppo
        remaining = ppo._current_progress_remaining
        rates[name] = (ppo.policy.optimizer.param_groups[0]["lr"], ppo.clip_range(remaining))  # type: ignore[operator]

    assert rates == {"steps": (0.0005, 0.1), "samples": (0.0005, 0.1), "clock": (0.001, 0.2)}


@pytest.mark.parametrize("name", ["ppo", "random", "rule"])
def test_another_precision_is_refused(name: str, assign: Assign) -> None:
    """A record must not name bf16 for a computation in fp32."""
    with pytest.raises(Unsupported, match="fp32 only, not in bf16"):
        MODELS[name].learner(assign(name, precision="bf16"))


@pytest.mark.parametrize("setting", ["n_envs", "n_steps", "n_epochs", "batch_size"])
def test_settings_without_a_rollout_are_refused(setting: str, assign: Assign) -> None:
    """The message names the setting, its value and the smallest one."""
    with pytest.raises(SuiteError, match=rf"Setting {setting} of ppo is 0. Give at least \d"):
        Ppo().learner(assign("ppo", **{setting: 0}))


def test_a_rollout_of_one_step_is_refused(assign: Assign) -> None:
    """The advantage of one step cannot be normalised."""
    with pytest.raises(SuiteError, match="both 1: a rollout needs two steps"):
        Ppo().learner(assign("ppo", n_envs=1, n_steps=1, batch_size=2))


def test_the_same_seed_gives_the_same_bits(assign: Assign) -> None:
    """Weights and scores are equal; another seed's are not."""
    learners = [_trained(assign, 5, seed=seed) for seed in (0, 0, 1)]
    weights = [learner.module().state_dict() for learner in learners]
    scores = [GAME.evaluate(learner.predict, 20, "validation") for learner in learners]

    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert scores[0] == scores[1] != scores[2]
    assert not all(torch.equal(weights[0][name], weights[2][name]) for name in weights[0])


def test_a_loaded_policy_predicts_the_same(assign: Assign, tmp_path: Path) -> None:
    """Saved as safetensors, loaded into a learner of another seed."""
    assignment = assign("ppo")
    learner = _trained(assign, 4)
    learner.save(tmp_path)
    again = Ppo().learner(assign("ppo", seed=9))
    again.load(tmp_path)
    inputs = list(assignment.data.queries())  # type: ignore[attr-defined]

    assert sorted(file.suffix for file in tmp_path.iterdir()) == [".json", ".safetensors"]
    assert learner.predict(inputs) == again.predict(inputs)
    assert learner.parameters() == again.parameters() > 9000  # type: ignore[operator]


def test_finetuning_starts_where_pretraining_ended(assign: Assign, tmp_path: Path) -> None:
    """The source variant's last policy is the game's first one."""
    pretrained = _trained(assign, 3, task="CartPole-v1-source")
    pretrained.save(tmp_path)
    tuned = Ppo().learner(assign("ppo", seed=5, start=tmp_path))
    ours, theirs = tuned.module().state_dict(), pretrained.module().state_dict()

    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.slow
def test_pretraining_and_finetuning_solve_the_game(assign: Assign, tmp_path: Path) -> None:
    """A hundred rollouts in the source variant and a hundred in the game solve held-out episodes."""
    _trained(assign, 100, task="CartPole-v1-source").save(tmp_path)
    assignment = assign("ppo", steps=100, start=tmp_path)

    assert _mean_return(_trained(assign, 100, start=tmp_path), assignment) >= 475


FIRST = {"ppo": "policy.mlp_extractor.policy_net.0.weight", "dqn": "q_net.q_net.0.weight"}


@pytest.mark.parametrize("scheme", ["default", "random", "gaussian", "xavier"])
@pytest.mark.parametrize(
    ("name", "task", "inputs"), [("ppo", "CartPole-v1", 4), ("ppo", "Reacher-v5", 10), ("dqn", "CartPole-v1", 4)]
)
def test_initialisation_is_a_setting(scheme: str, name: str, task: str, inputs: int, assign: Assign) -> None:
    """The first layer's standard deviation is the scheme's, for discrete and continuous actions."""
    learner = MODELS[name].learner(assign(name, task=task, initialisation=scheme))
    weight = learner.module().state_dict()[FIRST[name]]
    library = np.sqrt(2 / 64) if name == "ppo" else np.sqrt(1 / (3 * inputs))
    expected = {"default": library, "random": 1.0, "gaussian": 0.02, "xavier": np.sqrt(2 / (inputs + 64))}[scheme]

    assert float(weight.std()) == pytest.approx(expected, rel=0.25)


def test_data_of_another_kind_are_refused(assign: Assign) -> None:
    """The message names their type."""
    with pytest.raises(TypeError, match="the task's data are a str"):
        Ppo().learner(replace(assign("ppo"), data="no game"))  # type: ignore[arg-type]


def test_logits_that_are_not_finite_are_refused() -> None:
    """A diverged policy does not play silently."""
    with pytest.raises(ValueError, match="not finite"):
        ObservationCodec().answers({"numbers": np.array([[np.nan, 1.0]])})


@pytest.mark.slow  # the kit trains it, and PPO learns by default
def test_dqn_learns(assign: Assign) -> None:
    """A short training is far above the random baseline; the target network starts as a copy."""
    assignment = assign("dqn", steps=12, learning_rate=0.0023)
    learner = Dqn().learner(assignment)
    dqn = learner._dqn  # type: ignore[attr-defined]
    same = [torch.equal(a, b) for a, b in zip(dqn.q_net.parameters(), dqn.q_net_target.parameters(), strict=True)]
    progress = [learner.step() for _ in range(12)]

    assert all(same)
    assert all(step.consumed["environment_steps"] == 16 * 16 for step in progress)
    assert "value_loss" in progress[-1].losses
    assert _mean_return(learner, assignment, "validation") > 3 * assignment.data.random_baseline()["return"]


def test_continuous_actions_stay_within_bounds(assign: Assign, tmp_path: Path) -> None:
    """The artifact's codec clips as the learner does."""
    assignment = assign("ppo", task="Reacher-v5", steps=1)
    learner = Ppo().learner(assignment)
    learner.step()
    learner.save(tmp_path)
    codec = Ppo().codec(tmp_path)
    actions = np.array(learner.predict(list(assignment.data.queries())))  # type: ignore[attr-defined]

    assert actions.shape[1] == 2
    assert np.abs(actions).max() <= 1.0
    assert np.allclose(codec.decode({"numbers": np.array([[5.0, -0.5]])}), [[1.0, -0.5]])


def test_driving_has_scores_of_speed_distance_and_collisions(motorway: Game) -> None:
    """Braking avoids collisions; the distance is that of twenty seconds at the mean speed."""
    rule = motorway.world.rule
    assert rule is not None
    episodes = motorway._play(lambda inputs: [rule(one) for one in inputs], range(5_000_000, 5_000_003))
    mean = float(np.mean([episode["episode_return"] for episode in episodes]))

    assert {column for episode in episodes for column in episode} == {
        "episode_return", "episode_length", "distance_m", "speed_m_per_s", "crashed",
    }  # fmt: skip
    assert sum(episode["crashed"] for episode in episodes) == 0
    assert all(episode["distance_m"] == pytest.approx(20 * episode["speed_m_per_s"]) for episode in episodes)
    assert all(300 < episode["distance_m"] < 600 for episode in episodes)
    assert set(motorway.random_baseline()) == {"return", "collisions", "speed", "distance"}
    assert motorway.random_baseline()["collisions"] > 0.3
    assert 0 < motorway.random_baseline()["return"] < 13 < mean <= 20


@pytest.mark.usefixtures("few_episodes")
@pytest.mark.parametrize("task", [InvertedPendulum(), Reacher(), LunarLander(), Highway()], ids=lambda task: task.name)
def test_a_source_variant_has_the_same_observations_and_actions(task: Any) -> None:
    """Weights fit both; the identities differ."""
    from harness.plugins import load_plugins

    source_task = load_plugins().tasks[task.pretrains_on]
    target, source = task.data(None, {}), source_task.data(None, {})

    assert target.observation_shape == source.observation_shape
    assert target.actions == source.actions
    assert task.identity(None, {}) != source_task.identity(None, {})
