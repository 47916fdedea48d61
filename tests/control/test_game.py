"""The game as a task: held-out episodes, measured chance, and environments that misbehave."""

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
from harness_control._game import CHANCE_SEED, EPISODES, FIRST_SEED, QUERY_SEED, TRAINING_SEEDS, Game
from harness_control._ppo import PpoLearner, _environment_seed
from harness_control.tasks import CartPole, CartPoleSource


@pytest.fixture(scope="module")
def game() -> Game:
    """Return the default game."""
    data = CartPole().data(None, {})
    assert isinstance(data, Game)
    return data


def _left(inputs: Sequence[np.ndarray]) -> list[int]:
    return [0 for _ in inputs]


def test_seeds_of_training_and_splits_do_not_meet() -> None:
    """No episode that is graded was ever trained on."""
    taken = [range(TRAINING_SEEDS)]
    taken += [range(FIRST_SEED[split], FIRST_SEED[split] + EPISODES[split]) for split in EPISODES]
    taken += [range(CHANCE_SEED, CHANCE_SEED + 1000), range(QUERY_SEED, QUERY_SEED + 1)]
    for one, other in itertools.pairwise(taken):
        assert one[-1] < other[0]


def test_the_same_policy_gets_the_same_grades(game: Game) -> None:
    """Grading is deterministic, one number for each episode."""
    one, two = game.evaluate(_left, 32), game.evaluate(_left, 32)

    assert one == two
    assert len(one["episode_return"]) == len(one["episode_length"]) == EPISODES["test"] == game.sizes["test"]
    assert one["episode_return"] == one["episode_length"], "this game pays 1 for each step"
    assert set(one) == {"episode_return", "episode_length", "normalised_return"}
    assert max(one["episode_return"]) < 15


@settings(max_examples=6)
@given(batch_size=st.integers(1, 130))
def test_how_many_play_side_by_side_changes_no_grade(batch_size: int) -> None:
    """Episodes do not know of each other, and no call holds more observations than asked."""
    seen: list[int] = []
    data = CartPole().data(None, {})

    def lean(inputs: Sequence[np.ndarray]) -> list[int]:
        seen.append(len(inputs))
        return [int(observation[2] > 0) for observation in inputs]

    scores = data.evaluate(lean, batch_size, split="validation")

    assert scores == data.evaluate(lean, 7, split="validation")
    assert max(seen) <= max(batch_size, 7)


def test_validation_and_test_are_other_episodes(game: Game) -> None:
    """The first observations differ."""
    starts = {game.make().reset(seed=seed)[0].tobytes() for seed in FIRST_SEED.values()}

    assert len(starts) == len(EPISODES)


def test_chance_is_measured(game: Game) -> None:
    """Random actions balance the pole for some twenty steps."""
    assert 18 < game.random_baseline()["return"] < 27
    assert game.random_baseline() == game.random_baseline()


@given(returns=st.lists(st.floats(0, 500), min_size=1, max_size=20))
def test_a_normalised_return_is_0_at_chance_and_1_at_the_reference(game: Game, returns: list[float]) -> None:
    """A straight line through both, episode by episode, so that its mean is the mean's."""
    chance, reference = game.random_baseline()["return"], 475.0
    played = [{"episode_return": each} for each in [chance, reference, *returns]]

    zero, one, *others = game._columns(played)["normalised_return"]

    assert (zero, one) == (pytest.approx(0.0), pytest.approx(1.0))
    assert np.mean(others) == pytest.approx((np.mean(returns) - chance) / (reference - chance))
    assert game.random_baseline()["normalised return"] == 0.0


def test_references_are_those_of_gymnasium() -> None:
    """A game is solved where its registry says so, and the unit tells the number."""
    for identifier, solved in tasks.SOLVED.items():
        assert gymnasium.spec(identifier).reward_threshold == solved
    for task in (task for task in tasks.TASKS if task.reference is not None):
        (normalised,) = (metric for metric in task.metrics if metric.name == "normalised return")
        assert normalised.unit.endswith(f"1 = return of {task.reference:g}")
        assert task.reference == tasks.SOLVED[getattr(worlds, task.world).environment]


def test_every_metric_of_every_game_has_its_column_and_its_chance_level(motorway: Game) -> None:
    """What a task declares is graded, and what guessing reaches is known."""
    for task in (tasks.InvertedPendulum(), tasks.FrozenLakes(), tasks.Highway()):
        data = motorway if isinstance(task, tasks.Highway) else task.data(None, {})
        assert isinstance(data, Game)
        rule = data.world.rule
        assert rule is not None
        columns = data._columns(data._play(lambda inputs, rule=rule: [rule(one) for one in inputs], range(2)))

        assert {metric.column for metric in task.metrics} <= set(columns)
        assert set(data.random_baseline()) == {metric.name for metric in task.metrics}


def test_queries_are_real_and_various(game: Game) -> None:
    """Observations of the game's shape, good and bad positions among them."""
    queries = np.asarray(game.queries())

    assert queries.shape == (256, *game.observation_shape)
    assert np.isfinite(queries).all()
    assert len(np.unique(queries, axis=0)) == 256
    assert np.abs(queries[:, 2]).max() > 0.15


def test_the_source_variant_is_another_world() -> None:
    """Same observations and actions, other physics, other digest."""
    real, source = CartPole().data(None, {}), CartPoleSource().data(None, {})
    assert isinstance(real, Game)
    assert isinstance(source, Game)
    steps = []
    for data in (real, source):
        environment = data.make()
        environment.reset(seed=1)
        for _ in range(5):
            observation = environment.step(1)[0]
        steps.append(observation)

    assert real.observation_shape == source.observation_shape
    assert real.digest != source.digest
    assert CartPole().identity(None, {}) != CartPoleSource().identity(None, {})
    assert not np.allclose(steps[0], steps[1])


def test_the_variant_is_physically_consistent() -> None:
    """A longer pole turns heavier: what the environment computes from its attributes follows them."""
    source = CartPoleSource().data(None, {})
    assert isinstance(source, Game)
    inner = source.make().unwrapped

    assert {name: getattr(inner, name) for name in source.world.physics} == source.world.physics
    assert inner.polemass_length == inner.masspole * inner.length
    assert inner.total_mass == inner.masspole + inner.masscart


def test_the_task_says_what_gymnasium_says() -> None:
    """The ceiling is the longest episode, the use case's need the return at which the game counts as solved."""
    spec = gymnasium.spec("CartPole-v1")
    (use_case,) = [case for case in harness_control.harness_use_cases() if case.name == CartPole.use_case]

    assert CartPole.metrics[0].ceiling == spec.max_episode_steps
    assert use_case.needs["quality"].value == spec.reward_threshold
    assert use_case.name == CartPole.use_case


def test_the_digest_is_stable() -> None:
    """Two loads are the same data."""
    assert CartPole().data(None, {}).digest == CartPole().data(None, {}).digest


def test_the_digest_covers_every_episode(monkeypatch: pytest.MonkeyPatch) -> None:
    """One episode less, or other seeds, are other data."""
    digests = {CartPole().data(None, {}).digest}
    monkeypatch.setitem(EPISODES, "test", EPISODES["test"] - 1)
    digests.add(CartPole().data(None, {}).digest)
    monkeypatch.setitem(FIRST_SEED, "test", FIRST_SEED["test"] + 1)
    digests.add(CartPole().data(None, {}).digest)

    assert len(digests) == 3


@settings(max_examples=200)
@given(seed=st.integers(0, 2**63), n_envs=st.integers(1, 512))
def test_no_seed_lets_training_reach_a_graded_episode(seed: int, n_envs: int) -> None:
    """Environments count up from the first one's seed: the last of them stays in the range of training, too."""
    first = _environment_seed(seed, n_envs)

    assert first >= 0
    assert first + n_envs <= TRAINING_SEEDS


@pytest.mark.parametrize("seed", [0, 999_999, 1_000_000, 2_000_000])
def test_the_first_positions_of_training_are_no_graded_ones(seed: int, assign: Callable[..., Assignment]) -> None:
    """Seeds near and above the border between training and grading, asked of the environments themselves."""
    learner = PpoLearner(assign("ppo", seed=seed))
    data = CartPole().data(None, {})
    assert isinstance(data, Game)
    graded = {
        data.make().reset(seed=FIRST_SEED[split] + place)[0].tobytes()
        for split, count in EPISODES.items()
        for place in range(count)
    }
    environments = learner._ppo.env
    assert environments is not None
    starts = {start.tobytes() for start in environments.reset()}

    assert len(graded) == sum(EPISODES.values())
    assert len(starts) == 8
    assert not starts & graded


class _Broken(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Gives a number that is none, in an observation or as a reward, at a step; the reset is step 0."""

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


def _breaking(monkeypatch: pytest.MonkeyPatch, **how: Any) -> Game:
    data = CartPole().data(None, {})
    assert isinstance(data, Game)
    whole = data.make
    monkeypatch.setattr(data, "make", lambda: _Broken(whole(), **how))
    return data


@pytest.mark.parametrize(("step", "reward"), [(0, False), (1, False), (3, False), (1, True), (3, True)])
def test_an_environment_that_returns_nonsense_is_named(
    step: int, reward: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Environment, seed and step stand in the message, for the reset too; nothing is graded."""
    data = _breaking(monkeypatch, broken_step=step, reward=reward)
    what = "a reward" if reward else "an observation"
    where = f"step {step} of the episode with seed 2000000"
    with pytest.raises(DataError, match=rf"'CartPole-v1' gave {what} that is not finite: {where}"):
        data.evaluate(_left, 32)


def test_chance_is_not_found_on_a_broken_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A level that other models are compared with is refused as grades are."""
    data = _breaking(monkeypatch, broken_step=3)
    with pytest.raises(DataError, match="step 3 of the episode with seed 3000000"):
        data.random_baseline()
