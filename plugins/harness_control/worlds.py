"""The environments: their changes, their extra scores, and a rule for each.

A rule maps an observation to an action in a few lines, without training. It is the baseline.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

Rule = Callable[[np.ndarray], Any]
ExtraScores = Callable[[Any, Sequence[Mapping[str, Any]]], Mapping[str, float]]


@dataclass(frozen=True)
class World:
    """An environment of a task."""

    environment: str
    """Gymnasium's id, `NAME` or `MODULE:NAME`, where the module registers it."""
    rule: Rule | None
    package: str = "gymnasium"
    """The distribution whose version is part of the identity."""
    origin: str | None = None
    """In place of package and version, for the user's environments: a distribution's version or a file's digest."""
    grid: bool = False
    """Whether observations are grids whose first plane marks the agent; others are flattened."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of `gymnasium.make`."""
    physics: Mapping[str, Any] = field(default_factory=dict)
    """Attributes to change, by dotted name."""
    extra_scores: ExtraScores | None = None
    """(environment, infos of an episode's steps) → the episode's scores beside its return and length."""
    baseline_episodes: int = 200
    """Episodes of random play, for the random baseline."""
    view_axes: tuple[int, int] | None = None
    """Axes of the plane in which a MuJoCo model is drawn; None: x and z, from the side."""


def balance(observation: np.ndarray) -> int:
    """Push the cart to the side to which the pole leans and turns."""
    # Position, velocity, angle and angular velocity.
    return int(observation @ np.array([0.02, 0.1, 1.0, 0.5]) > 0)


def land(observation: np.ndarray) -> int:
    """Follow gymnasium's heuristic for the lander."""
    from gymnasium.envs.box2d.lunar_lander import heuristic

    return int(heuristic(SimpleNamespace(unwrapped=SimpleNamespace(continuous=False)), observation))


def hold_upright(observation: np.ndarray) -> np.ndarray:
    """Push in proportion to angle, position and speeds: a proportional-derivative controller."""
    position, angle, speed, turning = observation
    return np.array([np.clip(20.0 * angle + 3.0 * turning + 0.5 * position + 1.0 * speed, -3.0, 3.0)], np.float32)


def reach(observation: np.ndarray) -> np.ndarray:
    """Turn the joints by the transposed Jacobian of the arm (links of 0.1 and 0.11 m), with damping."""
    cosines, sines, turning, offset = observation[0:2], observation[2:4], observation[6:8], observation[8:10]
    first, second = np.arctan2(sines, cosines)
    inner = 0.1 * np.array([-np.sin(first), np.cos(first)])
    outer = 0.11 * np.array([-np.sin(first + second), np.cos(first + second)])
    jacobian = np.stack([inner + outer, outer], axis=1)
    torques: np.ndarray = np.clip(-8.0 * jacobian.T @ offset - 0.03 * turning, -1.0, 1.0).astype(np.float32)
    return torques


def brake(observation: np.ndarray) -> int:
    """Always slow down."""
    del observation
    return 4  # SLOWER among highway-env's `DiscreteMetaAction`


def find_way(observation: np.ndarray) -> int:
    """Follow a shortest path, by A*."""
    from harness_control.lakes import next_step

    return next_step(observation)


def driving(environment: Any, infos: Sequence[Mapping[str, Any]]) -> Mapping[str, float]:
    """Return the mean speed in m/s, the distance in m, and whether there was a collision."""
    seconds = len(infos) / environment.unwrapped.config["policy_frequency"]
    speed = float(np.mean([info["speed"] for info in infos]))
    crashed = any(info["crashed"] for info in infos)
    return {"speed_m_per_s": speed, "distance_m": speed * seconds, "crashed": float(crashed)}


CART_POLE = World("CartPole-v1", balance)
CART_POLE_SOURCE = World("CartPole-v1", balance, physics={"gravity": 12.0, "length": 0.8})
"""Gravity in m/s² (by default 9.8) and half the pole's length in m (0.5)."""
LUNAR_LANDER = World("LunarLander-v3", land, baseline_episodes=100)
LUNAR_LANDER_SOURCE = World("LunarLander-v3", land, options={"gravity": -8.0}, baseline_episodes=100)
INVERTED_PENDULUM = World("InvertedPendulum-v5", hold_upright)
INVERTED_PENDULUM_SOURCE = replace(INVERTED_PENDULUM, physics={"model.opt.gravity": [0.0, 0.0, -13.0]})
"""In m/s² (by default -9.81)."""
REACHER = World("Reacher-v5", reach, view_axes=(0, 1))
REACHER_SOURCE = replace(REACHER, physics={"model.dof_damping": [2.0, 2.0, 0.0, 0.0]})
"""Twice the friction in the two joints; the other two degrees of freedom are the target's."""
FROZEN_LAKES = World("harness_control.lakes:FrozenLakes-v0", find_way, grid=True)
FROZEN_LAKES_SOURCE = replace(FROZEN_LAKES, options={"guided": True})


def _motorway(vehicles: int) -> World:
    traffic = {
        "vehicles_count": vehicles,
        "lanes_count": 3,
        "simulation_frequency": 5,  # Hz
        "duration": 20,  # s
        "offscreen_rendering": True,
    }
    return World(
        "highway_env:highway-fast-v0", brake, package="highway-env", extra_scores=driving, baseline_episodes=50,
        options={"config": traffic},
    )  # fmt: skip


HIGHWAY, HIGHWAY_SOURCE = _motorway(10), _motorway(5)
