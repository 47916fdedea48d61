"""The declarations of the tasks; `worlds.py` defines the environments, `_game.py` plays them.

Kinds `discrete-control` and `continuous-control`: an input is an observation, a float32 array; an output is an action,
an int or a float32 array. Their data are a `harness_control._game.Game`, which makes environments for training.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ClassVar

from harness import Data, Metric, Setting, Task

if TYPE_CHECKING:
    from harness_control.worlds import World

DISCRETE, CONTINUOUS = "discrete-control", "continuous-control"
SOLVED = {"CartPole-v1": 475.0, "LunarLander-v3": 200.0, "InvertedPendulum-v5": 950.0, "Reacher-v5": -3.75}
"""The returns at which environments are solved: `reward_threshold` in gymnasium's registry."""


def _return(ceiling: float | None = None) -> Metric:
    return Metric("return", "reward per episode", "episode_return", ceiling=ceiling)


def _normalised(reference: float) -> Metric:
    return Metric("normalised return", f"0 = random play, 1 = return of {reference:g}", "normalised_return")


class _Play(Task):
    """A gymnasium environment; items are episodes."""

    kind: ClassVar[str] = DISCRETE
    imports: ClassVar[tuple[str, ...] | None] = ("gymnasium", "harness_control._game")
    metrics: ClassVar[tuple[Metric, ...]] = (_return(),)
    baseline = "rule"
    licence = "MIT"
    reference: ClassVar[float | None] = None
    """The return that is normalised to 1; None without a normalised return."""
    world: ClassVar[str]
    """Its name in `worlds.py`, which is not imported here: it is heavy."""

    def identity(self, source: str | None, settings: Mapping[str, Any]) -> str:
        """Return the environment with its package's version and its changes."""
        world = self._world(source, settings)
        changes = json.dumps({"options": dict(world.options), "physics": dict(world.physics)}, sort_keys=True)
        origin = world.origin or f"{world.package} {version(world.package)}"
        return f"{world.environment} of {origin} with {changes}"

    def data(self, source: str | None, settings: Mapping[str, Any]) -> Data:
        """Return the game."""
        from harness_control._game import Game

        columns = {metric.name: metric.column for metric in self.metrics if metric.column}
        return Game(self._world(source, settings), self.identity(source, settings), columns, self.reference)

    def _world(self, source: str | None, settings: Mapping[str, Any]) -> World:
        from harness_control import worlds

        del source, settings
        world: World = getattr(worlds, self.world)
        return world


class CartPole(_Play):
    """Balance a pole on a cart."""

    name = "CartPole-v1"
    data_name = "CartPole-v1"
    former_names: ClassVar[Mapping[str, str]] = {"cartpole": ""}
    summary = "Balance a pole on a cart for 500 steps (gymnasium CartPole-v1)"
    imports = ("gymnasium.envs.classic_control.cartpole", "harness_control._game")
    reference = SOLVED["CartPole-v1"]
    metrics = (_return(ceiling=500.0), _normalised(reference))
    use_case: ClassVar[str | None] = "game-agent"
    pretrains_on: ClassVar[str | None] = "CartPole-v1-source"
    source = "gymnasium, environment CartPole-v1"
    world = "CART_POLE"


class CartPoleSource(CartPole):
    """A longer pole under stronger gravity."""

    name = "CartPole-v1-source"
    data_name = "CartPole-v1-source"
    former_names: ClassVar[Mapping[str, str]] = {"cartpole-source": ""}
    summary = "Source variant of CartPole-v1 for pretraining: a longer pole under stronger gravity"
    use_case = None
    pretrains_on = None
    world = "CART_POLE_SOURCE"


class LunarLander(_Play):
    """Land on the pad."""

    name = "LunarLander-v3"
    data_name = "LunarLander-v3"
    former_names: ClassVar[Mapping[str, str]] = {"lunarlander": ""}
    summary = "Land a craft between two flags (gymnasium LunarLander-v3; solved at 200)"
    imports = ("gymnasium", "Box2D", "harness_control._game")
    reference = SOLVED["LunarLander-v3"]
    metrics = (_return(), _normalised(reference))
    pretrains_on: ClassVar[str | None] = "LunarLander-v3-source"
    source = "gymnasium, environment LunarLander-v3 (Box2D)"
    world = "LUNAR_LANDER"


class LunarLanderSource(LunarLander):
    """Less gravity."""

    name = "LunarLander-v3-source"
    data_name = "LunarLander-v3-source"
    former_names: ClassVar[Mapping[str, str]] = {"lunarlander-source": ""}
    summary = "Source variant of LunarLander-v3 for pretraining: less gravity"
    pretrains_on = None
    world = "LUNAR_LANDER_SOURCE"


class InvertedPendulum(_Play):
    """Balance with a force of any strength."""

    name = "InvertedPendulum-v5"
    data_name = "InvertedPendulum-v5"
    former_names: ClassVar[Mapping[str, str]] = {"inverted-pendulum": ""}
    kind = CONTINUOUS
    summary = "Keep a pole upright with a motor (MuJoCo InvertedPendulum-v5)"
    imports = ("gymnasium", "mujoco", "harness_control._game")
    reference = SOLVED["InvertedPendulum-v5"]
    metrics = (_return(ceiling=1000.0), _normalised(reference))
    pretrains_on: ClassVar[str | None] = "InvertedPendulum-v5-source"
    source = "gymnasium, environment InvertedPendulum-v5 (MuJoCo)"
    world = "INVERTED_PENDULUM"


class InvertedPendulumSource(InvertedPendulum):
    """More gravity."""

    name = "InvertedPendulum-v5-source"
    data_name = "InvertedPendulum-v5-source"
    former_names: ClassVar[Mapping[str, str]] = {"inverted-pendulum-source": ""}
    summary = "Source variant of InvertedPendulum-v5 for pretraining: more gravity"
    pretrains_on = None
    world = "INVERTED_PENDULUM_SOURCE"


class Reacher(_Play):
    """Reach for a point."""

    name = "Reacher-v5"
    data_name = "Reacher-v5"
    former_names: ClassVar[Mapping[str, str]] = {"reacher": ""}
    kind = CONTINUOUS
    summary = "Bring an arm with two joints to a point (MuJoCo Reacher-v5)"
    imports = ("gymnasium", "mujoco", "harness_control._game")
    reference = SOLVED["Reacher-v5"]
    metrics = (_return(), _normalised(reference))
    use_case: ClassVar[str | None] = "robot-control"
    pretrains_on: ClassVar[str | None] = "Reacher-v5-source"
    source = "gymnasium, environment Reacher-v5 (MuJoCo)"
    world = "REACHER"


class ReacherSource(Reacher):
    """Twice the friction."""

    name = "Reacher-v5-source"
    data_name = "Reacher-v5-source"
    former_names: ClassVar[Mapping[str, str]] = {"reacher-source": ""}
    summary = "Source variant of Reacher-v5 for pretraining: twice the friction"
    use_case = None
    pretrains_on = None
    world = "REACHER_SOURCE"


class FrozenLakes(_Play):
    """Plan a path."""

    name = "FrozenLakes-v0"
    data_name = "FrozenLakes-v0"
    former_names: ClassVar[Mapping[str, str]] = {"frozenlake": ""}
    summary = "Plan a path over ice with holes, a new map each time (FrozenLake 8 × 8, no slipping); the rule is A*"
    metrics = (Metric("success rate", "share of episodes", "episode_return", ceiling=1.0),)
    use_case: ClassVar[str | None] = "path-planning"
    pretrains_on: ClassVar[str | None] = "FrozenLakes-v0-source"
    source = "gymnasium, environment FrozenLake with maps of generate_random_map(8)"
    world = "FROZEN_LAKES"


class FrozenLakesSource(FrozenLakes):
    """A reward for each step nearer to the goal."""

    name = "FrozenLakes-v0-source"
    data_name = "FrozenLakes-v0-source"
    former_names: ClassVar[Mapping[str, str]] = {"frozenlake-source": ""}
    summary = "Source variant of FrozenLakes-v0 for pretraining: each step nearer to the goal is rewarded"
    metrics = (_return(),)
    use_case = None
    pretrains_on = None
    world = "FROZEN_LAKES_SOURCE"


class Highway(_Play):
    """Drive fast without collisions."""

    name = "highway-fast-v0"
    data_name = "highway-fast-v0"
    former_names: ClassVar[Mapping[str, str]] = {"highway": ""}
    summary = "Drive on a busy motorway: fast, on the right, without collisions (highway-env); the rule always brakes"
    imports = ("gymnasium", "highway_env", "harness_control._game")
    metrics = (
        _return(ceiling=20.0),
        Metric("collisions", "share of episodes", "crashed", higher_is_better=False),
        Metric("speed", "m/s", "speed_m_per_s"),
        Metric("distance", "m per episode", "distance_m"),
    )
    use_case: ClassVar[str | None] = "driving-decisions"
    pretrains_on: ClassVar[str | None] = "highway-fast-v0-source"
    source = "highway-env, environment highway-fast-v0 with 10 vehicles on 3 lanes, 20 s"
    world = "HIGHWAY"


class HighwaySource(Highway):
    """Half the traffic."""

    name = "highway-fast-v0-source"
    data_name = "highway-fast-v0-source"
    former_names: ClassVar[Mapping[str, str]] = {"highway-source": ""}
    summary = "Source variant of highway-fast-v0 for pretraining: half the traffic"
    use_case = None
    pretrains_on = None
    world = "HIGHWAY_SOURCE"


class Gymnasium(_Play):
    """An environment of the user's, with discrete or continuous actions."""

    name = "gymnasium"
    summary = "Any gymnasium environment, by its id (--data Acrobot-v1, --data module:Name-v0)"
    data_name = "none"
    former_names: ClassVar[Mapping[str, str]] = {"discrete-environment": "", "continuous-environment": ""}
    baseline = "random"
    source = "none packaged: an environment registered with gymnasium, by its id"
    licence = "that of the environment you bring"
    settings: ClassVar[Mapping[str, Setting]] = {
        "max_episode_steps": Setting(
            0, "Steps after which an episode is cut off, in place of the environment's own limit; 0: by its own."
        ),
    }
    takes_data = True

    def kind_of(self, source: str | None) -> str:
        """Return the kind of the environment's actions."""
        from harness_control._own_process import ask

        return DISCRETE if ask("has discrete actions", source, {}) else CONTINUOUS

    def check(self, source: str | None, settings: Mapping[str, Any]) -> None:
        """Make the environment and play some random steps, in a process of its own."""
        from harness_control._own_process import ask

        ask("can be played", source, settings)

    def _world(self, source: str | None, settings: Mapping[str, Any]) -> World:
        from harness_control._user_environment import user_world

        return user_world(source, settings)


TASKS = (
    CartPole, CartPoleSource, LunarLander, LunarLanderSource, InvertedPendulum, InvertedPendulumSource, Reacher,
    ReacherSource, FrozenLakes, FrozenLakesSource, Highway, HighwaySource, Gymnasium,
)  # fmt: skip
