"""Policies that need no training: chance and the game's rule."""

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
    """Return the assignment's data, which tasks of this kind make a `Game`.

    Raises:
        Unsupported: another precision than fp32 is asked for; a record must not name one that was not computed in.
        TypeError: the task gave something else.
    """
    if assignment.precision != "fp32":
        raise Unsupported(f"Policies of this plugin compute in fp32 only, not in {assignment.precision}. Ask for fp32.")
    if not isinstance(assignment.data, Game):
        raise TypeError(f"This model plays a Game; the task gave {type(assignment.data).__name__}.")
    return assignment.data


class RandomLearner(Learner):
    """Draws actions evenly; two learners of one seed draw the same."""

    def __init__(self, assignment: Assignment) -> None:
        self._game = game_of(assignment)
        self._seed = assignment.seed
        self._generator = np.random.default_rng(self._seed)

    def step(self) -> Progress:
        """Learn nothing."""
        return Progress({"samples": 0}, {}, done=True)

    def save(self, folder: Path) -> None:
        """Write the seed."""
        (folder / FILE).write_text(json.dumps({"seed": self._seed}), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Read the seed and begin anew."""
        self._seed = json.loads((folder / FILE).read_text(encoding="utf-8"))["seed"]
        self._generator = np.random.default_rng(self._seed)

    def predict(self, inputs: Sequence[np.ndarray]) -> Sequence[Any]:
        """Return an action for each observation."""
        return self._game.draw(self._generator, len(inputs))

    def parameters(self) -> int:
        """Return 0: there is nothing to train."""
        return 0


class RuleLearner(Learner):
    """Follows the rule of the game."""

    def __init__(self, assignment: Assignment) -> None:
        world = game_of(assignment).world
        if world.rule is None:
            raise Unsupported(f"Nobody wrote a rule for {world.environment}")
        self._rule = world.rule

    def step(self) -> Progress:
        """Learn nothing: the rule is given."""
        return Progress({"samples": 0}, {}, done=True)

    def save(self, folder: Path) -> None:
        """Write the rule's name: its sources are the plugin's."""
        (folder / FILE).write_text(json.dumps({"rule": self._rule.__name__}), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Read nothing: the rule is the game's."""

    def predict(self, inputs: Sequence[np.ndarray]) -> Sequence[Any]:
        """Return an action for each observation."""
        return [self._rule(observation) for observation in inputs]

    def parameters(self) -> int:
        """Return 0: there is nothing to train."""
        return 0
