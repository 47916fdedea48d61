"""A game as a task's data: held-out episodes, the random baseline, and faulty environments."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import harness_control
from harness import Assignment, DataError
from harness_control import tasks, worlds
from harness_control._game import BASELINE_SEED, EPISODES, FIRST_SEED, QUERY_SEED, TRAINING_SEEDS, Game
from harness_control._ppo import PpoLearner, _environment_seed
from harness_control.tasks import CartPole, CartPoleSource


@pytest.fixture(scope="module")
def game() -> Game:
    """Return CartPole."""
    data = CartPole().data(None, {})
    assert isinstance(data, Game)
    return data


def _left(inputs: Sequence[np.ndarray]) -> list[int]:
    return [0 for _ in inputs]


def test_seeds_of_training_and_splits_are_disjoint() -> None:
    """No evaluated episode is trained on."""
    seeds = [range(TRAINING_SEEDS)]
    seeds += [range(FIRST_SEED[split], FIRST_SEED[split] + EPISODES[split]) for split in EPISODES]
    seeds += [range(BASELINE_SEED, BASELINE_SEED + 1000), range(QUERY_SEED, QUERY_SEED + 1)]
    for lower, higher in itertools.pairwise(seeds):
        assert lower[-1] < higher[0]


def test_the_same_policy_gets_the_same_scores(game: Game) -> None:
    """Evaluation is deterministic, with one number for each episode."""
    scores = game.evaluate(_left, 32)

    assert scores == game.evaluate(_left, 32)
    assert len(scores["episode_return"]) == len(scores["episode_length"]) == EPISODES["test"] == game.sizes["test"]
    assert scores["episode_return"] == scores["episode_length"], "the reward is 1 for each step"
    assert set(scores) == {"episode_return", "episode_length", "normalised_return"}
    assert max(scores["episode_return"]) < 15


@settings(max_examples=6)
@given(batch_size=st.integers(1, 130))
def test_the_batch_size_changes_no_score(batch_size: int) -> None:
    """Episodes are independent, and no batch is larger."""
    sizes: list[int] = []
    data = CartPole().data(None, {})

    def lean(inputs: Sequence[np.ndarray]) -> list[int]:
        sizes.append(len(inputs))
        return [int(observation[2] > 0) for observation in inputs]

    scores = data.evaluate(lean, batch_size, split="validation")

    assert scores == data.evaluate(lean, 7, split="validation")
    assert max(sizes) <= max(batch_size, 7)


def test_validation_and_test_have_different_episodes(game: Game) -> None:
    """Their first observations differ."""
    starts = {game.make().reset(seed=seed)[0].tobytes() for seed in FIRST_SEED.values()}

    assert len(starts) == len(EPISODES)


def test_the_random_baseline_is_measured(game: Game) -> None:
    """Random actions balance the pole for about twenty steps, each time the same."""
    assert 18 < game.random_baseline()["return"] < 27
    assert game.random_baseline() == game.random_baseline()


@given(returns=st.lists(st.floats(0, 500), min_size=1, max_size=20))
def test_a_normalised_return_is_0_at_the_random_baseline_and_1_at_the_reference(
    game: Game, returns: list[float]
) -> None:
    """It is linear in between, so the mean of normalised returns is the normalised mean."""
    baseline, reference = game.random_baseline()["return"], 475.0
    episodes = [{"episode_return": value} for value in [baseline, reference, *returns]]

    zero, one, *others = game._columns(episodes)["normalised_return"]

    assert (zero, one) == (pytest.approx(0.0), pytest.approx(1.0))
    assert np.mean(others) == pytest.approx((np.mean(returns) - baseline) / (reference - baseline))
    assert game.random_baseline()["normalised return"] == 0.0


def test_references_are_those_of_gymnasium() -> None:
    """The registry's thresholds, which the metric's unit names."""
    for identifier, solved in tasks.SOLVED.items():
        assert gymnasium.spec(identifier).reward_threshold == solved
    for task in (task for task in tasks.TASKS if task.reference is not None):
        (normalised,) = (metric for metric in task.metrics if metric.name == "normalised return")
        assert normalised.unit.endswith(f"1 = return of {task.reference:g}")
        assert task.reference == tasks.SOLVED[getattr(worlds, task.world).environment]


def test_every_metric_of_every_game_has_a_column_and_a_random_baseline(motorway: Game) -> None:
    """As its task declares them."""
    for task in (tasks.InvertedPendulum(), tasks.FrozenLakes(), tasks.Highway()):
        data = motorway if isinstance(task, tasks.Highway) else task.data(None, {})
        assert isinstance(data, Game)
        rule = data.world.rule
        assert rule is not None
        columns = data._columns(data._play(lambda inputs, rule=rule: [rule(one) for one in inputs], range(2)))

        assert {metric.column for metric in task.metrics} <= set(columns)
        assert set(data.random_baseline()) == {metric.name for metric in task.metrics}


def test_queries_are_varied_observations(game: Game) -> None:
    """Of the game's shape, without repetition, with bad positions among them."""
    queries = np.asarray(game.queries())

    assert queries.shape == (256, *game.observation_shape)
    assert np.isfinite(queries).all()
    assert len(np.unique(queries, axis=0)) == 256
    assert np.abs(queries[:, 2]).max() > 0.15


def test_the_source_variant_has_other_physics() -> None:
    """The same observations and actions, another digest."""
    target, source = CartPole().data(None, {}), CartPoleSource().data(None, {})
    assert isinstance(target, Game)
    assert isinstance(source, Game)
    observations = []
    for data in (target, source):
        environment = data.make()
        environment.reset(seed=1)
        for _ in range(5):
            observation = environment.step(1)[0]
        observations.append(observation)

    assert target.observation_shape == source.observation_shape
    assert target.digest != source.digest
    assert CartPole().identity(None, {}) != CartPoleSource().identity(None, {})
    assert not np.allclose(*observations)


def test_the_variant_is_physically_consistent() -> None:
    """What the environment computes from its attributes follows their change."""
    source = CartPoleSource().data(None, {})
    assert isinstance(source, Game)
    inner = source.make().unwrapped

    assert {name: getattr(inner, name) for name in source.world.physics} == source.world.physics
    assert inner.polemass_length == inner.masspole * inner.length
    assert inner.total_mass == inner.masspole + inner.masscart


def test_the_task_agrees_with_gymnasium() -> None:
    """The ceiling is the longest episode, the use case's quality the return at which the game is solved."""
    spec = gymnasium.spec("CartPole-v1")
    (use_case,) = [case for case in harness_control.harness_use_cases() if case.name == CartPole.use_case]

    assert CartPole.metrics[0].ceiling == spec.max_episode_steps
    assert use_case.needs["quality"].value == spec.reward_threshold


def test_the_digest_is_stable() -> None:
    """It is the same each time the data are loaded."""
    assert CartPole().data(None, {}).digest == CartPole().data(None, {}).digest


def test_the_digest_covers_every_episode(monkeypatch: pytest.MonkeyPatch) -> None:
    """One episode less or another seed changes it."""
    digests = {CartPole().data(None, {}).digest}
    monkeypatch.setitem(EPISODES, "test", EPISODES["test"] - 1)
    digests.add(CartPole().data(None, {}).digest)
    monkeypatch.setitem(FIRST_SEED, "test", FIRST_SEED["test"] + 1)
    digests.add(CartPole().data(None, {}).digest)

    assert len(digests) == 3


@settings(max_examples=200)
@given(seed=st.integers(0, 2**63), n_envs=st.integers(1, 512))
def test_no_seed_of_training_is_that_of_an_evaluated_episode(seed: int, n_envs: int) -> None:
    """Environments count up from the first one's seed; the last stays in the range too."""
    first = _environment_seed(seed, n_envs)

    assert first >= 0
    assert first + n_envs <= TRAINING_SEEDS


@pytest.mark.parametrize("seed", [0, 999_999, 1_000_000, 2_000_000])
def test_training_starts_from_no_evaluated_position(seed: int, assign: Callable[..., Assignment]) -> None:
    """With seeds around the border between training and evaluation."""
    learner = PpoLearner(assign("ppo", seed=seed))
    data = CartPole().data(None, {})
    assert isinstance(data, Game)
    evaluated = {
        data.make().reset(seed=FIRST_SEED[split] + place)[0].tobytes()
        for split, count in EPISODES.items()
        for place in range(count)
    }
    environments = learner._ppo.env
    assert environments is not None
    starts = {start.tobytes() for start in environments.reset()}

    assert len(evaluated) == sum(EPISODES.values())
    assert len(starts) == 8
    assert not starts & evaluated


class _Broken(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Returns NaN in an observation, or an infinite reward, at one step; the reset is step 0."""

    def __init__(self, environment: Any, broken_step: int, *, reward: bool = False) -> None:
        super().__init__(environment)
        self.broken_step, self.reward = broken_step, reward
        self.steps = 0

    def reset(self, **options: Any) -> Any:
        observation, info = self.env.reset(**options)
        return self._break(observation), info

    def step(self, action: Any) -> Any:
        observation, reward, *rest = self.env.step(action)
        self.steps += 1
        if self.reward:
            return (observation, float("inf") if self.steps == self.broken_step else reward, *rest)
        return (self._break(observation), reward, *rest)

    def _break(self, observation: np.ndarray) -> np.ndarray:
        broken = self.steps == self.broken_step and not self.reward
        return observation * np.nan if broken else observation


def _breaking(monkeypatch: pytest.MonkeyPatch, **options: Any) -> Game:
    data = CartPole().data(None, {})
    assert isinstance(data, Game)
    make = data.make
    monkeypatch.setattr(data, "make", lambda: _Broken(make(), **options))
    return data


@pytest.mark.parametrize(("step", "reward"), [(0, False), (1, False), (3, False), (1, True), (3, True)])
def test_nan_and_infinity_end_an_evaluation(step: int, reward: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names environment, seed and step, for the reset too."""
    data = _breaking(monkeypatch, broken_step=step, reward=reward)
    number = "a reward" if reward else "an observation"
    where = f"step {step} of the episode with seed 2000000"
    with pytest.raises(DataError, match=rf"'CartPole-v1' returned {number} that is not finite: {where}"):
        data.evaluate(_left, 32)


def test_nan_ends_the_random_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it ends an evaluation."""
    data = _breaking(monkeypatch, broken_step=3)
    with pytest.raises(DataError, match="step 3 of the episode with seed 3000000"):
        data.random_baseline()
