"""Policies without training: random actions and the game's rule."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness import Assignment, Learner, Progress, Unsupported
from harness_control._game import Game

FILE = "policy.json"


def game_of(assignment: Assignment) -> Game:
    """Return the assignment's data.

    Raises:
        Unsupported: a precision other than fp32, which a record would name wrongly.
        TypeError: the data are no `Game`.
    """
    if assignment.precision != "fp32":
        raise Unsupported(f"Policies of this plugin compute in fp32 only, not in {assignment.precision}. Use fp32.")
    if not isinstance(assignment.data, Game):
        raise TypeError(f"This model plays a Game; the task's data are a {type(assignment.data).__name__}.")
    return assignment.data


class RandomLearner(Learner):
    """Uniformly random actions, the same for the same seed."""

    def __init__(self, assignment: Assignment) -> None:
        self._game = game_of(assignment)
        self._seed = assignment.seed
        self._generator = np.random.default_rng(self._seed)

    def step(self) -> Progress:
        """Report that there is nothing to learn."""
        return Progress({"samples": 0}, {}, done=True)

    def save(self, folder: Path) -> None:
        """Write the seed."""
        (folder / FILE).write_text(json.dumps({"seed": self._seed}), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Read the seed and restart the generator."""
        self._seed = json.loads((folder / FILE).read_text(encoding="utf-8"))["seed"]
        self._generator = np.random.default_rng(self._seed)

    def predict(self, inputs: Sequence[np.ndarray]) -> Sequence[Any]:
        """Return an action for each observation."""
        return self._game.sample_actions(self._generator, len(inputs))

    def parameters(self) -> int:
        """Return 0: there is nothing to train."""
        return 0


class RuleLearner(Learner):
    """The game's rule."""

    def __init__(self, assignment: Assignment) -> None:
        world = game_of(assignment).world
        if world.rule is None:
            raise Unsupported(f"{world.environment} has no rule. Use the model random.")
        self._rule = world.rule

    def step(self) -> Progress:
        """Report that there is nothing to learn."""
        return Progress({"samples": 0}, {}, done=True)

    def save(self, folder: Path) -> None:
        """Write the rule's name, so that there is an artifact."""
        (folder / FILE).write_text(json.dumps({"rule": self._rule.__name__}), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Read nothing: the rule comes with the game."""

    def predict(self, inputs: Sequence[np.ndarray]) -> Sequence[Any]:
        """Return an action for each observation."""
        return [self._rule(observation) for observation in inputs]

    def parameters(self) -> int:
        """Return 0: there is nothing to train."""
        return 0
