"""Path planning: varied maps, a planner of shortest paths, and a guide that rewards them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import Assignment
from harness_control._game import FIRST_SEED, Game
from harness_control._ppo import PpoLearner
from harness_control.lakes import AGENT, GOAL, HOLE, SIDE, FrozenLakes, distances, next_step
from harness_control.models import Ppo
from harness_control.tasks import FrozenLakes as Task
from harness_control.tasks import FrozenLakesSource

SEEDS = st.integers(0, 2**31 - 1)


def _walk(lake: Any, seed: int) -> tuple[int, float]:
    """Follow the planner and return the steps and the sum of rewards."""
    observation, _ = lake.reset(seed=seed)
    steps, total, over = 0, 0.0, False
    while not over:
        observation, reward, over, _, _ = lake.step(next_step(observation))
        steps, total = steps + 1, total + reward
    return steps, total


@settings(max_examples=30)
@given(seed=SEEDS)
def test_the_planner_walks_a_shortest_path(seed: int) -> None:
    """Its length is that of a search from the goal."""
    lake = FrozenLakes()
    planes, _ = lake.reset(seed=seed)

    steps, total = _walk(lake, seed)

    assert total == 1.0
    assert steps == distances(planes[HOLE])[0, 0]


@settings(max_examples=30)
@given(seed=SEEDS)
def test_an_observation_shows_the_map(seed: int) -> None:
    """One agent, one goal, holes elsewhere; the same seed gives the same map."""
    planes, _ = FrozenLakes().reset(seed=seed)

    assert planes.shape == (3, SIDE, SIDE)
    assert planes[AGENT].sum() == planes[GOAL].sum() == 1
    assert planes.sum(axis=0).max() == 1, "a cell is in one plane at most"
    assert np.array_equal(planes, FrozenLakes().reset(seed=seed)[0])


def test_each_episode_has_another_map() -> None:
    """So that a path cannot be memorised."""
    maps = {FrozenLakes().reset(seed=seed)[0].tobytes() for seed in range(50)}

    assert len(maps) == 50


@settings(max_examples=20)
@given(seed=SEEDS)
def test_the_guide_rewards_steps_nearer_to_the_goal(seed: int) -> None:
    """0.05 for each step of a shortest path but the last, which reaches the goal; there and back is 0."""
    guided = FrozenLakes(guided=True)
    steps, total = _walk(guided, seed)
    observation, _ = guided.reset(seed=seed)
    forth = next_step(observation)
    gain = guided.step(forth)[1] + guided.step((forth + 2) % 4)[1]

    assert total == pytest.approx(1.0 + 0.05 * (steps - 1))
    assert gain == pytest.approx(0.0)


def test_a_hole_ends_the_episode_without_reward() -> None:
    """Straight down leads into one on some maps, and to the edge on others."""
    lake, ends = FrozenLakes(guided=True), []
    for seed in range(40):
        lake.reset(seed=seed)
        over, reward = False, 0.0
        for _ in range(SIDE):
            _, reward, over, _, _ = lake.step(1)
            if over:
                break
        ends.append((over, reward))

    assert (True, 0.0) in ends
    assert (False, 0.0) in ends, "the agent stays at the edge"


def test_without_a_path_there_is_no_step() -> None:
    """The planner raises if holes surround the agent."""
    planes = np.zeros((3, SIDE, SIDE), np.float32)
    planes[AGENT, 0, 0] = planes[GOAL, -1, -1] = planes[HOLE, 0, 1] = planes[HOLE, 1, 0] = 1

    with pytest.raises(ValueError, match=r"No path leads from \(0, 0\) to \(7, 7\)"):
        next_step(planes)
    assert np.isinf(distances(planes[HOLE])[0, 0])


def test_the_environment_passes_gymnasiums_checker() -> None:
    """Which checks spaces, seeds and rendering."""
    from gymnasium.utils.env_checker import check_env

    check_env(gymnasium.make("harness_control.lakes:FrozenLakes-v0", render_mode="rgb_array").unwrapped)


def test_the_task_evaluates_success() -> None:
    """The rule always reaches the goal, random play hardly ever; the source variant is other data."""
    data = Task().data(None, {})
    assert isinstance(data, Game)
    rule = data.world.rule
    assert rule is not None

    scores = data.evaluate(lambda inputs: [rule(observation) for observation in inputs], 100, "validation")

    assert set(scores["episode_return"]) == {1.0}
    assert data.random_baseline()["success rate"] < 0.05
    assert data.observation_shape == (3, SIDE, SIDE)
    assert data.digest != FrozenLakesSource().data(None, {}).digest


def test_a_policys_features_cover_the_grid(assign: Callable[..., Assignment]) -> None:
    """A hole in the far corner changes the outputs."""
    learner = PpoLearner(assign("ppo", task="FrozenLakes-v0"))
    planes = np.zeros((3, SIDE, SIDE), np.float32)
    planes[AGENT, 0, 0] = planes[GOAL, -1, -1] = 1
    other = planes.copy()
    other[HOLE, 6, 6] = 1
    network = learner.module()

    with torch.inference_mode():
        outputs = [network(torch.from_numpy(observation[None]))["numbers"] for observation in (planes, other)]

    assert not torch.equal(*outputs)


def test_a_grid_policy_is_exported(assign: Callable[..., Assignment], tmp_path: Path) -> None:
    """ONNX Runtime gives the same actions for batches of any size."""
    from harness_hardware.runtimes import OnnxRuntime

    assignment = assign("ppo", task="FrozenLakes-v0")
    learner = PpoLearner(assignment)
    learner.save(tmp_path)
    inputs = list(assignment.data.queries())
    readings = OnnxRuntime().export(Ppo(), learner, tmp_path, inputs[:16], tmp_path)
    predict = OnnxRuntime().predictor(Ppo(), assignment, tmp_path, tmp_path)

    assert readings["largest_difference"].value < 1e-4
    for count in (1, 5):
        assert predict(inputs[:count]) == learner.predict(inputs[:count])


def test_test_maps_are_no_training_maps() -> None:
    """The first hundred maps differ."""
    lake = FrozenLakes()
    test = {lake.reset(seed=FIRST_SEED["test"] + place)[0].tobytes() for place in range(100)}
    training = {lake.reset(seed=place)[0].tobytes() for place in range(100)}

    assert not test & training
