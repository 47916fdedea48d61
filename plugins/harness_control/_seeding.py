"""Finds environments whose episodes do not follow from the seed of `reset`."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from harness_control._environment import LONGEST, random_actions

FIRST_SEED, SEEDS = 6_000_000, 20
"""Several, as the starts of an environment with few states may agree by chance."""
OTHER_SEED = 7_000_000
STEPS, SECONDS = 2_000, 3.0
"""An environment is played for so many steps, and to the end of an episode, but no longer than so many seconds. It is
played five times at most, so this takes 10,000 steps or 15 s, where no episode is longer."""


class Plays(NamedTuple):
    """What was found by playing."""

    follow: bool
    """Whether a seed and the same actions give the same observations, rewards and ends of episodes."""
    alike: bool
    """Whether they do so with any seed in a new environment: all episodes are the same."""


def starts_agree(environment: Any) -> bool:
    """Return whether two resets with one seed give the same observation."""
    return all(_start(environment, seed) == _start(environment, seed) for seed in range(FIRST_SEED, FIRST_SEED + SEEDS))


def played(make: Callable[[], Any]) -> Plays:
    """Play two environments in turn, as episodes are evaluated, then each alone, and compare.

    They differ where an environment ignores its seed, or seeds a generator that it shares with others. In a used
    environment episodes may differ by what is left over from the last one, or since it draws on from a seed of its own:
    then other seeds change nothing in a new one.
    """
    in_turn = _Play(make(), FIRST_SEED), _Play(make(), OTHER_SEED)
    moves = _in_turn(*in_turn)
    first, other = (play.digest() for play in in_turn)
    if [first, other] != [_Play(make(), seed).after(moves) for seed in (FIRST_SEED, OTHER_SEED)]:
        return Plays(follow=False, alike=False)
    if first != other:
        return Plays(follow=True, alike=False)
    used = make()
    once, again = (_Play(used, FIRST_SEED).after(moves) for _ in range(2))
    return Plays(follow=once == again, alike=True)


class _Play:
    """Episodes from a seed on, one after the other; actions do not depend on the seed."""

    def __init__(self, environment: Any, seed: int) -> None:
        self._environment, self._seed, self.over = environment, seed, True
        # The action space has a generator too, which environments may share.
        self._generator, self._seen = np.random.default_rng(FIRST_SEED), hashlib.sha256()

    def advance(self) -> None:
        """Take a step, or begin the next episode."""
        if self.over:
            self._seen.update(_start(self._environment, self._seed))
            self._seed, self.over = self._seed + 1, False
            return
        (action,) = random_actions(self._environment.action_space, self._generator, 1)
        observation, reward, terminated, truncated, _ = self._environment.step(action)
        self._seen.update(b" ".join(map(_bytes, (observation, reward, terminated, truncated))))
        self.over = bool(terminated or truncated)

    def after(self, moves: int) -> bytes:
        """Return the digest after so many moves."""
        for _ in range(moves):
            self.advance()
        return self.digest()

    def digest(self) -> bytes:
        """Return the digest of all that was seen."""
        return self._seen.digest()


def _in_turn(first: _Play, second: _Play) -> int:
    """Advance both, and return how often."""
    moves, end = 0, time.monotonic() + SECONDS
    while moves < LONGEST and time.monotonic() < end and not (moves >= STEPS and first.over):
        first.advance()
        second.advance()
        moves += 1
    return moves


def _start(environment: Any, seed: int) -> bytes:
    return _bytes(environment.reset(seed=seed)[0])


def _bytes(value: Any) -> bytes:
    """Return a copy: an environment may change its arrays in place."""
    return np.asarray(value, dtype=np.float64).tobytes()
