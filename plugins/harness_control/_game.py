"""A gymnasium environment as a task's data: episodes on held-out seeds are graded, observations are queries."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from harness import Data, Predict, Sample, Scores
from harness_control._environment import make, refuse_nonsense
from harness_control.worlds import World

EPISODES = {"validation": 20, "test": 100}
FIRST_SEED = {"validation": 1_000_000, "test": 2_000_000}
"""Of the environments; training draws its own below `TRAINING_SEEDS`."""
TRAINING_SEEDS = 1_000_000
CHANCE_SEED, QUERY_SEED = 3_000_000, 4_000_000
QUERIES = 256
NORMALISED = "normalised_return"
GRID = 3
"""Dimensions of a grid of planes."""
ERRS = 0.5
"""Share of random actions on the way to the queries."""


class Game(Data):
    """An environment with discrete or continuous actions.

    Args:
        world: the environment, what is changed in it, what is measured.
        identity: names environment, package version and changes.
        metrics: metric → column of the scores, whose random baseline is to be found.
        reference: the return that counts as 1 in column `NORMALISED`, in which chance is 0; None: no such column.
    """

    def __init__(self, world: World, identity: str, metrics: Mapping[str, str], reference: float | None = None) -> None:
        self.world = world
        self._reference = reference
        self.sizes = dict(EPISODES)
        self._metrics = dict(metrics)
        probe = self.make()
        self.observation_shape: tuple[int, ...] = probe.observation_space.shape
        space = probe.action_space
        self.actions = int(space.n) if hasattr(space, "n") else 0
        """How many actions there are; 0 where they are continuous."""
        self.bounds: tuple[np.ndarray, np.ndarray] | None = None if self.actions else (space.low, space.high)
        """The least and the largest action where they are continuous."""
        self.digest = _digest(identity, probe)

    def make(self) -> Any:
        """Return a new environment, its observations flat or a grid [planes, rows, columns]; `reset` seeds it."""
        return make(self.world)

    def draw(self, generator: np.random.Generator, count: int) -> list[Any]:
        """Return actions drawn evenly."""
        if self.bounds is None:
            return [int(action) for action in generator.integers(self.actions, size=count)]
        low, high = self.bounds
        return list(generator.uniform(low, high, (count, *low.shape)).astype(np.float32))

    def evaluate(self, predict: Predict, batch_size: int, split: str = "test") -> Scores:
        """Play the split's episodes and return what is told of each: return, length, what the world adds.

        At most `batch_size` episodes are played side by side; each observation goes through `predict`.

        Raises:
            DataError: the environment gave an observation or a reward that is not finite.
        """
        seeds = _seeds(split)
        played: list[dict[str, float]] = []
        for start in range(0, len(seeds), batch_size):
            played += self._play(predict, seeds[start : start + batch_size])
        return self._columns(played)

    def keys(self, split: str) -> Sequence[int]:
        """Return the seeds of the split's episodes."""
        return range(TRAINING_SEEDS) if split == "train" else _seeds(split)

    def show(self, predict: Predict) -> Sequence[Sample]:
        """Return the first episode of the test split as an animated picture, or why there is none."""
        from harness_control._film import film, undrawable

        why = undrawable(self.world)
        if why is not None:
            return (Sample("No film of an episode", "text/plain", why.encode()),)
        return (film(self.world, predict, FIRST_SEED["test"]),)

    def queries(self) -> Sequence[np.ndarray]:
        """Return observations of a policy that follows the rule, if there is one, and errs half of the time."""
        return self._queries

    def random_baseline(self) -> Mapping[str, float]:
        """Return what random actions reach in each metric, played; in the normalised return that is 0."""
        columns = {**self._columns(self._random_play), NORMALISED: [0.0]}
        return {metric: float(np.mean(columns[column])) for metric, column in self._metrics.items()}

    def _columns(self, played: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
        columns = {column: [episode[column] for episode in played] for column in played[0]}
        if self._reference is not None:
            returns = np.array(columns["episode_return"])
            chance = np.mean([episode["episode_return"] for episode in self._random_play])
            columns[NORMALISED] = ((returns - chance) / (self._reference - chance)).tolist()
        return columns

    @cached_property
    def _random_play(self) -> list[dict[str, float]]:
        generator = np.random.default_rng(CHANCE_SEED)
        seeds = range(CHANCE_SEED, CHANCE_SEED + self.world.chance_episodes)
        return self._play(lambda inputs: self.draw(generator, len(inputs)), seeds)

    @cached_property
    def _queries(self) -> list[np.ndarray]:
        generator = np.random.default_rng(QUERY_SEED)
        environment = self.make()
        found: list[np.ndarray] = []
        observation, _ = environment.reset(seed=QUERY_SEED)
        while len(found) < QUERIES:
            found.append(observation)
            errs = generator.random() < ERRS
            action = self.draw(generator, 1)[0] if errs or self.world.rule is None else self.world.rule(observation)
            observation, _, terminated, truncated, _ = environment.step(action)
            if terminated or truncated:
                observation, _ = environment.reset()
        return found

    def _play(self, predict: Predict, seeds: Sequence[int]) -> list[dict[str, float]]:
        """Return column → number of one episode for each seed, all stepped together."""
        environments = [self.make() for _ in seeds]
        observations = [environment.reset(seed=seed)[0] for environment, seed in zip(environments, seeds, strict=True)]
        for observation, seed in zip(observations, seeds, strict=True):
            refuse_nonsense(self.world, observation, 0.0, f"step 0 of the episode with seed {seed}")
        returns = [0.0 for _ in seeds]
        infos: list[list[Mapping[str, Any]]] = [[] for _ in seeds]
        alive = list(range(len(seeds)))
        while alive:
            actions = predict([observations[i] for i in alive])
            still = []
            for i, action in zip(alive, actions, strict=True):
                observation, reward, terminated, truncated, info = environments[i].step(action)
                infos[i].append(info)
                where = f"step {len(infos[i])} of the episode with seed {seeds[i]}"
                refuse_nonsense(self.world, observation, float(reward), where)
                observations[i] = observation
                returns[i] += float(reward)
                if not (terminated or truncated):
                    still.append(i)
            alive = still
        return [self._told(*episode) for episode in zip(environments, returns, infos, strict=True)]

    def _told(self, environment: Any, total: float, infos: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        figures = self.world.figures(environment, infos) if self.world.figures else {}
        return {"episode_return": total, "episode_length": float(len(infos)), **figures}


def _seeds(split: str) -> range:
    """Return the environment seeds of a split, one for each episode."""
    return range(FIRST_SEED[split], FIRST_SEED[split] + EPISODES[split])


def _digest(identity: str, probe: Any) -> str:
    """Return the SHA-256 over what the game is, and over seed and first observation of every episode."""
    digest = hashlib.sha256(identity.encode())
    for split in EPISODES:
        for seed in _seeds(split):
            digest.update(f"\0{split} {seed}\0".encode() + probe.reset(seed=seed)[0].tobytes())
    return digest.hexdigest()
