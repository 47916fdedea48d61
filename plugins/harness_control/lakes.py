"""FrozenLake with a new map for each episode, which the agent observes: path planning, not one memorised path."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.toy_text.frozen_lake import FrozenLakeEnv, generate_random_map

SIDE = 8
LONGEST = 64
"""Most steps of an episode; among a thousand maps the longest shortest path has 24."""
MOVES = ((0, -1), (1, 0), (0, 1), (-1, 0))
"""Row and column of gymnasium's actions: left, down, right, up."""
AGENT, HOLE, GOAL = range(3)
Cell = tuple[int, int]


class FrozenLakes(gymnasium.Env[np.ndarray, int]):
    """Reach the goal without falling into a hole; the ice is not slippery.

    An observation is float32 [3, 8, 8]: planes that mark the agent, the holes and the goal. The reward is 1 at the
    goal; with `guided` also 0.05 for each step nearer to it, and -0.05 for each step away.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 4}  # noqa: RUF012 - gymnasium's convention

    def __init__(self, *, guided: bool = False, render_mode: str | None = None) -> None:
        """Make the spaces; `reset` makes a map."""
        self.observation_space = gymnasium.spaces.Box(0.0, 1.0, (3, SIDE, SIDE), np.float32)
        self.action_space = gymnasium.spaces.Discrete(len(MOVES))
        self.render_mode = render_mode
        self._guided = guided

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Generate a map that has a path."""
        super().reset(seed=seed, options=options)
        # p: the probability that a cell is frozen, gymnasium's default.
        rows = generate_random_map(SIDE, p=0.8, seed=int(self.np_random.integers(2**31)))
        self._lake = FrozenLakeEnv(render_mode=self.render_mode, desc=rows, is_slippery=False)
        self._state, info = self._lake.reset(seed=seed)
        self._planes = np.stack([self._lake.desc == mark for mark in (b"S", b"H", b"G")]).astype(np.float32)
        self._distances = distances(self._planes[HOLE]) if self._guided else None
        return self._observation(), info

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Move to the next cell in a direction; at the edge stay."""
        before = self._state
        self._state, reward, terminated, truncated, info = self._lake.step(int(action))
        total = float(reward)
        if self._distances is not None and not terminated:
            total += 0.05 * float(self._distances.flat[before] - self._distances.flat[self._state])
        return self._observation(), total, terminated, truncated, info

    def render(self) -> Any:
        """Return gymnasium's picture."""
        return self._lake.render()

    def _observation(self) -> np.ndarray:
        planes = self._planes.copy()
        planes[AGENT] = 0.0
        planes[AGENT].flat[self._state] = 1.0
        return planes


gymnasium.register("FrozenLakes-v0", entry_point=FrozenLakes, max_episode_steps=LONGEST)


def next_step(observation: np.ndarray) -> int:
    """Return the first move of a shortest path, by A* with the Manhattan distance.

    Raises:
        ValueError: there is no path.
    """
    planes = observation.reshape(3, SIDE, SIDE)
    (start, goal), holes = (_cell(planes[AGENT]), _cell(planes[GOAL])), planes[HOLE] > 0
    frontier: list[tuple[int, int, int, Cell]] = []  # estimated length, first move, steps so far, cell
    costs = {start: 0}
    for move, cell in _neighbours(start, holes):
        costs[cell] = 1
        heapq.heappush(frontier, (1 + _manhattan(cell, goal), move, 1, cell))
    while frontier:
        _, first, steps, cell = heapq.heappop(frontier)
        if cell == goal:
            return first
        for _, following in _neighbours(cell, holes):
            if steps + 1 < costs.get(following, LONGEST):
                costs[following] = steps + 1
                heapq.heappush(frontier, (steps + 1 + _manhattan(following, goal), first, steps + 1, following))
    raise ValueError(f"No path leads from {start} to {goal}.")


def distances(holes: np.ndarray) -> np.ndarray:
    """Return the length of the shortest path from each cell to the last; infinite without a path."""
    lengths = np.full(holes.shape, np.inf)
    lengths[-1, -1] = 0.0
    queue = [(SIDE - 1, SIDE - 1)]
    for cell in queue:  # breadth-first: the list grows during the loop
        for _, following in _neighbours(cell, holes > 0):
            if lengths[following] > lengths[cell] + 1:
                lengths[following] = lengths[cell] + 1
                queue.append(following)
    return lengths


def _cell(plane: np.ndarray) -> Cell:
    row, column = np.unravel_index(int(plane.argmax()), plane.shape)
    return int(row), int(column)


def _manhattan(one: Cell, other: Cell) -> int:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])


def _neighbours(cell: Cell, holes: np.ndarray) -> Iterator[tuple[int, Cell]]:
    for move, (down, right) in enumerate(MOVES):
        row, column = cell[0] + down, cell[1] + right
        if 0 <= row < SIDE and 0 <= column < SIDE and not holes[row, column]:
            yield move, (row, column)
