"""Finds environments that ignore the seed of `reset`: no other evaluation would play the same episodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

FIRST_SEED, SEEDS = 6_000_000, 20
"""Several, as the starts of an environment with few states may agree by chance."""
STEPS = 50


def starts_agree(environment: Any) -> bool:
    """Return whether two resets with one seed give the same observation."""
    return all(_start(environment, seed) == _start(environment, seed) for seed in range(FIRST_SEED, FIRST_SEED + SEEDS))


def plays_agree(make: Callable[[], Any]) -> bool:
    """Return whether a seed and the same actions give the same observations, rewards and ends of episodes.

    Episodes are evaluated in new environments, each in its own. In a used one they may differ by what is left over from
    the last episode, or since the environment draws on from a seed of its own: then other seeds change nothing in a new
    one.
    """
    first, second, other = (_play(make(), FIRST_SEED + k) for k in (0, 0, 1))
    if first != second:
        return False
    used = make()
    return first != other or _play(used, FIRST_SEED) == _play(used, FIRST_SEED)


def _start(environment: Any, seed: int) -> bytes:
    return _bytes(environment.reset(seed=seed)[0])


def _play(environment: Any, seed: int) -> list[bytes]:
    """Return what `STEPS` steps give, over several episodes if they are short; actions do not depend on the seed."""
    played: list[bytes] = []
    while len(played) < STEPS:
        played += _episode(environment, seed + SEEDS * len(played))
    return played


def _episode(environment: Any, seed: int) -> Iterator[bytes]:
    yield _start(environment, seed)
    environment.action_space.seed(FIRST_SEED)  # not before: some make a new space in each reset
    for _ in range(STEPS):
        observation, reward, terminated, truncated, _ = environment.step(environment.action_space.sample())
        yield b" ".join(map(_bytes, (observation, reward, terminated, truncated)))
        if terminated or truncated:
            return


def _bytes(value: Any) -> bytes:
    """Return a copy: an environment may change its arrays in place."""
    return np.asarray(value, dtype=np.float64).tobytes()
