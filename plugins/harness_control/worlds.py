"""What the games are: environments, what is changed in them, what is measured on the way, and a rule for each.

A rule sees one observation and answers with one action. It is the cheap baseline: no training, a few lines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

Rule = Callable[[np.ndarray], Any]
Figures = Callable[[Any, Sequence[Mapping[str, Any]]], Mapping[str, float]]


@dataclass(frozen=True)
class World:
    """An environment as a task plays it."""

    environment: str
    """Gymnasium's id, with the module that registers it before a colon where it is not gymnasium's own."""
    rule: Rule | None
    """None: nobody wrote one."""
    package: str = "gymnasium"
    """The distribution whose version is part of the game."""
    origin: str | None = None
    """What the game is of, where that is no distribution named here: its version or a digest with it."""
    grid: bool = False
    """Whether observations are planes of a grid, the first of them saying where the agent is; others are made flat."""
    options: Mapping[str, Any] = field(default_factory=dict)
    physics: Mapping[str, Any] = field(default_factory=dict)
    """Attributes of the environment that differ from how it comes."""
    figures: Figures | None = None
    """(environment, infos of an episode's steps) → what is told of the episode, beside its return and length."""
    chance_episodes: int = 200
    seen_from: tuple[int, int] | None = None
    """Of a MuJoCo world: the axes of the plane in which it is drawn; None: from the side."""


def balance(observation: np.ndarray) -> int:
    """Push the cart to the side to which the pole leans and turns."""
    return int(observation @ np.array([0.02, 0.1, 1.0, 0.5]) > 0)


def land(observation: np.ndarray) -> int:
    """Fly gymnasium's own heuristic for the lander."""
    from gymnasium.envs.box2d.lunar_lander import heuristic

    return int(heuristic(SimpleNamespace(unwrapped=SimpleNamespace(continuous=False)), observation))


def hold_upright(observation: np.ndarray) -> np.ndarray:
    """Push in proportion to angle and speeds: a proportional-derivative controller."""
    position, angle, speed, turning = observation
    return np.array([np.clip(20.0 * angle + 3.0 * turning + 0.5 * position + 1.0 * speed, -3.0, 3.0)], np.float32)


def reach(observation: np.ndarray) -> np.ndarray:
    """Turn the joints along the transposed Jacobian of the arm (links of 0.1 and 0.11 m), and brake."""
    cosines, sines, turning, offset = observation[0:2], observation[2:4], observation[6:8], observation[8:10]
    first, second = np.arctan2(sines, cosines)
    inner = 0.1 * np.array([-np.sin(first), np.cos(first)])
    outer = 0.11 * np.array([-np.sin(first + second), np.cos(first + second)])
    jacobian = np.stack([inner + outer, outer], axis=1)
    torques: np.ndarray = np.clip(-8.0 * jacobian.T @ offset - 0.03 * turning, -1.0, 1.0).astype(np.float32)
    return torques


def brake(observation: np.ndarray) -> int:
    """Go slower, always."""
    del observation
    return 4


def find_way(observation: np.ndarray) -> int:
    """Go along a shortest path, found by A*."""
    from harness_control.lakes import next_step

    return next_step(observation)


def driving(environment: Any, infos: Sequence[Mapping[str, Any]]) -> Mapping[str, float]:
    """Return the mean speed, the metres driven, and whether there was a collision."""
    seconds = len(infos) / environment.unwrapped.config["policy_frequency"]
    speed = float(np.mean([info["speed"] for info in infos]))
    crashed = any(info["crashed"] for info in infos)
    return {"speed_m_per_s": speed, "distance_m": speed * seconds, "crashed": float(crashed)}


CART_POLE = World("CartPole-v1", balance)
CART_POLE_SOURCE = World("CartPole-v1", balance, physics={"gravity": 12.0, "length": 0.8})
"""m/s² (9.8 in the real game) and half the pole's length in m (0.5)."""
LUNAR_LANDER = World("LunarLander-v3", land, chance_episodes=100)
LUNAR_LANDER_SOURCE = World("LunarLander-v3", land, options={"gravity": -8.0}, chance_episodes=100)
INVERTED_PENDULUM = World("InvertedPendulum-v5", hold_upright)
INVERTED_PENDULUM_SOURCE = replace(INVERTED_PENDULUM, physics={"model.opt.gravity": [0.0, 0.0, -13.0]})
"""m/s² (-9.81 in the real one)."""
REACHER = World("Reacher-v5", reach, seen_from=(0, 1))
REACHER_SOURCE = replace(REACHER, physics={"model.dof_damping": [2.0, 2.0, 0.0, 0.0]})
"""Twice the friction in the joints; the two others are the target's."""


FROZEN_LAKES = World("harness_control.lakes:FrozenLakes-v0", find_way, grid=True)
FROZEN_LAKES_SOURCE = replace(FROZEN_LAKES, options={"guided": True})
"""The same lakes with a reward for each step nearer to the goal."""


def _motorway(vehicles: int) -> World:
    traffic = {
        "vehicles_count": vehicles,
        "lanes_count": 3,
        "simulation_frequency": 5,
        "duration": 20,
        "offscreen_rendering": True,
    }
    return World(
        "highway_env:highway-fast-v0", brake, package="highway-env", figures=driving, chance_episodes=50,
        options={"config": traffic},
    )  # fmt: skip


HIGHWAY, HIGHWAY_SOURCE = _motorway(10), _motorway(5)
