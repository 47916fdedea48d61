"""Tasks, models and assignments for the tests of the control plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from harness import Assignment, Budget, Model
from harness_control import worlds
from harness_control._game import EPISODES, Game
from harness_control.models import Dqn, Ppo, Random, Rule
from harness_control.tasks import CartPole, CartPoleSource, FrozenLakes, Highway, Reacher

TASKS = {
    "CartPole-v1": CartPole(),
    "CartPole-v1-source": CartPoleSource(),
    "Reacher-v5": Reacher(),
    "FrozenLakes-v0": FrozenLakes(),
}
MODELS: dict[str, Model] = {"dqn": Dqn(), "ppo": Ppo(), "random": Random(), "rule": Rule()}


@pytest.fixture(autouse=True)
def _threads_stay() -> Iterator[None]:
    """Restore torch's threads after each test: preparing a policy's training sets them to one."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def few_episodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make games of few episodes: the digest of a motorway's 120 takes seconds."""
    for split in EPISODES:
        monkeypatch.setitem(EPISODES, split, 2)


@pytest.fixture(scope="session")
def motorway() -> Game:
    """Return the motorway with few episodes in its splits and its random baseline."""
    with pytest.MonkeyPatch.context() as patch:
        for split in EPISODES:
            patch.setitem(EPISODES, split, 2)
        metrics = {metric.name: str(metric.column) for metric in Highway.metrics}
        return Game(replace(worlds.HIGHWAY, baseline_episodes=6), "motorway", metrics)


@pytest.fixture
def assign() -> Callable[..., Assignment]:
    """Return a maker of assignments with default settings."""

    def make(
        model: str = "ppo",
        task: str = "CartPole-v1",
        seed: int = 0,
        steps: int = 4,
        start: Path | None = None,
        precision: str = "fp32",
        **settings: Any,
    ) -> Assignment:
        declared = MODELS[model]
        filled = {name: setting.default for name, setting in declared.settings.items()} | settings
        stage = "pretrain" if task.endswith("source") else "finetune"
        budget = Budget(steps=steps)
        data = TASKS[task].data(None, {})
        return Assignment(stage, data, declared.sizes[0], filled, "cpu", precision, seed, budget, start)  # type: ignore[arg-type]

    return make
