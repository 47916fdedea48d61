"""A gymnasium environment as a task's data: episodes on held-out seeds are graded, observations are queries."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import gymnasium
import numpy as np

from harness import Data, DataError, Predict, Scores

EPISODES = {"validation": 20, "test": 100}
FIRST_SEED = {"validation": 1_000_000, "test": 2_000_000}
"""Of the environments; training draws its own below `TRAINING_SEEDS`."""
TRAINING_SEEDS = 1_000_000
CHANCE_SEED, QUERY_SEED = 3_000_000, 4_000_000
CHANCE_EPISODES = 200
QUERIES = 256
ERRS = 0.5
"""Share of random actions on the way to the queries."""


class Game(Data):
    """An environment with discrete actions.

    Args:
        environment: gymnasium's id.
        physics: attributes of the environment that differ from how it comes.
        identity: names environment, package version and physics.
    """

    def __init__(self, environment: str, physics: Mapping[str, float], identity: str) -> None:
        self.environment = environment
        self.physics = dict(physics)
        self.sizes = dict(EPISODES)
        probe = self.make()
        self.observation_shape: tuple[int, ...] = probe.observation_space.shape
        self.actions = int(probe.action_space.n)
        self.digest = _digest(identity, probe)

    def make(self) -> Any:
        """Return a new environment; seed it by its `reset`."""
        environment = gymnasium.make(self.environment, disable_env_checker=True)
        for name, value in self.physics.items():
            setattr(environment.unwrapped, name, value)
        inner = environment.unwrapped
        if "length" in self.physics:  # CartPole keeps products of its attributes
            inner.polemass_length = inner.masspole * inner.length
        return environment

    def evaluate(self, predict: Predict, batch_size: int, split: str = "test") -> Scores:
        """Play the split's episodes and return return and length of each.

        At most `batch_size` episodes are played side by side; each observation goes through `predict`.

        Raises:
            DataError: the environment gave an observation or a reward that is not finite.
        """
        seeds = _seeds(split)
        returns: list[float] = []
        lengths: list[float] = []
        for start in range(0, len(seeds), batch_size):
            played = self._play(predict, seeds[start : start + batch_size])
            returns += [total for total, _ in played]
            lengths += [float(length) for _, length in played]
        return {"episode_return": returns, "episode_length": lengths}

    def keys(self, split: str) -> Sequence[int]:
        """Return the seeds of the split's episodes."""
        return range(TRAINING_SEEDS) if split == "train" else _seeds(split)

    def queries(self) -> Sequence[np.ndarray]:
        """Return observations of a policy that follows a rule and errs half of the time: good and bad positions."""
        return self._queries

    def chance(self) -> Mapping[str, float]:
        """Return the mean return of random actions, played."""
        generator = np.random.default_rng(CHANCE_SEED)
        seeds = range(CHANCE_SEED, CHANCE_SEED + CHANCE_EPISODES)
        played = self._play(lambda inputs: generator.integers(self.actions, size=len(inputs)).tolist(), seeds)
        return {"return": float(np.mean([total for total, _ in played]))}

    @cached_property
    def _queries(self) -> list[np.ndarray]:
        generator = np.random.default_rng(QUERY_SEED)
        environment = self.make()
        found: list[np.ndarray] = []
        observation, _ = environment.reset(seed=QUERY_SEED)
        while len(found) < QUERIES:
            found.append(observation)
            errs = generator.random() >= 1 - ERRS
            action = generator.integers(self.actions) if errs else observation[2] + observation[3] > 0
            observation, _, terminated, truncated, _ = environment.step(int(action))
            if terminated or truncated:
                observation, _ = environment.reset()
        return found

    def _play(self, predict: Predict, seeds: Sequence[int]) -> list[tuple[float, int]]:
        """Return (return, length) of one episode for each seed, all stepped together."""
        environments = [self.make() for _ in seeds]
        observations = [environment.reset(seed=seed)[0] for environment, seed in zip(environments, seeds, strict=True)]
        for observation, seed in zip(observations, seeds, strict=True):
            self._refuse_nonsense(observation, 0.0, seed, step=0)
        totals, lengths = [0.0] * len(seeds), [0] * len(seeds)
        alive = list(range(len(seeds)))
        while alive:
            actions = predict([observations[i] for i in alive])
            still = []
            for i, action in zip(alive, actions, strict=True):
                observation, reward, terminated, truncated, _ = environments[i].step(int(action))
                lengths[i] += 1
                self._refuse_nonsense(observation, float(reward), seeds[i], lengths[i])
                observations[i] = observation
                totals[i] += float(reward)
                if not (terminated or truncated):
                    still.append(i)
            alive = still
        return list(zip(totals, lengths, strict=True))

    def _refuse_nonsense(self, observation: np.ndarray, reward: float, seed: int, step: int) -> None:
        """Raise `DataError` where a number is not finite; step 0 is the reset."""
        if not (np.isfinite(observation).all() and np.isfinite(reward)):
            raise DataError(
                f"Environment {self.environment!r} gave a number that is not finite at step {step} of the episode with "
                f"seed {seed}. Mend the environment: a policy cannot be graded on it."
            )


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
