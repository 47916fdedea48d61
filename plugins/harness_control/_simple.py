"""Policies that need no training: chance and a linear rule."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from harness import Assignment, Learner, Progress, SuiteError, Unsupported
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

    def predict(self, inputs: Sequence[np.ndarray]) -> Sequence[int]:
        """Return an action for each observation."""
        actions: list[int] = self._generator.integers(self._game.actions, size=len(inputs)).tolist()
        return actions

    def parameters(self) -> int:
        """Return 0: there is nothing to train."""
        return 0


class RuleLearner(Learner):
    """Pushes right where a weighted sum of the observation is positive."""

    def __init__(self, assignment: Assignment) -> None:
        shape = game_of(assignment).observation_shape
        self._weights = np.asarray(assignment.settings["weights"], dtype=np.float32)
        if self._weights.shape != shape:
            raise SuiteError(f"The rule has weights of shape {self._weights.shape}; observations have {shape}.")

    def step(self) -> Progress:
        """Learn nothing: the rule is given."""
        return Progress({"samples": 0}, {}, done=True)

    def save(self, folder: Path) -> None:
        """Write the weights."""
        (folder / FILE).write_text(json.dumps({"weights": self._weights.tolist()}), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Read the weights."""
        self._weights = np.asarray(json.loads((folder / FILE).read_text(encoding="utf-8"))["weights"], np.float32)

    def predict(self, inputs: Sequence[np.ndarray]) -> Sequence[int]:
        """Return an action for each observation."""
        actions: list[int] = (np.asarray(inputs, np.float32) @ self._weights > 0).astype(int).tolist()
        return actions

    def parameters(self) -> int:
        """Return 0: the weights are given, not trained."""
        return 0
