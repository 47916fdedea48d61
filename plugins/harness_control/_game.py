"""A gymnasium environment as a task's data: items are episodes from held-out seeds, queries are observations."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from copy import copy
from functools import cached_property
from typing import Any

import numpy as np

from harness import Data, Predict, Sample, Scores
from harness_control._environment import make, random_actions, require_finite
from harness_control._seeding import Plays, played, starts_agree
from harness_control.worlds import World

EPISODES = {"validation": 20, "test": 100}
FIRST_SEED = {"validation": 1_000_000, "test": 2_000_000}
"""Seed of a split's first episode; the others count up. Training uses seeds below `TRAINING_SEEDS`."""
TRAINING_SEEDS = 1_000_000
BASELINE_SEED, QUERY_SEED = 3_000_000, 4_000_000
QUERIES = 256
NORMALISED = "normalised_return"
GRID_DIMENSIONS = 3
"""A grid observation is [planes, rows, columns]."""
RANDOM_SHARE = 0.5
"""Share of random actions in the episodes that queries are taken from."""


class Game(Data):
    """An environment with discrete or continuous actions.

    Args:
        world: the environment and its changes.
        identity: names environment, package version and changes.
        metrics: metric → column of the scores.
        reference: the return that is 1 in the column `NORMALISED`, where random play is 0; None: no such column.
    """

    def __init__(self, world: World, identity: str, metrics: Mapping[str, str], reference: float | None = None) -> None:
        self.world = world
        self._reference = reference
        self._episodes: dict[str, Sequence[int]] = {split: _seeds(split) for split in EPISODES}
        self.sizes = {split: len(seeds) for split, seeds in self._episodes.items()}
        self._metrics = dict(metrics)
        probe = self.make()
        self.observation_shape: tuple[int, ...] = probe.observation_space.shape
        self._action_space = space = probe.action_space
        self.actions = int(space.n) if hasattr(space, "n") else 0
        """Number of discrete actions; 0 for continuous ones."""
        self.bounds: tuple[np.ndarray, np.ndarray] | None = None if self.actions else (space.low, space.high)
        """The smallest and the largest continuous action."""
        self._seeded = world.origin is None or starts_agree(probe)
        self.digest = _digest(identity, probe if self._seeded else None)

    def make(self) -> Any:
        """Return a new environment; `reset` seeds it."""
        return make(self.world)

    def only(self, split: str, places: Sequence[int]) -> Game:
        """Return the game with the episodes of a split at these places alone."""
        game = copy(self)
        game._episodes = {**self._episodes, split: [self._episodes[split][place] for place in places]}  # noqa: SLF001 - a copy
        game.sizes = {**self.sizes, split: len(places)}
        return game

    def sample_actions(self, generator: np.random.Generator, count: int) -> list[Any]:
        """Return uniformly random actions."""
        return random_actions(self._action_space, generator, count)

    def evaluate(self, predict: Predict, batch_size: int, split: str = "test") -> Scores:
        """Play the split's episodes and return for each its return, its length and the world's extra scores.

        At most `batch_size` episodes are played in parallel.

        Raises:
            DataError: an observation or a reward is not finite.
        """
        seeds = self._episodes[split]
        episodes: list[dict[str, float]] = []
        for start in range(0, len(seeds), batch_size):
            episodes += self._play(predict, seeds[start : start + batch_size])
        return self._columns(episodes)

    def repeatable(self) -> bool:
        """Return whether the environment follows its seed; those of the packaged tasks do."""
        return self._seeded and self._plays.follow

    def all_alike(self) -> bool:
        """Return whether all episodes are the same, whatever their seeds; those of the packaged tasks are not."""
        return self._plays.alike

    def keys(self, split: str) -> Sequence[int]:
        """Return the seeds of the split's episodes."""
        return range(TRAINING_SEEDS) if split == "train" else self._episodes[split]

    def items(self, split: str) -> Mapping[str, Sequence[Any]]:
        """Return the seeds of the split's episodes."""
        return {"input": list(self._episodes[split])}

    def show(self, predict: Predict) -> Sequence[Sample]:
        """Return the first episode of the test split as a GIF, or why there is none."""
        from harness_control._film import film, undrawable

        reason = undrawable(self.world)
        if reason is not None:
            return (Sample("No film of an episode", "text/plain", reason.encode()),)
        return (film(self.world, predict, FIRST_SEED["test"]),)

    def queries(self) -> Sequence[np.ndarray]:
        """Return observations from play by the rule, if there is one, with a share of random actions."""
        return self._queries

    def random_baseline(self) -> Mapping[str, float]:
        """Return the mean of each metric over episodes of random actions; 0 for the normalised return."""
        columns = {**self._columns(self._random_play), NORMALISED: [0.0]}
        return {metric: float(np.mean(columns[column])) for metric, column in self._metrics.items()}

    def _columns(self, episodes: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
        columns = {column: [episode[column] for episode in episodes] for column in episodes[0]}
        if self._reference is not None:
            returns = np.array(columns["episode_return"])
            baseline = np.mean([episode["episode_return"] for episode in self._random_play])
            columns[NORMALISED] = ((returns - baseline) / (self._reference - baseline)).tolist()
        return columns

    @cached_property
    def _plays(self) -> Plays:
        return Plays(follow=True, alike=False) if self.world.origin is None else played(self.make)

    @cached_property
    def _random_play(self) -> list[dict[str, float]]:
        generator = np.random.default_rng(BASELINE_SEED)
        seeds = range(BASELINE_SEED, BASELINE_SEED + self.world.baseline_episodes)
        return self._play(lambda inputs: self.sample_actions(generator, len(inputs)), seeds)

    @cached_property
    def _queries(self) -> list[np.ndarray]:
        generator = np.random.default_rng(QUERY_SEED)
        environment, rule = self.make(), self.world.rule
        queries: list[np.ndarray] = []
        observation, _ = environment.reset(seed=QUERY_SEED)
        while len(queries) < QUERIES:
            require_finite(self.world, observation, 0.0, f"step {len(queries)} of play for queries")
            queries.append(np.array(observation))  # a copy: an environment may change its array in place
            at_random = generator.random() < RANDOM_SHARE
            action = self.sample_actions(generator, 1)[0] if at_random or rule is None else rule(observation)
            observation, _, terminated, truncated, _ = environment.step(action)
            if terminated or truncated:
                observation, _ = environment.reset()
        return queries

    def _play(self, predict: Predict, seeds: Sequence[int]) -> list[dict[str, float]]:
        """Play an episode from each seed, all in parallel, and return the scores of each."""
        environments = [self.make() for _ in seeds]
        observations = [environment.reset(seed=seed)[0] for environment, seed in zip(environments, seeds, strict=True)]
        for observation, seed in zip(observations, seeds, strict=True):
            require_finite(self.world, observation, 0.0, f"step 0 of the episode with seed {seed}")
        returns = [0.0 for _ in seeds]
        infos: list[list[Mapping[str, Any]]] = [[] for _ in seeds]
        running = list(range(len(seeds)))
        while running:
            actions = predict([observations[i] for i in running])
            continuing = []
            for i, action in zip(running, actions, strict=True):
                observation, reward, terminated, truncated, info = environments[i].step(action)
                infos[i].append(info)
                where = f"step {len(infos[i])} of the episode with seed {seeds[i]}"
                require_finite(self.world, observation, float(reward), where)
                observations[i] = observation
                returns[i] += float(reward)
                if not (terminated or truncated):
                    continuing.append(i)
            running = continuing
        return [self._episode_scores(*episode) for episode in zip(environments, returns, infos, strict=True)]

    def _episode_scores(self, environment: Any, total: float, infos: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Return column → number."""
        extra = self.world.extra_scores(environment, infos) if self.world.extra_scores else {}
        return {"episode_return": total, "episode_length": float(len(infos)), **extra}


def _seeds(split: str) -> range:
    """Return the seeds of a split's episodes."""
    return range(FIRST_SEED[split], FIRST_SEED[split] + EPISODES[split])


def _digest(identity: str, probe: Any) -> str:
    """Return the SHA-256 of the identity and of each episode's seed and, with a probe, its first observation."""
    digest = hashlib.sha256(identity.encode())
    for split in EPISODES:
        for seed in _seeds(split):
            first = b"" if probe is None else np.asarray(probe.reset(seed=seed)[0]).tobytes()
            digest.update(f"\0{split} {seed}\0".encode() + first)
    return digest.hexdigest()
