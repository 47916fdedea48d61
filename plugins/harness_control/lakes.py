"""FrozenLake with a new map for each episode, and the map in sight: path planning instead of remembering one path."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.toy_text.frozen_lake import FrozenLakeEnv, generate_random_map

SIDE = 8
LONGEST = 64
"""Steps of an episode; the longest of the shortest paths of a thousand maps has 24."""
MOVES = ((0, -1), (1, 0), (0, 1), (-1, 0))
"""Row and column of gymnasium's actions: left, down, right, up."""
AGENT, HOLE, GOAL = range(3)
Cell = tuple[int, int]


class FrozenLakes(gymnasium.Env[np.ndarray, int]):
    """Cross ice that does not slip, to the goal and into no hole.

    An observation is float32 [3, 8, 8]: 1 where the agent is, where holes are, where the goal is. The reward is 1 at
    the goal; with `guided`, also a 20th for each step nearer to it, and minus that for each step away.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 4}  # noqa: RUF012 - gymnasium's own way

    def __init__(self, *, guided: bool = False, render_mode: str | None = None) -> None:
        """Make the spaces; the first map comes with the first reset."""
        self.observation_space = gymnasium.spaces.Box(0.0, 1.0, (3, SIDE, SIDE), np.float32)
        self.action_space = gymnasium.spaces.Discrete(len(MOVES))
        self.render_mode = render_mode
        self._guided = guided

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Draw a map that has a path."""
        super().reset(seed=seed, options=options)
        drawn = generate_random_map(SIDE, p=0.8, seed=int(self.np_random.integers(2**31)))
        self._lake = FrozenLakeEnv(render_mode=self.render_mode, desc=drawn, is_slippery=False)
        self._state, info = self._lake.reset(seed=seed)
        self._planes = np.stack([self._lake.desc == mark for mark in (b"S", b"H", b"G")]).astype(np.float32)
        self._away = distances(self._planes[HOLE]) if self._guided else None
        return self._observation(), info

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Go a cell, if there is one in that direction."""
        before = self._state
        self._state, reward, terminated, truncated, info = self._lake.step(int(action))
        gain = float(reward)
        if self._away is not None and not terminated:
            gain += 0.05 * float(self._away.flat[before] - self._away.flat[self._state])
        return self._observation(), gain, terminated, truncated, info

    def render(self) -> Any:
        """Return the picture that gymnasium draws."""
        return self._lake.render()

    def _observation(self) -> np.ndarray:
        planes = self._planes.copy()
        planes[AGENT] = 0.0
        planes[AGENT].flat[self._state] = 1.0
        return planes


gymnasium.register("FrozenLakes-v0", entry_point=FrozenLakes, max_episode_steps=LONGEST)


def next_step(observation: np.ndarray) -> int:
    """Return the first move of a shortest path, found by A* with the distance along rows and columns.

    Raises:
        ValueError: there is no path.
    """
    planes = observation.reshape(3, SIDE, SIDE)
    (start, goal), holes = (_cell(planes[AGENT]), _cell(planes[GOAL])), planes[HOLE] > 0
    frontier: list[tuple[int, int, int, Cell]] = []
    known = {start: 0}
    for move, cell in _neighbours(start, holes):
        known[cell] = 1
        heapq.heappush(frontier, (1 + _apart(cell, goal), move, 1, cell))
    while frontier:
        _, first, walked, cell = heapq.heappop(frontier)
        if cell == goal:
            return first
        for _, following in _neighbours(cell, holes):
            if walked + 1 < known.get(following, LONGEST):
                known[following] = walked + 1
                heapq.heappush(frontier, (walked + 1 + _apart(following, goal), first, walked + 1, following))
    raise ValueError(f"No path leads from {start} to {goal}.")


def distances(holes: np.ndarray) -> np.ndarray:
    """Return the length of the shortest path from each cell to the last; infinite in holes and where there is none."""
    away = np.full(holes.shape, np.inf)
    away[-1, -1] = 0.0
    edge = [(SIDE - 1, SIDE - 1)]
    for cell in edge:  # grows while it is walked
        for _, following in _neighbours(cell, holes > 0):
            if away[following] > away[cell] + 1:
                away[following] = away[cell] + 1
                edge.append(following)
    return away


def _cell(plane: np.ndarray) -> Cell:
    row, column = np.unravel_index(int(plane.argmax()), plane.shape)
    return int(row), int(column)


def _apart(one: Cell, other: Cell) -> int:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])


def _neighbours(cell: Cell, holes: np.ndarray) -> Iterator[tuple[int, Cell]]:
    for move, (down, right) in enumerate(MOVES):
        row, column = cell[0] + down, cell[1] + right
        if 0 <= row < SIDE and 0 <= column < SIDE and not holes[row, column]:
            yield move, (row, column)
