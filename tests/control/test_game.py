"""The game as a task: held-out episodes, measured chance, and environments that misbehave."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import DataError
from harness_control._game import CHANCE_SEED, EPISODES, FIRST_SEED, QUERY_SEED, TRAINING_SEEDS, Game
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
    assert max(one["episode_return"]) < 15


@settings(max_examples=6, deadline=None)
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
    assert 18 < game.chance()["return"] < 27
    assert game.chance() == game.chance()


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


def test_the_digest_is_stable() -> None:
    """Two loads are the same data."""
    assert CartPole().data(None, {}).digest == CartPole().data(None, {}).digest


class _Broken(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Gives a number that is none after three steps."""

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.steps = 0

    def step(self, action: Any) -> Any:
        observation, *rest = self.env.step(action)
        self.steps += 1
        return (observation * np.nan if self.steps == 3 else observation, *rest)


def test_an_environment_that_returns_nonsense_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment, seed and step stand in the message; nothing is graded."""
    data = CartPole().data(None, {})
    assert isinstance(data, Game)
    whole = data.make
    monkeypatch.setattr(data, "make", lambda: _Broken(whole()))
    with pytest.raises(DataError, match=r"'CartPole-v1' .* at step 2 of the episode with seed 2000000"):
        data.evaluate(_left, 32)
