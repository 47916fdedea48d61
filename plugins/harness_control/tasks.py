"""The tasks of this plugin, declared. How a game is played and graded stands in `_game.py`.

Kind `discrete-control`: an input is one observation, a float32 array; an output is one action, an int. Data of this
kind is a `harness_control._game.Game`: it makes environments to learn in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, ClassVar

from harness import Data, Metric, Task

KIND = "discrete-control"
RETURN = Metric("return", "reward per episode", "episode_return", ceiling=500.0)


class CartPole(Task):
    """Balance a pole on a cart, as gymnasium has it."""

    name = "cartpole"
    kind = KIND
    summary = "Balance a pole on a cart for 500 steps (gymnasium CartPole-v1)"
    metrics = (RETURN,)
    use_case: ClassVar[str | None] = "game-agent"
    baseline = "rule"
    pretrains_on: ClassVar[str | None] = "cartpole-source"
    source = "gymnasium, environment CartPole-v1"
    licence = "MIT"
    physics: ClassVar[Mapping[str, float]] = {}
    """What differs from the environment as it comes."""

    def identity(self, source: str | None, settings: Mapping[str, Any]) -> str:
        """Name the game: the package's version and the physics."""
        del source, settings
        return f"CartPole-v1 of gymnasium {version('gymnasium')} with {json.dumps(self.physics, sort_keys=True)}"

    def data(self, source: str | None, settings: Mapping[str, Any]) -> Data:
        """Return the game; episodes are its items."""
        from harness_control._game import Game

        return Game("CartPole-v1", self.physics, self.identity(source, settings))


class CartPoleSource(CartPole):
    """The same game in another world, to learn in before the real one."""

    name = "cartpole-source"
    summary = "Source variant of cartpole for pretraining: a longer pole under stronger gravity"
    use_case = None
    pretrains_on = None
    physics: ClassVar[Mapping[str, float]] = {"gravity": 12.0, "length": 0.8}
    """m/s² (9.8 in the real game) and half the pole's length in m (0.5)."""
